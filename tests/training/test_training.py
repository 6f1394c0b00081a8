"""The training loop on problems that take no time: that it learns, stops, resumes and averages."""

import copy
import math
import time

import pytest
import torch
from tiny_sets import COLOURS, coloured
from torch import nn

from cnn_space.images.augmentation import draw_epoch
from cnn_space.images.image_set import ImageSet
from cnn_space.models.outputs import Outputs
from cnn_space.training import devices
from cnn_space.training.devices import find_device, good_at_bfloat16
from cnn_space.training.loop import Diverged, TrainingRun
from cnn_space.training.recipes import Recipe, recipe_for, small_sides

NUMBERS = {"mean": (0.5, 0.5, 0.5), "std": (0.3, 0.3, 0.3), "bfloat16": False}


def image_set(count=96, side=8, seed=0):
    images, labels = coloured(count, side, seed)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    return ImageSet(pixels, torch.from_numpy(labels), tuple(COLOURS), "coloured")


def small_net(dropout=0.0, norm=True):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8) if norm else nn.Identity(),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(8, 3),
    )


def small_recipe(**changes):
    return Recipe(**{"epochs": 4, "batch_size": 16, "lr": 0.1, "pad": 1} | changes)


def run(net=None, recipe=None, **options):
    learn = options.pop("train_set", None) or image_set()
    return TrainingRun(net or small_net(), learn, recipe or small_recipe(), **NUMBERS | options)


def same(one, other) -> bool:
    one, other = one.state_dict(), other.state_dict()
    return all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_it_learns_and_says_how(optimizer):
    recipe = small_recipe(optimizer=optimizer, lr=0.1 if optimizer == "sgd" else 0.02, epochs=6)
    training = run(recipe=recipe, val_set=image_set(30, seed=1))
    ends = [progress for progress in training if progress.epoch_ended]
    assert [progress.epoch for progress in ends] == [1, 2, 3, 4, 5, 6]
    assert ends[-1].val_accuracy > 95 and ends[-1].val_loss < ends[0].val_loss
    assert ends[-1].seconds_left == 0 < ends[0].seconds_left
    assert [row["val_accuracy"] for row in training.history] == [p.val_accuracy for p in ends]
    assert training.epoch == 6 and training.seconds > 0


def test_the_rate_climbs_in_a_line_and_falls_to_nothing():
    recipe = small_recipe(epochs=5, warmup=0.2)
    training = run(recipe=recipe)
    rates = []
    training.learner.optimizer.register_step_pre_hook(
        lambda optimizer, *_: rates.append(optimizer.param_groups[0]["lr"])
    )
    list(training)
    assert len(rates) == 30
    assert rates[:6] == pytest.approx([0.1 * (step + 1) / 6 for step in range(6)])
    assert rates[6:] == pytest.approx([0.1 * (30 - step) / 24 for step in range(6, 30)])


def test_groups_keep_their_own_peaks_and_frozen_layers_stay():
    net = small_net()
    net[0].weight.requires_grad_(False)
    before = copy.deepcopy(net)
    groups = [{"params": net[0].parameters(), "lr": 0.01}, {"params": net[-1].parameters()}]
    training = run(net, small_recipe(epochs=1, warmup=0.0), groups=groups)
    rates = []
    training.learner.optimizer.register_step_pre_hook(
        lambda optimizer, *_: rates.append([group["lr"] for group in optimizer.param_groups])
    )
    list(training)
    assert rates[0] == pytest.approx([0.01, 0.1])
    assert torch.equal(net[0].weight, before[0].weight)
    assert torch.equal(net[1].weight, before[1].weight)  # in no group
    assert not torch.equal(net[-1].weight, before[-1].weight)


def test_no_decay_on_norms_and_biases():
    training = run(recipe=small_recipe(weight_decay=0.5))
    decayed, spared = training.learner.optimizer.param_groups
    assert decayed["weight_decay"] == 0.5 and spared["weight_decay"] == 0
    assert {p.ndim for p in decayed["params"]} == {2, 4}
    assert {p.ndim for p in spared["params"]} == {1}


def test_one_step_is_nesterov_sgd():
    """Against PyTorch's own optimiser, driven by hand on the same features."""
    torch.manual_seed(0)
    features, labels = torch.randn(32, 5), torch.randint(0, 3, (32,))
    net = nn.Linear(5, 3)
    twin = copy.deepcopy(net)
    recipe = Recipe(epochs=3, batch_size=32, lr=0.5, warmup=0.0, weight_decay=0.0)
    list(TrainingRun(net, ImageSet(features, labels, ("a", "b", "c")), recipe, bfloat16=False))
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.5, momentum=0.9, nesterov=True)
    for epoch in range(3):
        optimizer.param_groups[0]["lr"] = 0.5 * (3 - epoch) / 3
        loss = nn.functional.cross_entropy(twin(features), labels, label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert torch.allclose(net.weight, twin.weight, atol=1e-6)


def test_auxiliary_heads_learn_too():
    class TwoHeads(nn.Module):
        aux_weight = 0.3

        def __init__(self):
            super().__init__()
            self.main, self.aux = nn.Linear(5, 3), nn.Linear(5, 3)

        def forward(self, x):
            return Outputs(self.main(x), self.aux(x)) if self.training else self.main(x)

    net = TwoHeads()
    before = net.aux.weight.clone()
    learn = ImageSet(torch.randn(32, 5), torch.randint(0, 3, (32,)), ("a", "b", "c"))
    list(TrainingRun(net, learn, Recipe(epochs=1, batch_size=16, lr=0.1, weight_decay=0)))
    assert not torch.equal(net.aux.weight, before)


def test_closing_stops_it():
    training = run()
    steps = iter(training)
    first = next(steps)
    steps.close()
    assert first.epoch == 1 == training.epoch and list(steps) == []


def test_the_time_allowed_ends_it_in_good_order():
    training = run(recipe=small_recipe(epochs=1000), seconds=0.3)
    records = list(training)
    assert training.out_of_time and 1 <= records[-1].epoch < 1000
    assert all(0 <= record.seconds_left <= 0.31 for record in records)


def test_a_run_that_is_done_when_the_time_is_over_was_not_cut_off():
    training = run(recipe=small_recipe(epochs=1), seconds=0.2)
    for progress in training:
        if progress.epoch_ended:
            time.sleep(0.3)
    assert training.epoch == 1 and not training.out_of_time


@pytest.mark.parametrize(("seconds", "fast"), [(0.1, True), (0.95, False), (1.7, False)])
def test_a_cpu_takes_bfloat16_only_where_it_is_faster(monkeypatch, seconds, fast):
    times = {torch.float32: 1.0, torch.bfloat16: seconds}
    monkeypatch.setattr(devices, "matmul_seconds", times.get)
    good_at_bfloat16.cache_clear()
    assert good_at_bfloat16(torch.device("cpu")) is fast
    assert not good_at_bfloat16(torch.device("mps"))  # which was not measured
    good_at_bfloat16.cache_clear()


def test_devices_are_found_or_named():
    assert find_device("cpu").type == "cpu"
    assert find_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
    for name in ("tpu", "cuda:99", "cpu 1", "meta", "hpu"):
        with pytest.raises(ValueError, match=f"no device '{name}' here"):
            find_device(name)


def test_a_loss_that_is_no_number_says_what_to_do():
    learn = ImageSet(torch.full((32, 5), math.inf), torch.zeros(32).long(), ("a", "b"))
    with pytest.raises(Diverged, match="lower learning rate"):
        list(TrainingRun(nn.Linear(5, 2), learn, Recipe(epochs=1, batch_size=16)))


def test_clipping_bounds_the_step():
    norms = []
    training = run(net=small_net(norm=False), recipe=small_recipe(clip=0.01))
    training.learner.optimizer.register_step_pre_hook(
        lambda *_: norms.append(
            torch.stack([p.grad.norm() for p in training.net.parameters()]).norm().item()
        )
    )
    list(training)
    assert max(norms) == pytest.approx(0.01, rel=1e-3)


def test_batch_norm_can_be_frozen():
    net = small_net()
    list(run(net, frozen_norms=True))
    assert torch.equal(net[1].running_mean, torch.zeros(8))
    assert not torch.equal(net[1].weight, torch.ones(8))


@pytest.mark.parametrize("changes", [{}, {"average": 0.9}, {"optimizer": "adamw", "lr": 0.01}])
def test_a_resumed_run_is_the_same_run(tmp_path, changes):
    recipe, options = small_recipe(**changes), {"val_set": image_set(30, seed=1)}
    path = tmp_path / "last.pt"
    whole = run(small_net(dropout=0.5), recipe, **options)
    list(whole)
    first = run(small_net(dropout=0.5), recipe, **options)
    for progress in first:
        if progress.epoch == 2 and progress.epoch_ended:
            first.save(path)
            break
    torch.manual_seed(99)
    second = run(small_net(dropout=0.5), recipe, **options)
    second.restore(path)
    # It keeps nothing of the file: neither what is written there now, nor a hold on it.
    path.write_bytes(bytes(path.stat().st_size))
    assert second.epoch == 2 and second.seconds == first.seconds
    list(second)
    assert same(whole.best_net(), second.best_net()) and same(whole.net, second.net)
    timeless = [
        [{k: v for k, v in row.items() if k != "images_per_s"} for row in one.history]
        for one in (whole, second)
    ]
    assert timeless[0] == timeless[1] and len(timeless[0]) == 4


@pytest.mark.parametrize(("wanted", "used"), [(None, False), (True, True)])
def test_a_resumed_run_keeps_its_precision_unless_told_otherwise(
    tmp_path, monkeypatch, wanted, used
):
    first = run()
    next(iter(first))
    first.save(tmp_path / "last.pt")
    # What is measured again on a less busy machine may come out otherwise.
    monkeypatch.setattr("cnn_space.training.loop.good_at_bfloat16", lambda device: True)
    second = run(bfloat16=wanted)
    assert second.learner.bfloat16
    second.restore(tmp_path / "last.pt")
    assert second.learner.bfloat16 is used


def test_features_are_taken_as_they_are():
    """However small they are beside the shifts of the images that they were computed from."""
    maps = ImageSet(torch.randn(6, 3, 2, 2), torch.tensor([0, 1, 2] * 2), ("a", "b", "c"))
    list(run(train_set=maps, recipe=small_recipe(pad=4, epochs=1)))
    with pytest.raises(ValueError, match="pad is 8"):
        run(recipe=small_recipe(pad=8))


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    path = tmp_path / "last.pt"
    first = run()
    next(iter(first))
    first.save(path)
    with pytest.raises(ValueError, match="another recipe"):
        run(recipe=small_recipe(lr=0.2)).restore(path)
    for other in (image_set(90), image_set(side=9)):
        with pytest.raises(ValueError, match="another images"):
            run(train_set=other).restore(path)
    with pytest.raises(ValueError, match="another holdout"):
        run(identity={"holdout": 5}).restore(path)
    wider = small_net()
    wider[0] = nn.Conv2d(3, 9, 3, padding=1)
    for other in (small_net(norm=False), wider):
        with pytest.raises(ValueError, match="another net"):
            run(other).restore(path)
    for damaged in (path.read_bytes()[:-9], b"", b"\0" * 100):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="no checkpoint"):
            run().restore(path)


def test_averaged_weights_and_their_own_statistics():
    training = run(recipe=small_recipe(average=0.8, crop="none", flip="none"))
    seen, expected = [], None
    training.learner.optimizer.register_step_post_hook(
        lambda *_: seen.append(training.net[-1].weight.detach().clone())
    )
    list(training)
    for weight in seen:
        expected = weight if expected is None else 0.8 * expected + 0.2 * weight
    kept = training.best_net()
    assert torch.allclose(kept[-1].weight, expected, atol=1e-6)
    # No random crops here: the statistics are those of the averaged first layer, batch by batch.
    order = draw_epoch(96, epoch=3, flip="none").order
    pixels = (training.train_set.images[order] / 255 - 0.5) / 0.3
    with torch.no_grad():
        maps = kept[0](pixels).unflatten(0, (6, 16))
    assert torch.allclose(kept[1].running_mean, maps.mean((0, 1, 3, 4)), atol=1e-4)
    assert torch.allclose(kept[1].running_var, maps.var((1, 3, 4)).mean(0), rtol=1e-3)


@pytest.mark.parametrize(
    ("small", "full", "sides"),
    [(0, 32, []), (24, 32, [24]), (16, 32, [16, 24]), (64, 128, [64, 96]), (128, 160, [128]),
     (32, 32, [])],
)  # fmt: skip
def test_sizes_grow_by_quarters(small, full, sides):
    assert list(small_sides(small, full)) == sides


def test_small_images_first():
    sides = []
    net = small_net()
    net.register_forward_pre_hook(lambda _, inputs: sides.append(inputs[0].shape[-1]))
    list(run(net, small_recipe(small_side=4, small_share=0.5)))
    assert sides == [4] * 6 + [6] * 6 + [8] * 12
    with pytest.raises(ValueError, match="the images have 8 pixels"):
        run(recipe=small_recipe(small_side=9))


def test_recipes():
    assert recipe_for("resnet18", "cifar10").cutout == 8
    photos = recipe_for("resnet18", "imagenette")
    assert photos.crop == "resized" and photos.lr == pytest.approx(0.4 * 128 / 512)
    assert recipe_for("resnet18", "imagenette", lr=0.3, epochs=2).lr == 0.3
    assert recipe_for("unheard-of", "something") == Recipe()
    with pytest.raises(ValueError, match="for sgd: give one for adamw"):
        recipe_for("resnet18", "cifar10", optimizer="adamw")
    for wrong in (
        {"small_share": 60},
        {"epochs": 0},
        {"lr": 0},
        {"warmup": 1.0},
        {"crop": "x"},
        {"optimizer": "x"},
    ):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Recipe(**wrong)

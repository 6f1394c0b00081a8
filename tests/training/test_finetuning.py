"""Fine-tuning in stages: what learns, what stays, what is kept, and that it lets go of the rest."""

import gc
import json
import math
import weakref
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from throwaway import write_weights
from tiny_sets import stripes

from cnn_space import weights
from cnn_space.images.image_set import ImageSet
from cnn_space.images.preprocessing import Preprocessing, prepare
from cnn_space.inference import classification
from cnn_space.models.heads import is_auxiliary
from cnn_space.models.registry import create_model
from cnn_space.training import finetuning
from cnn_space.training.finetuning import Report, Run, features, pace
from cnn_space.training.finetuning.groups import layer_groups
from cnn_space.training.recipes import PRESETS, Plan

QUICK = Plan(head_epochs=6, top_epochs=2, epochs=1, batch_size=16, cross_validate="off")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("weights")


def base(folder, arch="lenet5", **options):
    """A net with random weights, as ``load`` gives it."""
    path, _ = write_weights(folder, f"{arch}.cifar10", arch, **options)
    return weights.load(path.with_suffix(".safetensors"))


def run_to_end(run):
    return [update for update in run]


# What is split and scaled


def test_every_class_is_on_both_sides_of_the_split():
    labels = torch.tensor([0] * 50 + [1] * 2 + [2] * 7)
    images = ImageSet(torch.arange(59).view(-1, 1, 1, 1), labels, ("a", "b", "c"))
    learn, check = finetuning.split(images, 0.2, seed=3)
    assert torch.bincount(check.labels).tolist() == [10, 1, 1]
    assert torch.bincount(learn.labels).tolist() == [40, 1, 6]
    together = torch.cat([learn.images, check.images]).flatten()
    assert sorted(together.tolist()) == list(range(59))
    again = finetuning.split(images, 0.2, seed=3)[1]
    other = finetuning.split(images, 0.2, seed=4)[1]
    assert torch.equal(check.images, again.images) and not torch.equal(check.images, other.images)
    with pytest.raises(ValueError, match="'b' has 1 images"):
        finetuning.split(images.subset(torch.arange(51)), 0.2)


def test_a_given_split_is_the_one_that_is_judged_on(folder):
    """Whatever share of the images would be drawn."""
    images = stripes(count=10, side=32)
    given = torch.zeros(30, dtype=torch.bool)
    given[[0, 3, 7, 8]] = True
    learn, check = finetuning.split(replace(images, held_out=given), 0.5)
    assert torch.equal(check.images, images.images[given]) and len(learn) == 26
    run = Run(base(folder), replace(images, held_out=given), QUICK.changed(epochs=0))
    run_to_end(run)
    assert run.result().report.targets == tuple(images.labels[given].tolist())


def test_images_are_scaled_as_classification_does():
    images = stripes(2, side=50)
    shape = Preprocessing(resize=40, size=32)
    small = finetuning.scaled(images, shape)
    for i in range(len(images)):
        picture = Image.fromarray(images.images[i].permute(1, 2, 0).numpy())
        _, seen = prepare(picture, shape)
        np.testing.assert_array_equal(small.images[i].permute(1, 2, 0).numpy(), np.asarray(seen))


def test_what_is_left_of_steps_follows_from_those_done(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(pace.time, "perf_counter", lambda: now[0])
    steps = pace.Pace(10)
    assert math.isnan(steps.update("features", 0).seconds_left)
    now[0] += 3
    update = steps.update("features", 4)
    assert (update.phase, update.step, update.steps) == ("features", 4, 10)
    assert update.seconds_left == pytest.approx(3 / 4 * 6)
    assert steps.is_due() and not steps.is_due()
    now[0] += pace.OFTEN
    assert steps.is_due()


def test_preparing_and_features_say_what_is_left(folder, monkeypatch):
    monkeypatch.setattr(pace, "OFTEN", 0)
    run = Run(base(folder), stripes(count=80), Plan(head_epochs=1, top_epochs=0, epochs=0))
    updates = [u for u in run_to_end(run) if u.phase in ("preparing", "features")]
    for phase in ("preparing", "features"):
        told = [u for u in updates if u.phase == phase and u.steps]
        assert [u.step for u in told] == sorted(u.step for u in told) and len(told) > 1
        assert told[-1].step == told[-1].steps and told[-1].seconds_left == 0
        assert all(u.seconds_left > 0 for u in told[:-1])


def test_the_preview_shows_the_scaled_image_or_its_shift():
    images, shape = stripes(2, side=50), Preprocessing(resize=32, size=32)
    plain = finetuning.scaled(images, shape).images.permute(0, 2, 3, 1).numpy()
    np.testing.assert_array_equal(np.stack(finetuning.preview(images, shape, "none")), plain)
    shifted = np.stack(finetuning.preview(images, shape, "shift"))
    assert shifted.shape == plain.shape and not np.array_equal(shifted, plain)
    inner = shifted[0][8:24, 8:24]  # somewhere within four pixels lies the same piece
    assert any(
        np.array_equal(inner, plain[0][8 + dy : 24 + dy, 8 + dx : 24 + dx])
        for dy in range(-4, 5)
        for dx in range(-4, 5)
    )


# What learns, and how fast


def test_rates_rise_from_the_lowest_layers_to_the_head():
    net = create_model("googlenet", 10, small_input=True, aux=True)
    groups = layer_groups(net, 0.1, 0.01, 5e-4)
    rate = {p: group["lr"] for group in groups for p in group["params"]}
    decay = {p: group["weight_decay"] for group in groups for p in group["params"]}
    assert sum(len(group["params"]) for group in groups) == len(rate) == len([*net.parameters()])
    order = [rate[p] for p in net.conv1.parameters()] + [rate[net.inception4a.branch1.conv.weight]]
    order += [rate[net.inception5b.branch1.conv.weight], rate[net.fc.weight]]
    assert order == sorted(order)
    assert rate[net.conv1.conv.weight] == pytest.approx(0.001)
    assert rate[net.fc.weight] == 0.1
    assert decay[net.fc.weight] == 5e-4
    assert decay[net.fc.bias] == decay[net.conv1.bn.weight] == 0


@pytest.mark.parametrize("arch", ["googlenet", "inception_v3"])
def test_auxiliary_heads_learn_like_the_head_and_are_told_from_the_rest(arch):
    with torch.device("meta"):
        net = create_model(arch, 10, aux=True)
    groups = layer_groups(net, 0.1, 0.01, 5e-4)
    rate = {p: group["lr"] for group in groups for p in group["params"]}
    named = dict(net.named_parameters())
    kept = [name for name in net.state_dict() if not is_auxiliary(name)]
    net.set_aux(None)
    assert kept == list(net.state_dict())
    auxiliary = named.keys() - dict(net.named_parameters()).keys()
    assert auxiliary and {rate[named[name]] for name in auxiliary} == {0.1}


def test_the_body_sees_every_image_once_in_the_head_stage(folder, monkeypatch):
    loaded = base(folder)
    before = {k: v.clone() for k, v in loaded.net.state_dict().items()}
    seen = []
    net_class = type(loaded.net)
    forward = net_class.forward_features

    def counted(self, x):
        if not x.is_meta:
            seen.append(len(x))
        return forward(self, x)

    monkeypatch.setattr(net_class, "forward_features", counted)
    run = Run(loaded, stripes(), QUICK.changed(top_epochs=0, epochs=0))
    run_to_end(run)
    assert sum(seen) == 72
    after = run.result().loaded.net.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    head = loaded.net.head_layer
    assert changed == {f"{head}.weight", f"{head}.bias"}


def test_mirroring_doubles_the_features(folder, monkeypatch):
    seen = []
    loaded = base(folder)
    forward = type(loaded.net).forward_features

    def counted(self, x):
        if not x.is_meta:
            seen.append(len(x))
        return forward(self, x)

    monkeypatch.setattr(type(loaded.net), "forward_features", counted)
    run_to_end(Run(loaded, stripes(), QUICK.changed(top_epochs=0, epochs=0, augment="mirror")))
    train, held = 72 - 15, 15
    assert sum(seen) == 2 * train + held


def test_the_last_stage_learns_on_what_enters_it(folder, monkeypatch):
    loaded = base(folder, "resnet18", small_input=True)
    before = {k: v.clone() for k, v in loaded.net.state_dict().items()}
    seen = []
    first = loaded.net.conv1
    forward = type(first).forward

    def counted(self, x):
        if self.in_channels == 3 and not x.is_meta:
            seen.append(len(x))
        return forward(self, x)

    monkeypatch.setattr(type(first), "forward", counted)
    run = Run(loaded, stripes(8), QUICK.changed(top_epochs=3, epochs=0, frozen_norm=False))
    run_to_end(run)
    assert sum(seen) == 24  # every image once, for features and maps together
    assert [p.stage for p in run.history if p.part == "validation"] == ["head"] * 6 + ["top"] * 3
    # Every parameter and statistic of the last stage has moved, nothing below it.
    net = loaded.net  # it learned in place, and was not reset to the best epoch
    moved = {k for k, v in net.state_dict().items() if not torch.equal(v, before.get(k))}
    assert moved == {k for k in before if k.startswith(("layer4.", "fc."))}


def test_maps_that_are_too_much_to_keep_are_not_kept(folder, monkeypatch):
    # 57 maps to learn from, in bfloat16 at the least, and 15 to check on: a byte too much.
    monkeypatch.setattr(features, "MAPS_BYTES", (57 * 2 + 15 * 4) * 6 * 14 * 14 - 1)
    run = Run(base(folder), stripes(), QUICK)
    phases = [update.phase for update in run]
    assert "top" not in phases and phases[-1] == "all"
    assert run.result().report.plan.top_epochs == 0


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_batch_norm_keeps_its_statistics(folder, frozen):
    loaded = base(folder, "resnet18", small_input=True)
    before = loaded.net.layer1[0].bn1.running_mean.clone()
    net = loaded.net
    run_to_end(Run(loaded, stripes(4), QUICK.changed(head_epochs=1, frozen_norm=frozen)))
    assert torch.equal(net.layer1[0].bn1.running_mean, before) == frozen


def test_googlenet_with_fresh_auxiliary_heads(folder, monkeypatch):
    from cnn_space.training import learner

    weights_seen = []
    loss = learner.training_loss
    monkeypatch.setattr(
        learner,
        "training_loss",
        lambda outputs, target, **options: (
            weights_seen.append((type(outputs).__name__, options["aux_weight"]))
            or loss(outputs, target, **options)
        ),
    )
    loaded = base(folder, "googlenet", small_input=True, aux=False)
    run = Run(loaded, stripes(3), QUICK.changed(head_epochs=1, batch_size=6, aux=True))
    run_to_end(run)
    assert ("Outputs", 0.3) in weights_seen
    result = run.result()
    assert result.loaded.record.options["aux"] is False
    path, _ = finetuning.save(result, folder)
    assert weights.load(path).record.num_classes == 3
    with pytest.raises(ValueError, match="no auxiliary heads"):
        Run(base(folder), stripes(), QUICK.changed(aux=True))


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_it_learns(folder, optimizer):
    plan = Plan(head_epochs=10, top_epochs=6, epochs=6, batch_size=16, optimizer=optimizer)
    run = Run(base(folder), stripes(40), plan)
    updates = run_to_end(run)
    report = run.result().report
    assert report.ended == "finished" and report.after >= 90 > 70 > report.before
    phases = list(dict.fromkeys(update.phase for update in updates))
    assert phases == ["preparing", "features", "head", "top", "all"]
    stages = [point.stage for point in report.history if point.part == "validation"]
    assert stages == ["head"] * 10 + ["top"] * 6 + ["all"] * 6


# What is told and kept


def test_the_report_agrees_with_the_net_that_is_taken_home(folder, tmp_path):
    images = stripes(40)
    images = replace(images, labels=torch.where(torch.rand(120) < 0.2, 0, images.labels))
    run = Run(base(folder), images, QUICK)
    run_to_end(run)
    result = run.result()
    report = result.report
    path, card_path = finetuning.save(result, tmp_path)
    # The net in memory has the card that its file will have, and about its size.
    own, card = result.loaded.record, weights.card.read(card_path)
    kept = own.read_card()
    assert [kept.history, kept.per_class, kept.confusion] == [
        card.history, card.per_class, card.confusion,
    ]  # fmt: skip
    assert len(kept.history) > 1 and kept.accuracy == card.accuracy
    assert own.bytes == pytest.approx(path.stat().st_size, rel=0.02)
    home = weights.load(path)
    answers = []
    for image in result.checked.images:
        picture = Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())
        best = classification.answer(picture, home).predictions[0]
        answers.append(best.label)
        sure = report.confidences[len(answers) - 1]
        assert best.probability == pytest.approx(sure, abs=1e-3)
    truth = [report.classes[label] for label in result.checked.labels.tolist()]
    right = sum(a == b for a, b in zip(answers, truth, strict=True))
    assert report.after == pytest.approx(100 * right / len(truth))
    for t, true in enumerate(report.classes):
        for a, answer in enumerate(report.classes):
            pairs = list(zip(truth, answers, strict=True))
            assert report.confusion[t][a] == pairs.count((true, answer))
    wrong = [i for i, (a, b) in enumerate(zip(answers, truth, strict=True)) if a != b]
    assert sorted(report.mistakes) == wrong
    sure = [report.confidences[i] for i in report.mistakes]
    assert sure == sorted(sure, reverse=True)
    counts = {label: truth.count(label) for label in report.classes}
    name, share = report.majority
    assert name == "a" and share == pytest.approx(100 * counts["a"] / len(truth))
    card = json.loads(card_path.read_text())
    assert home.record.accuracy == card["accuracy"] == round(report.after, 2)
    assert home.record.labels == report.classes and home.record.name == "lenet5.bars"
    assert Report.from_json(json.loads(json.dumps(report.to_json()))) == report


def test_the_net_kept_is_the_best_one(folder):
    run = Run(base(folder), stripes(), Plan(head_epochs=12, epochs=3, batch_size=16))
    run_to_end(run)
    report = run.result().report
    checks = [p.accuracy for p in report.history if p.part == "validation"]
    assert report.after == pytest.approx(max(checks), abs=1e-4)


def test_a_loss_that_is_no_number_keeps_what_was_good(folder):
    loaded = base(folder)
    net = loaded.net  # the one that learns
    run = Run(loaded, stripes(), Plan(head_epochs=4, epochs=20, batch_size=16))
    phases = []
    for update in run:
        if update.phase == "all" and "all" not in phases:
            next(net.parameters()).data.fill_(math.nan)
        phases.append(update.phase)
    report = run.result().report
    assert report.ended == "not_a_number" and phases.count("all") < 20
    assert all(math.isfinite(point.loss) for point in report.history)
    state = run.result().loaded.net.state_dict()
    assert all(torch.isfinite(value).all() for value in state.values())


def test_time_is_up(folder):
    run = Run(base(folder), stripes(), Plan(head_epochs=200, epochs=200), seconds=2)
    run_to_end(run)
    assert run.has_best and run.result().report.ended == "time"
    early = Run(base(folder), stripes(), QUICK, seconds=0)
    run_to_end(early)
    assert not early.has_best and early.ended == "time"
    with pytest.raises(ValueError, match="no net to keep"):
        early.result()


def test_closing_the_run_keeps_the_best_net_and_lets_go_of_the_rest(folder):
    loaded = base(folder)
    net, images = weakref.ref(loaded.net), stripes()
    held = weakref.ref(images)
    run = Run(loaded, images, Plan(head_epochs=5, epochs=100))
    del loaded, images
    updates = iter(run)
    for update in updates:
        if update.phase == "all":
            break
    updates.close()
    gc.collect()
    assert net() is None and held() is None
    assert run.result().report.ended == "stopped"


def test_the_same_seed_gives_the_same_net(folder):
    def train(seed):
        run = Run(base(folder), stripes(), QUICK.changed(seed=seed))
        run_to_end(run)
        return run.result().loaded.net.state_dict()

    first, again, other = train(1), train(1), train(2)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize(
    "change",
    [{"epochs": -1}, {"head_epochs": 0}, {"lr": -1}, {"lower": 0}, {"holdout": 0.9},
     {"augment": "twirl"}, {"optimizer": "lion"}, {"batch_size": 1}],
)  # fmt: skip
def test_a_plan_out_of_range_says_so(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        Plan(**change)


def test_presets_are_plans():
    for changes in PRESETS.values():
        Plan(**changes)


def test_what_is_taught_is_named_by_its_weights():
    """Two of one architecture have two names."""
    base = SimpleNamespace(name="vgg16_bn.tv_in1k", arch="vgg16")
    assert finetuning.result_name(base, stripes(1)) == "vgg16_bn.bars"

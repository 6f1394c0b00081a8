"""Few images: all are learnt from, and each is judged by a net that did not learn from it."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from throwaway import write_weights
from tiny_sets import stripes

from cnn_space import weights
from cnn_space.images.image_set import ImageSet
from cnn_space.training import finetuning
from cnn_space.training.evaluation import predict
from cnn_space.training.finetuning import Run, features
from cnn_space.training.finetuning.cross_validated import CrossValidated
from cnn_space.training.finetuning.folds import draw_folds
from cnn_space.training.finetuning.regression import pooled, regression
from cnn_space.training.recipes import Plan

QUICK = Plan(top_epochs=3, epochs=1, batch_size=16)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path, _ = write_weights(tmp_path_factory.mktemp("weights"), "lenet5.cifar10", "lenet5")
    return path.with_suffix(".safetensors")


def labelled(*counts, **fields):
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    names = tuple("abcdef"[: len(counts)])
    return ImageSet(torch.zeros(len(labels), 3, 8, 8, dtype=torch.uint8), labels, names, **fields)


# Who is judged in which fold


def test_every_class_is_spread_over_the_folds():
    images = labelled(19, 10, 7)
    folds = draw_folds(images, Plan())
    assert set(folds.tolist()) == set(range(5))
    for label, count in enumerate(images.counts):
        in_each = torch.bincount(folds[images.labels == label], minlength=5)
        assert in_each.max() - in_each.min() <= 1 and in_each.sum() == count
    assert torch.equal(folds, draw_folds(images, Plan()))
    assert not torch.equal(folds, draw_folds(images, Plan(seed=1)))
    assert int(draw_folds(labelled(3, 30), Plan()).max()) + 1 == 3  # as many as the class allows


def test_copies_are_in_one_fold():
    images = labelled(12, 12)
    alike = torch.arange(24)
    alike[:4], alike[12:15] = 0, 12
    folds = draw_folds(replace(images, look_alikes=alike), Plan())
    assert len(set(folds[:4].tolist())) == 1 and len(set(folds[12:15].tolist())) == 1


@pytest.mark.parametrize(
    "images, choice",
    [
        (labelled(20, 20), "auto"),  # a fifth of 20 says enough
        (labelled(10, 391), "auto"),  # too many to learn five times more
        (labelled(10, 10), "off"),
        (labelled(10, 10, held_out=torch.arange(20) % 5 == 0), "on"),  # a given split stays
        (labelled(4, 10, look_alikes=torch.tensor([0] * 4 + [*range(4, 14)])), "on"),
    ],
)
def test_where_images_are_held_out_instead(images, choice):
    assert draw_folds(images, Plan(cross_validate=choice)) is None


def test_it_can_be_asked_for():
    assert draw_folds(labelled(200, 250), Plan(cross_validate="on")) is not None


# The regression


@pytest.mark.parametrize("classes", [2, 3])
def test_the_layer_is_scikit_learns_regression(classes):
    draw = np.random.default_rng(0)
    features = draw.normal(size=(30, 8)).astype(np.float32)
    labels = np.arange(30) % classes
    features[np.arange(30), labels] += 1
    layer = regression(torch.from_numpy(features), torch.from_numpy(labels), 0.5)
    expected = LogisticRegression(C=0.5, max_iter=1000).fit(features, labels)
    given = layer(torch.from_numpy(features)).softmax(1).numpy()
    np.testing.assert_allclose(given, expected.predict_proba(features), atol=1e-5)


def test_for_maps_layer_and_mean_change_places():
    maps = torch.rand(5, 4, 3, 3)
    layer = torch.nn.Linear(4, 2)
    on_maps = torch.nn.functional.conv2d(maps, layer.weight[..., None, None], layer.bias)
    assert torch.allclose(layer(pooled(maps)), on_maps.mean((2, 3)), atol=1e-6)


# The run


def test_each_image_is_judged_by_a_net_that_did_not_learn_from_it(file):
    """Labels at random cannot be told by such a net, though they can be learnt."""
    draw = np.random.default_rng(3)
    pixels = torch.from_numpy(draw.integers(0, 256, (38, 3, 32, 32), dtype=np.uint8))
    images = ImageSet(pixels, torch.arange(38) % 2, ("a", "b"), "Noise")
    run = Run(weights.load(file), images, Plan(top_epochs=0, epochs=0))
    list(run)
    result = run.result()
    report = result.report
    assert report.folds == 5 and report.targets == tuple(images.labels.tolist())
    assert report.train_counts == (19, 19) and len(result.checked) == report.images == 38
    # By hand: the answers of a regression on the features, a fold at a time.
    net = weights.load(file).net.eval()
    shape = result.loaded.record.preprocessing
    inputs = (pixels / 255 - torch.tensor(shape.mean).view(3, 1, 1)) / torch.tensor(shape.std).view(
        3, 1, 1
    )
    with torch.no_grad():
        features = net.forward_features(inputs).numpy()
    folds, labels = draw_folds(images, Plan()).numpy(), images.labels.numpy()
    found = []
    for strength in (0.01, 0.1, 1.0, 10.0):
        answers = np.empty(38, int)
        for fold in range(5):
            rest = folds != fold
            model = LogisticRegression(C=strength, max_iter=1000)
            answers[~rest] = model.fit(features[rest], labels[rest]).predict(features[~rest])
        found.append(100 * (answers == labels).mean())
    assert report.after == pytest.approx(max(found)) and report.after < 70
    # The net that is kept has learnt from them all.
    learnt = predict(result.loaded.net, images, mean=shape.mean, std=shape.std).argmax(1)
    assert 100 * (learnt == images.labels).float().mean() > report.after + 5


def test_a_stage_that_does_not_pay_is_left_out(file, monkeypatch):
    """The net is never judged worse than by its best stage, and is that stage's."""

    def spoilt(self, *args):
        yield from teach(self, *args)
        self._net.get_submodule(self._net.head_layer).weight.data.zero_()

    teach = CrossValidated._round
    reports = {}
    for name, patch in (("good", teach), ("spoilt", spoilt)):
        monkeypatch.setattr(CrossValidated, "_round", patch)
        run = Run(weights.load(file), stripes(12), QUICK)
        list(run)
        reports[name] = run.result().report
    checks = {p.stage: p.accuracy for p in reports["spoilt"].history if p.part == "validation"}
    assert reports["spoilt"].best[0] == "head" and checks.keys() == {"head", "top", "all"}
    assert reports["spoilt"].after == checks["head"] > max(checks["top"], checks["all"])
    best = [p.accuracy for p in reports["good"].history if p.part == "validation"]
    assert reports["good"].after == max(best) >= reports["good"].head


def test_rounds_are_counted_and_the_card_says_how_it_was_judged(file, tmp_path):
    images = stripes(12)
    run = Run(weights.load(file), replace(images, labels=images.labels.roll(1)), QUICK)
    updates = list(run)
    tops = [update for update in updates if update.phase == "top"]
    assert {update.rounds for update in tops} == {6}
    rounds = [update.round for update in tops]
    assert rounds == sorted(rounds) and set(rounds) >= {1, 2, 3, 4, 5}
    assert all(math.isfinite(update.seconds_left) for update in tops)
    path, card = finetuning.save(run.result(), tmp_path)
    data = json.loads(card.read_text())["data"]
    assert data["eval_split"] == "cross-validated" and data["eval_images"] == 36
    assert data["train_images"] == 36 and data["holdout_images"] == 0
    assert weights.load(path).record.accuracy == round(run.result().report.after, 2)


def test_the_time_is_up_in_the_middle_of_the_rounds(file):
    run = Run(weights.load(file), stripes(12), QUICK)
    for update in run:
        if (update.phase, update.round) == ("top", 2):
            run._course._deadline = 0  # it was long ago
    report = run.result().report
    assert report.ended == "time" and report.best[0] == "head" and report.folds == 5


@pytest.mark.parametrize("augment", ["none", "mirror"])
def test_two_images_a_class_are_enough(file, augment):
    images = stripes(2)
    run = Run(weights.load(file), images, Plan(top_epochs=2, epochs=1, augment=augment))
    list(run)
    report = run.result().report
    assert report.folds == 2 and len(report.targets) == 6 and report.ended == "finished"
    assert {point.stage for point in report.history} == {"head", "top", "all"}


def test_maps_that_are_too_much_to_keep_leave_the_last_stage_out(file, monkeypatch):
    monkeypatch.setattr(features, "MAPS_BYTES", 0)
    run = Run(weights.load(file), stripes(6), QUICK)
    assert {update.phase for update in run} == {"preparing", "features", "head", "all"}
    assert run.result().report.plan.top_epochs == 0


@pytest.mark.parametrize("arch", ["nin", "googlenet"])
def test_a_head_of_maps_and_auxiliary_heads(tmp_path, arch):
    options = {"small_input": True, "aux": False} if arch == "googlenet" else {}
    path, _ = write_weights(tmp_path, f"{arch}.cifar10", arch, **options)
    loaded = weights.load(path.with_suffix(".safetensors"))
    plan = Plan(top_epochs=1, epochs=1, aux=arch == "googlenet")
    run = Run(loaded, stripes(2), plan)
    list(run)
    result = run.result()
    shape = result.loaded.record.preprocessing
    assert result.report.head is not None
    logits = predict(result.loaded.net, result.checked, mean=shape.mean, std=shape.std)
    assert logits.shape == (6, 3) and torch.isfinite(logits).all()

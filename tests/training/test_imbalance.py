"""Classes of very different sizes: what they weigh, in the loss and in the choice of a net."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from throwaway import write_weights

from cnn_space import weights
from cnn_space.images.image_set import ImageSet
from cnn_space.models.outputs import training_loss
from cnn_space.training.evaluation import loss_and_accuracy
from cnn_space.training.finetuning import Run
from cnn_space.training.finetuning.imbalance import class_weights
from cnn_space.training.recipes import Plan


@pytest.mark.parametrize(
    "choice, counts, expected",
    [
        ("auto", [300, 6], [306 / 600, 306 / 12]),  # above 5 to 1
        ("auto", [10, 2], None),  # not above
        ("on", [10, 2], [12 / 20, 12 / 4]),
        ("off", [300, 6], None),
    ],
)
def test_a_class_weighs_more_the_rarer_it_is(choice, counts, expected):
    given = class_weights(Plan(class_weights=choice), counts)
    assert given is None if expected is None else given.tolist() == pytest.approx(expected)
    if given is not None:  # all classes count alike, and the mean over the images is 1
        total = given * torch.tensor(counts)
        assert total.tolist() == pytest.approx([sum(counts) / 2] * 2)


def test_the_loss_counts_an_image_as_often_as_its_class_weighs():
    """By hand: with even logits each image's cross-entropy is log 2."""
    logits, labels = torch.zeros(4, 2), torch.tensor([0, 0, 0, 1])
    weights = torch.tensor([0.5, 3.0])
    loss = training_loss(logits, labels, aux_weight=0, class_weights=weights)
    assert loss.item() == pytest.approx(np.log(2) * (3 * 0.5 + 3.0) / 4)
    # Of a batch without the rare class nothing is scaled up again.
    common = training_loss(logits[:3], labels[:3], aux_weight=0, class_weights=weights)
    assert common.item() == pytest.approx(np.log(2) / 2)
    sure = torch.tensor([[9.0, 0.0]] * 4)  # always the common class
    assert loss_and_accuracy(sure, labels)[1] == 75
    assert loss_and_accuracy(sure, labels, torch.tensor([2 / 3, 2.0]))[1] == pytest.approx(50)


def faint_bars(common: int, rare: int, seed: int) -> ImageSet:
    """Noise with a bar of light at the left or at the right."""
    labels = np.repeat([0, 1], [common, rare])
    pixels = np.random.default_rng(seed).integers(0, 200, (len(labels), 3, 32, 32))
    for image, label in zip(pixels, labels, strict=True):
        image[:, :, 16 * label : 16 * label + 16] += 50
    held = torch.zeros(len(labels), dtype=torch.bool)
    held[:30] = held[-5:] = True
    pixels, labels = torch.from_numpy(pixels.astype(np.uint8)), torch.from_numpy(labels)
    return ImageSet(pixels, labels, ("common", "rare"), "Bars", held_out=held)


def test_a_rare_class_is_learnt_and_the_report_says_so(tmp_path):
    path, _ = write_weights(tmp_path, "lenet5.cifar10", "lenet5")
    reports = {}
    for choice in ("off", "auto"):
        plan = Plan(head_epochs=30, top_epochs=0, epochs=0, seed=1, class_weights=choice)
        run = Run(weights.load(path.with_suffix(".safetensors")), faint_bars(150, 10, 1), plan)
        for _ in run:
            pass
        reports[choice] = run.result().report
    assert reports["off"].recall["common"] == 100 and reports["off"].recall["rare"] <= 40
    assert reports["auto"].recall["rare"] >= 80 and reports["auto"].recall["common"] >= 80
    assert reports["off"].class_weights is None
    assert reports["auto"].class_weights == pytest.approx([125 / 240, 125 / 10])
    for report in reports.values():
        answers = np.array(report.answers)
        for k, name in enumerate(report.classes):
            right = (answers[np.array(report.targets) == k] == k).mean()
            assert report.recall[name] == pytest.approx(100 * right)
        assert report.to_json()["recall"] == report.recall


def test_a_class_without_held_out_images_has_no_recall(tmp_path):
    path, _ = write_weights(tmp_path, "lenet5.cifar10", "lenet5")
    images = faint_bars(40, 10, 0)
    held = torch.zeros(50, dtype=torch.bool)
    held[:5] = True
    plan = Plan(head_epochs=1, top_epochs=0, epochs=0)
    run = Run(weights.load(path.with_suffix(".safetensors")), replace(images, held_out=held), plan)
    for _ in run:
        pass
    result = run.result()
    assert result.report.recall["rare"] is None
    assert "rare" not in result.loaded.record.read_card().per_class

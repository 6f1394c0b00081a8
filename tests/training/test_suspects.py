"""Likely wrong labels: confident learning by hand, and labels that were planted."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from throwaway import write_weights
from tiny_sets import stripes

from cnn_space import weights
from cnn_space.training.finetuning import Report, Run, split
from cnn_space.training.finetuning.suspects import find_suspects
from cnn_space.training.recipes import Plan


def test_by_hand():
    """Thresholds: class 0 (0.9 + 0.8 + 0.1 + 0.4 + 0.8) / 5 = 0.6, class 1 (0.7 + 4 × 0.9) / 5."""
    second = np.array([0.1, 0.2, 0.9, 0.6, 0.2, 0.7, 0.9, 0.9, 0.9, 0.9])
    probabilities = np.stack([1 - second, second], axis=1)
    labels = [0] * 5 + [1] * 5
    suspects = find_suspects(probabilities, labels, range(10, 20), names=list("abcdefghij"))
    # The fourth leans towards class 1, with 0.6, but not with the confidence of 0.86.
    [suspect] = suspects
    assert (suspect.index, suspect.number, suspect.name) == (2, 12, "c")
    assert (suspect.given, suspect.likely) == (0, 1)
    assert (suspect.given_probability, suspect.likely_probability) == (0.1, 0.9)


def test_the_less_probable_its_label_the_more_suspicious():
    first = [0.9, 0.9, 0.6, 0.6, 0.75]  # a mean of 0.75
    probabilities = np.array(
        [[p, 1 - p] for p in first] + [[0.1, 0.9]] * 4 + [[0.8, 0.2], [0.95, 0.05]]
    )
    suspects = find_suspects(probabilities, [0] * 5 + [1] * 6, range(11))
    assert [suspect.index for suspect in suspects] == [10, 9]


def test_too_few_images_of_a_class_tell_nothing_of_it():
    probabilities = np.array([[0.9, 0.1]] * 5 + [[0.2, 0.8]] * 4 + [[0.1, 0.9]])
    labels = [0] * 5 + [1] * 4 + [0]
    assert not find_suspects(probabilities, labels, range(10))
    more = np.concatenate([probabilities, [[0.2, 0.8]]])
    assert [s.index for s in find_suspects(more, [*labels, 1], range(11))] == [9]


def test_a_class_without_images_is_nobodys_true_class():
    probabilities = np.array([[0.1, 0.2, 0.7], [0.2, 0.6, 0.2], [0.3, 0.4, 0.3]])
    assert all(s.likely != 2 for s in find_suspects(probabilities, [0, 1, 1], range(3)))


def test_a_label_that_is_the_answer_is_not_doubted():
    """The images of class 1 have 0.07, which makes the net confident of this class at once."""
    probabilities = np.array([[0.95, 0.05]] * 4 + [[0.8, 0.2]] + [[0.93, 0.07]] * 5)
    suspects = find_suspects(probabilities, [0] * 5 + [1] * 5, range(10))
    assert [suspect.index for suspect in suspects] == [5, 6, 7, 8, 9]


def test_nets_that_only_guess_judge_no_labels():
    assert not find_suspects(
        np.array([[0.1, 0.9]] * 3 + [[0.9, 0.1]] * 3), [0] * 3 + [1] * 3, range(6)
    )


@pytest.mark.parametrize("choice", ["auto", "off"])
def test_planted_labels_are_found(tmp_path, choice):
    """Of images that a net can tell; cross-validated, or among those that are held out."""
    images = stripes(18)
    labels, planted = images.labels.clone(), torch.tensor([4, 17, 30, 41])
    labels[planted] = (labels[planted] + 1) % 3
    names = tuple(f"{i}.png" for i in range(54))
    images = replace(images, labels=labels, names=names)
    path, _ = write_weights(tmp_path, "lenet5.cifar10", "lenet5")
    plan = Plan(head_epochs=20, top_epochs=0, epochs=0, cross_validate=choice, holdout=0.5)
    run = Run(weights.load(path.with_suffix(".safetensors")), images, plan)
    list(run)
    result = run.result()
    suspects = result.report.suspects
    judged = range(54)
    if choice == "off":
        judged = split(replace(images, images=torch.arange(54)), 0.5)[1].images.tolist()
    expected = set(planted.tolist()) & set(judged)
    assert expected and {s.number for s in suspects[: len(expected)]} == expected
    assert len(suspects) <= len(expected) + 1
    for suspect in suspects[: len(expected)]:
        assert torch.equal(result.checked.images[suspect.index], images.images[suspect.number])
        assert suspect.name == f"{suspect.number}.png"
        assert suspect.likely == (suspect.given - 1) % 3  # what it was before
    assert Report.from_json(result.report.to_json()) == result.report

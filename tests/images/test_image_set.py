"""Sets in memory: what is held out, and the numbers of the classes."""

import pytest
import torch

from cnn_space.images.image_set import ImageSet


def test_the_split_keeps_the_classes_proportions():
    labels = torch.tensor([0] * 70 + [1] * 20 + [2] * 13)
    whole = ImageSet(torch.arange(103)[:, None, None, None], labels, ("a", "b", "c"))
    rest, held = whole.split(31, seed=3)
    assert (len(rest), len(held)) == (72, 31)
    assert torch.bincount(held.labels).tolist() == [21, 6, 4]
    assert sorted([*rest.images.flatten(), *held.images.flatten()]) == list(range(103))
    assert (rest.images.flatten().diff() > 0).all()
    again, other = whole.split(31, seed=3)[1], whole.split(31, seed=4)[1]
    assert torch.equal(held.images, again.images) and not torch.equal(held.images, other.images)
    fewer = whole.split(15, seed=3)[1]
    assert set(fewer.images.flatten().tolist()) < set(held.images.flatten().tolist())
    assert len(whole.split(0)[1]) == 0
    with pytest.raises(ValueError, match="0 to 102"):
        whole.split(103)


def test_classes_are_matched_by_name():
    labels = torch.tensor([0, 1, 1])
    found = ImageSet(torch.zeros(3, 3, 1, 1), labels, ("b", "c"), "mine")
    again = found.numbered_as(("a", "b", "c"))
    assert again.labels.tolist() == [1, 2, 2] and again.classes == ("a", "b", "c")
    assert found.numbered_as(("b", "c")) is found
    with pytest.raises(ValueError, match="does not know: c"):
        found.numbered_as(("a", "b"))


def test_so_many_of_each_class_are_held_out():
    labels = torch.tensor([0, 1, 2] * 10)
    whole = ImageSet(torch.arange(30)[:, None, None, None], labels, ("a", "b", "c", "d"))
    assert whole.counts == [10, 10, 10, 0]
    rest, held = whole.hold_out([1, 4, 0, 0], seed=2)
    assert held.counts == [1, 4, 0, 0] and rest.counts == [9, 6, 10, 0]
    more = whole.hold_out([2, 5, 3, 0], seed=2)[1]
    assert set(held.images.flatten().tolist()) < set(more.images.flatten().tolist())
    # A split holds out the same images as the counts that it comes to.
    same = whole.hold_out([2, 2, 2, 0], seed=5)[1]
    assert torch.equal(whole.split(6, seed=5)[1].images, same.images)


def test_the_held_out_images_stay_the_same():
    """Every trained net knows all images but these: another order would show it what it knows."""
    labels = torch.arange(60) % 3
    whole = ImageSet(torch.arange(60)[:, None, None, None], labels, ("a", "b", "c"))
    held = whole.split(6, seed=0)[1].images.flatten().tolist()
    assert held == [12, 14, 15, 34, 35, 40]


def test_images_and_labels_are_as_many():
    with pytest.raises(ValueError, match="3 images but 2 labels"):
        ImageSet(torch.zeros(3, 3, 1, 1), torch.zeros(2, dtype=torch.long), ("a",))

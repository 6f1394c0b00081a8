"""Forged digits: the same with every call, and a set whose split is honest."""

import pytest
import torch

from cnn_space.images.readers import digit_halves, enlarged, read_digits
from cnn_space.inference.forging import CLASSES, forge, latents, real_or_forged
from cnn_space.training import finetuning
from cnn_space.training.adversarial import JUDGED_SEED, distance
from cnn_space.weights import generators


def test_the_same_latent_vectors_and_weights_draw_the_same_digits():
    assert torch.equal(latents(5), latents(9)[:5])
    assert not torch.equal(latents(5), latents(5, seed=1))
    first, second = (forge(generators.load(4), latents(30)) for _ in range(2))
    assert torch.equal(first, second)
    assert first.dtype == torch.uint8 and first.max() == 16 and first.min() == 0
    assert not torch.equal(first, forge(generators.load(3), latents(30)))


def test_each_age_is_as_far_from_real_digits_as_its_card_says():
    """The bundled weights, rounded to half precision, against the training's own log."""
    card, (learnt, unseen) = generators.read_card(), digit_halves()
    found = []
    for age, epoch in enumerate(card.ages, 1):
        drawn = forge(generators.load(age), latents(len(unseen), seed=JUDGED_SEED))
        found.append(distance(drawn, unseen.images))
        logged = card.history[epoch - 1]
        assert logged["epoch"] == epoch and found[-1] == pytest.approx(logged["distance"], rel=0.02)
    assert found == sorted(found, reverse=True) and len(found) == 4
    # Nearly as near as the two halves of the real ones are to each other.
    assert found[-1] < 3 * distance(learnt.images, unseen.images) < 0.5


def test_the_generator_never_saw_the_digits_that_are_real_here():
    learnt, unseen = digit_halves()
    both = torch.cat([learnt.images, unseen.images]).flatten(1).tolist()
    everything = enlarged(torch.cat([learnt.images, unseen.images])).flatten(1).tolist()
    assert sorted(everything) == sorted(read_digits().images.images.flatten(1).tolist())
    assert not {*map(tuple, both[: len(learnt)])} & {*map(tuple, both[len(learnt) :])}
    # Every digit is in both halves as often.
    assert all(abs(a - b) <= 1 for a, b in zip(learnt.counts, unseen.counts, strict=True))


def test_the_held_out_images_are_of_other_digits_and_other_latent_vectors():
    images, unseen = real_or_forged(4).images, digit_halves()[1]
    assert images.classes == CLASSES and images.counts == [898, 898]
    assert torch.equal(images.images[images.labels == 0], enlarged(unseen.images))
    assert len(latents(898).unique(dim=0)) == 898
    learn, check = finetuning.split(images, 0.2)
    assert learn.counts == [718, 718] and check.counts == [180, 180]
    told = {*map(tuple, learn.images[:, 0].flatten(1).tolist())}
    assert not told & {*map(tuple, check.images[:, 0].flatten(1).tolist())}

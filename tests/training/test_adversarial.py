"""The adversarial training: what its losses are, and which way a step goes."""

import copy
import math

import numpy as np
import pytest
import torch

from cnn_space.images.readers import digit_halves
from cnn_space.training.adversarial import (
    AdversarialRecipe,
    AdversarialRun,
    discriminator_loss,
    distance,
    generator_loss,
    scaled,
)


@pytest.fixture(scope="module")
def halves():
    return digit_halves()


def a_run(halves, **recipe):
    return AdversarialRun(*halves, AdversarialRecipe(**recipe))


def test_the_losses_are_the_papers():
    """With logits 0 both answer 1/2: 2 log 2 and log 2. With others, the formula itself."""
    nothing = torch.zeros(4)
    assert discriminator_loss(lambda x: x, nothing, nothing).item() == pytest.approx(
        2 * math.log(2)
    )
    assert generator_loss(lambda x: x, nothing).item() == pytest.approx(math.log(2))
    real, forged = torch.tensor([2.0, -1.0]), torch.tensor([0.5, -3.0])
    d_real, d_forged = (1 / (1 + np.exp(-part.numpy())) for part in (real, forged))
    by_hand = -np.log(d_real).mean() - np.log(1 - d_forged).mean()
    assert discriminator_loss(lambda x: x, real, forged).item() == pytest.approx(by_hand)
    assert generator_loss(lambda x: x, forged).item() == pytest.approx(-np.log(d_forged).mean())


def test_a_step_of_each_lowers_its_own_loss_on_the_same_batch(halves):
    """The discriminator against the generator as it was, the generator against the new judge."""
    run = a_run(halves, lr=1e-3)
    real, latent = scaled(halves[0].images[:64]), torch.randn(64, 32)
    drawn = copy.deepcopy(run._draws.get_state())
    before = copy.deepcopy(run.learner)
    first = discriminator_loss(run.discriminator, real, before(latent).detach()).item()
    run.step(real)
    assert discriminator_loss(run.discriminator, real, before(latent).detach()).item() < first
    old, new = (
        generator_loss(run.discriminator, net(latent)).item() for net in (before, run.learner)
    )
    assert new < old
    assert not torch.equal(drawn, run._draws.get_state())


def test_the_generator_that_is_kept_is_the_average(halves):
    run = a_run(halves, average=0.75)
    start = run.generator.project.weight.clone()
    run.step(scaled(halves[0].images[:32]))
    expected = 0.75 * start + 0.25 * run.learner.project.weight
    torch.testing.assert_close(run.generator.project.weight, expected)


def test_a_seed_gives_the_same_training_and_another_another(halves):
    def first(seed):
        return next(iter(a_run(halves, seed=seed, batch_size=128)))

    assert first(0) == first(0) != first(1)
    assert first(0)["epoch"] == 1


def test_the_distance_is_that_of_two_normal_distributions(halves):
    real, unseen = (part.images for part in halves)
    a, b = (part.flatten(1).double().numpy() / 16 for part in (real, unseen))
    values, vectors = np.linalg.eigh(np.cov(a.T))
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T  # the symmetric form of the same trace
    roots = np.sqrt(np.linalg.eigvalsh(root @ np.cov(b.T) @ root).clip(0)).sum()
    by_hand = ((a.mean(0) - b.mean(0)) ** 2).sum() + a.var(0, ddof=1).sum() + b.var(0, ddof=1).sum()
    assert distance(real, unseen) == pytest.approx(by_hand - 2 * roots, abs=1e-4)
    assert distance(real, real) == pytest.approx(0, abs=1e-6)
    noise = torch.randint(0, 17, real.shape, dtype=torch.uint8)
    assert distance(noise, unseen) > 50 * distance(real, unseen)


def test_fewer_digits_than_a_batch_are_refused(halves):
    few = halves[0].subset(torch.arange(20))
    with pytest.raises(ValueError, match="a batch of 32 needs as many digits: 20"):
        AdversarialRun(few, halves[1])

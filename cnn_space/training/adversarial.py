"""A generator and a discriminator that learn from each other: the training behind
``python -m cnn_space train dcgan``.

Goodfellow et al., "Generative adversarial nets", 2014, algorithm 1 with k = 1: in every step the
discriminator learns to tell a batch of digits from as many forgeries, then the generator to have
its forgeries taken for digits. As the end of section 3 has it, the generator makes log D(G(z))
large, rather than log(1 - D(G(z))) small, whose gradient vanishes while the forgeries are poor.
Optimiser and rates are those of Radford et al., 2016, section 4, but for what ``AdversarialRecipe``
says.
"""

import copy
import math
import time
from collections.abc import Iterator
from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from cnn_space.images.image_set import ImageSet
from cnn_space.images.readers.digits import BRIGHTEST
from cnn_space.inference.forging import forge, latents
from cnn_space.models.dcgan import LATENT, Discriminator, Generator
from cnn_space.training.loop import Diverged
from cnn_space.training.recipes import BelowOne, Hyperparameters, Positive, Seed

JUDGED_SEED = 1  # of the latents whose pictures are measured after every epoch


class AdversarialRecipe(Hyperparameters):
    """The hyper-parameters of an adversarial training, each with its reason."""

    epochs: Positive = 300
    # Radford has 128, and 0.0002: of 899 digits smaller batches make more steps
    batch_size: Annotated[int, Field(ge=2)] = 32
    lr: Annotated[float, Field(gt=0, lt=1)] = 4e-4
    momentum: BelowOne = 0.5  # Adam's β1; with the usual 0.9 the losses swing (Radford, section 4)
    # decay a step of the averaged generator that is kept (not in the paper): two nets that learn
    # from each other circle around the balance, and the average lies nearer to it
    average: BelowOne = 0.99
    seed: Seed = 0


class AdversarialRun:
    """One training on ``digits`` (uint8 [N, 1, 8, 8] in 0..16). Iterate it: each epoch gives a row
    of its history, ``{"epoch", "discriminator_loss", "generator_loss", "distance"}``.

    ``generator`` is the averaged one, which is kept. ``distance`` is that of its pictures to the
    digits ``unseen``, see ``distance``. Raises ValueError for fewer digits than a batch; iterating
    raises Diverged.
    """

    def __init__(
        self,
        digits: ImageSet,
        unseen: ImageSet,
        recipe: AdversarialRecipe | None = None,
        *,
        device: str | torch.device = "cpu",
    ):
        self.recipe, self.device = recipe or AdversarialRecipe(), torch.device(device)
        if len(digits) < self.recipe.batch_size:
            raise ValueError(f"a batch of {self.recipe.batch_size} needs as many digits: "
                             f"{len(digits)}")  # fmt: skip
        torch.manual_seed(self.recipe.seed)  # of the nets' first weights
        self._draws = torch.Generator().manual_seed(self.recipe.seed)
        self.learner = Generator().to(self.device)
        self.discriminator = Discriminator().to(self.device)
        self.generator = copy.deepcopy(self.learner).eval().requires_grad_(False)
        self.history: list[dict] = []
        self.seconds = 0.0
        self._real = scaled(digits.images).to(self.device)
        self._unseen = unseen.images
        self._optimizers = [
            torch.optim.Adam(net.parameters(), self.recipe.lr, (self.recipe.momentum, 0.999))
            for net in (self.discriminator, self.learner)
        ]

    def __iter__(self) -> Iterator[dict]:
        start = time.perf_counter() - self.seconds
        for epoch in range(len(self.history) + 1, self.recipe.epochs + 1):
            losses = torch.zeros(2, device=self.device)
            batches = torch.randperm(len(self._real), generator=self._draws)
            full = batches.split(self.recipe.batch_size)[: len(batches) // self.recipe.batch_size]
            for index in full:
                losses += self.step(self._real[index])
            self.seconds = time.perf_counter() - start
            told, fooled = (losses / len(full)).tolist()
            if not math.isfinite(told + fooled):
                raise Diverged(
                    f"a loss is not a number any more (epoch {epoch}): try a lower learning rate "
                    f"than {self.recipe.lr:g}"
                )
            self.history.append(self._row(epoch, told, fooled))
            yield self.history[-1]

    def step(self, real: Tensor) -> Tensor:
        """One step of both nets on digits [N, 1, 8, 8] in -1..1; their losses before it, [2]: the
        discriminator's, the generator's."""
        latent = torch.randn(len(real), LATENT, generator=self._draws)
        forged = self.learner(latent.to(self.device))
        told, fooled = self._optimizers
        told_loss = discriminator_loss(self.discriminator, real, forged.detach())
        _descend(told, told_loss)
        fooled_loss = generator_loss(self.discriminator, forged)
        _descend(fooled, fooled_loss)
        self._average()
        return torch.stack([told_loss.detach(), fooled_loss.detach()])

    @torch.no_grad()
    def _average(self) -> None:
        kept, new = self.generator.state_dict(), self.learner.state_dict()
        for name, tensor in kept.items():
            if tensor.is_floating_point():
                tensor.lerp_(new[name], 1 - self.recipe.average)
            else:
                tensor.copy_(new[name])

    def variety(self) -> float:
        """How much the pictures of the generator that is kept differ from one another, as a share
        of how much digits do; near 0 it draws one picture whatever it is given (mode collapse)."""
        return _spread(self._judged()) / _spread(self._unseen)

    def _judged(self) -> Tensor:
        return forge(self.generator, latents(len(self._unseen), seed=JUDGED_SEED))

    def _row(self, epoch: int, told: float, fooled: float) -> dict:
        return {
            "epoch": epoch,
            "discriminator_loss": round(told, 4),
            "generator_loss": round(fooled, 4),
            "distance": round(distance(self._judged(), self._unseen), 4),
        }


def discriminator_loss(discriminator: nn.Module, real: Tensor, forged: Tensor) -> Tensor:
    """What the discriminator makes small: -log D(real) - log(1 - D(forged)), on average. At the
    balance of equation 2 (D = 1/2 everywhere) it is 2 log 2 = 1.386."""
    on_real, on_forged = discriminator(real), discriminator(forged)
    return _cross_entropy(on_real, 1.0) + _cross_entropy(on_forged, 0.0)


def generator_loss(discriminator: nn.Module, forged: Tensor) -> Tensor:
    """What the generator makes small: -log D(forged), on average; log 2 = 0.693 at the balance."""
    return _cross_entropy(discriminator(forged), 1.0)


def _cross_entropy(logits: Tensor, target: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def _descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def scaled(pictures: Tensor) -> Tensor:
    """Digits, uint8 in 0..16, on the scale of tanh: float32 in -1..1."""
    return pictures.float() / (BRIGHTEST / 2) - 1


def _spread(pictures: Tensor) -> float:
    """The variance of each pixel over the pictures, summed over the pixels."""
    return float(pictures.double().var(0).sum())


def distance(forged: Tensor, real: Tensor) -> float:
    """How far forged digits are from real ones (uint8 [N, 1, 8, 8] in 0..16): the Fréchet distance
    of two normal distributions with their means and covariances, as in Heusel et al., 2017,
    section 2, but of the 64 pixels (in 0..1) themselves: no net for grey digits is needed."""
    a, b = (part.flatten(1).double() / BRIGHTEST for part in (forged, real))
    first, second = torch.cov(a.T), torch.cov(b.T)
    # The trace of the root of a product is the sum of the roots of its eigenvalues.
    roots = torch.linalg.eigvals(first @ second).real.clamp(min=0).sqrt().sum()
    apart = (a.mean(0) - b.mean(0)).square().sum()
    return float(apart + first.trace() + second.trace() - 2 * roots)

"""Forged digits: what the generator draws at an age, alone and beside real digits.

The generator learned from one half of the digits (see ``digit_halves``). Real are here those of the
other half, which it has never seen, and every forgery is made from a latent vector of its own: a
net that is judged on some of these images has learnt from others.
"""

from functools import lru_cache

import torch
from torch import Tensor

from cnn_space.images.image_set import ImageSet
from cnn_space.images.readers.digits import BRIGHTEST, digit_halves, enlarged
from cnn_space.images.visitor_set import VisitorSet
from cnn_space.models.dcgan import LATENT, Generator
from cnn_space.weights import generators

CLASSES = ("real", "forged")


def latents(count: int, *, seed: int = 0) -> Tensor:
    """``count`` latent vectors, float32 [count, 32]: the same with every call."""
    return torch.randn(count, LATENT, generator=torch.Generator().manual_seed(seed))


@torch.inference_mode()
def forge(generator: Generator, latent: Tensor) -> Tensor:
    """What a generator in eval mode draws from latent vectors [N, 32], in the grey levels that real
    digits have: uint8 [N, 1, 8, 8] in 0..16."""
    device = next(generator.parameters()).device
    drawn = generator(latent.to(device)).cpu()  # -1..1
    return ((drawn + 1) * (BRIGHTEST / 2)).round().to(torch.uint8)


def set_name(age: int) -> str:
    """What the set of real and forged digits of an age is called."""
    return f"Real or forged digits at age {age}"


@lru_cache(maxsize=8)  # 5.5 MB an age
def real_or_forged(age: int) -> VisitorSet:
    """The 898 digits that the generator never saw, and as many that it draws at ``age``, from the
    same latent vectors at every age. Raises ValueError as
    ``generators.load`` does."""
    generator = generators.load(age)
    real = digit_halves()[1].images
    forged = forge(generator, latents(len(real)))
    labels = torch.tensor([0] * len(real) + [1] * len(forged))
    images = enlarged(torch.cat([real, forged]))
    return VisitorSet(ImageSet(images, labels, CLASSES, set_name(age), certain=True))

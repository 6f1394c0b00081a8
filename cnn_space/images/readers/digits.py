"""The handwritten digits that come with scikit-learn.

Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998 (its test part).
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from cnn_space.images.visitor_set import VisitorSet

if TYPE_CHECKING:
    import torch

    from cnn_space.images.image_set import ImageSet

BRIGHTEST = 16  # grey level of the ink; the paper is 0


def read_digits() -> VisitorSet:
    """All 1,797 digits, 8 × 8 pixels scaled to 32 × 32."""
    digits = _read()
    return VisitorSet(replace(digits, images=enlarged(digits.images)))


def digit_halves() -> "tuple[ImageSet, ImageSet]":
    """``(899 digits for a forger to learn from, 898 that it never sees)`` as they were scanned:
    images uint8 [N, 1, 8, 8] in 0..16. They are drawn at random within each digit, so that both
    halves have all writers."""
    digits = _read()
    return digits.split(len(digits) // 2, seed=0)


def enlarged(pictures: "torch.Tensor") -> "torch.Tensor":
    """Digits, uint8 [N, 1, 8, 8] in 0..16, as pictures that a net takes: uint8 [N, 3, 32, 32] in
    0..255."""
    import torch

    pixels = (pictures[:, 0].numpy() * (255 / BRIGHTEST)).round().astype(np.uint8)
    large = [Image.fromarray(p).resize((32, 32), Image.Resampling.BICUBIC) for p in pixels]
    return torch.from_numpy(np.stack([np.asarray(p) for p in large]))[:, None].repeat(1, 3, 1, 1)


def _read() -> "ImageSet":
    import torch
    from sklearn.datasets import load_digits

    from cnn_space.images.image_set import ImageSet

    raw = load_digits()
    pictures = torch.from_numpy(raw.images.astype(np.uint8))[:, None]
    labels = torch.from_numpy(raw.target.astype(np.int64))
    classes = tuple(str(name) for name in raw.target_names)
    return ImageSet(pictures, labels, classes, "Handwritten digits")

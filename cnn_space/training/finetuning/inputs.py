"""Images as a fine-tuning run uses them: split, scaled to the net's input size, augmented."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import torch
from PIL import Image

from cnn_space.images.augmentation import augment, draw_epoch
from cnn_space.images.image_set import ImageSet
from cnn_space.images.preprocessing import Preprocessing, center_crop
from cnn_space.inference.threads import thread_count

SCALED_AT_ONCE = 64  # images between two steps of ``Scaling``


def held_counts(counts: Sequence[int], share: float) -> list[int]:
    """How many images of each class are held out: ``share`` of them, one at least, never all."""
    return [min(max(1, round(share * count)), count - 1) for count in counts]


def split(images: ImageSet, share: float, *, seed: int = 0) -> tuple[ImageSet, ImageSet]:
    """``(to learn from, to check on)``: as the set's maker has split it, or else ``share`` of
    every class at random, one at least.

    Raises ValueError for a class of fewer than two images that is to be split.
    """
    if images.held_out is not None:
        return images.subset(~images.held_out), images.subset(images.held_out)
    for name, count in zip(images.classes, images.counts, strict=True):
        if count < 2:
            raise ValueError(f"class {name!r} has {count} images; at least 2 are needed")
    return images.hold_out(held_counts(images.counts, share), seed=seed)


def scaled(images: ImageSet, preprocessing: Preprocessing) -> ImageSet:
    """The images at a net's input size, as ``preprocessing.center_crop`` gives them."""
    scaling = Scaling(images, preprocessing)
    for _ in scaling:
        pass
    return scaling.images


class Scaling:
    """``scaled`` in steps: iterate it for how many images are done; then ``images`` holds all."""

    def __init__(self, images: ImageSet, preprocessing: Preprocessing):
        size = preprocessing.size
        out = torch.empty(len(images), 3, size, size, dtype=torch.uint8)
        self.images = replace(images, images=out)
        self._source, self._preprocessing = images.images, preprocessing

    def __iter__(self) -> Iterator[int]:
        with ThreadPoolExecutor(thread_count()) as pool:
            for index in torch.arange(len(self._source)).split(SCALED_AT_ONCE):
                list(pool.map(self._scale, index.tolist()))
                yield int(index[-1]) + 1

    def _scale(self, i: int) -> None:
        picture = Image.fromarray(self._source[i].permute(1, 2, 0).contiguous().numpy())
        seen = center_crop(picture, self._preprocessing)
        self.images.images[i] = torch.from_numpy(np.array(seen)).permute(2, 0, 1)


def preview(images: ImageSet, preprocessing: Preprocessing, augmentation: str) -> list[np.ndarray]:
    """The images as the first epoch would show them to the net, uint8 [size, size, 3] each."""
    small = scaled(images, preprocessing)
    draws = draw_epoch(len(small), epoch=0, flip="random" if augmentation == "mirror" else "none")
    draws = replace(draws, order=torch.arange(len(small)))
    plain = {"mean": (0.0, 0.0, 0.0), "std": (1 / 255,) * 3}
    batch = augment(small.images, draws, **crop_options(augmentation, preprocessing.size), **plain)
    return list(batch.clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy())


def crop_options(augmentation: str, size: int) -> dict:
    """Shifts by up to an eighth of the side, as is usual on CIFAR-10 (4 of 32 pixels)."""
    return {"crop": "none"} if augmentation == "none" else {"crop": "pad", "pad": max(1, size // 8)}

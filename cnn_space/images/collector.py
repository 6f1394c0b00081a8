"""Collects a visitor's photos into a set, and counts by reason what is left out."""

import hashlib
import math
import time
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from PIL import Image

from cnn_space.images import look_alikes
from cnn_space.images.decoding import MIN_SIDE
from cnn_space.images.limits import Limits
from cnn_space.images.photo import NET_SIDE, open_encoded, open_square
from cnn_space.images.photo_error import PhotoError
from cnn_space.images.preprocessing import MAX_SIDE, center_crop
from cnn_space.images.purpose import FINE_TUNING, Purpose
from cnn_space.images.visitor_set import LEFT_OUT, DataError, LeftOut, VisitorSet, few

# The reasons of a PhotoError as keys of LEFT_OUT.
_PHOTO_REASONS = {
    "unreadable": "not_image",
    "empty": "not_image",
    "damaged": "damaged",
    "too_small": "too_small",
    "too_large": "too_many_pixels",
    "too_many_bytes": "image_too_big",
    "too_much_memory": "too_many_pixels",
    "too_slow": "too_slow",
    "other_format": "other_format",
}


MAX_NAME = 200  # letters of a class; file systems take 255 bytes


def clean_name(name: str) -> str:
    """A stranger's name without what would harm whoever reads it: Unicode NFC, without control
    characters and marks of text direction. Longer ones than MAX_NAME letters end with a mark that
    tells them apart."""
    name = unicodedata.normalize("NFC", name)
    direction = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    name = "".join(c for c in name if unicodedata.category(c) != "Cc" and c not in direction)
    name = name.encode("utf-8", "ignore").decode()  # drops lone surrogates
    name = " ".join(name.split())
    if len(name) <= MAX_NAME:
        return name
    mark = hashlib.blake2b(name.encode(), digest_size=8).hexdigest()
    return f"{name[: MAX_NAME - 17]}…{mark}"


def display_name(name: str) -> str:
    """The same for the eye: at most 60 characters."""
    name = clean_name(name)
    return name if len(name) <= 60 else name[:59] + "…"


class _Photo(NamedTuple):
    name: str
    label: str
    pixels: np.ndarray  # uint8 [side, side, 3]
    held_out: bool
    original: str | None
    notes: tuple[str, ...]  # of its decoding


class Collector:
    """Collects encoded photos by class, decodes each once, and counts what is left out.

    A reader says how many photos it will offer (``expect``), offers them (``add``), and takes the
    set (``finish``). Photos that come after ``limits.reading_seconds`` are left out. A DataError
    that ends a ``with`` of the collector says what was left out before.
    """

    def __init__(self, limits: Limits, purpose: Purpose = FINE_TUNING):
        self._limits, self._purpose = limits, purpose
        self._side = min(limits.side, MAX_SIDE)
        self._photos: list[_Photo] = []
        self._counts: Counter[str] = Counter()  # of what is left out, by reason
        self._examples: dict[str, str] = {}
        self._digests: dict[bytes, str] = {}  # the class of each file
        self._offered: dict[str, None] = {}  # classes, whether a photo was taken of them or not
        self._merged: tuple[str, ...] = ()
        self._deadline = time.monotonic() + limits.reading_seconds

    def __enter__(self) -> "Collector":
        return self

    def __exit__(self, kind, error, trace) -> None:
        if isinstance(error, DataError):
            error.left_out = self.left_out

    def __len__(self) -> int:
        """How many photos have been taken."""
        return len(self._photos)

    @property
    def is_late(self) -> bool:
        """Whether the time for reading is over."""
        return time.monotonic() > self._deadline

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """What was left out so far, the commonest reason first."""
        return tuple(
            LeftOut(reason, count, self._examples[reason])
            for reason, count in self._counts.most_common()
        )

    def expect(self, count: int) -> None:
        """Set the side of the squares so that ``count`` photos fit into the memory allowed."""
        side = math.isqrt(self._limits.memory_mb * 2**20 // (3 * max(count, 1)))
        self._side = max(MIN_SIDE, min(self._side, side))

    def merge(self, labels: Iterable[str]) -> None:
        """Each of these classes is what several folders are called."""
        self._merged = tuple(labels)

    def leave_out(self, reason: str, name: str) -> None:
        """Count a file that is not taken. ``reason`` is a key of LEFT_OUT."""
        if reason not in LEFT_OUT:
            raise KeyError(reason)
        self._counts[reason] += 1
        self._examples.setdefault(reason, name)

    def add(
        self,
        name: str,
        label: str,
        data: bytes,
        *,
        held_out: bool = False,
        original: str | None = None,
    ) -> bool:
        """Take one encoded photo of class ``label``, or leave it out; tells whether it was taken.

        ``name`` is what the visitor knows the photo by; ``held_out``, whether the set's maker
        keeps it out of the training; photos of one ``original`` were made from the same.
        """
        self._offered[label] = None
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            self.leave_out("time", name)
            return False
        digest = hashlib.blake2b(data, digest_size=16).digest()
        if digest in self._digests:
            same_class = self._digests[digest] == label
            self.leave_out("duplicate" if same_class else "two_classes", name)
            return False
        try:
            photo = self._open(data, seconds)
        except PhotoError as error:
            # A picture that was cut short because the time for all was over is not slow itself.
            too_late = error.reason == "too_slow" and self.is_late
            self.leave_out("time" if too_late else _PHOTO_REASONS[error.reason], name)
            return False
        self._digests[digest] = label
        remarks = tuple(photo.info.get("notes", ()))
        pixels = np.array(photo)
        self._photos.append(_Photo(clean_name(name), label, pixels, held_out, original, remarks))
        return True

    def _open(self, data: bytes, seconds: float) -> Image.Image:
        """The picture of an encoded photo that goes into the set."""
        max_pixels = self._limits.megapixels * 1_000_000
        preprocessing = self._purpose.preprocessing
        if preprocessing is None:
            return open_square(data, self._side, max_pixels, seconds)
        # Reduced as a photo on the page is, so that a net sees the same pixels.
        side = max(NET_SIDE, preprocessing.resize)
        photo = open_encoded(data, side, max_pixels=max_pixels, seconds=seconds)
        return center_crop(photo, preprocessing)

    def finish(
        self, name: str, classes: Iterable[str] | None = None, *, part: str = ""
    ) -> VisitorSet:
        """All photos as one set called ``name``; the collector is empty afterwards.

        ``classes`` gives the order of the classes (default: sorted), ``part`` is what the set's
        maker calls the images that are held out. A class of one image is left out, and one without
        images to learn from, unless the set is to measure a net. Raises DataError when less than
        two classes, or more than the limit, remain.
        """
        photos, self._photos = self._photos, []
        if not photos:
            raise DataError(self._why_empty())
        counts = Counter(photo.label for photo in photos)
        for label in self._offered:
            if label not in counts:
                self.leave_out("none_left", display_name(label))
        order = [label for label in (classes or sorted(counts)) if label in counts]
        if self._purpose.to_measure:
            photos = [photo._replace(held_out=False) for photo in photos]
            kept = order
        else:
            kept = self._learnable(photos, order)
        if len(kept) > self._limits.classes:
            raise DataError("too_many_classes", count=len(kept), limit=self._limits.classes)
        photos = [photo for photo in photos if photo.label in kept]
        images = _image_set(photos, tuple(kept), name)
        decoded = Counter(note for photo in photos for note in photo.notes)
        images = replace(images, split_name=part)
        return VisitorSet(images, self.left_out, merged=self._merged, decoded=decoded)

    def _learnable(self, photos: list[_Photo], classes: list[str]) -> list[str]:
        """Those of the ``classes`` that can be learnt from the photos. The others are left out."""
        counts = Counter(photo.label for photo in photos)
        is_split = any(photo.held_out for photo in photos)
        learnt = Counter(photo.label for photo in photos if not photo.held_out)
        for label, count in counts.items():
            if is_split and not learnt[label]:
                self.leave_out("not_learnt", label)
            elif not is_split and count == 1:
                self.leave_out("lonely", label)
        if len(counts) == 1:
            [label] = counts
            reason = "same_name" if label in self._merged else "one_class"
            raise DataError(reason, name=display_name(label))
        least = 1 if is_split else 2
        kept = [label for label in classes if learnt[label] >= least]
        if len(kept) < 2:
            scarce = [display_name(label) for label in self._offered if label not in kept]
            raise DataError("one_image_each", names=few(scarce))
        return kept

    def _why_empty(self) -> str:
        if self._counts["encrypted"]:
            return "encrypted"
        return "no_folders" if self._counts["no_class"] else "no_images"


def _image_set(photos: list[_Photo], classes: tuple[str, ...], name: str):
    """The photos as an ImageSet of the largest side."""
    import torch

    from cnn_space.images.image_set import ImageSet

    side = max(photo.pixels.shape[0] for photo in photos)
    images = torch.empty(len(photos), 3, side, side, dtype=torch.uint8)
    for image, photo in zip(images, photos, strict=True):
        pixels = photo.pixels
        if pixels.shape[0] != side:
            resized = Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)
            pixels = np.array(resized)
        image.copy_(torch.from_numpy(pixels).permute(2, 0, 1))
    number = {label: i for i, label in enumerate(classes)}
    labels = torch.tensor([number[photo.label] for photo in photos], dtype=torch.int64)
    held_out = torch.tensor([photo.held_out for photo in photos])
    alike = look_alikes.groups([p.pixels for p in photos], [p.original for p in photos])
    return ImageSet(
        images,
        labels,
        classes,
        name,
        held_out=held_out if held_out.any() else None,
        look_alikes=torch.from_numpy(alike) if len(set(alike)) < len(alike) else None,
        names=tuple(photo.name for photo in photos),
    )

"""Collects a visitor's photos into a set, and counts by reason what is left out."""

import hashlib
import math
import time
import unicodedata
from collections import Counter
from collections.abc import Iterable

import numpy as np
from PIL import Image

from cnn_space.images.decoding import MIN_SIDE
from cnn_space.images.limits import Limits
from cnn_space.images.photo import open_square
from cnn_space.images.photo_error import PhotoError
from cnn_space.images.preprocessing import MAX_SIDE
from cnn_space.images.visitor_set import LEFT_OUT, DataError, LeftOut, VisitorSet

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


def display_name(name: str) -> str:
    """A stranger's name, fit to be shown: Unicode NFC, without control characters and marks of
    text direction, at most 60 characters."""
    name = unicodedata.normalize("NFC", name)
    direction = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    name = "".join(c for c in name if unicodedata.category(c) != "Cc" and c not in direction)
    name = name.encode("utf-8", "ignore").decode()  # drops lone surrogates
    name = " ".join(name.split())
    return name if len(name) <= 60 else name[:59] + "…"


class Collector:
    """Collects encoded photos by class, decodes each once, and counts what is left out.

    A reader says how many photos it will offer (``expect``), offers them (``add``), and takes the
    set (``finish``). Photos that come after ``limits.reading_seconds`` are left out.
    """

    def __init__(self, limits: Limits):
        self._limits = limits
        self._side = min(limits.side, MAX_SIDE)
        self._photos: list[tuple[str, np.ndarray]] = []  # (class, uint8 [side, side, 3])
        self._counts: Counter[str] = Counter()  # of what is left out, by reason
        self._examples: dict[str, str] = {}
        self._digests: set[bytes] = set()
        self._deadline = time.monotonic() + limits.reading_seconds

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

    def leave_out(self, reason: str, name: str) -> None:
        """Count a file that is not taken. ``reason`` is a key of LEFT_OUT."""
        if reason not in LEFT_OUT:
            raise KeyError(reason)
        self._counts[reason] += 1
        self._examples.setdefault(reason, name)

    def add(self, name: str, label: str, data: bytes) -> bool:
        """Take one encoded photo of class ``label``, or leave it out; tells whether it was taken.

        ``name`` is what the visitor knows the photo by.
        """
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            self.leave_out("time", name)
            return False
        digest = hashlib.blake2b(data, digest_size=16).digest()
        if digest in self._digests:
            self.leave_out("duplicate", name)
            return False
        try:
            photo = open_square(data, self._side, self._limits.megapixels * 1_000_000, seconds)
        except PhotoError as error:
            # A picture that was cut short because the time for all was over is not slow itself.
            too_late = error.reason == "too_slow" and self.is_late
            self.leave_out("time" if too_late else _PHOTO_REASONS[error.reason], name)
            return False
        self._digests.add(digest)
        self._photos.append((label, np.array(photo)))
        return True

    def finish(self, name: str, classes: Iterable[str] | None = None) -> VisitorSet:
        """All photos as one set called ``name``; the collector is empty afterwards.

        ``classes`` gives the order of the classes (default: sorted). A class of one image is left
        out. Raises DataError when less than two classes, or more than the limit, remain.
        """
        counts = Counter(label for label, _ in self._photos)
        for label, count in counts.items():
            if count == 1:
                self.leave_out("lonely", label)
        if not counts:
            raise DataError(self._why_empty())
        if len(counts) == 1:
            raise DataError("one_class", name=next(iter(counts)))
        kept = [label for label in (classes or sorted(counts)) if counts[label] > 1]
        if len(kept) < 2:
            raise DataError("one_image_each")
        if len(kept) > self._limits.classes:
            raise DataError("too_many_classes", count=len(kept), limit=self._limits.classes)
        photos = [(kept.index(label), photo) for label, photo in self._photos if label in kept]
        self._photos = []
        return VisitorSet(_image_set(photos, tuple(kept), name), self.left_out)

    def _why_empty(self) -> str:
        if self._counts["encrypted"]:
            return "encrypted"
        return "no_folders" if self._counts["no_class"] else "no_images"


def _image_set(photos: list[tuple[int, np.ndarray]], classes: tuple[str, ...], name: str):
    """The photos (class number, uint8 [s, s, 3]) as an ImageSet of the largest side."""
    import torch

    from cnn_space.images.image_set import ImageSet

    side = max(photo.shape[0] for _, photo in photos)
    images = torch.empty(len(photos), 3, side, side, dtype=torch.uint8)
    for image, (_, photo) in zip(images, photos, strict=True):
        if photo.shape[0] != side:
            resized = Image.fromarray(photo).resize((side, side), Image.Resampling.BICUBIC)
            photo = np.array(resized)
        image.copy_(torch.from_numpy(photo).permute(2, 0, 1))
    labels = torch.tensor([label for label, _ in photos], dtype=torch.int64)
    return ImageSet(images, labels, classes, name)

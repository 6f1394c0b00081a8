"""Which photos are copies of one another: saved anew, scaled, or cropped a little.

The perceptual hash is a grey thumbnail compared by correlation, not the bits of ``imagehash``:
those do not survive a crop of a few percent, and plain pictures (digits, drawings) share most of
them without being copies.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image

SIDE = 32  # pixels of a thumbnail
# Windows of a thumbnail that a copy may have been cropped to.
CROPS = (30, 28)
COPY = 0.965  # correlation from which two photos are one; of 2,000 of Imagenette, no two have it
PLAIN_COPY = 0.995  # the same for pictures that are mostly one grey level, such as digits
PLAIN = 0.3  # share of that level
FLAT = 3.0  # grey levels: a picture with less contrast says nothing
AT_ONCE = 256  # photos that are compared with all others


def groups(
    photos: Sequence[np.ndarray], originals: Sequence[str | None] | None = None
) -> np.ndarray:
    """The group of each photo (uint8 [s, s, 3]): int64 [N]. Photos of one number look alike, or
    are known to come from one of ``originals``; the number is that of the first of them."""
    numbers = np.arange(len(photos))
    first: dict[str, int] = {}
    for number, original in enumerate(originals or ()):
        if original is not None:
            _join(numbers, number, first.setdefault(original, number))
    if not len(photos):
        return numbers
    thumbnails = [_resized(Image.fromarray(photo).convert("L"), SIDE) for photo in photos]
    least = np.array([PLAIN_COPY if _is_plain(thumbnail) else COPY for thumbnail in thumbnails])
    whole = _vectors(thumbnails)
    for box in _boxes():
        views = _vectors([thumbnail.crop(box) for thumbnail in thumbnails])
        for start in range(0, len(photos), AT_ONCE):
            for a, b in np.argwhere(views[start : start + AT_ONCE] @ whole.T >= least):
                _join(numbers, int(a) + start, int(b))
    return np.array([_first(numbers, number) for number in range(len(numbers))])


def _resized(picture: Image.Image, side: int) -> Image.Image:
    return picture.resize((side, side), Image.Resampling.BOX)


def _is_plain(thumbnail: Image.Image) -> bool:
    levels = np.bincount(np.asarray(thumbnail).ravel() // 4)
    return bool(levels.max() > PLAIN * SIDE**2)


def _boxes() -> list[tuple[int, int, int, int]]:
    """The whole thumbnail, and windows in its middle, its corners and at its edges."""
    boxes = [(0, 0, SIDE, SIDE)]
    for side in CROPS:
        free = SIDE - side
        places = (0, free // 2, free)
        boxes += [(x, y, x + side, y + side) for x in places for y in places]
    return boxes


def _vectors(thumbnails: Sequence[Image.Image]) -> np.ndarray:
    """float32 [N, D]; the dot product of two is their correlation, and that of flat ones is 0."""
    small = [_resized(thumbnail, SIDE // 2) for thumbnail in thumbnails]
    pixels = np.stack([np.asarray(t, np.float32).ravel() for t in small])
    pixels -= pixels.mean(1, keepdims=True)
    spread = pixels.std(1, keepdims=True)
    scale = np.linalg.norm(pixels, axis=1, keepdims=True)
    return np.where(spread < FLAT, 0, pixels / np.maximum(scale, 1e-6))


def _first(numbers: np.ndarray, number: int) -> int:
    while numbers[number] != number:
        numbers[number] = number = numbers[numbers[number]]
    return int(number)


def _join(numbers: np.ndarray, one: int, other: int) -> None:
    one, other = sorted((_first(numbers, one), _first(numbers, other)))
    numbers[other] = one

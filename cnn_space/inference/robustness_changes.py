"""Ways to change a photo, from a little to a lot: what nets are asked to bear.

Each is a pure function from an RGB picture and a level to a picture of the same size. What comes
into sight beside a picture that is moved, turned or made smaller is its edge, repeated: that adds
no line and no colour that a net could take for something.
"""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from cnn_space.images.photo import NET_SIDE

# Of a photo that is longer than this many times its width, the rest never comes into sight.
LONGEST = 4
GREY = (128, 128, 128)


@dataclass(frozen=True)
class Change:
    """One way to change a photo.

    ``apply`` takes a picture and a level between ``start``, which leaves it as it is, and ``end``,
    in ``unit``. ``squares``: levels are the squares of evenly spaced numbers, as whole numbers, so
    that steps are finer near ``end``. ``on_input``: it is made on the pixels that a net gets,
    because grains and blocks of a larger picture would vanish when that is scaled down; the others
    are made on the photo.
    """

    apply: Callable[[Image.Image, float], Image.Image]
    start: float
    end: float
    unit: str
    squares: bool = False
    on_input: bool = False

    def levels(self, steps: int) -> tuple[float, ...]:
        """``steps`` + 1 levels from ``start`` to ``end``."""
        if self.squares:
            roots = np.linspace(math.sqrt(self.start), math.sqrt(self.end), steps + 1)
            return tuple(np.round(roots**2).tolist())
        return tuple(np.round(np.linspace(self.start, self.end, steps + 1), 6).tolist())


def frame(photo: Image.Image) -> Image.Image:
    """A photo as changes are made on it: its middle, at most LONGEST times as long as it is wide,
    with NET_SIDE pixels on the shorter side where it has more. No net here sees more of it."""
    width, height = photo.size
    side = min(width, height)
    longest = LONGEST * side
    left, top = max(0, (width - longest) // 2), max(0, (height - longest) // 2)
    photo = photo.crop((left, top, width - left, height - top))
    if side <= NET_SIDE:
        return photo
    # Cut off as in preprocessing: rounded up, a photo of 640 × 427 would be stretched there.
    size = [length * NET_SIDE // side for length in photo.size]
    return photo.resize(size, Image.Resampling.BICUBIC)


def shift(photo: Image.Image, parts: float) -> Image.Image:
    """Moved to the right by whole pixels of the photo, ``parts`` 32nds of its shorter side."""
    pixels = round(parts / 32 * min(photo.size))
    return _with_edges(photo, pixels, 0).crop((0, 0, *photo.size))


def rotate(photo: Image.Image, degrees: float) -> Image.Image:
    """Turned clockwise about its centre."""
    width, height = photo.size
    reach = math.hypot(width, height) / 2 + 2  # of the farthest corner; 2 for the interpolation
    across, up = (math.ceil(reach - length / 2) for length in (width, height))
    turned = _with_edges(photo, across, up).rotate(-degrees, Image.Resampling.BICUBIC)
    return turned.crop((across, up, across + width, up + height))


def scale(photo: Image.Image, percent: float) -> Image.Image:
    """At ``percent`` of its size, in its old frame: above 100 its middle, below with its edges."""
    width, height = photo.size
    across, up = (length * (1 - 100 / percent) / 2 for length in photo.size)
    if percent >= 100:
        box = (across, up, width - across, height - up)
        return photo.resize(photo.size, Image.Resampling.BICUBIC, box=box)
    small = photo.resize(
        [max(1, round(length * percent / 100)) for length in photo.size], Image.Resampling.BICUBIC
    )
    across, up = ((old - new + 1) // 2 for old, new in zip(photo.size, small.size, strict=True))
    left, top = (across * 2 + small.width - width, up * 2 + small.height - height)
    return _with_edges(small, across, up).crop((left, top, left + width, top + height))


def blur(photo: Image.Image, percent: float) -> Image.Image:
    """Blurred by a Gaussian with a σ of ``percent`` of the shorter side (Pillow's, made of three
    box blurs)."""
    return photo.filter(ImageFilter.GaussianBlur(percent / 100 * min(photo.size)))


def darken(photo: Image.Image, percent: float) -> Image.Image:
    """With every pixel's values at ``percent``."""
    return photo.point([round(value * percent / 100) for value in range(256)] * 3)


def cover(photo: Image.Image, percent: float) -> Image.Image:
    """With a grey square in the middle, over ``percent`` of the central square's area."""
    side = round(min(photo.size) * math.sqrt(percent / 100))
    left, top = ((length - side) // 2 for length in photo.size)
    covered = photo.copy()
    covered.paste(GREY, (left, top, left + side, top + side))
    return covered


def add_noise(picture: Image.Image, percent: float) -> Image.Image:
    """With Gaussian noise on every value of every pixel, its σ ``percent`` of the range 0..255.
    The noise is always the same; the level makes it stronger."""
    pixels = np.asarray(picture, np.float32)
    noise = np.random.default_rng(0).standard_normal(pixels.shape, np.float32)
    noisy = np.rint(pixels + noise * (255 * percent / 100))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def save_as_jpeg(picture: Image.Image, quality: float) -> Image.Image:
    """As it is after saving it as JPEG of ``quality`` (1..100), Pillow's other settings left."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=int(quality))
    return Image.open(file).convert("RGB")


def _with_edges(photo: Image.Image, across: int, up: int) -> Image.Image:
    """The photo with its edge pixels repeated, ``across`` to the left and right, ``up`` above and
    below."""
    margins = ((up, up), (across, across), (0, 0))
    return Image.fromarray(np.pad(np.asarray(photo), margins, mode="edge"))


CHANGES = {
    "shift": Change(shift, 0, 20, "32nds of the side"),
    "rotate": Change(rotate, 0, 180, "degrees"),
    "shrink": Change(scale, 100, 20, "% of its size"),
    "enlarge": Change(scale, 100, 400, "% of its size"),
    "blur": Change(blur, 0, 10, "% of the side (σ)"),
    "noise": Change(add_noise, 0, 40, "% of the range (σ)", on_input=True),
    "jpeg": Change(save_as_jpeg, 100, 1, "quality", squares=True, on_input=True),
    "darken": Change(darken, 100, 10, "% of its brightness"),
    "cover": Change(cover, 0, 80, "% of the central square"),
}

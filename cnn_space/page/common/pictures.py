"""Pictures on the page: as addresses inside the HTML, cut as a net gets them, under a heatmap."""

import base64
import io
from functools import cache

import numpy as np
from PIL import Image

from cnn_space.images.preprocessing import Preprocessing

SMALL = 64  # pixels a side; up to here the blur of a lossy format would show
# Cold to hot in even steps of lightness, so that it reads without colour too.
RAMP = np.array(
    [(13, 8, 135), (126, 3, 168), (204, 71, 120), (248, 149, 64), (240, 249, 33)], dtype=np.float32
)
COVER = 0.75  # how much of the photo the hottest spot covers
GREY = 0.85  # how much colour the photo loses where the heat is 0


def data_uri(picture: Image.Image | np.ndarray, *, exact: bool = False) -> str:
    """An RGB picture, or uint8 [H, W, 3], as an address for ``<img src>``: WebP, but PNG where
    every pixel is to be seen (``exact``) and for small ones."""
    picture = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    file = io.BytesIO()
    if exact or max(picture.size) <= SMALL:
        kind = "png"
        picture.save(file, "PNG")
    else:
        kind = "webp"
        picture.save(file, "WEBP", quality=82, method=2)
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"


def seen(photo: Image.Image, preprocessing: Preprocessing, side: int) -> Image.Image:
    """The part of a photo that a net gets, sharp: ``side`` × ``side`` from the original."""
    shorter = min(photo.size)
    cut = shorter * preprocessing.size / preprocessing.resize
    left, top = ((length - cut) / 2 for length in photo.size)
    box = (left, top, left + cut, top + cut)
    return photo.resize((side, side), Image.Resampling.BICUBIC, box=box, reducing_gap=2.0)


def heat_over(picture: Image.Image, values: np.ndarray) -> Image.Image:
    """A heatmap [h, w] in 0..1 over an RGB picture: warm where it is high, grey where it is not."""
    heat = Image.fromarray(np.float32(values)).resize(picture.size, Image.Resampling.BILINEAR)
    heat = np.asarray(heat)[..., None]
    pixels = np.asarray(picture, dtype=np.float32)
    grey = pixels.mean(axis=2, keepdims=True)
    faded = pixels + GREY * (1 - heat) * (grey - pixels)
    opacity = COVER * heat**0.8
    return Image.fromarray(np.uint8((1 - opacity) * faded + opacity * _coloured(heat[..., 0])))


@cache
def heat_legend() -> Image.Image:
    """The colours of a heatmap over grey, from nothing at the left to the hottest spot."""
    strip = np.broadcast_to(np.linspace(0, 1, 120), (8, 120))
    return heat_over(Image.new("RGB", (120, 8), (150, 150, 150)), strip)


def _coloured(values: np.ndarray) -> np.ndarray:
    """Values [h, w] in 0..1 as colours of the ramp, float32 [h, w, 3] in 0..255."""
    stops = np.linspace(0, 1, len(RAMP))
    return np.stack([np.interp(values, stops, RAMP[:, c]) for c in range(3)], axis=-1)

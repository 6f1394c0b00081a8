"""Heatmaps as pictures: over the photo, and a channel's map on its own."""

import base64
import io

import numpy as np
from PIL import Image

from cnn_space.weights import Preprocessing

# Cold to hot in even steps of lightness, so that it reads without colour too.
RAMP = np.array(
    [(13, 8, 135), (126, 3, 168), (204, 71, 120), (248, 149, 64), (240, 249, 33)], dtype=np.float32
)
# How much of the photo the hottest spot covers; where nothing speaks, most colour goes.
COVER, GREY = 0.75, 0.85


def seen(photo: Image.Image, preprocessing: Preprocessing, side: int) -> Image.Image:
    """The part of a photo that the net gets, sharp: ``side`` × ``side`` from the original."""
    shorter = min(photo.size)
    cut = shorter * preprocessing.size / preprocessing.resize
    left, top = ((length - cut) / 2 for length in photo.size)
    box = (left, top, left + cut, top + cut)
    return photo.resize((side, side), Image.Resampling.BICUBIC, box=box, reducing_gap=2.0)


def heat_over(picture: Image.Image, values: np.ndarray) -> Image.Image:
    """A heatmap [h, w] in 0..1 over an RGB picture: warm where it is high, grey where it is not."""
    width, height = picture.size
    heat = Image.fromarray(np.float32(values)).resize((width, height), Image.Resampling.BILINEAR)
    heat = np.asarray(heat)[..., None]
    pixels = np.asarray(picture, dtype=np.float32)
    grey = pixels.mean(axis=2, keepdims=True)
    faded = pixels + GREY * (1 - heat) * (grey - pixels)
    opacity = COVER * heat**0.8
    return Image.fromarray(np.uint8((1 - opacity) * faded + opacity * coloured(heat[..., 0])))


def coloured(values: np.ndarray) -> np.ndarray:
    """Values [h, w] in 0..1 as colours of the ramp, float32 [h, w, 3] in 0..255."""
    stops = np.linspace(0, 1, len(RAMP))
    return np.stack([np.interp(values, stops, RAMP[:, c]) for c in range(3)], axis=-1)


def map_picture(values: np.ndarray, side: int, *, top: float | None = None) -> Image.Image:
    """A map [h, w] of any range as ``side`` × ``side`` pixels, its cells left square.

    ``top`` is the value of the hottest colour (the map's own peak by default), 0 the coldest.
    """
    peak = max(float(values.max()) if top is None else top, 1e-12)
    colours = coloured(np.clip(values / peak, 0, 1))
    return Image.fromarray(np.uint8(colours)).resize((side, side), Image.Resampling.NEAREST)


def data_uri(picture: Image.Image, *, quality: int = 82) -> str:
    """A picture as a WebP address for ``<img src>``."""
    file = io.BytesIO()
    picture.save(file, format="WEBP", quality=quality, method=2)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()

"""Pictures that travel inside the HTML of an answer."""

import base64
import io

import numpy as np
from PIL import Image

SMALL = 64  # pixels a side; up to here the blur of a lossy format would show


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

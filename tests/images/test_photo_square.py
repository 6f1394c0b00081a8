"""TEMP"""

import io

import numpy as np
import pytest
from PIL import Image

from cnn_space.images.photo import open_square


@pytest.mark.parametrize(
    ("mode", "format", "expected"),
    [
        ("L", "PNG", 100),
        ("CMYK", "JPEG", 100),
        ("I;16", "PNG", 100),
        ("P", "GIF", 100),
        ("1", "PNG", 255),
        ("RGBA", "PNG", 255),
        ("LA", "PNG", 255),
    ],
)
def test_every_mode_arrives_as_rgb(mode, format, expected):
    if mode == "I;16":
        photo = Image.fromarray(np.full((10, 10), 100 * 257, dtype=np.uint16))
    elif mode in ("RGBA", "LA"):  # fully transparent black: white paper shows
        photo = Image.new(mode, (10, 10), 0)
    else:
        photo = Image.new("L", (10, 10), expected).convert(mode)
    buffer = io.BytesIO()
    photo.save(buffer, format)
    pixels = np.array(open_square(buffer.getvalue(), 256))
    assert pixels.shape == (10, 10, 3)
    np.testing.assert_allclose(pixels, expected, atol=2)


def test_exif_orientation_is_applied():
    photo = Image.new("RGB", (20, 20), "black")
    photo.paste("white", (0, 0, 20, 10))  # top half white
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", exif=exif)
    pixels = np.array(open_square(buffer.getvalue(), 256))
    assert pixels[:8].mean() < 20 and pixels[12:].mean() > 235

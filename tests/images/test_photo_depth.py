"""Pixels of more than 8 bits: none comes out black."""

import struct
import zlib

import numpy as np
import pytest
from odd_photos import GREY, chunk, encoded, ramp
from PIL import Image

from cnn_space.images.photo import open_photo


def deep_png(values: np.ndarray) -> bytes:
    """A PNG of 16 bits a channel, [H, W, 2 to 4]: of two or four, the last is opacity."""
    height, width, channels = values.shape
    head = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def deep_tiff(values: np.ndarray, order: str = "<") -> bytes:
    """An uncompressed TIFF of 16 bits a channel, [H, W, 3]."""
    height, width, _ = values.shape
    pixels = values.astype(order + "u2").tobytes()
    start = 8 + 2 + 12 * 10 + 4
    tags = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, start), (259, 3, 1, 1),
        (262, 3, 1, 2), (273, 4, 1, start + 6), (277, 3, 1, 3), (278, 4, 1, height),
        (279, 4, 1, len(pixels)), (284, 3, 1, 1),
    ]  # fmt: skip
    body = struct.pack(order + "H", len(tags))
    for tag, kind, count, value in tags:
        form = "HHIHH" if kind == 3 and count == 1 else "HHII"
        rest = (value, 0) if kind == 3 and count == 1 else (value,)
        body += struct.pack(order + form, tag, kind, count, *rest)
    body += bytes(4) + struct.pack(order + "3H", 16, 16, 16)
    return (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8) + body + pixels


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_grey_whose_top_bits_are_empty_is_stretched(bits, kind):
    values = (GREY.astype(int) * (2**bits - 1) // 255).astype(np.uint16)
    photo = open_photo(encoded(Image.fromarray(values), kind))
    assert np.abs(np.asarray(photo)[:, :, 0].astype(int) - GREY).max() <= 1
    assert photo.info["notes"] == {"stretched": bits}


@pytest.mark.parametrize("make", [deep_png, deep_tiff, lambda v: deep_tiff(v, ">")])
def test_color_whose_top_bits_are_empty_is_stretched(make):
    values = (ramp().astype(int) * 4032 // 255).astype(np.uint16)
    photo = open_photo(make(values))
    assert np.abs(np.asarray(photo) - values * (255 / 4095)).max() <= 0.51
    assert photo.info["notes"] == {"stretched": 12}


@pytest.mark.parametrize(("factor", "notes"), [(16, {"stretched": 12}), (257, {})])
def test_grey_with_opacity_is_stretched_where_its_top_bits_are_empty(factor, notes):
    opacity = np.where(np.arange(60) < 30, 0, 65535) * np.ones_like(GREY, int)
    photo = open_photo(deep_png(np.dstack([GREY.astype(int) * factor, opacity])))
    wanted = np.where(opacity == 0, 255, GREY.astype(int))
    assert np.abs(np.asarray(photo).astype(int) - wanted[:, :, None]).max() <= 1
    assert photo.info["notes"] == notes


def test_opacity_is_not_stretched():
    values = np.dstack([ramp().astype(np.uint16) * 16, np.full((40, 60), 65535, np.uint16)])
    photo = open_photo(deep_png(values))
    assert np.abs(np.asarray(photo).astype(int) - ramp()).max() <= 1


@pytest.mark.parametrize("make", [deep_png, deep_tiff])
def test_what_uses_all_bits_stays_as_it_is(make):
    photo = open_photo(make(ramp().astype(np.uint16) * 257))
    assert np.array_equal(np.asarray(photo), ramp())
    assert photo.info["notes"] == {}


def test_a_dark_photo_of_16_bits_stays_dark():
    values = GREY.astype(np.uint16) * 100  # up to 25,500: one bit is empty
    photo = open_photo(encoded(Image.fromarray(values), "PNG"))
    assert np.asarray(photo).max() == 99 and photo.info["notes"] == {}


def test_arrays_follow_the_same_rule():
    photo = open_photo(GREY.astype(np.uint16) * 16)
    assert np.abs(np.asarray(photo)[:, :, 0].astype(int) - GREY).max() <= 1
    assert photo.info["notes"] == {"stretched": 12}

"""TIFF files of every kind of sample, as another library writes them."""

import io

import numpy as np
import pytest
import tifffile
from odd_photos import GREY
from PIL import Image

from cnn_space.images.photo import open_photo
from cnn_space.images.photo_error import PhotoError

# What a sample says for black and for white, or for the darkest and the brightest point.
ENDS = {
    "uint8": (0, 255), "int8": (-128, 127), "uint16": (0, 65535), "int16": (-32768, 32767),
    "uint32": (0, 2**32 - 1), "int32": (-(2**31), 2**31 - 1), "float32": (0, 1),
    "float64": (-1e9, 1e9),
}  # fmt: skip


def samples(kind: str) -> np.ndarray:
    """GREY [H, W] as samples of that kind, from the darkest to the brightest."""
    low, high = ENDS[kind]
    values = low + GREY.astype(np.float64) / 255 * (high - low)
    return (values if "float" in kind else np.rint(values)).astype(kind)


def tiff(values: np.ndarray, **options) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, values, **{"photometric": "minisblack"} | options)
    return file.getvalue()


def grey(source) -> np.ndarray:
    return np.asarray(open_photo(source))[:, :, 0].astype(int)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", ENDS)
def test_every_kind_of_sample_gives_the_same_photo(kind, order, compression):
    data = tiff(samples(kind), byteorder=order, compression=compression)
    assert np.abs(grey(data) - GREY).max() <= 1
    assert np.array_equal(grey(data), grey(samples(kind)))  # a file is what its array is
    opened = open_photo(Image.open(io.BytesIO(data)))
    assert np.array_equal(np.asarray(opened), np.asarray(open_photo(data)))


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32"])
def test_white_may_be_zero(kind, order):
    data = tiff(samples(kind), byteorder=order, photometric="miniswhite")
    assert np.abs(grey(data) - (255 - GREY.astype(int))).max() <= 1


def test_white_is_zero_of_the_bits_in_use():
    values = GREY.astype(np.uint16) * 16  # 12 bits
    assert (
        np.abs(grey(tiff(values, photometric="miniswhite")) - (255 - GREY.astype(int))).max() <= 1
    )


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (GREY.astype(np.float16), "TIFF, float16"),
        (GREY.astype(np.uint64), "TIFF, uint64"),
        (np.repeat(samples("float32")[:, :, None], 3, 2), "TIFF, 3 × float32"),
    ],
)
def test_other_samples_are_refused_by_name(values, name):
    photometric = "rgb" if values.ndim == 3 else "minisblack"
    for big in (False, True):
        with pytest.raises(PhotoError, match=f"^{name}: .*Save it as JPEG") as caught:
            open_photo(tiff(values, photometric=photometric, bigtiff=big))
        assert caught.value.reason == "other_format"


def test_what_has_no_header_is_no_picture():
    with pytest.raises(PhotoError) as caught:
        open_photo(b"II*\0" + bytes(99))
    assert caught.value.reason == "unreadable"


@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_planes_of_16_bits_are_read_as_such(compression, order, channels, tile):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, channels), np.uint8)
    pixels[..., 3:] = 255  # opaque
    planes = np.moveaxis(pixels.astype(np.uint16) * 257, 2, 0)
    file = io.BytesIO()
    tifffile.imwrite(file, planes, photometric="rgb", planarconfig="separate", byteorder=order,
                     extrasamples=["unassalpha"] * (channels - 3), compression=compression,
                     tile=tile)  # fmt: skip
    assert (np.asarray(open_photo(file.getvalue())) == pixels[..., :3]).all()

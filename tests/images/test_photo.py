"""A stranger's picture: the right pixels, or one clear sentence."""

import io
import subprocess
import sys

import numpy as np
import pytest
from odd_photos import CASES, GREY, REFUSED, encoded, header_only, ramp
from PIL import Image

from cnn_space.images.photo import MAX_PIXELS, open_photo, open_square
from cnn_space.images.photo_error import PhotoError


@pytest.mark.parametrize("case", CASES)
def test_every_kind_arrives_as_it_looks(tmp_path, case):
    data, expected, tolerance = CASES[case]
    path = tmp_path / "photo"
    path.write_bytes(data)
    for photo in (open_photo(data), open_photo(path), open_photo(str(path))):
        assert photo.mode == "RGB" and photo.size == (expected.shape[1], expected.shape[0])
        assert np.abs(np.asarray(photo).astype(int) - expected).max() <= tolerance
        assert not photo.getexif().get(0x0112), "still marked as turned"


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_gets_one_sentence(tmp_path, case):
    data, words = REFUSED[case]
    path = tmp_path / "photo"
    path.write_bytes(data)
    for source in (data, path):
        with pytest.raises(PhotoError, match=words):
            open_photo(source)
    with pytest.raises(PhotoError, match=words):
        open_square(data, 64)


def test_a_path_that_cannot_be_read(tmp_path):
    with pytest.raises(ValueError, match="cannot be read"):
        open_photo(tmp_path / "absent.png")


def test_size_is_judged_before_decoding():
    with pytest.raises(PhotoError) as caught:
        open_photo(header_only(MAX_PIXELS // 5000 + 1, 5000))
    assert caught.value.reason == "too_large"


@pytest.mark.parametrize(
    "pixels",
    [
        ramp(),
        ramp().astype(np.float32) / 255,
        ramp().astype(np.float64),
        ramp().astype(np.int64),
        ramp().astype(np.uint16) * 257,
        (ramp().astype(np.uint16) * 257).astype(">u2"),
        np.dstack([ramp(), np.full((40, 60), 255, np.uint8)]),
        np.asfortranarray(ramp()),
    ],
    ids=["uint8", "0..1", "0..255", "int64", "uint16", "big-endian", "rgba", "fortran"],
)
def test_arrays(pixels):
    assert np.array_equal(np.asarray(open_photo(pixels)), ramp())


def test_grey_arrays_and_constant_ones():
    grey = np.repeat(GREY[:, :, None], 3, 2)
    for pixels in (GREY, GREY[:, :, None], GREY / 255):
        assert np.array_equal(np.asarray(open_photo(pixels)), grey)
    assert np.asarray(open_photo(np.full((9, 9), 300.0))).max() in (0, 255)
    assert open_photo(np.full((9, 9), np.nan)).size == (9, 9)


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
def test_a_square_of_every_mode_is_rgb(mode, format, expected):
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


def test_a_square_is_upright():
    photo = Image.new("RGB", (20, 20), "black")
    photo.paste("white", (0, 0, 20, 10))  # top half white
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", exif=exif)
    pixels = np.array(open_square(buffer.getvalue(), 256))
    assert pixels[:8].mean() < 20 and pixels[12:].mean() > 235


def test_a_square_is_the_centre_and_no_larger_than_asked():
    photo = encoded(Image.fromarray(ramp(60, 40)), "PNG")
    assert np.array_equal(np.asarray(open_square(photo, 256)), ramp(60, 40)[:, 10:50])
    small = np.asarray(open_square(photo, 20)).astype(int)
    assert small.shape == (20, 20, 3)
    assert np.abs(small - ramp(60, 40)[::2, 10:50:2]).max() < 12


def test_a_square_of_a_large_jpeg_is_that_of_the_whole():
    photo = encoded(Image.fromarray(ramp(1600, 1200)), "JPEG", quality=95)
    square = open_square(photo, 64)
    assert square.size == (64, 64)
    whole = open_photo(photo).resize((85, 64)).crop((10, 0, 74, 64))
    assert np.abs(np.asarray(square).astype(int) - np.asarray(whole)).max() < 10


def test_a_square_may_have_a_bound_of_its_own():
    photo = encoded(Image.fromarray(ramp(60, 40)), "PNG")
    with pytest.raises(PhotoError) as caught:
        open_square(photo, 64, max_pixels=2000)
    assert caught.value.reason == "too_large"


def test_a_photo_and_the_readers_need_no_torch():
    code = (
        "import sys, numpy; from cnn_space.images import readers, limits, sources; "
        "from cnn_space.images.photo import open_photo; "
        "from cnn_space.images.preprocessing import Preprocessing, center_crop; "
        "center_crop(open_photo(numpy.zeros((40, 40))), Preprocessing(32, 32)); "
        "print({'torch', 'datasets', 'cnn_space.inference', 'cnn_space.weights'} & {*sys.modules})"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"

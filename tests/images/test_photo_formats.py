"""Which files are pictures, judged by what is in them; and what is whole enough to be used."""

import io
import sys

import numpy as np
import pytest
from odd_photos import RGB, encoded, header_only, ramp
from PIL import Image

from cnn_space.images import file_kinds
from cnn_space.images.photo import NET_SIDE, open_photo, open_square, open_trusted
from cnn_space.images.photo_error import PhotoError
from cnn_space.images.preprocessing import Preprocessing, center_crop

LARGE = Image.fromarray(ramp(600, 400))


def heic(image: Image.Image = RGB, **options) -> bytes:
    pytest.importorskip("pillow_heif").register_heif_opener()
    return encoded(image, "HEIF", quality=95, **options)


def jpeg_xl(image: Image.Image = RGB, **options) -> bytes:
    pytest.importorskip("pillow_jxl")
    return encoded(image, "JXL", lossless=True, **options)


def reason(data: bytes) -> str:
    with pytest.raises(PhotoError) as caught:
        open_photo(data)
    return caught.value.reason


@pytest.mark.parametrize("make", [heic, jpeg_xl])
def test_what_phones_write_is_read(make):
    pixels = ramp(120, 80)
    for photo in (open_photo(make(Image.fromarray(pixels))), open_trusted(make())):
        assert photo.mode == "RGB"
    photo = open_photo(make(Image.fromarray(pixels)))
    assert np.abs(np.asarray(photo).astype(int) - pixels).mean() < 3
    assert open_square(make(), 20).size == (20, 20)


def test_a_heic_is_not_turned_twice():
    """Its own boxes say how it is turned, and the decoder does; EXIF repeats that."""
    photo = Image.fromarray(ramp(64, 96))
    exif = photo.getexif()
    exif[0x0112] = 6
    assert open_photo(heic(photo, exif=exif)).size == (64, 96)


@pytest.mark.parametrize(
    ("make", "plugin", "title"), [(heic, "pillow_heif", "HEIC"), (jpeg_xl, "pillow_jxl", "JPEG XL")]
)
def test_without_its_wheel_a_format_is_named(monkeypatch, make, plugin, title):
    data = make()
    monkeypatch.setitem(sys.modules, plugin, None)
    with pytest.raises(PhotoError, match=f"^{title}: .*Save it as JPEG") as caught:
        open_trusted(data)
    assert caught.value.reason == "other_format"
    assert file_kinds.why_not_read(data) == "other_format"


@pytest.mark.parametrize(
    ("data", "title"),
    [
        (encoded(RGB, "JPEG2000"), "JPEG 2000"),
        (b"8BPS" + bytes(99), "Photoshop"),
        (b"<?xml version='1.0'?>\n<svg width='9'>", "SVG"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "Camera raw"),
        (b"%PDF-1.7\n", "PDF"),
    ],
)
def test_what_is_not_read_is_named(data, title):
    with pytest.raises(PhotoError, match=f"^{title}: "):
        open_photo(data)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (encoded(RGB, "PPM"), "PPM"),
        (encoded(RGB.convert("L"), "PPM"), "PPM"),
        (encoded(RGB, "MPO", save_all=True, append_images=[RGB]), "JPEG"),
        (encoded(RGB, "AVIF"), "AVIF"),
        (encoded(RGB, "TIFF", big_tiff=True), "TIFF"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf" + bytes(9), "AVIF"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIF"),
        (b"Project notes", None),
        (b"P", None),
        (b"", None),
    ],
)
def test_the_first_bytes_say_the_kind(data, kind):
    assert file_kinds.kind_of(data) == kind


def test_the_first_picture_of_an_mpo():
    other = Image.new("RGB", RGB.size, "black")
    photo = open_photo(encoded(RGB, "MPO", quality=98, save_all=True, append_images=[other]))
    assert np.abs(np.asarray(photo).astype(int) - ramp()).max() <= 12


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
class TestCutJpegs:
    """A JPEG that ends too early."""

    def test_without_its_end_marker_it_is_whole(self, mode, progressive):
        data = encoded(LARGE.convert(mode), "JPEG", quality=90, progressive=progressive)
        assert np.array_equal(open_photo(data[:-2]), open_photo(data))
        assert np.array_equal(open_square(data[:-2], 64), open_square(data, 64))

    @pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.98])
    def test_without_its_last_rows_it_is_refused(self, mode, progressive, share):
        data = encoded(LARGE.convert(mode), "JPEG", quality=90, progressive=progressive)
        assert reason(data[: int(len(data) * share)]) == "damaged"
        if not progressive:  # there the first scan has all rows
            assert reason(data[: int(len(data) * share)] + b"\xff\xd9") == "damaged"


def test_grey_corners_are_no_damage():
    grey = Image.new("RGB", (64, 48), (128, 128, 128))
    assert open_photo(encoded(grey, "JPEG")).getpixel((63, 47)) == (128, 128, 128)


def test_what_follows_a_jpeg_does_not_matter():
    data = encoded(LARGE, "JPEG", quality=90)
    assert np.array_equal(open_photo(data + b"left by a phone" * 99), open_photo(data))


def test_a_png_without_its_end_is_whole_and_without_rows_refused():
    data = encoded(LARGE, "PNG")
    assert np.array_equal(open_photo(data[:-12]), np.asarray(LARGE))
    assert reason(data[: len(data) // 2]) == "damaged"
    # Rows that end inside of the compressed stream, which is complete.
    assert reason(header_only(100, 100)) == "damaged"
    assert open_photo(header_only(100, 8)).size == (100, 8)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_png_that_ends_in_black_is_whole(mode):
    assert open_photo(encoded(Image.new(mode, (20, 21), 0), "PNG")).size == (20, 21)


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "WEBP", "AVIF", "PPM"])
def test_other_formats_are_refused_when_half_is_missing(kind):
    data = encoded(LARGE, kind)
    assert reason(data[: len(data) // 2]) == "damaged"


class TestLargeJpegs:
    """No limit of pixels but memory: JPEG decodes at a fraction."""

    @pytest.fixture(scope="class")
    @classmethod
    def photo(cls) -> bytes:
        small = Image.fromarray(ramp(75, 100))
        exif = small.getexif()
        exif[0x0112] = 6
        large = small.resize((9000, 12_000), Image.Resampling.NEAREST)
        return encoded(large, "JPEG", quality=50, exif=exif)

    def test_it_is_read_and_upright(self, photo):
        whole = open_photo(photo)
        assert whole.size == (6000, 4500)
        upright = np.rot90(ramp(75, 100), -1)
        small = np.asarray(whole.reduce(60)).astype(int)
        assert np.abs(small - upright).max() < 12

    def test_a_net_sees_the_same_of_the_fraction(self, photo):
        reduced = open_photo(photo, NET_SIDE)
        assert min(reduced.size) == 1125
        seen = Preprocessing(256, 224)
        views = [np.asarray(center_crop(p, seen)).astype(int) for p in (reduced, open_photo(photo))]
        assert np.abs(views[0] - views[1]).mean() < 1

    def test_a_set_takes_it_whatever_its_limit(self, photo):
        assert open_square(photo, 32, max_pixels=2_000_000).size == (32, 32)

    def test_other_formats_keep_their_limit(self):
        assert reason(header_only(9000, 12_000)) == "too_large"


def test_a_large_png_is_reduced_for_a_net():
    photo = open_photo(encoded(Image.fromarray(ramp(1500, 1000)), "PNG"), 200)
    assert photo.size == (750, 500)
    assert open_photo(encoded(LARGE, "PNG"), 201).size == LARGE.size


def test_an_upload_has_a_bound_of_bytes(tmp_path):
    path = tmp_path / "photo.bmp"
    buffer = io.BytesIO(b"BM")
    buffer.seek(33 * 2**20)
    buffer.write(b"\0")
    path.write_bytes(buffer.getvalue())
    for source in (path, buffer.getvalue()):
        with pytest.raises(PhotoError, match="larger than 32 MB"):
            open_photo(source)


def test_a_path_that_is_no_file(tmp_path):
    with pytest.raises(ValueError, match="no file"):
        open_photo(tmp_path)

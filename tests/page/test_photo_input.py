"""Whatever a visitor sends: the right pixels, or one clear sentence."""

import base64
import io
import re
import struct
import zlib

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from cnn_space.images.photo import MAX_PIXELS, REASONS, PhotoError, open_photo
from cnn_space.page.common.photo_input import PhotoInput, Picture, required
from cnn_space.page.common.texts import TEXTS


def ramp(width: int = 60, height: int = 40) -> np.ndarray:
    """A smooth picture [H, W, 3] whose four corners differ."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack(
        [x * 255 // (width - 1), y * 255 // (height - 1), (x + y) * 255 // (width + height - 2)], -1
    ).astype(np.uint8)


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


RGB = Image.fromarray(ramp())
GREY = ramp()[:, :, 0]


def cases():
    """name: (bytes of a file, the RGB pixels it must become, tolerance)"""
    turned = Image.fromarray(ramp())
    exif = turned.getexif()
    exif[0x0112] = 6  # the camera was held upright: turn by 90 degrees clockwise
    upright = np.rot90(ramp(), -1)
    yield "jpeg", encoded(RGB, "JPEG", quality=98), ramp(), 12
    yield "exif jpeg", encoded(turned, "JPEG", quality=98, exif=exif), upright, 12
    yield "exif png", encoded(turned, "PNG", exif=exif), upright, 0
    yield "exif webp", encoded(turned, "WEBP", lossless=True, exif=exif), upright, 0
    broken = turned.getexif().tobytes()[:9] + b"\xff" * 20
    yield "broken exif", encoded(RGB, "JPEG", quality=98, exif=broken), ramp(), 12

    alpha = np.zeros((40, 60, 1), np.uint8)
    alpha[:, 30:] = 255
    half = np.where(alpha == 255, ramp(), 255).astype(np.uint8)
    rgba = Image.fromarray(np.concatenate([ramp(), alpha], 2))
    yield "rgba png", encoded(rgba, "PNG"), half, 0
    yield "rgba webp", encoded(rgba, "WEBP", lossless=True), half, 0
    la = Image.fromarray(np.concatenate([GREY[:, :, None], alpha], 2))
    half_grey = np.repeat(np.where(alpha == 255, GREY[:, :, None], 255), 3, 2).astype(np.uint8)
    yield "la png", encoded(la, "PNG"), half_grey, 0
    soft = np.full((40, 60, 4), (0, 0, 0, 51), np.uint8)  # black, a fifth opaque
    yield "faint png", encoded(Image.fromarray(soft), "PNG"), np.full((40, 60, 3), 204, np.uint8), 1
    palette = Image.fromarray((alpha[:, :, 0] > 0).astype(np.uint8), "P")
    palette.putpalette([255, 0, 0, 0, 0, 255])
    see_through = np.where(alpha == 255, [0, 0, 255], [255, 255, 255]).astype(np.uint8)
    yield "palette png", encoded(palette, "PNG", transparency=0), see_through, 0
    yield "palette gif", encoded(palette, "GIF", transparency=0), see_through, 0

    grey = np.repeat(GREY[:, :, None], 3, 2)
    yield "grey png", encoded(Image.fromarray(GREY), "PNG"), grey, 0
    yield "one bit", encoded(Image.fromarray(GREY > 127), "PNG"), np.where(grey > 127, 255, 0), 0
    wide = Image.fromarray(GREY.astype(np.uint16) * 257)
    yield "16-bit png", encoded(wide, "PNG"), grey, 1
    yield "16-bit tiff", encoded(wide, "TIFF"), grey, 1
    floats = Image.fromarray(GREY.astype(np.float32) / 255)
    yield "float tiff", encoded(floats, "TIFF"), grey, 1
    stretched = Image.fromarray(GREY.astype(np.float32) * 20 - 1000)
    yield "wild float tiff", encoded(stretched, "TIFF"), grey, 1
    integers = Image.fromarray(GREY.astype(np.int32) * 257)
    yield "32-bit tiff", encoded(integers, "TIFF"), grey, 1

    cmyk = encoded(RGB.convert("CMYK"), "JPEG", quality=98)
    yield "cmyk jpeg", cmyk, ramp(), 16
    red, blue = (Image.new("RGB", (60, 40), colour) for colour in ("red", "blue"))
    first = np.full((40, 60, 3), (255, 0, 0), np.uint8)
    for kind in ("GIF", "PNG", "WEBP", "TIFF"):
        lossless = {"lossless": True} if kind == "WEBP" else {}
        film = encoded(red, kind, save_all=True, append_images=[blue], **lossless)
        yield f"film {kind.lower()}", film, first, 0
    yield "still gif", encoded(red, "GIF"), first, 0
    yield "bmp", encoded(RGB, "BMP"), ramp(), 0
    yield "ppm", encoded(RGB, "PPM"), ramp(), 0


CASES = {name: case for name, *case in cases()}


@pytest.fixture(params=["file", "data url"])
def send(request, tmp_path, monkeypatch):
    """Hands bytes to a PhotoInput as the browser or an API client does."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    widget = PhotoInput()

    def deliver(data: bytes, name: str = "photo.png"):
        if request.param == "data url":
            text = base64.b64encode(data).decode()
            return widget.preprocess(Picture(url=f"data:image/png;base64,{text}"))
        path = tmp_path / "upload"
        path.write_bytes(data)
        return widget.preprocess(Picture(path=str(path), orig_name=name))

    return deliver


@pytest.mark.parametrize("case", CASES)
def test_every_kind_arrives_as_it_looks(send, case):
    data, expected, tolerance = CASES[case]
    photo = send(data)
    assert photo.mode == "RGB" and photo.size == (expected.shape[1], expected.shape[0])
    difference = np.abs(np.asarray(photo).astype(int) - expected)
    assert difference.max() <= tolerance
    assert not photo.getexif().get(0x0112), "still marked as turned: the next reader turns it again"


def chunk(kind: bytes, body: bytes) -> bytes:
    """A part of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def header_only(width: int, height: int) -> bytes:
    """A PNG that claims a size and compresses to nothing: what a bomb looks like."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    row = b"\x00" + b"\x00" * (3 * width)
    body = zlib.compress(row * min(height, 8))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


JPEG = encoded(Image.fromarray(ramp(600, 400)), "JPEG", quality=90)
PNG = encoded(Image.fromarray(ramp(60, 40)), "PNG")
AVIF = encoded(Image.fromarray(ramp(64, 64)), "AVIF")
AVIF_PIXELS = AVIF.index(b"mdat") + 4
REFUSED = {
    "empty": (b"", "empty"),
    "text": (b"not a picture at all, but long enough to look at", "not a picture"),
    "html": (b"<html><img onerror=alert(1)></html>" * 9, "not a picture"),
    "svg": (
        b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>',
        "not a picture",
    ),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n", "not a picture"),
    "jpeg 2000": (encoded(RGB, "JPEG2000"), "not a picture"),
    "truncated jpeg": (JPEG[: len(JPEG) // 2], "damaged"),
    "truncated png": (encoded(Image.fromarray(ramp(300, 300)), "PNG")[:1000], "damaged"),
    "empty gamma": (PNG.replace(PNG[-12:], chunk(b"gAMA", b"") + PNG[-12:]), "damaged"),
    "broken avif": (AVIF[:AVIF_PIXELS] + bytes(len(AVIF) - AVIF_PIXELS), "damaged"),
    "truncated head": (JPEG[:20], "not a picture|damaged"),
    "1×1": (encoded(Image.new("RGB", (1, 1)), "PNG"), "1 × 1 pixels"),
    "3000×1": (encoded(Image.new("RGB", (3000, 1)), "PNG"), "3000 × 1 pixels"),
    "100 megapixels": (header_only(10_000, 10_000), "50 million"),
    "a bomb": (header_only(40_000, 40_000), "50 million"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_gets_one_sentence(send, case):
    data, words = REFUSED[case]
    told = send(data)
    why = told.why()
    assert re.search(words, why) and "/" not in why and "Traceback" not in why
    assert re.search("[가-힣]", told.why("ko"))
    with pytest.raises(gr.Error, match=words) as caught:  # for programs
        required(told, "missing")
    assert caught.value.print_exception is False


@pytest.mark.parametrize("url", ["data:", "data:image/png;base64,", "data:image/png;base64,%%%"])
def test_data_urls_with_nothing_in_them(url):
    assert re.search("empty|not a picture", PhotoInput().preprocess(Picture(url=url)).why())


def test_pictures_inside_requests_are_not_kept():
    """Gradio keeps with the session what ``model_dump`` gives of every input."""
    assert PhotoInput().data_model is Picture
    for url, kept in (("data:image/png;base64,AAAA", None), ("https://x/y.png", "https://x/y.png")):
        picture = Picture(url=url)
        assert picture.url == url and picture.model_dump()["url"] == kept


def test_data_urls_are_bounded_before_they_are_decoded(monkeypatch):
    monkeypatch.setattr("cnn_space.page.common.photo_input.MAX_BYTES", 1000)
    text = base64.b64encode(JPEG * 3).decode()
    told = PhotoInput().preprocess(Picture(url=f"data:image/jpeg;base64,{text}"))
    assert "larger than" in told.why()


def test_only_uploads_are_opened(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    secret = tmp_path / "secret.png"
    RGB.save(secret)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "link.png").symlink_to(secret)
    for path in (secret, tmp_path / "cache" / ".." / "secret.png", tmp_path / "cache" / "link.png"):
        assert "not a picture" in PhotoInput().preprocess(Picture(path=str(path))).why()
    elsewhere = Picture(url="http://127.0.0.1/photo.png")
    assert "not a picture" in PhotoInput().preprocess(elsewhere).why()


def test_nothing_is_nothing():
    assert PhotoInput().preprocess(None) is None
    with pytest.raises(gr.Error, match="missing"):
        required(None, "missing")


def test_size_is_judged_before_decoding(monkeypatch):
    decoded = []
    monkeypatch.setattr(Image.Image, "load", lambda self: decoded.append(self))
    with pytest.raises(PhotoError):
        open_photo(header_only(MAX_PIXELS // 5000 + 1, 5000))
    assert not decoded


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


def test_reasons_have_words_in_both_languages():
    for reason, sentence in REASONS.items():
        key = f"photo_{reason}"
        assert TEXTS["en"][key] == sentence and TEXTS["ko"][key] != sentence

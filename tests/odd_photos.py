"""Pictures of every kind, with the RGB pixels they must become, and files that must be refused."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


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


# Files that are made to hold a decoder.


def many_scans(count: int, side: int = 4000) -> bytes:
    """A progressive JPEG whose last scan comes ``count`` times."""
    data = encoded(Image.new("RGB", (side, side), "white"), "JPEG", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + scan * count + data[-2:]


def many_strips(count: int) -> bytes:
    """A TIFF with a strip for each of its rows."""
    tags = [
        (256, 4, 1, 8), (257, 4, 1, count), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
        (273, 4, count, 200), (277, 3, 1, 1), (278, 4, 1, 1), (279, 4, count, 200 + 4 * count),
    ]  # fmt: skip
    head = b"II*\0" + struct.pack("<IH", 8, len(tags))
    head += b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    places, lengths = struct.pack("<I", 100) * count, struct.pack("<I", 8) * count
    return head.ljust(200, b"\0") + places + lengths


def flood(before: bytes, part: bytes, after: bytes = b"", megabytes: int = 25) -> bytes:
    return before + part * (megabytes * 2**20 // len(part)) + after


ATTACKS = {
    "4,000 scans": lambda: many_scans(4000),
    "a comment without end": lambda: flood(b"P6 #", b"x"),
    "JPEG segments": lambda: flood(JPEG[:2], b"\xff\xfe\0\2", JPEG[2:]),
    "PNG chunks": lambda: flood(PNG[:33], chunk(b"abCd", b""), PNG[33:]),
    "TIFF strips": lambda: many_strips(2_000_000),
}

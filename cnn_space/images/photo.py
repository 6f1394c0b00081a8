"""A stranger's picture of any kind as RGB pixels, or the reason why it cannot be used."""

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps

from cnn_space.images.preprocessing import Preprocessing, center_crop
from cnn_space.settings import MAX_MEGAPIXELS

# Only decoders that read pixels: no PostScript, no vector formats, no external programs. JPEG 2000
# is left out because Pillow lets no other thread run while it decodes one.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "MPO", "PNG", "PPM", "TIFF", "WEBP")
MAX_PIXELS = MAX_MEGAPIXELS * 1_000_000
MIN_SIDE = 8  # pixels

REASONS = {
    "unreadable": "This is not a picture that can be read. JPEG, PNG, WebP, AVIF, GIF, BMP and "
    "TIFF work.",
    "damaged": "This picture is damaged or cut off. Try saving or copying it again.",
    "empty": "This file is empty.",
    "gone": "This picture is no longer here. Choose it again.",
    "too_small": "This picture is {width} × {height} pixels; at least {least} × {least} are "
    "needed.",
    "too_large": "This picture has more than {most} million pixels. Make it smaller first.",
    "too_many_bytes": "This file is larger than {most} MB. Make it smaller first.",
}


class PhotoError(ValueError):
    """A picture that cannot be used: ``reason`` is a key of REASONS, ``values`` fill it in."""

    def __init__(self, reason: str, **values):
        super().__init__(REASONS[reason].format(**values))
        self.reason, self.values = reason, values


def open_photo(source: Image.Image | np.ndarray | str | Path | bytes) -> Image.Image:
    """Any picture as RGB, 8 bits a channel, upright.

    ``source`` is a path, the bytes of a file, a PIL image, or an array: [H, W], [H, W, 1],
    [H, W, 3] or [H, W, 4] of uint8, uint16 (0..65535) or floats (0..1 or 0..255). An animation
    gives its first frame; transparent pixels become white; EXIF orientation is applied; 16-bit
    and float greyscale is scaled to 8 bits.

    Raises PhotoError (a ValueError) for a file that is no picture or is damaged, and for a picture
    smaller than MIN_SIDE pixels a side or of more than MAX_PIXELS pixels; the size is checked
    before anything is decoded. Raises ValueError for a path that cannot be read.
    """
    if isinstance(source, np.ndarray):
        image = _from_array(source)
        _check_size(image)
        return image
    if isinstance(source, Image.Image):
        return _to_rgb(source)
    if isinstance(source, (bytes, bytearray)):
        return _to_rgb(_open_bytes(source))
    path = Path(source)
    try:
        if path.stat().st_size == 0:
            raise PhotoError("empty")
        with path.open("rb") as file:
            return _to_rgb(_open(file))
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from None


def open_square(data: bytes, side: int, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """The central square of an encoded photo, RGB, with at most ``side`` pixels a side.

    Raises PhotoError as ``open_photo`` does, and for a photo of more than ``max_pixels`` pixels.
    """
    image = _open_bytes(data)
    _check_size(image, max_pixels)
    photo = _decode(image, draft=2 * side)
    side = min(side, *photo.size)
    return center_crop(photo, Preprocessing(side, side))


def _to_rgb(image: Image.Image) -> Image.Image:
    _check_size(image)
    return _decode(image)


def _open_bytes(data: bytes) -> Image.Image:
    if not data:
        raise PhotoError("empty")
    return _open(io.BytesIO(data))


def _open(file) -> Image.Image:
    """An image whose header has been read and nothing more. Raises PhotoError."""
    Image.init()
    try:
        with warnings.catch_warnings():
            # The size is judged by MAX_PIXELS, not by Pillow's warning.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(file, formats=[name for name in FORMATS if name in Image.OPEN])
    except Image.DecompressionBombError:
        raise PhotoError("too_large", most=MAX_MEGAPIXELS) from None
    except Exception:  # Pillow's decoders raise whatever hostile bytes lead them to
        raise PhotoError("unreadable") from None


def _check_size(image: Image.Image, max_pixels: int = MAX_PIXELS) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise PhotoError("too_large", most=max_pixels // 1_000_000)
    if min(width, height) < MIN_SIDE:
        raise PhotoError("too_small", width=width, height=height, least=MIN_SIDE)


def _decode(image: Image.Image, draft: int | None = None) -> Image.Image:
    """The first frame as upright RGB. ``draft`` lets a JPEG be decoded at a fraction of its size,
    which is that many pixels a side at least."""
    try:
        if draft:
            image.draft("RGB", (draft, draft))
        image.seek(0)  # GIF, APNG, WebP and multi-page TIFF: the first picture
        image.load()
        return _upright_rgb(image)
    except (MemoryError, OverflowError) as error:
        raise PhotoError("unreadable") from error
    except Exception as error:  # as for _open
        raise PhotoError("damaged") from error


def _upright_rgb(image: Image.Image) -> Image.Image:
    try:
        if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
            image = ImageOps.exif_transpose(image)
    except Exception:  # broken EXIF says nothing about the pixels
        pass
    if image.mode.startswith(("I", "F")):
        return _from_array(np.asarray(image))
    if image.has_transparency_data:
        image = image if image.mode == "RGBA" else image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image)
        return white
    return image if image.mode == "RGB" else image.convert("RGB")


def _from_array(pixels: np.ndarray) -> Image.Image:
    """An array of pixels as an RGB image; see ``open_photo`` for what it may hold."""
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if (
        not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (3, 4)))
        or min(pixels.shape[:2]) == 0
    ):
        raise ValueError(
            f"an array of pixels is [H, W], [H, W, 3] or [H, W, 4], got {list(pixels.shape)}"
        )
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8) * 255
    if pixels.dtype != np.uint8:
        pixels = _to_bytes(pixels)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return _upright_rgb(image) if image.mode != "RGB" else image


def _to_bytes(pixels: np.ndarray) -> np.ndarray:
    """Pixels of any number type as uint8. The first of the type's usual ranges that holds all
    values is scaled to 0..255; without one, the range from the least value to the greatest."""
    if pixels.dtype.newbyteorder("=") == np.uint16:
        ranges = (65535.0,)
    elif np.issubdtype(pixels.dtype, np.floating):
        ranges = (1.0, 255.0)
    else:
        ranges = (255.0, 65535.0)
    values = np.nan_to_num(pixels.astype(np.float32), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    top = next((top for top in ranges if low >= 0 and high <= top), None)
    if top is None:
        values, top = values - low, (high - low) or 1.0
    return np.rint(values * (255.0 / top)).astype(np.uint8)

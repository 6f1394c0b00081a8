"""A stranger's picture of any kind as RGB pixels, or the reason why it cannot be used: the one
intake for all that visitors bring, and for training sets."""

import stat
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from cnn_space.images import decoder_pool, decoding, depth, tiff
from cnn_space.images.decoding import MIN_SIDE
from cnn_space.images.photo_error import PhotoError
from cnn_space.images.preprocessing import Preprocessing, center_crop
from cnn_space.settings import MAX_MEGAPIXELS

if TYPE_CHECKING:
    import numpy as np

MAX_PIXELS = MAX_MEGAPIXELS * 1_000_000  # of every format but JPEG, which decodes at a fraction
MAX_BYTES = 32 * 2**20  # of one file
# The largest ``resize`` of the nets here, in pixels: more of a photo's details reaches none.
NET_SIDE = 342


def open_photo(
    source: "Image.Image | np.ndarray | str | Path | bytes", side: int | None = None
) -> Image.Image:
    """Any picture as RGB, 8 bits a channel, upright, in sRGB.

    ``source`` is a path, the bytes of a file, a PIL image, or an array: [H, W], [H, W, 1],
    [H, W, 3] or [H, W, 4] of uint8, uint16 (0..65535) or floats (0..1 or 0..255). An animation
    gives its first frame; transparent pixels become white; EXIF orientation and colour profile are
    applied; 16-bit and float greyscale is scaled to 8 bits, 16-bit pixels whose top bits are empty
    by the bits in use. ``info["format"]`` and ``info["notes"]`` of the result: see
    ``decoding.decode``.

    ``side`` (pixels) is what a caller will scale the shorter side to: a larger picture is reduced
    to a fraction of its size whose shorter side has at least twice as many, which is much faster.

    Raises PhotoError (a ValueError) for a file that is no picture, is damaged, has more than
    MAX_BYTES bytes, or takes too long to decode; and for a picture smaller than MIN_SIDE pixels a
    side or of more than MAX_PIXELS pixels, before it is decoded. A JPEG above MAX_PIXELS comes at
    1/2, 1/4 or 1/8 of its size. Raises ValueError for a path that cannot be read.
    """
    if isinstance(source, (str, Path)):
        source = _read(Path(source))
    if isinstance(source, (bytes, bytearray)):
        return open_encoded(bytes(source), side)
    if isinstance(source, Image.Image):
        return _from_image(source, side)
    return _from_array(source, side)


def open_encoded(
    data: bytes,
    side: int | None = None,
    *,
    max_pixels: int = MAX_PIXELS,
    seconds: float = decoder_pool.PATIENT_SECONDS,
) -> Image.Image:
    """``open_photo`` for the bytes of a file. It is decoded in a process of its own with limits of
    time (``seconds`` at most) and memory."""
    if len(data) > MAX_BYTES:
        raise PhotoError("too_many_bytes", most=MAX_BYTES // 2**20)
    return decoder_pool.POOL.decode(data, side=side, max_pixels=max_pixels, seconds=seconds)


def open_trusted(data: bytes, side: int | None = None) -> Image.Image:
    """``open_photo`` for the bytes of a file of a set that the operator chose: decoded here, since
    for thumbnails handing them to another process takes longer than decoding them."""
    return decoding.decode(data, side=side, max_pixels=MAX_PIXELS)


def open_square(
    data: bytes,
    side: int,
    max_pixels: int = MAX_PIXELS,
    seconds: float = decoder_pool.PATIENT_SECONDS,
) -> Image.Image:
    """The central square of an encoded photo, RGB, with at most ``side`` pixels a side.

    Raises PhotoError as ``open_photo`` does, and for a photo of more than ``max_pixels`` pixels
    that is no JPEG.
    """
    photo = open_encoded(data, side, max_pixels=max_pixels, seconds=seconds)
    side = min(side, *photo.size)
    return center_crop(photo, Preprocessing(side, side))


def _read(path: Path) -> bytes:
    """A file's bytes, one more than MAX_BYTES at most."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ValueError(f"{path} cannot be read: it is no file")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from None


def _from_image(image: Image.Image, side: int | None) -> Image.Image:
    """A PIL image, decoded or not yet, as ``open_photo`` gives it."""
    _check_size(image)
    try:
        image.seek(0)
        tiff.mend_layout(image)
        image.load()
        rgb, notes = decoding.to_rgb(image, image.info.get("icc_profile"), side)
        if rgb is not image:
            rgb = decoding.upright(rgb, image)
            rgb.info = {"format": image.format, "notes": notes}
        return rgb
    except (MemoryError, OverflowError) as error:
        raise PhotoError("too_much_memory") from error
    except Exception as error:  # Pillow's decoders raise whatever broken bytes lead them to
        raise PhotoError("damaged") from error


def _from_array(pixels: "np.ndarray", side: int | None) -> Image.Image:
    """An array of pixels as an RGB image; see ``open_photo`` for what it may hold."""
    import numpy as np

    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if (
        not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (3, 4)))
        or min(pixels.shape[:2]) == 0
    ):
        raise ValueError(
            f"an array of pixels is [H, W], [H, W, 3] or [H, W, 4], got {list(pixels.shape)}"
        )
    bits = None
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8) * 255
    if pixels.dtype != np.uint8:
        pixels, bits = depth.to_bytes(pixels)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    _check_size(image)
    rgb, notes = decoding.to_rgb(image, None, side)
    rgb.info = {"format": None, "notes": notes | ({"stretched": bits} if bits else {})}
    return rgb


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise PhotoError("too_large", most=MAX_MEGAPIXELS)
    if min(width, height) < MIN_SIDE:
        raise PhotoError("too_small", width=width, height=height, least=MIN_SIDE)

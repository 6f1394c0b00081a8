"""Decodes a file of any picture format to upright sRGB. Needs Pillow alone: what decodes for
strangers is a small process (see ``decoding_process``)."""

import io
import warnings
from contextlib import suppress

from PIL import ExifTags, Image, ImageChops

from cnn_space.images import depth, file_kinds, tiff
from cnn_space.images.color import to_srgb
from cnn_space.images.photo_error import PhotoError

MIN_SIDE = 8  # pixels
# A progressive JPEG is sent in about ten scans; each is a walk over the whole picture.
MAX_SCANS = 100

# Formats whose first bytes no other file has.
_SURE = frozenset({"AVIF", "HEIF", "JXL", "PNG", "WEBP"})
# JPEG can be decoded at 1/2, 1/4 and 1/8 of its size.
_SCALES = (1, 2, 4, 8)
_END_OF_IMAGE, _START_OF_SCAN = b"\xff\xd9", b"\xff\xda"


def decode(data: bytes, *, side: int | None, max_pixels: int) -> Image.Image:
    """A picture file as upright sRGB, mode RGB; ``info`` says what was done to it.

    With ``side`` a larger picture is reduced to a fraction whose shorter side has at least twice
    that many pixels. ``info["format"]`` is Pillow's name of the format; ``info["notes"]`` has
    ``"stretched"``, the bits in use, for pixels of 16 bits whose top bits are empty, and
    ``"profile_converted"`` or ``"profile_ignored"``, True, for a colour profile that is not sRGB's,
    or that cannot be used.

    Raises PhotoError, for a picture of more than ``max_pixels`` pixels, too, unless it is a JPEG.
    """
    return Opened(data, side=side, max_pixels=max_pixels).decode()


class Opened:
    """A picture file whose header has been read, and whose size is fit to be decoded."""

    def __init__(self, data: bytes, *, side: int | None, max_pixels: int):
        self._data, self._side, self._max_pixels = data, side, max_pixels
        try:
            self._image = _open(data)
        except Image.DecompressionBombError:  # of more than Pillow's limit, where it has one
            raise PhotoError("too_large", most=max_pixels // 1_000_000) from None
        self._check_size()

    @property
    def pixels(self) -> int:
        """How many pixels are decoded."""
        width, height = self._image.size
        return width * height

    def decode(self) -> Image.Image:
        """See ``decode``."""
        try:
            return self._decode()
        except PhotoError:
            raise
        except MemoryError:
            raise PhotoError("too_much_memory") from None
        except Exception as error:  # Pillow's decoders raise whatever hostile bytes lead them to
            raise PhotoError("damaged") from error

    def _check_size(self) -> None:
        image = self._image
        width, height = image.size
        if min(width, height) < MIN_SIDE:
            raise PhotoError("too_small", width=width, height=height, least=MIN_SIDE)
        if image.format in ("JPEG", "MPO"):
            _set_scale(image, self._side, self._max_pixels)
        if self.pixels > self._max_pixels:
            raise PhotoError("too_large", most=self._max_pixels // 1_000_000)

    def _decode(self) -> Image.Image:
        image, notes = self._image, {}
        is_deep = depth.is_deep(image)
        tiff.mend_layout(image)
        image.seek(0)  # GIF, APNG, WebP and multi-page TIFF: the first picture
        image.load()
        if image.format in ("JPEG", "MPO"):
            self._refuse_cut_jpeg()
        elif image.format == "PNG":
            self._refuse_cut_png()
        if is_deep:
            pixels, bits = depth.stretch_deep(image, _open(self._data))
            notes |= {"stretched": bits} if bits else {}
        else:
            pixels = image
        rgb, more = to_rgb(pixels, image.info.get("icc_profile"), self._side)
        rgb = upright(rgb, image)
        rgb.info = {"format": image.format, "notes": notes | more}
        return rgb

    def _refuse_cut_jpeg(self) -> None:
        """A JPEG that ends too early is decoded without an error: its last rows are grey, which
        depends on what follows the end."""
        data, image = self._data, self._image
        end = data.rfind(_END_OF_IMAGE)
        has_end = end >= 0 and data.find(_START_OF_SCAN, end) < 0
        width, height = image.size
        corner = image.crop((width - 1, height - 1, width, height)).tobytes()
        if has_end and any(not 127 <= value <= 129 for value in corner):
            return
        other = data[: end if has_end else None] + bytes(range(1, 250)) * 40 + _END_OF_IMAGE
        again = Opened(other, side=self._side, max_pixels=self._max_pixels)._image
        if ImageChops.difference(image, again).getbbox():
            raise PhotoError("damaged")

    def _refuse_cut_png(self) -> None:
        """A PNG whose compressed rows end too early is decoded without an error: its last rows
        stay as they were before, which is zero."""
        image = self._image
        rows = (0, image.height - 2, image.width, image.height)  # interlaced ones take turns
        last = image.crop(rows).tobytes()
        if any(last[: len(last) // 2]) and any(last[len(last) // 2 :]):
            return
        again = _open(self._data)
        again.im = Image.new(again.mode, again.size, "white" if again.mode != "P" else 255).im
        again.load()
        if again.crop(rows).tobytes() != last:
            raise PhotoError("damaged")


def to_rgb(
    image: Image.Image, profile: bytes | None, side: int | None = None
) -> tuple[Image.Image, dict[str, int]]:
    """A decoded picture of any mode as sRGB, and notes on it; see ``decode``. Transparent pixels
    become white."""
    notes = {}
    if image.mode.startswith(("I", "F")) or tiff.has_signed_bytes(image):
        pixels, bits = depth.to_bytes(tiff.numbers(image))
        image = Image.fromarray(255 - pixels if tiff.is_zero_white(image) else pixels)
        notes |= {"stretched": bits} if bits else {}
    image = _direct(image)
    if side and (factor := min(image.size) // (2 * side)) > 1:
        image = image.reduce(factor)
    image, became = to_srgb(image, profile)
    notes |= {f"profile_{became}": True} if became else {}
    if image.mode in ("RGBA", "LA"):
        image = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image)
        image = white
    return (image if image.mode == "RGB" else image.convert("RGB")), notes


def upright(image: Image.Image, source: Image.Image) -> Image.Image:
    """A picture turned as the EXIF data of ``source``, which it was made from, say."""
    if source.format == "JXL" and not source.jpeg:  # turned when it was decoded
        return image
    turn = None
    with suppress(Exception):  # broken EXIF says nothing about the pixels
        turn = _TURNS.get(source.getexif().get(ExifTags.Base.Orientation))
    return image if turn is None else image.transpose(turn)


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _direct(image: Image.Image) -> Image.Image:
    """A picture whose pixels are colours, not numbers of a palette, of 8 bits."""
    if image.has_transparency_data:
        return image if image.mode in ("RGBA", "LA") else image.convert("RGBA")
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _set_scale(image: Image.Image, side: int | None, max_pixels: int) -> None:
    """Let a JPEG be decoded at the fraction of its size that is enough, and that is allowed."""
    width, height = image.size
    wanted = min(width, height) // (2 * side) if side else 1
    enough = max((scale for scale in _SCALES if scale <= wanted), default=1)
    allowed = next((s for s in _SCALES if width * height <= max_pixels * s * s), _SCALES[-1])
    scale = max(enough, allowed)
    image.draft(None, (width // scale, height // scale))


def _open(data: bytes) -> Image.Image:
    """An image whose header has been read and nothing more. Raises PhotoError."""
    kind = file_kinds.kind_of(data)
    if not data:
        raise PhotoError("empty")
    if kind is None:
        raise PhotoError("unreadable")
    if not file_kinds.is_read(kind):
        raise PhotoError("other_format", name=file_kinds.title(kind))
    if kind == "JPEG":
        if data.count(_START_OF_SCAN) > MAX_SCANS:
            raise PhotoError("too_slow")
        # The end may be missing although all rows are there.
        data += _END_OF_IMAGE
    _register(kind)
    try:
        with warnings.catch_warnings():
            # The size is judged afterwards, not by Pillow's warning.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(io.BytesIO(data), formats=[kind])
    except Image.DecompressionBombError:
        raise
    except MemoryError:
        raise PhotoError("too_much_memory") from None
    except Exception:  # as in Opened.decode
        if kind == "TIFF" and (name := tiff.title(data)):
            raise PhotoError("other_format", name=name) from None
        raise PhotoError("damaged" if kind in _SURE else "unreadable") from None


def _register(kind: str) -> None:
    """Teach Pillow the formats that have wheels of their own."""
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    elif kind == "JXL":
        import pillow_jxl  # noqa: F401

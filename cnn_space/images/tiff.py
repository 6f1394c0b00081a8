"""TIFF files whose samples Pillow does not know, or takes for others than they are."""

import io
import warnings
from typing import TYPE_CHECKING

from PIL import Image, TiffImagePlugin

if TYPE_CHECKING:
    import numpy as np

_BITS, _PHOTOMETRIC, _SAMPLES, _FORMAT = 258, 262, 277, 339  # tags, as the standard numbers them
_WIDTH = 256
_KINDS = {1: "uint", 2: "int", 3: "float", 5: "complex int", 6: "complex"}  # by _FORMAT

# Layouts that Pillow can unpack and does not list: (byte order, photometric, format, fill order,
# bits, extra samples), and its modes. NumPy's arrays are of 64 bits unless someone says otherwise.
_MORE = {
    (b"MM", 0, (1,), 1, (16,), ()): ("I;16B", "I;16B"),
    (b"MM", 1, (1,), 1, (32,), ()): ("I", "I;32BS"),
    (b"II", 1, (3,), 1, (64,), ()): ("F", "F;64F"),
    (b"MM", 1, (3,), 1, (64,), ()): ("F", "F;64BF"),
}
for _layout, _modes in _MORE.items():
    TiffImagePlugin.OPEN_INFO.setdefault(_layout, _modes)

# libtiff, which reads compressed files, gives numbers in the order of this machine; Pillow would
# swap those of a big-endian file once more.
_SWAPPED = {"I;16BS": "I;16NS", "I;32BS": "I;32NS", "F;32BF": "F;32NF", "F;64BF": "F;64NF"}


def mend_layout(image: Image.Image) -> None:
    """Let a picture that is opened and not yet decoded be decoded in the right byte order, and
    planes of 16 bits, one for each colour, not as if they had 8."""
    for i, tile in enumerate(image.tile if image.format == "TIFF" else ()):
        mode = tile.args[0]
        if tile.codec_name == "libtiff":
            mode = _SWAPPED.get(mode, mode)
        elif len(mode) == 1 and mode in "RGBAX" and _tag(image, _BITS) == 16:
            mode += ";16L" if image.tag_v2.prefix == b"II" else ";16B"
        image.tile[i] = tile._replace(args=(mode, *tile.args[1:]))


def has_signed_bytes(image: Image.Image) -> bool:
    """Whether a decoded picture has samples of 8 bits with a sign, which Pillow takes for grey."""
    return image.mode == "L" and _tag(image, _FORMAT) == 2


def numbers(image: Image.Image) -> "np.ndarray":
    """The samples [H, W] of a decoded picture in one channel, as the file means them."""
    import numpy as np

    pixels = np.asarray(image)
    if has_signed_bytes(image):
        return pixels.view(np.int8)
    if image.mode == "I" and (_tag(image, _FORMAT), _tag(image, _BITS)) == (1, 32):
        return pixels.view(np.uint32)
    return pixels


def is_zero_white(image: Image.Image) -> bool:
    """Whether the lowest number of a picture is white. With 8 bits or fewer Pillow sees to it."""
    return image.mode.startswith(("I", "F")) and _tag(image, _PHOTOMETRIC) == 0


def title(data: bytes) -> str | None:
    """What to call a TIFF that cannot be opened, by its samples: "TIFF, 3 × float32"; None where
    there is nothing to go by."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is cut off
            is_big = data[2:4] in (b"+\0", b"\0+")  # BigTIFF has a longer header
            tags = TiffImagePlugin.ImageFileDirectory_v2(data[: 16 if is_big else 8])
            file = io.BytesIO(data)
            file.seek(tags.next)
            tags.load(file)
        if _WIDTH not in tags:
            return None
        bits, form = tags.get(_BITS, (1,)), tags.get(_FORMAT, (1,))
        count = tags.get(_SAMPLES, len(bits))
        sample = f"{_KINDS[form[0]]}{bits[0]}"
    except Exception:  # Pillow raises whatever a stranger's bytes lead it to
        return None
    return f"TIFF, {count} × {sample}" if count > 1 else f"TIFF, {sample}"


def _tag(image: Image.Image, tag: int) -> int | None:
    """The first value of a tag of the file that ``image`` was read from; where the file says
    nothing, the standard's own value of _FORMAT and of _BITS, and None of others."""
    tags = getattr(image, "tag_v2", None)
    if tags is None:
        return None
    usual = {_FORMAT: 1, _BITS: 1}.get(tag)
    value = tags.get(tag, usual)
    return value[0] if isinstance(value, tuple) else value

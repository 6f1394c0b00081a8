"""Pixels of any number type as 8 bits a channel."""

from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    import numpy as np

# Cameras and scanners give 10, 12 or 14 bits, which files keep in 16.
MOST_BITS = 14


def bits_in_use(greatest: float) -> int | None:
    """How many bits values up to ``greatest`` take, when they leave the top bits of 16 empty."""
    bits = max(8, int(greatest).bit_length())
    return bits if bits <= MOST_BITS else None


def to_bytes(pixels: "np.ndarray") -> "tuple[np.ndarray, int | None]":
    """Pixels of any number type as uint8, and the bits in use where that stretched them.

    uint16 is taken as 0..65535, floats as 0..1 or 0..255, other integers as 0..255 or 0..65535:
    the first range that holds all values is scaled to 0..255; without one, the range from the least
    value to the greatest. Integers of 16 bits whose top bits are all empty are scaled by the bits
    in use: 0..4095 for a greatest value of 4,032.
    """
    import numpy as np

    is_float = np.issubdtype(pixels.dtype, np.floating)
    values = np.array(pixels, np.float32)  # a copy
    np.nan_to_num(values, copy=False, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    stretched = None
    if low >= 0 and high <= (255 if is_float else 65535):
        top = (1.0 if high <= 1 else 255.0) if is_float else 65535.0
        if not is_float and (bits := bits_in_use(high)):
            top, stretched = 2.0**bits - 1, bits if bits > 8 else None
            # 8 bits in a type of 16: said, too, unless the type is of any size
            stretched = stretched or (8 if pixels.dtype.itemsize == 2 and high else None)
    else:
        values -= low
        top = (high - low) or 1.0
    values *= 255.0 / top
    return np.rint(values, out=values).astype(np.uint8), stretched


def is_deep(image: Image.Image) -> bool:
    """Whether a file that is opened and not yet decoded has 16 bits a channel in several channels:
    Pillow decodes only the upper 8 of them."""
    return image.mode in ("RGB", "RGBA") and any(";16" in _raw_mode(tile) for tile in image.tile)


def stretch_deep(image: Image.Image, again: Image.Image) -> tuple[Image.Image, int | None]:
    """A decoded picture of 16 bits a channel, stretched where its top bits are empty.

    ``image`` has the upper 8 bits; ``again`` is the same file, opened and not decoded, from which
    the lower 8 bits are taken. Gives the picture and the bits in use, None where all are.
    """
    import numpy as np

    colors = image.getextrema()[:3]
    bits = bits_in_use(max(high for _, high in colors) * 256 + 255)
    if bits is None:
        return image, None
    swapped = {"B": "L", "L": "B", "N": "B" if np.little_endian else "L"}
    is_grey = _raw_mode(again.tile[0]).startswith("LA")
    for i, tile in enumerate(again.tile):
        raw = _raw_mode(tile)
        # Grey and opacity are four bytes: as RGBA, the lower one of grey is G.
        lower = "RGBA" if is_grey else raw[:-1] + swapped[raw[-1]]
        args = lower if isinstance(tile.args, str) else (lower, *tile.args[1:])
        again.tile[i] = tile._replace(args=args)
    again.load()
    lowers = [again.getchannel("G")] * 3 if is_grey else again.split()[:3]
    # One channel at a time, since whole pictures of 16 bits are large.
    values = [
        np.asarray(upper).astype(np.uint16) * 256 + np.asarray(lower)
        for upper, lower in zip(image.split()[:3], lowers, strict=True)
    ]
    bits = bits_in_use(max(int(channel.max()) for channel in values))
    table = np.rint(np.arange(2**bits) * (255 / (2**bits - 1))).astype(np.uint8)
    channels = [Image.fromarray(table[channel]) for channel in values]
    return Image.merge(image.mode, channels + list(image.split()[3:])), bits


def _raw_mode(tile) -> str:
    """How the bytes of a file's tile are laid out, in Pillow's words: ``"RGB;16B"``."""
    args = tile.args if isinstance(tile.args, str) else (tile.args or ("",))[0]
    return args if isinstance(args, str) else ""

"""Colour profiles, and pictures that have them: made here, as no package has any but sRGB."""

import struct

import numpy as np
from PIL import ImageCms

# Primaries and white point as CIE xy, and gamma.
D65, D50 = (0.3127, 0.3290), (0.3457, 0.3585)
SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), D65)
ADOBE_RGB = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), D65)
DISPLAY_P3 = ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06), D65)
PROPHOTO = ((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001), D50)
SWAPPED = ((0.30, 0.60), (0.64, 0.33), (0.15, 0.06), D65)  # red is green

_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


def _xyz(xy) -> np.ndarray:
    x, y = xy
    return np.array([x / y, 1, (1 - x - y) / y])


def to_xyz(primaries) -> np.ndarray:
    """The matrix from linear RGB of these primaries to CIE XYZ under D50."""
    *colors, white = primaries
    columns = np.stack([_xyz(xy) for xy in colors], 1)
    matrix = columns * np.linalg.solve(columns, _xyz(white))
    scale = (_BRADFORD @ _xyz(D50)) / (_BRADFORD @ _xyz(white))
    return np.linalg.inv(_BRADFORD) @ np.diag(scale) @ _BRADFORD @ matrix


def _srgb_curve(linear: np.ndarray) -> np.ndarray:
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def rendered(pixels: np.ndarray, primaries, gamma: float) -> np.ndarray:
    """Pixels [H, W, 3] of a profile as sRGB, 0..255: by the definition, not by any library."""
    linear = (pixels / 255.0) ** gamma
    matrix = np.linalg.inv(to_xyz(SRGB)) @ to_xyz(primaries)
    return 255 * _srgb_curve(np.clip(linear @ matrix.T, 0, 1))


def profile(primaries, gamma: float) -> bytes:
    """An ICC profile (version 2) of three primaries and one gamma."""

    def xyz(values) -> bytes:
        numbers = [round(float(v) * 65536) for v in values]
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *numbers)

    matrix = to_xyz(primaries)
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    text = b"test\0"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78)
    tags = {
        b"desc": description.ljust(-(-len(description) // 4) * 4, b"\0"),
        b"wtpt": xyz(_xyz(D50)),
        b"rXYZ": xyz(matrix[:, 0]),
        b"gXYZ": xyz(matrix[:, 1]),
        b"bXYZ": xyz(matrix[:, 2]),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += name + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(data))
        body += data
    header = struct.pack(">I4sI4s4s4s", 0, b"\0\0\0\0", 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    header = header.ljust(36, b"\0") + b"acsp"
    header = header.ljust(68, b"\0") + xyz(_xyz(D50))[8:]
    data = header.ljust(128, b"\0") + table + body
    return struct.pack(">I", len(data)) + data[4:]


def srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def printing_press() -> bytes:
    """An ICC profile of CMYK, in which cyan ink is red: nobody's press, and easy to tell."""
    grid = [(c, m, y, k) for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1)]
    colors = b""
    for c, m, y, k in grid:  # CIELAB, 16 bits of version 2: L of 0..100 is 0..0xFF00, a and b +128
        light = 100 * (1 - k) * (1 - 0.4 * c) * (1 - 0.1 * m) * (1 - 0.1 * y)
        lab = (light, 60 * c * (1 - k), 40 * c * (1 - k))
        values = (round(lab[0] / 100 * 0xFF00), *(round((v + 128) * 256) for v in lab[1:]))
        colors += struct.pack(">3H", *values)
    ramp = struct.pack(">2H", 0, 0xFFFF)
    table = (
        b"mft2\0\0\0\0" + bytes((4, 3, 2, 0))
        + struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
        + struct.pack(">2H", 2, 2) + ramp * 4 + colors + ramp * 3
    )  # fmt: skip
    table = table.ljust(-(-len(table) // 4) * 4, b"\0")
    header = struct.pack(">I4sI4s4s4s", 0, b"\0\0\0\0", 0x02100000, b"prtr", b"CMYK", b"Lab ")
    header = (header.ljust(36, b"\0") + b"acsp").ljust(68, b"\0")
    header += struct.pack(">3i", *(round(float(v) * 65536) for v in _xyz(D50)))
    tag = struct.pack(">I4sII", 1, b"A2B0", 144, len(table))
    data = header.ljust(128, b"\0") + tag + table
    return struct.pack(">I", len(data)) + data[4:]

"""Colours as a browser shows them: a picture with a colour profile becomes sRGB."""

import io
from functools import lru_cache

from PIL import Image, ImageChops, ImageCms

# A profile of a printing press has 0.5 to 3 MB, every other a few kB.
MAX_PROFILE_BYTES = 4 * 2**20

# What a profile may describe, and the modes of pictures that it can be meant for. A grey picture
# may have a profile of RGB.
_MODES = {
    "RGB": {"RGB": "RGB", "RGBA": "RGBA", "L": "RGB", "LA": "RGBA"},
    "GRAY": {"L": "L"},
    "CMYK": {"CMYK": "CMYK"},
    "LAB": {"LAB": "LAB"},
}


def to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, str]:
    """The picture in sRGB, and what became of its profile: "converted", "ignored" where it cannot
    be used, or "" where there is none or it says sRGB.

    ``image`` has 8 bits a channel; without a usable profile it comes back as it is, but a CIELAB
    picture needs none. Rendering intent: perceptual, which browsers prefer (it equals relative
    colorimetric for profiles without tables).
    """
    if not profile and image.mode != "LAB":
        return image, ""
    if profile and len(profile) > MAX_PROFILE_BYTES:
        return image, "ignored"
    try:
        mode, transform = _transform(profile, image.mode)
        if transform is None:
            return image, ""
        source = image if image.mode == mode else image.convert(mode)
        return ImageCms.applyTransform(source, transform), "converted" if profile else ""
    except Exception:  # a profile is a stranger's data: what it leads to is not one family
        return image, "ignored"


@lru_cache(maxsize=4)  # the photos of one set often share a profile
def _transform(profile: bytes | None, mode: str) -> tuple[str, ImageCms.ImageCmsTransform | None]:
    """The mode that a picture is brought to first, and what then makes it sRGB; None where it is
    sRGB already, as most photos are: that saves as long as decoding takes."""
    if profile:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = source.profile.xcolor_space.strip().upper()
    else:
        source, space = ImageCms.createProfile("LAB"), "LAB"
    before = _MODES[space][mode]
    after = "RGBA" if before == "RGBA" else "RGB"
    target = ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(source, target, before, after)
    if space == "RGB":
        cube = _cube().convert(before)
        changed = ImageChops.difference(cube, ImageCms.applyTransform(cube, transform))
        if max(high for _, high in changed.convert("RGB").getextrema()) <= 1:
            return before, None
    return before, transform


def _cube() -> Image.Image:
    """Colours from all over RGB, 18 steps a channel."""
    steps = bytes(range(0, 256, 15))
    return Image.frombytes(
        "RGB",
        (18, 18 * 18),
        bytes(v for r in steps for g in steps for b in steps for v in (r, g, b)),
    )

"""A photo's colours are those that a browser shows."""

import numpy as np
import profiles
import pytest
from odd_photos import GREY, JPEG, RGB, encoded, ramp
from PIL import Image

from cnn_space.images import color
from cnn_space.images.photo import open_photo

SPACES = {
    "AdobeRGB": (profiles.ADOBE_RGB, 2.2),
    "Display P3": (profiles.DISPLAY_P3, 2.2),
    "ProPhoto": (profiles.PROPHOTO, 1.8),
    "red and green swapped": (profiles.SWAPPED, 2.2),
}


def difference(photo: Image.Image, expected: np.ndarray) -> float:
    return np.abs(np.asarray(photo, np.float64) - expected).mean()


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "HEIF"])
def test_a_profile_is_applied(name, kind):
    primaries, gamma = SPACES[name]
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    pixels = ramp(240, 160)
    options = {"lossless": True} if kind == "WEBP" else {"quality": 98}
    options["icc_profile"] = profiles.profile(primaries, gamma)
    photo = open_photo(encoded(Image.fromarray(pixels), kind, **options))
    expected = profiles.rendered(pixels, primaries, gamma)
    assert difference(photo, expected) < 1.5
    assert difference(Image.fromarray(pixels), expected) > 3, "nothing was to be done"
    assert photo.info["notes"] == {"profile_converted": True}


def test_srgb_is_left_as_it_is():
    photo = open_photo(encoded(RGB, "PNG", icc_profile=profiles.srgb()))
    assert np.array_equal(np.asarray(photo), ramp()) and photo.info["notes"] == {}


def test_a_pil_image_has_its_profile_applied(tmp_path):
    pixels = ramp(240, 160)
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(Image.fromarray(pixels), "PNG", icc_profile=profiles.profile(
        profiles.ADOBE_RGB, 2.2)))  # fmt: skip
    with Image.open(path) as image:
        assert difference(open_photo(image), profiles.rendered(pixels, profiles.ADOBE_RGB, 2.2)) < 1


def test_transparency_and_grey_under_a_profile():
    profile = profiles.profile(profiles.ADOBE_RGB, 2.2)
    clear = np.dstack([ramp(), np.zeros((40, 60), np.uint8)])
    photo = open_photo(encoded(Image.fromarray(clear), "PNG", icc_profile=profile))
    assert np.asarray(photo).min() == 255
    photo = open_photo(encoded(Image.fromarray(GREY), "JPEG", quality=98, icc_profile=profile))
    grey = np.repeat(GREY[:, :, None], 3, 2)
    assert difference(photo, profiles.rendered(grey, profiles.ADOBE_RGB, 2.2)) < 2


def test_ink_under_the_profile_of_a_press():
    cyan = Image.new("CMYK", (40, 40), (255, 0, 0, 0))
    with_profile = encoded(cyan, "JPEG", quality=98, icc_profile=profiles.printing_press())
    red, green, blue = open_photo(with_profile).getpixel((20, 20))
    assert red > 200 and green < 120 and blue < 120
    red, green, blue = open_photo(encoded(cyan, "JPEG", quality=98)).getpixel((20, 20))
    assert red < 40 and green > 200


def test_cielab_needs_no_profile():
    red = Image.new("LAB", (20, 20), (136, 128 + 80, 128 + 67))  # L* 53, a* 80, b* 67
    red, green, blue = open_photo(encoded(red, "TIFF")).getpixel((9, 9))
    assert red > 240 and green < 25 and blue < 25


@pytest.mark.parametrize(
    "profile",
    [
        b"not a profile",
        profiles.profile(profiles.ADOBE_RGB, 2.2)[:200],
        profiles.printing_press(),  # of ink, in a picture of light
        profiles.profile(profiles.ADOBE_RGB, 2.2) + bytes(color.MAX_PROFILE_BYTES),
    ],
    ids=["text", "cut", "wrong kind", "huge"],
)
def test_a_profile_that_cannot_be_used_is_ignored_and_said(profile):
    photo = open_photo(encoded(RGB, "TIFF", icc_profile=profile))
    assert np.array_equal(np.asarray(photo), ramp())
    assert photo.info["notes"] == {"profile_ignored": True}


def test_a_photo_without_a_profile_has_nothing_to_say():
    assert open_photo(JPEG).info == {"format": "JPEG", "notes": {}}

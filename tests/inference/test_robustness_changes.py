"""Ways to change a photo, against the same done by hand."""

import io
import math

import numpy as np
import pytest
from PIL import Image

from cnn_space.images.preprocessing import Preprocessing, center_crop
from cnn_space.inference import robustness_changes as changes
from cnn_space.inference.robustness_changes import CHANGES


@pytest.fixture
def photo():
    """Smooth colours and a bright rectangle off the middle, 96 × 64 pixels."""
    y, x = np.mgrid[0:64, 0:96]
    pixels = np.stack([x * 2, y * 3, 200 - x], axis=-1).astype(np.uint8)
    pixels[10:30, 50:80] = (250, 240, 30)
    return Image.fromarray(pixels)


def array(picture) -> np.ndarray:
    return np.asarray(picture, np.float64)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_keeps_the_size_and_begins_with_nothing(photo, name):
    change, before = CHANGES[name], photo.tobytes()
    levels = change.levels(20)
    assert len(levels) == 21 and (levels[0], levels[-1]) == (change.start, change.end)
    assert list(levels) == sorted(levels, reverse=change.end < change.start)
    assert change.apply(photo, change.end).size == photo.size
    if name != "jpeg":  # of which even the best quality is not the picture itself
        assert change.apply(photo, change.start).tobytes() == before
    distances = [abs(array(change.apply(photo, level)) - array(photo)).mean() for level in levels]
    assert distances[-1] > 4 * (distances[1] if name != "enlarge" else 1)
    assert photo.tobytes() == before


def test_a_shift_brings_the_edge_in(photo):
    moved = array(changes.shift(photo, 5))  # 5/32 of 64 pixels
    assert (moved[:, 10:] == array(photo)[:, :-10]).all()
    assert (moved[:, :10] == array(photo)[:, :1]).all()


def test_a_quarter_and_a_half_turn_are_pillows(photo):
    square = photo.crop((0, 0, 64, 64))
    quarter = square.transpose(Image.Transpose.ROTATE_270)  # counter-clockwise, so 90 clockwise
    assert (array(changes.rotate(square, 90)) == array(quarter)).all()
    half = photo.transpose(Image.Transpose.ROTATE_180)
    assert (array(changes.rotate(photo, 180)) == array(half)).all()
    # Far from the edges, any angle is Pillow's own turn.
    turned = photo.rotate(-20, Image.Resampling.BICUBIC)
    assert (array(changes.rotate(photo, 20))[24:40, 30:66] == array(turned)[24:40, 30:66]).all()
    corner = changes.rotate(Image.new("RGB", (64, 64), (9, 8, 7)), 45).getpixel((0, 0))
    assert corner == (9, 8, 7)  # not black: the edge goes on


def test_smaller_and_larger_are_pillows_and_centred(photo):
    small = array(changes.scale(photo, 50))
    by_hand = array(photo.resize((48, 32), Image.Resampling.BICUBIC))
    assert (small[16:48, 24:72] == by_hand).all()
    assert (small[:16, 24:72] == by_hand[:1]).all() and (small[16:48, 72:] == by_hand[:, -1:]).all()
    large = photo.crop((24, 16, 72, 48)).resize((96, 64), Image.Resampling.BICUBIC)
    inner = slice(4, -4), slice(4, -4)  # at its border a crop knows nothing beside it
    assert abs(array(changes.scale(photo, 200))[inner] - array(large)[inner]).max() <= 1
    for percent in (96, 73.5, 20):  # all sizes fill their frame, and the middle stays the middle
        dot = Image.new("RGB", (81, 81))
        dot.paste((255, 255, 255), (30, 30, 51, 51))
        rows, columns = np.nonzero(array(changes.scale(dot, percent))[..., 0] > 127)
        assert abs(rows.mean() - 40) <= 1 and abs(columns.mean() - 40) <= 1


def test_blur_is_a_gaussian_of_that_width():
    dot = Image.new("RGB", (80, 100))
    dot.paste((255, 255, 255), (36, 46, 45, 55))
    sigma = 4  # 5 % of 80
    offsets = np.arange(-20, 21)
    kernel = np.exp(-(offsets**2) / (2 * sigma**2))
    kernel /= kernel.sum()
    plane = array(dot)[..., 0]
    for axis in (0, 1):
        plane = np.apply_along_axis(np.convolve, axis, plane, kernel, mode="same")
    blurred = array(changes.blur(dot, 5))[..., 0]
    assert abs(blurred - plane).max() < 0.05 * plane.max()


def test_noise_has_its_sigma_and_is_always_the_same():
    grey = Image.new("RGB", (64, 64), (128, 128, 128))
    little, much = (array(changes.add_noise(grey, percent)) - 128 for percent in (4, 8))
    assert little.std() == pytest.approx(0.04 * 255, rel=0.02)
    assert abs(little.mean()) < 0.3
    assert abs(much - 2 * little).max() <= 1.5  # the same grains, twice as strong
    assert (array(changes.add_noise(grey, 4)) - 128 == little).all()


def test_jpeg_light_and_cover_by_hand(photo):
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=7)
    assert (array(changes.save_as_jpeg(photo, 7)) == array(Image.open(file))).all()
    assert (array(changes.darken(photo, 30)) == np.round(array(photo) * 0.3)).all()
    covered = array(changes.cover(photo, 25))
    assert (covered[16:48, 32:64] == 128).all()  # half of each side of the central 64 × 64
    changed = (covered != array(photo)).any(axis=2)
    changed[16:48, 32:64] = False
    assert not changed.any()


def test_jpeg_qualities_are_whole_and_finer_where_pictures_fall_apart():
    levels = CHANGES["jpeg"].levels(20)
    assert all(level == int(level) for level in levels) and len(set(levels)) == 21
    assert sum(level <= 25 for level in levels) > 8


@pytest.mark.parametrize(
    ("size", "framed"),
    [((256, 256), (256, 256)), ((900, 684), (450, 342)), ((400, 50), (200, 50)),
     ((100, 2000), (100, 400)), ((4000, 400), (1368, 342))],
)  # fmt: skip
def test_the_frame_that_changes_are_made_in(size, framed):
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    pixels = np.stack([255 * x / size[0], 255 * y / size[1], 0 * x], axis=-1).astype(np.uint8)
    photo = Image.fromarray(pixels)
    got = changes.frame(photo)
    assert got.size == framed
    middle = array(got)[framed[1] // 2, framed[0] // 2]
    assert middle[:2] == pytest.approx([127.5, 127.5], abs=3)  # cut at both ends alike
    assert math.isclose(min(got.size), min(342, *size))


@pytest.mark.parametrize("size", [(640, 427), (427, 640), (640, 480), (1200, 800), (1280, 720)])
def test_a_net_scales_the_frame_as_it_scales_the_photo(size):
    """Else the photo would be stretched between the first point of a curve and the second."""
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    waves = np.stack([np.sin(x / 29), np.cos(y / 23), np.sin((x + y) / 37)], axis=-1)
    photo = Image.fromarray(np.uint8(127 + 120 * waves))
    plain, framed = (
        array(center_crop(picture, Preprocessing(32, 32)))
        for picture in (photo, changes.frame(photo))
    )
    assert abs(plain - framed).max() <= 3

"""What is collected of a visitor's photos, and what is left out."""

import numpy as np
import profiles
import pytest
from odd_photos import encoded
from PIL import Image
from tiny_sets import encode, picture

from cnn_space.images.collector import Collector, display_name
from cnn_space.images.limits import Limits
from cnn_space.images.visitor_set import DataError, LeftOut


def test_names_are_cleaned_for_the_eye():
    assert display_name("a\u202egpj.exe\x07\n b") == "agpj.exe b"
    assert len(display_name("x" * 500)) == 60
    assert display_name("👩‍🔬") == "👩‍🔬"
    assert display_name("cafe\u0301") == "caf\u00e9"
    assert display_name("a\ud800b") == "ab"


def test_a_photo_is_taken_once_and_every_other_is_counted():
    collector = Collector(Limits())
    assert collector.add("0.png", "cat", picture(0))
    assert not collector.add("1.png", "cat", picture(0))
    assert not collector.add("2.png", "cat", picture(1, size=(99, 7)))
    assert not collector.add("3.png", "cat", b"GIF89a")
    assert not collector.add("4.png", "cat", b"")
    collector.leave_out("link", "5.png")
    assert len(collector) == 1
    assert collector.left_out == (
        LeftOut("not_image", 2, "3.png"),
        LeftOut("duplicate", 1, "1.png"),
        LeftOut("too_small", 1, "2.png"),
        LeftOut("link", 1, "5.png"),
    )
    with pytest.raises(KeyError, match="ugly"):
        collector.leave_out("ugly", "6.png")


def test_a_set_has_the_classes_in_the_order_asked_for():
    collector = Collector(Limits())
    for i, label in enumerate(("ox", "cat", "ox", "cat")):
        collector.add(f"{i}.png", label, picture(i))
    images = collector.finish("pets", ["ox", "dog", "cat"]).images
    assert images.classes == ("ox", "cat") and images.labels.tolist() == [0, 1, 0, 1]
    assert len(collector) == 0


def test_how_photos_were_read_is_said_of_the_set():
    collector = Collector(Limits())
    deep = Image.fromarray(np.random.default_rng(0).integers(0, 4033, (40, 60)).astype(np.uint16))
    adobe = profiles.profile(profiles.ADOBE_RGB, 2.2)
    for number, profile in enumerate([None, adobe, adobe, b"x"]):
        pixels = np.random.default_rng([1, number]).integers(0, 255, (40, 60, 3), np.uint8)
        options = {"icc_profile": profile} if profile else {}
        tiff = encoded(Image.fromarray(pixels), "TIFF", **options)
        collector.add(f"{number}.tif", "left" if number % 2 else "right", tiff)
    collector.add("deep.png", "left", encoded(deep, "PNG"))
    found = collector.finish("set")
    assert found.decoded == {"profile_converted": 2, "profile_ignored": 1, "stretched": 1}
    said = [str(note) for note in found.notes]
    assert "Converted to sRGB from a colour profile of their own: 2." in said
    assert "Taken as sRGB, for their colour profile cannot be used: 1." in said
    assert "Brightened to the full range, for they use few of their 16 bits: 1." in said


def test_small_photos_are_scaled_up_to_the_largest():
    collector = Collector(Limits(side=20))
    for i, size in enumerate(((9, 9), (16, 30), (40, 50), (12, 12))):
        collector.add(f"{i}.png", "ab"[i % 2], picture(i, size))
    assert collector.finish("mixed").images.images.shape == (4, 3, 20, 20)


def test_no_photo_is_kept_larger_than_nets_take():
    collector = Collector(Limits(side=5000))
    for i in range(4):
        collector.add(f"{i}.png", "ab"[i % 2], encode(Image.new("RGB", (1100, 1030), (i, i, i))))
    assert collector.finish("large").images.side == 1024


@pytest.mark.parametrize(
    ("reason", "empty"),
    [("encrypted", "encrypted"), ("no_class", "no_folders"), ("link", "no_images")],
)
def test_why_a_set_is_empty(reason, empty):
    collector = Collector(Limits())
    collector.leave_out(reason, "a.png")
    with pytest.raises(DataError) as caught:
        collector.finish("nothing")
    assert caught.value.reason == empty


def test_one_image_in_two_classes_is_told_from_one_that_is_there_twice():
    collector = Collector(Limits())
    for name, label, seed in (("a/1", "a", 1), ("a/2", "a", 2), ("a/3", "a", 1), ("b/1", "b", 1)):
        collector.add(name, label, picture(seed))
    assert collector.left_out == (
        LeftOut("duplicate", 1, "a/3"),
        LeftOut("two_classes", 1, "b/1"),
    )

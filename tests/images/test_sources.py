"""Sets that are known by a short name."""

from cnn_space.images.sources import SOURCES, find_source, tag


def test_a_known_set_has_two_names():
    assert find_source("cifar10") is find_source("uoft-cs/cifar10") is SOURCES["cifar10"]


def test_any_other_set_gets_plain_defaults():
    source = find_source("me/my flowers")
    assert (source.title, source.hub, source.holdout) == ("my flowers", "me/my flowers", 0)
    assert source.side is None and not source.lossless


def test_a_tag_has_letters_digits_and_underscores():
    assert tag("me/My Flowers-2") == "my_flowers_2" and tag("Äpfel") == "apfel"
    assert tag("고양이") == "images" and tag("고양이 2") == "_2" and len(tag("x" * 200)) == 48

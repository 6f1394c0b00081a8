"""Preprocessing: against torchvision's pixels, bounded, and as a card has it."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import TypeAdapter
from torchvision import transforms
from torchvision.transforms.functional import InterpolationMode

from cnn_space.images.preprocessing import Preprocessing, prepare, ten_crops

CARD = TypeAdapter(Preprocessing)


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("resize, size", [(32, 32), (256, 224), (342, 299), (33, 32)])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("width, height", [(640, 427), (301, 452), (97, 97), (32, 32), (20, 50)])
def test_prepare_gives_torchvisions_pixels(resize, size, interpolation, width, height):
    photo = noise(width, height)
    preprocessing = Preprocessing(resize, size, interpolation)
    expected = transforms.Compose(
        [
            transforms.Resize(resize, InterpolationMode(interpolation)),
            transforms.CenterCrop(size),
            transforms.ToTensor(),
            transforms.Normalize(preprocessing.mean, preprocessing.std),
        ]
    )(photo)
    tensor, seen = prepare(photo, preprocessing)
    assert tensor.shape == (1, 3, size, size) and tensor.dtype == torch.float32
    torch.testing.assert_close(tensor[0], expected, rtol=0, atol=2e-6)
    assert seen.size == (size, size) and seen.mode == "RGB"


@pytest.mark.parametrize("width, height", [(20_000, 10), (9, 5000)])
def test_a_panorama_stays_small(width, height, monkeypatch):
    made = []
    real = Image.Image.resize
    monkeypatch.setattr(
        Image.Image,
        "resize",
        lambda im, size, *a, **k: made.append(size) or real(im, size, *a, **k),
    )
    tensor, _ = prepare(noise(width, height), Preprocessing(256, 224))
    assert tensor.shape == (1, 3, 224, 224)
    assert made and all(w * h <= 256 * 256 * 9 for w, h in made)


def test_ten_crops_are_torchvisions():
    photo = noise(400, 300)
    ours = ten_crops(photo, Preprocessing(256, 224, "bilinear"))
    square = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(256)])(photo)
    theirs = transforms.TenCrop(224)(square)
    assert len(ours) == len(theirs) == 10
    # torchvision mirrors the picture and then cuts; we cut and then mirror: left and right swap.
    expected = {image.tobytes() for image in theirs}
    assert {image.tobytes() for _, _, image in ours} == expected and len(expected) == 10
    assert [mirrored for _, mirrored, _ in ours] == [False] * 5 + [True] * 5


def test_small_nets_get_a_margin():
    views = ten_crops(noise(36, 36), Preprocessing(32, 32))
    assert {image.size for _, _, image in views} == {(32, 32)}
    assert len({image.tobytes() for _, _, image in views}) == 10
    centre = next(im for where, mirrored, im in views if where == "center" and not mirrored)
    assert centre.tobytes() == noise(36, 36).crop((2, 2, 34, 34)).tobytes()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"size": 100_000, "resize": 100_000}, "resize"),
        ({"size": 0}, "size"),
        ({"size": 64}, "size is at most resize"),
        ({"size": "32"}, "size"),
        ({"resize": 32.5}, "resize"),
        ({"resize": True}, "resize"),
        ({"crop": "corner"}, "crop is 'center'"),
        ({"interpolation": "magic"}, "interpolation"),
        ({"mean": [0.5]}, "mean"),
        ({"mean": [0.5, 0.5, "0.5"]}, "mean"),
        ({"mean": [0.5, 0.5, float("nan")]}, "mean"),
        ({"std": [0.2, 0.0, 0.2]}, "std"),
        ({"std": [float("inf"), 1, 1]}, "std"),
        ({"std": [True, 1, 1]}, "std"),
        ({"padding": 4}, "it holds crop, interpolation, mean, resize, size, std"),
    ],
)
def test_a_cards_values_are_checked(changes, field):
    card = Preprocessing(resize=32, size=32).to_card()
    with pytest.raises(ValueError, match=field):
        CARD.validate_python(card | changes)


def test_a_card_has_every_field():
    card = Preprocessing(resize=32, size=32).to_card()
    for name in card:
        with pytest.raises(ValueError, match="it holds"):
            CARD.validate_python({key: value for key, value in card.items() if key != name})


def test_a_card_is_written_and_read():
    preprocessing = Preprocessing(40, 32, "bilinear", mean=(0.5, 0.4, 0.3), std=(0.1, 0.2, 1))
    card = {
        "resize": 40,
        "size": 32,
        "crop": "center",
        "interpolation": "bilinear",
        "mean": [0.5, 0.4, 0.3],
        "std": [0.1, 0.2, 1.0],
    }
    assert preprocessing.to_card() == CARD.dump_python(preprocessing) == card
    assert CARD.validate_json(json.dumps(card)) == preprocessing


def test_python_values_are_checked_too():
    with pytest.raises(ValueError, match="size is at most resize"):
        Preprocessing(32, 64)
    with pytest.raises(ValueError, match="crop"):
        Preprocessing(32, 32, crop="center")

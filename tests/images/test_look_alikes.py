"""Copies of a photo: found whatever was done to them, and kept on one side of a split."""

import io
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from tiny_sets import encode, picture

from cnn_space.images import look_alikes
from cnn_space.images.collector import Collector
from cnn_space.images.image_set import ImageSet
from cnn_space.images.limits import Limits
from cnn_space.images.readers import read_digits, read_zip
from cnn_space.images.visitor_set import VisitorSet
from cnn_space.training import finetuning


def photos():
    return [Image.fromarray(photo()) for photo in (data.astronaut, data.coffee, data.chelsea)]


def saved_anew(photo):
    return Image.open(io.BytesIO(encode(photo, format="JPEG", quality=50))).convert("RGB")


def scaled(photo):
    return photo.resize((photo.width * 2 // 5, photo.height * 2 // 5))


def cropped(photo):
    width, height = photo.size
    return photo.crop((width // 30, height // 30, width - width // 30, height - height // 30))


def square(photo):
    side = min(photo.size)
    left, top = (photo.width - side) // 2, (photo.height - side) // 2
    box = (left, top, left + side, top + side)
    return np.asarray(photo.resize((128, 128), box=box))


@pytest.mark.parametrize("change", [saved_anew, scaled, cropped])
def test_copies_are_found(change):
    squares = [square(photo) for photo in photos()]
    squares += [square(change(photo)) for photo in photos()]
    assert look_alikes.groups(squares).tolist() == [0, 1, 2, 0, 1, 2]


def test_other_pictures_are_no_copies():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
    assert look_alikes.groups(list(noise)).tolist() == list(range(20))
    flat = [np.full((32, 32, 3), level, np.uint8) for level in (0, 90, 255, 255)]
    assert look_alikes.groups(flat).tolist() == [0, 1, 2, 3]
    assert look_alikes.groups([]).tolist() == []


def test_digits_are_told_apart():
    """Different hands write one digit much alike; few are so much alike as to be copies."""
    digits = read_digits().images
    squares = [image.permute(1, 2, 0).numpy() for image in digits.images[:400]]
    groups = look_alikes.groups(squares)
    assert len(set(groups.tolist())) > 380
    assert digits.look_alikes is None  # and so their split stays as it was


def test_photos_of_one_original_stay_together():
    noise = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    assert look_alikes.groups(list(noise), ["a", None, "b", "a"]).tolist() == [0, 1, 2, 0]


def test_copies_in_a_zip_with_random_labels(tmp_path):
    """Twenty photos, each four times: as it is, saved anew, scaled, cropped."""
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for i in range(20):
            small = Image.fromarray(rng.integers(0, 256, (7, 7, 3), dtype=np.uint8))
            photo = small.resize((120, 120), Image.Resampling.BICUBIC)
            for k, copy in enumerate((photo, saved_anew(photo), scaled(photo), cropped(photo))):
                archive.writestr(f"{'ab'[rng.integers(2)]}/{i}-{k}.png", encode(copy))
    visitor_set = read_zip(tmp_path / "a.zip")
    groups = visitor_set.images.look_alikes
    assert visitor_set.look_alikes == 80 and len(set(groups.tolist())) == 20
    learn, check = finetuning.split(visitor_set.images, 0.2)
    assert not set(learn.look_alikes.tolist()) & set(check.look_alikes.tolist())
    assert min(check.counts) > 0


def test_roboflow_copies_are_known_by_their_names(tmp_path):
    """Augmented as they are, they may look like nothing else."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for i in range(24):
            name = f"{'ab'[i % 2]}/img{i // 6}_jpg.rf.{i:032x}.jpg"
            archive.writestr(f"train/{name}", picture(i, format="JPEG"))
    visitor_set = read_zip(tmp_path / "a.zip")
    assert visitor_set.images.classes == ("a", "b") and visitor_set.look_alikes == 24
    assert len(set(visitor_set.images.look_alikes.tolist())) == 8


def test_random_labels_with_copies_are_not_learnt_by_heart():
    """With copies on both sides, any labels at all are told right."""
    groups = torch.arange(40).repeat(4)
    labels = torch.randint(0, 4, (40,), generator=torch.Generator().manual_seed(1)).repeat(4)
    images = ImageSet(groups.view(-1, 1), labels, tuple("abcd"), look_alikes=groups)
    for seed in range(5):
        learn, check = finetuning.split(images, 0.2, seed=seed)
        assert not set(learn.images.flatten().tolist()) & set(check.images.flatten().tolist())
        assert 20 <= len(check) <= 40 and min(check.counts) > 0 and min(learn.counts) > 0


def test_copies_with_different_labels_stay_together():
    groups = torch.arange(20).repeat_interleave(2)
    images = ImageSet(groups.view(-1, 1), torch.tensor([0, 1]).repeat(20), ("a", "b"),
                      look_alikes=groups)  # fmt: skip
    learn, check = images.hold_out([4, 4])
    assert not set(learn.images.flatten().tolist()) & set(check.images.flatten().tolist())
    assert check.counts == [4, 4]


def test_a_class_of_copies_alone_is_on_both_sides_and_that_is_said():
    labels = torch.tensor([0] * 10 + [1] * 10)
    groups = torch.tensor([0] * 10 + list(range(10, 20)))
    images = ImageSet(torch.arange(20).view(-1, 1), labels, ("a", "b"), look_alikes=groups)
    learn, check = finetuning.split(images, 0.2)
    assert check.counts == [2, 2] and learn.counts == [8, 8]
    visitor_set = VisitorSet(images)
    assert visitor_set.look_alikes == 10
    assert [note.kind for note in visitor_set.notes] == ["look_alikes", "all_alike"]
    assert "a" in str(visitor_set.notes[1])


def test_sets_without_copies_are_split_as_before():
    labels = torch.arange(60) % 3
    plain = ImageSet(torch.arange(60).view(-1, 1), labels, ("a", "b", "c"))
    numbered = ImageSet(plain.images, labels, plain.classes, look_alikes=torch.arange(60))
    for one, other in zip(plain.hold_out([3, 4, 5]), numbered.hold_out([3, 4, 5]), strict=True):
        assert torch.equal(one.images, other.images)


def test_a_given_split_with_copies_on_both_sides_is_told():
    collector = Collector(Limits())
    for i in range(4):
        collector.add(f"{i}.png", "ab"[i % 2], picture(i))
        collector.add(f"{i}.jpg", "ab"[i % 2], picture(i, format="JPEG", quality=95), held_out=True)
    visitor_set = collector.finish("pets")
    assert visitor_set.split == "given" and visitor_set.look_alikes == 8
    assert {note.kind: note.values for note in visitor_set.notes} == {
        "given": {"count": 4},
        "leak": {"count": 4},
    }

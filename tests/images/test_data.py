"""Image sets: every layout, the split, and augmentation against slow oracles."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_sets import COLOURS, coloured, encode, write_coloured, write_split

from cnn_space.images import data
from cnn_space.images.preprocessing import Preprocessing, prepare

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (1 / 255,) * 3}  # leaves pixels as they are


def test_parquet_as_cifar10_is_laid_out(tmp_path):
    images, labels = coloured(9)
    write_split(tmp_path / "cifar10", "train", [encode(image) for image in images], labels)
    found = data.read("cifar10", "train", folder=tmp_path)
    assert found.images.dtype == torch.uint8 and found.classes == tuple(COLOURS)
    assert np.array_equal(found.images.numpy(), images.transpose(0, 3, 1, 2))
    assert found.labels.tolist() == labels.tolist()
    assert (found.name, found.note) == ("CIFAR-10", "original pixels")


def test_parquet_as_imagenette_is_laid_out(tmp_path):
    # Two shards, a column named image, some grey pictures, sizes that differ, and no test split.
    pictures = [Image.new("L", (200, 170), 90), Image.new("RGB", (170, 300), (10, 20, 30))]
    encoded = [encode(picture, format="JPEG", quality=84) for picture in pictures * 2]
    write_split(tmp_path, "validation", encoded, [0, 1, 0, 1], image="image", shards=2)
    found = data.read("imagenette", "eval", folder=tmp_path)
    assert found.images.shape == (4, 3, 160, 160) and found.note == "160 px"
    assert found.labels.tolist() == [0, 0, 1, 1]  # shard by shard
    assert (found.images[0] == 90).all() and found.images[2, 2].float().mean() > 25
    smaller = data.read("imagenette", "eval", folder=tmp_path, side=48)
    assert smaller.images.shape == (4, 3, 48, 48)


@pytest.mark.parametrize("quality", [75, 90])
def test_a_jpeg_copy_says_so(tmp_path, quality):
    images, labels = coloured(3)
    encoded = [encode(image, format="JPEG", quality=quality) for image in images]
    write_split(tmp_path, "test", encoded, labels)
    assert data.read("cifar10", "eval", folder=tmp_path).note == f"JPEG-{quality} copy"


def test_sets_without_the_hubs_metadata(tmp_path):
    images, _ = coloured(3, side=8)
    encoded = [encode(image) for image in images]
    write_split(tmp_path, "train", encoded, ["b", "a", "b"], image="image", typed=False)
    found = data.read("mine", "train", folder=tmp_path)
    assert found.classes == ("a", "b") and found.labels.tolist() == [1, 0, 1]


def test_what_is_not_an_image_set_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no train\*\.parquet"):
        data.read("cifar10", "train", folder=tmp_path)
    images, labels = coloured(3)
    encoded = [encode(image) for image in images]
    write_split(tmp_path / "a", "train", encoded, labels, image="picture", typed=False)
    with pytest.raises(ValueError, match="picture"):
        data.read("a", "train", folder=tmp_path)
    write_split(tmp_path / "b", "train", encoded, [0, -1, 1])
    with pytest.raises(ValueError, match="without a label"):
        data.read("b", "train", folder=tmp_path)
    write_split(tmp_path / "n", "train", encoded, [0, None, 1])
    with pytest.raises(ValueError, match="without a label"):
        data.read("n", "train", folder=tmp_path)
    write_split(tmp_path / "l", "train", encoded, [[0], [1, 2], []])
    with pytest.raises(ValueError, match="more than one label"):
        data.read("l", "train", folder=tmp_path)
    encoded[1] = encode(Image.new("RGB", (9, 9)))
    write_split(tmp_path / "c", "train", encoded, labels)
    with pytest.raises(ValueError, match="--image-size"):
        data.read("c", "train", folder=tmp_path)
    encoded[1] = None
    write_split(tmp_path / "m", "train", encoded, labels)
    with pytest.raises(ValueError, match=r"image 1 .*: there is none"):
        data.read("m", "train", folder=tmp_path, side=32)
    encoded[1] = b"not an image"
    write_split(tmp_path / "d", "train", encoded, labels)
    with pytest.raises(ValueError, match="image 1"):
        data.read("d", "train", folder=tmp_path, side=32)
    with pytest.raises(ValueError, match="image 1"):
        data.decode(encoded)


@pytest.mark.parametrize(
    ("name", "image", "evaluated", "side"),
    [("cifar10", "img", "test", 32), ("stl10", "image", "test", 96),
     ("imagenette", "image", "validation", 160)],
)  # fmt: skip
def test_sets_through_datasets(tmp_path, monkeypatch, name, image, evaluated, side):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    images, labels = coloured(6, side)
    encoded, folder = [encode(item) for item in images], tmp_path / "set" / "data"
    for split in ("train", evaluated):
        write_split(folder, split, encoded, labels, image=image)
    # A folder stands for the Hub's repository; it has no configurations.
    monkeypatch.setitem(
        data.SOURCES, name,
        replace(data.SOURCES[name], hub=str(tmp_path / "set"), config=None),
    )  # fmt: skip
    for split in ("train", "eval"):
        found = data.read(name, split)
        assert np.array_equal(found.images.numpy(), images.transpose(0, 3, 1, 2))
        assert found.labels.tolist() == labels.tolist() and found.classes == tuple(COLOURS)
    any_name = data.read(str(tmp_path / "set"), "train", side=16)
    assert any_name.images.shape == (6, 3, 16, 16)


@pytest.mark.parametrize("streaming", [False, True])
def test_a_set_that_is_a_script_is_read_from_the_hubs_own_parquet(tmp_path, monkeypatch, streaming):
    """A folder stands for the branch ``refs/convert/parquet``, as that is laid out."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    images, labels = coloured(6, 16)
    encoded = [encode(item) for item in images]
    for config, count in (("160px", 6), ("320px", 4)):
        for split in ("train", "validation"):
            place = tmp_path / "set" / config / split
            write_split(place, "0000", encoded[:count], labels[:count], image="image")
            (place / "0000-00000-of-00001.parquet").rename(place / "0000.parquet")
    builder = datasets.load_dataset_builder

    def hub(repo, config=None, *, revision=None, **options):
        assert repo == "me/script"
        if revision != "refs/convert/parquet":
            raise RuntimeError("Dataset scripts are no longer supported, but found script.py")
        return builder(str(tmp_path / "set"), config, **options)

    monkeypatch.setattr(datasets, "load_dataset_builder", hub)
    if streaming:
        rows = data.hub_builder("me/script", "160px").as_streaming_dataset()["train"]
        assert len(list(rows)) == 6 and rows.features["label"].names == list(COLOURS)
        with pytest.raises(RuntimeError, match="scripts"):
            data.hub_builder("me/script", "../160px")
        return
    known = data.Source("Script", "me/script", config="160px", side=16)
    monkeypatch.setitem(data.SOURCES, "script", known)
    for split, name in (("train", "train"), ("eval", "validation")):
        found = data.read("script", split)
        assert np.array_equal(found.images.numpy(), images.transpose(0, 3, 1, 2))
        assert (found.split_name, found.classes) == (name, tuple(COLOURS))
    monkeypatch.setitem(data.SOURCES, "script", replace(known, config="a/b"))
    with pytest.raises(ValueError, match="cannot be read as an image set"):
        data.read("script", "train")


def test_the_split_keeps_the_classes_proportions():
    labels = torch.tensor([0] * 70 + [1] * 20 + [2] * 13)
    whole = data.ImageSet(torch.arange(103)[:, None, None, None], labels, ("a", "b", "c"))
    rest, held = whole.split(31, seed=3)
    assert (len(rest), len(held)) == (72, 31)
    assert torch.bincount(held.labels).tolist() == [21, 6, 4]
    assert sorted([*rest.images.flatten(), *held.images.flatten()]) == list(range(103))
    assert (rest.images.flatten().diff() > 0).all()
    again, other = whole.split(31, seed=3)[1], whole.split(31, seed=4)[1]
    assert torch.equal(held.images, again.images) and not torch.equal(held.images, other.images)
    fewer = whole.split(15, seed=3)[1]
    assert set(fewer.images.flatten().tolist()) < set(held.images.flatten().tolist())
    assert len(whole.split(0)[1]) == 0
    with pytest.raises(ValueError, match="0 to 102"):
        whole.split(103)


def test_classes_are_matched_by_name():
    labels = torch.tensor([0, 1, 1])
    found = data.ImageSet(torch.zeros(3, 3, 1, 1), labels, ("b", "c"), "mine")
    again = found.numbered_as(("a", "b", "c"))
    assert again.labels.tolist() == [1, 2, 2] and again.classes == ("a", "b", "c")
    assert found.numbered_as(("b", "c")) is found
    with pytest.raises(ValueError, match="does not know: c"):
        found.numbered_as(("a", "b"))


@pytest.mark.parametrize(
    "place",
    ["", "cifar10", "data", "cifar10/plain_text", "cifar10/default", "cifar10/cifar10"],
)
def test_where_the_files_of_a_set_may_lie(tmp_path, place):
    images, labels = coloured(6, 32)
    encoded = [encode(item) for item in images]
    write_split(tmp_path / place, "train", encoded, labels, image="img")
    # Neither another set's nor another configuration's images count.
    write_split(tmp_path / "imagenette" / "160px", "train", encoded[:2], labels[:2], image="image")
    write_split(tmp_path / "imagenette" / "320px", "train", encoded, labels, image="image")
    assert len(data.read("cifar10", "train", folder=tmp_path)) == 6
    assert len(data.read("someone/cifar10", "train", folder=tmp_path)) == 6
    assert len(data.read("imagenette", "train", folder=tmp_path)) == 2


@pytest.mark.parametrize("width", [100, 101, 122, 129, 150, 179])
def test_a_set_is_read_as_a_net_is_shown_a_photo(width):
    """Whatever the sides: what was measured in training is what the page and `evaluate` see."""
    pixels = np.random.default_rng(0).integers(0, 256, (100, width, 3), dtype=np.uint8)
    photo = Image.fromarray(pixels)
    _, seen = prepare(photo, Preprocessing(resize=32, size=32))
    (read,) = data.decode([encode(photo)], Preprocessing(32, 32))
    assert np.array_equal(read.permute(1, 2, 0).numpy(), np.asarray(seen))


@pytest.mark.parametrize("kind", ["turned", "transparent", "16 bits"])
def test_a_set_is_read_upright_and_as_it_looks(kind):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    options = {}
    if kind == "turned":
        image = Image.fromarray(pixels)
        options["exif"] = image.getexif()
        options["exif"][0x0112] = 6
    elif kind == "transparent":
        image = Image.fromarray(np.dstack([pixels, np.zeros((40, 60), np.uint8)]))
    else:
        image = Image.fromarray(pixels[:, :, 0].astype(np.uint16) * 257)
    looks = {
        "turned": np.rot90(pixels, -1),
        "transparent": np.full_like(pixels, 255),
        "16 bits": np.repeat(pixels[:, :, :1], 3, 2),
    }[kind]
    found, wanted = (
        data.decode([e], Preprocessing(32, 32)) for e in (encode(image, **options), encode(looks))
    )
    assert torch.equal(found, wanted)


def test_no_images_of_another_set_are_read(tmp_path):
    images, labels = coloured(6, 32)
    write_split(tmp_path / "cifar10", "train", [encode(item) for item in images], labels)
    with pytest.raises(ValueError, match=r"no train\*\.parquet"):
        data.read("stl10", "train", folder=tmp_path)


def test_a_set_that_is_not_there_is_one_sentence(tmp_path, monkeypatch):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match="cannot be read as an image set"):
        data.read(str(tmp_path / "nothing"), "train")


def random_set(count=24, side=12):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=generator)


def test_pad_and_crop_against_numpy():
    images, pad = random_set(), 3
    draws = data.draw_epoch(len(images), epoch=5, flip="random")
    found = data.augment(images, draws, crop="pad", pad=pad, mean=MEAN, std=STD)
    shifts = (draws.place * (2 * pad + 1)).int()
    assert set(shifts.flatten().tolist()) == set(range(2 * pad + 1))
    for row, index in enumerate(draws.order.tolist()):
        wide = np.pad(images[index].numpy(), ((0, 0), (pad, pad), (pad, pad)), "reflect")
        y, x = shifts[row].tolist()
        piece = wide[:, y : y + 12, x : x + 12]
        piece = piece[:, :, ::-1] if draws.flip[row] else piece
        expected = (piece / 255 - np.array(MEAN)[:, None, None]) / np.array(STD)[:, None, None]
        assert np.allclose(found[row].numpy(), expected, atol=1e-5)


def test_alternating_flip_shows_both_sides_in_two_epochs():
    first, second, third = (data.draw_epoch(50, epoch=epoch, seed=1) for epoch in (0, 1, 2))
    by_image = [draws.flip[draws.order.argsort()] for draws in (first, second, third)]
    assert torch.equal(by_image[0], ~by_image[1]) and torch.equal(by_image[0], by_image[2])
    assert 10 < by_image[0].sum() < 40
    assert not torch.equal(first.order, second.order)
    assert not data.draw_epoch(50, epoch=0, flip="none").flip.any()
    with pytest.raises(ValueError, match="alternate"):
        data.draw_epoch(50, epoch=0, flip="sometimes")


def test_a_resized_crop_is_that_piece_of_the_image():
    images = random_set(4, side=8)
    # Half the height, the whole width, at the bottom, resized to 4 × 8 pixels and mirrored.
    draws = data.Draws(
        order=torch.arange(4),
        flip=torch.tensor([False, True, False, True]),
        place=torch.tensor([[1.0, 0.0]]).repeat(4, 1),
        shape=torch.tensor([[0.5, 0.5]]).repeat(4, 1),
        hole=torch.zeros(4, 2),
    )
    found = data.augment(images, draws, crop="resized", side=4, **PLAIN)
    expected = images[:, :, 4:, :4].float()
    expected[1::2] = expected[1::2].flip(3)
    assert torch.allclose(found, expected, atol=1e-2)


def test_resized_crops_cover_what_they_should():
    draws = data.draw_epoch(2000, epoch=0, min_area=0.4)
    area, aspect = draws.shape.prod(1), draws.shape[:, 1] / draws.shape[:, 0]
    assert area.min() > 0.29 and area.max() <= 1 and 0.6 < area.mean() < 0.75
    assert 0.74 < aspect.min() < 0.8 and 1.25 < aspect.max() < 1.34


def test_cutout_blanks_one_square():
    images = random_set(200, side=16).clamp(min=1)
    draws = data.draw_epoch(200, epoch=0, flip="none")
    found = data.augment(images, draws, crop="none", cutout=4, **PLAIN)
    blank = (found == 0).all(1)
    assert (blank.sum((1, 2)) <= 16).all() and (blank.sum((1, 2)) == 16).float().mean() > 0.5
    for hole in blank:
        rows, columns = hole.any(1).nonzero().flatten(), hole.any(0).nonzero().flatten()
        assert len(rows) * len(columns) == hole.sum()
    kept = ~blank[:, None].expand_as(found)
    assert torch.equal(found[kept], images[draws.order].float()[kept])


def test_cutout_reaches_both_borders_alike():
    """Its centre is as often at any of the 17 places between 16 pixels."""
    centres = (torch.arange(17)[:, None].expand(-1, 2) + 0.5) / 17
    draws = replace(data.draw_epoch(17, epoch=0, flip="none"), hole=centres)
    images = random_set(17, side=16).clamp(min=1)
    found = data.augment(images, draws, crop="none", cutout=4, **PLAIN)
    widths = (found == 0).all(1).any(1).sum(1).tolist()
    assert widths == [2, 3, *[4] * 13, 3, 2]


def test_batches_are_channels_last_and_may_shrink():
    draws = data.draw_epoch(24, epoch=0)
    for crop in ("pad", "resized", "none"):
        batch = data.augment(random_set(), draws, crop=crop, side=8, mean=MEAN, std=STD)
        assert batch.shape == (24, 3, 8, 8) and batch.dtype == torch.float32
    with pytest.raises(ValueError, match="resized"):
        data.augment(random_set(), draws, crop="diagonal", mean=MEAN, std=STD)


def test_a_coloured_set_is_what_the_other_tests_think(tmp_path):
    write_coloured(tmp_path, train=6, test=3)
    assert len(data.read("cifar10", "train", folder=tmp_path)) == 6
    assert len(data.read("cifar10", "eval", folder=tmp_path)) == 3

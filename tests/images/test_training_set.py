"""Image sets for training: layouts of Parquet files, sets through ``datasets``, decoding."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_sets import COLOURS, coloured, encode, write_coloured, write_split

from cnn_space.images.preprocessing import Preprocessing, center_crop
from cnn_space.images.readers.hub import open_builder
from cnn_space.images.sources import SOURCES, Source
from cnn_space.images.training_set import decode, read_split


def test_parquet_as_cifar10_is_laid_out(tmp_path):
    images, labels = coloured(9)
    write_split(tmp_path / "cifar10", "train", [encode(image) for image in images], labels)
    found = read_split("cifar10", "train", folder=tmp_path)
    assert found.images.dtype == torch.uint8 and found.classes == tuple(COLOURS)
    assert np.array_equal(found.images.numpy(), images.transpose(0, 3, 1, 2))
    assert found.labels.tolist() == labels.tolist()
    assert (found.name, found.note) == ("CIFAR-10", "original pixels")


def test_parquet_as_imagenette_is_laid_out(tmp_path):
    # Two shards, a column named image, some grey pictures, sizes that differ, and no test split.
    pictures = [Image.new("L", (200, 170), 90), Image.new("RGB", (170, 300), (10, 20, 30))]
    encoded = [encode(picture, format="JPEG", quality=84) for picture in pictures * 2]
    write_split(tmp_path, "validation", encoded, [0, 1, 0, 1], image="image", shards=2)
    found = read_split("imagenette", "eval", folder=tmp_path)
    assert found.images.shape == (4, 3, 160, 160) and found.note == "160 px"
    assert found.labels.tolist() == [0, 0, 1, 1]  # shard by shard
    assert (found.images[0] == 90).all() and found.images[2, 2].float().mean() > 25
    smaller = read_split("imagenette", "eval", folder=tmp_path, side=48)
    assert smaller.images.shape == (4, 3, 48, 48)


@pytest.mark.parametrize("quality", [75, 90])
def test_a_jpeg_copy_says_so(tmp_path, quality):
    images, labels = coloured(3)
    encoded = [encode(image, format="JPEG", quality=quality) for image in images]
    write_split(tmp_path, "test", encoded, labels)
    assert read_split("cifar10", "eval", folder=tmp_path).note == f"JPEG-{quality} copy"


def test_sets_without_the_hubs_metadata(tmp_path):
    images, _ = coloured(3, side=8)
    encoded = [encode(image) for image in images]
    write_split(tmp_path, "train", encoded, ["b", "a", "b"], image="image", typed=False)
    found = read_split("mine", "train", folder=tmp_path)
    assert found.classes == ("a", "b") and found.labels.tolist() == [1, 0, 1]


def test_what_is_not_an_image_set_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no train\*\.parquet"):
        read_split("cifar10", "train", folder=tmp_path)
    images, labels = coloured(3)
    encoded = [encode(image) for image in images]
    write_split(tmp_path / "a", "train", encoded, labels, image="picture", typed=False)
    with pytest.raises(ValueError, match="picture"):
        read_split("a", "train", folder=tmp_path)
    write_split(tmp_path / "b", "train", encoded, [0, -1, 1])
    with pytest.raises(ValueError, match="without a label"):
        read_split("b", "train", folder=tmp_path)
    write_split(tmp_path / "n", "train", encoded, [0, None, 1])
    with pytest.raises(ValueError, match="without a label"):
        read_split("n", "train", folder=tmp_path)
    write_split(tmp_path / "l", "train", encoded, [[0], [1, 2], []])
    with pytest.raises(ValueError, match="more than one label"):
        read_split("l", "train", folder=tmp_path)
    encoded[1] = encode(Image.new("RGB", (9, 9)))
    write_split(tmp_path / "c", "train", encoded, labels)
    with pytest.raises(ValueError, match="--image-size"):
        read_split("c", "train", folder=tmp_path)
    encoded[1] = None
    write_split(tmp_path / "m", "train", encoded, labels)
    with pytest.raises(ValueError, match=r"image 1 .*: there is none"):
        read_split("m", "train", folder=tmp_path, side=32)
    encoded[1] = b"not an image"
    write_split(tmp_path / "d", "train", encoded, labels)
    with pytest.raises(ValueError, match="image 1"):
        read_split("d", "train", folder=tmp_path, side=32)
    with pytest.raises(ValueError, match="image 1"):
        decode(encoded)


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
        SOURCES, name,
        replace(SOURCES[name], hub=str(tmp_path / "set"), config=None),
    )  # fmt: skip
    for split in ("train", "eval"):
        found = read_split(name, split)
        assert np.array_equal(found.images.numpy(), images.transpose(0, 3, 1, 2))
        assert found.labels.tolist() == labels.tolist() and found.classes == tuple(COLOURS)
    any_name = read_split(str(tmp_path / "set"), "train", side=16)
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
        rows = open_builder("me/script", "160px").as_streaming_dataset()["train"]
        assert len(list(rows)) == 6 and rows.features["label"].names == list(COLOURS)
        with pytest.raises(RuntimeError, match="scripts"):
            open_builder("me/script", "../160px")
        return
    known = Source("Script", "me/script", config="160px", side=16)
    monkeypatch.setitem(SOURCES, "script", known)
    for split, name in (("train", "train"), ("eval", "validation")):
        found = read_split("script", split)
        assert np.array_equal(found.images.numpy(), images.transpose(0, 3, 1, 2))
        assert (found.split_name, found.classes) == (name, tuple(COLOURS))
    monkeypatch.setitem(SOURCES, "script", replace(known, config="a/b"))
    with pytest.raises(ValueError, match="cannot be read as an image set"):
        read_split("script", "train")


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
    assert len(read_split("cifar10", "train", folder=tmp_path)) == 6
    assert len(read_split("someone/cifar10", "train", folder=tmp_path)) == 6
    assert len(read_split("imagenette", "train", folder=tmp_path)) == 2


@pytest.mark.parametrize("width", [100, 101, 122, 129, 150, 179])
def test_a_set_is_read_as_a_net_is_shown_a_photo(width):
    """Whatever the sides: what was measured in training is what the page and `evaluate` see."""
    pixels = np.random.default_rng(0).integers(0, 256, (100, width, 3), dtype=np.uint8)
    photo = Image.fromarray(pixels)
    seen = center_crop(photo, Preprocessing(32, 32))
    (read,) = decode([encode(photo)], Preprocessing(32, 32))
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
        decode([e], Preprocessing(32, 32)) for e in (encode(image, **options), encode(looks))
    )
    assert torch.equal(found, wanted)


def test_no_images_of_another_set_are_read(tmp_path):
    images, labels = coloured(6, 32)
    write_split(tmp_path / "cifar10", "train", [encode(item) for item in images], labels)
    with pytest.raises(ValueError, match=r"no train\*\.parquet"):
        read_split("stl10", "train", folder=tmp_path)


def test_a_set_that_is_not_there_is_one_sentence(tmp_path, monkeypatch):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match="cannot be read as an image set"):
        read_split(str(tmp_path / "nothing"), "train")


def test_a_coloured_set_is_what_the_other_tests_think(tmp_path):
    write_coloured(tmp_path, train=6, test=3)
    assert len(read_split("cifar10", "train", folder=tmp_path)) == 6
    assert len(read_split("cifar10", "eval", folder=tmp_path)) == 3

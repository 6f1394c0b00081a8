"""A folder of this machine, one folder a class."""

import os
import zipfile

import pytest
from PIL import Image
from tiny_sets import class_folders, encode, left_out, picture

from cnn_space.images.limits import Limits
from cnn_space.images.readers import read_folder, read_zip
from cnn_space.images.visitor_set import DataError

LIMITS = Limits()


def test_a_folder_on_disk(tmp_path):
    for name, data in class_folders("pets/").items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    secret = tmp_path / "secret.png"
    secret.write_bytes(picture(80))
    (tmp_path / "pets/cat/link.png").symlink_to(secret)
    (tmp_path / "pets/ox/young").mkdir(parents=True)
    (tmp_path / "pets/cat/more.zip").write_bytes(b"PK\3\4")
    visitor_set = read_folder(tmp_path / "pets", LIMITS)
    assert visitor_set.images.classes == ("cat", "dog") and visitor_set.images.name == "pets"
    assert len(visitor_set.images.labels) == 6
    assert left_out(visitor_set) == {"link": 1, "empty": 1, "archive": 1}
    with pytest.raises(DataError, match="no folder"):
        read_folder(tmp_path / "nothing", LIMITS)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_in_a_folder_is_no_picture(tmp_path):
    for i in range(4):
        folder = tmp_path / "pets" / "ab"[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{i}.png").write_bytes(picture(i))
    os.mkfifo(tmp_path / "pets" / "a" / "pipe.png")
    visitor_set = read_folder(tmp_path / "pets")
    assert len(visitor_set.images.labels) == 4 and left_out(visitor_set) == {"not_image": 1}


@pytest.mark.parametrize("path", ["", " ", "~no such visitor/x", "a" * 5000])
def test_folders_that_are_none(path):
    with pytest.raises(DataError) as caught:
        read_folder(path, LIMITS)
    assert caught.value.reason == "not_a_folder"


def test_formats_are_judged_by_content(tmp_path):
    """In a folder and in a zip alike: whatever a file is called, it is read if it is a picture."""
    photos = {
        "a.ppm": encode(Image.new("RGB", (20, 20), "red"), format="PPM"),
        "b.jpe": encode(Image.new("RGB", (20, 20), "green"), format="JPEG"),
        "no suffix": encode(Image.new("RGB", (20, 20), "blue"), format="PNG"),
        "d.mpo": encode(Image.new("RGB", (20, 20), "white"), format="MPO"),
        "e.txt": encode(Image.new("RGB", (20, 20), "black"), format="WEBP"),
        "f.png": b"no picture",
        "g.psd": b"8BPS" + bytes(99),
        "h.jpg": encode(Image.new("RGB", (20, 20), "grey"), format="AVIF"),
    }
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for label in "xy":
            folder = tmp_path / "photos" / label
            folder.mkdir(parents=True)
            for name, data in photos.items():
                data = data + label.encode()  # or they would be duplicates
                (folder / name).write_bytes(data)
                archive.writestr(f"{label}/{name}", data)
    for visitor_set in (read_folder(tmp_path / "photos"), read_zip(tmp_path / "photos.zip")):
        assert visitor_set.images.counts == [6, 6]
        assert left_out(visitor_set) == {"not_image": 2, "other_format": 2}

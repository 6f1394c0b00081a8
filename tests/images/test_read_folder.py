"""A folder of this machine, one folder a class."""

import os

import pytest
from tiny_sets import class_folders, left_out, picture

from cnn_space.images.limits import Limits
from cnn_space.images.readers import read_folder
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
    visitor_set = read_folder(tmp_path / "pets", LIMITS)
    assert visitor_set.images.classes == ("cat", "dog") and visitor_set.images.name == "pets"
    assert len(visitor_set.images.labels) == 6 and left_out(visitor_set) == {"link": 1}
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

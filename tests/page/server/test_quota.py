"""How much disk uploads take: old and surplus files go, the oldest first, and nothing else."""

import os
import time
from pathlib import Path

import pytest

from cnn_space.page.server.quota import Quota

MB = 2**20


@pytest.fixture
def quota(tmp_path):
    """8 MB in all, of which a visitor has 2 MB."""
    return Quota(tmp_path, most=8 * MB, largest=MB)


def kept(folder: Path, number: int, *, size: int = MB, age: float = 0) -> Path:
    path = folder / f"{number:064x}" / "a.zip"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(bytes(size))
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_what_a_killed_process_left_goes_and_nothing_that_is_not_ours(quota, tmp_path):
    old, new = kept(tmp_path, 1, age=4000), kept(tmp_path, 2)
    half = tmp_path / "tmpab12_x9z"  # of an upload
    half.touch()
    os.utime(half, (0, 0))
    for folder in ("mine", "tmpabcdefgh"):
        (tmp_path / folder).mkdir()
    others = [tmp_path / name for name in ("note.txt", "mine/note.txt", "tmpabcdefgh/note.txt")]
    for other in others:
        other.write_text("not an upload")
        os.utime(other, (0, 0))
    quota.tidy()
    assert not old.parent.exists() and not half.exists()
    assert new.exists() and all(path.exists() for path in others)


def test_of_too_much_the_oldest_goes(quota, tmp_path):
    paths = [kept(tmp_path, number, age=100 - number) for number in range(10)]
    quota.tidy()
    assert [path.exists() for path in paths] == [False] * 2 + [True] * 8


def test_a_visitor_has_a_share_and_takes_nothing_from_others(quota, tmp_path):
    theirs = kept(tmp_path, 100)
    quota.add("other", [theirs])
    paths = [kept(tmp_path, number) for number in range(4)]
    for path in paths:
        quota.add("visitor", [path])
    assert [path.exists() for path in paths] == [False, False, True, True]
    assert theirs.exists()


def test_a_file_that_two_have_brought_stays_for_the_second(quota, tmp_path):
    both = kept(tmp_path, 1)
    quota.add("first", [both])
    quota.add("second", [both])
    for number in range(2, 5):
        quota.add("first", [kept(tmp_path, number)])
    assert both.exists()


def test_a_file_that_is_gone_is_no_trouble(quota, tmp_path):
    quota.add("visitor", [tmp_path / f"{0:064x}" / "never.zip", kept(tmp_path, 1)])
    assert (tmp_path / f"{1:064x}").is_dir()

"""``python -m cnn_space inspect``: what fine-tuning would learn from."""

import json
import zipfile
from unittest.mock import Mock

import pytest
from tiny_sets import picture

from cnn_space import __main__
from cnn_space.cli.finetune import read
from cnn_space.training.finetuning.folds import draw_folds
from cnn_space.training.recipes import Plan


def write(path, entries):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return str(path)


def inspect(capsys, *arguments):
    """(exit code, the JSON that it prints)"""
    code = __main__.main(["inspect", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_given_split(tmp_path, capsys):
    entries = {f"train/{c}/{i}.png": picture(100 * c + i) for c in (10, 9) for i in range(3)}
    entries |= {f"val/{c}/{i}.png": picture(100 * c + 50 + i) for c in (10, 9) for i in range(2)}
    path = write(tmp_path / "a.zip", entries | {"test/1.png": picture(1), "readme.txt": b"x"})
    code, found = inspect(capsys, path)
    assert code == 0 and list(found["classes"].items()) == [
        ("9", {"train": 3, "held_out": 2}),
        ("10", {"train": 3, "held_out": 2}),
    ]
    assert found["split"] == "given" and found["look_alikes"] == 0
    assert {"reason": "unlabelled", "count": 1, "example": "test/1.png"} in found["left_out"]
    assert [note.startswith("The set brings its own split: 4") for note in found["notes"]] == [True]


def test_a_drawn_split_keeps_look_alikes_together(tmp_path, capsys):
    entries = {f"{c}/{i}.png": picture(10 * k + i) for k, c in enumerate("ab") for i in range(10)}
    entries |= {f"{c}/{i}.jpg": picture(10 * k + i, format="JPEG", quality=90)
                for k, c in enumerate("ab") for i in range(10)}  # fmt: skip
    code, found = inspect(capsys, write(tmp_path / "a.zip", entries))
    assert code == 0 and found["split"] == "drawn" and found["look_alikes"] == 40
    assert found["classes"]["a"] == {"train": 16, "held_out": 4}
    assert "40 images look like another one" in found["notes"][0] and len(found["notes"]) == 1


def test_of_few_images_all_are_learnt_from(tmp_path, capsys):
    """As fine-tuning does it, which cross-validates them."""
    entries = {f"{c}/{i}.png": picture(10 * k + i) for k, c in enumerate("ab") for i in range(3)}
    path = write(tmp_path / "a.zip", entries)
    code, found = inspect(capsys, path)
    assert code == 0 and found["split"] == "drawn"
    assert found["classes"] == {c: {"train": 3, "held_out": 0} for c in "ab"}
    visitor_set = read(path)
    course = draw_folds(visitor_set.images, Plan())
    assert len(set(course.tolist())) == 3 and "into 3 parts" in found["notes"][-1]


def test_a_table_for_people(tmp_path, capsys):
    entries = {f"{c}/{i}.png": picture(10 * k + i) for k, c in enumerate("ab") for i in range(5)}
    path = write(tmp_path / "a.zip", entries | {"a/notes.txt": b"x"})
    assert __main__.main(["inspect", path]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0].split() == ["a", "5", "to", "learn", "from", "0", "held", "out"]
    assert "into 5 parts" in err
    assert "left out: 1 × not a readable image (a/notes.txt)" in err


@pytest.mark.parametrize("name", ["a.zip", "no such folder/x"])
def test_what_cannot_be_used_is_one_sentence(tmp_path, capsys, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.zip", {f"train/{i}.png": picture(i) for i in range(4)})
    code, found = inspect(capsys, name)
    assert code == 2 and list(found) == ["problem", "left_out"] and found["problem"].endswith(".")
    assert __main__.main(["inspect", name]) == 2 and found["problem"] in capsys.readouterr().err


@pytest.mark.parametrize("command", ["inspect", "finetune"])
@pytest.mark.parametrize("name", ["photso", "photos/cats", "/photos/of my cats", "cats.zip"])
def test_a_slip_in_a_path_is_told_as_one(tmp_path, capsys, monkeypatch, command, name):
    """Even where it could be the name of a set on the Hub, which cannot be reached."""
    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", Mock(side_effect=OSError("no net")))
    monkeypatch.chdir(tmp_path)
    assert __main__.main([command, name]) == 2
    assert f"There is no file or folder {name}. " in capsys.readouterr().err


def test_a_long_name_leaves_the_table_narrow(tmp_path, capsys):
    names = ("b", "c" * 150)
    entries = {f"{c}/{i}.png": picture(50 * k + i) for k, c in enumerate(names) for i in range(9)}
    assert __main__.main(["inspect", write(tmp_path / "a.zip", entries)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and max(map(len, lines)) < 100

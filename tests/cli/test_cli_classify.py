"""``classify``: photos from the shell."""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

from cnn_space.__main__ import main
from cnn_space.inference import classification
from cnn_space.inference.classification import answer, classify_all
from cnn_space.inference.engine import Engine
from cnn_space.weights import catalogue


def save_photo(path, seed=0):
    """Noise as a picture at ``path``, in whatever format its suffix says; its path as text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return str(path)


def test_photos_are_named_in_a_table_or_json(checkpoints, tmp_path, capsys):
    pixels = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    photo = Image.fromarray(pixels)
    path = tmp_path / "my photo.png"
    photo.save(path)
    best = answer(photo, "lenet5.cifar10").predictions
    assert main(["classify", str(path), "--top-k", "2"]) == 0
    line = capsys.readouterr().out
    assert "my photo.png" in line and f"{best[0].label} {best[0].probability:6.1%}" in line

    assert main(["classify", str(path), str(path), "--net", "lenet5.cifar10", "--json"]) == 0
    lines = json.loads(capsys.readouterr().out)
    assert len(lines) == 2 and lines[0]["net"] == "lenet5.cifar10"
    assert [c["label"] for c in lines[1]["classes"]] == [p.label for p in best[:3]]
    assert lines[1]["classes"][0]["probability"] == pytest.approx(best[0].probability, abs=1e-6)

    assert main(["classify", str(tmp_path / "absent.png"), str(path)]) == 1
    got = capsys.readouterr()
    assert got.err == f"{tmp_path / 'absent.png'} cannot be read: No such file or directory\n"
    assert "my photo.png" in got.out

    assert main(["classify", str(path), "--net", "lenet6.cifar10"]) == 2
    assert "did you mean lenet5.cifar10" in capsys.readouterr().err


def test_folders_and_patterns_stand_for_their_photos_in_natural_order(
    checkpoints, tmp_path, capsys
):
    folder = tmp_path / "photos"
    paths = [save_photo(folder / f"{i}.png", i) for i in (1, 2, 10)]
    deep = save_photo(folder / "more" / "3.jpg", 3)
    save_photo(folder / ".hidden.png")
    (folder / "notes.txt").write_text("no picture")

    assert main(["classify", str(folder), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["photo"] for row in rows] == [*paths, deep]
    # cmd.exe hands patterns on as they are.
    assert main(["classify", str(folder / "*.png"), "--json"]) == 0
    assert [row["photo"] for row in json.loads(capsys.readouterr().out)] == paths

    (folder / "old.jp2").write_bytes(b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(99))
    assert main(["classify", str(folder), "--csv"]) == 1  # a picture is never passed over silently
    assert "old.jp2: JPEG 2000" in capsys.readouterr().err

    (tmp_path / "empty").mkdir()
    assert main(["classify", str(tmp_path / "empty"), str(folder / "*.gif"), paths[0]]) == 1
    printed = capsys.readouterr()
    assert "empty: there is no picture in this folder" in printed.err
    assert "*.gif: no file has such a name" in printed.err and "1.png" in printed.out


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(checkpoints, tmp_path, capsys):
    path = save_photo(tmp_path / "cat[1].png")
    assert main(["classify", path, "--json"]) == 0
    assert [row["photo"] for row in json.loads(capsys.readouterr().out)] == [path]


def test_a_long_name_leaves_the_table_narrow(checkpoints, tmp_path, capsys):
    long, short = save_photo(tmp_path / ("x" * 90 + "-1.png")), save_photo(tmp_path / "a.png")
    assert main(["classify", long, short, "--top-k", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) < 80 and "…" in lines[0] and "-1.png   " in lines[0]
    assert main(["classify", long, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["photo"] == long


def test_an_address_is_not_fetched_and_said_so(checkpoints, tmp_path, capsys):
    address = "https://example.org/cat.jpg"
    assert main(["classify", address, save_photo(tmp_path / "a.png")]) == 1
    printed = capsys.readouterr()
    assert f"{address}: addresses are not fetched; download the photo first" in printed.err
    assert "a.png" in printed.out


def test_csv_has_a_line_a_class(checkpoints, tmp_path, capsys):
    path = save_photo(tmp_path / "a, b.png")
    assert main(["classify", path, "--csv", "--top-k", "2"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    best = answer(path, "lenet5.cifar10").best[:2]
    assert [row["label"] for row in rows] == [p.label for p in best]
    assert [row["rank"] for row in rows] == ["1", "2"] and {row["photo"] for row in rows} == {path}
    assert float(rows[0]["probability"]) == pytest.approx(best[0].probability, abs=1e-6)


@pytest.mark.parametrize("ten_views", [False, True])
def test_many_photos_go_in_batches_and_get_the_answers_of_one(
    checkpoints, tmp_path, monkeypatch, ten_views
):
    monkeypatch.setattr(classification, "BATCH", 4)
    paths = [save_photo(tmp_path / f"{i}.png", i) for i in range(9)]
    expected = [answer(path, "lenet5.cifar10", ten_views=ten_views).best for path in paths]
    paths.insert(5, "absent.png")

    sizes, logits = [], Engine.logits
    monkeypatch.setattr(
        Engine, "logits", lambda self, batch: sizes.append(len(batch)) or logits(self, batch)
    )
    answers = dict(classify_all(paths, "lenet5.cifar10", ten_views=ten_views))
    assert sizes == [n * (10 if ten_views else 1) for n in (4, 3, 2)]
    assert list(answers) == paths and "cannot be read" in str(answers.pop("absent.png"))
    for best, others in zip(expected, answers.values(), strict=True):
        assert {p.label: p.probability for p in others} == pytest.approx(
            {p.label: p.probability for p in best}, abs=1e-6
        )


def test_what_was_answered_before_ctrl_c_is_printed(checkpoints, tmp_path, monkeypatch, capsys):
    path = save_photo(tmp_path / "a.png")
    answered = answer(path, "lenet5.cifar10").best

    def one_answer(*_, **__):
        yield path, answered
        raise KeyboardInterrupt

    monkeypatch.setattr(classification, "classify_all", one_answer)
    assert main(["classify", path, path, "--json"]) == 130
    printed = capsys.readouterr()
    assert [row["photo"] for row in json.loads(printed.out)] == [path]
    assert printed.err == "stopped\n"


def test_a_package_without_its_nets_says_what_to_do(checkpoints, tmp_path, monkeypatch, capsys):
    """As after ``pip install .``, which copies no checkpoints."""
    monkeypatch.setattr(catalogue, "CHECKPOINTS", tmp_path / "site-packages" / "checkpoints")
    monkeypatch.setattr(catalogue, "is_local", lambda name: False)  # nothing was fetched, either
    for arguments in (["a.png"], ["a.png", "--net", "googlenet.cifar10"]):
        assert main(["classify", *arguments]) == 2
        said = capsys.readouterr().err
        assert "pip install -e ." in said and "cnn_space fetch resnet18.tv_in1k" in said

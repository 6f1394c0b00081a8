"""``train`` and ``evaluate`` on photos in class folders and zips."""

import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from throwaway import read_card
from tiny_sets import COLOURS, coloured, encode

from cnn_space import weights
from cnn_space.__main__ import main
from cnn_space.inference.classification import classify
from cnn_space.weights import catalogue

NAMES = tuple(COLOURS)


def photos(count: int, seed: int, *, side: int = 32) -> dict[str, bytes]:
    """Coloured photos by path; they are not square, and their middle alone has the colour."""
    images, labels = coloured(count, side, seed)
    wide = np.random.default_rng(seed).integers(0, 256, (count, side, side + 20, 3), np.uint8)
    wide[:, :, 10 : 10 + side] = images
    return {
        f"{NAMES[label]}/{number}.png": encode(image)
        for number, (image, label) in enumerate(zip(wide, labels, strict=True))
    }


def write_folder(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def within(part: str, files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{part}/{name}": content for name, content in files.items()}


@pytest.fixture
def train(tmp_path, monkeypatch):
    """``train(photos, *more arguments)``: LeNet-5, into ``checkpoints/``; gives the exit code."""
    monkeypatch.setattr(catalogue, "CHECKPOINTS", tmp_path / "checkpoints")
    monkeypatch.chdir(tmp_path)

    def run(place: Path, *more: str) -> int:
        plain = "train lenet5 --batch-size 15 --epochs 8 --lr 0.05 --device cpu --data-dir"
        return main([*plain.split(), str(place), *more])

    return run


def test_photos_without_a_split_are_learnt_and_a_fifth_is_held_out(train, tmp_path, capsys):
    place = write_folder(tmp_path / "My Photos", photos(120, 0))
    (place / "red" / "notes.txt").write_text("no photo")
    assert train(place) == 0
    assert "left out: 1 × not a readable image" in capsys.readouterr().err
    card = read_card(tmp_path / "checkpoints" / "lenet5.my_photos.json")
    assert card["data"] == {
        "tag": "my_photos", "name": "My Photos", "note": "32 px", "train_images": 96,
        "holdout_images": 24, "eval_split": "held out of train", "eval_images": 24,
    }  # fmt: skip
    assert card["labels"] == ["blue", "green", "red"] and card["accuracy"] > 80

    # Other photos, as classify sees them; one class alone, and a single photo of it.
    test = write_zip(tmp_path / "test_photos.zip", photos(30, 1))
    assert main(["evaluate", "lenet5.my_photos", "--data-dir", str(test), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    wanted = [[0] * 3 for _ in range(3)]
    for name, content in photos(30, 1).items():
        best = classify(Image.open(io.BytesIO(content)), "lenet5.my_photos", 1)[0].label
        wanted[card["labels"].index(name.split("/")[0])][card["labels"].index(best)] += 1
    assert found["confusion"] == wanted and found["accuracy"] > 80
    assert main(["evaluate", "lenet5.my_photos", "--data-dir", str(test)]) == 0
    assert "on test_photos, not the card's My Photos" in capsys.readouterr().out
    lone = write_folder(tmp_path / "lone", {"green/1.png": encode(coloured(2)[0][1])})
    assert main(["evaluate", "lenet5.my_photos", "--data-dir", str(lone), "--json"]) == 0
    assert sum(json.loads(capsys.readouterr().out)["confusion"][1]) == 1


def test_a_split_that_is_given_is_kept(train, tmp_path, capsys):
    """The test part judges, as it does of Parquet files; the validation part is not learnt."""
    files = within("train", photos(90, 0)) | within("val", photos(9, 1))
    files |= within("test", photos(30, 2))
    place = write_zip(tmp_path / "colours.zip", files)
    assert train(place) == 0
    assert "left out: 9 × in a part of the split that is not used" in capsys.readouterr().err
    card = read_card(tmp_path / "checkpoints" / "lenet5.colours.json")
    assert card["data"]["train_images"] == 90 and card["data"]["holdout_images"] == 0
    assert (card["data"]["eval_split"], card["data"]["eval_images"]) == ("test", 30)
    assert main(["evaluate", "lenet5.colours", "--data-dir", str(place), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["confusion"] == card["confusion"]
    assert main(["evaluate", "lenet5.colours", "--data-dir", str(place)]) == 0
    assert "agrees" in capsys.readouterr().out
    assert train(place, "--no-test", "--name", "trial.colours", "--epochs", "1") == 0
    card = read_card(tmp_path / "checkpoints" / "trial.colours.json")
    assert (card["data"]["train_images"], card["data"]["eval_images"]) == (72, 18)
    more = ("--init", "trial.colours", "--holdout", "18", "--epochs", "1")
    assert train(place, *more, "--name", "more.colours") == 0
    other = write_zip(tmp_path / "other.zip", files)
    capsys.readouterr()
    assert train(other, *more, "--name", "more.other") == 2
    assert "not trained on this set" in capsys.readouterr().err


def test_large_photos_are_trained_at_a_moderate_size(train, tmp_path):
    place = write_folder(tmp_path / "large", photos(12, 0, side=150))
    assert train(place, "--epochs", "1") == 0
    assert weights.load("lenet5.large").record.preprocessing.size == 96
    assert train(place, "--epochs", "1", "--image-size", "40", "--name", "small.large") == 0
    assert weights.load("small.large").record.preprocessing.size == 40


def test_photos_that_do_not_fit_are_told_in_one_sentence(train, tmp_path, capsys):
    place = write_folder(tmp_path / "mine", photos(30, 0))
    assert train(place, "--epochs", "1") == 0
    strange = write_folder(tmp_path / "strange", {"purple/1.png": encode(coloured(1)[0][0])})
    empty = tmp_path / "empty"
    empty.mkdir()
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK no zip")
    capsys.readouterr()
    for photos_here, names, says in (
        (strange, ["lenet5.mine"], "does not know: purple; it knows blue, green, red"),
        (empty, ["lenet5.mine"], "No usable image was found"),
        (broken, ["lenet5.mine"], "not a zip file"),
        (strange, [], "name the nets"),
    ):
        assert main(["evaluate", *names, "--data-dir", str(photos_here)]) == 2
        error = capsys.readouterr().err
        assert says in error and error.count("\n") == 1
    assert train(strange, "--name", "a.b") == 2
    assert "Only one class" in capsys.readouterr().err


def test_of_few_photos_no_percentage_is_made(train, tmp_path, capsys):
    """Of four photos a fifth is none: one is held out all the same."""
    assert train(write_folder(tmp_path / "few", photos(45, 0))) == 0
    shown = capsys.readouterr().out.splitlines()[-1]
    assert (
        re.search(r"lenet5.few: \d of 9 images \(held out of train\)", shown) and "%" not in shown
    )
    colours = {"red": 2, "blue": 2}
    four = {f"{c}/{i}.png": encode(np.full((32, 32, 3), 40 * i + 9 * len(c), np.uint8))
            for c, count in colours.items() for i in range(count)}  # fmt: skip
    assert train(write_folder(tmp_path / "four", four), "--batch-size", "2") == 0
    assert " of 1 images (held out of train)" in capsys.readouterr().out


def test_measuring_says_nothing_of_a_split_or_of_classes_without_photos(train, tmp_path, capsys):
    assert train(write_folder(tmp_path / "all", photos(60, 0))) == 0
    one = next(c for name, c in photos(60, 3).items() if name.startswith("red"))
    again = io.BytesIO()
    Image.open(io.BytesIO(one)).save(again, "JPEG", quality=95)
    reds = write_folder(tmp_path / "reds", {"red/1.png": one, "red/2.jpg": again.getvalue()})
    capsys.readouterr()
    net = str(tmp_path / "checkpoints" / "lenet5.all.safetensors")
    assert main(["evaluate", net, "--data-dir", str(reds), "--json"]) == 0
    out, err = capsys.readouterr()
    assert list(json.loads(out)["per_class"]) == ["red"] and "split" not in err

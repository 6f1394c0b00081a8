"""``evaluate`` on what ``train`` leaves, and on other weights."""

import json

import numpy as np
from throwaway import read_card
from tiny_sets import coloured, encode, write_split

from cnn_space import weights
from cnn_space.__main__ import main
from cnn_space.cli import evaluate
from cnn_space.inference import engine, onnx_session
from cnn_space.inference.classification import classify


def test_a_card_that_promises_too_much_is_caught(train, capsys):
    assert train("--epochs", "1") == 0
    path = train.folder / "checkpoints" / "lenet5.cifar10.json"
    path.write_text(json.dumps(read_card(path) | {"accuracy": read_card(path)["accuracy"] - 5}))
    assert main(["evaluate", "lenet5.cifar10", "--data-dir", train.data]) == 1
    assert "DIFFERS" in capsys.readouterr().out
    # On other pixels than the card's another figure proves nothing.
    card = read_card(path)
    card["data"]["note"] = "JPEG-75 copy"
    path.write_text(json.dumps(card))
    assert main(["evaluate", "lenet5.cifar10", "--data-dir", train.data]) == 0
    assert "original pixels, not the card's JPEG-75 copy" in capsys.readouterr().out
    # Nor does one on other images.
    assert train("--epochs", "1", "--no-test", "--name", "trial.cifar10") == 0
    assert main(["evaluate", "trial.cifar10", "--data-dir", train.data]) == 0
    assert "on test, not the card's held out of train" in capsys.readouterr().out


def test_figures_go_into_the_card_of_weights_once_chosen(train, capsys):
    """--no-test, then evaluate --write, is the card that a training with its test writes."""
    assert train("--name", "whole.cifar10") == 0
    assert train("--name", "chosen.cifar10", "--no-test") == 0
    whole, chosen = (
        train.folder / "checkpoints" / f"{name}.cifar10.json" for name in ("whole", "chosen")
    )
    assert read_card(chosen)["data"]["eval_split"] == "held out of train"
    file = str(chosen.with_suffix(".safetensors"))
    command = ["evaluate", file, "--data-dir", train.data, "--write"]
    for wrong in ([*command, "--data", "cifar10"], [command[0], *command[2:]]):
        assert main(wrong) == 2
        assert "weights that are named" in capsys.readouterr().err
    assert main(command) == 0
    timed = ("name", "file", "wall_time_s", "history")
    ones, others = (
        {k: v for k, v in read_card(path).items() if k not in timed} for path in (whole, chosen)
    )
    assert ones == others and weights.load("chosen.cifar10").record.accuracy == ones["accuracy"]
    assert main(command) == 2  # once
    assert "has its figures of the test split already" in capsys.readouterr().err
    chosen.write_text(
        json.dumps(read_card(chosen) | {"data": ones["data"] | {"note": "JPEG-75 copy"}})
    )
    assert main(command) == 2
    assert "another copy" in capsys.readouterr().err


def test_other_weights_are_measured_as_the_page_sees_with_them(train, capsys):
    """A net that sees the middle of an enlarged image alone; and cards that say little."""
    assert train() == 0
    outside, labels = coloured(30, seed=2)
    inside, _ = coloured(30, seed=3)
    images = outside.copy()
    images[:, 8:24, 8:24] = np.roll(inside, 1, axis=0)[:, 8:24, 8:24]
    folder = next(train.folder.rglob("test-*.parquet")).parent
    write_split(folder, "test", [encode(image) for image in images], labels)
    path = train.folder / "checkpoints" / "lenet5.cifar10.json"
    card = read_card(path)
    card["preprocessing"] |= {"resize": 64, "interpolation": "bilinear"}
    path.write_text(json.dumps({k: v for k, v in card.items() if k != "accuracy"}))
    capsys.readouterr()
    assert main(["evaluate", "lenet5.cifar10", "--data-dir", train.data, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    loaded = weights.load("lenet5.cifar10")
    wanted = [[0] * 3 for _ in range(3)]
    for image, label in zip(images, labels, strict=True):
        best = classify(image, loaded)[0].label
        wanted[label][loaded.record.labels.index(best)] += 1
    assert found["confusion"] == wanted and found["card"] is None and found["accuracy"] < 40
    assert main(["evaluate", "lenet5.cifar10", "--data-dir", train.data]) == 0
    assert "its card states none" in capsys.readouterr().out
    path.write_text(json.dumps({k: v for k, v in card.items() if k != "data"}))
    assert main(["evaluate", "lenet5.cifar10", "--data-dir", train.data]) == 2
    assert "give --data" in capsys.readouterr().err


def test_many_images_are_measured_in_onnx_runtime_with_the_same_figures(
    train, capsys, monkeypatch, tmp_path
):
    assert train() == 0
    capsys.readouterr()
    command = ["evaluate", "lenet5.cifar10", "--data-dir", train.data, "--json"]
    assert main(command) == 0
    in_pytorch = capsys.readouterr().out
    monkeypatch.setenv("CNN_SPACE_ENGINE", "auto")
    monkeypatch.setenv("CNN_SPACE_CACHE", str(tmp_path / "cache"))
    images, run = json.loads(in_pytorch)["images"], engine.Engine._in_onnx
    for enough, answered in ((images + 1, 0), (images, images)):
        monkeypatch.setattr(evaluate, "WORTH_CONVERTING", enough)
        counted: list[int] = []
        monkeypatch.setattr(
            engine.Engine,
            "_in_onnx",
            lambda self, session, batch, counted=counted: (
                counted.append(len(batch)) or run(self, session, batch)
            ),
        )
        assert main(command) == 0
        assert capsys.readouterr().out == in_pytorch
        checked = onnx_session.IMAGES if answered else 0
        assert sum(counted) == answered + checked


def test_a_slip_in_the_folder_of_the_images_is_told_as_one(checkpoints, tmp_path, capsys):
    place = tmp_path / "typo"
    assert main(["evaluate", "lenet5.cifar10", "--data-dir", str(place)]) == 2
    assert f"there is no file or folder {place}" in capsys.readouterr().err

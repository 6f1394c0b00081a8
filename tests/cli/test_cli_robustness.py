"""``robustness``: what throws nets off, from the shell."""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image
from throwaway import write_weights

from cnn_space import classify
from cnn_space.__main__ import main
from cnn_space.inference.robustness_changes import CHANGES


@pytest.fixture
def photo(tmp_path):
    coarse = np.random.default_rng(3).integers(0, 255, (4, 6, 3), dtype=np.uint8)
    path = tmp_path / "photo.png"
    Image.fromarray(coarse).resize((64, 64), Image.Resampling.BICUBIC).save(path)
    return path


def test_a_photo_is_darkened_in_a_table_json_and_csv(checkpoints, photo, capsys):
    command = ["robustness", str(photo), "--nets", "lenet5.cifar10", "--change", "darken"]
    assert main([*command, "--steps", "3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["photo"] == str(photo) and found["levels"] == [100, 70, 40, 10]
    (net,) = found["nets"]
    dark = Image.open(photo).convert("RGB").point([round(v * 10 / 100) for v in range(256)] * 3)
    last = {p.label: p.probability for p in classify(dark, "lenet5.cifar10", top_k=10)}
    assert net["answer"] == net["answers"][0] == classify(photo, "lenet5.cifar10")[0].label
    assert net["probabilities"][3] == pytest.approx(last[net["answer"]], abs=1e-5)
    assert net["answers"][3] == max(last, key=last.get)

    assert main([*command, "--steps", "3"]) == 0
    table = capsys.readouterr().out
    lines = [line.split() for line in table.splitlines()]
    assert ["100", f"{net['probabilities'][0]:.1%}", net["answer"]] in lines
    assert "darken, in % of its brightness" in table
    if net["flips_at"] is None:
        assert f"lenet5.cifar10: {net['answer']} throughout" in table
    else:
        assert f"changes at {net['flips_at']:g}: {net['flips_to']}" in table

    assert main([*command, "--steps", "3", "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["answer"] for row in rows] == net["answers"]
    assert [float(row["first_probability"]) for row in rows] == net["probabilities"]


def test_what_cannot_be_done_is_said(checkpoints, photo, capsys):
    folder, _ = checkpoints
    write_weights(folder, "nin.cifar10", "nin")
    (folder / "nin.cifar10.safetensors").write_bytes(b"cut off")
    assert main(["robustness", str(photo), "--steps", "2"]) == 1  # the two nets that are here
    got = capsys.readouterr()
    assert "lenet5.cifar10" in got.out and "nin.cifar10: " in got.err and "damaged" in got.err
    for wrong, why in (
        (["--change", "melt"], "'melt' is no change"),
        (["--steps", "100"], "from 1 to 40"),
        (["--nets", "lenet6.cifar10"], "did you mean lenet5.cifar10"),
    ):
        assert main(["robustness", str(photo), *wrong]) == 2
        assert why in capsys.readouterr().err
    assert main(["robustness", "absent.png"]) == 2


def test_the_help_names_every_change(capsys):
    with pytest.raises(SystemExit):
        main(["robustness", "--help"])
    said = capsys.readouterr().out
    assert all(name in said for name in CHANGES)

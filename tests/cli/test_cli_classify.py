"""``classify``: photos from the shell."""

import json

import numpy as np
from PIL import Image

from cnn_space.__main__ import main
from cnn_space.inference.classification import answer


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
    assert lines[1]["classes"] == [vars(p) for p in best[:3]]

    assert main(["classify", str(tmp_path / "absent.png"), str(path)]) == 1
    got = capsys.readouterr()
    assert "absent.png" in got.err and "my photo.png" in got.out

    assert main(["classify", str(path), "--net", "lenet6.cifar10"]) == 2
    assert "did you mean lenet5.cifar10" in capsys.readouterr().err

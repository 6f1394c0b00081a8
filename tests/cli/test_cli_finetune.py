"""``finetune`` from the shell: a folder of images in, weights and a report out."""

import json
import re

import pytest
from PIL import Image
from tiny_sets import stripes

from cnn_space import weights
from cnn_space.__main__ import main
from cnn_space.training import finetuning
from cnn_space.training.finetuning import Report


def write(images, folder):
    for i, image in enumerate(images.images):
        path = folder / images.classes[images.labels[i]] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(path)


def test_likely_wrong_labels_are_listed(checkpoints, tmp_path, capsys):
    write(stripes(12), tmp_path / "bars")
    for name in ("0.png", "3.png", "12.png"):
        (tmp_path / "bars/a" / name).rename(tmp_path / "bars/b" / name)
    command = ["finetune", str(tmp_path / "bars"), "--base", "lenet5.cifar10", "--preset", "quick"]
    assert main([*command, "--out", str(tmp_path / "one")]) == 0
    said = capsys.readouterr().out
    assert re.search(r"of 36 images right, each judged by a net that did not learn from it", said)
    assert re.search(r"^likely wrong labels: [123] of 36, the worst first$", said, re.M)
    assert re.search(r"^  b/(0|3|12).png: b, rather a \(\S+ %\)$", said, re.M)
    assert main([*command, "--out", str(tmp_path / "other"), "--json"]) == 0
    suspect = json.loads(capsys.readouterr().out.strip().splitlines()[-1])["suspects"][0]
    assert suspect["name"] in ("b/0.png", "b/3.png", "b/12.png")
    assert (suspect["given"], suspect["likely"]) == (1, 0)


def test_a_net_is_taught_from_the_shell(checkpoints, tmp_path, capsys, monkeypatch):
    write(stripes(8), tmp_path / "bars")
    command = ["finetune", str(tmp_path / "bars"), "--base", "lenet5.cifar10", "--preset", "quick"]
    command += ["--class-weights", "on", "--cross-validate", "off"]
    record = tmp_path / "record.json"
    assert main([*command, "--out", str(tmp_path / "out"), "--record", str(record)]) == 0
    said = capsys.readouterr()
    # 6 images are held out: no percentage of them, at the end or at a check.
    assert re.search(r"^[0-6] of 6 held-out images right; too few for a percentage", said.out, re.M)
    assert re.search(r"head .* loss .* [0-6] of 6$", said.err + said.out, re.M)
    assert "classes were weighted: 6 to 6" in said.out
    assert len(re.findall(r"^  recall +[0-2] of 2  [abc]$", said.out, re.M)) == 3
    loaded = weights.load(tmp_path / "out" / "lenet5.bars.safetensors")
    report = Report.from_json(json.loads(record.read_text()))
    assert json.loads(record.read_text())["recall"].keys() == {"a", "b", "c"}
    assert loaded.record.labels == ("a", "b", "c") and report.classes == ("a", "b", "c")
    # Where the result cannot be kept, nothing is trained first.
    with monkeypatch.context() as patch:
        patch.setattr(finetuning.Run, "__iter__", lambda run: pytest.fail("it trained"))
        assert main([*command, "--out", str(record)]) == 2
        assert "nothing can be written to" in capsys.readouterr().err
        assert main([*command, "--out", str(tmp_path), "--record", str(tmp_path / "x/y.json")]) == 2
        assert "--record" in capsys.readouterr().err
        assert main([*command, "--out", str(tmp_path / "out")]) == 2
        assert "would replace lenet5.bars" in capsys.readouterr().err
    # Measured again it is on the images that it is given, not on a set of that name on the Hub.
    path = str(tmp_path / "out" / "lenet5.bars.safetensors")
    assert main(["evaluate", path]) == 2 and "give --data" in capsys.readouterr().err
    assert main([*command[:1], str(tmp_path / "nothing"), *command[2:]]) == 2
    assert "not the name of a dataset" in capsys.readouterr().err

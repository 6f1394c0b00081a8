"""The command and the public function say the same."""

import json

import pytest
from faulty import FAULTS, SOUND, line_of
from safetensors.torch import save_file

import cnn_space
from cnn_space.__main__ import main
from cnn_space.models.registry import create_model


@pytest.fixture
def file(tmp_path):
    def write(text: str, name: str = "net.py") -> str:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def test_exit_codes(file, capsys):
    assert main(["check", file(SOUND)]) == 0
    assert main(["check", file(FAULTS["forward_misspelt"][0])]) == 1
    assert main(["check", file("public class Net {}")]) == 2
    assert main(["check", "no_such_file.py"]) == 2


def test_json_is_the_report(file, capsys):
    text = FAULTS["shape_conv"][0]
    main(["check", file(text), "--json", "--input", "3,64,64", "--arg", "num_classes=7"])
    printed = json.loads(capsys.readouterr().out)
    report = cnn_space.check(text, input_shape=(3, 64, 64), arguments={"num_classes": 7})
    assert printed == json.loads(json.dumps(report.to_json()))
    assert printed["output_shape"] == [7]
    assert printed["input_shape"] == [3, 64, 64]
    assert {"classes", "net", "parameters", "macs", "layers", "problems", "nearest"} <= set(printed)
    assert [p["kind"] for p in printed["problems"]] == ["shape_conv"]


def test_text_names_layers_and_findings(file, capsys):
    main(["check", file(FAULTS["shape_conv"][0])])
    printed = capsys.readouterr().out
    assert "conv2" in printed
    assert f"line {line_of(FAULTS['shape_conv'][0], 'F.relu(self.conv2')}" in printed


def test_a_part_that_was_understood_is_not_called_the_whole(file, capsys):
    end = "return self.fc"
    text = "import elsewhere\n" + SOUND.replace(end, f"x = elsewhere.change(x)\n        {end}")
    assert main(["check", file(text)]) == 0
    assert "in the part that was understood" in capsys.readouterr().out
    main(["check", file(SOUND)])
    assert "in the part that was understood" not in capsys.readouterr().out


def test_control_characters_of_the_source_do_not_reach_the_terminal(file, capsys):
    end = "return self.fc"
    main(["check", file(SOUND.replace(end, f"raise ValueError('\\x1b[2J')\n        {end}"))])
    printed = capsys.readouterr().out
    assert "\x1b" not in printed and "x1b[2J" in printed


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--class", "Smal"], "Small"),
        (["--arg", "classes=3"], "num_classes"),
        (["--arg", "classes"], "NAME=VALUE"),
        (["--input", "big"], "3,224,224"),
        (["--input", "0,1,1"], "whole numbers"),
    ],
)
def test_a_choice_that_does_not_fit_says_what_would(file, capsys, options, said):
    assert main(["check", file(SOUND), *options]) == 2
    assert said in capsys.readouterr().err


def test_a_file_of_weights_is_named_by_its_shapes(tmp_path):
    path = tmp_path / "weights.safetensors"
    net = create_model("lenet5", 7)
    save_file(net.state_dict(), path)
    report = cnn_space.check(path)
    assert report.parameters == sum(p.numel() for p in net.parameters())
    assert (report.nearest.name, report.nearest.same) == ("lenet5", True)
    rows = {row.name: row for row in report.layers}
    assert (rows["features.0"].kind, rows["features.0"].shape) == ("conv", (6,))


def test_a_broken_file_of_weights_is_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"\xff" * 100)
    assert cnn_space.check(path).exit_code == 2

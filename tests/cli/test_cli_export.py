"""``export``: a file of one's own, or one sentence."""

import errno
import importlib.util
import os
from pathlib import Path

import onnxruntime

from cnn_space import weights
from cnn_space.__main__ import main
from cnn_space.cli import export
from cnn_space.inference import onnx_export


def test_a_checked_file_is_written(checkpoints, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["export", "lenet5.cifar10"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("lenet5.cifar10.onnx: 0.3 MB; in ONNX Runtime no probability differs")
    assert main(["export", "lenet5.cifar10", "--onnx", "new/folder/net.onnx"]) == 0
    session = onnxruntime.InferenceSession("new/folder/net.onnx")
    assert [value.name for value in session.get_inputs()] == ["photo"]
    assert session.get_inputs()[0].shape == ["N", "H", "W", 3]
    assert session.get_outputs()[0].shape == ["N", 10]
    assert session.get_modelmeta().custom_metadata_map["title"] == "Lenet5"


def test_what_cannot_be_exported_is_one_sentence(checkpoints, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    for arguments, says in (
        (["lenet6.cifar10"], "unknown weights"),
        (["lenet5.cifar10", "--onnx", "."], "is a folder"),
        (["lenet5.cifar10", "--onnx", "file/net.onnx"], "nothing can be written"),
    ):
        assert main(["export", *arguments]) == 2
        error = capsys.readouterr().err
        assert says in error and error.count("\n") == 1
    monkeypatch.setattr(onnx_export, "check", lambda *_: (_ for _ in ()).throw(ValueError("no")))
    assert main(["export", "lenet5.cifar10"]) == 2
    assert not list(tmp_path.glob("*.onnx*"))


def test_without_the_packages_it_says_so(checkpoints, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    find = importlib.util.find_spec
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    assert main(["export", "lenet5.cifar10"]) == 2
    assert "pip install onnx" in capsys.readouterr().err
    monkeypatch.setattr(export, "find_spec", find)
    monkeypatch.setattr(onnx_export, "find_spec", lambda name: None)
    assert main(["export", "lenet5.cifar10"]) == 0
    assert "not checked: onnxruntime is not installed" in capsys.readouterr().out


def test_a_file_of_one_s_own_is_taken(checkpoints, tmp_path):
    file = checkpoints[0] / weights.record("lenet5.cifar10").file
    assert main(["export", str(file), "--onnx", str(tmp_path / "own.onnx")]) == 0
    assert (tmp_path / "own.onnx").stat().st_size > 200_000


def test_a_full_disk_leaves_no_half_file_and_a_device_is_not_replaced(
    checkpoints, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)

    def full(path, content):
        with path.open("wb") as file:
            file.write(content[:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    assert main(["export", "lenet5.cifar10", "--onnx", "net.onnx"]) == 2
    assert os.strerror(errno.ENOSPC) in capsys.readouterr().err
    assert not list(tmp_path.glob("net.onnx*"))
    monkeypatch.undo()
    assert main(["export", "lenet5.cifar10", "--onnx", os.devnull]) == 2
    assert "is no file, and is not replaced" in capsys.readouterr().err
    assert not Path(os.devnull).is_file()

"""Standard output that is a code page, a pipe whose reader leaves, or a full disk."""

import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnn_space.__main__ import main

ROOT = Path(__file__).parents[2]


class Broken(io.RawIOBase):
    """A file that nothing can be written to, for the reason of ``number``."""

    def __init__(self, number: int):
        self.number = number

    def writable(self):
        return True

    def write(self, data):
        if self.number:
            raise OSError(self.number, os.strerror(self.number))
        return len(data)


def on_a_code_page(monkeypatch, *arguments: str) -> bytes:
    """What a command prints on a western Windows."""
    written = io.BytesIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream := io.TextIOWrapper(written, encoding="cp1252"))
        assert main([*arguments]) == 0
    stream.detach()
    return written.getvalue()


@pytest.fixture
def korean_photo(tmp_path):
    path = tmp_path / "고양이 😺.png"
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(path)
    return str(path)


def test_a_table_escapes_what_the_code_page_lacks(checkpoints, monkeypatch, korean_photo):
    printed = on_a_code_page(monkeypatch, "classify", korean_photo)
    assert b"\\uace0\\uc591\\uc774 \\U0001f63a.png" in printed


def test_json_stays_json_on_a_code_page(checkpoints, monkeypatch, korean_photo):
    [row] = json.loads(on_a_code_page(monkeypatch, "classify", korean_photo, "--json"))
    assert row["photo"] == korean_photo


@pytest.mark.parametrize(("number", "code"), [(errno.EPIPE, 141), (errno.ENOSPC, 2)])
def test_a_training_is_finished_though_nobody_reads_of_it(train, monkeypatch, number, code, capsys):
    broken = Broken(number)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(broken)))
    assert train("--no-test") == code
    assert (train.folder / "checkpoints" / "lenet5.cifar10.safetensors").is_file()
    said = "No space left on device\n" if number == errno.ENOSPC else ""
    assert capsys.readouterr().err.endswith(said)
    broken.number = 0  # what is left in the buffers may go


def list_nets(stdout) -> subprocess.CompletedProcess:
    """``fetch`` without a name, which prints every net, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "cnn_space", "fetch"],
        cwd=ROOT,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
    )


def test_a_reader_that_leaves_ends_it_without_a_word():
    reading, writing = os.pipe()
    os.close(reading)
    done = list_nets(writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_one_sentence():
    with open("/dev/full", "w") as full:
        done = list_nets(full)
    assert done.returncode == 2
    assert done.stderr == "python -m cnn_space: No space left on device\n"

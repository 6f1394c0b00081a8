"""A training from the command line that takes a second."""

import pytest
from tiny_sets import write_coloured

from cnn_space.__main__ import main
from cnn_space.weights import catalogue


@pytest.fixture
def train(tmp_path, monkeypatch):
    """``train(*more arguments)``: LeNet-5 on the coloured set, into ``checkpoints/``."""
    folder = write_coloured(tmp_path / "data" / "cifar10").parent
    monkeypatch.setattr(catalogue, "CHECKPOINTS", tmp_path / "checkpoints")
    monkeypatch.chdir(tmp_path)

    def run(*more: str, net: str = "lenet5") -> int:
        plain = f"train {net} --data-dir {folder} --holdout 30 --batch-size 15 --epochs 6 --lr 0.05"
        return main([*plain.split(), "--device", "cpu", *more])

    run.data, run.folder = str(folder), tmp_path
    return run

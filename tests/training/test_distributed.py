"""Two processes are one: same weights in both, same loss as one process on the same batches."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tiny_sets import write_coloured

from cnn_space.__main__ import main

ROOT = Path(__file__).parents[2]


def torchrun(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", str(ROOT / "tests" / "two_processes.py"), str(folder)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*command, *arguments], env=environment, cwd=folder, capture_output=True, text=True,
        timeout=240,
    )  # fmt: skip


def test_two_processes_train_as_one(tmp_path, monkeypatch):
    """LeNet-5 has no batch norm and no dropout: nothing but the sums may differ."""
    data = write_coloured(tmp_path / "data")
    plain = f"train lenet5 --data-dir {data} --holdout 30 --batch-size 30 --epochs 4 --lr 0.01 "
    plain += "--precision float32 --device cpu --out"
    (tmp_path / "two").mkdir()
    found = torchrun(tmp_path / "two", *plain.split(), "kept")
    assert found.returncode == 0, found.stderr
    monkeypatch.chdir(tmp_path)
    assert main([*plain.split(), "one/kept", "--runs", "one/runs"]) == 0

    ranks = [torch.load(tmp_path / "two" / f"rank{rank}.pt", weights_only=True) for rank in (0, 1)]
    assert ranks[0].keys() == ranks[1].keys()
    assert all(torch.equal(ranks[0][key], ranks[1][key]) for key in ranks[0])

    # One card, one log, and no checkpoint of a training that is over.
    kept = sorted(path.relative_to(tmp_path / "two") for path in tmp_path.glob("two/*/**/*.*"))
    assert [str(path) for path in kept] == [
        "kept/lenet5.cifar10.json",
        "kept/lenet5.cifar10.safetensors",
        "runs/lenet5.cifar10",
        "runs/lenet5.cifar10/log.jsonl",
    ]
    assert found.stdout.count("4/4") == found.stdout.count("stored as") == 1
    two, one = (
        json.loads((tmp_path / name / "kept" / "lenet5.cifar10.json").read_text())
        for name in ("two", "one")
    )
    assert two["environment"]["device"].startswith("2 × ")
    for column in ("train_loss", "train_accuracy", "val_loss", "lr"):
        pairs = [[row[column] for row in card["history"]] for card in (two, one)]
        assert pairs[0] == pytest.approx(pairs[1], abs=2e-4), column
    assert two["confusion"] == one["confusion"]
    assert two["images_seen"] == one["images_seen"] == 360


def test_a_process_without_the_checkpoint_is_noticed(tmp_path):
    """As on a second machine, whose disk has none: it would train another net."""
    data = write_coloured(tmp_path / "data")
    plain = f"train lenet5 --data-dir {data} --holdout 30 --batch-size 30 --lr 0.01 --epochs 2"
    plain += " --precision float32 --device cpu --out kept"
    found = torchrun(tmp_path, *plain.split(), "--runs", "runs0", "--minutes", "0")
    assert found.returncode == 0 and found.stdout.count("1 of 2 epochs done") == 1
    assert (tmp_path / "runs0" / "lenet5.cifar10" / "last.pt").exists()
    found = torchrun(tmp_path, *plain.split(), "--resume", "--runs", "runs{rank}")
    assert found.returncode != 0 and "must be one that all machines share" in found.stderr


@pytest.mark.parametrize(
    ("wrong", "says"),
    [("--batch-size 15", "choose a multiple of 2"), ("--limit 1", "cannot share 1 images")],
)
def test_a_batch_that_cannot_be_shared_is_refused(tmp_path, wrong, says):
    data = write_coloured(tmp_path / "data")
    plain = f"train lenet5 --data-dir {data} --out {tmp_path} --holdout 30 --batch-size 30"
    found = torchrun(tmp_path, *plain.split(), *wrong.split())
    assert found.returncode != 0 and says in found.stderr

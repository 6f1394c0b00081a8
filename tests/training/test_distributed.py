"""Two processes are one: same weights in both, same loss as one process on the same batches."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from tiny_sets import write_coloured

from cnn_space.__main__ import main
from cnn_space.training.processes import Processes

ROOT = Path(__file__).parents[2]
PLAIN = "train lenet5 --holdout 30 --batch-size 30 --lr 0.01 --precision float32 --device cpu"
WHOLE = f"{PLAIN} --epochs 4 --out kept"
SHORT = f"{PLAIN} --epochs 2 --out short"
STEPS = {
    "whole": WHOLE,
    "cut off": f"{SHORT} --runs runs0 --minutes 0",
    # As on a second machine, whose disk has no checkpoint: it would train another net.
    "without checkpoint": f"{SHORT} --runs runs{{rank}} --resume",
    "odd batch": f"{SHORT} --runs odd --batch-size 15",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Both processes' outcomes of every step, from one start of torchrun: starting costs most."""
    folder = tmp_path_factory.mktemp("two")
    data = write_coloured(folder / "data")
    steps = [[free_port(), [*step.split(), "--data-dir", str(data)]] for step in STEPS.values()]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", str(ROOT / "tests" / "two_processes.py")]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(folder), json.dumps(steps)], env=environment, cwd=folder,
        capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    outcomes = {
        name: [
            SimpleNamespace(**json.loads((folder / f"{number}-{rank}.json").read_text()))
            for rank in (0, 1)
        ]
        for number, name in enumerate(STEPS)
    }
    return SimpleNamespace(folder=folder, data=data, outcomes=outcomes)


def test_two_processes_train_as_one(two, tmp_path, monkeypatch):
    """LeNet-5 has no batch norm and no dropout: nothing but the sums may differ."""
    first, second = two.outcomes["whole"]
    assert (first.code, second.code) == (0, 0), first.err + second.err
    monkeypatch.chdir(tmp_path)
    assert main([*WHOLE.split(), "--data-dir", str(two.data)]) == 0

    ranks = [torch.load(two.folder / f"0-{rank}.pt", weights_only=True) for rank in (0, 1)]
    assert ranks[0].keys() == ranks[1].keys()
    assert all(torch.equal(ranks[0][key], ranks[1][key]) for key in ranks[0])

    # One card, one log, and no checkpoint of a training that is over.
    kept = [path for name in ("kept", "runs") for path in (two.folder / name).rglob("*.*")]
    assert sorted(str(path.relative_to(two.folder)) for path in kept) == [
        "kept/lenet5.cifar10.json",
        "kept/lenet5.cifar10.safetensors",
        "runs/lenet5.cifar10",
        "runs/lenet5.cifar10/log.jsonl",
    ]
    assert first.out.count("4/4") == first.out.count("stored as") == 1 and not second.out
    shared, alone = (
        json.loads((folder / "kept" / "lenet5.cifar10.json").read_text())
        for folder in (two.folder, tmp_path)
    )
    assert shared["environment"]["device"].startswith("2 × ")
    for column in ("train_loss", "train_accuracy", "val_loss", "lr"):
        pairs = [[row[column] for row in card["history"]] for card in (shared, alone)]
        assert pairs[0] == pytest.approx(pairs[1], abs=2e-4), column
    assert shared["confusion"] == alone["confusion"]
    assert shared["images_seen"] == alone["images_seen"] == 360


def test_they_stop_together_when_the_time_is_up(two):
    first, second = two.outcomes["cut off"]
    assert (first.code, second.code) == (0, 0)
    assert first.out.count("1 of 2 epochs done") == 1 and not second.out
    assert (two.folder / "runs0" / "lenet5.cifar10" / "last.pt").exists()


def test_a_process_without_the_checkpoint_is_noticed_by_both(two):
    for outcome in two.outcomes["without checkpoint"]:
        assert outcome.code == 2
        assert "one process goes on after epoch 1, another after 0" in outcome.err
        assert "must be one that all machines share" in outcome.err


def test_a_batch_that_cannot_be_shared_is_refused(two):
    for outcome in two.outcomes["odd batch"]:
        assert outcome.code == 2 and "choose a multiple of 2" in outcome.err


def test_images_are_shared_in_equal_parts():
    first, second = Processes(rank=0, count=2), Processes(rank=1, count=2)
    images = list(range(20))
    assert first.batch_size(6, 20) == 6 and first.batch_size(30, 7) == 6
    assert images[first.share(6, 12)] == [6, 8, 10]
    assert images[second.share(6, 12)] == [7, 9, 11]
    with pytest.raises(ValueError, match="cannot share 1 images"):
        first.batch_size(30, 1)
    with pytest.raises(ValueError, match="choose a multiple of 2"):
        first.batch_size(15, 20)

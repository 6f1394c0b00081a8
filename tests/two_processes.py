"""Run by torchrun: several command lines one after another, and what each process made of them.

    torchrun --nproc-per-node 2 two_processes.py FOLDER STEPS

STEPS is a JSON list of [port, arguments]; ``{rank}`` in an argument becomes the number of the
process. Step n leaves ``n-RANK.json`` in FOLDER (exit code, what was printed) and ``n-RANK.pt``
(the weights that the process ended with).
"""

import contextlib
import io
import json
import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist

from cnn_space.__main__ import main
from cnn_space.training.loop import TrainingRun

folder, steps, rank = Path(sys.argv[1]), json.loads(sys.argv[2]), os.environ["RANK"]
iterate = TrainingRun.__iter__
file = folder / "unused"


def and_save(run):
    yield from iterate(run)
    torch.save(run.net.state_dict(), file.with_suffix(".pt"))


TrainingRun.__iter__ = and_save
for number, (port, arguments) in enumerate(steps):
    if number:  # the store of torchrun holds the addresses of the step before
        os.environ |= {"TORCHELASTIC_USE_AGENT_STORE": "False", "MASTER_PORT": str(port)}
    file = folder / f"{number}-{rank}"
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([argument.replace("{rank}", rank) for argument in arguments])
    if dist.is_initialized():  # after an error
        dist.destroy_process_group()
    printed = {"code": code, "out": out.getvalue(), "err": err.getvalue()}
    file.with_suffix(".json").write_text(json.dumps(printed))

"""Run by torchrun: the command line, and the weights each process ends with."""

import os
import sys
from pathlib import Path

import torch

from cnn_space.__main__ import main
from cnn_space.training.loop import TrainingRun

folder, *arguments = (a.replace("{rank}", os.environ["RANK"]) for a in sys.argv[1:])
plain = TrainingRun.__iter__


def watched(self):
    yield from plain(self)
    torch.save(self.net.state_dict(), Path(folder) / f"rank{self.processes.rank}.pt")


TrainingRun.__iter__ = watched
sys.exit(main(arguments))

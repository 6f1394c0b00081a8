"""What the tab shows on arrival: the handwritten digits, and a recorded run on them."""

import functools
import json
from pathlib import Path

from cnn_space.images import readers
from cnn_space.images.visitor_set import VisitorSet
from cnn_space.training.finetuning import Report, Result, split

RECORDED = Path(__file__).with_name("example.json")


@functools.cache
def digits() -> VisitorSet:
    """The handwritten digits."""
    return readers.read_digits()


@functools.cache
def recorded_run() -> Result | None:
    """The run shown before a visitor's first one, without its net; None where none was recorded."""
    if not RECORDED.is_file():
        return None
    report = Report.from_json(json.loads(RECORDED.read_text()))
    checked = split(digits().images, report.plan.holdout, seed=report.plan.seed)[1]
    return Result(None, report, checked)

"""How long is left of steps that take about the same time each."""

import math
import time

from cnn_space.training.finetuning.report import Update

OFTEN = 0.5  # seconds between two updates of a phase whose steps are short


class Pace:
    """The steps of one phase, from now on."""

    def __init__(self, steps: int):
        self.steps = steps
        self._start = self._said = time.perf_counter()

    def is_due(self) -> bool:
        """Whether OFTEN seconds have gone since this last was so."""
        now = time.perf_counter()
        if now - self._said < OFTEN:
            return False
        self._said = now
        return True

    def update(self, phase: str, step: int) -> Update:
        """That ``step`` of the steps are done, and the seconds that the others will take."""
        each = (time.perf_counter() - self._start) / step if step else math.nan
        left = each * (self.steps - step)
        return Update(phase, step=step, steps=self.steps, seconds_left=left)

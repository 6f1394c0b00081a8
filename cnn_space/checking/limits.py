"""Bounds on the work that one text may cause."""

import time
from dataclasses import dataclass

TEXT_BYTES = 200_000
NOTEBOOK_BYTES = 20_000_000  # with its outputs; its code has the limit of any text
HEADER_BYTES = 20_000_000  # of a .safetensors file: names and shapes
ITEMS_A_STEP = 4  # elements or characters that are made


class Stop(Exception):
    """A bound was reached: ``kind`` is a sentence's key, ``values`` what it is filled with."""

    def __init__(self, kind: str, **values):
        super().__init__(kind)
        self.kind, self.values = kind, values


@dataclass(frozen=True)
class Limits:
    """The bounds of one check."""

    steps: int = 1_500_000  # expressions evaluated, all runs together
    seconds: float = 12.0  # CPU time of the thread that checks
    depth: int = 48  # calls within calls
    layers: int = 6_000  # modules made in one run
    nodes: int = 6_000  # operations recorded in one forward
    items: int = 50_000  # elements of one list, characters of one string
    number_bits: int = 256  # of one whole number
    elements: int = 2**40  # values in one tensor


class Budget:
    """Counts steps and time; raises `Stop` where a bound is passed."""

    def __init__(self, limits: Limits):
        self.limits = limits
        self.steps = 0
        self.depth = 0
        self.modules = 0
        self._started = time.thread_time()
        self._step_limit = limits.steps

    def tick(self, count: int = 1) -> None:
        self.steps += count
        if self.steps > self._step_limit:
            raise Stop("limit_steps", steps=self._step_limit)
        if self.steps & 1023 < count and self.spent > self.limits.seconds:
            raise Stop("limit_seconds", seconds=self.limits.seconds)

    @property
    def spent(self) -> float:
        """CPU seconds since the check began."""
        return time.thread_time() - self._started

    def allow(self, steps: int) -> None:
        """Let the next part take at most ``steps``, within the bound of the whole."""
        self._step_limit = min(self.limits.steps, self.steps + steps)

    def check_items(self, count: int) -> None:
        if count > self.limits.items:
            raise Stop("limit_items", items=self.limits.items)

    def make(self, count: int) -> None:
        """Allow a value of ``count`` elements or characters. It takes steps by its size: one step
        that makes a large value, many times over, would take all memory."""
        self.check_items(count)
        self.tick(count // ITEMS_A_STEP)

"""How fast a visitor may send. Each megabyte of a request takes time of the one thread that hears
everyone; who sends without a pause would have all of it."""

import asyncio
import time
from collections import OrderedDict

MOST = 10_000  # visitors that are remembered


class Pace:
    """``rate`` bytes a second for each visitor, and ``burst`` bytes at once after a rest."""

    def __init__(self, rate: float, burst: float):
        self._rate, self._rest = rate, burst / rate
        self._due: OrderedDict[str, float] = OrderedDict()  # when what came so far is paid for

    def owed(self, visitor: str, size: int, now: float) -> float:
        """Count ``size`` more bytes of a visitor; the seconds to wait before the next are read."""
        due = max(self._due.pop(visitor, 0.0), now - self._rest) + size / self._rate
        self._due[visitor] = due
        if len(self._due) > MOST:
            self._due.popitem(last=False)
        return max(0.0, due - now)

    async def wait(self, visitor: str, size: int) -> None:
        """Count ``size`` bytes that came, and wait as long as they cost."""
        if (seconds := self.owed(visitor, size, time.monotonic())) > 0:
            await asyncio.sleep(seconds)

"""How long visitors' images and nets are kept, and how many of them for all visitors together."""

import threading
import time
import weakref
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from cnn_space.images.decoder_pool import VISITOR
from cnn_space.settings import Settings

SWEEP = 30.0  # seconds between two looks


class Bounds(NamedTuple):
    """What is kept at most: the number of things, their bytes together, and the seconds of each."""

    count: int
    bytes: int
    seconds: float


def bounds() -> Bounds:
    """The bounds that the environment sets."""
    settings = Settings.read()
    return Bounds(settings.keep, settings.keep_mb << 20, 60 * settings.keep_minutes)


class _Kept(NamedTuple):
    owner: weakref.ref
    size: int  # bytes
    since: float
    visitor: str


class Shelf:
    """Remembers who keeps what, oldest first, and removes whatever is too old. When there is too
    much, the oldest of the visitor who keeps most goes: nobody drives out what others keep. The
    newest stays, whatever its size.

    Owners are held weakly: what a session kept is gone with the session.
    ``take(owner, key)`` removes something; it may be called from another thread than the owner's.
    While anything is kept, a thread looks for what has become too old.
    """

    def __init__(self, take: Callable[[object, str], None], bounds: Callable[[], Bounds] = bounds):
        self._take, self._bounds = take, bounds
        self._kept: OrderedDict[tuple[int, str], _Kept] = OrderedDict()
        self._lock = threading.Lock()
        self._sweeps = False

    def keep(self, owner, key: str = "", *, size: int) -> None:
        """``owner`` keeps ``size`` bytes under ``key``, from now on."""
        with self._lock:
            self._kept.pop((id(owner), key), None)
            self._kept[id(owner), key] = _Kept(
                weakref.ref(owner), size, time.monotonic(), VISITOR.get()
            )
            if not self._sweeps:
                self._sweeps = True
                threading.Thread(target=self._sweep, name="shelf", daemon=True).start()
        self.tidy()

    def _sweep(self) -> None:
        while self._sweeps:
            time.sleep(SWEEP)
            self.tidy()
            with self._lock:
                self._sweeps = bool(self._kept)

    def tidy(self) -> None:
        """Remove what is too old, or too much."""
        most = self._bounds()
        with self._lock:
            owners = {place: kept.owner() for place, kept in self._kept.items()}
            for place in [place for place, owner in owners.items() if owner is None]:
                del self._kept[place]
            oldest = time.monotonic() - most.seconds
            gone = [place for place, kept in self._kept.items() if kept.since < oldest]
            for place in gone:
                del self._kept[place]
            while self._too_much(most):
                gone.append(self._next(most))
                del self._kept[gone[-1]]
            for place in gone:
                self._take(owners[place], place[1])

    def _too_much(self, most: Bounds) -> bool:
        size = sum(kept.size for kept in self._kept.values())
        return len(self._kept) > most.count or (size > most.bytes and len(self._kept) > 1)

    def _next(self, most: Bounds) -> tuple[int, str]:
        """What goes first where there is too much."""
        shares: Counter[str] = Counter()
        for kept in self._kept.values():
            shares[kept.visitor] += kept.size / most.bytes + 1 / most.count
        *others, _ = self._kept.items()  # without the newest
        return max(others, key=lambda item: shares[item[1].visitor])[0]  # the first of equals

    def __len__(self) -> int:
        return len(self._kept)


NETS = Shelf(lambda own_nets, name: own_nets.forget(name))
SESSIONS = Shelf(lambda session, _: session.forget())

"""How long visitors' images and nets are kept, and how many of them for all visitors together."""

import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

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


class Shelf:
    """Remembers who keeps what, oldest first, and removes the oldest when there is too much, and
    whatever is too old. The newest stays, whatever its size.

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
            self._kept[id(owner), key] = _Kept(weakref.ref(owner), size, time.monotonic())
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
            for place, kept in list(self._kept.items()):
                if time.monotonic() - kept.since > most.seconds or self._too_much(most):
                    del self._kept[place]
                    self._take(owners[place], place[1])

    def _too_much(self, most: Bounds) -> bool:
        size = sum(kept.size for kept in self._kept.values())
        return len(self._kept) > most.count or (size > most.bytes and len(self._kept) > 1)

    def __len__(self) -> int:
        return len(self._kept)


NETS = Shelf(lambda own_nets, name: own_nets.forget(name))
SESSIONS = Shelf(lambda session, _: session.forget())

"""What a visitor of the Fine-tune tab has before them, and how long it is kept."""

import functools
import json
import os
import tempfile
import threading
import time
import weakref
from collections import OrderedDict
from pathlib import Path

from cnn_space import archives
from cnn_space.archives import Intake

EXAMPLE = Path(__file__).with_name("finetune_example.json")


class Bench:
    """One visitor's images, run and result. Lives in a ``gr.State``; never shared."""

    def __init__(self):
        self.source = "digits"
        self.intake: Intake | None = None  # what was read; the digits need no reading
        self.reading: object = None  # what is being read; another choice makes it void
        self.starting: object = None  # the run that was asked for; Stop makes it void
        self.run = None
        self.ended: str | None = None  # how the last run ended; None while there is none or one
        self.result = None
        self.recorded = False  # whether the page shows the recorded run
        self.folder: tempfile.TemporaryDirectory | None = None  # removed with the bench
        self.file: str | None = None  # the net to download
        self.name = ""  # of that net, in this visitor's lists

    @property
    def images(self) -> Intake | None:
        return digits() if self.source == "digits" else self.intake


class OwnNets(dict):
    """One visitor's nets by display name. A dict that can be weakly referenced."""

    __hash__ = object.__hash__
    __eq__ = object.__eq__


class Shelf:
    """Remembers who keeps what, oldest first, and takes the oldest away when there is too much.

    Owners are held weakly: what a finished session kept is gone with the session.
    ``take(owner, key)`` is called, outside of the owner's thread, to take something away.
    """

    def __init__(self, count: int, seconds: float, take):
        self.count, self.seconds, self._take = count, seconds, take
        self._kept: OrderedDict[tuple[int, str], tuple[weakref.ref, float]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, owner, key: str = "") -> None:
        with self._lock:
            self._kept.pop((id(owner), key), None)
            self._kept[id(owner), key] = weakref.ref(owner), time.monotonic()
        self.tidy()

    def tidy(self) -> None:
        """Take away what is too old, or too much."""
        with self._lock:
            now = time.monotonic()
            for place, (owner, since) in list(self._kept.items()):
                if owner() is None:
                    del self._kept[place]
                elif now - since > self.seconds or len(self._kept) > self.count:
                    del self._kept[place]
                    self._take(owner(), place[1])

    def __len__(self) -> int:
        return len(self._kept)


def setting(name: str, default: int) -> int:
    """A whole number from the environment, ``CNN_SPACE_FINETUNE_<name>``, else the default."""
    text = os.environ.get(archives.ENV + name, "").strip()
    return int(text) if text.isdigit() else default


def keep_minutes() -> int:
    """For how long a visitor's net and images are kept."""
    return max(1, setting("KEEP_MINUTES", 60))


def budget() -> float | None:
    """Seconds that one run may take; None without a limit (the default outside of a Space)."""
    return setting("SECONDS", 180 if os.environ.get("SPACE_ID") else 0) or None


def _clear(bench: Bench, _: str) -> None:
    bench.intake = bench.result = bench.ended = bench.file = None
    if bench.folder is not None:
        bench.folder.cleanup()


KEPT = max(1, setting("KEEP", 20))
NETS = Shelf(KEPT, 60 * keep_minutes(), lambda nets, name: nets.pop(name, None))
BENCHES = Shelf(KEPT, 60 * keep_minutes(), _clear)


@functools.cache
def digits() -> Intake:
    return archives.digits()


@functools.cache
def example():
    """The recorded run shown before a visitor's first: its report, and the images it was checked
    on. None where no run has been recorded."""
    if not EXAMPLE.is_file():
        return None
    from cnn_space.finetuning import Report, Result, split

    report = Report.from_json(json.loads(EXAMPLE.read_text()))
    checked = split(digits().images, report.plan.holdout, seed=report.plan.seed)[1]
    return Result(None, report, checked)


def shown(bench: Bench):
    """What the result part shows: the visitor's own result or the recorded one; None where the
    visitor's has been forgotten."""
    return bench.result or (example() if bench.recorded else None)

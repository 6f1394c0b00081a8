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
from typing import NamedTuple

from cnn_space.images.readers import read_digits
from cnn_space.images.visitor_set import VisitorSet

EXAMPLE = Path(__file__).parents[1] / "finetune" / "example.json"


class Bench:
    """One visitor's images, run and result. Lives in a ``gr.State``; never shared."""

    def __init__(self):
        self.source = "digits"
        self.intake: VisitorSet | None = None  # what was read; the digits need no reading
        self.reading: object = None  # what is being read; another choice makes it void
        # the run that was asked for, until it ends or is stopped; and the same from when its net is
        # here until it begins
        self.starting: object = None
        self.ready: object = None
        self.run = None
        self.ended: str | None = None  # how the last run ended; None while there is none or one
        self.result = None
        self.recorded = False  # whether the page shows the recorded run
        self.folder: tempfile.TemporaryDirectory | None = None  # removed with the bench
        self.file: str | None = None  # the net to download
        self.name = ""  # of that net, in this visitor's lists

    @property
    def images(self) -> VisitorSet | None:
        return digits() if self.source == "digits" else self.intake

    @property
    def bytes(self) -> int:
        """Memory that the visitor's own images take, the net that was taught, the images that it
        was checked on, and the net of a run that nobody has collected."""
        size = self.intake.images.images.nbytes if self.intake else 0
        if self.run:
            size += self.run.bytes
        if self.result:
            size += self.result.loaded.bytes + self.result.checked.images.nbytes
        return size


class Kept(NamedTuple):
    owner: weakref.ref
    size: int  # bytes
    since: float


class Shelf:
    """Remembers who keeps what, oldest first, and takes the oldest away when there is too much:
    more than ``count`` things, more than ``most_bytes`` of them, or things older than ``seconds``.
    The newest stays, whatever its size.

    Owners are held weakly: what a finished session kept is gone with the session.
    ``take(owner, key)`` is called, outside of the owner's thread, to take something away.
    """

    def __init__(self, count: int, most_bytes: int, seconds: float, take):
        self.count, self.most_bytes, self.seconds = count, most_bytes, seconds
        self._take = take
        self._kept: OrderedDict[tuple[int, str], Kept] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, owner, key: str = "", *, size: int) -> None:
        with self._lock:
            self._kept.pop((id(owner), key), None)
            self._kept[id(owner), key] = Kept(weakref.ref(owner), size, time.monotonic())
        self.tidy()

    def tidy(self) -> None:
        """Take away what is too old, or too much."""
        with self._lock:
            owners = {place: kept.owner() for place, kept in self._kept.items()}
            for place in [place for place, owner in owners.items() if owner is None]:
                del self._kept[place]
            for place, kept in list(self._kept.items()):
                if time.monotonic() - kept.since > self.seconds or self._too_much():
                    del self._kept[place]
                    self._take(owners[place], place[1])

    def _too_much(self) -> bool:
        size = sum(kept.size for kept in self._kept.values())
        return len(self._kept) > self.count or (size > self.most_bytes and len(self._kept) > 1)

    def __len__(self) -> int:
        return len(self._kept)


def setting(name: str, default: int) -> int:
    """A whole number from the environment, ``CNN_SPACE_FINETUNE_<name>``, else the default."""
    text = os.environ.get(f"CNN_SPACE_FINETUNE_{name}", "").strip()
    return int(text) if text.isdigit() else default


def keep_minutes() -> int:
    """For how long a visitor's net and images are kept."""
    return max(1, setting("KEEP_MINUTES", 60))


def budget() -> float | None:
    """Seconds that one run may take; None without a limit (the default outside of a Space)."""
    return setting("SECONDS", 180 if os.environ.get("SPACE_ID") else 0) or None


def _clear(bench: Bench, _: str) -> None:
    bench.intake = bench.result = bench.ended = bench.file = None
    if bench.starting is None:  # else it is under way
        bench.run = None
    if bench.folder is not None:
        bench.folder.cleanup()


_MOST = max(1, setting("KEEP", 20)), max(1, setting("KEEP_MB", 2000)) << 20, 60 * keep_minutes()
NETS = Shelf(*_MOST, lambda nets, name: nets.pop(name, None))
BENCHES = Shelf(*_MOST, _clear)


@functools.cache
def digits() -> VisitorSet:
    return read_digits()


@functools.cache
def example():
    """The recorded run shown before a visitor's first: its report, and the images it was checked
    on. None where no run has been recorded."""
    if not EXAMPLE.is_file():
        return None
    from cnn_space.training.finetuning import Report, Result, split

    report = Report.from_json(json.loads(EXAMPLE.read_text()))
    checked = split(digits().images, report.plan.holdout, seed=report.plan.seed)[1]
    return Result(None, report, checked)


def shown(bench: Bench):
    """What the result part shows: the visitor's own result or the recorded one; None where the
    visitor's has been forgotten."""
    return bench.result or (example() if bench.recorded else None)

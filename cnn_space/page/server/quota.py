"""How much disk uploads and answers take. Gradio deletes them after an hour and knows no bound, and
what a killed process leaves it never deletes."""

import json
import re
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from starlette.types import Message, Send

from cnn_space.page.common.uploads import OWN
from cnn_space.weights.abandoned import drop_abandoned

SHARES = 8  # a visitor may fill one of so many parts
UNFINISHED = "tmp????????"  # as Python's tempfile, and so Gradio, names an upload on its way
LONGEST = 3600  # seconds, as in ``delete_cache``


@dataclass
class _File:
    size: int
    visitors: set[str]  # the same file of two visitors lies there once


class Quota:
    """At most ``most`` bytes of files in ``folder``, and of one visitor's uploads at most
    ``share``, which takes one of ``largest`` bytes. The oldest are deleted first."""

    def __init__(self, folder: Path, most: int, largest: int):
        self.folder = folder
        self.share = max(most // SHARES, largest + 2**20)
        self.most = max(most, self.share)
        self._uploads: OrderedDict[Path, _File] = OrderedDict()
        self._lock = threading.Lock()

    def tidy(self, longest: float = LONGEST) -> None:
        """Delete what is older than ``longest`` seconds, and the oldest of what is too much; and
        what was on its way when the process was killed."""
        drop_abandoned(path for path in self.folder.glob(UNFINISHED) if path.is_file())
        found = sorted(_files(self.folder))
        taken = sum(size for _, size, _ in found)
        for changed, size, path in found:
            if taken <= self.most and time.time() - changed <= longest:
                return
            taken -= size
            _delete(path)

    def add(self, visitor: str, paths: list[Path]) -> None:
        """Book files that a visitor has just brought, and make room for them."""
        with self._lock:
            for path in paths:
                with suppress(OSError):
                    file = self._uploads.pop(path, None) or _File(path.stat().st_size, set())
                    file.visitors.add(visitor)
                    self._uploads[path] = file
            self._bound(visitor)
            self.tidy()
            for path in [path for path in self._uploads if not path.is_file()]:
                del self._uploads[path]

    def _bound(self, visitor: str) -> None:
        """Delete a visitor's oldest uploads until the others are within the share."""
        own = [(path, file) for path, file in self._uploads.items() if visitor in file.visitors]
        taken = sum(file.size for _, file in own)
        for path, file in own:
            if taken <= self.share:
                return
            taken -= file.size
            file.visitors.discard(visitor)
            if not file.visitors:
                _delete(path)


class Answer:
    """What the server answers to an upload: a list of the places of its files."""

    def __init__(self):
        self._text = b""

    def watching(self, send: Send) -> Send:
        async def watched(message: Message) -> None:
            self._text += message.get("body", b"")
            await send(message)

        return watched

    @property
    def paths(self) -> list[Path]:
        try:
            names = json.loads(self._text)
        except ValueError:  # a refusal in words
            return []
        return [Path(name) for name in names] if isinstance(names, list) else []


def _files(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """When it changed, its size, and its path, of each file that Gradio keeps: in a folder that is
    named by a hash. Nothing else is ours to delete, and the page's own pictures stay."""
    for kept in folder.glob("*"):
        if re.fullmatch("[0-9a-f]{64}", kept.name):
            with suppress(OSError):  # deleted a moment ago
                for path in {*kept.iterdir()} - OWN:
                    status = path.stat()
                    yield status.st_mtime, status.st_size, path


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
    with suppress(OSError):  # it holds another file
        path.parent.rmdir()

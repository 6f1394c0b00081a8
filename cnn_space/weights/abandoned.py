"""Unfinished files that a process which was killed has left."""

import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

LONG = 3600  # seconds without a byte: no download and no writing pauses for so long


def drop_abandoned(unfinished: Iterable[Path]) -> None:
    """Delete the files and folders into which nothing has been written for LONG seconds. Others'
    work in progress stays."""
    for path in unfinished:
        with suppress(OSError):  # deleted a moment ago
            if time.time() - _last_change(path) < LONG:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


def _last_change(path: Path) -> float:
    inside = path.iterdir() if path.is_dir() and not path.is_symlink() else ()
    return max(one.lstat().st_mtime for one in (path, *inside))

"""Where this process keeps what visitors made: folders that go with it, and at the next start if it
was killed.

Imports nothing of Gradio.
"""

import atexit
import functools
import os
import shutil
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX = "cnn-space-"
# Held while the process lives; the system lets go of it, however that ends.
LOCK = ".lock"

_HELD: list[FileLock] = []
_ONCE = threading.Lock()


def folder() -> tempfile.TemporaryDirectory:
    """A new folder, which is deleted when it is closed. Raises OSError."""
    with _ONCE:
        return tempfile.TemporaryDirectory(dir=_own(os.getpid(), tempfile.gettempdir()))


@functools.cache
def _own(pid: int, parent: str) -> Path:  # in a fork, and where files are temporary now, another
    return lasting()


def lasting() -> Path:
    """A new folder that lasts as long as this process. Raises OSError."""
    path = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = FileLock(path / LOCK)
    lock.acquire()
    _HELD.append(lock)
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def tidy() -> None:
    """Delete what processes of this user that are gone have left."""
    with suppress(OSError):
        for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
            with suppress(OSError, Timeout):  # another start deletes it; its process lives
                if _is_ours(path) and (path / LOCK).is_file():
                    with FileLock(path / LOCK, timeout=0):
                        shutil.rmtree(path, ignore_errors=True)


def _is_ours(path: Path) -> bool:
    """Whether this user made a folder: others may lay links where temporary files are."""
    is_ours = os.name != "posix" or path.lstat().st_uid == os.getuid()
    return is_ours and not path.is_symlink()

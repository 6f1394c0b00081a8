"""Nets as ONNX on this machine's disk, so that each is converted once.

A file holds the SHA-256 of what it was made from and of the net, then the net. So one that was cut
off, edited or renamed is noticed, and so is one that somebody else could have written; the net is
converted anew then.
"""

import contextlib
import hashlib
import os
import stat
import tempfile
from pathlib import Path

from cnn_space.settings import Settings
from cnn_space.weights.abandoned import drop_abandoned

FORMAT = 2  # a later conversion that differs counts this up: older files are passed over
MOST_BYTES = 2 * 2**30


def folder() -> Path:
    """``CNN_SPACE_CACHE``, or else ``cnn-space`` where the user keeps caches."""
    own = Settings.read().cache
    general = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(own or Path(general, "cnn-space")) / "onnx"


def read(sha256: str) -> bytes | None:
    """The converted net of the weights ``sha256``, None where there is none that can be trusted."""
    path = _path(sha256)
    try:
        with path.open("rb") as file:
            if not _is_ours(os.fstat(file.fileno())):
                return None
            digest, content = file.read(hashlib.sha256().digest_size), file.read()
        os.utime(path)  # the oldest are dropped first
    except OSError:
        return None
    return content if digest == _digest(sha256, content) else None


def write(sha256: str, content: bytes) -> None:
    """Keep a converted net, in one move, and drop those that were not used for the longest time
    where they have more than MOST_BYTES together. Where nothing can be written nothing is kept."""
    path = _path(sha256)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        drop_abandoned(path.parent.glob("*.part"))
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            try:
                file.write(_digest(sha256, content))
                file.write(content)
                file.flush()
                os.replace(file.name, path)
            except OSError:
                os.unlink(file.name)
                raise
        _trim(path)


def _path(sha256: str) -> Path:
    return folder() / f"{sha256}-{FORMAT}.net"


def _digest(sha256: str, content: bytes) -> bytes:
    return hashlib.sha256(sha256.encode() + content).digest()


def _is_ours(status: os.stat_result) -> bool:
    """Whether nobody but this user, and the administrator, can have written the file."""
    if os.name != "posix":
        return True
    others = stat.S_IWGRP | stat.S_IWOTH
    return status.st_uid in (os.getuid(), 0) and not status.st_mode & others


def _trim(keep: Path) -> None:
    files = [(path.stat(), path) for path in keep.parent.iterdir() if path != keep]
    room = MOST_BYTES - keep.stat().st_size
    for status, path in sorted(files, key=lambda item: -item[0].st_mtime):
        room -= status.st_size
        if room < 0:
            path.unlink()

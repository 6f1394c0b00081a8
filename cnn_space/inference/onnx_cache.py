"""Nets as ONNX on this machine's disk, so that each is converted once."""

import contextlib
import os
import tempfile
from pathlib import Path

from cnn_space.settings import Settings

FORMAT = 1  # a later conversion that differs counts this up: older files are passed over
MOST_BYTES = 2 * 2**30


def folder() -> Path:
    """``CNN_SPACE_CACHE``, or else ``cnn-space`` where the user keeps caches."""
    own = Settings.read().cache
    general = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(own or Path(general, "cnn-space")) / "onnx"


def read(sha256: str) -> bytes | None:
    """The converted net of the weights ``sha256``, None where there is none that can be read."""
    path = _path(sha256)
    try:
        content = path.read_bytes()
        os.utime(path)  # the oldest are dropped first
    except OSError:
        return None
    return content


def write(sha256: str, content: bytes) -> None:
    """Keep a converted net, in one move, and drop those that were not used for the longest time
    where they have more than MOST_BYTES together. Where nothing can be written nothing is kept."""
    path = _path(sha256)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            try:
                file.write(content)
                file.flush()
                os.replace(file.name, path)
            except OSError:
                os.unlink(file.name)
                raise
        _trim(path)


def _path(sha256: str) -> Path:
    return folder() / f"{sha256}-{FORMAT}.onnx"


def _trim(keep: Path) -> None:
    files = [(path.stat(), path) for path in keep.parent.iterdir() if path != keep]
    room = MOST_BYTES - keep.stat().st_size
    for status, path in sorted(files, key=lambda item: -item[0].st_mtime):
        room -= status.st_size
        if room < 0:
            path.unlink()

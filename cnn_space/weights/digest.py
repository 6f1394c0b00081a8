"""The hashes by which files of weights are known."""

import hashlib
import re
from pathlib import Path


def sha256(path: Path) -> str:
    """The sha256 of the file ``path`` as 64 hexadecimal digits. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_digest(text: str) -> bool:
    """Whether ``text`` is a sha256 or a git id, the two names under which the Hub files content."""
    return re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", text) is not None


def digest_like(expected: str, path: Path) -> str:
    """The hash of the file ``path`` of the kind of ``expected``: its sha256 (64 digits), or git's
    id of it (40 digits). Raises OSError."""
    if len(expected) == 64:
        return sha256(path)
    start = hashlib.sha1(f"blob {path.stat().st_size}\0".encode())
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: start).hexdigest()

"""The hash by which a file of weights is known."""

import hashlib
from pathlib import Path


def sha256(path: Path) -> str:
    """The sha256 of the file ``path`` as 64 hexadecimal digits. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

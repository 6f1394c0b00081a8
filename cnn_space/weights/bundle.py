"""A zip with a net's two files, as the Fine-tune tab gives it out, read without unpacking it."""

import stat
import zipfile
from pathlib import Path

MOST_ENTRIES = 20
MOST_TIMES = 20  # unpacked size over that of the zip: weights hardly compress


def read(path: Path, suffix: str, most: int) -> bytes:
    """The one file in the zip ``path`` whose name ends with ``suffix``, of at most ``most`` bytes.

    Raises ValueError for a zip that is damaged or no such bundle; the message goes on from its
    name.
    """
    try:
        size = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            entry = _find(archive, suffix)
            if entry.file_size > min(most, MOST_TIMES * size):
                raise ValueError(f"its {suffix} file is too large: {entry.file_size:,} bytes")
            with archive.open(entry) as stream:
                return stream.read(entry.file_size)
    except ValueError as error:
        raise ValueError(f"holds no net: {error}") from None
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror or error}") from None
    except Exception as error:  # zipfile answers damage with six kinds of exception
        raise ValueError(f"is damaged, or no zip: {error}") from None


def _find(archive: zipfile.ZipFile, suffix: str) -> zipfile.ZipInfo:
    entries = [e for e in archive.infolist() if not e.filename.startswith("__MACOSX/")]
    found = [entry for entry in entries if entry.filename.endswith(suffix)]
    if len(found) != 1 or len(entries) > MOST_ENTRIES:
        raise ValueError("a net is a .safetensors file and its .json card, and nothing else")
    entry = found[0]
    is_plain = entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    if entry.flag_bits & 1 or stat.S_ISLNK(entry.external_attr >> 16) or not is_plain:
        raise ValueError(f"{entry.filename[:100]} is packed in a way that is not read here")
    return entry

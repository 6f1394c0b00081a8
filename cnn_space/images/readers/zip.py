"""Photos in a zip, one folder a class, read without unpacking it."""

import io
import math
import stat
import zipfile
from pathlib import Path

from cnn_space.images import file_kinds
from cnn_space.images.collector import Collector, display_name
from cnn_space.images.limits import Limits
from cnn_space.images.purpose import FINE_TUNING, Purpose
from cnn_space.images.readers.class_folders import (
    Chosen,
    choose,
    is_archive,
    is_hidden,
    leave_out_empty,
)
from cnn_space.images.readers.entry_names import entry_names
from cnn_space.images.readers.layout import Parts
from cnn_space.images.visitor_set import DataError, VisitorSet

# Drawings without compression of their own pack a thousandfold: below so much that is no bomb.
PLAIN_BYTES = 20 * 2**20
DIRECTORY_BYTES = 200  # of one entry in a zip's table of contents, its name included


def read_zip(
    path: str | Path, limits: Limits | None = None, purpose: Purpose = FINE_TUNING
) -> VisitorSet:
    """Photos in a zip with one folder a class. Raises DataError when it cannot be used.

    See ``layout.arrange`` for what is a class; ``__MACOSX`` and hidden files are passed over.
    """
    limits = limits or Limits.read()
    path = Path(path)
    try:
        size = path.stat().st_size
    except OSError:
        raise DataError("gone") from None
    if size > limits.mb * 2**20:
        raise DataError("too_big", mb=math.ceil(size / 2**20), limit=limits.mb)
    name = display_name(path.stem) or "images"
    with Collector(limits, purpose) as collector, _BoundedFile(path, limits.entries) as file:
        try:
            archive = zipfile.ZipFile(file)
        except DataError:
            raise
        except Exception as error:  # zipfile answers damage with six kinds of exception
            raise DataError("not_a_zip") from error
        file.longest_read = limits.image_mb * 2**20
        with archive:
            chosen = _read_entries(archive, collector, limits, purpose)
        return collector.finish(name, chosen.classes, part=chosen.part or "")


class _BoundedFile(io.FileIO):
    """A file whose single reads are bounded.

    ``zipfile`` takes a whole table of contents in one read, of the length that the file
    claims; millions of empty entries would fill the memory before any of them is looked at.
    """

    def __init__(self, path: Path, entries: int):
        super().__init__(path)
        self.entries = entries
        self.longest_read = max(DIRECTORY_BYTES * entries, 2**17)

    def read(self, size: int = -1) -> bytes:
        if size is not None and size > self.longest_read:
            raise DataError("too_many_entries", limit=self.entries)
        return super().read(size)


def _read_entries(
    archive: zipfile.ZipFile, collector: Collector, limits: Limits, purpose: Purpose
) -> Chosen:
    """Offer the photos to the collector; gives those that were chosen."""
    entries = _find_entries(archive, collector, limits)
    chosen = choose(entries, collector, limits, purpose)
    collector.expect(len(chosen.files))
    unpacked = sum(entries[file.path].file_size for file in chosen.files) / 2**20
    if unpacked > limits.unpacked_mb:
        raise DataError("unpacks_too_big", mb=math.ceil(unpacked), limit=limits.unpacked_mb)
    for file in chosen.files:
        name, entry = display_name("/".join(file.path)), entries[file.path]
        try:
            with archive.open(entry) as stream:
                data = stream.read(entry.file_size)
        except DataError:
            raise
        except Exception:  # a damaged entry; the others may be sound
            collector.leave_out("damaged", name)
        else:
            collector.add(name, file.label, data, held_out=file.held_out, original=file.original)
    return chosen


def _find_entries(
    archive: zipfile.ZipFile, collector: Collector, limits: Limits
) -> dict[Parts, zipfile.ZipInfo]:
    """The entries that may be photos, by their path."""
    entries = archive.infolist()
    # Not ``is_dir``: before Python 3.12 it fails for an entry whose name is empty.
    are_folders = [entry.filename.endswith("/") for entry in entries]
    if are_folders.count(False) > limits.entries:
        raise DataError("too_many_entries", limit=limits.entries)
    folders: list[Parts] = []
    files: list[Parts] = []
    found: dict[Parts, zipfile.ZipInfo] = {}
    for entry, is_folder, name in zip(entries, are_folders, entry_names(entries), strict=True):
        parts = _safe_parts(name)
        if is_folder:
            folders += [parts] if parts else []
        elif parts is None:
            collector.leave_out("unsafe_path", display_name(name))
        elif not is_hidden(parts):
            files.append(parts)
            reason = "archive" if is_archive(parts) else _why_not_read(entry, archive, limits)
            if reason or parts in found:
                collector.leave_out(reason or "duplicate", display_name(name))
            else:
                found[parts] = entry
    leave_out_empty(folders, files, collector)
    return found


def _why_not_read(entry: zipfile.ZipInfo, archive: zipfile.ZipFile, limits: Limits) -> str | None:
    """Why no more than the first bytes of an entry are read, or None."""
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "link"
    if entry.flag_bits & 0x1:
        return "encrypted"
    # bz2 and lzma let the archive choose how much memory to claim.
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "method"
    try:
        with archive.open(entry) as stream:
            reason = file_kinds.why_not_read(stream.read(file_kinds.HEAD))
    except DataError:
        raise
    except Exception:  # a damaged entry; the others may be sound
        return "damaged"
    if reason:
        return reason
    if entry.file_size > limits.image_mb * 2**20:
        return "image_too_big"
    if entry.file_size > max(PLAIN_BYTES, limits.ratio * entry.compress_size):
        return "bomb"
    return None


def _safe_parts(name: str) -> tuple[str, ...] | None:
    """A name's folders and file, or None when it points out of the archive."""
    name = name.replace("\\", "/")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if name.startswith("/") or ".." in parts or not parts or "\0" in name:
        return None
    return None if parts[0].endswith(":") else parts

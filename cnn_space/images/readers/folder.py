"""Photos on this machine: in a folder with one folder a class, or each by itself."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from cnn_space.images import file_kinds
from cnn_space.images.collector import Collector, display_name
from cnn_space.images.limits import Limits
from cnn_space.images.purpose import FINE_TUNING, Purpose
from cnn_space.images.readers.class_folders import (
    choose,
    is_archive,
    is_hidden,
    leave_out_empty,
)
from cnn_space.images.readers.layout import Parts
from cnn_space.images.visitor_set import DataError, VisitorSet


def read_folder(
    path: str | Path, limits: Limits | None = None, purpose: Purpose = FINE_TUNING
) -> VisitorSet:
    """Photos in a folder on this machine, one folder a class; links are not followed.

    Raises DataError when it cannot be used.
    """
    try:
        root = Path(path).expanduser()
        exists = bool(str(path).strip()) and root.is_dir()
    except (OSError, RuntimeError):  # a name too long, a home that nobody has
        exists = False
    if not exists:
        raise DataError("not_a_folder", path=display_name(str(path)))
    name = display_name(root.resolve().name) or "images"
    folders = (Path(folder).relative_to(root).parts for folder, _, _ in os.walk(root))
    return read_files(_walk(root), name, limits, purpose, folders=filter(None, folders))


def read_files(
    files: Iterable[tuple[Parts, Path]],
    name: str,
    limits: Limits | None = None,
    purpose: Purpose = FINE_TUNING,
    *,
    folders: Iterable[Parts] = (),
) -> VisitorSet:
    """Single photos as a set called ``name``. Each comes with the path by which its visitor knows
    it, whose folders say its class as those in a zip do: ``("cats", "1.jpg")``. Those of the
    ``folders`` that are empty are said to be left out.

    Raises DataError when they cannot be used.
    """
    limits = limits or Limits.read()
    with Collector(limits, purpose) as collector:
        found = _readable(files, folders, collector, limits)
        chosen = choose(found, collector, limits, purpose)
        collector.expect(len(chosen.files))
        for file in chosen.files:
            title = display_name("/".join(file.path))
            try:
                data = found[file.path].read_bytes()
            except OSError:
                collector.leave_out("damaged", title)
                continue
            taken = {"held_out": file.held_out, "original": file.original}
            collector.add(title, file.label, data, **taken)
        return collector.finish(name, chosen.classes, part=chosen.part or "")


def _walk(root: Path) -> Iterator[tuple[Parts, Path]]:
    for folder, _, names in os.walk(root):
        for name in names:
            file = Path(folder, name)
            yield file.relative_to(root).parts, file


def _readable(
    files: Iterable[tuple[Parts, Path]],
    folders: Iterable[Parts],
    collector: Collector,
    limits: Limits,
) -> dict[Parts, Path]:
    """The files that may be photos, by the path that they are known by."""
    seen: list[Parts] = []
    found: dict[Parts, Path] = {}
    for parts, file in files:
        if is_hidden(parts):
            continue
        seen.append(parts)
        if reason := "archive" if is_archive(parts) else _why_not_read(file, limits):
            collector.leave_out(reason, display_name("/".join(parts)))
        else:
            found[parts] = file
        if len(found) > limits.entries:
            raise DataError("too_many_entries", limit=limits.entries)
    leave_out_empty(folders, seen, collector)
    return found


def _why_not_read(file: Path, limits: Limits) -> str | None:
    """Why a file is not even opened, or None."""
    try:
        status = file.lstat()
    except FileNotFoundError:
        return "gone"
    except OSError:
        return "damaged"
    if stat.S_ISLNK(status.st_mode):
        return "link"
    if not stat.S_ISREG(status.st_mode):
        return "not_image"
    try:
        with file.open("rb") as stream:
            reason = file_kinds.why_not_read(stream.read(file_kinds.HEAD))
    except OSError:
        return "damaged"
    if reason:
        return reason
    if status.st_size > limits.image_mb * 2**20:
        return "image_too_big"
    return None

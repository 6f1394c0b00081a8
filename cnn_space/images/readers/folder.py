"""Photos in a folder on this machine, one folder a class."""

import os
import stat
from pathlib import Path

from cnn_space.images import file_kinds
from cnn_space.images.collector import Collector, display_name
from cnn_space.images.limits import Limits
from cnn_space.images.purpose import FINE_TUNING, Purpose
from cnn_space.images.readers.class_folders import choose, is_hidden
from cnn_space.images.visitor_set import DataError, VisitorSet


def read_folder(
    path: str | Path, limits: Limits | None = None, purpose: Purpose = FINE_TUNING
) -> VisitorSet:
    """Photos in a folder on this machine, one folder a class; links are not followed.

    Raises DataError when it cannot be used.
    """
    limits = limits or Limits.read()
    try:
        root = Path(path).expanduser()
        exists = bool(str(path).strip()) and root.is_dir()
    except (OSError, RuntimeError):  # a name too long, a home that nobody has
        exists = False
    if not exists:
        raise DataError("not_a_folder", path=display_name(str(path)))
    collector = Collector(limits, purpose)
    files = _find_files(root, collector, limits)
    chosen = choose(files, collector, limits, purpose)
    collector.expect(len(chosen.files))
    for file in chosen.files:
        name = display_name("/".join(file.path))
        try:
            data = files[file.path].read_bytes()
        except OSError:
            collector.leave_out("damaged", name)
        else:
            collector.add(name, file.label, data, held_out=file.held_out, original=file.original)
    name = display_name(root.resolve().name) or "images"
    return collector.finish(name, chosen.classes, part=chosen.part or "")


def _find_files(root: Path, collector: Collector, limits: Limits) -> dict[tuple[str, ...], Path]:
    """The files that may be photos, by their path below ``root``."""
    files = {}
    for folder, _, names in os.walk(root):
        for name in names:
            file = Path(folder, name)
            parts = file.relative_to(root).parts
            if is_hidden(parts):
                continue
            if reason := _why_not_read(file, limits):
                collector.leave_out(reason, display_name("/".join(parts)))
            else:
                files[parts] = file
            if len(files) > limits.entries:
                raise DataError("too_many_entries", limit=limits.entries)
    return files


def _why_not_read(file: Path, limits: Limits) -> str | None:
    """Why a file is not even opened, or None."""
    try:
        status = file.lstat()
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

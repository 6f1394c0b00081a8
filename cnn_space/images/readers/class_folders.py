"""A tree of folders with one folder a class, in a zip or on disk: which files are read, and the
class of each."""

from bisect import bisect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import PurePath

from cnn_space.images.collector import Collector, clean_name, display_name
from cnn_space.images.limits import Limits
from cnn_space.images.purpose import Purpose
from cnn_space.images.readers.layout import Labelled, Layout, Parts, arrange
from cnn_space.images.visitor_set import DataError

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst")


@dataclass(frozen=True)
class Chosen:
    """The files to read, all classes in their order, and the ``part`` that is held out."""

    files: list[Labelled]
    classes: list[str]
    part: str | None


def is_hidden(path: Parts) -> bool:
    """Whether a file belongs to an operating system, not to the visitor's images."""
    is_systems = path[-1].lower() in ("thumbs.db", "desktop.ini")
    return is_systems or any(part.startswith((".", "__MACOSX")) for part in path)


def is_archive(path: Parts) -> bool:
    """Whether a file is called as archives are."""
    return PurePath(path[-1]).suffix.lower() in ARCHIVES


def leave_out_empty(folders: Iterable[Parts], files: Iterable[Parts], collector: Collector) -> None:
    """Count those of the ``folders`` that hold none of the ``files``, at any depth: of such a
    folder in another one the outer alone."""
    files, outer = sorted(files), None
    for folder in sorted(folders):
        at = bisect(files, folder)
        is_filled = at < len(files) and files[at][: len(folder)] == folder
        is_within = outer is not None and folder[: len(outer)] == outer
        if not (is_filled or is_within or is_hidden(folder)):
            collector.leave_out("empty", display_name("/".join(folder)))
            outer = folder


def choose(
    paths: Iterable[Parts], collector: Collector, limits: Limits, purpose: Purpose
) -> Chosen:
    """The files to read, the classes evenly where there are too many files.

    See ``layout.arrange`` for what is a class. Raises DataError for too many of them, and where it
    is unclear which folders they are.
    """
    layout = arrange(paths, clean_name, test_first=purpose.test_first)
    if purpose.to_measure and layout.part:
        layout = replace(layout, files=[file for file in layout.files if file.held_out])
    collector.merge(_same_names(layout.files))
    for reason, path in layout.left_out:
        collector.leave_out(reason, display_name("/".join(path)))
    if len(layout.classes) > limits.classes:
        raise DataError("too_many_classes", count=len(layout.classes), limit=limits.classes)
    chosen = list(_take_turns(layout))
    for file in chosen[limits.images :]:
        collector.leave_out("over_limit", display_name("/".join(file.path)))
    return Chosen(chosen[: limits.images], layout.classes, layout.part)


def _same_names(files: Iterable[Labelled]) -> list[str]:
    """The classes that several folders are called: spelt with other code points, or spaces."""
    folders: dict[str, set[str]] = {}
    for file in files:
        folders.setdefault(file.label, set()).add(file.folder)
    return [
        label
        for label, names in folders.items()
        if len(names) > 1 and sum(clean_name(name) == label for name in names) > 1
    ]


def _take_turns(layout: Layout) -> Iterator[Labelled]:
    """One of each class, then a second of each, and so on; what is held out of a class is spread
    evenly among its files, so that each part keeps its share wherever the list is cut."""
    by_class: dict[str, list[Labelled]] = {label: [] for label in layout.classes}
    for file in layout.files:
        by_class[file.label].append(file)
    queues = [_spread(files) for files in by_class.values()]
    for turn in range(max(map(len, queues), default=0)):
        for files in queues:
            if turn < len(files):
                yield files[turn]


def _spread(files: list[Labelled]) -> list[Labelled]:
    places = {}
    for part in (False, True):
        members = [file for file in files if file.held_out == part]
        places |= {file.path: (i + 0.5) / len(members) for i, file in enumerate(members)}
    return sorted(files, key=lambda file: places[file.path])

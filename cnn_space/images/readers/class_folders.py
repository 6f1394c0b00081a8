"""A tree of folders with one folder a class, in a zip or on disk: which files are read, and the
class of each."""

from collections.abc import Iterable, Iterator

from cnn_space.images.collector import Collector, display_name
from cnn_space.images.limits import Limits
from cnn_space.images.visitor_set import DataError

SPLITS = frozenset(("train", "training", "val", "valid", "validation", "test", "testing"))

Parts = tuple[str, ...]  # a path: its folders and its file name


def is_hidden(path: Parts) -> bool:
    """Whether a file belongs to an operating system, not to the visitor's images."""
    return any(part.startswith((".", "__MACOSX")) for part in path) or path[-1] in (
        "Thumbs.db",
        "desktop.ini",
    )


def choose(paths: Iterable[Parts], collector: Collector, limits: Limits) -> list[tuple[str, Parts]]:
    """(class, path) of the files to read, the classes evenly where there are too many files.

    A class is the first folder of a path, once common top folders and folders of SPLITS have been
    taken away. Raises DataError for too many classes.
    """
    by_class: dict[str, list[Parts]] = {}
    for path, folders in _without_common_folders(sorted(paths)).items():
        label = display_name(folders[0]) if folders else ""
        if label:
            by_class.setdefault(label, []).append(path)
        else:
            collector.leave_out("no_class", display_name("/".join(path)))
    if len(by_class) > limits.classes:
        raise DataError("too_many_classes", count=len(by_class), limit=limits.classes)
    chosen = list(_take_turns(by_class))
    for _, path in chosen[limits.images :]:
        collector.leave_out("over_limit", display_name("/".join(path)))
    return chosen[: limits.images]


def _without_common_folders(paths: list[Parts]) -> dict[Parts, Parts]:
    """The folders of each path, without those on top that all share or that name a split."""
    folders = {path: path[:-1] for path in paths}
    while True:
        tops = {names[0] for names in folders.values() if names}
        is_deeper = any(len(names) > 1 for names in folders.values())
        if not (is_deeper and (len(tops) == 1 or {top.casefold() for top in tops} <= SPLITS)):
            return folders
        folders = {path: names[1:] for path, names in folders.items()}


def _take_turns(by_class: dict[str, list[Parts]]) -> Iterator[tuple[str, Parts]]:
    """One of each class, then a second of each, and so on."""
    longest = max(map(len, by_class.values()), default=0)
    for turn in range(longest):
        for label, paths in by_class.items():
            if turn < len(paths):
                yield label, paths[turn]

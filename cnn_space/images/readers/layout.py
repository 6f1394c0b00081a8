"""How a tree of folders is meant: which folders are classes, and which are the parts of a split
that whoever made the set has given."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePath

from natsort import natsort_keygen, ns

from cnn_space.images.readers.part_names import (
    TEST,
    TRAIN,
    VALIDATION,
    is_unlabelled,
    parts_of,
)
from cnn_space.images.visitor_set import DataError

Parts = tuple[str, ...]  # a path: its folders and its file name

# The class of a file that lies in no class folder: ``cat.0.jpg``, as on Kaggle, and
# ``cat-!-0.jpg``, as in a project of Teachable Machine.
_NUMBER = re.compile(r"(?:\.|-!-)\d{1,12}$")
_ROBOFLOW = re.compile(r"(.+)\.rf\.\w{16,}")
# Teachable Machine calls the download of a class so.
_SAMPLES = "-samples"

MOST_FOLDERS = 64  # that are looked at, of one path

natural_key = natsort_keygen(alg=ns.IGNORECASE)


@dataclass
class _File:
    path: Parts
    folders: Parts  # those that have not been taken away yet
    part: str | None = None
    is_copy: bool = False  # of a file in a folder that holds this one's folder


@dataclass(frozen=True)
class Labelled:
    """A file, its class, and the ``folder`` that lies in, if any; ``held_out`` where the set's
    maker holds it out of the training."""

    path: Parts
    label: str
    held_out: bool
    folder: str = ""

    @property
    def original(self) -> str | None:
        """What Roboflow made this file from, augmented: ``x_jpg.rf.<hash>.jpg`` from x.jpg."""
        match = _ROBOFLOW.fullmatch(PurePath(self.path[-1]).stem)
        return match and f"{self.label}/{match[1]}"


@dataclass(frozen=True)
class Layout:
    """The files of known class in natural order, copies of others last; the ``classes`` in
    natural order; (reason, path) of files that are left out; the ``part`` that is held out."""

    files: list[Labelled]
    classes: list[str]
    left_out: list[tuple[str, Parts]]
    part: str | None


def arrange(
    paths: Iterable[Parts],
    clean: Callable[[str], str],
    *,
    test_first: bool = False,
) -> Layout:
    """The layout of the files at ``paths``. ``clean`` makes the name of a class from a folder's;
    held out is the validation part or the test part, and with ``test_first`` the other way round.

    Folders that all files share are looked through, and so is a folder that holds nothing but one
    of its own name. Raises DataError where it is unclear which folders are classes.
    """
    files = [_File(path, _without_repeats(path[:-1])) for path in paths]
    _mark_copies(files)
    files.sort(key=lambda f: (f.is_copy, natural_key((*f.folders, f.path[-1])), f.path))
    _take_parts_away(files)
    labels, left_out = _labels(files, clean)
    judges = (TEST, VALIDATION) if test_first else (VALIDATION, TEST)
    return _with_split(files, labels, left_out, judges)


def _without_repeats(folders: Parts) -> Parts:
    """``("seg", "seg", "sea")`` is ``("seg", "sea")``. Of a deep path only the top counts."""
    return tuple(
        name
        for number, name in enumerate(folders)
        if not number or name.casefold() != folders[number - 1].casefold()
    )[:MOST_FOLDERS]


def _mark_copies(files: list[_File]) -> None:
    """Mark files that are in a folder within a folder of the same name and stand there, too."""
    depths: dict[Parts, int] = {}
    for file in files:
        key = (*file.folders, file.path[-1])
        depths[key] = min(len(file.path), depths.get(key, len(file.path)))
    for file in files:
        file.is_copy = len(file.path) > depths[(*file.folders, file.path[-1])]


# Folders on top


def _take_parts_away(files: list[_File]) -> None:
    """Take away the folders on top that all files share or that name the parts of a split."""
    while True:
        tops = _by_top(files)
        is_deeper = any(len(file.folders) > 1 for file in files)
        if not tops or not (is_deeper or len(tops) > 1):
            return
        parts = parts_of(tops)
        if len(tops) > 1 and not _are_parts(tops, parts):
            return
        for top, below in tops.items():
            for file in below:
                file.part = parts[top] or file.part
                file.folders = file.folders[1:]


def _by_top(files: Iterable[_File]) -> dict[str, list[_File]]:
    tops: dict[str, list[_File]] = {}
    for file in files:
        if file.folders:
            tops.setdefault(file.folders[0], []).append(file)
    return tops


def _are_parts(tops: dict[str, list[_File]], parts: dict[str, str | None]) -> bool:
    """Whether these folders are the parts of a split. Raises DataError where it is unclear."""
    named = {top for top, part in parts.items() if part}
    kinds = {parts[top] for top in named}
    if not named:
        return False
    deep = {top for top, files in tops.items() if any(len(f.folders) > 1 for f in files)}
    if not named & deep:
        return _are_flat_parts(tops, parts)
    others = tops.keys() - named
    for top in [top for top in others & deep if _is_copy_of_all(tops[top])]:
        below = parts_of(file.folders[1] for file in tops[top])
        for file in tops[top]:
            file.is_copy, file.folders = True, file.folders[1:]
            file.part = below[file.folders[0]]
        others.discard(top)
    unlabelled = others - deep
    others &= deep
    if others and len(kinds) == 1 and not _share_classes(tops, named, others):
        return False  # "train" is a class here, beside "car" and "bus"
    is_sure = len(kinds) > 1 or all(map(is_unlabelled, unlabelled))
    if others or not is_sure:
        raise DataError("unclear", folders=", ".join(sorted(tops, key=natural_key)[:4]))
    return True


def _are_flat_parts(tops: dict[str, list[_File]], parts: dict[str, str | None]) -> bool:
    """The same for folders without further ones, whose files are named after their classes."""
    if not all(parts.values()) or TRAIN not in parts.values():
        return False
    learn = [file for top, files in tops.items() if parts[top] == TRAIN for file in files]
    if _labels_by_name(learn) is None:
        raise DataError("unclear", folders=", ".join(sorted(tops, key=natural_key)[:4]))
    return True


def _is_copy_of_all(files: list[_File]) -> bool:
    """Whether a folder beside the parts of a split holds nothing but such parts once more."""
    below = {file.folders[1] if len(file.folders) > 1 else "" for file in files}
    return all(parts_of(below).values())


def _share_classes(tops: dict[str, list[_File]], named: set[str], others: set[str]) -> bool:
    def classes(names: set[str]) -> set[str]:
        files = (file for top in names for file in tops[top])
        return {file.folders[1].casefold() for file in files if len(file.folders) > 1}

    return bool(classes(named) & classes(others))


# Classes


def _labels_by_name(files: list[_File]) -> list[str] | None:
    """The classes that files of no class folder are named after; None where any is not, or where
    there is only one class."""
    labels = []
    for file in files:
        stem = PurePath(file.path[-1]).stem
        number = _NUMBER.search(stem[-16:])
        label = stem[: -len(number[0])].strip() if number else ""
        if not any(map(str.isalpha, label)):
            return None
        labels.append(label)
    return labels if len(set(labels)) > 1 else None


def _labels(
    files: list[_File], clean: Callable[[str], str]
) -> tuple[dict[Parts, str], list[tuple[str, Parts]]]:
    """The class of each file that has one, by its path; (reason, path) of the others."""
    tops = _by_top(files)
    is_flat = not tops or (len(tops) == 1 and all(len(file.folders) < 2 for file in files))
    labels = _numbered_labels(files, clean) if is_flat else {}
    if not labels:
        _split_within_classes(tops)
        strip = _SAMPLES if all(top.endswith(_SAMPLES) for top in tops) else ""
        for file in files:
            if file.folders and (label := clean(file.folders[0].removesuffix(strip))):
                labels[file.path] = label
    parts = {file.part for file in files if file.path in labels}
    left_out = [
        ("no_class" if not labels or file.part in parts else "unlabelled", file.path)
        for file in files
        if file.path not in labels
    ]
    return labels, left_out


def _numbered_labels(files: list[_File], clean: Callable[[str], str]) -> dict[Parts, str]:
    """The classes of files that are named after them, part by part, by path."""
    by_part: dict[str | None, list[_File]] = {}
    for file in files:
        by_part.setdefault(file.part, []).append(file)
    labels: dict[Parts, str] = {}
    for below in by_part.values():
        for file, label in zip(below, _labels_by_name(below) or (), strict=False):
            labels[file.path] = clean(label)
    return labels


def _split_within_classes(tops: dict[str, list[_File]]) -> None:
    """Where every class folder holds nothing but the parts of a split, note them."""
    below = {f.folders[1] if len(f.folders) > 1 else "" for files in tops.values() for f in files}
    parts = parts_of(below)
    if len(set(parts.values())) < 2 or not all(parts.values()):
        return
    for files in tops.values():
        for file in files:
            file.part = parts[file.folders[1]]


# The split


def _with_split(
    files: list[_File],
    labels: dict[Parts, str],
    left_out: list[tuple[str, Parts]],
    judges: tuple[str, str],
) -> Layout:
    """The layout of the labelled files: held out are those of the first of ``judges`` that there
    is."""
    labelled = [file for file in files if file.path in labels]
    parts = {file.part for file in labelled} - {None}
    held = next((part for part in judges if part in parts), None)
    if held and TRAIN not in parts and len(parts) > 1:
        raise DataError("unclear", folders=", ".join(sorted(parts)))
    if TRAIN not in parts:
        held = None
    labels = _with_one_spelling(labelled, labels) if held else labels
    learnt = {labels[file.path] for file in labelled if file.part in (TRAIN, None)}
    kept = []
    for file in labelled:
        label = labels[file.path]
        if held and file.part not in (TRAIN, held, None):
            left_out.append(("other_part", file.path))
        elif held and label not in learnt:
            left_out.append(("not_learnt", file.path))
        else:
            is_held_out = bool(held) and file.part == held
            kept.append(Labelled(file.path, label, is_held_out, "".join(file.folders[:1])))
    classes = sorted({file.label for file in kept}, key=lambda name: (natural_key(name), name))
    return Layout(kept, classes, left_out, held)


def _with_one_spelling(files: list[_File], labels: dict[Parts, str]) -> dict[Parts, str]:
    """``Train/Cats`` and ``val/cats`` are one class, unless a part holds both spellings."""
    spellings: dict[tuple[str | None, str], set[str]] = {}
    for file in files:
        label = labels[file.path]
        spellings.setdefault((file.part, label.casefold()), set()).add(label)
    twofold = {folded for (_, folded), names in spellings.items() if len(names) > 1}
    first: dict[str, str] = {}
    for file in sorted(files, key=lambda file: file.part != TRAIN):
        first.setdefault(labels[file.path].casefold(), labels[file.path])
    return {
        path: label if label.casefold() in twofold else first[label.casefold()]
        for path, label in labels.items()
    }

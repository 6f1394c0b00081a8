"""What reading a visitor's images gives: a set to learn from, or the reason why there is none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnn_space.images.image_set import ImageSet

# Why data as a whole cannot be used.
REASONS = {
    "too_big": "The file has {mb} MB; at most {limit} MB are taken.",
    "gone": "The file is no longer here. Choose it again.",
    "not_a_zip": "This is not a zip file, or it is damaged. Pack one folder per class as .zip.",
    "too_many_entries": "There are more than {limit} files; leave out what is not needed.",
    "unpacks_too_big": "The zip unpacks to {mb} MB; at most {limit} MB are taken.",
    "not_a_folder": "There is no folder {path}.",
    "no_images": "No usable image was found. Put the photos into one folder per class.",
    "one_class": "Only one class has images that can be used ({name}). Fine-tuning needs at least "
    "two.",
    "same_name": "Several classes are called {name}. Give each a name of its own.",
    "no_folders": "The photos lie in no folder. Put them into one folder per class.",
    "unclear": "It is not clear which folders are the classes ({folders}). Put the photos into one "
    "folder per class, or into train and val with one folder per class in each.",
    "too_many_classes": "{count} classes were found; at most {limit} are taken.",
    "one_image_each": "Too few images can be used of {names}. A class needs at least two, one to "
    "learn from and one to check.",
    "encrypted": "The zip is protected by a password. Pack it again without one.",
    "hub_name": "{name} is not the name of a dataset on the Hub. It reads owner/name, for example "
    "frgfm/imagenette:160px.",
    "hub_offline": "The Hub cannot be reached from here. Use the digits or a zip instead.",
    "hub_fails": "The Hub answers with error {status}. Try again in a few minutes, or use a zip.",
    "hub_unknown": "The Hub has no public dataset {name}.",
    "hub_slow": "The Hub did not answer within {seconds} seconds. Try again, or use a zip.",
    "hub_unreadable": "{name} cannot be read as a set of images.",
    "hub_configs": "{name} comes in several forms; add one: {name}:{first}.",
    "hub_columns": "{name} needs a column of images and one of labels; it has {columns}.",
}

# Why one file is left out of data that can be used.
LEFT_OUT = {
    "duplicate": "the same image twice",
    "two_classes": "the same image in another class, too, where it stays: one label is wrong",
    "not_image": "not a readable image",
    "other_format": "a kind of file that is not read here: save it as JPEG or PNG",
    "damaged": "damaged or cut off",
    "gone": "no longer here, as uploads are deleted after a while",
    "too_slow": "takes too long to decode",
    "too_small": "smaller than 8 pixels a side",
    "too_many_pixels": "too many pixels",
    "image_too_big": "too large a file",
    "bomb": "unpacks to far more than it is",
    "link": "a link, not a file",
    "unsafe_path": "points out of the archive",
    "archive": "an archive among the images, which is not opened",
    "encrypted": "protected by a password",
    "method": "packed in a way that is not read here",
    "no_class": "in no class folder",
    "unlabelled": "in a folder without classes",
    "other_part": "in a part of the split that is not used, for another one is held out",
    "not_learnt": "of a class that has no training images",
    "lonely": "the only image of its class",
    "none_left": "a class of which no image can be used",
    "empty": "a class or a folder without any file",
    "over_limit": "more than the limit",
    "time": "not reached in time",
    "suspect": "left out by you, as likely labelled wrongly",
}


# What else is worth knowing of a set.
NOTES = {
    "merged": "Folders of the same name were taken as one class: {names}.",
    "given": "The set brings its own split: {count} images are held out as its maker chose.",
    "not_checked": "Nothing is held out of {names}: how well they are told is not known.",
    "look_alikes": "{count} images look like another one (saved anew, scaled or cropped); copies "
    "stay on one side of the split.",
    "leak": "Held-out images that look like one to learn from, which flatters the accuracy: "
    "{count}.",
    "all_alike": "All images of {names} look alike, so that copies are on both sides of the split.",
    "unreached": "Not reached in the set, which is sorted: {names}.",
    # Of a photo by itself as of many: see ``decoding.decode``.
    "stretched": "Brightened to the full range, for they use few of their 16 bits: {count}.",
    "profile_converted": "Converted to sRGB from a colour profile of their own: {count}.",
    "profile_ignored": "Taken as sRGB, for their colour profile cannot be used: {count}.",
}


class DataError(ValueError):
    """Data that cannot be used. ``reason`` is a key of REASONS, ``values`` fill in its text, which
    is the message; ``left_out`` is what had been left out by then."""

    left_out: "tuple[LeftOut, ...]" = ()

    def __init__(self, reason: str, **values):
        self.reason, self.values = reason, values
        super().__init__(REASONS[reason].format(**values))


@dataclass(frozen=True)
class LeftOut:
    """Files that were left out for one reason: ``reason`` is a key of LEFT_OUT, ``example`` the
    name of the first file."""

    reason: str
    count: int
    example: str


@dataclass(frozen=True)
class Note:
    """A remark on a set: ``kind`` is a key of NOTES, ``values`` fill in its text."""

    kind: str
    values: Mapping[str, object]

    def __str__(self) -> str:
        return NOTES[self.kind].format(**self.values)


@dataclass(frozen=True)
class VisitorSet:
    """A visitor's photos as squares of one size, what was left out of them, the classes of the set
    that none was taken of (``unreached``), and those that several folders are called
    (``merged``). ``decoded`` has how many photos there is a remark on, by its kind, a key of
    NOTES."""

    images: "ImageSet"
    left_out: tuple[LeftOut, ...] = ()
    unreached: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()
    decoded: Mapping[str, int] = field(default_factory=dict)

    def without(self, numbers: Sequence[int]) -> "VisitorSet":
        """The set without the images of these ``numbers``. Of each class at least two stay, for
        one to learn from and one to check: the last of the numbers are not left out then."""
        import torch

        images = self.images
        counts, stays, gone = images.counts, torch.ones(len(images), dtype=torch.bool), []
        for number in numbers:
            label = int(images.labels[number])
            if counts[label] > 2:
                counts[label] -= 1
                stays[number] = False
                gone.append(number)
        if not gone:
            return self
        name = images.names[gone[0]] if images.names else images.classes[images.labels[gone[0]]]
        left_out = (*self.left_out, LeftOut("suspect", len(gone), name))
        return replace(self, images=images.subset(stays), left_out=left_out)

    @property
    def split(self) -> str:
        """Who chose the images that are held out: "given" by the set's maker, or "drawn"."""
        return "drawn" if self.images.held_out is None else "given"

    @property
    def look_alikes(self) -> int:
        """How many images look like another one."""
        return sum(len(members) for members in self._groups())

    @property
    def notes(self) -> tuple[Note, ...]:
        """What else is worth knowing."""
        notes = [Note("merged", {"names": few(self.merged)})] if self.merged else []
        images, groups = self.images, self._groups()
        if images.held_out is not None:
            held = images.held_out.tolist()
            notes.append(Note("given", {"count": sum(held)}))
            missing = images.subset(images.held_out).counts
            names = [n for n, count in zip(images.classes, missing, strict=True) if not count]
            if names:
                notes.append(Note("not_checked", {"names": few(names)}))
            mixed = [[held[i] for i in group] for group in groups]
            if count := sum(sum(sides) for sides in mixed if not all(sides)):
                notes.append(Note("leak", {"count": count}))
        elif groups:
            notes.append(Note("look_alikes", {"count": self.look_alikes}))
            labels = images.labels.tolist()
            names = [
                images.classes[labels[group[0]]]
                for group in groups
                if images.counts[labels[group[0]]] == len(group)
                and len({labels[i] for i in group}) == 1
            ]
            if names:
                notes.append(Note("all_alike", {"names": few(names)}))
        if self.unreached:
            notes.append(Note("unreached", {"names": few(self.unreached)}))
        notes += [Note(kind, {"count": count}) for kind, count in self.decoded.items()]
        return tuple(notes)

    def _groups(self) -> list[list[int]]:
        """The images that look alike, by number, each group of two or more."""
        groups: dict[int, list[int]] = {}
        alike = self.images.look_alikes
        for number, group in enumerate([] if alike is None else alike.tolist()):
            groups.setdefault(group, []).append(number)
        return [group for group in groups.values() if len(group) > 1]


def few(names: Sequence[str]) -> str:
    """The first of many names, in one line."""
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")

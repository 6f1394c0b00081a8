"""Photos that a visitor drops class by class: what the browser says of them, checked, and read."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from cnn_space.images import readers
from cnn_space.images.collector import clean_name, display_name
from cnn_space.images.readers.layout import MOST_FOLDERS, Parts
from cnn_space.images.visitor_set import DataError, VisitorSet
from cnn_space.page.common import uploads

NAME = "My photos"  # of the set; TEXTS has its Korean one

_Text = Annotated[str, Field(max_length=1000)]


class Offered(BaseModel):
    """A photo: the visitor's ``name`` of it, and the ``path`` of its upload."""

    name: _Text
    path: _Text


class OfferedClass(BaseModel):
    """Photos of one class. Its name is the last of ``folders``; those before it, such as "train",
    come from folders that were dropped."""

    folders: Annotated[list[_Text], Field(min_length=1, max_length=MOST_FOLDERS)]
    files: Annotated[list[Offered], Field(max_length=20_000)]


class Offer(BaseModel):
    """All that a visitor has dropped so far. Raises pydantic's ValidationError (a ValueError) for
    anything else."""

    classes: Annotated[list[OfferedClass], Field(max_length=1000)]

    @property
    def is_enough(self) -> bool:
        """Whether two classes have photos, so that reading them makes sense."""
        return sum(bool(offered.files) for offered in self.classes) > 1


NOTHING = Offer(classes=[])


def parse(event: object) -> Offer:
    """The photos that an event of the browser offers; none where it is anything else."""
    try:
        return Offer.model_validate(event)
    except ValidationError:
        return NOTHING


def read(offer: Offer) -> VisitorSet:
    """The photos as a set. Raises DataError where they cannot be used, are no uploads, or two
    classes have one name."""
    files: dict[Parts, Path] = {}
    taken: set[Parts] = set()  # names of classes with photos
    empty: list[Parts] = []
    for offered in offer.classes:
        folders = _folders(offered)
        if not offered.files:
            empty += [folders] if folders else []
            continue
        if folders in taken:
            raise DataError("same_name", name=display_name("/".join(folders)))
        taken |= {folders} if folders else set()
        for photo in offered.files:
            path = uploads.find(photo.path)
            if path is None:
                raise DataError("gone")
            files[_unused((*folders, photo.name.replace("/", "∕")), files)] = path
    return readers.read_files(files.items(), NAME, folders=empty)


def _folders(offered: OfferedClass) -> Parts:
    """The folders of a class, tidied as their names will be."""
    tidied = (clean_name(part.replace("/", "∕")).strip(". ") for part in offered.folders)
    return tuple(filter(None, tidied))


def _unused(parts: Parts, taken: dict) -> Parts:
    """``parts``, or with a number before the file's name: two cameras call their photos alike."""
    *folders, name = parts
    number = 2
    while parts in taken:
        parts, number = (*folders, f"({number}) {name}"), number + 1
    return parts

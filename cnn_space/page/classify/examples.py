"""The example pictures: what they show, where they come from, and which of them suit a net.

A net gets pictures of classes that it knows, then one that is none of its classes. A test asks
every bundled net about its own.
"""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from PIL import Image

from cnn_space.images.photo import open_photo
from cnn_space.page.common import uploads
from cnn_space.weights import WeightsRecord

PICTURES = Path(__file__).parent / "pictures"  # see drawings.py
KNOWN = 4  # pictures of classes that a net knows
SIDE = 144  # pixels a side of a thumbnail


@dataclass(frozen=True)
class Example:
    """One picture. ``name`` is what it shows, in English; ``classes`` are the names by which data
    sets know it. ``author`` is empty for a drawing of ours, else whoever gave the photo, free of
    rights or under ``licence``, to ``package``, which must be installed. ``missed_by`` names nets
    that know the class and give another answer."""

    name: str
    file: str
    classes: tuple[str, ...]
    author: str = ""
    licence: str = "CC0"
    package: str = "scikit-image"
    missed_by: tuple[str, ...] = ()

    @property
    def path(self) -> Path | None:
        """Where it lies; None where its package is not installed."""
        if not self.author:
            return PICTURES / self.file
        folder = _FOLDERS[self.package]
        found = find_spec(folder[0])
        path = Path(found.origin).parent.joinpath(*folder[1:], self.file) if found else None
        return path if path and path.is_file() else None

    def upload(self) -> str:
        """The path of a copy among the uploads, which the page may show; always the same."""
        return uploads.own_copy(self.path)

    def is_known(self, labels: tuple[str, ...]) -> bool:
        """Whether it is one of these classes."""
        return not set(self.classes).isdisjoint(labels)


_FOLDERS = {
    "scikit-image": ("skimage", "data"),
    "scikit-learn": ("sklearn", "datasets", "images"),
}
# Photos first: of two that a net knows it gets the earlier one.
EXAMPLES = (
    Example(
        "cat",
        "chelsea.png",
        ("cat", "tabby", "tiger cat", "Egyptian cat"),
        "Stéfan van der Walt",
        missed_by=("googlenet_paper.cifar10", "lenet5.cifar10"),
    ),
    Example("coffee", "coffee.png", ("espresso", "cup"), "Rachel Michetti"),
    Example("rocket", "rocket.jpg", ("missile", "projectile"), "SpaceX", "public domain"),
    Example("airplane", "airplane.webp", ("airplane", "airliner")),
    Example("ship", "ship.webp", ("ship", "container ship")),
    Example("horse", "horse.png", ("horse", "sorrel"), "Andreas Preuss"),
    Example("truck", "truck.webp", ("truck", "moving van", "trailer truck")),
    Example("church", "church.webp", ("church",)),
    Example("golf ball", "golf_ball.webp", ("golf ball",)),
    Example("parachute", "parachute.webp", ("parachute",)),
    Example("dahlia", "flower.jpg", (), "vultilion (Flickr)", "CC BY 2.0", "scikit-learn"),
)


def named(name: str) -> Example | None:
    """The example of this name, where its picture is here."""
    return next((e for e in EXAMPLES if e.name == name and e.path), None)


def copies() -> dict[str, str]:
    """The paths of their copies among the uploads, by name, of the pictures that are here."""
    return {example.name: example.upload() for example in EXAMPLES if example.path}


def first() -> Example:
    """The one that is shown on arrival."""
    return next(example for example in EXAMPLES if example.path)


def suited(record: WeightsRecord | None) -> list[tuple[Example, bool]]:
    """The examples for a net, each with whether it is one of its classes: up to ``KNOWN`` that are,
    then one that is not; for a net that knows none of them, or None, ``KNOWN`` that are not."""
    labels = record.labels if record else ()
    here = [example for example in EXAMPLES if example.path]
    known = [e for e in here if e.is_known(labels) and record.name not in e.missed_by][:KNOWN]
    others = [e for e in here if not e.is_known(labels)][: 1 if known else KNOWN]
    return [(e, True) for e in known] + [(e, False) for e in others]


@cache
def thumbnail(example: Example) -> Image.Image:
    """Its middle, small and square."""
    picture = open_photo(example.path)
    side = min(picture.size)
    left, top = ((length - side) // 2 for length in picture.size)
    square = picture.crop((left, top, left + side, top + side))
    return square.resize((SIDE, SIDE), Image.Resampling.LANCZOS)

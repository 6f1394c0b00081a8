"""Image sets that are known by a short name: where they are published, how they are used."""

import unicodedata
from dataclasses import dataclass
from pathlib import Path

from cnn_space.images.preprocessing import IMAGENET_MEAN, IMAGENET_STD

LONGEST_TAG = 48  # letters; a name on the Hub has 96 at most

CIFAR_MEAN, CIFAR_STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


@dataclass(frozen=True)
class Source:
    """An image set on the Hub. ``mean`` and ``std`` normalise its pixels (RGB, 0..1)."""

    title: str
    hub: str | None  # owner/name; None for photos on this machine
    config: str | None = None
    side: int | None = None  # pixels that its images are scaled to; None: as they are stored
    holdout: int = 5000  # images of train that are held out for every choice
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    lossless: bool = True  # published as PNG: figures measured on a JPEG copy must say so


SOURCES = {
    "cifar10": Source("CIFAR-10", "uoft-cs/cifar10", side=32, mean=CIFAR_MEAN, std=CIFAR_STD),
    "stl10": Source("STL-10", "tanganke/stl10", side=96, holdout=500),
    "imagenette": Source(
        "Imagenette",
        "frgfm/imagenette",
        config="160px",
        side=160,
        holdout=500,  # of 9,469: the set is small
        lossless=False,
    ),
}


def find_source(name: str) -> Source:
    """The set called ``name``: a key of SOURCES, or the Hub name of one. Any other Hub name or
    folder gets plain defaults."""
    known = (item for key, item in SOURCES.items() if name in (key, item.hub))
    return next(known, None) or Source(Path(name).name, name, holdout=0, lossless=False)


def tag(name: str) -> str:
    """The tag of weights that were trained on the set ``name``: ``cifar10``, ``my_flowers``.

    The Hub takes it in a name: ASCII letters, digits and ``_``. Accents are dropped, other
    scripts, too; where nothing is left it is ``images``."""
    plain = (
        unicodedata.normalize("NFKD", Path(name).name.lower()).encode("ascii", "ignore").decode()
    )
    letters = "".join(c if c.isalnum() else "_" for c in plain)[:LONGEST_TAG]
    return letters if any(c.isalnum() for c in letters) else "images"

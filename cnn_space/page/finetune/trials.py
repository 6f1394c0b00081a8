"""Test photos: what a visitor's net says of photos that were dropped beside its result."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from cnn_space.images.photo import NET_SIDE, open_photo
from cnn_space.inference import classification
from cnn_space.inference.classification import Prediction
from cnn_space.page.common.photo_input import Refused
from cnn_space.weights import Loaded

MOST = 24  # photos at a time
SIDE = 160  # pixels of a thumbnail


@dataclass(frozen=True)
class Trial:
    """One photo with the two likeliest classes, or with a sentence why it cannot be read."""

    file: str
    picture: Image.Image | None = None
    ranked: tuple[Prediction, ...] = ()
    why: str = ""


def answer(files: Sequence[str], loaded: Loaded, lang: str) -> list[Trial]:
    """What ``loaded`` says of the first MOST photos in ``files``."""
    return [_answer(Path(file), loaded, lang) for file in files[:MOST]]


def _answer(file: Path, loaded: Loaded, lang: str) -> Trial:
    try:
        photo = open_photo(file, NET_SIDE)
        ranked = classification.answer(photo, loaded).predictions[:2]
    except ValueError as error:
        return Trial(file.name, why=Refused(error).why(lang))
    thumbnail = photo.copy()
    thumbnail.thumbnail((SIDE, SIDE))
    return Trial(file.name, thumbnail, ranked)

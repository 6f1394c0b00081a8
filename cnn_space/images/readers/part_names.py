"""What folders are called that hold the parts of a split: train, validation and test."""

import re
import unicodedata
from collections.abc import Iterable

TRAIN, VALIDATION, TEST = "train", "validation", "test"
_PART_WORDS = {
    **dict.fromkeys(("train", "training", "trn", "학습", "훈련"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "dev", "검증"), VALIDATION),
    **dict.fromkeys(("test", "testing", "tst", "테스트", "시험"), TEST),
}
# Words that may stand beside those, and what folders without classes are called.
_FILLERS = frozenset(
    ("set", "data", "dataset", "images", "image", "imgs", "img", "split", "folder")
)
_UNLABELLED = frozenset(("pred", "prediction", "predict", "unlabeled", "unlabelled", "unsup"))
_GLUED = re.compile(rf"({'|'.join(_PART_WORDS)})({'|'.join(_FILLERS)})s?")
_WORD = re.compile(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+")


def _words(name: str) -> list[str]:
    """``"trainSet_2017"`` is ``["train", "set"]``, and so is ``"trainset"``."""
    words = [word.casefold() for word in _WORD.findall(unicodedata.normalize("NFC", name))]
    return [part for word in words for part in _split_glued(word)]


def _split_glued(word: str) -> list[str]:
    glued = _GLUED.fullmatch(word)
    return list(glued.groups()) if glued else [word]


def parts_of(names: Iterable[str]) -> dict[str, str | None]:
    """The part of a split that each of these folders beside one another names; None for a folder
    that names none. Words that all of them share, as in seg_train and seg_test, do not count."""
    words = {name: _words(name) for name in names}
    shared = set.intersection(*map(set, words.values())) if words else set()
    idle = (shared - set(_PART_WORDS)) | _FILLERS
    parts = {}
    for name, all_words in words.items():
        own = [word for word in all_words if word not in idle]
        parts[name] = _PART_WORDS.get(own[0]) if len(own) == 1 else None
    return parts


def is_unlabelled(name: str) -> bool:
    """Whether a folder's name says that its files have no classes."""
    return bool(set(_words(name)) & _UNLABELLED)

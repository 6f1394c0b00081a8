"""Figures of a classifier's answers. Plain numbers: no torch."""

from collections.abc import Sequence

import numpy as np


def confusion_matrix(targets: Sequence[int], answers: Sequence[int], classes: int) -> np.ndarray:
    """``int64 [K, K]``: row t, column a counts the images of class t answered with class a."""
    pairs = np.asarray(targets, np.int64) * classes + np.asarray(answers, np.int64)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def accuracy(confusion: np.ndarray) -> float:
    """Percent of all images that were answered right; 0 without images."""
    return 100 * float(confusion.trace()) / max(1, int(confusion.sum()))


def accuracy_per_class(confusion: np.ndarray, classes: Sequence[str]) -> dict[str, float]:
    """Percent of each class's images that were answered right; 0 for a class without images."""
    shares = 100 * confusion.diagonal() / confusion.sum(axis=1).clip(min=1)
    return dict(zip(classes, shares.tolist(), strict=True))

"""Likely wrong labels, by confident learning (Northcutt, Jiang and Chuang, "Confident Learning:
Estimating Uncertainty in Dataset Labels", JAIR 2021, section 3; cleanlab is theirs)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FEWEST = 5  # images of a class; the mean of fewer is mostly chance


@dataclass(frozen=True)
class Suspect:
    """An image whose label is likely wrong.

    ``index`` is its place among the images that were judged, ``number`` that in the whole set, and
    ``name`` what the visitor knows it by ("" where unknown). ``given`` is the label it has and
    ``likely`` the one it should have, as class numbers; the probabilities (0..1) are the net's.
    """

    index: int
    number: int
    name: str
    given: int
    likely: int
    given_probability: float
    likely_probability: float


def find_suspects(
    probabilities: np.ndarray,
    labels: Sequence[int],
    numbers: Sequence[int],
    names: Sequence[str] = (),
) -> tuple[Suspect, ...]:
    """The images whose label is likely wrong, the most suspicious first.

    ``probabilities`` [N, K] are answers of nets that did not learn from these images. The net is
    confident of a class where its probability is at least the mean that it gives to the images of
    that class, of which there are at least FEWEST. An image of which it is confident that it is of
    another class, more than of its own, is suspect unless its label is the answer; the less
    probable its label, the more. Nets that are right less often than always naming the commonest
    class find nothing.
    """
    labels = np.asarray(labels)
    answers = probabilities.argmax(1)
    counts = np.bincount(labels, minlength=probabilities.shape[1])
    if (answers == labels).sum() < counts.max():
        return ()
    own = probabilities[np.arange(len(labels)), labels]
    thresholds = np.array(
        [own[labels == k].mean() if count >= FEWEST else 2 for k, count in enumerate(counts)]
    )
    confident = np.where(probabilities >= thresholds, probabilities, -1)
    likely = confident.argmax(1)
    suspect = (confident.max(1) >= 0) & (likely != labels) & (answers != labels)
    return tuple(
        Suspect(
            index=i,
            number=int(numbers[i]),
            name=names[i] if names else "",
            given=int(labels[i]),
            likely=int(likely[i]),
            given_probability=round(float(own[i]), 4),
            likely_probability=round(float(probabilities[i, likely[i]]), 4),
        )
        for i in np.argsort(own, kind="stable").tolist()
        if suspect[i]
    )

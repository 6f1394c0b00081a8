"""The records of a fine-tuning run: updates while it goes on, a report at its end."""

import math
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, computed_field

from cnn_space.training import scores
from cnn_space.training.finetuning.suspects import Suspect
from cnn_space.training.recipes import Plan


@dataclass(frozen=True)
class Point:
    """One point of the curves: seconds since the start, loss, accuracy in percent."""

    seconds: float
    stage: str  # "head", "top" or "all"
    part: str  # "train" (as it learned) or "validation"
    loss: float
    accuracy: float


@dataclass(frozen=True)
class Update:
    """What a run is doing. ``phase`` is "preparing", "features", "head", "top" or "all";
    ``seconds_left`` are those of the phase."""

    phase: str
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    steps: int = 0
    loss: float = math.nan
    accuracy: float = math.nan
    images_per_s: float = math.nan
    seconds_left: float = math.nan
    round: int = 0  # of a cross-validation: a round a fold, and one of all images
    rounds: int = 0
    history: tuple[Point, ...] = ()


class Report(BaseModel):
    """All that is known of a run, as plain data. Accuracies are percent of the held-out images; in
    a cross-validation of ``folds`` parts (else 0) of all, each judged by a net that did not learn
    from it.

    ``ended`` is "finished", "stopped", "time" or "not_a_number"; ``best`` the stage and epoch of
    the net that was kept; ``plan`` what was carried out, with the batch size and rate that were
    used; ``before`` is the accuracy with the fresh last layer, ``head`` the best of the first stage
    (None if it had no check); ``class_weights`` are those in the loss and in the choice of the best
    net (None where all classes weighed the same); ``targets``, ``answers`` and ``confidences``
    (0..1) have one entry a held-out image, in the order of ``split``; ``suspects`` are those whose
    label is likely wrong, the most suspicious first.
    """

    model_config = ConfigDict(frozen=True)

    base: str
    title: str
    data: str
    classes: tuple[str, ...]
    train_counts: tuple[int, ...]
    plan: Plan
    ended: str
    best: tuple[str, int]
    seconds: float
    before: float
    head: float | None
    targets: tuple[int, ...]
    answers: tuple[int, ...]
    confidences: tuple[float, ...]
    history: tuple[Point, ...]
    environment: dict[str, str | int]
    class_weights: tuple[float, ...] | None = None
    folds: int = 0
    suspects: tuple[Suspect, ...] = ()

    @property
    def confusion(self) -> list[list[int]]:
        """``[true class][answer]``: how many held-out images."""
        return self._confusion.tolist()

    @property
    def after(self) -> float:
        """The accuracy of the net that was kept."""
        return scores.accuracy(self._confusion)

    @computed_field
    @property
    def recall(self) -> dict[str, float | None]:
        """Percent of each class's held-out images that were recognised; None without any."""
        rates = scores.accuracy_per_class(self._confusion, self.classes)
        held = self._confusion.sum(axis=1)
        return {
            name: rate if count else None
            for (name, rate), count in zip(rates.items(), held, strict=True)
        }

    @property
    def images(self) -> int:
        """How many images the set has: those to learn from and those that were held out."""
        return sum(self.train_counts) + (0 if self.folds else len(self.targets))

    @property
    def majority(self) -> tuple[str, float]:
        """The commonest class of the training images, and the accuracy of always naming it."""
        label = int(np.argmax(self.train_counts))
        return self.classes[label], 100 * self.targets.count(label) / len(self.targets)

    @property
    def mistakes(self) -> list[int]:
        """Indices of the misjudged images, the most confident first."""
        wrong = [i for i, target in enumerate(self.targets) if target != self.answers[i]]
        return sorted(wrong, key=lambda i: -self.confidences[i])

    def epochs(self) -> list[dict]:
        """The history as cards have it: one row per epoch, of all stages."""
        rows, last = [], None
        for point in self.history:
            if point.part == "train":
                last = point
            else:
                rows.append(
                    {
                        "epoch": len(rows) + 1,
                        "train_loss": round(last.loss, 4),
                        "train_accuracy": round(last.accuracy, 2),
                        "val_loss": round(point.loss, 4),
                        "val_accuracy": round(point.accuracy, 2),
                    }
                )
        return rows

    def to_json(self) -> dict:
        """The report as plain data for ``json.dumps``."""
        return self.model_dump()

    @classmethod
    def from_json(cls, data: dict) -> "Report":
        """The inverse of ``to_json``, also after a round trip through a file. Raises ValueError
        for what is no report."""
        return cls.model_validate(data)

    @property
    def _confusion(self) -> np.ndarray:
        return scores.confusion_matrix(self.targets, self.answers, len(self.classes))

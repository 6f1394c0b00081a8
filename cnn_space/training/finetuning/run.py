"""A fine-tuning run: its stages, one after another, and the best net so far."""

import math
import time
from collections.abc import Iterator

from cnn_space.images.image_set import ImageSet
from cnn_space.inference.threads import set_torch_threads
from cnn_space.models.heads import can_have_aux
from cnn_space.training import cards
from cnn_space.training.devices import find_device
from cnn_space.training.finetuning.course import Course
from cnn_space.training.finetuning.cross_validated import CrossValidated
from cnn_space.training.finetuning.folds import draw_folds
from cnn_space.training.finetuning.held_out import HeldOut
from cnn_space.training.finetuning.report import Point, Report, Update
from cnn_space.training.finetuning.result import Result, as_loaded
from cnn_space.training.finetuning.suspects import find_suspects
from cnn_space.training.recipes import Plan
from cnn_space.weights import Loaded


class Run:
    """One run of all stages. Iterate it for updates; ``result()`` gives the best net so far.

    ``base`` is used up: its net is the one that learns. ``seconds`` ends the run in good order,
    and so does a loss that is no number any more. Closing the iterator ends it at once; either
    way everything but the best net is released.

    Few images are judged by cross-validation (see ``draw_folds``), others are held out. Raises
    ValueError for a device that is not here, and for ``plan.aux`` with a net that has no auxiliary
    heads; iterating raises it for a class of fewer than two images.
    """

    def __init__(
        self,
        base: Loaded,
        images: ImageSet,
        plan: Plan | None = None,
        *,
        seconds: float | None = None,
        device: str = "cpu",
    ):
        plan, self.device = plan or Plan(), find_device(device)
        if plan.aux and not can_have_aux(base.net):
            raise ValueError(f"{base.record.title} has no auxiliary heads: choose aux=False")
        self.record = base.record
        self._start, self._seconds = time.perf_counter(), 0.0
        deadline = math.inf if seconds is None else self._start + seconds
        folds = draw_folds(images, plan)
        course = base, images, plan, self.device, deadline
        self._course: Course = (
            HeldOut(*course) if folds is None else CrossValidated(*course, fold_of=folds)
        )

    @property
    def plan(self) -> Plan:
        """What is carried out, with the batch size and rate that are used."""
        return self._course.plan

    @property
    def history(self) -> list[Point]:
        """The curves so far."""
        return self._course.history

    @property
    def ended(self) -> str:
        """How it ended, see ``Report``."""
        return self._course.ended

    @property
    def has_best(self) -> bool:
        """Whether a net has been checked, so that there is one to keep."""
        return self._course.best is not None

    @property
    def checked(self) -> int:
        """On how many images the net is judged; 0 before they are split."""
        return len(self._course.checked) if self._course.checked else 0

    @property
    def bytes(self) -> int:
        """Memory that the best net so far takes."""
        best = self._course.best
        return sum(part.nbytes for part in best.state.values()) if best else 0

    def __iter__(self) -> Iterator[Update]:
        set_torch_threads()
        try:
            yield from self._course.updates()
            if self._course.ended == "stopped":
                self._course.ended = "finished"
        finally:
            self._seconds = time.perf_counter() - self._start
            self._course.release()

    def result(self) -> Result:
        """The best net so far, its report and the images it was judged on. Raises ValueError before
        the first check: see ``has_best``."""
        course = self._course
        best, checked, weights = course.best, course.checked, course.class_weights
        if best is None:
            raise ValueError("nothing has been checked yet: there is no net to keep")
        probabilities = best.logits.softmax(1)
        confidences, answers = probabilities.max(1)
        targets = checked.labels.tolist()
        report = Report(
            base=self.record.name,
            title=self.record.title,
            data=checked.name,
            classes=checked.classes,
            train_counts=course.train_counts,
            plan=course.plan,
            ended=course.ended,
            best=(best.stage, best.epoch),
            seconds=self._seconds or time.perf_counter() - self._start,
            before=course.before,
            head=course.head,
            targets=tuple(targets),
            answers=tuple(answers.tolist()),
            confidences=tuple(round(value, 4) for value in confidences.tolist()),
            history=tuple(course.history),
            class_weights=None if weights is None else weights.tolist(),
            folds=course.folds,
            suspects=()
            if checked.certain
            else find_suspects(probabilities.numpy(), targets, course.numbers, checked.names),
            environment=cards.environment(self.device, bfloat16=course.bfloat16).model_dump(),
        )
        loaded = as_loaded(self.record, best.state, checked, report)
        return Result(loaded, report, checked)

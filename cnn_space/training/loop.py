"""The training loop: a ``TrainingRun`` yields plain progress records, which the command line, the
benchmarks and fine-tuning read.

What makes it fast is known from the quickest public CIFAR-10 recipes (Page, "How to train your
ResNet", 2018; Jordan, "94% on CIFAR-10 in 3.29 seconds", 2024): the whole set in memory as
tensors, augmentation by batch on the device, a one-cycle learning rate with Nesterov SGD, label
smoothing, channels-last memory and bfloat16 where the device is good at it.
"""

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from cnn_space.images.image_set import ImageSet
from cnn_space.training import checkpoints
from cnn_space.training.batches import Batches
from cnn_space.training.devices import good_at_bfloat16
from cnn_space.training.evaluation import loss_and_accuracy, predict
from cnn_space.training.learner import Learner
from cnn_space.training.processes import Processes
from cnn_space.training.recipes import Recipe

REPORT_SECONDS = 0.5  # how often a page that shows the run gets a record


class Diverged(ValueError):
    """The loss is not a number any more; the message says what to change."""


@dataclass(frozen=True)
class Progress:
    """Where a run is. Accuracies are percent; ``loss`` and ``accuracy`` are means over the epoch
    so far, on augmented batches. ``val_*`` are set on the last record of an epoch alone, and only
    when there are images to check on."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    accuracy: float
    lr: float
    images_per_s: float
    seconds_left: float = 0.0
    val_loss: float | None = None
    val_accuracy: float | None = None

    @property
    def epoch_ended(self) -> bool:
        return self.step == self.steps

    def row(self) -> dict:
        """The epoch as a card's ``history`` has it."""
        return {
            "epoch": self.epoch,
            "train_loss": round(self.loss, 4),
            "train_accuracy": round(self.accuracy, 2),
            "val_loss": self.val_loss,
            "val_accuracy": self.val_accuracy,
            "lr": float(f"{self.lr:.4g}"),
            "images_per_s": round(self.images_per_s, 1),
        }


class TrainingRun:
    """One training of ``net`` on ``train_set``. Iterate it for ``Progress``; closing the iterator
    stops it. ``net`` learns in place; ``best_net()`` is what to keep.

    - ``train_set``, ``mean``, ``std``, ``answers``: see ``Batches``.
    - ``val_set`` is measured after every epoch.
    - ``groups``, ``class_weights``, ``frozen_norms``, ``compiled``: see ``Learner``.
    - ``seconds`` ends the run in good order once they are over, at the next report; several
      processes end after an epoch.
    - ``bfloat16`` None decides by the device, or, when resumed, by what the run began with.
    - ``identity``: what else must be the same for a checkpoint to be of this run, as plain data.

    Under ``torch.distributed`` every process takes its own share of every batch. Raises ValueError
    as ``Batches`` and ``Learner`` do; iterating raises Diverged, and ValueError where the processes
    do not start at the same epoch.
    ``epoch`` counts the epochs done, ``seconds`` the time they took, over all resumed runs;
    ``history`` has a row for each; ``out_of_time`` says whether ``seconds`` cut the run off.
    """

    def __init__(
        self,
        net: nn.Module,
        train_set: ImageSet,
        recipe: Recipe,
        *,
        val_set: ImageSet | None = None,
        mean: Iterable[float] = (0.5, 0.5, 0.5),
        std: Iterable[float] = (0.5, 0.5, 0.5),
        device: str | torch.device = "cpu",
        groups: list[dict] | None = None,
        class_weights: Tensor | None = None,
        frozen_norms: bool = False,
        seconds: float = math.inf,
        bfloat16: bool | None = None,
        compiled: bool = False,
        answers: Tensor | None = None,
        identity: dict | None = None,
    ):
        self.recipe, self.device = recipe, torch.device(device)
        self.processes = Processes.current()
        self.train_set, self.val_set = train_set.to(self.device), val_set
        self.batches = Batches(
            self.train_set,
            recipe,
            self.processes,
            mean=mean,
            std=std,
            answers=None if answers is None else answers.to(self.device),
        )
        self.steps = self.batches.steps
        self._keeps_precision = bfloat16 is not None
        self.learner = Learner(
            net,
            recipe,
            self.processes,
            steps=self.steps * recipe.epochs,
            device=self.device,
            groups=groups,
            class_weights=class_weights,
            frozen_norms=frozen_norms,
            bfloat16=good_at_bfloat16(self.device) if bfloat16 is None else bfloat16,
            compiled=compiled,
        )
        self.epoch, self.seconds = 0, 0.0
        self.history: list[dict] = []
        self.out_of_time = False
        self._deadline = time.perf_counter() + seconds
        self._identity = {
            "recipe": recipe.model_dump(),
            "images": [list(train_set.images.shape), list(train_set.classes)],
            **(identity or {}),
        }

    @property
    def net(self) -> nn.Module:
        """The net that learns."""
        return self.learner.net

    def best_net(self) -> nn.Module:
        """The net to keep: the averaged one where the recipe asks for it."""
        return self.learner.best_net()

    @property
    def images_seen(self) -> int:
        """How many images all processes have learned from, over all epochs done."""
        return self.epoch * self.steps * self.batches.size

    def __iter__(self) -> Iterator[Progress]:
        self.processes.check_epoch(self.epoch, self.device)
        start, done_before, seconds_before = time.perf_counter(), self.epoch, self.seconds
        for epoch in range(self.epoch, self.recipe.epochs):
            for progress in self._epoch(epoch):
                now = time.perf_counter()
                done = epoch - done_before + progress.step / self.steps
                left = (self.recipe.epochs - done_before - done) * (now - start) / done
                if progress.epoch_ended:
                    self.seconds = seconds_before + now - start
                yield replace(progress, seconds_left=max(0.0, min(left, self._deadline - now)))
                finished = progress.epoch_ended and progress.epoch == self.recipe.epochs
                if not finished and self._is_over(progress):
                    self.out_of_time = True
                    return

    def _epoch(self, epoch: int) -> Iterator[Progress]:
        seed = self.recipe.seed * 100_003 + epoch
        # Dropout, too, depends on seed, epoch and process alone: a resumed run is the same run.
        torch.manual_seed(seed * self.processes.count + self.processes.rank)
        self.learner.start_epoch()
        totals = torch.zeros(2, device=self.device)  # loss, right answers
        start = last = time.perf_counter()
        for step, batch in enumerate(self.batches.epoch(epoch), 1):
            rate = self.learner.rate
            totals += self.learner.step(batch)
            ended = step == self.steps
            # Reading the totals waits for the device: now and then, not every step.
            if not ended and time.perf_counter() - last < REPORT_SECONDS:
                continue
            seen = step * self.batches.size
            if ended:
                self.processes.add_up(totals)
            else:  # the clocks of the processes differ: they do not report at the same steps
                seen //= self.processes.count
            loss, right = totals.tolist()
            last = time.perf_counter()
            if not math.isfinite(loss):
                raise Diverged(
                    f"the loss is not a number any more (epoch {epoch + 1}): try a lower learning "
                    f"rate than {self.recipe.lr:g}, a longer warm-up, or gradient clipping"
                )
            progress = Progress(
                epoch=epoch + 1,
                epochs=self.recipe.epochs,
                step=step,
                steps=self.steps,
                loss=loss / seen,
                accuracy=100 * right / seen,
                lr=rate,
                images_per_s=step * self.batches.size / (last - start),
            )
            yield self._end_epoch(progress) if ended else progress

    def _end_epoch(self, progress: Progress) -> Progress:
        """Check the net and note the epoch; ``progress`` with what the check gave."""
        self.learner.refresh_averaged_norms(self.batches.inputs(self.epoch))
        if self.val_set is not None and len(self.val_set):
            logits = predict(
                self.best_net(),
                self.val_set,
                mean=self.batches.mean,
                std=self.batches.std,
                bfloat16=self.learner.bfloat16,
            )
            loss, accuracy = loss_and_accuracy(logits, self.val_set.labels)
            progress = replace(progress, val_loss=round(loss, 4), val_accuracy=round(accuracy, 2))
        self.epoch = progress.epoch
        self.history.append(progress.row())
        return progress

    def _is_over(self, progress: Progress) -> bool:
        """Whether the time is up; several processes agree on it, after an epoch."""
        over = time.perf_counter() > self._deadline
        if self.processes.count == 1:
            return over
        return progress.epoch_ended and self.processes.any(over, self.device)

    def save(self, path: Path) -> None:
        """Write a checkpoint from which ``restore`` goes on."""
        counts = {"epoch": self.epoch, "seconds": self.seconds, "history": self.history}
        learner = self.learner.state_dict() | {"bfloat16": self.learner.bfloat16}
        checkpoints.write(path, {"identity": self._identity, "learner": learner, **counts})

    def restore(self, path: Path) -> None:
        """Go on where ``save`` was called, in the same precision unless ``bfloat16`` was given.
        Raises ValueError for a damaged checkpoint, or one of another run (its recipe, its images
        or its net differ)."""
        state = checkpoints.read(path, self.device, self._identity)
        try:
            self.learner.load_state_dict(state["learner"])
        except RuntimeError as error:
            raise checkpoints.other_run(path, ["net"]) from error
        if not self._keeps_precision:
            self.learner.bfloat16 = state["learner"]["bfloat16"]
        self.epoch, self.seconds = state["epoch"], state["seconds"]
        self.history = state["history"]

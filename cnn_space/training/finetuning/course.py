"""What a fine-tuning run does in each of its stages, and the best net so far."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from cnn_space.costs import walk
from cnn_space.images.image_set import ImageSet
from cnn_space.inference import engine
from cnn_space.models.heads import last_stage, replace_head
from cnn_space.models.net import Net
from cnn_space.training import cards
from cnn_space.training.devices import good_at_bfloat16
from cnn_space.training.evaluation import loss_and_accuracy, predict
from cnn_space.training.finetuning.features import FrozenPass
from cnn_space.training.finetuning.groups import layer_groups
from cnn_space.training.finetuning.imbalance import class_weights
from cnn_space.training.finetuning.inputs import Scaling
from cnn_space.training.finetuning.pace import Pace
from cnn_space.training.finetuning.report import Point, Update
from cnn_space.training.finetuning.stages import fit_sizes, stage_recipe
from cnn_space.training.loop import Diverged, TrainingRun
from cnn_space.training.recipes import Plan, Recipe
from cnn_space.weights import Loaded


@dataclass(frozen=True)
class Best:
    """The best net so far: a copy of its weights, and the answers by which it was judged."""

    state: dict[str, Tensor]
    logits: Tensor  # [N, K]
    stage: str
    epoch: int
    accuracy: float
    score: tuple[float, float]  # accuracy and negative loss, both by the classes' weights


class Course:
    """The stages of a run. ``updates`` carries them out, as a subclass has it: they differ in the
    images that a net is judged on.

    ``ended`` is how it ended, "stopped" while it goes on; ``checked`` the images that it is judged
    on, in their own size; ``before`` the accuracy with the fresh last layer, ``head`` that of the
    first stage.
    """

    folds = 0  # into how many parts the images are divided to be judged; 0: some are held out
    top_rate = 1.0  # the last stage's learning rate, in those of all layers

    def __init__(
        self, base: Loaded, images: ImageSet, plan: Plan, device: torch.device, deadline: float
    ):
        self.plan, self.device, self.preprocessing = plan, device, base.record.preprocessing
        self.history: list[Point] = []
        self.ended = "stopped"
        self.best: Best | None = None
        self.before, self.head = 0.0, None
        self.checked: ImageSet | None = None
        self.numbers: list[int] = []  # where in the whole set the checked images are
        self.train_counts: tuple[int, ...] = ()
        self.class_weights: Tensor | None = None
        self.bfloat16 = good_at_bfloat16(device)
        self._net: Net | None = base.net  # released at the end, as are the images
        self._images: ImageSet | None = images
        self._macs = base.record.macs
        self._chunk = 4  # images that pass through the net between two updates
        self._start, self._deadline = time.perf_counter(), deadline

    def updates(self) -> Iterator[Update]:
        """Carry out all stages."""
        raise NotImplementedError

    def release(self) -> None:
        """Let go of all but the best net and the images it was judged on."""
        self._net = self._images = None

    # For the subclasses

    @property
    def _goes_on(self) -> bool:
        return self.ended == "stopped"

    def _begin(self, counts: list[int]) -> Net:
        """The net with a fresh last layer; ``counts`` are the images of each class to learn."""
        self.train_counts = tuple(counts)
        self.class_weights = class_weights(self.plan, counts)
        net = replace_head(self._net, len(counts)).to(self.device)
        macs = self._macs or walk.count(net, self.preprocessing.size)[1]
        self.plan, self._chunk = fit_sizes(self.plan, sum(counts), macs)
        return net

    def _scaled(self, *parts: ImageSet) -> Iterator[Update]:
        """Returns the parts at the net's input size; with an update now and then."""
        pace, done, small = Pace(sum(map(len, parts))), 0, []
        for part in parts:
            scaling = Scaling(part, self.preprocessing)
            for count in scaling:
                if pace.is_due():
                    yield pace.update("preparing", done + count)
            done += len(part)
            small.append(scaling.images)
        return small

    def _mirrored(self, images: ImageSet) -> ImageSet:
        """The images, and their mirror images after them where the plan says so."""
        if self.plan.augment != "mirror":
            return images
        both = torch.cat([images.images, images.images.flip(3)])
        return ImageSet(both, images.labels.repeat(2), images.classes, images.name)

    def _frozen(self, net: Net, learn: ImageSet, check: ImageSet | None) -> Iterator[Update]:
        """Returns what the frozen net makes of the images: a finished FrozenPass, or None where
        the time is up."""
        frozen = FrozenPass(
            net,
            learn,
            check,
            self.preprocessing,
            device=self.device,
            bfloat16=self.bfloat16,
            chunk=self._chunk,
        )
        pace = Pace(frozen.steps)
        for step in frozen:
            yield pace.update("features", step)
            if self._is_late():
                self.ended = "time"
                return None
        if frozen.maps is None:
            self.plan = self.plan.changed(top_epochs=0)
        return frozen

    def _top(self, net: Net) -> tuple[nn.Module, Recipe, list[dict]]:
        """The last stage of ``net``, and how it learns from what enters it."""
        recipe = stage_recipe(self.plan, self.plan.top_epochs, self.preprocessing.size)
        recipe = recipe.changed(lr=recipe.lr * self.top_rate)
        top = last_stage(net)
        return top, recipe, layer_groups(top, recipe.lr, 1.0, recipe.weight_decay)

    def _all(self, net: Net) -> tuple[nn.Module, Recipe, list[dict]]:
        """All layers of ``net``, and how they learn from images."""
        if self.plan.aux:
            net.set_aux(len(self.train_counts))
        recipe = stage_recipe(self.plan, self.plan.epochs, self.preprocessing.size)
        return net, recipe, layer_groups(net, recipe.lr, self.plan.lower, recipe.weight_decay)

    def _train(
        self,
        stage: str,
        module: nn.Module,
        learn: ImageSet,
        recipe: Recipe,
        groups: list[dict] | None = None,
        *,
        noted: bool = True,
    ) -> Iterator[Update]:
        """Teach ``module`` the images: an update at every report, ``noted`` in the history."""
        run = TrainingRun(
            module,
            learn,
            recipe,
            mean=self.preprocessing.mean,
            std=self.preprocessing.std,
            device=self.device,
            groups=groups,
            class_weights=self.class_weights,
            frozen_norms=self.plan.frozen_norm,
            seconds=self._deadline - time.perf_counter(),
            bfloat16=self.bfloat16 and stage != "head",
        )
        try:
            for progress in run:
                if noted:
                    self._note(stage, "train", progress.loss, progress.accuracy)
                yield Update(
                    stage,
                    progress.epoch,
                    progress.epochs,
                    progress.step,
                    progress.steps,
                    progress.loss,
                    progress.accuracy,
                    progress.images_per_s,
                    progress.seconds_left,
                    history=tuple(self.history),
                )
        except Diverged:
            self.ended = "not_a_number"
        if run.out_of_time:
            self.ended = "time"

    def _answers(self, module: nn.Module, check: ImageSet, update: Update) -> Iterator[Update]:
        """Returns the logits of images, which pass through in chunks, with an update after each."""
        parts = []
        if update.phase == "all":
            module = engine.fold(module.eval())
        for index in torch.arange(len(check)).split(self._chunk):
            parts.append(self._predict(module, check.subset(index)))
            if len(parts) > 1:
                yield replace(update, history=tuple(self.history))
        return torch.cat(parts).cpu()

    def _predict(self, module: nn.Module, images: ImageSet) -> Tensor:
        preprocessing = self.preprocessing
        return predict(module, images, mean=preprocessing.mean, std=preprocessing.std)

    def _score(self, logits: Tensor) -> tuple[float, float]:
        """By which the best net is chosen: accuracy and negative loss; rare classes count as in
        training."""
        loss, accuracy = loss_and_accuracy(logits, self.checked.labels, self.class_weights)
        return accuracy, -loss

    def _keep_best(self, stage: str, epoch: int, logits: Tensor) -> bool:
        """Note the answers to the images that are checked, and keep a copy of the net where it is
        the best yet; False where their loss is not a number."""
        loss, accuracy = self._note_answers(stage, logits)
        if not math.isfinite(loss):
            self.ended = "not_a_number"
            return False
        score = self._score(logits)
        if self.best is None or score > self.best.score:
            state = {key: value.clone() for key, value in cards.without_aux(self._net).items()}
            self.best = Best(state, logits, stage, epoch, accuracy, score)
        return True

    def _note_answers(self, stage: str, logits: Tensor) -> tuple[float, float]:
        """Returns the loss and the accuracy of the answers to the images that are checked."""
        loss, accuracy = loss_and_accuracy(logits, self.checked.labels)
        if math.isfinite(loss):
            self._note(stage, "validation", loss, accuracy)
        return loss, accuracy

    def _note(self, stage: str, part: str, loss: float, accuracy: float) -> None:
        self.history.append(Point(self.seconds, stage, part, loss, accuracy))

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.perf_counter() - self._start

    def _is_late(self) -> bool:
        return time.perf_counter() > self._deadline

"""A fine-tuning run: its stages, one after another, and the best net so far."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from cnn_space.costs import walk
from cnn_space.images.image_set import ImageSet
from cnn_space.inference import engine
from cnn_space.inference.threads import set_torch_threads
from cnn_space.models.heads import can_have_aux, last_stage, replace_head
from cnn_space.models.net import Net
from cnn_space.training import cards
from cnn_space.training.devices import find_device, good_at_bfloat16
from cnn_space.training.evaluation import loss_and_accuracy, predict
from cnn_space.training.finetuning.features import FrozenPass, Head
from cnn_space.training.finetuning.groups import layer_groups
from cnn_space.training.finetuning.imbalance import class_weights
from cnn_space.training.finetuning.inputs import Scaling, split
from cnn_space.training.finetuning.pace import Pace
from cnn_space.training.finetuning.report import Point, Report, Update
from cnn_space.training.finetuning.result import Result, as_loaded
from cnn_space.training.finetuning.stages import fit_sizes, head_recipe, stage_recipe
from cnn_space.training.loop import Diverged, TrainingRun
from cnn_space.training.recipes import Plan
from cnn_space.weights import Loaded


@dataclass(frozen=True)
class _Best:
    """The best net so far: a copy of its weights, and its answers to the held-out images."""

    state: dict[str, Tensor]
    logits: Tensor  # [N, K]
    stage: str
    epoch: int
    accuracy: float
    score: tuple[float, float]  # accuracy and negative loss, both by the classes' weights


class Run:
    """One run of all stages. Iterate it for updates; ``result()`` gives the best net so far.

    ``base`` is used up: its net is the one that learns. ``seconds`` ends the run in good order,
    and so does a loss that is no number any more. Closing the iterator ends it at once; either
    way everything but the best net is released.

    Raises ValueError for a device that is not here, and for ``plan.aux`` with a net that has no
    auxiliary heads; iterating raises it for a class of fewer than two images.
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
        self.plan, self.device = plan or Plan(), find_device(device)
        if self.plan.aux and not can_have_aux(base.net):
            raise ValueError(f"{base.record.title} has no auxiliary heads: choose aux=False")
        self.record = base.record
        self.history: list[Point] = []
        self.ended = "stopped"
        self._bfloat16 = good_at_bfloat16(self.device)
        self._net: Net | None = base.net  # released at the end, as are the images
        self._images: ImageSet | None = images
        self._checked: ImageSet | None = None  # the held-out images, in their own size
        self._train_counts: tuple[int, ...] = ()
        self._class_weights: Tensor | None = None
        self._chunk = 4  # images that pass through the net between two updates
        self._best: _Best | None = None
        self._before = 0.0  # accuracy with the fresh last layer
        self._head: float | None = None  # best accuracy of the head stage
        self._start, self._seconds = time.perf_counter(), 0.0
        self._deadline = math.inf if seconds is None else self._start + seconds

    @property
    def has_best(self) -> bool:
        """Whether a net has been checked, so that there is one to keep."""
        return self._best is not None

    @property
    def held(self) -> int:
        """How many images are held out; 0 before they are split."""
        return len(self._checked) if self._checked else 0

    @property
    def bytes(self) -> int:
        """Memory that the best net so far takes."""
        return sum(part.nbytes for part in self._best.state.values()) if self._best else 0

    def __iter__(self) -> Iterator[Update]:
        try:
            yield from self._stages()
            if self.ended == "stopped":
                self.ended = "finished"
        finally:
            self._seconds = time.perf_counter() - self._start
            self._net = self._images = None

    # The stages

    def _stages(self) -> Iterator[Update]:
        set_torch_threads()
        yield Update("preparing")
        torch.manual_seed(self.plan.seed)
        learn, self._checked = split(self._images, self.plan.holdout, seed=self.plan.seed)
        self._images = None
        self._train_counts = tuple(learn.counts)
        self._class_weights = class_weights(self.plan, learn.counts)
        learn, check = yield from self._scaled(learn, self._checked)
        net = replace_head(self._net, len(learn.classes)).to(self.device)
        size = self.record.preprocessing.size
        macs = self.record.macs or walk.count(net, size)[1]
        self.plan, self._chunk = fit_sizes(self.plan, len(learn), macs)
        yield from self._teach_upper(net, learn, check)
        if self.plan.epochs and self.ended == "stopped":
            net.load_state_dict(self._best.state)
            if self.plan.aux:
                net.set_aux(len(learn.classes))
            recipe = stage_recipe(self.plan, self.plan.epochs, size)
            groups = layer_groups(net, recipe.lr, self.plan.lower, recipe.weight_decay)
            yield from self._stage("all", net, learn, check, recipe, groups)

    def _scaled(self, *parts: ImageSet) -> Iterator[Update]:
        """Both parts at the net's input size; with an update now and then."""
        pace, done, small = Pace(sum(map(len, parts))), 0, []
        for part in parts:
            scaling = Scaling(part, self.record.preprocessing)
            for count in scaling:
                if pace.is_due():
                    yield pace.update("preparing", done + count)
            done += len(part)
            small.append(scaling.images)
        return small

    def _teach_upper(self, net: Net, learn: ImageSet, check: ImageSet) -> Iterator[Update]:
        """The head, then the last stage of layers, on what the frozen layers below make."""
        plan, seen = self.plan, learn
        if plan.augment == "mirror":
            both = torch.cat([learn.images, learn.images.flip(3)])
            seen = replace(learn, images=both, labels=learn.labels.repeat(2))
        frozen = FrozenPass(
            net,
            seen,
            check,
            self.record.preprocessing,
            device=self.device,
            bfloat16=self._bfloat16,
            chunk=self._chunk,
        )
        pace = Pace(frozen.steps)
        for step in frozen:
            yield pace.update("features", step)
            if time.perf_counter() > self._deadline:
                self.ended = "time"
                return
        features, head = frozen.features, Head(net)
        logits = self._predict(head, features[1]).cpu()
        self._before = loss_and_accuracy(logits, check.labels)[1]
        recipe = head_recipe(plan, features[0].images)
        yield from self._stage("head", head, *features, recipe)
        if self._best is not None:
            self._head = self._best.accuracy
        if frozen.maps is None:
            self.plan = plan.changed(top_epochs=0)
        elif plan.top_epochs and self.ended == "stopped":
            net.load_state_dict(self._best.state)
            recipe = stage_recipe(plan, plan.top_epochs, self.record.preprocessing.size)
            top = last_stage(net)
            groups = layer_groups(top, recipe.lr, 1.0, recipe.weight_decay)
            yield from self._stage("top", top, *frozen.maps, recipe, groups)

    # One stage

    def _stage(self, stage, module, learn, check, recipe, groups=None) -> Iterator[Update]:
        """One stage: updates as it goes, a check after every epoch, the best net kept."""
        run = TrainingRun(
            module,
            learn,
            recipe,
            mean=self.record.preprocessing.mean,
            std=self.record.preprocessing.std,
            device=self.device,
            groups=groups,
            class_weights=self._class_weights,
            frozen_norms=self.plan.frozen_norm,
            seconds=self._deadline - time.perf_counter(),
            bfloat16=self._bfloat16 and stage != "head",
        )
        try:
            for progress in run:
                self._note(stage, "train", progress.loss, progress.accuracy)
                update = Update(
                    stage,
                    progress.epoch,
                    progress.epochs,
                    progress.step,
                    progress.steps,
                    progress.loss,
                    progress.accuracy,
                    progress.images_per_s,
                    progress.seconds_left,
                    tuple(self.history),
                )
                yield update
                late = time.perf_counter() > self._deadline
                if progress.epoch_ended or (late and self._best is None):
                    logits = yield from self._answers(module, check, stage, update)
                    if not self._keep_best(stage, progress.epoch, logits, check.labels):
                        self.ended = "not_a_number"
                        return
        except Diverged:
            self.ended = "not_a_number"
        if run.out_of_time:
            self.ended = "time"

    def _answers(self, module, check, stage, update) -> Iterator[Update]:
        """Logits of the held-out images, in chunks, with an update after each."""
        parts = []
        if stage == "all":
            module = engine.fold(module.eval())
        for index in torch.arange(len(check)).split(self._chunk):
            parts.append(self._predict(module, check.subset(index)))
            if len(parts) > 1:
                yield replace(update, history=tuple(self.history))
        return torch.cat(parts).cpu()

    def _predict(self, module: nn.Module, images: ImageSet) -> Tensor:
        preprocessing = self.record.preprocessing
        return predict(module, images, mean=preprocessing.mean, std=preprocessing.std)

    def _keep_best(self, stage: str, epoch: int, logits: Tensor, labels: Tensor) -> bool:
        """Note a check, and keep a copy of the net where it is the best yet; False where its loss
        is not a number."""
        loss, accuracy = loss_and_accuracy(logits, labels)
        if not math.isfinite(loss):
            return False
        self._note(stage, "validation", loss, accuracy)
        weighted_loss, weighted = loss_and_accuracy(logits, labels, self._class_weights)
        score = weighted, -weighted_loss
        if self._best is None or score > self._best.score:
            state = {key: value.clone() for key, value in cards.without_aux(self._net).items()}
            self._best = _Best(state, logits, stage, epoch, accuracy, score)
        return True

    def _note(self, stage: str, part: str, loss: float, accuracy: float) -> None:
        seconds = time.perf_counter() - self._start
        self.history.append(Point(seconds, stage, part, loss, accuracy))

    # The end

    def result(self) -> Result:
        """The best net so far, its report and the held-out images. Raises ValueError before the
        first check: see ``has_best``."""
        best, checked = self._best, self._checked
        if best is None:
            raise ValueError("nothing has been checked yet: there is no net to keep")
        confidences, answers = best.logits.softmax(1).max(1)
        report = Report(
            base=self.record.name,
            title=self.record.title,
            data=checked.name,
            classes=checked.classes,
            train_counts=self._train_counts,
            plan=self.plan,
            ended=self.ended,
            best=(best.stage, best.epoch),
            seconds=self._seconds or time.perf_counter() - self._start,
            before=self._before,
            head=self._head,
            targets=tuple(checked.labels.tolist()),
            answers=tuple(answers.tolist()),
            confidences=tuple(round(value, 4) for value in confidences.tolist()),
            history=tuple(self.history),
            class_weights=None if self._class_weights is None else self._class_weights.tolist(),
            environment=cards.environment(self.device, bfloat16=self._bfloat16).model_dump(),
        )
        loaded = as_loaded(self.record, best.state, checked, report)
        return Result(loaded, report, checked)

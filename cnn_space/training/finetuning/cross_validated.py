"""A run whose few images are all learnt from, and judged by cross-validation.

Each image is judged by a net that did not learn from it: a stage is carried out once for each fold,
on the images outside of it, and then, where these answers are better than those of the stages
before, on all images. So a stage that does not pay is left out.
"""

import time
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor, nn

from cnn_space.images.image_set import ImageSet
from cnn_space.models.heads import can_have_aux, last_stage
from cnn_space.models.net import Net
from cnn_space.training.evaluation import loss_and_accuracy
from cnn_space.training.finetuning.course import Course
from cnn_space.training.finetuning.features import FrozenPass, Head
from cnn_space.training.finetuning.regression import STRENGTHS, pooled, regression
from cnn_space.training.finetuning.report import Update
from cnn_space.training.recipes import Plan
from cnn_space.weights import Loaded

# Small batches and, for the last stage, a high rate (0.1 with SGD) make more of few images than the
# rate of many, which falls with the batch.
BATCH, TOP_RATE = 8, 8.0


class CrossValidated(Course):
    """Begins with a logistic regression on what the frozen net makes of the images; the stages
    after it go on from there. ``fold_of`` is int64 [N], see ``draw_folds``."""

    def __init__(
        self,
        base: Loaded,
        images: ImageSet,
        plan: Plan,
        device: torch.device,
        deadline: float,
        *,
        fold_of: Tensor,
    ):
        self.top_rate = 1.0 if plan.lr else TOP_RATE
        plan = plan.changed(batch_size=min(plan.batch_size, BATCH))
        super().__init__(base, images, plan, device, deadline)
        self.folds = int(fold_of.max()) + 1
        self._fold_of = fold_of
        self._begun: dict[str, Tensor] = {}  # the net before it learned
        self._heads: list[nn.Linear] = []  # of each fold, and the last one of all images
        self._stages: list[str] = []  # those after the head that paid

    def updates(self) -> Iterator[Update]:
        yield Update("preparing")
        torch.manual_seed(self.plan.seed)
        self.checked, self._images = self._images, None
        self.numbers = list(range(len(self.checked)))
        [images] = yield from self._scaled(self.checked)
        net = self._begin(images.counts)
        frozen = yield from self._frozen(net, self._mirrored(images), None)
        if frozen is None:
            return
        features = frozen.features[0]
        logits = self._predict(Head(net), self._first(features)).cpu()
        self.before = loss_and_accuracy(logits, images.labels)[1]
        self._begun = {name: tensor.clone() for name, tensor in net.state_dict().items()}
        yield from self._fit_heads(net, features)
        for stage, epochs in (("top", self.plan.top_epochs), ("all", self.plan.epochs)):
            if epochs and self._goes_on:
                yield from self._try(stage, net, frozen, images)

    def _fit_heads(self, net: Net, features: ImageSet) -> Iterator[Update]:
        """The first stage: the strength of the regularisation is chosen on the folds."""
        seen = replace(features, images=pooled(features.images.cpu()))
        check, tried = self._first(seen), []
        for step, strength in enumerate(STRENGTHS, 1):
            heads = [
                self._regression(self._outside(seen, fold), strength) for fold in range(self.folds)
            ]
            logits = torch.empty(len(check), len(check.classes))
            for fold, head in enumerate(heads):
                inside = self._fold_of == fold
                logits[inside] = head(check.images[inside])
            tried.append((self._score(logits), strength, logits, heads))
            tries = {"round": step, "rounds": len(STRENGTHS)}
            yield Update("head", epoch=1, epochs=1, step=1, steps=1, **tries)
            if self._is_late():
                break
        _, strength, logits, heads = max(tried, key=lambda one: one[0])
        whole = self._regression(seen, strength)
        self._heads = [*heads, whole]
        self._put_head(net, whole)
        loss, accuracy = loss_and_accuracy(whole(seen.images), seen.labels)
        self._note("head", "train", loss, accuracy)
        self._keep_best("head", 1, logits)
        self.head = self.best.accuracy
        if self._is_late():
            self.ended = "time"

    def _try(self, stage: str, net: Net, frozen: FrozenPass, images: ImageSet) -> Iterator[Update]:
        """Carry out ``stage`` after those that paid: for each fold, and where the answers are
        better than before, for all images."""
        stages, answers = [*self._stages, stage], torch.empty_like(self.best.logits)
        start = time.perf_counter()
        for fold in [*range(self.folds), None]:
            if fold is None and not self._score(answers) > self.best.score:
                self._note_answers(stage, answers)
                return
            for update in self._round(stages, fold, net, frozen, images):
                yield self._in_all(update, stages, fold, start)
            if not self._goes_on:
                return
            if fold is None:
                self._stages = stages
                self._keep_best(stage, update.epochs, answers)
                return
            inside = self._fold_of == fold
            module, check = (
                (net, images) if stage == "all" else (last_stage(net), self._first(frozen.maps[0]))
            )
            answers[inside] = yield from self._answers(module, check.subset(inside), update)

    def _round(
        self, stages: list[str], fold: int | None, net: Net, frozen: FrozenPass, images: ImageSet
    ) -> Iterator[Update]:
        """Teach ``net`` the images outside of ``fold``, or all, from the regression on."""
        if can_have_aux(net):
            net.set_aux(None)
        net.load_state_dict(self._begun)
        self._put_head(net, self._heads[-1 if fold is None else fold])
        for stage in stages:
            module, recipe, groups = self._all(net) if stage == "all" else self._top(net)
            learn = images if stage == "all" else frozen.maps[0]
            learn = learn if fold is None else self._outside(learn, fold)
            yield from self._train(stage, module, learn, recipe, groups, noted=fold is None)
            if not self._goes_on:
                return

    def _in_all(self, update: Update, stages: list[str], fold: int | None, start: float) -> Update:
        """The update of a round as one of all rounds of a stage, which began at ``start``."""
        rounds = self.folds + 1
        done = self.folds if fold is None else fold
        share = (update.epoch - 1 + update.step / update.steps) / update.epochs
        share = (stages.index(update.phase) + share) / len(stages)
        left = (time.perf_counter() - start) * (rounds - done - share) / (done + share)
        left = min(left, self._deadline - time.perf_counter())
        return replace(update, round=done + 1, rounds=rounds, seconds_left=max(0.0, left))

    # The images and heads of a fold

    def _first(self, images: ImageSet) -> ImageSet:
        """Without the mirror images, which come last."""
        return images.subset(torch.arange(len(self._fold_of)))

    def _outside(self, images: ImageSet, fold: int) -> ImageSet:
        """Those of ``images``, and of their mirror images, that are not in ``fold``."""
        return images.subset((self._fold_of != fold).repeat(len(images) // len(self._fold_of)))

    def _regression(self, features: ImageSet, strength: float) -> nn.Linear:
        return regression(features.images, features.labels, strength, self.class_weights)

    def release(self) -> None:
        super().release()
        self._begun, self._heads = {}, []

    def _put_head(self, net: Net, layer: nn.Linear) -> None:
        head = net.get_submodule(net.head_layer)
        head.weight.data.copy_(layer.weight.view_as(head.weight))
        head.bias.data.copy_(layer.bias)

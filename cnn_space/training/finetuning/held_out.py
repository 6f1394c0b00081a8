"""A run that is judged on images which were held out, after every epoch."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import nn

from cnn_space.images.image_set import ImageSet
from cnn_space.training.evaluation import loss_and_accuracy
from cnn_space.training.finetuning.course import Course
from cnn_space.training.finetuning.features import Head
from cnn_space.training.finetuning.inputs import split
from cnn_space.training.finetuning.report import Update
from cnn_space.training.finetuning.stages import head_recipe
from cnn_space.training.recipes import Recipe


class HeldOut(Course):
    """The net of the best epoch of all stages is kept, and each stage goes on from there."""

    def updates(self) -> Iterator[Update]:
        yield Update("preparing")
        torch.manual_seed(self.plan.seed)
        learn, self.checked = split(self._images, self.plan.holdout, seed=self.plan.seed)
        places = replace(self._images, images=torch.arange(len(self._images)))
        held = split(places, self.plan.holdout, seed=self.plan.seed)[1]
        self.numbers, self._images = held.images.tolist(), None
        learn, check = yield from self._scaled(learn, self.checked)
        net = self._begin(learn.counts)
        frozen = yield from self._frozen(net, self._mirrored(learn), check)
        if frozen is None:
            return
        features, maps, head = frozen.features, frozen.maps, Head(net)
        self.before = loss_and_accuracy(self._predict(head, features[1]).cpu(), check.labels)[1]
        recipe = head_recipe(self.plan, features[0].images)
        yield from self._stage("head", head, *features, recipe)
        if self.best is not None:
            self.head = self.best.accuracy
        if maps and self.plan.top_epochs and self._goes_on:
            net.load_state_dict(self.best.state)
            top, recipe, groups = self._top(net)
            yield from self._stage("top", top, *maps, recipe, groups)
        if self.plan.epochs and self._goes_on:
            net.load_state_dict(self.best.state)
            _, recipe, groups = self._all(net)
            yield from self._stage("all", net, learn, check, recipe, groups)

    def _stage(
        self,
        stage: str,
        module: nn.Module,
        learn: ImageSet,
        check: ImageSet,
        recipe: Recipe,
        groups: list[dict] | None = None,
    ) -> Iterator[Update]:
        for update in self._train(stage, module, learn, recipe, groups):
            yield update
            late = self._is_late()
            if update.step == update.steps or (late and self.best is None):
                logits = yield from self._answers(module, check, update)
                if not self._keep_best(stage, update.epoch, logits):
                    return

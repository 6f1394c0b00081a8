"""Teaching a trained net new classes from few images, in seconds to minutes on a CPU.

First a new last layer alone, at the end all layers, the lower ones at a lower rate, as fastai has
it (Howard and Gugger, fastai: A Layered API for Deep Learning, 2020, section 2.1); in between the
net's last stage, for layers are best unfrozen from the top (Howard and Ruder, Universal Language
Model Fine-tuning for Text Classification, 2018, section 3.3). What frozen layers make of an image
never changes, so it is computed once for the first two. Each is a ``TrainingRun``, the loop of
``python -m cnn_space train``.
"""

import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from cnn_space.costs import walk as layers
from cnn_space.images.augmentation import augment, draw_epoch, normalize
from cnn_space.images.image_set import ImageSet
from cnn_space.images.preprocessing import Preprocessing, center_crop
from cnn_space.images.sources import tag
from cnn_space.inference import engine
from cnn_space.inference.threads import set_torch_threads, thread_count
from cnn_space.models.heads import is_auxiliary, last_stage, replace_head
from cnn_space.models.registry import create_model
from cnn_space.training import cards, evaluation
from cnn_space.training.devices import find_device, good_at_bfloat16
from cnn_space.training.loop import Diverged, TrainingRun
from cnn_space.training.recipes import Plan, Recipe
from cnn_space.weights import Loaded, WeightsRecord
from cnn_space.weights.card import Card, Data

LR, LR_BATCH = {"sgd": 0.05, "adam": 1e-3}, 32
MAPS_BYTES = 2 * 1024**3  # what enters the last stage is stored for all images up to this size


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
    """What a run is doing. ``phase`` is "preparing", "features", "head", "top" or "all"."""

    phase: str
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    steps: int = 0
    loss: float = math.nan
    accuracy: float = math.nan
    images_per_s: float = math.nan
    seconds_left: float = math.nan
    history: tuple[Point, ...] = ()


@dataclass(frozen=True)
class Report:
    """All that is known of a run, as plain data. Accuracies are percent of the held-out images.

    ``ended`` is "finished", "stopped", "time" or "not_a_number"; ``best`` the stage and epoch of
    the net that was kept; ``plan`` what was carried out, with the batch size and rate that were
    used; ``before`` is the accuracy with the fresh last layer, ``head`` the best of the first stage
    (None if it had no check); ``targets``, ``answers`` and ``confidences`` (0..1) have
    one entry a held-out image, in the order of ``split``.
    """

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
    environment: dict

    @property
    def after(self) -> float:
        right = sum(map(int.__eq__, self.targets, self.answers))
        return 100 * right / len(self.targets)

    @property
    def majority(self) -> tuple[str, float]:
        """The commonest class of the training images, and the accuracy of always naming it."""
        label = int(np.argmax(self.train_counts))
        return self.classes[label], 100 * self.targets.count(label) / len(self.targets)

    @property
    def confusion(self) -> list[list[int]]:
        """``[true class][answer]``: how many held-out images."""
        counts = np.zeros((len(self.classes),) * 2, int)
        np.add.at(counts, (list(self.targets), list(self.answers)), 1)
        return counts.tolist()

    @property
    def per_class(self) -> dict[str, float]:
        """Percent of each class that was recognised."""
        return {
            label: 100 * row[i] / max(1, sum(row))
            for i, (label, row) in enumerate(zip(self.classes, self.confusion, strict=True))
        }

    @property
    def mistakes(self) -> list[int]:
        """Indices of the misjudged images, the most confident first."""
        wrong = [i for i, target in enumerate(self.targets) if target != self.answers[i]]
        return sorted(wrong, key=lambda i: -self.confidences[i])

    def epochs(self) -> list[dict]:
        """The history as cards have it: a row an epoch, of all stages."""
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
        return asdict(self) | {"plan": self.plan.model_dump()}

    @classmethod
    def from_json(cls, data: dict) -> "Report":
        """The inverse of ``to_json``, also after a round trip through a file."""
        lists = ("classes", "train_counts", "best", "targets", "answers", "confidences")
        return cls(
            **data
            | {name: tuple(data[name]) for name in lists}
            | {"plan": Plan(**data["plan"])}
            | {"history": tuple(Point(**point) for point in data["history"])}
        )


@dataclass(frozen=True, eq=False)
class Result:
    """The net that a run kept, its report, and the held-out images it was checked on."""

    loaded: Loaded
    report: Report
    checked: ImageSet


def held_counts(counts: Sequence[int], share: float) -> list[int]:
    """How many images of each class are held out: ``share`` of them, one at least, never all."""
    return [min(max(1, round(share * count)), count - 1) for count in counts]


def split(images: ImageSet, share: float, *, seed: int = 0) -> tuple[ImageSet, ImageSet]:
    """``(to learn from, to check on)``: ``share`` of every class at random, one at least.

    Raises ValueError for a class of fewer than two images.
    """
    for name, count in zip(images.classes, images.counts, strict=True):
        if count < 2:
            raise ValueError(f"class {name!r} has {count} images; at least 2 are needed")
    return images.hold_out(held_counts(images.counts, share), seed=seed)


def scaled(images: ImageSet, preprocessing: Preprocessing) -> ImageSet:
    """The images at a net's input size, as ``preprocessing.center_crop`` gives them."""
    size = preprocessing.size
    out = torch.empty(len(images), 3, size, size, dtype=torch.uint8)

    def work(i: int) -> None:
        picture = Image.fromarray(images.images[i].permute(1, 2, 0).contiguous().numpy())
        seen = center_crop(picture, preprocessing)
        out[i] = torch.from_numpy(np.array(seen)).permute(2, 0, 1)

    with ThreadPoolExecutor(thread_count()) as pool:
        list(pool.map(work, range(len(images))))
    return replace(images, images=out)


def preview(images: ImageSet, preprocessing: Preprocessing, augment_: str) -> list[np.ndarray]:
    """The images as the first epoch would show them to the net, uint8 [size, size, 3] each."""
    small = scaled(images, preprocessing)
    draws = draw_epoch(len(small), epoch=0, flip="random" if augment_ == "mirror" else "none")
    draws = replace(draws, order=torch.arange(len(small)))
    plain = {"mean": (0.0, 0.0, 0.0), "std": (1 / 255,) * 3}
    batch = augment(small.images, draws, **_crop(augment_, preprocessing.size), **plain)
    return list(batch.clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy())


def _crop(augment_: str, size: int) -> dict:
    """Shifts by up to an eighth of the side, as is usual on CIFAR-10 (4 of 32 pixels)."""
    return {"crop": "none"} if augment_ == "none" else {"crop": "pad", "pad": max(1, size // 8)}


def layer_groups(net: nn.Module, lr: float, lower: float, weight_decay: float) -> list[dict]:
    """Parameter groups for the optimiser, the lowest layers at ``lower * lr``, the head at ``lr``.

    The body's layers, in the order of the forward pass, make four groups of about equally many
    layers, whose rates rise in equal ratios. Auxiliary heads are new and learn at ``lr``. Norms
    and biases do not decay.
    """
    new = set(net.get_submodule(net.head_layer).parameters())
    for name, child in net.named_children():
        if is_auxiliary(name):
            new |= set(child.parameters())
    body = [
        [p for p in module.parameters(recurse=False) if p not in new] for module in net.modules()
    ]
    body = [layer for layer in body if layer]
    quarters = [body[i * len(body) // 4 : (i + 1) * len(body) // 4] for i in range(4)]
    rated = [
        (lr * lower ** (1 - i / 4), [p for layer in quarter for p in layer])
        for i, quarter in enumerate(quarters)
    ]
    rated.append((lr, [p for p in net.parameters() if p in new]))
    groups = []
    for rate, parameters in rated:
        decays = [p for p in parameters if p.ndim > 1]
        others = [p for p in parameters if p.ndim <= 1]
        groups.append({"params": decays, "lr": rate, "weight_decay": weight_decay})
        groups.append({"params": others, "lr": rate, "weight_decay": 0.0})
    return [group for group in groups if group["params"]]


@dataclass(frozen=True)
class _Best:
    """The best net so far: a copy of its weights, and what it said of the held-out images."""

    state: dict[str, torch.Tensor]
    logits: torch.Tensor  # [N, K]
    stage: str
    epoch: int
    accuracy: float
    loss: float


class Run:
    """One run of all stages. Iterate it for updates; ``result()`` gives the best net so far.

    ``base`` is used up: its net is the one that learns. ``seconds`` ends the run in good order,
    and so does a loss that is no number any more. Closing the iterator ends it at once; either
    way everything but the best net is let go.
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
        self._bfloat16 = good_at_bfloat16(self.device)
        if self.plan.aux and not hasattr(base.net, "set_aux"):
            raise ValueError(f"{base.record.title} has no auxiliary heads: choose aux=False")
        self.record = base.record
        self.history: list[Point] = []
        self.ended = "stopped"
        self._net, self._images = base.net, images
        self._best: _Best | None = None
        self._accuracies: dict[str, float] = {}  # of the held-out images: "before", "head"
        self._start = time.perf_counter()
        self._deadline = math.inf if seconds is None else self._start + seconds
        self._seconds = 0.0

    @property
    def has_best(self) -> bool:
        """Whether a net has been checked, so that there is one to keep."""
        return self._best is not None

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

    def _stages(self) -> Iterator[Update]:
        set_torch_threads()
        yield Update("preparing")
        plan, shape = self.plan, self.record.preprocessing
        torch.manual_seed(plan.seed)
        learn, self.checked = split(self._images, plan.holdout, seed=plan.seed)
        self._train_counts = tuple(torch.bincount(learn.labels).tolist())
        self._images = None
        learn, check = scaled(learn, shape), scaled(self.checked, shape)
        net = replace_head(self._net, len(learn.classes)).to(self.device)
        # So many images a batch that no step keeps a page waiting for long, also for large nets.
        macs = self.record.macs or layers.count(net, shape.size)[1]
        self._chunk = max(4, min(256, int(40e9 / macs)))
        batch = max(4, min(plan.batch_size, len(learn) // 4, int(50e9 / macs)))
        lr = plan.lr or LR[plan.optimizer] * min(1.0, batch / LR_BATCH)
        self.plan = plan.changed(batch_size=batch, lr=lr)
        recipe = Recipe(
            batch_size=batch,
            optimizer="adamw" if plan.optimizer == "adam" else "sgd",
            lr=lr,
            label_smoothing=plan.label_smoothing,
            clip=plan.clip,
            **_crop(plan.augment, shape.size),
            flip="alternate" if plan.augment == "mirror" else "none",
            seed=plan.seed,
        )

        # 1: the head alone, on what the frozen net makes of the images and their mirror images.
        seen = learn
        if plan.augment == "mirror":
            both = torch.cat([learn.images, learn.images.flip(3)])
            seen = replace(learn, images=both, labels=learn.labels.repeat(2))
        found = yield from self._through_frozen(net, seen, check)
        if self.ended != "stopped":
            return
        (features, checked), maps = found
        head = _Head(net)
        logits = evaluation.predict(head, checked, mean=shape.mean, std=shape.std).cpu()
        self._accuracies["before"] = evaluation.loss_and_accuracy(logits, check.labels)[1]
        # The first step moves a logit by about a half, whatever the size of the features.
        size = features.images.flatten(2).mean(2) if features.images.ndim > 2 else features.images
        head_recipe = Recipe(
            epochs=plan.head_epochs,
            batch_size=256,
            optimizer="adamw",
            lr=0.5 / max(1e-6, size.abs().sum(1).mean().item()),
            weight_decay=0.01,
            label_smoothing=plan.label_smoothing,
            flip="none",
            seed=plan.seed,
        )
        yield from self._stage("head", head, features, checked, head_recipe)
        if self._best is not None:
            self._accuracies["head"] = self._best.accuracy

        # 2: the last stage of layers too, from the best head, on what enters it.
        if maps is None:
            self.plan = self.plan.changed(top_epochs=0)
        elif plan.top_epochs and self.ended == "stopped":
            net.load_state_dict(self._best.state)
            top = last_stage(net)
            groups = layer_groups(top, lr, 1.0, recipe.weight_decay)
            top_recipe = recipe.changed(epochs=plan.top_epochs)
            yield from self._stage("top", top, *maps, top_recipe, groups)
        del found, features, maps

        # 3: all layers, from the best so far.
        if plan.epochs and self.ended == "stopped":
            net.load_state_dict(self._best.state)
            if plan.aux:
                net.set_aux(len(learn.classes))
            groups = layer_groups(net, lr, plan.lower, recipe.weight_decay)
            all_recipe = recipe.changed(epochs=plan.epochs)
            yield from self._stage("all", net, learn, check, all_recipe, groups)

    def _through_frozen(self, net, learn: ImageSet, check: ImageSet):
        """``(features, maps)``, each (to learn from, to check on): what the frozen net makes of
        the images, and what enters its last stage; maps are None where they are too much to store.
        """
        shape, frozen = self.record.preprocessing, engine.fold(net.eval())
        steps = sum(math.ceil(len(part) / self._chunk) for part in (learn, check))
        entering: list[torch.Tensor] = []
        frozen.get_submodule(net.top_layer).register_forward_pre_hook(
            lambda module, inputs: entering.append(inputs[0])
        )
        features, maps, step = [], [], 0
        for part in (learn, check):
            # The held-out images in float32: what is checked is the net that is taken home.
            fast, found, stored = self._bfloat16 and part is learn, [], None
            for index in torch.arange(len(part)).split(self._chunk):
                images = part.images[index].to(self.device)
                with (
                    torch.no_grad(),
                    torch.autocast(self.device.type, torch.bfloat16, enabled=fast),
                ):
                    inputs = normalize(images, shape.mean, shape.std)
                    found.append(frozen.forward_features(inputs).float())
                entered = entering.pop()
                if step == 0:
                    one = entered[0]
                    need = one.numel() * (len(learn) * one.element_size() + len(check) * 4)
                    maps = maps if need <= MAPS_BYTES else None
                if maps is not None:
                    if stored is None:
                        size = len(part), *entered.shape[1:]
                        stored = torch.empty(
                            size, dtype=entered.dtype, memory_format=torch.channels_last
                        ).to(self.device)
                    stored[index] = entered
                step += 1
                yield Update("features", step=step, steps=steps)
                if time.perf_counter() > self._deadline:
                    self.ended = "time"
                    return None
            features.append(replace(part, images=torch.cat(found)))
            if maps is not None:
                maps.append(replace(part, images=stored))
        return features, maps

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
            frozen_norms=self.plan.frozen_norm,
            seconds=self._deadline - time.perf_counter(),
            bfloat16=self._bfloat16 and stage != "head",
        )
        try:
            for progress in run:
                seconds = time.perf_counter() - self._start
                self.history.append(
                    Point(seconds, stage, "train", progress.loss, progress.accuracy)
                )
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
                    logits = yield from self._answer(module, check, stage, update)
                    if not self._keep_best(stage, progress.epoch, logits, check.labels):
                        self.ended = "not_a_number"
                        return
        except Diverged:
            self.ended = "not_a_number"
        if run.out_of_time:
            self.ended = "time"

    def _answer(self, module, check, stage, update) -> Iterator[Update]:
        """Logits of the held-out images, in pieces, with an update after each."""
        shape, parts = self.record.preprocessing, []
        if stage == "all":
            module = engine.fold(module.eval())
        for index in torch.arange(len(check)).split(self._chunk):
            part = check.subset(index)
            parts.append(evaluation.predict(module, part, mean=shape.mean, std=shape.std))
            if len(parts) > 1:
                yield replace(update, history=tuple(self.history))
        return torch.cat(parts).cpu()

    def _keep_best(self, stage: str, epoch: int, logits, labels) -> bool:
        """Note a check, and keep the net where it is the best yet; False for no numbers."""
        loss, accuracy = evaluation.loss_and_accuracy(logits, labels)
        if not math.isfinite(loss):
            return False
        seconds = time.perf_counter() - self._start
        self.history.append(Point(seconds, stage, "validation", loss, accuracy))
        best = self._best
        if best is None or (accuracy, -loss) > (best.accuracy, -best.loss):
            state = {
                key: value.detach().to("cpu", copy=True).contiguous()
                for key, value in self._net.state_dict().items()
                if not is_auxiliary(key)
            }
            self._best = _Best(state, logits, stage, epoch, accuracy, loss)
        return True

    def result(self) -> Result:
        """The best net so far, its report and the held-out images. Raises ValueError before the
        first check: see ``has_best``."""
        best, base = self._best, self.record
        if best is None:
            raise ValueError("nothing has been checked yet: there is no net to keep")
        classes = self.checked.classes
        options = dict(base.options)
        with torch.device("meta"):
            net = create_model(base.arch, len(classes), **options)
            if hasattr(net, "set_aux"):
                net.set_aux(None)
                options["aux"] = False
        net.load_state_dict(best.state, assign=True)
        net.eval().requires_grad_(False)
        parameters, macs = layers.count(net, base.preprocessing.size)
        probabilities = best.logits.softmax(1)
        confidences, answers = probabilities.max(1)
        report = Report(
            base=base.name,
            title=base.title,
            data=self.checked.name,
            classes=classes,
            train_counts=self._train_counts,
            plan=self.plan,
            ended=self.ended,
            best=(best.stage, best.epoch),
            seconds=self._seconds or time.perf_counter() - self._start,
            before=self._accuracies["before"],
            head=self._accuracies.get("head"),
            targets=tuple(self.checked.labels.tolist()),
            answers=tuple(answers.tolist()),
            confidences=tuple(round(value, 4) for value in confidences.tolist()),
            history=tuple(self.history),
            environment=cards.environment(self.device, bfloat16=self._bfloat16).model_dump(),
        )
        record = replace(
            base,
            name=result_name(base, self.checked),
            num_classes=len(classes),
            labels=classes,
            options=options,
            source="session",
            file="",
            repo=None,
            revision=None,
            sha256=None,
            bytes=None,
            parameters=parameters,
            macs=macs,
            accuracy=report.after,
            data=self.checked.name,
            data_note=f"{len(report.targets)} held-out images",
            card=None,
            adapt=None,
        )
        return Result(Loaded(net, record), report, self.checked)


class _Head(nn.Module):
    """The last layer of a net alone: features in, logits out."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.last = net.get_submodule(net.head_layer)
        object.__setattr__(self, "_forward", net.forward_head)  # the body is no part of it

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self._forward(features)


def result_name(base: WeightsRecord, images: ImageSet) -> str:
    """What ``base`` taught ``images`` is called: ``googlenet_paper.pets``."""
    return f"{base.name.rpartition('.')[0]}.{tag(images.name)}"


def save(result: Result, folder: Path) -> tuple[Path, Path]:
    """Write the net and its card into ``folder``; ``cnn_space.load`` reads the first of
    (safetensors file, JSON card)."""
    record, report = result.loaded.record, result.report
    facts = Card(
        name=record.name,
        title=record.title,
        arch=record.arch,
        options=dict(record.options),
        num_classes=record.num_classes,
        labels=list(record.labels),
        preprocessing=record.preprocessing,
        data=Data(
            tag=record.tag,
            name=record.data,
            note=record.data_note,
            train_images=sum(report.train_counts),
            holdout_images=len(report.targets),
            eval_split="held out",
            eval_images=len(report.targets),
        ),
        recipe={"base": report.base, **report.plan.model_dump()},
        seed=report.plan.seed,
        parameters=record.parameters,
        macs=record.macs,
        wall_time_s=round(report.seconds, 1),
        environment=report.environment,
        history=report.epochs(),
        accuracy=round(report.after, 2),
        per_class={label: round(value, 2) for label, value in report.per_class.items()},
        confusion=report.confusion,
    )
    # float32: what was checked is what is taken home, to the last bit.
    card = cards.write(folder, facts, result.loaded.net, torch.float32)
    return card.with_suffix(".safetensors"), card

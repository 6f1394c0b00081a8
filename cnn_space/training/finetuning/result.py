"""What a fine-tuning run leaves: a net, its report, and files of both."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from cnn_space.costs import walk
from cnn_space.images.image_set import ImageSet
from cnn_space.images.sources import tag
from cnn_space.models.heads import can_have_aux
from cnn_space.models.registry import create_model
from cnn_space.training import cards
from cnn_space.training.finetuning.report import Report
from cnn_space.weights import Loaded, WeightsRecord
from cnn_space.weights.card import CROSS_VALIDATED, Card, Data


@dataclass(frozen=True, eq=False)
class Result:
    """The net that a run kept, its report, and the held-out images it was checked on.

    The net is None for a run of which only the report was recorded.
    """

    loaded: Loaded | None
    report: Report
    checked: ImageSet

    def has_suspects_in(self, images: ImageSet) -> bool:
        """Whether the images with likely wrong labels are still in ``images``, where they were in
        the set that was learnt."""
        return images.classes == self.checked.classes and all(
            suspect.number < len(images)
            and torch.equal(images.images[suspect.number], self.checked.images[suspect.index])
            for suspect in self.report.suspects
        )


def result_name(base: WeightsRecord, images: ImageSet) -> str:
    """The name of the weights ``base`` after learning ``images``: ``googlenet_paper.pets``."""
    return f"{base.name.rpartition('.')[0]}.{tag(images.name)}"


def as_loaded(
    base: WeightsRecord, state: dict[str, Tensor], checked: ImageSet, report: Report
) -> Loaded:
    """The net of ``state``, in eval mode, with the record and the card of weights that live in
    this session.

    ``state`` is what ``base`` became without auxiliary heads, for the classes of ``checked``, the
    images that ``report`` is about. The record's ``bytes`` are those of its tensors."""
    options, classes = dict(base.options), checked.classes
    with torch.device("meta"):
        net = create_model(base.arch, len(classes), **options)
        if can_have_aux(net):
            net.set_aux(None)
            options["aux"] = False
    net.load_state_dict(state, assign=True)
    net.eval().requires_grad_(False)
    parameters, macs = walk.count(net, base.preprocessing.size)
    record = replace(
        base,
        name=result_name(base, checked),
        num_classes=len(classes),
        labels=classes,
        options=options,
        source="session",
        file="",
        repo=None,
        revision=None,
        sha256=None,
        bytes=sum(tensor.nbytes for tensor in state.values()),
        parameters=parameters,
        macs=macs,
        accuracy=report.after,
        eval_images=len(checked),
        data=checked.name,
        data_note=_note(report),
        card=None,
        adapt=None,
    )
    return Loaded(net, replace(record, card=card_of(record, report)))


def _note(report: Report) -> str:
    """On what the accuracy was measured."""
    if report.folds:
        return f"cross-validated in {report.folds} folds"
    return f"{len(report.targets)} held-out images"


def card_of(record: WeightsRecord, report: Report) -> Card:
    """The card of a run's net, without what concerns its file."""
    return Card(
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
            holdout_images=0 if report.folds else len(report.targets),
            eval_split=CROSS_VALIDATED if report.folds else "held out",
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
        per_class={k: round(rate, 2) for k, rate in report.recall.items() if rate is not None},
        confusion=report.confusion,
    )


def save(result: Result, folder: Path) -> tuple[Path, Path]:
    """Write the net and its card into ``folder``; ``cnn_space.load`` reads the first of
    (safetensors file, JSON card)."""
    card = result.loaded.record.read_card()
    # float32: the file holds the net that was checked, to the last bit.
    path = cards.write(folder, card, result.loaded.net, torch.float32)
    return path.with_suffix(".safetensors"), path

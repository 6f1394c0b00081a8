"""The card of a training, and its weights as they are stored."""

import copy
import platform
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from cnn_space.costs import walk
from cnn_space.images.image_set import ImageSet
from cnn_space.images.preprocessing import Preprocessing
from cnn_space.images.sources import Source
from cnn_space.models import registry
from cnn_space.models.heads import can_have_aux, is_auxiliary
from cnn_space.training.evaluation import Evaluation, evaluate
from cnn_space.training.loop import TrainingRun
from cnn_space.weights.card import Card, Data, Earlier, Environment, Teacher
from cnn_space.weights.saving import save

# fp16 is stored unless it costs more than this, in points of held-out accuracy.
FP16_COST = 0.1


def without_aux(net: nn.Module) -> dict[str, torch.Tensor]:
    """The state dict that is shipped: auxiliary heads only serve the training."""
    return {
        key: value.detach().cpu().contiguous()
        for key, value in net.state_dict().items()
        if not is_auxiliary(key)
    }


def round_weights(net: nn.Module, dtype: torch.dtype) -> nn.Module:
    """Round the weights of ``net`` to ``dtype`` in place and return it. They stay float32: the net
    is then what loading its file gives."""
    for tensor in [*net.parameters(), *net.buffers()]:
        if tensor.is_floating_point():
            tensor.data = tensor.data.to(dtype).float()
    return net


def switch_off_tf32() -> None:
    """Compute float32 products in full precision, so that a figure measured on a GPU is the one
    that a CPU reproduces."""
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def storage_type(
    net: nn.Module, held_out: ImageSet | None, *, mean: Sequence[float], std: Sequence[float]
) -> tuple[torch.dtype, str]:
    """The type to store weights in, and a sentence that says why: float16, or float32 where
    rounding costs the net accuracy on the held-out images or a weight is too large for float16.
    ``mean`` and ``std`` normalise the images."""
    stored = without_aux(net).values()  # counters of steps stay whole numbers in the file
    largest = max(tensor.abs().max() for tensor in stored if tensor.is_floating_point())
    if not largest <= torch.finfo(torch.float16).max:
        return torch.float32, f"float32, for a weight of {largest:.3g} does not fit float16"
    if held_out is None or not len(held_out):
        return torch.float16, "float16, its cost unknown without held-out images"
    full, half = (
        evaluate(variant, held_out, mean=mean, std=std).accuracy
        for variant in (net, round_weights(copy.deepcopy(net), torch.float16))
    )
    effect = f"float16 changes {full:.2f} % of the held-out images to {half:.2f} %"
    if half < full - FP16_COST:
        return torch.float32, f"float32, for {effect}"
    return torch.float16, effect


def card(
    name: str,
    design: registry.Design,
    run: TrainingRun,
    *,
    source: Source,
    tag: str,
    images: ImageSet,
    evaluation: Evaluation,
    teachers: Sequence[Teacher] = (),
) -> Card:
    """The card of a finished run without what concerns the file. ``evaluation`` was measured on
    ``images``."""
    options = dict(design.options)
    aux_weight = run.learner.aux_weight if options.get("aux", True) else 0.0
    if can_have_aux(run.net):
        options["aux"] = False
    size = images.side
    # Counted on the net as it is loaded: one trained on several GPUs may have other norms.
    net = registry.create_model(design.arch, len(images.classes), **options)
    parameters, macs = walk.count(net, size)
    only_if_any = {"teachers": list(teachers)} if teachers else {}
    facts = Card(
        name=name,
        title=design.title,
        arch=design.arch,
        options=options,
        num_classes=len(images.classes),
        labels=list(images.classes),
        preprocessing=Preprocessing(size, size, mean=source.mean, std=source.std),
        data=Data(
            tag=tag,
            **({"source": source.hub} if source.hub else {}),
            name=source.title,
            note=images.note,
            train_images=len(run.train_set),
            holdout_images=len(run.val_set) if run.val_set else 0,
        ),
        recipe={**run.recipe.model_dump(), "aux_weight": aux_weight},
        seed=run.recipe.seed,
        parameters=parameters,
        macs=macs,
        images_seen=run.images_seen,
        wall_time_s=round(run.seconds, 1),
        environment=environment(
            run.device, bfloat16=run.learner.bfloat16, processes=run.processes.count
        ),
        history=run.history,
        **only_if_any,
    )
    return with_evaluation(facts, images, evaluation)


def with_evaluation(card: Card, images: ImageSet, evaluation: Evaluation) -> Card:
    """``card`` with the figures of ``evaluation``, measured on ``images``."""
    measured_on = {"eval_split": images.split_name, "eval_images": len(images)}
    figures = {
        "data": card.data.model_copy(update=measured_on),
        "accuracy": round(evaluation.accuracy, 2),
        "per_class": {label: round(value, 2) for label, value in evaluation.per_class.items()},
        "confusion": evaluation.confusion,
    }
    return card.model_copy(update=figures)


def continued(card: Card, before: Card) -> Card:
    """``card``, of a training that went on from the weights of the card ``before``, as that of
    both: its epochs, images and time include theirs, and ``continues`` holds their data, recipe and
    image size."""
    later = [
        row.model_copy(update={"epoch": row.epoch + len(before.history)}) for row in card.history
    ]
    kept = before.model_dump(include=set(Earlier.model_fields), exclude_unset=True)
    totals = {
        "images_seen": before.images_seen + card.images_seen,
        "wall_time_s": round(before.wall_time_s + card.wall_time_s, 1),
        "history": [*before.history, *later],
        "continues": Earlier.model_validate(kept),
    }
    return card.model_copy(update=totals)


def environment(device: torch.device, *, bfloat16: bool, processes: int = 1) -> Environment:
    """Where a run took place, and in which precision."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    else:
        threads = torch.get_num_threads()
        name = f"CPU, {threads} thread{'s' if threads > 1 else ''}"
    return Environment(
        python=platform.python_version(),
        torch=torch.__version__.split("+")[0],
        device=name if processes == 1 else f"{processes} × {name}",
        precision="bfloat16 autocast" if bfloat16 else "float32",
    )


def write(folder: Path, card: Card, net: nn.Module, dtype: torch.dtype) -> Path:
    """Write the weights that are shipped, rounded to ``dtype``, and their card into ``folder``.
    Returns the path of the card."""
    state = {
        key: value.to(dtype) if value.is_floating_point() else value
        for key, value in without_aux(net).items()
    }
    return save(folder, card, state)

"""What a training leaves behind: a safetensors file and the JSON card beside it."""

import copy
import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from cnn_space.costs import walk as layers
from cnn_space.images.image_set import ImageSet
from cnn_space.images.preprocessing import Preprocessing
from cnn_space.images.sources import Source
from cnn_space.models import registry
from cnn_space.models.heads import is_auxiliary
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


def rounded(net: nn.Module, dtype: torch.dtype) -> nn.Module:
    """``net`` with its weights rounded to ``dtype``, still float32: what its file gives back."""
    for tensor in [*net.parameters(), *net.buffers()]:
        if tensor.is_floating_point():
            tensor.data = tensor.data.to(dtype).float()
    return net


def exact() -> None:
    """No TF32: a figure measured on a GPU is then the one that a CPU reproduces."""
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def storage_type(net: nn.Module, held_out: ImageSet | None, **shape) -> tuple[torch.dtype, str]:
    """float16, or float32 where rounding costs the net accuracy on the held-out images (or where a
    weight is too large for it); and a sentence that says why. ``shape`` goes to ``predict``."""
    stored = without_aux(net).values()  # counters of steps stay whole numbers in the file
    largest = max(tensor.abs().max() for tensor in stored if tensor.is_floating_point())
    if not largest <= torch.finfo(torch.float16).max:
        return torch.float32, f"float32, for a weight of {largest:.3g} does not fit float16"
    if held_out is None or not len(held_out):
        return torch.float16, "float16, its cost unknown without held-out images"
    exactly, halved = (
        evaluate(n, held_out, **shape).accuracy
        for n in (net, rounded(copy.deepcopy(net), torch.float16))
    )
    found = f"float16 changes {exactly:.2f} % of the held-out images to {halved:.2f} %"
    if halved < exactly - FP16_COST:
        return torch.float32, f"float32, for {found}"
    return torch.float16, found


def card(
    name: str,
    design: registry.Design,
    run: TrainingRun,
    *,
    source: Source,
    tag: str,
    images: ImageSet,
    found: Evaluation,
    teachers: Sequence[Teacher] = (),
) -> Card:
    """All of a card but what concerns the file: ``found`` was measured on ``images``."""
    options = dict(design.options)
    aux_weight = run.learner.aux_weight if options.get("aux", True) else 0.0
    if hasattr(run.net, "set_aux"):
        options["aux"] = False
    size = images.side
    # Counted on the net as it is loaded: one trained on several GPUs may have other norms.
    net = registry.create_model(design.arch, len(images.classes), **options)
    parameters, macs = layers.count(net, size)
    lessons = {"teachers": list(teachers)} if teachers else {}
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
            source=source.hub,
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
        **lessons,
    )
    return measured(facts, images, found)


def measured(facts: Card, images: ImageSet, found: Evaluation) -> Card:
    """The card ``facts`` with the figures of ``found``, measured on ``images``."""
    where = {"eval_split": images.split_name, "eval_images": len(images)}
    figures = {
        "data": facts.data.model_copy(update=where),
        "accuracy": round(found.accuracy, 2),
        "per_class": {label: round(value, 2) for label, value in found.per_class.items()},
        "confusion": found.confusion,
    }
    return facts.model_copy(update=figures)


def continued(facts: Card, before: Card) -> Card:
    """The card ``facts`` of a training that went on from the weights of the card ``before``:
    their epochs, images and time count too, and their data, recipe and image size are kept."""
    later = [
        row.model_copy(update={"epoch": row.epoch + len(before.history)}) for row in facts.history
    ]
    kept = before.model_dump(include=set(Earlier.model_fields), exclude_unset=True)
    totals = {
        "images_seen": before.images_seen + facts.images_seen,
        "wall_time_s": round(before.wall_time_s + facts.wall_time_s, 1),
        "history": [*before.history, *later],
        "continues": Earlier.model_validate(kept),
    }
    return facts.model_copy(update=totals)


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


def write(folder: Path, facts: Card, net: nn.Module, dtype: torch.dtype) -> Path:
    """Write the weights that are shipped, rounded to ``dtype``, and their card into ``folder``;
    gives the card's path."""
    state = {
        key: value.to(dtype) if value.is_floating_point() else value
        for key, value in without_aux(net).items()
    }
    return save(folder, facts, state)


def make_folder(folder: Path) -> None:
    """Make the place of a result before the work. Raises ValueError where there can be none."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ValueError(f"nothing can be written to {folder}: {error.strerror}") from None

"""What a training leaves behind: a safetensors file and the JSON card beside it; and the table
of all of them."""

import copy
import hashlib
import json
import platform
import tempfile
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from cnn_space.costs import walk as layers
from cnn_space.images.data import SOURCES, ImageSet, Source, origin
from cnn_space.images.preprocessing import Preprocessing
from cnn_space.models import registry
from cnn_space.models.heads import is_auxiliary
from cnn_space.training.evaluation import Evaluation, judge, predict
from cnn_space.training.loop import Run

# fp16 is stored unless it costs more than this, in points of held-out accuracy.
FP16_COST = 0.1
# The table's column of public figures, and its cell for what is not known.
_PUBLIC = "public, on original pixels"
_NONE = "–"


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
        judge(predict(n, held_out, **shape), held_out.labels, held_out.classes).accuracy
        for n in (net, rounded(copy.deepcopy(net), torch.float16))
    )
    found = f"float16 changes {exactly:.2f} % of the held-out images to {halved:.2f} %"
    if halved < exactly - FP16_COST:
        return torch.float32, f"float32, for {found}"
    return torch.float16, found


def card(
    name: str,
    design: registry.Design,
    run: Run,
    *,
    source: Source,
    tag: str,
    images: ImageSet,
    found: Evaluation,
) -> dict:
    """All of a card but what concerns the file: ``found`` was measured on ``images``."""
    options = dict(design.options)
    aux_weight = run.aux_weight if options.get("aux", True) else 0.0
    if hasattr(run.net, "set_aux"):
        options["aux"] = False
    size = images.side
    # Counted on the net as it is loaded: one trained on several GPUs may have other norms.
    net = registry.create_model(design.arch, len(images.classes), **options)
    parameters, macs = layers.count(net, size)
    facts = {
        "name": name,
        "title": design.title,
        "arch": design.arch,
        "options": options,
        "num_classes": len(images.classes),
        "labels": list(images.classes),
        "preprocessing": Preprocessing(size, size, mean=source.mean, std=source.std).to_card(),
        "data": {
            "tag": tag,
            "source": source.hub,
            "name": source.title,
            "note": images.note,
            "train_images": len(run.train_set),
            "holdout_images": len(run.val_set) if run.val_set else 0,
        },
        "recipe": {**asdict(run.recipe), "aux_weight": aux_weight},
        "seed": run.recipe.seed,
        "parameters": parameters,
        "macs": macs,
        "images_seen": run.epoch * run.steps * run.batch,
        "wall_time_s": round(run.seconds, 1),
        "environment": environment(run.device, bfloat16=run.bfloat16, processes=run.world),
        "history": run.history,
    }
    return measured(facts, images, found)


def measured(facts: dict, images: ImageSet, found: Evaluation) -> dict:
    """The card ``facts`` with the figures of ``found``, measured on ``images``."""
    where = {"eval_split": images.split_name, "eval_images": len(images)}
    return facts | {
        "data": facts["data"] | where,
        "accuracy": round(found.accuracy, 2),
        "per_class": {label: round(value, 2) for label, value in found.per_class.items()},
        "confusion": found.confusion,
    }


def continued(facts: dict, before: dict) -> dict:
    """The card ``facts`` of a training that went on from the weights of the card ``before``:
    their epochs, images and time count too, and their data, recipe and image size are told."""
    done = before["history"]
    later = [row | {"epoch": row["epoch"] + len(done)} for row in facts["history"]]
    told = ("sha256", "data", "recipe", "teachers", "preprocessing", "environment", "continues")
    return facts | {
        "images_seen": before["images_seen"] + facts["images_seen"],
        "wall_time_s": round(before["wall_time_s"] + facts["wall_time_s"], 1),
        "history": done + later,
        "continues": {key: before[key] for key in told if key in before},
    }


def environment(device: torch.device, *, bfloat16: bool, processes: int = 1) -> dict:
    """Where a run took place, and in which precision."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    else:
        threads = torch.get_num_threads()
        name = f"CPU, {threads} thread{'s' if threads > 1 else ''}"
    return {
        "python": platform.python_version(),
        "torch": torch.__version__.split("+")[0],
        "device": name if processes == 1 else f"{processes} × {name}",
        "precision": "bfloat16 autocast" if bfloat16 else "float32",
    }


def write(folder: Path, facts: dict, net: nn.Module, dtype: torch.dtype) -> Path:
    """Write the weights and then their card into ``folder``, each in one move; gives the card."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{facts['name']}.safetensors"
    state = {
        key: value.to(dtype) if value.is_floating_point() else value
        for key, value in without_aux(net).items()
    }
    waiting = path.with_suffix(".part")
    save_file(state, waiting, metadata={"format": "pt"})
    waiting.replace(path)
    return write_card(
        folder / f"{facts['name']}.json",
        facts
        | {
            "file": path.name,
            "bytes": path.stat().st_size,
            "dtype": str(dtype).removeprefix("torch."),
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        },
    )


def write_card(path: Path, facts: dict) -> Path:
    """One line a field, so that a difference between two versions can be read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(
        f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}"
        for key, value in facts.items()
    )
    waiting = path.with_suffix(".part")
    waiting.write_text("{\n" + lines + "\n}\n", encoding="utf-8")
    waiting.replace(path)
    return path


def make_folder(folder: Path) -> None:
    """Make the place of a result before the work. Raises ValueError where there can be none."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ValueError(f"nothing can be written to {folder}: {error.strerror}") from None


def table(folder: Path) -> str:
    """The accuracy of all cards in ``folder`` as Markdown, a table a data set.

    Raises ValueError for a card without what the table states.
    """
    found = []
    for path in folder.glob("*.json"):
        try:
            card = json.loads(path.read_text(encoding="utf-8"))
            data = card["data"]
            found.append((data["name"], -card["accuracy"], _heading(data), _row(card)))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise ValueError(f"{path} is not a card of a training: {error!r}") from None
    groups: dict[str, list[dict]] = {}
    for *_, heading, row in sorted(found, key=lambda one: one[:2]):
        groups.setdefault(heading, []).append(row)
    return "\n\n".join(f"{heading}\n\n{_lines(rows)}" for heading, rows in groups.items())


def _heading(data: dict) -> str:
    return (
        f"**{data['name']}** ({data['note']}): accuracy on the {data['eval_images']:,} images "
        f"of {data['eval_split']}."
    )


def _row(card: dict) -> dict[str, str]:
    """What a card states, by the table's columns."""
    minutes, seconds = divmod(round(card["wall_time_s"]), 60)
    return {
        "weights": f"`{card['name']}`",
        "accuracy": f"{card['accuracy']:.2f} %",
        _PUBLIC: _public(card),
        "parameters": f"{card['parameters']:,}",
        "MACs": f"{card['macs'] / 1e6:,.1f} M",
        "file": f"{card['bytes'] / 1e6:.1f} MB",
        "epochs": str(len(card["history"])),
        "images seen": f"{card['images_seen'] / 1e6:.2f} M" if "images_seen" in card else _NONE,
        "trained on": _devices(card),
        "time": f"{minutes} min {seconds:02} s",
    }


def _lines(rows: list[dict[str, str]]) -> str:
    """The rows in Markdown; the public figures only where there are some."""
    columns = [key for key in rows[0] if key != _PUBLIC or any(row[key] != _NONE for row in rows)]
    rules = ["---" if key in ("weights", "trained on") else "---:" for key in columns]
    lines = [columns, rules, *([row[key] for key in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _devices(card: dict) -> str:
    """What the net was trained on, cycle after cycle."""
    found = []
    while card:
        found.insert(0, card["environment"]["device"])
        card = card.get("continues")
    return "; ".join(dict.fromkeys(found))


def _public(card: dict) -> str:
    name = card["name"].partition(".")[0]
    if name not in registry.names() or origin(card["data"]) != SOURCES["cifar10"].hub:
        return _NONE
    found = registry.facts(name).public_cifar10
    return f"{found} %" if found else _NONE

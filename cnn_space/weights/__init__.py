"""What can be loaded: one frozen record per ``arch.tag``, and ``load``.

A weights file is a safetensors file; the JSON card beside it says which net it fits, how a
picture is prepared for it, and how well it does. ``checkpoints/`` holds those that come with
the repository; ``hub_weights`` names those on the Hub, which ``hub`` fetches on first use.
"""

import difflib
import functools
import hashlib
import importlib
import json
import logging
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter

from cnn_space.images.preprocessing import Preprocessing

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"

DEFAULT = "googlenet.cifar10"

# A card is text about a net; anything larger is something else.
MAX_CARD_BYTES = 8_000_000
NAME = re.compile(r"[\w-]+(\.[\w-]+)+")  # arch.tag
MAX_CLASSES = 30_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WeightsRecord:
    """One net with its weights: what it is, where it lies, what was measured.

    ``source`` is ``"bundled"`` (in ``checkpoints/``), ``"hub"`` (fetched on first use),
    ``"file"`` (a path of the caller's) or ``"session"`` (a visitor's own). ``accuracy`` is
    percent top-1 on ``data``; ``macs`` multiply-accumulates of one image; unknown figures and
    hashes are None. ``adapt`` names the function (``"module:function"``) that renames a foreign
    state dict to ours; ``license`` is what the publisher states for the weights.
    """

    name: str
    title: str
    arch: str
    num_classes: int
    labels: tuple[str, ...]
    preprocessing: Preprocessing
    options: Mapping[str, object] = field(default_factory=dict, hash=False)
    source: str = "bundled"
    file: str = ""
    repo: str | None = None
    revision: str | None = None
    sha256: str | None = None
    bytes: int | None = None
    parameters: int | None = None
    macs: int | None = None
    accuracy: float | None = None
    data: str = ""
    data_note: str = ""
    card: Path | None = None
    adapt: str | None = None
    license: str = ""

    @property
    def tag(self) -> str:
        """What follows the last dot of the name: the data, as timm tags it."""
        return self.name.rpartition(".")[2]

    def read_card(self) -> dict:
        """The whole card: recipe, history, accuracy per class. Raises ValueError without one."""
        if self.card is None:
            raise ValueError(f"{self.name} has no card: only nets trained here carry one")
        return _read_json(self.card)


@dataclass(frozen=True, eq=False)
class Loaded:
    """A net in eval mode, fp32 in memory, and its record."""

    net: "torch.nn.Module"  # noqa: F821  (torch is imported when the first net is)
    record: WeightsRecord

    @property
    def bytes(self) -> int:
        """Memory that the net's parameters and buffers take."""
        return sum(t.nbytes for t in [*self.net.parameters(), *self.net.buffers()])


def list_weights() -> list[str]:
    """Names that ``load`` takes: bundled first, by data and then from the best down; then those
    on the Hub."""
    return [
        name
        for name, item in _records().items()
        if not isinstance(item, ValueError) and (item.source == "bundled" or item.repo)
    ]


def record(name: str) -> WeightsRecord:
    """The record of ``name`` (``"arch.tag"``).

    Raises ValueError for an unknown name, with the nearest ones, and for a card that is wrong.
    """
    records = _records()
    found = records.get(name) if isinstance(name, str) else None
    if isinstance(found, WeightsRecord):
        return found
    if isinstance(found, ValueError):
        raise ValueError(str(found))
    raise ValueError(f"unknown weights {name!r}: {_nearest(str(name), list(records))}")


def is_local(name: str) -> bool:
    """Whether ``load(name)`` needs no network: bundled, or in the Hub's cache."""
    item = record(name)
    if item.source == "bundled":
        return True
    from cnn_space.weights import download as hub

    return hub.cached(item) is not None


def is_coming(name: str) -> bool:
    """Whether the named weights are being fetched at this moment, for whomever."""
    from cnn_space.weights import download as hub

    return hub.is_coming(record(name))


def default() -> str:
    """The net that answers where none is asked for: it needs no network.

    Raises ValueError where every net does.
    """
    names = [name for name in list_weights() if is_local(name)]
    if not names:
        raise ValueError(f"no net is here yet: {_nearest('', [])}")
    return DEFAULT if DEFAULT in names else names[0]


def load(name_or_path: str | Path, *, progress: Callable | None = None) -> Loaded:
    """The net behind a name, or behind the path of a ``.safetensors`` file with its card beside it.

    Every call gives a net of its own, in eval mode and fp32. ``progress`` is handed to
    ``hub.fetch`` where a file has to come over the network.

    Raises ValueError for an unknown name, and for a file that is missing, damaged or does not
    fit its card: the message names the file and the way out. Nothing is half loaded.
    """
    if _is_path(name_or_path):
        item, path = _own_file(Path(name_or_path).expanduser())
    else:
        item = record(name_or_path)
        path = _locate(item, progress)
    return Loaded(_read_net(item, path), item)


def fetch(name: str, progress: Callable | None = None) -> Path:
    """Bring the file of ``name`` to this machine, if it is not here, and return its path.

    Nothing is loaded. Raises ValueError as ``load`` does; ``progress`` is ``hub.fetch``'s.
    """
    return _locate(record(name), progress)


def identify(name_or_path: str | Path) -> WeightsRecord:
    """The record behind what ``load`` takes, without loading it. Raises ValueError as it does."""
    if _is_path(name_or_path):
        return _own_file(Path(name_or_path).expanduser())[0]
    return record(name_or_path)


# Records


def _records() -> dict[str, "WeightsRecord | ValueError"]:
    """Everything known by name. A card that is wrong keeps its place, as the error it causes."""
    folder = CHECKPOINTS
    bundled = {}
    for path in sorted(folder.glob("*.json")):
        item = _bundled(path, path.stat().st_mtime_ns)
        if isinstance(item, WeightsRecord) and not (folder / item.file).is_file():
            repo = os.environ.get("CNN_SPACE_REPO") or None
            item = replace(item, source="hub", repo=repo)
        bundled[path.stem] = item
    ranked = dict(sorted(bundled.items(), key=_rank))
    return ranked | {name: item for name, item in _hub_records().items() if name not in ranked}


def _rank(entry: tuple[str, "WeightsRecord | ValueError"]):
    name, item = entry
    if isinstance(item, ValueError):
        return (2, "", 0.0, name)
    return (item.source != "bundled", item.data, -(item.accuracy or 0.0), name)


@functools.lru_cache(maxsize=256)
def _bundled(path: Path, _mtime: int) -> "WeightsRecord | ValueError":
    try:
        item = _from_card(_read_json(path), path)
        if item.name != path.stem:
            raise ValueError(f"{path}: it calls itself {item.name!r}; name and file must agree")
        return item
    except ValueError as error:
        _log.warning("%s", error)
        return error


@functools.lru_cache(maxsize=1)
def _hub_records() -> dict[str, WeightsRecord]:
    from cnn_space.weights import published as hub_weights

    return {item.name: item for item in hub_weights.records()}


def _nearest(name: str, names: list[str]) -> str:
    if not names:
        return f"there are none in {CHECKPOINTS}; python -m cnn_space train makes some"
    lowered = {known.lower(): known for known in names}
    near = difflib.get_close_matches(name.lower(), lowered, n=3, cutoff=0.5)
    near = near or [known for known in lowered if known.startswith(name.lower().split(".")[0])][:3]
    if near:
        return "did you mean " + " or ".join(lowered[known] for known in near) + "?"
    return "known are " + ", ".join(names)


def _is_number(value) -> bool:
    return type(value) in (int, float) and abs(value) < 1e18  # which neither NaN nor infinity is


def _read_json(path: Path) -> dict:
    try:
        if path.stat().st_size > MAX_CARD_BYTES:
            raise ValueError(f"{path} is larger than a card can be ({MAX_CARD_BYTES:,} bytes)")
        card = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is not a card: {error}") from None
    if not isinstance(card, dict):
        raise ValueError(f"{path} is not a card: it holds no JSON object")
    return card


def _from_card(card: dict, path: Path, *, source: str = "bundled") -> WeightsRecord:
    """A record from a card, which may be a stranger's: every field is checked before its use."""

    def need(right: bool, what: str):
        if not right:
            raise ValueError(f"{path}: {what}")

    def text(key: str, limit: int = 200) -> str:
        value = card.get(key)
        need(isinstance(value, str) and 0 < len(value) <= limit, f"{key!r} must be a short text")
        return value

    def figure(key: str) -> int | None:
        value = card.get(key)
        need(value is None or (_is_number(value) and value >= 0), f"{key!r} must be a number")
        return value

    name, arch = text("name"), text("arch")
    need(NAME.fullmatch(name), f"'name' reads arch.tag, got {name!r}")
    # Whether there is such a net is asked when it is built: listing nets needs no torch.

    options = card.get("options", {})
    need(isinstance(options, dict) and len(options) <= 20, "'options' must be an object")
    for key, value in options.items():
        need(key.isidentifier() and len(key) <= 40, f"option {key!r} is no name")
        right = type(value) in (bool, int, float) or (isinstance(value, str) and len(value) <= 40)
        need(right, f"option {key!r} must be true, false, a number or a word")
    need("num_classes" not in options, "'num_classes' stands beside the options, not in them")
    need(options.get("in_channels", 3) == 3, "photos have 3 channels, so must the net")

    classes = card.get("num_classes")
    need(type(classes) is int and 1 <= classes <= MAX_CLASSES, "'num_classes' must be a count")
    labels = card.get("labels")
    right = isinstance(labels, list) and len(labels) == classes
    right = right and all(isinstance(label, str) and len(label) <= 200 for label in labels)
    need(right, f"'labels' must be {classes} names")

    shape = card.get("preprocessing")
    need(isinstance(shape, dict), "'preprocessing' must be an object")
    try:
        preprocessing = TypeAdapter(Preprocessing).validate_python(shape)
    except ValueError as error:
        raise ValueError(f"{path}: 'preprocessing': {error}") from None

    file = text("file")
    need(Path(file).name == file and file.endswith(".safetensors"), f"{file!r} is no file name")
    sha256 = text("sha256", 64)
    need(re.fullmatch(r"[0-9a-f]{64}", sha256), "'sha256' must be 64 hexadecimal digits")
    data = card.get("data") or {}
    need(isinstance(data, dict), "'data' must be an object")

    return WeightsRecord(
        name=name,
        title=text("title"),
        arch=arch,
        options=dict(options),
        num_classes=classes,
        labels=tuple(labels),
        preprocessing=preprocessing,
        source=source,
        file=file,
        sha256=sha256,
        bytes=figure("bytes"),
        parameters=figure("parameters"),
        macs=figure("macs"),
        accuracy=figure("accuracy"),
        data=str(data.get("name", ""))[:100],
        data_note=str(data.get("note", ""))[:200],
        card=path,
    )


# Files


def _is_path(name_or_path: str | Path) -> bool:
    return isinstance(name_or_path, Path) or str(name_or_path).endswith(".safetensors")


def _own_file(path: Path) -> tuple[WeightsRecord, Path]:
    if path.suffix != ".safetensors":
        raise ValueError(f"{path} is no .safetensors file: no other kind of weights is read")
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    card = path.with_suffix(".json")
    if not card.is_file():
        raise ValueError(f"{path} needs its card beside it: {card.name} is missing")
    return _from_card(_read_json(card), card, source="file"), path


def _locate(item: WeightsRecord, progress: Callable | None) -> Path:
    if item.source == "bundled":
        return CHECKPOINTS / item.file
    if not item.repo:
        raise ValueError(
            f"{CHECKPOINTS / item.file} is missing. Restore it (git checkout -- checkpoints), "
            "or set CNN_SPACE_REPO to the Hub repository that holds it."
        )
    from cnn_space.weights import download as hub

    try:
        return hub.fetch(item, progress)
    except hub.Unreachable as error:
        ready = [name for name in list_weights() if is_local(name)]
        more = f" and {len(ready) - 8} more" if len(ready) > 8 else ""
        raise hub.Unreachable(
            f"{error} Ready without a network: {', '.join(ready[:8]) or 'none'}{more}."
        ) from None


def _way_out(item: WeightsRecord) -> str:
    return {
        "bundled": "Restore it (git checkout -- checkpoints) or train it again.",
        "hub": f"Delete it and fetch it again: python -m cnn_space fetch {item.name}",
    }.get(item.source, "Copy it and its card again from where they come from.")


def _read_net(item: WeightsRecord, path: Path):
    """The net of ``item`` with the weights in ``path``; complete, or a ValueError."""
    import safetensors
    import safetensors.torch
    import torch

    from cnn_space.models.registry import create_model

    def refuse(what: str):
        raise ValueError(f"{path} {what}. {_way_out(item)}") from None

    try:
        if item.bytes is not None and path.stat().st_size != item.bytes:
            refuse(
                f"is damaged: it has {path.stat().st_size:,} bytes and should have {item.bytes:,}"
            )
        if item.sha256 is not None:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != item.sha256:
                refuse(f"is damaged: its sha256 is {found[:12]}…, not {item.sha256[:12]}…")
        state = safetensors.torch.load_file(path)
    except OSError as error:
        refuse(f"cannot be read: {error.strerror or error}")
    except safetensors.SafetensorError as error:
        refuse(f"is damaged: {error}")

    if item.adapt:
        module, _, function = item.adapt.partition(":")
        state = getattr(importlib.import_module(module), function)(state)
    # Always a copy: the tensors just read are a window on the file, and a file rewritten
    # under them would take the whole process down.
    state = {
        key: tensor.to(torch.float32 if tensor.is_floating_point() else tensor.dtype, copy=True)
        for key, tensor in state.items()
    }
    with torch.device("meta"):
        try:
            net = create_model(item.arch, item.num_classes, **item.options)
        except (TypeError, ValueError) as error:
            refuse(f"belongs to no net: create_model says: {error}")
    wrong = _difference(net.state_dict(), state)
    if wrong:
        refuse(f"does not fit {item.arch} with {item.num_classes} classes: {wrong}")
    net.load_state_dict(state, assign=True)
    left = [
        key for key, tensor in [*net.named_parameters(), *net.named_buffers()] if tensor.is_meta
    ]
    if left:
        refuse(f"leaves {left[0]} without values")
    return net.eval()


def _difference(wanted: Mapping, found: Mapping) -> str:
    """What keeps one state dict from filling another, in a few words; empty if nothing does."""
    # Only training counts batches; files may leave the counters out.
    missing = [k for k in wanted if k not in found and not k.endswith("num_batches_tracked")]
    if missing:
        return f"{len(missing)} tensors are missing, the first is {missing[0]}"
    extra = [key for key in found if key not in wanted]
    if extra:
        return f"{len(extra)} tensors have no place in it, the first is {extra[0]}"
    for key, tensor in found.items():
        if tensor.shape != wanted[key].shape:
            return f"{key} is {list(tensor.shape)} and should be {list(wanted[key].shape)}"
        if tensor.is_floating_point() != wanted[key].is_floating_point():
            return f"{key} holds {tensor.dtype}"
    return ""

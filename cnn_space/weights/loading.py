"""Weights files into nets: complete and as their cards say, or a ValueError."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_space.weights import bundle, catalogue, download, records, transfer
from cnn_space.weights.digest import digest_like
from cnn_space.weights.records import Loaded, WeightsRecord

if TYPE_CHECKING:
    import torch

SUFFIXES = (".safetensors", ".zip")  # of what ``load`` takes by its path

Progress = Callable[[int, int | None], None]


def load(name_or_path: str | Path, *, progress: Progress | None = None) -> Loaded:
    """The net behind a name, or behind the path of a ``.safetensors`` file with its card beside it
    or of a ``.zip`` with both.

    Every call gives a net of its own, in eval mode and fp32. ``progress(done, total)`` is called
    with bytes while a file comes over the network.

    Raises ValueError for an unknown name, and for a file that is missing, damaged or does not
    fit its card: the message names the file and the way out. Nothing is half loaded.
    """
    record = identify(name_or_path)
    path = Path(name_or_path).expanduser() if record.source == "file" else _locate(record, progress)
    return Loaded(read_net(record, path), record)


def fetch(name: str, progress: Progress | None = None) -> Path:
    """Bring the file of ``name`` to this machine, if it is not here undamaged, and return its path.

    Nothing is loaded. ``progress`` and errors are those of ``load``.
    """
    record = catalogue.record(name)
    if record.source == "hub":
        download.drop_damaged(record)
        return _locate(record, progress)
    path = _locate(record, progress)
    try:
        _check_file(record, path)
    except ValueError as error:
        raise ValueError(f"{path} {error}. {_way_out(record)}") from None
    return path


def identify(name_or_path: str | Path) -> WeightsRecord:
    """The record behind what ``load`` takes, without loading it. Raises ValueError as it does."""
    if not isinstance(name_or_path, Path) and not str(name_or_path).lower().endswith(SUFFIXES):
        return catalogue.record(name_or_path)
    path = Path(name_or_path).expanduser()
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{path} is no .safetensors file and no .zip: no other weights are read")
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    if path.suffix.lower() == ".zip":
        return records.from_card(path, "file")
    card = path.with_suffix(".json")
    if not card.is_file():
        raise ValueError(f"{path} needs its card beside it: {card.name} is missing")
    return records.from_card(card, "file")


def read_net(record: WeightsRecord, path: Path) -> "torch.nn.Module":
    """The net of ``record`` with the weights in the safetensors file ``path``, in eval mode.

    Raises ValueError for a file that is damaged or belongs to another net.
    """
    import torch

    from cnn_space.models.registry import create_model

    try:
        state = _read_state(record, path)
        check_numbers(state)
        with torch.device("meta"):
            try:
                net = create_model(record.arch, record.num_classes, **record.options)
            except (TypeError, ValueError) as error:
                raise ValueError(f"belongs to no net: create_model says: {error}") from None
        fill(net, state, f"{record.arch} with {record.num_classes} classes")
    except ValueError as error:
        raise ValueError(f"{path} {error}. {_way_out(record)}") from None
    return net.eval()


def _locate(record: WeightsRecord, progress: Progress | None) -> Path:
    """The file of a record of the catalogue, downloaded where it is not on this machine."""
    if record.source == "bundled":
        return catalogue.CHECKPOINTS / record.file
    try:
        return download.fetch(record, progress)
    except download.Unreachable as error:
        ready = [name for name in catalogue.list_weights() if catalogue.is_local(name)]
        more = f" and {len(ready) - 8} more" if len(ready) > 8 else ""
        raise download.Unreachable(
            f"{error} Ready without a network: {', '.join(ready[:8]) or 'none'}{more}."
        ) from None


def _way_out(record: WeightsRecord) -> str:
    return {
        "bundled": "Restore it (git checkout -- checkpoints) or train it again.",
        "hub": f"Fetch it again: python -m cnn_space fetch {record.name}",
    }.get(record.source, "Copy it and its card again from where they come from.")


def _read_state(record: WeightsRecord, path: Path) -> dict[str, "torch.Tensor"]:
    """The state dict in ``path``, floating-point tensors as fp32, with the names of our nets.

    Raises ValueError where the file is not the one that the record describes.
    """
    source: Path | bytes = path
    try:
        if path.suffix.lower() == ".zip":
            most = min(transfer.MAX_BYTES, record.bytes or transfer.MAX_BYTES)
            source = bundle.read(path, ".safetensors", most)
            _check_size(record, len(source))
            _check_digest(record.sha256, hashlib.sha256(source).hexdigest())
        else:
            _check_file(record, path)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror or error}") from None
    return read_tensors(source, record.adapt)


def read_tensors(
    source: Path | bytes, adapt: Callable[[dict], dict] | None = None
) -> dict[str, "torch.Tensor"]:
    """The tensors of a safetensors file, named anew by ``adapt``, floating-point ones as fp32.

    Raises ValueError for a file that is missing or damaged, or holds what torch cannot compute
    with; the sentence goes on from the file's name.
    """
    import safetensors.torch
    import torch

    try:
        read = safetensors.torch.load if isinstance(source, bytes) else safetensors.torch.load_file
        state = read(source)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror or error}") from None
    except safetensors.SafetensorError as error:
        raise ValueError(f"is damaged: {error}") from None
    except KeyError as error:  # safetensors knows kinds that torch has not
        raise ValueError(f"holds numbers of a kind that is not read here: {error}") from None
    if adapt:
        state = adapt(state)
    # Always a copy: the tensors just read are a window on the file, and a file rewritten
    # under them would take the whole process down.
    try:
        return {
            key: tensor.to(torch.float32 if tensor.is_floating_point() else tensor.dtype, copy=True)
            for key, tensor in state.items()
        }
    except NotImplementedError as error:  # torch knows kinds that it cannot compute with
        raise ValueError(f"holds numbers of a kind that is not read here: {error}") from None


def check_numbers(state: Mapping[str, "torch.Tensor"]) -> None:
    """Raise ValueError for weights whose every answer would be no number."""
    for key, tensor in state.items():
        # Of one value that is no number the sum is none; exact only then, since a sum can overflow.
        is_float = tensor.is_floating_point()
        if is_float and not (tensor.sum().isfinite() or tensor.isfinite().all()):
            raise ValueError(f"holds values that are no numbers (NaN or infinity) in {key}")
        if key.endswith("running_var") and bool((tensor < 0).any()):
            raise ValueError(f"holds a negative variance in {key}")


def _check_file(record: WeightsRecord, path: Path) -> None:
    """Raise ValueError where the file ``path`` is not the one that the record describes, or, from
    the Hub's cache, not the one that its name there says."""
    _check_size(record, path.stat().st_size)
    expected = record.sha256
    if record.source == "hub":
        expected = download.expected_digest(record, path)
    if expected is not None:
        _check_digest(expected, digest_like(expected, path))


def _check_size(record: WeightsRecord, size: int) -> None:
    if record.bytes is not None and size != record.bytes:
        raise ValueError(f"is damaged: it has {size:,} bytes and should have {record.bytes:,}")


def _check_digest(expected: str | None, found: str) -> None:
    if expected is not None and found != expected:
        kind = "sha256" if len(expected) == 64 else "git id"
        raise ValueError(f"is damaged: its {kind} is {found[:12]}…, not {expected[:12]}…")


def fill(net: "torch.nn.Module", state: dict[str, "torch.Tensor"], description: str) -> None:
    """Give a net on the meta device the tensors of ``state``. Raises ValueError if they differ."""
    difference = _difference(net.state_dict(), state)
    if difference:
        raise ValueError(f"does not fit {description}: {difference}")
    net.load_state_dict(state, assign=True)
    tensors = [*net.named_parameters(), *net.named_buffers()]
    if empty := [key for key, tensor in tensors if tensor.is_meta]:
        raise ValueError(f"leaves {empty[0]} without values")


def _difference(wanted: Mapping, given: Mapping) -> str:
    """What keeps one state dict from filling another, in a few words; empty if nothing does."""
    # Only training counts batches; files may leave the counters out.
    missing = [k for k in wanted if k not in given and not k.endswith("num_batches_tracked")]
    if missing:
        return f"{len(missing)} tensors are missing, the first is {missing[0]}"
    extra = [key for key in given if key not in wanted]
    if extra:
        return f"{len(extra)} tensors have no place in it, the first is {extra[0]}"
    for key, tensor in given.items():
        if tensor.shape != wanted[key].shape:
            return f"{key} is {list(tensor.shape)} and should be {list(wanted[key].shape)}"
        if tensor.is_floating_point() != wanted[key].is_floating_point():
            return f"{key} holds {tensor.dtype}"
    return ""

"""What the names and shapes in a ``.safetensors`` file say; its values are not read."""

from __future__ import annotations

import json
import struct
from math import prod
from pathlib import Path

from cnn_space.checking import sentences
from cnn_space.checking.limits import HEADER_BYTES
from cnn_space.checking.nearest import nearest_by_shapes
from cnn_space.checking.report import LayerEntry, NetEntry, Report

_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


def is_weights(source: str | bytes | Path) -> bool:
    """Whether ``source`` is a safetensors file or its bytes."""
    if isinstance(source, Path):
        return source.suffix == ".safetensors"
    return isinstance(source, bytes) and len(source) > 10 and source[8:10] == b'{"'


def check(source: bytes | Path) -> Report:
    """The layers that the names stand for, their parameters, and the net whose shapes agree."""
    try:
        header = _header(source)
        shapes = {
            name: tuple(entry["shape"]) for name, entry in header.items() if name != "__metadata__"
        }
        sound = all(
            len(shape) <= 8 and all(type(n) is int and n >= 0 for n in shape)
            for shape in shapes.values()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, struct.error):
        sound = False
    if not sound or not shapes:
        return Report(readable=False, reason=sentences.english("weights_unreadable", {}),
                      reason_kind="weights_unreadable")  # fmt: skip
    stored = {n: s for n, s in shapes.items() if n.rpartition(".")[2] not in _BUFFERS}
    return Report(
        net=NetEntry("safetensors", "weights", 1),
        parameters=sum(prod(shape) for shape in stored.values()),
        layers=_rows(stored),
        nearest=nearest_by_shapes(stored),
    )


def _header(source: bytes | Path) -> dict:
    if isinstance(source, Path):
        with source.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            data = file.read(length) if length <= HEADER_BYTES else b""
    else:
        (length,) = struct.unpack("<Q", source[:8])
        data = source[8 : 8 + length] if length <= HEADER_BYTES else b""
    return json.loads(data)


def _rows(shapes: dict[str, tuple[int, ...]]) -> tuple[LayerEntry, ...]:
    layers: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, shape in shapes.items():
        layer, _, part = name.rpartition(".")
        layers.setdefault(layer or name, {})[part] = shape
    rows = []
    for layer, parts in layers.items():
        weight = parts.get("weight", next(iter(parts.values())))
        kinds = {4: "conv", 2: "linear", 1: "batch norm", 3: "conv", 5: "conv"}
        kind = kinds.get(len(weight), "parameter")
        detail = "×".join(map(str, weight[2:])) if len(weight) > 2 else ""
        count = sum(prod(shape) for shape in parts.values())
        rows.append(LayerEntry(layer, kind, detail, weight[:1], count, 0, (0, 0), 0, 0))
    return tuple(rows)

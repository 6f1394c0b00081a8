"""Operations on recorded tensors: what shape they give, what they cost, and whether they fit.

Where a layer with parameters does not fit what reaches it, that is noted and the net goes on as if
it did: the shape behind the layer is known all the same.
"""

from __future__ import annotations

import ast
from math import prod

import torch

from cnn_space.checking.recording import record, shown_shape
from cnn_space.checking.shape_rules import broadcast
from cnn_space.checking.values import Failure, Module, Tensor
from cnn_space.costs.closed_forms import output_size


def pair(value, rank: int) -> tuple[int, ...]:
    """A number or a list of ``rank`` numbers as a tuple of ``rank`` whole numbers."""
    if isinstance(value, list | tuple):
        values = tuple(value) * (rank if len(value) == 1 else 1)
    else:
        values = (value,) * rank
    if len(values) != rank or not all(type(v) in (int, bool) for v in values):
        raise Failure("whole_numbers", what=str(value)[:60], error="TypeError")
    return tuple(map(int, values))


def _layer_values(interpreter, module: Module | None, name: str) -> dict:
    shown = interpreter.name_of(module) if module is not None else name
    made = module.line if module is not None else None
    return {"layer": shown, "made": made or interpreter.line}


def _spatial(interpreter, x: Tensor, rank: int, module, name: str) -> tuple[int, ...]:
    """The sides of the map in ``x``; Failure where it has another number of dimensions."""
    if len(x.shape) not in (rank + 2, rank + 1):
        raise Failure(
            "rank",
            **_layer_values(interpreter, module, name),
            wanted=rank + 2,
            got=shown_shape(x.shape),
            error="RuntimeError",
        )
    return x.shape[-rank:]


def _sides(interpreter, x, rank, window, module, name, ceil_mode=False) -> tuple[int, ...]:
    sides = _spatial(interpreter, x, rank, module, name)
    kernel, stride, padding, dilation = window
    try:
        return tuple(
            output_size(side, k, s, p, dilation=d, ceil_mode=ceil_mode)
            for side, k, s, p, d in zip(sides, kernel, stride, padding, dilation, strict=True)
        )
    except (ValueError, ZeroDivisionError):
        raise Failure(
            "window",
            **_layer_values(interpreter, module, name),
            kernel=" × ".join(map(str, kernel)),
            got=shown_shape(x.shape),
            error="RuntimeError",
        ) from None


def conv(
    interpreter, x: Tensor, weight: tuple[int, ...], *, bias, stride, padding, dilation, groups,
    module: Module | None = None, name: str = "conv2d",
) -> Tensor:  # fmt: skip
    """A convolution by ``weight`` [out, in / groups, *kernel]."""
    rank = len(weight) - 2
    kernel, stride, dilation = tuple(weight[2:]), pair(stride, rank), pair(dilation, rank)
    if padding == "same":
        sides = _spatial(interpreter, x, rank, module, name)
        padding = tuple(d * (k - 1) // 2 for k, d in zip(kernel, dilation, strict=True))
    else:
        padding = (0,) * rank if padding == "valid" else pair(padding, rank)
        sides = _sides(interpreter, x, rank, (kernel, stride, padding, dilation), module, name)
    channels = x.shape[-rank - 1]
    if channels != weight[1] * groups:
        interpreter.note_failure(
            Failure(
                "shape_conv",
                interpreter.line,
                **_layer_values(interpreter, module, name),
                wanted=weight[1] * groups,
                got=channels,
                shape=shown_shape(x.shape),
                source=interpreter.source_of(x),
            )
        )
    details = {
        "kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation,
        "groups": groups, "bias": bool(bias), "channels": weight[0], "inputs": weight[1] * groups,
    }  # fmt: skip
    shape = (*x.shape[: -rank - 1], weight[0], *sides)
    macs = prod(weight) * prod(sides)
    window = (kernel, stride, dilation) if rank == 2 else None
    return record(
        interpreter, "conv", [x], shape, details=details, module=module, macs=macs, window=window
    )


def transposed_conv(
    interpreter, x: Tensor, weight, *, bias, stride, padding, output_padding, dilation, groups,
    module: Module | None = None, name: str = "conv_transpose2d",
) -> Tensor:  # fmt: skip
    """A transposed convolution by ``weight`` [in, out / groups, *kernel]."""
    rank = len(weight) - 2
    sides = _spatial(interpreter, x, rank, module, name)
    kernel = tuple(weight[2:])
    lists = (kernel, *(pair(v, rank) for v in (stride, padding, output_padding, dilation)))
    result = tuple(
        (side - 1) * s - 2 * p + d * (k - 1) + o + 1
        for side, k, s, p, o, d in zip(sides, *lists, strict=True)
    )
    details = {"kernel": kernel, "stride": lists[1], "bias": bool(bias), "groups": groups,
               "channels": weight[1] * groups, "inputs": weight[0]}  # fmt: skip
    shape = (*x.shape[: -rank - 1], weight[1] * groups, *result)
    macs = prod(weight) * prod(sides)
    return record(
        interpreter, "transposed conv", [x], shape, details=details, module=module, macs=macs
    )


def linear(interpreter, x: Tensor, weight, *, bias, module=None, name: str = "linear") -> Tensor:
    """A linear layer by ``weight`` [out, in] on the last dimension."""
    got = x.shape[-1] if x.shape else 0
    if got != weight[1]:
        interpreter.note_failure(
            Failure(
                "shape_linear",
                interpreter.line,
                **_layer_values(interpreter, module, name),
                wanted=weight[1],
                got=got,
                shape=shown_shape(x.shape),
                source=interpreter.source_of(x),
                map=_map_before(interpreter, x),
            )
        )
    details = {"bias": bool(bias), "channels": weight[0], "inputs": weight[1]}
    macs = prod(weight) * prod(x.shape[1:-1])
    shape = (*x.shape[:-1], weight[0])
    return record(interpreter, "linear", [x], shape, details=details, module=module, macs=macs)


def _map_before(interpreter, x: Tensor) -> str:
    """The map that was flattened into ``x``: ``1024 × 2 × 2``."""
    node = (
        interpreter.recording.nodes[x.node]
        if interpreter.recording and x.node is not None
        else None
    )
    while node is not None and node.op in ("flatten", "reshape", "dropout") and node.inputs:
        node = interpreter.recording.nodes[node.inputs[0]]
        if len(node.shape) == 4:
            return " × ".join(map(str, node.shape[1:]))
    return ""


def norm(interpreter, x: Tensor, op: str, channels: int, *, details, module=None) -> Tensor:
    """Batch, instance or group norm on ``channels``."""
    got = x.shape[1] if len(x.shape) > 1 else 0
    if channels and got != channels:
        interpreter.note_failure(
            Failure(
                "shape_norm",
                interpreter.line,
                **_layer_values(interpreter, module, op),
                wanted=channels,
                got=got,
                shape=shown_shape(x.shape),
                source=interpreter.source_of(x),
            )
        )
    return record(interpreter, op, [x], x.raw, details=details, module=module)


def pool(
    interpreter, x: Tensor, op: str, *, kernel, stride, padding=0, dilation=1, ceil_mode=False,
    rank: int = 2, module: Module | None = None,
) -> Tensor:  # fmt: skip
    """A max or average pool."""
    kernel = pair(kernel, rank)
    stride = kernel if stride is None or stride in ([], ()) else pair(stride, rank)
    padding, dilation = pair(padding, rank), pair(dilation, rank)
    if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        raise Failure("pool_padding", kernel=kernel[0], padding=padding[0], error="RuntimeError")
    sides = _sides(
        interpreter, x, rank, (kernel, stride, padding, dilation), module, op, bool(ceil_mode)
    )
    details = {"kernel": kernel, "stride": stride, "padding": padding, "ceil": bool(ceil_mode)}
    shape = (*x.shape[:-rank], *sides)
    window = (kernel, stride, dilation) if rank == 2 else None
    return record(interpreter, op, [x], shape, details=details, module=module, window=window)


def adaptive_pool(interpreter, x: Tensor, op: str, sides, *, rank: int = 2, module=None) -> Tensor:
    """A pool to ``sides``; None keeps a side."""
    source = _spatial(interpreter, x, rank, module, op)
    wanted = tuple(sides) if isinstance(sides, list | tuple) else (sides,) * rank
    result = tuple(w or s for w, s in zip(wanted, source, strict=True))
    kernel = tuple(
        max(-(-(i + 1) * s // r) - i * s // r for i in range(min(r, 4096))) if r else s
        for s, r in zip(source, result, strict=True)
    )
    stride = tuple(max(1, s // max(1, r)) for s, r in zip(source, result, strict=True))
    details = {"kernel": kernel, "stride": stride, "padding": (0,) * rank, "adaptive": result}
    window = (kernel, stride) if rank == 2 else None
    shape = (*x.shape[:-rank], *result)
    return record(interpreter, op, [x], shape, details=details, module=module, window=window)


def same_shape(interpreter, x: Tensor, op: str, *, details=None, module=None, in_place=False):
    """An operation on each value alone: activation, dropout, local norm, softmax."""
    result = record(interpreter, op, [x], x.raw, details=details, module=module)
    if in_place and interpreter.recording is not None and x.node is not None:
        interpreter.recording.in_place.append((x.node, result.node, interpreter.line))
        x.node = result.node  # another name of the same tensor sees the change
    return result


def reshape(interpreter, x: Tensor, raw: torch.Tensor, op: str = "reshape", **details) -> Tensor:
    """Another arrangement of the same values."""
    window = None
    if len(x.shape) == 4 and raw.dim() == 2:
        window = (tuple(x.shape[2:]), (1, 1))  # each value behind it sees the whole map
    return record(interpreter, op, [x], raw, details=details, window=window)


def concat(interpreter, tensors: list[Tensor], dim: int) -> Tensor:
    """Tensors joined along ``dim``."""
    first = tensors[0]
    if len(tensors) == 1:
        return first
    rank = len(first.shape)
    if not isinstance(dim, int) or not -rank <= dim < rank:
        raise Failure("dimension", dim=str(dim)[:20], shape=shown_shape(first.shape))
    dim %= rank
    for other in tensors[1:]:
        same = len(other.shape) == rank and all(
            a == b
            for i, (a, b) in enumerate(zip(first.shape, other.shape, strict=True))
            if i != dim
        )
        if not same:
            raise Failure(
                "shape_concat",
                first=shown_shape(first.shape),
                second=shown_shape(other.shape),
                dim=dim,
                error="RuntimeError",
            )
    shape = list(first.shape)
    shape[dim] = sum(t.shape[dim] for t in tensors)
    return record(interpreter, "concat", tensors, tuple(shape), details={"dim": dim})


_NAMES = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
}


def elementwise(interpreter, op: str | type, left, right, *, in_place: bool = False) -> Tensor:
    """Two tensors, or a tensor and a number, combined value by value."""
    name = op if isinstance(op, str) else _NAMES.get(op, "elementwise")
    tensors = [side for side in (left, right) if isinstance(side, Tensor)]
    numbers = [side for side in (left, right) if not isinstance(side, Tensor)]
    if numbers and not isinstance(numbers[0], int | float | bool):
        raise Failure("operands", left="Tensor", right=type(numbers[0]).__name__)
    raw = tensors[0].raw
    if len(tensors) == 2 and tensors[0].shape != tensors[1].shape:
        try:
            shape = broadcast(tensors[0].shape, tensors[1].shape)
        except ValueError:
            raise Failure(
                "shape_add",
                op=name,
                first=shown_shape(tensors[0].shape),
                second=shown_shape(tensors[1].shape),
                error="RuntimeError",
            ) from None
        raw = torch.empty(shape, device="meta")
    details = {"number": numbers[0]} if numbers else {}
    result = record(interpreter, name, tensors, raw, details=details)
    recording = interpreter.recording
    if in_place and isinstance(left, Tensor) and recording and left.node is not None:
        recording.in_place.append((left.node, result.node, interpreter.line))
        left.node = result.node
        return left
    return result

"""Operations of torch on tensors of the text: by closed forms or on the meta device."""

from __future__ import annotations

import ast
from math import prod

import torch

from cnn_space.checking import ops
from cnn_space.checking.limits import Stop
from cnn_space.checking.recording import record, shown_shape
from cnn_space.checking.shape_rules import RULES
from cnn_space.checking.values import Failure, Namespace, Tensor, Value

MOST_PARTS = 4096  # tensors that one split or loop may give


RESHAPE = {"transpose": "permute", "permute": "permute", "t": "permute", "squeeze": "reshape",
            "unsqueeze": "reshape", "movedim": "permute"}  # fmt: skip


DROPPED = frozenset(
    ("dtype", "device", "out", "layout", "generator", "memory_format", "non_blocking")
)


# Functions whose refusal is the text's fault; of others it may be the meta device's.
_SURE = frozenset(
    ("transpose", "permute", "squeeze", "unsqueeze", "expand", "expand_as", "narrow", "select",
     "chunk", "split", "t", "movedim", "unbind", "broadcast_to")
)  # fmt: skip


def raw(value: Value) -> Value:
    """``value`` as torch takes it."""
    if isinstance(value, Tensor):
        return value.raw
    if isinstance(value, list | tuple):
        return type(value)(raw(item) for item in value)
    if isinstance(value, bool | float | int | str | slice) or value is None or value is ...:
        return value
    raise Failure("operands", left="Tensor", right=type(value).__name__, error="TypeError")


def _tensors(values: list) -> list[Tensor]:
    found = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found.extend(v for v in value if isinstance(v, Tensor))
    return found


def generic(interpreter, name: str, function, arguments: list, keywords: dict) -> Value:
    """``function`` on the meta device, its result recorded under ``name``."""
    keywords = {k: v for k, v in keywords.items() if k not in DROPPED}
    arguments = [a for a in arguments if not isinstance(a, Namespace)]
    sources = _tensors([*arguments, *keywords.values()])
    _check_parts(name, sources, arguments)
    try:
        if name in RULES:
            shapes = RULES[name](arguments, keywords)
            made = [torch.empty(s, device="meta") for s in _listed(shapes)]
            result = made if isinstance(shapes, list) else made[0]
            return _wrap(interpreter, name, sources, result)
        with torch.no_grad(), torch.device("meta"):
            result = function(*map(raw, arguments), **{k: raw(v) for k, v in keywords.items()})
    except (RuntimeError, TypeError, ValueError, LookupError, NotImplementedError, AttributeError):
        if name not in RULES and name not in _SURE:
            raise Failure("not_understood", what=f"{name}(…)") from None
        shapes = ", ".join(shown_shape(t.shape) for t in sources)
        if sources and any(isinstance(a, Tensor) for a in arguments):
            given = ", ".join(
                str(a)
                for a in arguments
                if isinstance(a, int | tuple | list | str) and not _tensors([a])
            )[:60]
            raise Failure("torch_refuses", name=f"{name}({given})", shapes=shapes,
                          error="RuntimeError") from None  # fmt: skip
        raise Failure("torch_refuses", name=name, shapes=shapes, error="RuntimeError") from None
    return _wrap(interpreter, name, sources, result)


def _listed(shapes: list | tuple) -> list:
    return shapes if isinstance(shapes, list) else [shapes]


def _check_parts(name: str, sources: list[Tensor], arguments: list) -> None:
    if name in ("unbind", "chunk", "split", "tensor_split") and sources:
        parts = max(sources[0].shape, default=0)
        size = next((a for a in arguments if type(a) is int and a > 0), 1)
        if name in ("chunk", "tensor_split"):
            parts = size
        elif name == "split":
            parts = parts // size
        if parts > MOST_PARTS:
            raise Stop("limit_items", items=MOST_PARTS)


def _wrap(interpreter, name: str, sources: list[Tensor], result: Value) -> Value:
    if isinstance(result, torch.Tensor):
        if result.dim() > 12 or prod(result.shape) > interpreter.budget.limits.elements:
            raise Stop("limit_elements", elements=interpreter.budget.limits.elements)
        if not sources or all(s.node is None for s in sources):
            return Tensor(result)
        details = {}
        window = None
        if name in ("mean", "amax", "max") and len(sources[0].shape) == 4 and result.dim() <= 4:
            details["over"] = tuple(result.shape)
            if result.shape[2:] in ((), (1, 1)):
                window = (tuple(sources[0].shape[2:]), (1, 1))
        op = RESHAPE.get(name, name)
        return record(interpreter, op, sources, result, details=details, window=window)
    if isinstance(result, tuple | list):
        values = [_wrap(interpreter, name, sources, item) for item in result]
        return tuple(values)
    return result


def binary(interpreter, op: type, left: Value, right: Value, *, in_place: bool = False) -> Value:
    """An operator with a tensor on at least one side."""
    if op is ast.MatMult:
        return generic(interpreter, "matmul", torch.matmul, [left, right], {})
    left, right = (number(side) for side in (left, right))
    if not isinstance(left, Tensor) and not isinstance(right, Tensor):
        return interpreter.binary(op, left, right)
    return ops.elementwise(interpreter, op, left, right, in_place=in_place)


def number(value: Value) -> Value:
    """A tensor whose one value is known, as a number."""
    if isinstance(value, Tensor) and value.numbers is not None and value.shape == ():
        return value.numbers[0]
    return value


def same_shape(interpreter, name: str, x: Tensor) -> Tensor:
    return ops.same_shape(interpreter, x, name)


def index(interpreter, x: Tensor, at: Value) -> Value:
    """``x[at]``"""
    if x.numbers is not None and type(at) is int and -len(x.numbers) <= at < len(x.numbers):
        return Tensor(torch.empty((), device="meta"), numbers=[x.numbers[at]])
    if isinstance(at, Tensor) and at.shape:
        shape = (*at.shape, *x.shape[1:])
        return _wrap(interpreter, "slice", [x], torch.empty(shape, device="meta"))
    try:
        result = x.raw[_plain_index(at)]
    except (IndexError, RuntimeError, TypeError, ValueError):
        raise Failure("torch_refuses", name="[…]", shapes=shown_shape(x.shape),
                      error="IndexError") from None  # fmt: skip
    return _wrap(interpreter, "slice", [x], result)


def _plain_index(at: Value) -> Value:
    """An index of numbers and slices; a list of places as a slice of the same length."""
    parts = at if isinstance(at, tuple) else (at,)
    plain = []
    for part in parts:
        if isinstance(part, list):
            part = slice(0, len(part))
        elif isinstance(part, Tensor):
            part = slice(0, part.shape[0]) if part.shape else 0
        plain.append(raw(part))
    return tuple(plain)


def iterate(x: Tensor) -> list[Tensor]:
    if x.numbers is not None:
        return [Tensor(torch.empty((), device="meta"), numbers=[n]) for n in x.numbers]
    if not x.shape or x.shape[0] > MOST_PARTS:
        raise Stop("limit_items", items=MOST_PARTS)
    return [Tensor(part, x.node) for part in x.raw.unbind(0)]

"""Shapes that functions of torch give, in closed form.

torch can work them out on the meta device too, but for these functions only after loading its
compiler, which takes seconds.
"""

from __future__ import annotations

from math import floor, prod

from cnn_space.checking.values import Tensor

Shape = tuple[int, ...]


def broadcast(*shapes: Shape) -> Shape:
    """The common shape of tensors combined value by value; ValueError where there is none."""
    rank = max(map(len, shapes), default=0)
    rows = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    result = []
    for sides in zip(*rows, strict=True):
        wide = {side for side in sides if side != 1}
        if len(wide) > 1:
            raise ValueError("sides differ")
        result.append(wide.pop() if wide else 1)
    return tuple(result)


def _get(arguments: list, keywords: dict, at: int, *names: str, default=None):
    """The argument at position ``at`` or under one of ``names``."""
    if at < len(arguments):
        return arguments[at]
    return next((keywords[name] for name in names if name in keywords), default)


def _axes(dims, rank: int) -> list[int]:
    dims = [dims] if isinstance(dims, int) else list(dims)
    if any(not -rank <= d < rank for d in dims):
        raise IndexError("dimension out of range")
    return [d % rank for d in dims]


def _reduced(shape: Shape, dims, keep: bool) -> Shape:
    if dims is None or dims == ():
        return (1,) * len(shape) if keep else ()
    axes = _axes(dims, len(shape))
    if keep:
        return tuple(1 if i in axes else side for i, side in enumerate(shape))
    return tuple(side for i, side in enumerate(shape) if i not in axes)


def _reduction(arguments: list, keywords: dict) -> Shape:
    dims = _get(arguments, keywords, 1, "dim", "axis")
    keep = _get(arguments, keywords, 2, "keepdim", "keepdims", default=False)
    return _reduced(arguments[0].shape, dims, bool(keep))


def _spread(arguments: list, keywords: dict) -> Shape:
    """std and var, whose third argument is ``unbiased``."""
    dims = _get(arguments, keywords, 1, "dim", "axis")
    keep = keywords.get("keepdim", len(arguments) > 3 and arguments[3])
    return _reduced(arguments[0].shape, None if isinstance(dims, bool) else dims, bool(keep))


def _norm(arguments: list, keywords: dict) -> Shape:
    dims = _get(arguments, keywords, 2, "dim")
    keep = _get(arguments, keywords, 3, "keepdim", default=False)
    return _reduced(arguments[0].shape, dims, bool(keep))


def _extreme(arguments: list, keywords: dict):
    """max and min: one tensor, or values and places along a dimension, or of two tensors."""
    if len(arguments) > 1 and isinstance(arguments[1], Tensor):
        return broadcast(arguments[0].shape, arguments[1].shape)
    if len(arguments) == 1 and not {"dim", "axis"} & set(keywords):
        return ()
    shape = _reduction(arguments, keywords)
    return [shape, shape]


def _spread_and_mean(arguments: list, keywords: dict) -> list[Shape]:
    return [_spread(arguments, keywords)] * 2


def _matmul(arguments: list, keywords: dict) -> Shape:
    left, right = arguments[0].shape, _get(arguments, keywords, 1, "other", "mat2").shape
    if not left or not right or left[-1] != right[-2 if len(right) > 1 else -1]:
        raise ValueError("inner sides differ")
    if len(right) == 1:
        return left[:-1]
    if len(left) == 1:
        return (*right[:-2], right[-1])
    return (*broadcast(left[:-2], right[:-2]), left[-2], right[-1])


def _einsum(arguments: list, keywords: dict) -> Shape:
    formula, *tensors = arguments
    tensors = list(tensors[0]) if isinstance(tensors[0], list | tuple) else tensors
    inputs, _, output = formula.replace(" ", "").partition("->")
    sides: dict[str, int] = {}
    for letters, tensor in zip(inputs.split(","), tensors, strict=True):
        for letter, side in zip(letters, tensor.shape, strict=True):
            if sides.setdefault(letter, side) != side:
                raise ValueError("sides differ")
    return tuple(sides[letter] for letter in output)


def _stack(arguments: list, keywords: dict) -> Shape:
    tensors = arguments[0] if arguments else keywords["tensors"]
    shape = tensors[0].shape
    if any(t.shape != shape for t in tensors):
        raise ValueError("shapes differ")
    dim = _get(arguments, keywords, 1, "dim", default=0)
    at = dim % (len(shape) + 1)
    return (*shape[:at], len(tensors), *shape[at:])


def _repeat(arguments: list, keywords: dict) -> Shape:
    shape, counts = arguments[0].shape, arguments[1:] or [keywords["repeats"]]
    counts = list(counts[0]) if isinstance(counts[0], list | tuple) else counts
    padded = (1,) * (len(counts) - len(shape)) + shape
    return tuple(side * count for side, count in zip(padded, counts, strict=True))


def _repeat_each(arguments: list, keywords: dict) -> Shape:
    count = _get(arguments, keywords, 1, "repeats")
    dim = _get(arguments, keywords, 2, "dim")
    shape = list(arguments[0].shape)
    if dim is None:
        return (prod(shape) * count,)
    shape[_axes(dim, len(shape))[0]] *= count
    return tuple(shape)


def _same(arguments: list, keywords: dict) -> Shape:
    return arguments[0].shape


def _topk(arguments: list, keywords: dict) -> list[Shape]:
    shape = list(arguments[0].shape)
    axis = _axes(_get(arguments, keywords, 2, "dim", default=-1), len(shape))[0]
    shape[axis] = _get(arguments, keywords, 1, "k")
    return [tuple(shape)] * 2


def _broadcast(arguments: list, keywords: dict) -> Shape:
    shapes = [a.shape for a in arguments if isinstance(a, Tensor)]
    return broadcast(*shapes)


def _shuffle(arguments: list, keywords: dict) -> Shape:
    factor = _get(arguments, keywords, 1, "upscale_factor")
    batch, channels, height, width = arguments[0].shape
    if channels % factor**2:
        raise ValueError("channels do not divide")
    return (batch, channels // factor**2, height * factor, width * factor)


def upsampled(shape: Shape, size, scale) -> Shape:
    """The shape behind an interpolation to ``size`` or by ``scale``."""
    sides = shape[2:]
    if size is not None:
        wanted = (size,) * len(sides) if isinstance(size, int) else tuple(size)
    else:
        scales = (scale,) * len(sides) if isinstance(scale, int | float) else tuple(scale)
        wanted = tuple(floor(side * s) for side, s in zip(sides, scales, strict=True))
    if len(wanted) != len(sides) or not all(type(w) is int and w > 0 for w in wanted):
        raise ValueError("size does not fit")
    return (*shape[:2], *wanted)


def padded(shape: Shape, pad: tuple[int, ...]) -> Shape:
    """The shape behind ``F.pad``, which begins with the last side."""
    result = list(shape)
    for i in range(len(pad) // 2):
        result[-1 - i] += pad[2 * i] + pad[2 * i + 1]
    if min(result) < 0:
        raise ValueError("negative side")
    return tuple(result)


RULES = {
    **dict.fromkeys(("mean", "sum", "amax", "amin", "prod", "argmax", "argmin", "all", "any",
                     "logsumexp", "count_nonzero"), _reduction),
    **dict.fromkeys(("std", "var"), _spread),
    **dict.fromkeys(("std_mean", "var_mean"), _spread_and_mean),
    **dict.fromkeys(("max", "min"), _extreme),
    **dict.fromkeys(("matmul", "bmm", "mm"), _matmul),
    **dict.fromkeys(("maximum", "minimum", "where"), _broadcast),
    **dict.fromkeys(("zeros_like", "ones_like", "rand_like", "randn_like", "empty_like",
                     "full_like", "cumprod", "bernoulli", "tril", "triu", "index_fill"), _same),
    "norm": _norm, "einsum": _einsum, "stack": _stack, "repeat": _repeat, "tile": _repeat,
    "repeat_interleave": _repeat_each, "topk": _topk, "pixel_shuffle": _shuffle,
}  # fmt: skip

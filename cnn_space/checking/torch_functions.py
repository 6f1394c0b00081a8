"""Functions of torch and torch.nn.functional, and methods and attributes of tensors.

A table holds every one that a text may call: those of a net's layers go to `ops`, the rest to
torch itself on the meta device, by names fixed here.
"""

from __future__ import annotations

import ast
from math import prod

import torch
import torch.nn.functional as F

from cnn_space.checking import ops
from cnn_space.checking.functional import FUNCTIONAL
from cnn_space.checking.limits import Stop
from cnn_space.checking.recording import record, shown_shape
from cnn_space.checking.shape_rules import RULES
from cnn_space.checking.values import Failure, Namespace, Native, Raised, Tensor, Unknown, Value

MOST_PARTS = 4096  # tensors that one split or loop may give

_ELEMENTWISE = """
exp log log2 log10 log1p expm1 sqrt rsqrt abs neg sin cos tan sign floor ceil round square
reciprocal clamp clip clamp_min clamp_max erf nan_to_num contiguous clone detach float half double
bfloat16 long int bool to cuda cpu type type_as requires_grad_ requires_grad data retain_grad
normal_ uniform_ zero_ fill_ copy_ xavier_uniform_ clamp_ cumsum sort_ flip logical_not
trunc_normal_ bernoulli bernoulli_ div_ mul_ add_ sub_ erfinv_ pow roll masked_fill masked_fill_
""".split()  # noqa: SIM905
_NO_NODE = frozenset(
    [
        "contiguous",
        "clone",
        "detach",
        "float",
        "half",
        "double",
        "bfloat16",
        "long",
        "int",
        "bool",
        "to",
        "cuda",
        "cpu",
        "type",
        "type_as",
        "requires_grad_",
        "data",
        "retain_grad",
        "normal_",
        "uniform_",
        "zero_",
        "fill_",
        "copy_",
        "trunc_normal_",
    ]
)
_ACTIVATIONS = {
    "relu": "relu", "relu_": "relu", "sigmoid": "sigmoid", "sigmoid_": "sigmoid", "tanh": "tanh",
    "tanh_": "tanh",
}  # fmt: skip
# Functions whose shape torch works out on the meta device.
_GENERIC = """
transpose permute squeeze unsqueeze expand expand_as repeat repeat_interleave narrow select t
movedim swapaxes mean sum max min amax amin std var prod norm argmax argmin topk all any
matmul bmm mm einsum addmm baddbmm outer dot tile unbind chunk split tensor_split stack where
cumprod sort index_select gather masked_select zeros_like ones_like rand_like randn_like empty_like
full_like bernoulli std_mean var_mean logsumexp unfold rot90 diagonal tril triu broadcast_to cdist
concat hstack vstack dstack swapdims scatter count_nonzero maximum minimum addcmul meshgrid
equal new_zeros new_ones new_empty new_full
""".split()  # noqa: SIM905
_CREATE = "zeros ones empty rand randn full randint eye randperm".split()  # noqa: SIM905
_RESHAPE = {"transpose": "permute", "permute": "permute", "t": "permute", "squeeze": "reshape",
            "unsqueeze": "reshape", "movedim": "permute"}  # fmt: skip
_DROPPED = frozenset(
    ("dtype", "device", "out", "layout", "generator", "memory_format", "non_blocking")
)


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
    keywords = {k: v for k, v in keywords.items() if k not in _DROPPED}
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
        op = _RESHAPE.get(name, name)
        return record(interpreter, op, sources, result, details=details, window=window)
    if isinstance(result, tuple | list):
        values = [_wrap(interpreter, name, sources, item) for item in result]
        return tuple(values)
    return result


def binary(interpreter, op: type, left: Value, right: Value, *, in_place: bool = False) -> Value:
    """An operator with a tensor on at least one side."""
    if op is ast.MatMult:
        return generic(interpreter, "matmul", torch.matmul, [left, right], {})
    left, right = (_number(side) for side in (left, right))
    if not isinstance(left, Tensor) and not isinstance(right, Tensor):
        return interpreter.binary(op, left, right)
    return ops.elementwise(interpreter, op, left, right, in_place=in_place)


def _number(value: Value) -> Value:
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


# --- handlers of tensors' methods and of torch's functions with a tensor first --------------------


def _view(interpreter, arguments, keywords):
    x, *sizes = arguments
    sizes = sizes or list(keywords.values())
    if len(sizes) == 1 and isinstance(sizes[0], list | tuple):
        sizes = list(sizes[0])
    if sizes and isinstance(sizes[0], Namespace):
        return x  # a view as another dtype
    sizes = [_number(s) for s in sizes]
    if not all(type(s) is int for s in sizes):
        raise Failure("whole_numbers", what=", ".join(map(str, sizes))[:60], error="TypeError")
    try:
        result = x.raw.reshape(sizes)
    except (RuntimeError, TypeError, ValueError):
        raise Failure("shape_view", sizes=", ".join(map(str, sizes)), shape=shown_shape(x.shape),
                      error="RuntimeError") from None  # fmt: skip
    return ops.reshape(interpreter, x, result, "flatten" if result.dim() == 2 else "reshape",
                       sizes=tuple(sizes))  # fmt: skip


def _flatten(interpreter, arguments, keywords):
    from cnn_space.checking.layer_forward import flatten

    x = arguments[0]
    start = arguments[1] if len(arguments) > 1 else keywords.get("start_dim", 0)
    end = arguments[2] if len(arguments) > 2 else keywords.get("end_dim", -1)
    return flatten(interpreter, x, start, end)


def _size(interpreter, arguments, keywords):
    x = arguments[0]
    at = arguments[1] if len(arguments) > 1 else keywords.get("dim")
    if at is None:
        return x.shape
    if type(at) is not int or not -len(x.shape) <= at < len(x.shape):
        raise Failure("dimension", dim=str(at)[:20], shape=shown_shape(x.shape), error="IndexError")
    return x.shape[at]


def _item(interpreter, arguments, keywords):
    x = arguments[0]
    if x.numbers is None:
        return Unknown("failed", interpreter.line)
    return x.numbers[0] if x.shape == () else x.numbers


def _concat(interpreter, arguments, keywords):
    tensors = arguments[0] if arguments else keywords.get("tensors")
    dim = arguments[1] if len(arguments) > 1 else keywords.get("dim", keywords.get("axis", 0))
    tensors = interpreter.iterate(tensors)
    unknown = next((t for t in tensors if isinstance(t, Unknown)), None)
    if unknown is not None:
        return unknown
    if not tensors or not all(isinstance(t, Tensor) for t in tensors):
        raise Failure("concat_values", error="TypeError")
    return ops.concat(interpreter, tensors, dim)


def _arithmetic(name: str, op: type):
    in_place = name.endswith("_")

    def handle(interpreter, arguments, keywords):
        other = arguments[1] if len(arguments) > 1 else keywords.get("other", keywords.get("value"))
        return binary(interpreter, op, arguments[0], other, in_place=in_place)

    return handle


def _elementwise(name: str):
    def handle(interpreter, arguments, keywords):
        x = arguments[0]
        if name in _NO_NODE or not isinstance(x, Tensor):
            return x
        if x.numbers is not None:
            return x
        return ops.same_shape(interpreter, x, name.rstrip("_"))

    return handle


def _activation(name: str, op: str):
    def handle(interpreter, arguments, keywords):
        return ops.same_shape(interpreter, arguments[0], op, in_place=name.endswith("_"))

    return handle


def _create(name: str):
    def handle(interpreter, arguments, keywords):
        sizes = arguments or [keywords.get("size", ())]
        if name in ("eye", "randperm"):
            sizes = [sizes[0]] * (2 if name == "eye" else 1)
        elif name in ("full", "randint"):
            sizes = [
                next(
                    (a for a in arguments if isinstance(a, list | tuple)), keywords.get("size", ())
                )
            ]
        numbers = [n for s in sizes for n in (s if isinstance(s, list | tuple) else [s])]
        if prod(abs(n) for n in numbers if type(n) is int) > interpreter.budget.limits.elements:
            raise Stop("limit_elements", elements=interpreter.budget.limits.elements)
        if not all(type(n) is int and n >= 0 for n in numbers) or len(numbers) > 12:
            raise Failure("whole_numbers", what=f"torch.{name}(…)", error="TypeError")
        made = Tensor(torch.empty(tuple(numbers), device="meta"))
        if name in ("zeros", "ones") and made.shape == (1,):
            made.numbers = [float(name == "ones")]
        return made

    return handle


def _numbers(name: str):
    def handle(interpreter, arguments, keywords):
        keywords = {k: v for k, v in keywords.items() if k not in _DROPPED}
        if name == "tensor":
            data = arguments[0] if arguments else keywords.get("data")
            if isinstance(data, Tensor):
                return data
            values = data if isinstance(data, list | tuple) else [data]
            if not all(isinstance(v, int | float) for v in values):
                return generic(interpreter, name, torch.tensor, [data], {})
            shape = (len(values),) if isinstance(data, list | tuple) else ()
            return Tensor(torch.empty(shape, device="meta"), numbers=list(values))
        values = _sequence(interpreter, name, arguments, keywords)
        return Tensor(torch.empty(len(values), device="meta"), numbers=values)

    return handle


def _sequence(interpreter, name: str, arguments: list, keywords: dict) -> list:
    if name == "linspace":
        names = ("start", "end", "steps")
        start, end, steps = (
            arguments[i] if i < len(arguments) else keywords[n] for i, n in enumerate(names)
        )
        interpreter.budget.check_items(int(steps))
        return [start + (end - start) * i / max(1, steps - 1) for i in range(int(steps))]
    whole = range(*(int(a) for a in arguments)) if arguments else range(int(keywords["end"]))
    interpreter.budget.check_items(len(whole))
    return list(whole)


def _generic(name: str, function):
    def handle(interpreter, arguments, keywords):
        return generic(interpreter, name, function, arguments, keywords)

    return handle


def _shared() -> dict:
    """What is a function of torch and a method of tensors alike."""
    table = {name: _elementwise(name) for name in _ELEMENTWISE}
    table |= {name: _activation(name, op) for name, op in _ACTIVATIONS.items()}
    for name, op in (
        ("add", ast.Add),
        ("sub", ast.Sub),
        ("mul", ast.Mult),
        ("div", ast.Div),
        ("subtract", ast.Sub),
        ("multiply", ast.Mult),
        ("true_divide", ast.Div),
    ):
        table[name] = _arithmetic(name, op)
        table[f"{name}_"] = _arithmetic(f"{name}_", op)
    table["flatten"], table["reshape"] = _flatten, _view
    for name in ("softmax", "log_softmax", "dropout"):
        table[name] = FUNCTIONAL[name]
    return table


FUNCTIONS: dict = {
    **{n: _generic(n, getattr(torch, n)) for n in _GENERIC if hasattr(torch, n)},
    **_shared(),
    **{n: _create(n) for n in _CREATE},
    **{n: _numbers(n) for n in ("tensor", "linspace", "arange", "range", "as_tensor")},
    "cat": _concat, "concat": _concat, "concatenate": _concat,
    "numel": lambda i, a, k: prod(a[0].shape),
    "is_tensor": lambda i, a, k: isinstance(a[0], Tensor),
    "conv2d": FUNCTIONAL["conv2d"], "batch_norm": FUNCTIONAL["batch_norm"],
    "adaptive_avg_pool2d": lambda i, a, k: FUNCTIONAL["adaptive_avg_pool2d"](i, a, k),
    "avg_pool2d": FUNCTIONAL["avg_pool2d"], "max_pool2d": FUNCTIONAL["max_pool2d"],
}  # fmt: skip
METHODS: dict = {
    **{n: _generic(n, getattr(torch.Tensor, n)) for n in _GENERIC if hasattr(torch.Tensor, n)},
    **_shared(),
    "view": _view, "size": _size, "item": _item, "tolist": _item, "view_as": (
        lambda i, a, k: _view(i, [a[0], *a[1].shape], {})),
    "dim": lambda i, a, k: len(a[0].shape), "numel": lambda i, a, k: prod(a[0].shape),
    "nelement": lambda i, a, k: prod(a[0].shape), "ndimension": lambda i, a, k: len(a[0].shape),
    "numpy": lambda i, a, k: a[0], "backward": lambda i, a, k: None,
    "is_floating_point": lambda i, a, k: True, "register_hook": lambda i, a, k: None,
}  # fmt: skip
_SAFE_UNKNOWN = ("to", "cuda", "type", "normal_", "copy_", "fill_", "uniform_")


def attribute(interpreter, x: Tensor, name: str, missing: Value) -> Value:
    """An attribute or a bound method of a tensor."""
    if name in METHODS and name not in ("data", "requires_grad"):
        method = METHODS[name]
        return Native(
            name, lambda i, a, k: method(i, [x, *a], k), safe_unknown=name in _SAFE_UNKNOWN
        )
    match name:
        case "shape":
            return x.shape
        case "ndim":
            return len(x.shape)
        case "data" | "real":
            return x
        case "T" | "mT":
            return generic(interpreter, "permute", lambda t: t.transpose(-1, -2), [x], {})
        case "device" | "dtype" | "grad_fn" | "layout":
            return Namespace(f"tensor.{name}")
        case "is_cuda" | "requires_grad" | "is_meta" | "is_quantized":
            return False
        case "grad":
            return None
    return missing


def functional_table() -> dict[str, Native]:
    """torch.nn.functional"""
    table = {name: Native(f"F.{name}", call) for name, call in FUNCTIONAL.items()}
    for name in (
        "grid_sample",
        "affine_grid",
        "one_hot",
        "fold",
        "unfold",
        "pixel_unshuffle",
        "cosine_similarity",
        "pairwise_distance",
        "scaled_dot_product_attention",
    ):
        table[name] = Native(f"F.{name}", _generic(name, getattr(F, name)))
    return table


def torch_table() -> dict[str, Native]:
    """torch"""
    return {name: Native(f"torch.{name}", call) for name, call in FUNCTIONS.items()}


__all__ = ["METHODS", "Raised", "attribute", "binary", "functional_table", "torch_table"]

"""Handlers of functions and methods that take a tensor first."""

from __future__ import annotations

from math import prod

import torch

from cnn_space.checking import ops
from cnn_space.checking.limits import Stop
from cnn_space.checking.recording import shown_shape
from cnn_space.checking.tensor_operations import DROPPED, binary, generic, number
from cnn_space.checking.values import Failure, Namespace, Tensor, Unknown

ELEMENTWISE = """
exp log log2 log10 log1p expm1 sqrt rsqrt abs neg sin cos tan sign floor ceil round square
reciprocal clamp clip clamp_min clamp_max erf nan_to_num contiguous clone detach float half double
bfloat16 long int bool to cuda cpu type type_as requires_grad_ requires_grad data retain_grad
normal_ uniform_ zero_ fill_ copy_ xavier_uniform_ clamp_ cumsum sort_ flip logical_not
trunc_normal_ bernoulli bernoulli_ div_ mul_ add_ sub_ erfinv_ pow roll masked_fill masked_fill_
""".split()  # noqa: SIM905


NO_NODE = frozenset(
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


ACTIVATIONS = {
    "relu": "relu", "relu_": "relu", "sigmoid": "sigmoid", "sigmoid_": "sigmoid", "tanh": "tanh",
    "tanh_": "tanh",
}  # fmt: skip


def view(interpreter, arguments, keywords):
    x, *sizes = arguments
    sizes = sizes or list(keywords.values())
    if len(sizes) == 1 and isinstance(sizes[0], list | tuple):
        sizes = list(sizes[0])
    if sizes and isinstance(sizes[0], Namespace):
        return x  # a view as another dtype
    sizes = [number(s) for s in sizes]
    if not all(type(s) is int for s in sizes):
        raise Failure("whole_numbers", what=", ".join(map(str, sizes))[:60], error="TypeError")
    try:
        result = x.raw.reshape(sizes)
    except (RuntimeError, TypeError, ValueError):
        raise Failure("shape_view", sizes=", ".join(map(str, sizes)), shape=shown_shape(x.shape),
                      error="RuntimeError") from None  # fmt: skip
    return ops.reshape(interpreter, x, result, "flatten" if result.dim() == 2 else "reshape",
                       sizes=tuple(sizes))  # fmt: skip


def flatten(interpreter, arguments, keywords):
    from cnn_space.checking.layer_forward import flatten

    x = arguments[0]
    start = arguments[1] if len(arguments) > 1 else keywords.get("start_dim", 0)
    end = arguments[2] if len(arguments) > 2 else keywords.get("end_dim", -1)
    return flatten(interpreter, x, start, end)


def size(interpreter, arguments, keywords):
    x = arguments[0]
    at = arguments[1] if len(arguments) > 1 else keywords.get("dim")
    if at is None:
        return x.shape
    if type(at) is not int or not -len(x.shape) <= at < len(x.shape):
        raise Failure("dimension", dim=str(at)[:20], shape=shown_shape(x.shape), error="IndexError")
    return x.shape[at]


def item(interpreter, arguments, keywords):
    x = arguments[0]
    if x.numbers is None:
        return Unknown("failed", interpreter.line)
    return x.numbers[0] if x.shape == () else x.numbers


def concat(interpreter, arguments, keywords):
    tensors = arguments[0] if arguments else keywords.get("tensors")
    dim = arguments[1] if len(arguments) > 1 else keywords.get("dim", keywords.get("axis", 0))
    tensors = interpreter.iterate(tensors)
    unknown = next((t for t in tensors if isinstance(t, Unknown)), None)
    if unknown is not None:
        return unknown
    if not tensors or not all(isinstance(t, Tensor) for t in tensors):
        raise Failure("concat_values", error="TypeError")
    return ops.concat(interpreter, tensors, dim)


def arithmetic(name: str, op: type):
    in_place = name.endswith("_")

    def handle(interpreter, arguments, keywords):
        other = arguments[1] if len(arguments) > 1 else keywords.get("other", keywords.get("value"))
        return binary(interpreter, op, arguments[0], other, in_place=in_place)

    return handle


def elementwise(name: str):
    def handle(interpreter, arguments, keywords):
        x = arguments[0]
        if name in NO_NODE or not isinstance(x, Tensor):
            return x
        if x.numbers is not None:
            return x
        return ops.same_shape(interpreter, x, name.rstrip("_"))

    return handle


def activation(name: str, op: str):
    def handle(interpreter, arguments, keywords):
        return ops.same_shape(interpreter, arguments[0], op, in_place=name.endswith("_"))

    return handle


def create(name: str):
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


def numbers_of(name: str):
    def handle(interpreter, arguments, keywords):
        keywords = {k: v for k, v in keywords.items() if k not in DROPPED}
        if name == "tensor":
            data = arguments[0] if arguments else keywords.get("data")
            if isinstance(data, Tensor):
                return data
            values = data if isinstance(data, list | tuple) else [data]
            if not all(isinstance(v, int | float) for v in values):
                return generic(interpreter, name, torch.tensor, [data], {})
            shape = (len(values),) if isinstance(data, list | tuple) else ()
            return Tensor(torch.empty(shape, device="meta"), numbers=list(values))
        values = sequence(interpreter, name, arguments, keywords)
        return Tensor(torch.empty(len(values), device="meta"), numbers=values)

    return handle


def sequence(interpreter, name: str, arguments: list, keywords: dict) -> list:
    if name == "linspace":
        names = ("start", "end", "steps")
        start, end, steps = (
            arguments[i] if i < len(arguments) else keywords[n] for i, n in enumerate(names)
        )
        interpreter.budget.make(int(steps))
        return [start + (end - start) * i / max(1, steps - 1) for i in range(int(steps))]
    whole = range(*(int(a) for a in arguments)) if arguments else range(int(keywords["end"]))
    interpreter.budget.make(len(whole))
    return list(whole)


def on_meta(name: str, function):
    def handle(interpreter, arguments, keywords):
        return generic(interpreter, name, function, arguments, keywords)

    return handle

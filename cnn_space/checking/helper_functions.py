"""Functions of the standard library, for `libraries`."""

from __future__ import annotations

import ast
import itertools

import torch

from cnn_space.checking.values import (
    Class,
    Failure,
    Function,
    Instance,
    Module,
    Native,
    Tensor,
    Unknown,
    Value,
)


def nothing(i, a, k):
    return None


def partial(i, a, k):
    function, *first = a

    def call(interpreter, arguments, keywords):
        return interpreter.call(function, [*first, *arguments], k | keywords)

    return Native(getattr(function, "name", "partial"), call, safe_unknown=True)


def reduce(i, a, k):
    values = i.iterate(a[1])
    if len(a) > 2:
        values = [a[2], *values]
    total, *rest = values
    for value in rest:
        total = i.call(a[0], [total, value], {})
    return total


def multiply_two(i, a, k):
    return i.binary(ast.Mult, a[0], a[1])


def add_two(i, a, k):
    return i.binary(ast.Add, a[0], a[1])


def accumulate(i, a, k):
    total, values = 0, []
    for value in i.iterate(a[0]):
        total = i.binary(ast.Add, total, value)
        values.append(total)
    return values


def repeat(i, a, k):
    count = a[1] if len(a) > 1 else k.get("times", 1000)
    i.budget.make(count)
    return [a[0]] * count


def product(i, a, k):
    lists = [i.iterate(v) for v in a] * k.get("repeat", 1)
    count = 1
    for values in lists:
        count *= len(values)
        i.budget.make(count)
    return list(itertools.product(*lists))


def named_tuple(i, a, k):
    name = a[0] if isinstance(a[0], str) else "namedtuple"
    names = a[1] if len(a) > 1 else k.get("field_names", [])
    names = names.replace(",", " ").split() if isinstance(names, str) else i.iterate(names)
    made = Class(name, [], {}, None, fields=list(names), record="namedtuple")
    defaults = i.iterate(k.get("defaults") or [])
    made.namespace.update(zip(names[len(names) - len(defaults) :], defaults, strict=False))
    made.mro = [made]
    return made


def default_dict(i, a, k):
    made = dict(a[1]) if len(a) > 1 and isinstance(a[1], dict) else {}
    return {"<default>": a[0], **made} if a else made


def dataclass(i, a, k):
    def mark(interpreter, arguments, keywords):
        cls = arguments[0]
        if isinstance(cls, Class):
            cls.record = "dataclass"
        return cls

    return mark(i, a, k) if a else Native("dataclass", mark, safe_unknown=True)


def field(i, a, k):
    if "default" in k:
        return k["default"]
    owner = Class("field", [], {}, None)
    return Instance(owner, {"<factory>": k.get("default_factory")})


def replace(i, a, k):
    source = a[0]
    if not isinstance(source, Instance):
        return source
    unknown = set(k) - set(source.fields)
    if unknown:
        raise Failure("argument_unknown", name=source.cls.name, argument=sorted(unknown)[0],
                      known=[n for n in source.fields if n[0] != "<"])  # fmt: skip
    return Instance(source.cls, source.fields | k)


def as_dict(value: Value) -> dict:
    return {k: v for k, v in getattr(value, "fields", {}).items() if not k.startswith("<")}


def parameter(i, a, k):
    value = a[0] if a else k.get("data")
    if not isinstance(value, Tensor):
        return Unknown("failed", i.line)
    return Tensor(torch.empty(value.shape, device="meta"), parameter=True)


def new_tensor(i, a):
    sizes = a[0] if a and isinstance(a[0], list | tuple) else a
    if (sizes is a and a and isinstance(a[0], int)) or not isinstance(sizes, list | tuple):
        sizes = a
    if sizes is not a:
        return Tensor(torch.empty(len(sizes), device="meta"), numbers=None)
    if not all(type(n) is int and 0 <= n <= 2**24 for n in sizes) or len(sizes) > 8:
        raise Failure("whole_numbers", what="Tensor(…)", error="TypeError")
    return Tensor(torch.empty(tuple(sizes), device="meta"))


def pair(i, a, k):
    value = a[0]
    return tuple(value) if isinstance(value, list | tuple) else (value, value)


def fans(i, weight: Value):
    shape = weight.shape
    field_size = 1
    for side in shape[2:]:
        field_size *= side
    return (shape[1] * field_size, shape[0] * field_size)


def checkpoint(i, a, k):
    return i.call(a[0], list(a[1:]), {})


def shallow_copy(i, a, k):
    value = a[0]
    return value.copy() if isinstance(value, list | dict | set) else value


def deep_copy(i, a, k):
    return _copy(i, a[0], {})


def _copy(i, value: Value, memo: dict) -> Value:
    """A copy of ``value`` with all in it; what occurs twice is copied once."""
    i.budget.tick()
    if id(value) in memo:
        return memo[id(value)]
    if isinstance(value, list):
        made = memo[id(value)] = []
        made.extend(_copy(i, item, memo) for item in value)
        return made
    if isinstance(value, tuple):
        return tuple(_copy(i, item, memo) for item in value)
    if isinstance(value, dict):
        made = memo[id(value)] = {}
        made.update({key: _copy(i, item, memo) for key, item in value.items()})
        return made
    if isinstance(value, Module):
        return _copy_module(i, value, memo)
    if isinstance(value, Instance):
        made = memo[id(value)] = Instance(value.cls)
        made.fields.update(_copy(i, value.fields, memo))
        return made
    if isinstance(value, Tensor) and value.parameter:
        made = memo[id(value)] = Tensor(torch.empty(value.shape, device="meta"), parameter=True)
        return made
    return value


def _copy_module(i, module: Module, memo: dict) -> Module:
    i.count_module()
    made = memo[id(module)] = Module(module.cls, module.line, layer=module.layer, ready=True)
    i.modules_made.append(made)
    made.training = module.training
    for name in ("children", "parameters", "buffers", "fields"):
        getattr(made, name).update(_copy(i, getattr(module, name), memo))
    return made


__all__ = ["Function", "partial"]

"""Python's built-in functions, as far as a net's text needs them."""

from __future__ import annotations

import builtins

from cnn_space.checking import text_formats
from cnn_space.checking.layer_types import MODULE
from cnn_space.checking.sequences import Cursor
from cnn_space.checking.values import (
    Class,
    ExceptionType,
    Failure,
    Function,
    Instance,
    LayerType,
    Method,
    Module,
    Native,
    NativeType,
    Raised,
    Super,
    Tensor,
    Unknown,
    Value,
    Wrapped,
    type_name,
)

_NOTHING_GIVEN = object()


def _length(i, a, k):
    value = a[0]
    if isinstance(value, Tensor):
        return value.shape[0]
    if isinstance(value, Module | Instance):
        method = i.find_method(value, "__len__")
        return i.call(method, [], {}) if method else len(i.iterate(value))
    if isinstance(value, dict | set | list | tuple | str | range):
        return len(value)
    return len(i.iterate(value))


def is_instance(value: Value, kinds: Value) -> bool:
    """isinstance for the values of the text."""
    if isinstance(kinds, tuple | list):
        return any(is_instance(value, kind) for kind in kinds)
    match kinds:
        case LayerType():
            if not isinstance(value, Module):
                return False
            kind = value.layer_type
            return kind is kinds or kinds is MODULE or kinds in getattr(kind, "parents", ())
        case Class():
            cls = getattr(value, "cls", None)
            return isinstance(cls, Class) and kinds in cls.mro
        case NativeType():
            return isinstance(value, kinds.types) and not (
                isinstance(value, bool) and kinds.types == (float,)
            )
        case ExceptionType():
            return isinstance(value, Instance) and getattr(value.cls, "name", "") == kinds.name
    return False


def _is_instance(i, a, k):
    value, kinds = a
    listed = kinds if isinstance(kinds, tuple | list) else (kinds,)
    if isinstance(value, Unknown):
        return Unknown("failed", i.line)
    known = [kind for kind in listed if not isinstance(kind, Unknown)]
    return is_instance(value, tuple(known))


def _is_subclass(i, a, k):
    cls, kinds = a
    listed = kinds if isinstance(kinds, tuple) else (kinds,)
    return any(kind in getattr(cls, "mro", (cls, *getattr(cls, "parents", ()))) for kind in listed)


def _get_attribute(i, a, k):
    if not isinstance(a[1], str):
        raise Failure("not_a_name", what=type_name(a[1]), error="TypeError")
    if len(a) > 2 and not i.has_attribute(a[0], a[1]):
        return a[2]
    return i.get_attribute(a[0], a[1])


def _set_attribute(i, a, k):
    if isinstance(a[1], str):
        i.set_attribute(a[0], a[1], a[2])


def _super(i, a, k):
    if a:
        if isinstance(a[0], Unknown) or len(a) < 2:
            return Unknown("super", i.line)
        return Super(a[0], a[1])
    scope = i.caller
    while scope is not None and scope.function is None:
        scope = scope.outer
    while scope is not None and (scope.function is None or scope.function.owner is None):
        scope = scope.outer
    if scope is None:
        raise Failure("super_outside", error="RuntimeError")
    arguments = scope.function.node.args
    first = (*arguments.posonlyargs, *arguments.args)[0].arg
    return Super(scope.function.owner, scope.names[first])


def _convert(kind: type):
    def convert(i, a, k):
        if not a:
            return kind()
        value = a[0]
        if isinstance(value, Tensor):
            return kind(value.numbers[0]) if value.numbers else Unknown("failed", i.line)
        if kind is bool:
            return i.truth(value, "bool")
        if isinstance(value, str) and len(value) > 300:
            raise Failure("native_value", name=kind.__name__, what="too long", error="ValueError")
        if not isinstance(value, int | float | str):
            raise Failure("native_arguments", name=kind.__name__, error="TypeError")
        return i.bounded(kind(value, *a[1:]))

    return convert


def _string(i, a, k):
    return text_formats.show(i, a[0]) if a else ""


def _collection(kind: type):
    def collect(i, a, k):
        values = i.iterate(a[0]) if a else []
        if kind in (set, frozenset):
            return {i.key(value) for value in values}
        return kind(values)

    return collect


def _dictionary(i, a, k):
    made: dict = {}
    if a and isinstance(a[0], dict):
        made.update(a[0])
    elif a:
        made.update({i.key(pair[0]): pair[1] for pair in map(i.iterate, i.iterate(a[0]))})
    return made | k


def _extreme(name: str):
    function = getattr(builtins, name)

    def find(i, a, k):
        values = i.iterate(a[0]) if len(a) == 1 else list(a)
        if not values and "default" in k:
            return k["default"]
        if any(isinstance(v, Unknown) for v in values):
            return next(v for v in values if isinstance(v, Unknown))
        if "key" in k:
            keys = [i.call(k["key"], [value], {}) for value in values]
            return values[keys.index(function(keys))]
        for value in values:
            i._count_parts(value)
        return function(values)

    return find


def _sum(i, a, k):
    total = a[1] if len(a) > 1 else k.get("start", 0)
    import ast

    for value in i.iterate(a[0]):
        total = i.binary(ast.Add, total, value)
    return total


def _zip(i, a, k):
    return [tuple(row) for row in zip(*map(i.iterate, a), strict=False)]


def _map(i, a, k):
    return [i.call(a[0], list(row), {}) for row in zip(*map(i.iterate, a[1:]), strict=False)]


def _filter(i, a, k):
    keep = a[0]
    return [v for v in i.iterate(a[1])
            if i.truth(v if keep is None else i.call(keep, [v], {}), "filter")]  # fmt: skip


def _next(i, a, k):
    cursor = a[0]
    if isinstance(cursor, list):  # a generator: its values were all made at once
        cursor = Cursor(cursor)
    if not isinstance(cursor, Cursor):
        raise Failure("not_iterable", what=type_name(cursor), error="TypeError")
    if cursor.position >= len(cursor.values):
        if len(a) > 1:
            return a[1]
        raise Raised("StopIteration", "", i.line)
    cursor.position += 1
    return cursor.values[cursor.position - 1]


def _range(i, a, k):
    return range(*(v if type(v) is bool else v.__index__() for v in a))


def _type(i, a, k):
    value = a[0]
    if isinstance(value, Module | Instance):
        return value.cls
    for native in BUILTINS.values():
        if isinstance(native, NativeType) and type(value) in native.types[:1]:
            return native
    return Native(type_name(value), lambda i, a, k: Unknown("failed"))


def _round(i, a, k):
    return round(*a, **k)


def _callable(i, a, k):
    return isinstance(a[0], Native | Function | Method | Class | LayerType | Module | Wrapped)


def _nothing(i, a, k):
    return None


def _wrap(kind: str):
    return lambda i, a, k: Wrapped(kind, a[0], a[1] if len(a) > 1 else None)


def _has_attribute(i, a, k):
    return i.has_attribute(a[0], a[1])


_FUNCTIONS = {
    "len": _length, "isinstance": _is_instance, "issubclass": _is_subclass,
    "getattr": _get_attribute, "setattr": _set_attribute, "hasattr": _has_attribute,
    "delattr": lambda i, a, k: i.delete_attribute(a[0], a[1]),
    "super": _super, "enumerate": lambda i, a, k: [
        (n, v) for n, v in enumerate(i.iterate(a[0]), a[1] if len(a) > 1 else k.get("start", 0))],
    "zip": _zip, "map": _map, "filter": _filter, "sum": _sum,
    "min": _extreme("min"), "max": _extreme("max"), "abs": lambda i, a, k: abs(a[0]),
    "sorted": lambda i, a, k: i.sort(a[0], k), "reversed": lambda i, a, k: i.iterate(a[0])[::-1],
    "any": lambda i, a, k: any(i.truth(v, "any") for v in i.iterate(a[0])),
    "all": lambda i, a, k: all(i.truth(v, "all") for v in i.iterate(a[0])),
    "round": _round, "divmod": lambda i, a, k: divmod(*a), "repr": _string,
    "callable": _callable, "iter": lambda i, a, k: Cursor(i.iterate(a[0])), "next": _next,
    "id": lambda i, a, k: 0, "chr": lambda i, a, k: chr(a[0]), "ord": lambda i, a, k: ord(a[0]),
    "vars": lambda i, a, k: dict(getattr(a[0], "fields", {})), "hash": lambda i, a, k: 0,
    "slice": lambda i, a, k: slice(*a), "pow": lambda i, a, k: i.power(*a[:2]),
    "input": lambda i, a, k: Unknown("failed", i.line),
    "open": lambda i, a, k: Unknown("failed", i.line),
    "globals": lambda i, a, k: dict(i.main.names), "locals": lambda i, a, k: {},
    "property": _wrap("property"), "staticmethod": _wrap("staticmethod"),
    "classmethod": _wrap("classmethod"),
}  # fmt: skip
_TYPES = {
    "int": (_convert(int), (int,)), "float": (_convert(float), (float,)),
    "bool": (_convert(bool), (bool,)), "str": (_string, (str,)),
    "list": (_collection(list), (list,)), "tuple": (_collection(tuple), (tuple,)),
    "set": (_collection(set), (set,)), "frozenset": (_collection(frozenset), (set, frozenset)),
    "dict": (_dictionary, (dict,)), "range": (_range, (range,)),
    "type": (_type, (Class, LayerType)),
    "object": (lambda i, a, k: Unknown("failed", i.line), (object,)),
    "bytes": (_nothing, (bytes,)), "complex": (_nothing, (complex,)),
}  # fmt: skip
_SAFE_UNKNOWN = ("isinstance", "setattr", "property", "staticmethod", "classmethod", "zip",
                 "enumerate", "list", "tuple", "dict", "any", "all", "callable", "max", "min",
                 "bool", "super", "map", "filter")  # fmt: skip
EXCEPTIONS = [name for name in dir(builtins) if name.endswith(("Error", "Exception", "Warning"))]
BUILTINS: dict[str, Value] = {
    **{n: Native(n, call, safe_unknown=n in _SAFE_UNKNOWN) for n, call in _FUNCTIONS.items()},
    **{n: NativeType(n, call, n in _SAFE_UNKNOWN, types) for n, (call, types) in _TYPES.items()},
    "print": Native("print", _nothing, safe_unknown=True),
    **{name: ExceptionType(name) for name in [*EXCEPTIONS, "StopIteration", "KeyboardInterrupt"]},
    "NotImplemented": None,
    "Ellipsis": ...,
    "__debug__": True,
}

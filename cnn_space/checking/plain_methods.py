"""Methods of strings, lists, tuples, dicts, sets and numbers, each in a table."""

from __future__ import annotations

from cnn_space.checking import text_formats
from cnn_space.checking.values import Native, Raised, Value

_STRING = """capitalize casefold count endswith find index isalnum isalpha isdigit isidentifier
islower isnumeric isspace isupper lower lstrip partition removeprefix removesuffix rfind rindex
rpartition rsplit rstrip split splitlines startswith strip swapcase title upper""".split()  # noqa: SIM905
_STRING_METHODS = {name: getattr(str, name) for name in _STRING}


def _string(name: str, value: str):
    if name == "format":
        return lambda i, a, k: text_formats.format_text(i, value, a, k)
    if name == "join":
        return lambda i, a, k: text_formats.joined(i, value, i.iterate(a[0]))
    if name == "replace":
        return lambda i, a, k: _replace(i, value, a)
    if name in _STRING_METHODS:
        method = _STRING_METHODS[name]
        return lambda i, a, k: method(value, *a, **k)
    return None


def _replace(interpreter, value: str, arguments: list) -> str:
    old, new = arguments[:2]
    interpreter.budget.check_items(len(value) + value.count(old) * len(new))
    return value.replace(old, new)


def _append(i, values, a, k):
    i.budget.check_items(len(values) + 1)
    values.append(a[0])


def _extend(i, values, a, k):
    values.extend(i.iterate(a[0]))
    i.budget.check_items(len(values))


def _index(i, values, a, k):
    for number, value in enumerate(values):
        if i.equal(value, a[0]):
            return number
    raise Raised("ValueError", "not in list", i.line)


def _remove(i, values, a, k):
    values.pop(_index(i, values, a, k))


def _sort(i, values, a, k):
    values[:] = i.sort(values, k)


_LIST = {
    "append": _append,
    "extend": _extend,
    "insert": lambda i, v, a, k: v.insert(a[0], a[1]),
    "pop": lambda i, v, a, k: v.pop(*a),
    "index": _index,
    "remove": _remove,
    "count": lambda i, v, a, k: sum(i.equal(x, a[0]) for x in v),
    "reverse": lambda i, v, a, k: v.reverse(),
    "sort": _sort,
    "copy": lambda i, v, a, k: list(v),
    "clear": lambda i, v, a, k: v.clear(),
}
_TUPLE = {
    "index": _index,
    "count": _LIST["count"],
    "numel": lambda i, v, a, k: i.multiply(v),
    "_asdict": lambda i, v, a, k: {},
}


def _update(i, values, a, k):
    if a and isinstance(a[0], dict):
        values.update(a[0])
    elif a:
        values.update({i.key(pair[0]): pair[1] for pair in i.iterate(a[0])})
    values.update(k)
    i.budget.check_items(len(values))


_DICT = {
    "get": lambda i, v, a, k: v.get(i.key(a[0]), a[1] if len(a) > 1 else k.get("default")),
    "items": lambda i, v, a, k: list(v.items()),
    "keys": lambda i, v, a, k: list(v.keys()),
    "values": lambda i, v, a, k: list(v.values()),
    "pop": lambda i, v, a, k: v.pop(i.key(a[0]), *a[1:]),
    "popitem": lambda i, v, a, k: v.popitem(),
    "setdefault": lambda i, v, a, k: v.setdefault(i.key(a[0]), a[1] if len(a) > 1 else None),
    "update": _update,
    "copy": lambda i, v, a, k: dict(v),
    "clear": lambda i, v, a, k: v.clear(),
    "move_to_end": lambda i, v, a, k: None,
}
_SET = {
    "add": lambda i, v, a, k: v.add(i.key(a[0])),
    "update": lambda i, v, a, k: v.update(i.key(x) for x in i.iterate(a[0])),
    "discard": lambda i, v, a, k: v.discard(i.key(a[0])),
    "union": lambda i, v, a, k: v | set(i.iterate(a[0])),
    "intersection": lambda i, v, a, k: v & set(i.iterate(a[0])),
    "difference": lambda i, v, a, k: v - set(i.iterate(a[0])),
    "issubset": lambda i, v, a, k: v <= set(i.iterate(a[0])),
}
_NUMBER = {
    "bit_length": lambda i, v, a, k: int(v).bit_length(),
    "is_integer": lambda i, v, a, k: float(v).is_integer(),
    "item": lambda i, v, a, k: v,
    "tolist": lambda i, v, a, k: v,
    "astype": lambda i, v, a, k: v,
}
_SAFE_UNKNOWN = ("append", "extend", "insert", "update", "setdefault", "add", "pop")


def _bind(method, value: Value):
    return lambda i, a, k: method(i, value, a, k)


def find(value: Value, name: str, missing: Value) -> Value:
    """The method ``name`` of a plain value, bound to it."""
    if isinstance(value, str):
        method = _string(name, value)
        return Native(name, method) if method else missing
    for kinds, table in (
        (list, _LIST), (tuple, _TUPLE), (dict, _DICT), (set, _SET), (int | float, _NUMBER),
    ):  # fmt: skip
        if isinstance(value, kinds):
            if name not in table:
                return missing
            return Native(name, _bind(table[name], value), name in _SAFE_UNKNOWN)
    return missing

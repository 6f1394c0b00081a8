"""Walking through values, within the bounds."""

from __future__ import annotations

import ast

from cnn_space.checking import tensor_operations
from cnn_space.checking.values import (
    Failure,
    Instance,
    Module,
    Raised,
    Tensor,
    Unknown,
    Value,
    type_name,
)


class Cursor:
    """What iter() gives."""

    def __init__(self, values: list):
        self.values, self.position = values, 0


class Sequences:
    """The part of the interpreter that walks through values."""

    def iterate(self, value: Value) -> list:
        """The values that a loop over ``value`` would see, within the bounds."""
        match value:
            case list() | tuple() | str():
                self.budget.make(len(value))
                return list(value)
            case range():
                self.budget.make(len(value))
                return list(value)
            case dict() | set() | frozenset():
                return [key for key in value if key != "<default>"]
            case Tensor():
                return tensor_operations.iterate(value)
            case Cursor():
                rest = value.values[value.position :]
                value.position = len(value.values)
                return rest
            case Module() | Instance():
                method = self.find_method(value, "__iter__")
                if method is not None:
                    return self.iterate(self.call(method, [], {}))
                if "<fields>" in getattr(value, "fields", {}):
                    return [value.fields[name] for name in value.fields["<fields>"]]
                return self._by_index(value)
            case Unknown():
                raise Failure("not_understood", what=value.what)
        raise Failure("not_iterable", what=type_name(value), error="TypeError")

    def _by_index(self, value: Value) -> list:
        method = self.find_method(value, "__getitem__")
        if method is None:
            raise Failure("not_iterable", what=type_name(value), error="TypeError")
        values: list = []
        try:
            while True:
                values.append(self.call(method, [len(values)], {}))
                self.budget.check_items(len(values))
        except Raised:
            return values

    def multiply(self, values: Value) -> Value:
        """The product of ``values``, each step within the bounds of numbers."""
        product: Value = 1
        for value in values:
            product = self.binary(ast.Mult, product, value)
        return product

    def sort(self, values: Value, keywords: dict) -> list:
        items = self.iterate(values)
        key = keywords.get("key")
        keys = [self.call(key, [item], {}) for item in items] if key is not None else items
        for item in keys:
            self._count_parts(item)
            if not isinstance(item, int | float | str | tuple):
                raise Failure("not_iterable", what=type_name(item), error="TypeError")
        order = sorted(range(len(items)), key=keys.__getitem__,
                       reverse=bool(keywords.get("reverse")))  # fmt: skip
        return [items[i] for i in order]

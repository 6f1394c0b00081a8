"""Operators, comparisons, truth and items, each with its bounds."""

from __future__ import annotations

import ast
import operator

from cnn_space.checking import tensor_operations, text_formats
from cnn_space.checking.items import Items
from cnn_space.checking.limits import Stop
from cnn_space.checking.values import (
    PLAIN,
    Class,
    ExceptionType,
    Failure,
    Instance,
    LayerType,
    Module,
    NativeType,
    Tensor,
    Unknown,
    Value,
    type_name,
)

_BINARY = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.MatMult: operator.matmul,
}
_METHODS = {
    ast.Add: "__add__",
    ast.Sub: "__sub__",
    ast.Mult: "__mul__",
    ast.Div: "__truediv__",
    ast.FloorDiv: "__floordiv__",
}
_COMPARE = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_UNARY = {ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Invert: operator.invert}
_NUMBERS = (int, float, bool, complex)


class Operators(Items):
    """The part of the interpreter that applies operators."""

    def bounded(self, value: Value) -> Value:
        """``value`` where it is within the bounds of numbers, strings and lists."""
        if type(value) is int and value.bit_length() > self.budget.limits.number_bits:
            raise Stop("limit_number", bits=self.budget.limits.number_bits)
        if isinstance(value, str | bytes | list | tuple | dict | set):
            self.budget.make(len(value))
        return value

    def binary(self, op: type, left: Value, right: Value, *, in_place: bool = False) -> Value:
        if isinstance(left, Tensor) or isinstance(right, Tensor):
            for side in (left, right):
                if isinstance(side, Unknown):
                    return side
            return tensor_operations.binary(self, op, left, right, in_place=in_place)
        for side in (left, right):
            if isinstance(side, Unknown):
                return side
        if isinstance(left, Instance | Module):
            method = self.find_method(left, _METHODS.get(op, ""))
            if method is not None:
                return self.call(method, [right], {})
        if op is ast.BitOr and (_is_kind(left) or _is_kind(right)):
            return (*_kinds(left), *_kinds(right))  # int | None, nn.Conv2d | nn.Linear
        self._check_size(op, left, right)
        if op is ast.Mod and isinstance(left, str):
            return text_formats.percent(self, left, right)
        if not _plain_operands(left, right):
            raise Failure(
                "operands", left=type_name(left), right=type_name(right), error="TypeError"
            )
        if in_place and op is ast.Add and isinstance(left, list):
            left.extend(self.iterate(right))
            return self.bounded(left)
        try:
            return self.bounded(_BINARY[op](left, right))
        except TypeError:
            raise Failure(
                "operands", left=type_name(left), right=type_name(right), error="TypeError"
            ) from None
        except (ArithmeticError, ValueError) as error:
            raise Failure("arithmetic", what=str(error)[:80], error="ArithmeticError") from None

    def _check_size(self, op: type, left: Value, right: Value) -> None:
        """Stop before a result grows beyond the bounds."""
        bits = self.budget.limits.number_bits
        if op is ast.Pow and isinstance(left, int) and isinstance(right, int):
            if abs(right) * max(1, left.bit_length()) > bits:
                raise Stop("limit_number", bits=bits)
        elif op is ast.LShift and isinstance(right, int) and right > bits:
            raise Stop("limit_number", bits=bits)
        elif op is ast.Mult:
            for items, count in ((left, right), (right, left)):
                if isinstance(items, str | bytes | list | tuple) and isinstance(count, int):
                    self.budget.check_items(len(items) * max(0, count))

    def unary(self, op: type, value: Value) -> Value:
        if isinstance(value, Unknown):
            return value
        if isinstance(value, Tensor):
            return tensor_operations.same_shape(self, "neg", value)
        if not isinstance(value, _NUMBERS):
            raise Failure("operands", left=type_name(value), right="", error="TypeError")
        return _UNARY[op](value)

    def compare(self, op: type, left: Value, right: Value) -> Value:
        if op in (ast.Is, ast.IsNot):
            if isinstance(left, Unknown) or isinstance(right, Unknown):
                return next(side for side in (left, right) if isinstance(side, Unknown))
            same = left is right or (
                isinstance(left, (*_NUMBERS, str)) and type(left) is type(right) and left == right
            )
            return same == (op is ast.Is)
        for side in (left, right):
            if isinstance(side, Unknown):
                return side
        if op in (ast.In, ast.NotIn):
            found = self.contains(right, left)
            return found if isinstance(found, Unknown) else found == (op is ast.In)
        if isinstance(left, Tensor) or isinstance(right, Tensor):
            return tensor_operations.binary(self, ast.Sub, left, right)
        if op in (ast.Eq, ast.NotEq):
            return self.equal(left, right) == (op is ast.Eq)
        if not _plain_operands(left, right):
            raise Failure(
                "operands", left=type_name(left), right=type_name(right), error="TypeError"
            )
        try:
            self._count_parts(left)
            self._count_parts(right)
            return _COMPARE[op](left, right)
        except TypeError:
            raise Failure(
                "operands", left=type_name(left), right=type_name(right), error="TypeError"
            ) from None

    def equal(self, left: Value, right: Value) -> bool:
        """Whether two values are equal; lists within lists are compared within the bounds."""
        self.budget.tick()
        if left is right:
            return True
        if isinstance(left, list | tuple) and isinstance(right, list | tuple):
            return (
                isinstance(left, list) == isinstance(right, list)
                and len(left) == len(right)
                and all(self.equal(a, b) for a, b in zip(left, right, strict=True))
            )
        if isinstance(left, dict) and isinstance(right, dict):
            return left.keys() == right.keys() and all(
                self.equal(value, right[key]) for key, value in left.items()
            )
        if isinstance(left, PLAIN) and isinstance(right, PLAIN):
            return left == right
        return isinstance(left, set) and isinstance(right, set) and left == right

    def _count_parts(self, value: Value) -> None:
        """Tick once for each part, so that lists sharing parts cannot take long to compare."""
        self.budget.tick()
        if isinstance(value, list | tuple):
            for part in value:
                self._count_parts(part)

    def contains(self, items: Value, value: Value) -> Value:
        if isinstance(items, Unknown):
            return items
        if isinstance(items, dict | set):
            return self.key(value) in items
        if isinstance(items, str):
            return isinstance(value, str) and value in items
        if isinstance(items, Module | Instance):
            method = self.find_method(items, "__contains__")
            if method is not None:
                return self.truth(self.call(method, [value], {}), "in")
        return any(self.equal(value, item) for item in self.iterate(items))

    def truth(self, value: Value, what: str | ast.expr) -> bool:
        """Whether ``value`` counts as true; one that is not understood counts as false.

        ``what`` is the test, for the note that it is not understood.
        """
        if isinstance(value, Unknown):
            if value.what != "failed":
                self._note_test(what)
            return False
        if isinstance(value, Tensor):
            if value.numbers and len(value.numbers) == 1:
                return bool(value.numbers[0])
            self._note_test(what)
            return False
        if isinstance(value, Module):
            length = self.find_method(value, "__len__")
            return bool(self.call(length, [], {})) if length is not None else True
        if isinstance(value, (*PLAIN, list, tuple, dict, set)):
            return bool(value)
        return True

    def _note_test(self, what: str | ast.expr) -> None:
        shown = what if isinstance(what, str) else f"if {ast.unparse(what)[:60]}"
        self.note_unknown(shown)

    def key(self, value: Value) -> Value:
        """``value`` as the key of a dict or set."""
        if isinstance(value, list | dict | set):
            raise Failure("unhashable", what=type_name(value), error="TypeError")
        self._count_parts(value)
        return value

    # --- items --------------------------------------------------------------------------------


def _is_kind(value: Value) -> bool:
    return isinstance(value, Class | LayerType | NativeType | ExceptionType)


def _kinds(value: Value) -> tuple:
    return value if isinstance(value, tuple) else (value,)


def _plain_operands(left: Value, right: Value) -> bool:
    kinds = (*PLAIN, list, tuple, dict, set)
    return isinstance(left, kinds) and isinstance(right, kinds)

"""f-strings, ``%`` and ``str.format`` for plain values, with bounds on width."""

from __future__ import annotations

import re
import string
from types import NoneType

from cnn_space.checking.limits import Stop
from cnn_space.checking.values import Class, Failure, Tensor, Unknown, Value, type_name

_WIDE = re.compile(r"\d{4,}")
_PLAIN = (int, float, bool, str, NoneType)


_LONGEST = 2000  # characters of a text within a format, which may repeat it


def joined(interpreter, separator: str, parts: list) -> str:
    """``separator.join(parts)``, whose length is known before it is made."""
    length = sum(map(len, parts)) + len(separator) * max(0, len(parts) - 1)
    interpreter.budget.make(length)
    return separator.join(parts)


def show(interpreter, value: Value) -> str:
    """What str() gives, within the bounds; objects of the text get a short name."""
    interpreter.budget.tick()
    match value:
        case str():
            return value
        case float() | bool() | None | int():
            return str(value)
        case list() | tuple():
            parts = [_quoted(interpreter, item) for item in value[:200]]
            text = joined(interpreter, ", ", parts)
            return f"[{text}]" if isinstance(value, list) else f"({text})"
        case Class():
            return f"<class '{value.name}'>"
        case Tensor():
            return "tensor"
    return f"<{type_name(value)}>"


def _quoted(interpreter, value: Value) -> str:
    return f"'{value}'" if isinstance(value, str) else show(interpreter, value)


def _check_width(spec: str) -> None:
    if len(spec) > 200_000 or _WIDE.search(spec):
        raise Stop("limit_items", items=9999)


def _plain(interpreter, value: Value) -> Value:
    plain = value if isinstance(value, _PLAIN) else show(interpreter, value)
    if isinstance(plain, str) and len(plain) > _LONGEST:
        raise Stop("limit_items", items=_LONGEST)
    return plain


def format_value(interpreter, value: Value, spec: Value) -> Value:
    """``value`` formatted by ``spec``, as in an f-string."""
    if isinstance(spec, Unknown):
        return spec
    _check_width(spec)
    try:
        return interpreter.bounded(format(_plain(interpreter, value), spec))
    except (ValueError, TypeError):
        raise Failure("format", what=spec[:40], error="ValueError") from None


def percent(interpreter, template: str, values: Value) -> str:
    """``template % values``"""
    _check_width(template)
    if "*" in template:
        raise Stop("limit_items", items=9999)
    if isinstance(values, tuple):
        values = tuple(_plain(interpreter, value) for value in values)
    elif isinstance(values, dict):
        values = {k: _plain(interpreter, v) for k, v in values.items() if isinstance(k, str)}
    else:
        values = _plain(interpreter, values)
    try:
        return interpreter.bounded(template % values)
    except (ValueError, TypeError, KeyError):
        raise Failure("format", what=template[:40], error="TypeError") from None


class _Formatter(string.Formatter):
    """``str.format`` without attributes and items."""

    def get_field(self, field_name, args, kwargs):
        if "." in field_name or "[" in field_name:
            raise KeyError(field_name)
        return super().get_field(field_name, args, kwargs)

    def format_field(self, value, format_spec):
        _check_width(format_spec)
        return super().format_field(value, format_spec)


def format_text(interpreter, template: str, arguments: list, keywords: dict) -> str:
    """``template.format(*arguments, **keywords)``"""
    _check_width(template)
    try:
        return interpreter.bounded(
            _Formatter().vformat(
                template,
                [_plain(interpreter, a) for a in arguments],
                {k: _plain(interpreter, v) for k, v in keywords.items()},
            )
        )
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        raise Failure("format", what=template[:40], error="KeyError") from None

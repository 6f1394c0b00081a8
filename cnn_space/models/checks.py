"""Checks of what a caller asks of a net; each raises ValueError with what would be right."""

import inspect
from collections.abc import Mapping
from typing import get_args

_KINDS = {bool: "True or False", int: "a whole number", float: "a number", str: "a word"}


def check_count(name: str, value: int) -> None:
    """Raise ValueError unless ``value`` is a whole number of at least 1."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} is {value!r}: it must be a whole number of at least 1")


def check_options(arch: str, net: type, fixed: set[str], options: Mapping[str, object]) -> None:
    """Raise ValueError for an option that ``net``, the class of ``arch``, does not have, and for a
    value of another type than its annotation says. ``fixed``: arguments that ``arch`` sets."""
    allowed = {
        name: parameter.annotation
        for name, parameter in inspect.signature(net).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and name not in fixed
    }
    unknown = set(options) - set(allowed)
    if unknown:
        choice = sorted(set(allowed) - {"in_channels", "small_input"})
        raise ValueError(
            f"{arch} has no option {', '.join(map(repr, sorted(unknown)))}: it knows "
            + (", ".join(choice) or "none besides in_channels and small_input")
        )
    for name, value in options.items():
        _check_type(name, value, allowed[name])


def _check_type(name: str, value: object, annotation: object) -> None:
    """``annotation`` is a type, or several: ``int | str | None``."""
    types = get_args(annotation) or (annotation,)
    if type(value) in types or (type(value) is int and float in types):
        return
    right = " or ".join(_KINDS[kind] for kind in types if kind in _KINDS)
    raise ValueError(f"{name} is {value!r}: it must be {right}")

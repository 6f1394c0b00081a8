"""What the interpreter computes with.

Numbers, strings, lists, tuples, dicts and sets are Python's own. Everything that has attributes is
one of the classes below, so a name written in the text never reaches an attribute of Python.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from types import NoneType
from typing import Any

import torch

Value = Any
PLAIN = (int, float, bool, complex, str, bytes, NoneType, slice, range, type(...))


class Failure(Exception):
    """Something the text does wrong: ``kind`` is a sentence's key, ``values`` fill it."""

    def __init__(self, kind: str, line: int | None = None, **values):
        super().__init__(kind)
        self.kind, self.line, self.values = kind, line, values


class Raised(Exception):
    """An exception that the text itself raises (or that Python would raise in its place)."""

    def __init__(self, name: str, message: str = "", line: int | None = None):
        super().__init__(message)
        self.name, self.message, self.line = name, message, line


@dataclass(eq=False)
class Unknown:
    """A value that is not understood; whatever is made of it is not understood either."""

    what: str
    line: int | None = None


@dataclass(eq=False, slots=True)
class Tensor:
    """A tensor on the meta device and the recorded operation that gave it."""

    raw: torch.Tensor
    node: int | None = None  # None: no operation of the net gave it
    parameter: bool = False
    numbers: list | None = None  # its values where they are known (torch.linspace and the like)
    version: int = 0  # raised by in-place operations

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.raw.shape)


@dataclass(eq=False)
class Native:
    """A function of ours under a name of the text: ``call(interpreter, arguments, keywords)``."""

    name: str
    call: Callable[..., Value]
    safe_unknown: bool = False  # takes values that are not understood


@dataclass(eq=False)
class NativeType(Native):
    """A type of Python; ``types`` are those that isinstance accepts."""

    types: tuple[type, ...] = ()


@dataclass(eq=False)
class LayerType:
    """A class of torch.nn. ``build`` is None for Module and the containers."""

    name: str
    build: type | None = None
    parents: tuple[LayerType, ...] = ()


@dataclass(eq=False)
class Namespace:
    """A module or another bag of names."""

    name: str
    members: dict[str, Value] = field(default_factory=dict)
    strict: bool = False  # all its names are known: another one is a mistake


@dataclass(eq=False)
class Function:
    """A function of the text, with the scope it closes over."""

    name: str
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Any
    defaults: list[Value] = field(default_factory=list)
    keyword_defaults: dict[str, Value] = field(default_factory=dict)
    owner: Class | None = None
    yields: bool | None = None  # None: not looked at yet


@dataclass(eq=False)
class Method:
    """A function and what it is bound to."""

    function: Value
    receiver: Value


@dataclass(eq=False)
class Wrapped:
    """staticmethod, classmethod or property around a function."""

    kind: str
    function: Value
    setter: Value = None


@dataclass(eq=False)
class Class:
    """A class of the text."""

    name: str
    bases: list[Value]
    namespace: dict[str, Value]
    line: int | None
    node: ast.ClassDef | None = None
    fields: list[str] | None = None  # of a NamedTuple or dataclass, in order
    record: str | None = None  # "namedtuple", "dataclass", "enum"
    mro: list[Value] = field(default_factory=list)

    @property
    def is_module(self) -> bool:
        return any(isinstance(base, LayerType) for base in self.mro)

    @property
    def layer_type(self) -> LayerType | None:
        """The class of torch.nn that it comes from."""
        return next((base for base in self.mro if isinstance(base, LayerType)), None)

    @property
    def is_exception(self) -> bool:
        return any(isinstance(b, ExceptionType) for b in self.mro)


@dataclass(eq=False)
class ExceptionType:
    """An exception class of Python."""

    name: str


@dataclass(eq=False)
class Instance:
    """An object of a class of the text that is not an nn.Module, or an exception."""

    cls: Class | ExceptionType
    fields: dict[str, Value] = field(default_factory=dict)


@dataclass(eq=False)
class Super:
    """What super() gives: ``receiver`` seen from behind ``cls``."""

    cls: Class
    receiver: Value


@dataclass(eq=False)
class Module:
    """An nn.Module: of a class of the text, or a layer of torch.nn with its real module."""

    cls: Class | LayerType
    line: int | None
    children: dict[str, Value] = field(default_factory=dict)
    parameters: dict[str, Value] = field(default_factory=dict)
    buffers: dict[str, Value] = field(default_factory=dict)
    fields: dict[str, Value] = field(default_factory=dict)
    layer: torch.nn.Module | None = None
    training: bool = True
    ready: bool = False  # nn.Module.__init__ has run
    arguments: dict[str, Value] = field(default_factory=dict)
    weight_norm: bool = False

    @property
    def kind(self) -> str:
        return self.cls.name

    @property
    def layer_type(self) -> LayerType | None:
        return self.cls if isinstance(self.cls, LayerType) else self.cls.layer_type


def type_name(value: Value) -> str:
    """How a message names the type of ``value``."""
    match value:
        case Module() | Instance():
            return value.cls.name
        case Unknown():
            return "unknown"
        case Native() | Function() | Method() | Wrapped():
            return "function"
        case Class() | LayerType() | NativeType() | ExceptionType():
            return "class"
        case Namespace():
            return "module"
    return type(value).__name__ if value is not None else "None"

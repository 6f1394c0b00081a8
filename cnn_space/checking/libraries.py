"""What imports give: tables of names. Nothing is imported by a name of the text.

A module that is not in the tables gives values that are not understood. Texts of this package's
nets and of torchvision's may be read (and interpreted) where a text builds on them.
"""

from __future__ import annotations

import itertools
import math

import torch

from cnn_space.checking import helper_functions as helpers
from cnn_space.checking.argument_parser import make_parser
from cnn_space.checking.builtin_functions import BUILTINS
from cnn_space.checking.layer_types import (
    F_NAMES,
    MODULE,
    NN_NAMES,
    TORCH_NAMES,
)
from cnn_space.checking.torch_names import (
    DECORATOR,
    EITHER,
    FUNCTIONAL,
    IDENTITY,
    NN,
    NOTHING,
    TORCH,
)
from cnn_space.checking.values import (
    Class,
    ExceptionType,
    Failure,
    Function,
    LayerType,
    Namespace,
    Native,
    NativeType,
    Unknown,
    Value,
)

NAMED_TUPLE = NativeType("NamedTuple", helpers.nothing, True, (tuple,))
ENUM = NativeType("Enum", helpers.nothing, True, ())


def _math() -> dict[str, Value]:
    names = "ceil floor sqrt log log2 log10 exp pow gcd trunc fabs cos sin tan isclose hypot"
    table: dict[str, Value] = {n: Native(f"math.{n}", _plain(getattr(math, n)))
                               for n in names.split()}  # fmt: skip
    table["prod"] = Native("math.prod", lambda i, a, k: i.multiply(i.iterate(a[0])))
    return table | {"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan}


def _plain(function):
    return lambda i, a, k: function(*a, **k)


_KNOWN_ELSEWHERE = {"torch": TORCH_NAMES, "torch.nn": NN_NAMES, "torch.nn.functional": F_NAMES}
_TYPING = """Any Callable Dict List Optional Tuple Type Union Sequence Iterable Iterator Generic
TypeVar Final Literal Set Mapping ClassVar Annotated Protocol Self Generator cast overload
NewType TYPE_CHECKING Iterable MutableMapping Hashable ParamSpec Concatenate TypeAlias""".split()  # noqa: SIM905


def _typing() -> dict[str, Value]:
    table: dict[str, Value] = {n: BUILTINS["object"] for n in _TYPING}
    return table | {
        "NamedTuple": NAMED_TUPLE, "cast": Native("cast", lambda i, a, k: a[1], True),
        "TYPE_CHECKING": False, "overload": IDENTITY, "get_args": NOTHING,
        "TypeVar": Native("TypeVar", lambda i, a, k: BUILTINS["object"], True),
        "NewType": Native("NewType", lambda i, a, k: BUILTINS["object"], True),
    }  # fmt: skip


def _itertools() -> dict[str, Value]:
    return {
        "chain": Native("chain", lambda i, a, k: [v for part in a for v in i.iterate(part)]),
        "repeat": Native("repeat", helpers.repeat),
        "product": Native("product", helpers.product),
        "islice": Native("islice", lambda i, a, k: list(
            itertools.islice(i.iterate(a[0]), *a[1:]))),
        "accumulate": Native("accumulate", helpers.accumulate),
        "zip_longest": Native("zip_longest", lambda i, a, k: list(
            itertools.zip_longest(*map(i.iterate, a), fillvalue=k.get("fillvalue")))),
    }  # fmt: skip


def _space(name: str, members: dict[str, Value], *, strict: bool = False) -> Namespace:
    return Namespace(name, members, strict)


MODULES: dict[str, Namespace] = {
    "torch": TORCH,
    "torch.nn": NN,
    "torch.nn.functional": FUNCTIONAL,
    "math": _space("math", _math()),
    "cmath": _space("cmath", {}),
    "functools": _space("functools", {
        "partial": Native("partial", helpers.partial, True), "reduce":
        Native("reduce", helpers.reduce), "wraps": DECORATOR, "lru_cache": EITHER,
        "cache": IDENTITY, "cached_property": BUILTINS["property"]}),
    "collections": _space("collections", {
        "OrderedDict": BUILTINS["dict"], "namedtuple": Native("namedtuple", helpers.named_tuple),
        "defaultdict": Native("defaultdict", helpers.default_dict), "deque": BUILTINS["list"],
        "abc": Namespace("collections.abc", {n: BUILTINS["object"] for n in _TYPING}
                         | {"Iterable": BUILTINS["list"], "Sequence": BUILTINS["list"]})}),
    "typing": _space("typing", _typing()),
    "typing_extensions": _space("typing_extensions", _typing()),
    "argparse": _space("argparse", {"ArgumentParser": Native("ArgumentParser", make_parser, True)}),
    "copy": _space("copy", {"deepcopy": Native("deepcopy", helpers.deep_copy),
                            "copy": Native("copy", helpers.shallow_copy)}),
    "itertools": _space("itertools", _itertools()),
    "numpy": _space("numpy", {
        "prod": Native("prod", lambda i, a, k: i.multiply(i.iterate(a[0]))),
        "linspace": TORCH.members["linspace"], "arange": TORCH.members["arange"],
        "array": Native("array", lambda i, a, k: a[0]),
        "cumsum": Native("cumsum", helpers.accumulate), "pi": math.pi,
        "sum": BUILTINS["sum"], "max": BUILTINS["max"], "min": BUILTINS["min"],
        **{n: Native(n, _plain(getattr(math, n))) for n in ("ceil", "floor", "sqrt", "log", "exp")},
        "round": BUILTINS["round"], "abs": BUILTINS["abs"], "log2": Native("l", _plain(math.log2)),
        "random": Namespace("numpy.random", {"seed": NOTHING})}),
    "dataclasses": _space("dataclasses", {
        "dataclass": Native("dataclass", helpers.dataclass, True), "field":
        Native("field", helpers.field, True), "replace": Native("replace", helpers.replace, True),
        "asdict": Native("asdict", lambda i, a, k: helpers.as_dict(a[0]))}),
    "abc": _space("abc", {"ABC": BUILTINS["object"], "abstractmethod": IDENTITY,
                          "ABCMeta": BUILTINS["object"]}),
    "enum": _space("enum", {"Enum": ENUM, "IntEnum": ENUM, "auto": NOTHING}),
    "warnings": _space("warnings", {"warn": NOTHING, "filterwarnings": NOTHING}),
    "operator": _space("operator", {"mul": Native("mul", helpers.multiply_two),
                                    "add": Native("add", helpers.add_two)}),
    "logging": _space("logging", {"getLogger": Native("l", lambda i, a, k: Unknown("failed"))}),
    "inspect": _space("inspect", {
        "isfunction": Native("isfunction", lambda i, a, k: isinstance(a[0], Function | Native)
                             and not isinstance(a[0], NativeType), True),
        "isclass": Native("isclass", lambda i, a, k: isinstance(a[0], Class | LayerType), True)}),
    "torch.autograd": TORCH.members["autograd"],
    "einops": _space("einops", {}),
    "einops.layers": _space("einops.layers", {}),
}  # fmt: skip
# Decorators and helpers of torchvision and timm that change no shape.
_QUIET = {
    "_log_api_usage_once": NOTHING, "register_model": EITHER,
    "handle_legacy_interface": DECORATOR,
    "WeightsEnum": ENUM, "load_state_dict_from_url": NOTHING, "register_notrace_module": IDENTITY,
    "register_notrace_function": IDENTITY, "summary": NOTHING, "SummaryWriter": NOTHING,
    "load_url": NOTHING, "deprecated": DECORATOR, "override": IDENTITY,
    "register_model_deprecations": NOTHING, "generate_default_cfgs": IDENTITY,
    "trunc_normal_": IDENTITY, "to_2tuple": Native("to_2tuple", helpers.pair),
    "DropPath": LayerType("DropPath", torch.nn.Dropout, (MODULE,)), "lecun_normal_": IDENTITY,
}  # fmt: skip


def find_module(name: str, interpreter, missing: Value = None) -> Value:
    """The module called ``name``; one that is not in the tables is an open bag of unknowns."""
    if name in MODULES:
        return MODULES[name]
    parent, _, last = name.rpartition(".")
    if parent in MODULES or parent.startswith("torch."):
        home = find_module(parent, interpreter)
        if isinstance(home, Namespace) and last in home.members:
            return home.members[last]
        if last in _KNOWN_ELSEWHERE.get(parent, ()):
            return Unknown(name, getattr(interpreter, "line", None))
        if missing is not None and isinstance(home, Namespace) and home.strict:
            return missing
        if missing is not None:
            return Unknown(name, getattr(interpreter, "line", None))
    return missing if missing is not None else Namespace(name)


def find_name(module: str, name: str, interpreter, scope) -> Value:
    """What ``from module import name`` gives."""
    if name in _QUIET and module.split(".")[0] != "torch":
        return _QUIET[name]
    home = find_module(module, interpreter)
    if isinstance(home, Namespace) and name in home.members:
        return home.members[name]
    if f"{module}.{name}" in MODULES:
        return MODULES[f"{module}.{name}"]
    if interpreter.library is not None:
        found = interpreter.library.find(module, name, interpreter, scope)
        if found is not None:
            return found
    if name in _QUIET:
        return _QUIET[name]
    if isinstance(home, Namespace) and home.strict and name not in _KNOWN_ELSEWHERE.get(module, ()):
        import difflib

        near = difflib.get_close_matches(name, home.members, 3, 0.7)
        raise Failure("import_unknown", of=module, name=name, near=near, error="ImportError")
    return Unknown(f"{module}.{name}", interpreter.line)


def all_names(module: str, interpreter, scope) -> dict[str, Value]:
    """What ``from module import *`` gives."""
    home = find_module(module, interpreter)
    if isinstance(home, Namespace) and home.members:
        return {k: v for k, v in home.members.items() if not k.startswith("_")}
    if interpreter.library is not None:
        return interpreter.library.all_names(module, interpreter, scope)
    return {}


def catches(kind: Value, name: str) -> bool:
    """Whether ``except kind`` catches an exception called ``name``."""
    if kind is None or isinstance(kind, Unknown):
        return True
    caught = getattr(kind, "name", "")
    groups = {
        "Exception": None, "BaseException": None,
        "LookupError": ("KeyError", "IndexError"), "ImportError": ("ModuleNotFoundError",),
        "ArithmeticError": ("ZeroDivisionError", "OverflowError"),
    }  # fmt: skip
    if caught in ("Exception", "BaseException"):
        return True
    return caught == name or name in (groups.get(caught) or ())


def function_attribute(function: Value, name: str, missing: Value) -> Value:
    """What may be read of a function: of a type, the methods of its values."""
    if isinstance(function, NativeType) and name == "fromkeys":
        return Native("fromkeys", lambda i, a, k: {
            key: (a[1] if len(a) > 1 else None) for key in i.iterate(a[0])})  # fmt: skip
    if isinstance(function, Native) and name == "from_iterable":
        return Native("chain", lambda i, a, k: [
            v for part in i.iterate(a[0]) for v in i.iterate(part)])  # fmt: skip
    if isinstance(function, Native) and name in ("func", "keywords", "args"):
        return Unknown("failed")
    if name == "__doc__":
        return ""
    if isinstance(function, Function) and name in ("__dict__", "__annotations__"):
        return {}
    return missing


__all__ = ["BUILTINS", "ExceptionType", "LayerType"]

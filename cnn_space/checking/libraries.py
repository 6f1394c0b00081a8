"""What imports give: tables of names. Nothing is imported by a name of the text.

A module that is not in the tables gives values that are not understood. Texts of this package's
nets and of torchvision's may be read (and interpreted) where a text builds on them.
"""

from __future__ import annotations

import itertools
import math

import torch

from cnn_space.checking import helper_functions as helpers
from cnn_space.checking.builtin_functions import BUILTINS
from cnn_space.checking.layer_types import (
    BASES,
    F_NAMES,
    LAYER_TYPES,
    MODULE,
    NN_NAMES,
    TORCH_NAMES,
)
from cnn_space.checking.torch_functions import functional_table, torch_table
from cnn_space.checking.values import (
    Class,
    ExceptionType,
    Failure,
    Function,
    LayerType,
    Method,
    Namespace,
    Native,
    NativeType,
    Tensor,
    Unknown,
    Value,
)

NAMED_TUPLE = NativeType("NamedTuple", helpers.nothing, True, (tuple,))
ENUM = NativeType("Enum", helpers.nothing, True, ())
IDENTITY = Native("identity", lambda i, a, k: a[0] if a else None, safe_unknown=True)
NOTHING = Native("nothing", helpers.nothing, safe_unknown=True)
_DECORATOR = Native("decorator", lambda i, a, k: IDENTITY, safe_unknown=True)


def _either(i, a, k):
    """A decorator used with or without parentheses: ``@torch.no_grad`` and ``@torch.no_grad()``."""
    return a[0] if a and isinstance(a[0], Function | Class | Method) else IDENTITY


_EITHER = Native("decorator", _either, safe_unknown=True)
_UNKNOWN_FALSE = Native("is_available", lambda i, a, k: False, safe_unknown=True)


def _math() -> dict[str, Value]:
    names = "ceil floor sqrt log log2 log10 exp pow prod gcd trunc fabs cos sin tan isclose hypot"
    table: dict[str, Value] = {n: Native(f"math.{n}", _plain(getattr(math, n)))
                               for n in names.split()}  # fmt: skip
    return table | {"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan}


def _plain(function):
    return lambda i, a, k: function(*a, **k)


def _init() -> dict[str, Value]:
    names = """kaiming_normal_ kaiming_uniform_ kaiming_normal kaiming_uniform xavier_normal_
    xavier_uniform_ xavier_normal xavier_uniform constant_ constant normal_ normal uniform_ uniform
    zeros_ ones_ orthogonal_ orthogonal trunc_normal_ dirac_ eye_ sparse_ _no_grad_trunc_normal_"""
    table: dict[str, Value] = {n: IDENTITY for n in names.split()}
    table["calculate_gain"] = Native("calculate_gain", lambda i, a, k: 1.0)
    fans = Native("fan", lambda i, a, k: helpers.fans(i, a[0]))
    return table | {"_calculate_fan_in_and_fan_out": fans}


def _nn() -> Namespace:
    members: dict[str, Value] = dict(LAYER_TYPES)
    members["Parameter"] = NativeType("nn.Parameter", helpers.parameter, False, (Tensor,))
    members["functional"] = FUNCTIONAL
    members["init"] = Namespace("torch.nn.init", _init())
    utils = dict.fromkeys(("weight_norm", "spectral_norm", "clip_grad_norm_"), IDENTITY)
    members["utils"] = Namespace("torch.nn.utils", utils)
    for name in ("parallel", "quantized", "intrinsic"):
        members[name] = Namespace(f"torch.nn.{name}")
    members["DataParallel"] = members["parallel"].members["DataParallel"] = IDENTITY
    modules = dict(members) | BASES
    for name in ("batchnorm", "conv", "linear", "container", "module", "activation", "utils",
                 "pooling", "normalization", "loss", "dropout"):  # fmt: skip
        modules[name] = Namespace(f"torch.nn.modules.{name}", dict(members) | BASES)
    modules["utils"].members["_pair"] = Native("_pair", helpers.pair)
    modules["utils"].members["_ntuple"] = Unknown("_ntuple")
    members["modules"] = Namespace("torch.nn.modules", modules)
    members["parameter"] = Namespace("torch.nn.parameter", {"Parameter": members["Parameter"]})
    return Namespace("torch.nn", members, strict=True)


FUNCTIONAL = Namespace("torch.nn.functional", functional_table(), strict=True)
NN = _nn()
_TENSOR = NativeType("Tensor", lambda i, a, k: helpers.new_tensor(i, a), False, (Tensor,))


def _torch() -> Namespace:
    members: dict[str, Value] = dict(torch_table())
    for (
        name
    ) in """float32 float float64 double float16 half bfloat16 int64 long int32 int int8 uint8
    bool channels_last contiguous_format strided""".split():  # noqa: SIM905
        members[name] = Namespace(f"torch.{name}")
    members |= {
        "nn": NN, "Tensor": _TENSOR, "FloatTensor": _TENSOR, "Size": BUILTINS["tuple"],
        "device": Native("torch.device", lambda i, a, k: Namespace("device"), True),
        "no_grad": _EITHER, "inference_mode": _EITHER, "enable_grad": _EITHER,
        "manual_seed": NOTHING, "set_grad_enabled": NOTHING, "compile": IDENTITY,
        "is_grad_enabled": Native("g", lambda i, a, k: True), "pi": math.pi,
        "set_printoptions": NOTHING, "save": NOTHING, "set_default_dtype": NOTHING,
        "backends": Namespace("torch.backends"), "__version__": "2.0",
        "cuda": Namespace("torch.cuda", {"is_available": _UNKNOWN_FALSE, "empty_cache": NOTHING,
                                         "manual_seed": NOTHING, "manual_seed_all": NOTHING,
                                         "device_count": Native("n", lambda i, a, k: 0)}),
        "jit": Namespace("torch.jit", {
            "is_scripting": _UNKNOWN_FALSE, "is_tracing": _UNKNOWN_FALSE, "unused": IDENTITY,
            "ignore": _EITHER, "export": IDENTITY, "script": IDENTITY, "script_method": IDENTITY,
            "_overload_method": IDENTITY, "_script_if_tracing": IDENTITY, "annotate":
            Native("annotate", lambda i, a, k: a[1]), "ScriptModule": MODULE, "Final":
            BUILTINS["list"], "script_if_tracing": IDENTITY}),
        "fx": Namespace("torch.fx", {"wrap": IDENTITY}),
        "autograd": Namespace("torch.autograd", {"Variable": IDENTITY}),
        "utils": Namespace("torch.utils"), "optim": Namespace("torch.optim"),
        "hub": Namespace("torch.hub"), "distributed": Namespace("torch.distributed"),
        "_assert": NOTHING, "overrides": Namespace("torch.overrides"),
    }  # fmt: skip
    members["utils"].members["checkpoint"] = Namespace(
        "checkpoint", {"checkpoint": Native("checkpoint", helpers.checkpoint)}
    )
    members["backends"].members["mps"] = Namespace("mps", {"is_available": _UNKNOWN_FALSE})
    return Namespace("torch", members, strict=True)


TORCH = _torch()
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
        Native("reduce", helpers.reduce), "wraps": _DECORATOR, "lru_cache": _EITHER,
        "cache": IDENTITY, "cached_property": BUILTINS["property"]}),
    "collections": _space("collections", {
        "OrderedDict": BUILTINS["dict"], "namedtuple": Native("namedtuple", helpers.named_tuple),
        "defaultdict": Native("defaultdict", helpers.default_dict), "deque": BUILTINS["list"],
        "abc": Namespace("collections.abc", {n: BUILTINS["object"] for n in _TYPING}
                         | {"Iterable": BUILTINS["list"], "Sequence": BUILTINS["list"]})}),
    "typing": _space("typing", _typing()),
    "typing_extensions": _space("typing_extensions", _typing()),
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
    "_log_api_usage_once": NOTHING, "register_model": _EITHER,
    "handle_legacy_interface": _DECORATOR,
    "WeightsEnum": ENUM, "load_state_dict_from_url": NOTHING, "register_notrace_module": IDENTITY,
    "register_notrace_function": IDENTITY, "summary": NOTHING, "SummaryWriter": NOTHING,
    "load_url": NOTHING, "deprecated": _DECORATOR, "override": IDENTITY,
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

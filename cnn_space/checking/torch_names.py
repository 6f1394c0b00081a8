"""What torch, torch.nn and torch.nn.functional hold for a text."""

from __future__ import annotations

import math

from cnn_space.checking import helper_functions as helpers
from cnn_space.checking.builtin_functions import BUILTINS
from cnn_space.checking.layer_types import (
    BASES,
    LAYER_TYPES,
    MODULE,
)
from cnn_space.checking.torch_functions import functional_table, torch_table
from cnn_space.checking.values import (
    Class,
    Function,
    Method,
    Namespace,
    Native,
    NativeType,
    Tensor,
    Unknown,
    Value,
)

IDENTITY = Native("identity", lambda i, a, k: a[0] if a else None, safe_unknown=True)


NOTHING = Native("nothing", helpers.nothing, safe_unknown=True)


DECORATOR = Native("decorator", lambda i, a, k: IDENTITY, safe_unknown=True)


def _either(i, a, k):
    """A decorator used with or without parentheses: ``@torch.no_grad`` and ``@torch.no_grad()``."""
    return a[0] if a and isinstance(a[0], Function | Class | Method) else IDENTITY


EITHER = Native("decorator", _either, safe_unknown=True)


_UNKNOWN_FALSE = Native("is_available", lambda i, a, k: False, safe_unknown=True)


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
        "no_grad": EITHER, "inference_mode": EITHER, "enable_grad": EITHER,
        "manual_seed": NOTHING, "set_grad_enabled": NOTHING, "compile": IDENTITY,
        "is_grad_enabled": Native("g", lambda i, a, k: True), "pi": math.pi,
        "set_printoptions": NOTHING, "save": NOTHING, "set_default_dtype": NOTHING,
        "backends": Namespace("torch.backends"), "__version__": "2.0",
        "cuda": Namespace("torch.cuda", {"is_available": _UNKNOWN_FALSE, "empty_cache": NOTHING,
                                         "manual_seed": NOTHING, "manual_seed_all": NOTHING,
                                         "device_count": Native("n", lambda i, a, k: 0)}),
        "jit": Namespace("torch.jit", {
            "is_scripting": _UNKNOWN_FALSE, "is_tracing": _UNKNOWN_FALSE, "unused": IDENTITY,
            "ignore": EITHER, "export": IDENTITY, "script": IDENTITY, "script_method": IDENTITY,
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

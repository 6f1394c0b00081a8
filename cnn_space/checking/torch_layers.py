"""Makes layers of torch.nn on the meta device, and runs them on shapes."""

from __future__ import annotations

import inspect
from functools import cache

import torch

from cnn_space.checking import layer_forward
from cnn_space.checking.layer_types import (
    LAZY,
    MODULE,
    MODULE_DICT,
    MODULE_LIST,
    PARAMETER_LIST,
    SEQUENTIAL,
)
from cnn_space.checking.limits import Stop
from cnn_space.checking.values import (
    Failure,
    LayerType,
    Module,
    Raised,
    Tensor,
    Unknown,
    Value,
    type_name,
)

LARGEST_NUMBER = 2**31
LARGEST_LAYER = 2**36  # parameters
CONTAINERS = (SEQUENTIAL, MODULE_LIST, MODULE_DICT, PARAMETER_LIST)


def build(interpreter, kind: LayerType, arguments: list, keywords: dict) -> Module:
    """A layer or container of torch.nn."""
    interpreter.count_module()
    module = Module(kind, interpreter.line)
    interpreter.modules_made.append(module)
    initialise(interpreter, module, arguments, keywords)
    return module


def initialise(interpreter, module: Module, arguments: list, keywords: dict) -> None:
    """What ``__init__`` of the class of torch.nn does to ``module``."""
    kind = module.layer_type or MODULE
    module.ready = True
    if kind in CONTAINERS:
        _fill(interpreter, module, kind, arguments)
        return
    if kind.build is None:
        return
    for value in (*arguments, *keywords.values()):
        if isinstance(value, Unknown):
            interpreter.note_unknown(f"nn.{kind.name}(…)")
            module.fields["<unknown>"] = True
            return
    module.layer = _make(interpreter, kind, arguments, keywords)
    module.parameters = {
        name: Tensor(value, parameter=True) if value is not None else None
        for name, value in _own_parameters(module.layer)
    }
    for name, value in module.layer._buffers.items():
        module.buffers[name] = Tensor(value) if value is not None else None
    if kind.name in LAZY:
        module.fields["<lazy>"] = True


def _own_parameters(layer: torch.nn.Module) -> list:
    if list(layer.children()):  # MultiheadAttention
        return [(name.replace(".", "_"), p) for name, p in layer.named_parameters()]
    return list(layer._parameters.items())


def _fill(interpreter, module: Module, kind: LayerType, arguments: list) -> None:
    """The children of a container."""
    items: list[tuple[str, Value]]
    if len(arguments) == 1 and isinstance(arguments[0], dict) and kind is not MODULE_LIST:
        items = [(str(k), v) for k, v in arguments[0].items()]
    elif kind is SEQUENTIAL:
        items = [(str(i), value) for i, value in enumerate(arguments)]
    else:
        values = interpreter.iterate(arguments[0]) if arguments else []
        items = [(str(i), value) for i, value in enumerate(values)]
    for name, value in items:
        add_child(interpreter, module, name, value)


def add_child(interpreter, module: Module, name: str, value: Value) -> None:
    if isinstance(value, Module | Unknown) or value is None:
        module.children[name] = value
    elif isinstance(value, Tensor):
        module.parameters[name] = value
    else:
        raise Failure("not_a_module", what=type_name(value), name=name, error="TypeError")
    interpreter.budget.check_items(len(module.children))


def _plain(value: Value) -> Value:
    """``value`` as an argument of torch; Failure for one that no layer takes."""
    if isinstance(value, bool | float | str) or value is None:
        return value
    if isinstance(value, int):
        if abs(value) > LARGEST_NUMBER:
            raise Stop("limit_number", bits=31)
        return value
    if isinstance(value, list | tuple) and len(value) <= 16:
        return tuple(_plain(item) for item in value)
    raise Failure("layer_argument_type", what=type_name(value), error="TypeError")


@cache
def signature(kind: type) -> inspect.Signature:
    return inspect.signature(kind.__init__)


def _make(interpreter, kind: LayerType, arguments: list, keywords: dict) -> torch.nn.Module:
    parameters = signature(kind.build).parameters
    keywords = {k: v for k, v in keywords.items() if k not in ("device", "dtype")}
    known = [name for name in parameters if name not in ("self", "device", "dtype")]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    for name in keywords:
        if name not in known and not takes_any:
            raise Failure(
                "argument_unknown", name=f"nn.{kind.name}", argument=name, known=known,
                error="TypeError",
            )  # fmt: skip
    arguments = [_plain(value) for value in arguments]
    keywords = {name: _plain(value) for name, value in keywords.items()}
    if kind.name in LAZY:
        arguments = [1, *arguments]  # the channels are set by what reaches it first
    if keywords.get("num_layers", 1) > 64 or any(
        type(v) is int and v > 64 for v in arguments[2:3] if kind.name in ("LSTM", "GRU", "RNN")
    ):
        raise Stop("limit_layers", layers=64)
    if "device" in parameters:
        keywords["device"] = "meta"
    try:
        with torch.device("meta"):
            layer = kind.build(*arguments, **keywords)
    except (TypeError, ValueError, RuntimeError, ArithmeticError, AttributeError) as error:
        raise _argument_failure(kind, known, arguments, error) from None
    count = sum(p.numel() for p in layer.parameters())
    if count > LARGEST_LAYER:
        raise Stop("limit_elements", elements=LARGEST_LAYER)
    return layer


def _argument_failure(kind: LayerType, known: list, arguments: list, error: Exception) -> Failure:
    message = str(error).split("\n")[0]
    missing = [name for name in known if f"'{name}'" in message and "missing" in message]
    if missing:
        return Failure(
            "argument_missing", name=f"nn.{kind.name}", argument=", ".join(missing),
            error="TypeError",
        )  # fmt: skip
    if "positional argument" in message:
        return Failure(
            "too_many_arguments", name=f"nn.{kind.name}", wanted=len(known), got=len(arguments),
            error="TypeError",
        )  # fmt: skip
    if len(message) > 120 or "Invocation" in message or "argument" in message:
        message = "whole numbers above 0 are needed"
    return Failure("layer_arguments", name=f"nn.{kind.name}", what=message, error="ValueError")


def forward(interpreter, module: Module, arguments: list, keywords: dict) -> Value:
    """What a module without a ``forward`` of the text gives."""
    kind = module.layer_type or MODULE
    if not arguments and keywords:
        arguments = list(keywords.values())
    if kind is SEQUENTIAL:
        if len(arguments) != 1:
            raise Failure("too_many_arguments", name="nn.Sequential", wanted=1, got=len(arguments))
        value = arguments[0]
        for child in list(module.children.values()):
            if isinstance(child, Unknown):
                return interpreter.note_unknown(child.what, child.line)
            value = interpreter.call(child, [value], {})
            if isinstance(value, Unknown):
                return value
        return value
    if kind in CONTAINERS:
        raise Failure("container_called", name=kind.name, error="NotImplementedError")
    if module.layer is None:
        if "<unknown>" in module.fields:
            return Unknown("failed", interpreter.line)
        if kind is MODULE:
            raise Failure("no_forward", name=module.kind, error="NotImplementedError")
        raise Raised("AttributeError", f"{module.kind} has no layer", interpreter.line)
    for value in arguments:
        if isinstance(value, Unknown):
            return value
    if not arguments or not isinstance(arguments[0], Tensor):
        if kind.name in ("Identity",) and arguments:
            return arguments[0]
        if kind.name.endswith("Loss"):
            return Unknown("failed", interpreter.line)
        raise Failure(
            "layer_input", name=f"nn.{kind.name}",
            what=type_name(arguments[0]) if arguments else "nothing", error="TypeError",
        )  # fmt: skip
    return layer_forward.run(interpreter, module, kind, arguments)

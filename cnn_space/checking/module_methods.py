"""What an nn.Module offers besides what the text defines: ``children``, ``add_module``, …"""

from __future__ import annotations

from collections.abc import Iterator

from cnn_space.checking import torch_layers
from cnn_space.checking.containers import container_method
from cnn_space.checking.layer_types import (
    READABLE,
)
from cnn_space.checking.values import (
    Class,
    Failure,
    LayerType,
    Module,
    Native,
    Raised,
    Tensor,
    Unknown,
    Value,
)


def set_attribute(interpreter, module: Module, name: str, value: Value) -> None:
    """``module.name = value``, with what nn.Module makes of it."""
    tables = (module.children, module.parameters, module.buffers, module.fields)
    is_parameter = isinstance(value, Tensor) and value.parameter
    if (isinstance(value, Module) or is_parameter) and not module.ready:
        interpreter.note_failure(
            Failure("missing_super", name=module.kind, child=name, error="AttributeError")
        )
        module.ready = True
    if isinstance(value, Module):
        target = module.children
    elif is_parameter:
        target = module.parameters
    else:
        target = next((t for t in tables[:3] if name in t), module.fields)
    if name == "training" and isinstance(value, bool):
        set_training(module, value)
        return
    for table in tables:
        if table is not target:
            table.pop(name, None)
    target[name] = value


def named_modules(module: Module, prefix: str = "", seen=None) -> Iterator[tuple[str, Module]]:
    """``module`` and all modules in it with their dotted names, each once."""
    seen = set() if seen is None else seen
    pending = [(prefix, module)]
    while pending:
        name, current = pending.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield name, current
        inner = [
            (f"{name}.{key}" if name else key, child)
            for key, child in current.children.items()
            if isinstance(child, Module)
        ]
        pending.extend(reversed(inner))


def named_parameters(module: Module) -> list[tuple[str, Tensor]]:
    """All parameters with their dotted names, each once."""
    found, seen = [], set()
    for prefix, part in named_modules(module):
        for name, value in part.parameters.items():
            if isinstance(value, Tensor) and id(value.raw) not in seen:
                seen.add(id(value.raw))
                found.append((f"{prefix}.{name}" if prefix else name, value))
    return found


def set_training(module: Module, training: bool) -> None:
    for _, part in named_modules(module):
        part.training = training


def _children(module: Module) -> list[Module]:
    return [child for child in module.children.values() if isinstance(child, Module)]


def _itself(interpreter, module, arguments, keywords):
    return module


def _train(interpreter, module, arguments, keywords):
    set_training(module, bool(arguments[0]) if arguments else True)
    return module


def _eval(interpreter, module, arguments, keywords):
    set_training(module, False)
    return module


def _add_module(interpreter, module, arguments, keywords):
    name = arguments[0] if arguments else keywords["name"]
    value = arguments[1] if len(arguments) > 1 else keywords["module"]
    if not isinstance(name, str):
        raise Failure("not_a_name", what=str(name)[:40], error="TypeError")
    module.ready = module.ready or not isinstance(module.cls, Class)
    module.fields.pop(name, None)
    torch_layers.add_child(interpreter, module, name, value)


def _register_buffer(interpreter, module, arguments, keywords):
    value = arguments[1] if len(arguments) > 1 else keywords.get("tensor")
    module.buffers[arguments[0] if arguments else keywords["name"]] = value


def _register_parameter(interpreter, module, arguments, keywords):
    value = arguments[1] if len(arguments) > 1 else keywords.get("param")
    module.parameters[arguments[0] if arguments else keywords["name"]] = value


def _apply(interpreter, module, arguments, keywords):
    for _, part in reversed(list(named_modules(module))):
        interpreter.call(arguments[0], [part], {})
    return module


def _named_children(interpreter, module, arguments, keywords):
    return [(n, c) for n, c in module.children.items() if isinstance(c, Module)]


def _state_dict(interpreter, module, arguments, keywords):
    return dict(named_parameters(module))


def _set_attribute(interpreter, module, arguments, keywords):
    interpreter.set_attribute(module, arguments[0], arguments[1])


def _get_attribute(interpreter, module, arguments, keywords):
    return interpreter.get_attribute(module, arguments[0])


def _get_submodule(interpreter, module, arguments, keywords):
    value = module
    for step in arguments[0].split(".") if arguments[0] else []:
        value = value.children.get(step) if isinstance(value, Module) else None
        if value is None:
            raise Raised("AttributeError", step, interpreter.line)
    return value


def _forward(interpreter, module, arguments, keywords):
    return torch_layers.forward(interpreter, module, arguments, keywords)


def _call(interpreter, module, arguments, keywords):
    return interpreter.call_module(module, arguments, keywords)


def _initialise(interpreter, module, arguments, keywords):
    torch_layers.initialise(interpreter, module, arguments, keywords)


def _modules(interpreter, module, arguments, keywords):
    return [part for _, part in named_modules(module)]


def _named_modules(interpreter, module, arguments, keywords):
    return list(named_modules(module))


def _parameters(interpreter, module, arguments, keywords):
    return [value for _, value in named_parameters(module)]


_METHODS = {
    "forward": _forward, "__call__": _call, "__init__": _initialise,
    "__setattr__": _set_attribute, "__getattr__": _get_attribute,
    "train": _train, "eval": _eval,
    "add_module": _add_module, "register_module": _add_module,
    "register_buffer": _register_buffer, "register_parameter": _register_parameter,
    "apply": _apply, "modules": _modules, "named_modules": _named_modules,
    "children": lambda i, m, a, k: _children(m), "named_children": _named_children,
    "parameters": _parameters,
    "named_parameters": lambda i, m, a, k: named_parameters(m),
    "buffers": lambda i, m, a, k: [],
    "named_buffers": lambda i, m, a, k: [],
    "state_dict": _state_dict, "get_submodule": _get_submodule,
    "extra_repr": lambda i, m, a, k: "", "_get_name": lambda i, m, a, k: m.kind,
    "load_state_dict": lambda i, m, a, k: None, "zero_grad": lambda i, m, a, k: None,
    "reset_parameters": lambda i, m, a, k: None, "init_weights": lambda i, m, a, k: None,
    "register_forward_hook": lambda i, m, a, k: None,
    "register_forward_pre_hook": lambda i, m, a, k: None,
    "register_full_backward_hook": lambda i, m, a, k: None,
    "share_memory": _itself, "compile": lambda i, m, a, k: None,
    "_conv_forward": lambda i, m, a, k: torch_layers.forward(i, m, a[:1], {}),
    **dict.fromkeys(
        ("to", "cuda", "cpu", "half", "float", "double", "bfloat16", "type", "requires_grad_",
         "to_empty"),
        _itself,
    ),
}  # fmt: skip
MODULE_NAMES = frozenset(_METHODS) | {"training", "dump_patches", "call_super_init"}
_SAFE_UNKNOWN = ("to", "load_state_dict", "type", "__setattr__", "add_module", "register_module",
                 "__init__", "register_forward_hook", "cuda")  # fmt: skip


def attribute(interpreter, module: Module, name: str, missing: Value):
    """What nn.Module and the layers of torch.nn offer under ``name``."""
    value = container_method(interpreter, module, name, missing)
    if value is not missing:
        return value
    if name in _METHODS:
        method = _METHODS[name]
        return Native(
            name, lambda i, a, k: method(i, module, a, k), safe_unknown=name in _SAFE_UNKNOWN
        )
    if name in ("_modules", "_parameters", "_buffers", "__dict__"):
        tables = {"_modules": module.children, "_parameters": module.parameters}
        return tables.get(name, module.buffers if name == "_buffers" else module.fields)
    if module.layer is not None and name in READABLE:
        value = getattr(module.layer, name, missing)
        return value if isinstance(value, int | float | str | tuple | None) else missing
    if module.layer is not None and name in ("weight", "bias", "running_mean", "running_var"):
        return None
    if "<unknown>" in module.fields and name in (READABLE | {"weight", "bias"}):
        return Unknown("failed", interpreter.line)
    return missing


def unbound(kind: LayerType, name: str, missing: Value) -> Value:
    """``nn.Module.__init__`` and others that are called with the module as first argument."""
    if name not in _METHODS:
        return missing

    def call(interpreter, arguments, keywords):
        if not arguments or not isinstance(arguments[0], Module):
            raise Failure("argument_missing", name=f"nn.{kind.name}.{name}", argument="self")
        return _METHODS[name](interpreter, arguments[0], arguments[1:], keywords)

    return Native(name, call, safe_unknown=name in _SAFE_UNKNOWN)

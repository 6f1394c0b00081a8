"""What Sequential, ModuleList, ModuleDict and ParameterList offer."""

from __future__ import annotations

from cnn_space.checking import torch_layers
from cnn_space.checking.layer_types import (
    MODULE_DICT,
    MODULE_LIST,
    PARAMETER_LIST,
    SEQUENTIAL,
)
from cnn_space.checking.values import (
    Failure,
    Module,
    Native,
    Value,
)


def container_method(interpreter, module: Module, name: str, missing: Value) -> Value:
    """Methods of Sequential, ModuleList, ModuleDict."""
    kind = module.layer_type
    children = module.children if kind is not PARAMETER_LIST else module.parameters

    def append(i, arguments, keywords):
        torch_layers.add_child(i, module, str(len(children)), arguments[0])
        return module

    def extend(i, arguments, keywords):
        for value in i.iterate(arguments[0]):
            torch_layers.add_child(i, module, str(len(children)), value)
        return module

    def insert(i, arguments, keywords):
        values = list(children.values())
        values.insert(arguments[0], arguments[1])
        children.clear()
        children.update({str(n): v for n, v in enumerate(values)})

    def update(i, arguments, keywords):
        for key, value in arguments[0].items():
            torch_layers.add_child(i, module, key, value)

    def item(i, arguments, keywords):
        return _item(i, module, children, arguments[0])

    def set_item(i, arguments, keywords):
        index, value = arguments
        keys = list(children)
        children[keys[index] if isinstance(index, int) else index] = value

    methods = {
        "append": append, "extend": extend, "insert": insert, "update": update,
        "__getitem__": item, "__setitem__": set_item,
        "__len__": lambda i, a, k: len(children),
        "__contains__": lambda i, a, k: a[0] in children,
        "__iter__": lambda i, a, k: list(children if kind is MODULE_DICT else children.values()),
        "keys": lambda i, a, k: list(children), "values": lambda i, a, k: list(children.values()),
        "items": lambda i, a, k: list(children.items()),
        "pop": lambda i, a, k: children.pop(list(children)[a[0]] if a and isinstance(a[0], int)
                                            else a[0] if a else list(children)[-1]),
    }  # fmt: skip
    if kind in (SEQUENTIAL, MODULE_LIST, MODULE_DICT, PARAMETER_LIST) and name in methods:
        return Native(name, methods[name], safe_unknown=name in ("append", "extend"))
    return missing


def _item(interpreter, module: Module, children: dict, index: Value) -> Value:
    if isinstance(index, str):
        if index in children:
            return children[index]
        raise Failure("item_unknown", index=index[:40], error="KeyError")
    keys = list(children)
    if isinstance(index, slice):
        part = Module(module.layer_type, interpreter.line, ready=True)
        part.training = module.training
        part.children = {str(i): children[k] for i, k in enumerate(keys[index])}
        return part
    if isinstance(index, int) and -len(keys) <= index < len(keys):
        return children[keys[index]]
    raise Failure("item_unknown", index=str(index)[:40], error="IndexError")

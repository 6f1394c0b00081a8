"""Attributes of values, each looked up in a table or in what the text itself has set."""

from __future__ import annotations

import difflib

import torch

from cnn_space.checking import libraries, module_methods, plain_methods, torch_functions
from cnn_space.checking.values import (
    Class,
    ExceptionType,
    Failure,
    Function,
    Instance,
    LayerType,
    Method,
    Module,
    Namespace,
    Native,
    Super,
    Tensor,
    Unknown,
    Value,
    Wrapped,
    type_name,
)

_MISSING = object()
# Names that exist in Python or torch, though no table here has them: not understood, not wrong.
PYTHON_NAMES = {
    kind: frozenset(dir(torch.Tensor if kind is Tensor else kind))
    for kind in (str, list, tuple, dict, set, int, float, Tensor)
}


class Attributes:
    """The part of the interpreter that reads and sets attributes."""

    def get_attribute(self, receiver: Value, name: str) -> Value:
        value = self.find_attribute(receiver, name)
        if value is not _MISSING:
            return value
        if isinstance(receiver, Namespace) and not receiver.strict:
            return Unknown(f"{receiver.name}.{name}", self.line)
        if name in PYTHON_NAMES.get(type(receiver), ()):
            return Unknown(f"{type_name(receiver)}.{name}", self.line)
        known = self.attribute_names(receiver)
        near = difflib.get_close_matches(name, known, 3, 0.7)
        shown = "self" if self.owners and receiver is self.owners[-1] else type_name(receiver)
        if isinstance(receiver, Namespace):
            shown = receiver.name
        raise Failure("attribute_unknown", of=shown, name=name, near=near, error="AttributeError")

    def has_attribute(self, receiver: Value, name: str) -> bool:
        return self.find_attribute(receiver, name) is not _MISSING

    def attribute_names(self, receiver: Value) -> list[str]:
        match receiver:
            case Module():
                names = [*receiver.children, *receiver.parameters, *receiver.fields]
                return [*names, *self._class_names(receiver.cls)]
            case Instance():
                return [*receiver.fields, *self._class_names(receiver.cls)]
            case Class():
                return self._class_names(receiver)
            case Namespace():
                return list(receiver.members)
            case Tensor():
                return list(torch_functions.METHODS)
        return []

    def _class_names(self, cls: Value) -> list[str]:
        bases = getattr(cls, "mro", ())
        return [name for base in bases for name in getattr(base, "namespace", ())]

    def find_attribute(self, receiver: Value, name: str) -> Value:
        """The attribute, or ``_MISSING``."""
        match receiver:
            case Unknown():
                return (
                    receiver
                    if receiver.what == "failed"
                    else Unknown(f"{receiver.what}.{name}"[:120], receiver.line)
                )
            case Module():
                return self._of_module(receiver, name)
            case Instance():
                if name in receiver.fields:
                    return receiver.fields[name]
                if name == "__class__":
                    return receiver.cls
                if isinstance(receiver.cls, ExceptionType):
                    return _MISSING
                return self._bound(self.find_in_class(receiver.cls, name, _MISSING), receiver)
            case Super():
                return self._of_super(receiver, name)
            case Class():
                return self._of_class(receiver, name)
            case Tensor():
                return torch_functions.attribute(self, receiver, name, _MISSING)
            case Namespace():
                return self._of_namespace(receiver, name)
            case LayerType() | ExceptionType() if name in ("__name__", "__qualname__"):
                return receiver.name
            case LayerType():
                return module_methods.unbound(receiver, name, _MISSING)
            case Function() | Native() if name in ("__name__", "__qualname__"):
                return receiver.name
            case Function() | Native():
                return libraries.function_attribute(receiver, name, _MISSING)
            case Method():
                return self.find_attribute(receiver.function, name)
        return plain_methods.find(receiver, name, _MISSING)

    def _of_namespace(self, receiver: Namespace, name: str) -> Value:
        value = receiver.members.get(name, _MISSING)
        if value is _MISSING:
            child = libraries.find_module(f"{receiver.name}.{name}", self, missing=_MISSING)
            return child
        return value

    def _of_module(self, module: Module, name: str) -> Value:
        for table in (module.fields, module.children, module.parameters, module.buffers):
            if name in table:
                return table[name]
        if name == "training":
            return module.training
        if name == "__class__":
            return module.cls
        if isinstance(module.cls, Class):
            value = self.find_in_class(module.cls, name, _MISSING)
            if value is not _MISSING:
                return self._bound(value, module)
        value = module_methods.attribute(self, module, name, _MISSING)
        if value is not _MISSING or not isinstance(module.cls, Class):
            return value
        fallback = self.find_in_class(module.cls, "__getattr__", None)
        if isinstance(fallback, Function):
            return self.call_function(fallback, [module, name], {})
        return _MISSING

    def _of_super(self, receiver: Super, name: str) -> Value:
        target = receiver.receiver
        cls = target if isinstance(target, Class) else target.cls
        mro = cls.mro
        behind = mro[mro.index(receiver.cls) + 1 :] if receiver.cls in mro else mro[1:]
        for base in behind:
            if isinstance(base, Class) and name in base.namespace:
                return self._bound(base.namespace[name], target)
            if isinstance(base, Unknown):
                return libraries.NOTHING
        if isinstance(target, Module):
            return module_methods.attribute(self, target, name, _MISSING)
        base = next((b for b in behind if isinstance(b, Class) and b.record), None)
        if base is not None and name == "__init__":
            return Native(name, lambda i, a, k: i.set_fields(base, target, a, k), True)
        return libraries.NOTHING if name == "__init__" else _MISSING

    def _of_class(self, cls: Class, name: str) -> Value:
        if name in ("__name__", "__qualname__"):
            return cls.name
        value = self.find_in_class(cls, name, _MISSING)
        if isinstance(value, Wrapped):
            if value.kind == "classmethod":
                return Method(value.function, cls)
            return value.function if value.kind == "staticmethod" else value
        if value is _MISSING and cls.layer_type is not None:
            return module_methods.unbound(cls.layer_type, name, _MISSING)
        if value is _MISSING and any(isinstance(b, Unknown) for b in cls.mro):
            return Unknown(f"{cls.name}.{name}", self.line)
        if value is _MISSING and cls.record == "enum" and name in ("verify",):
            return libraries.IDENTITY
        return value

    def find_in_class(self, cls: Value, name: str, default: Value = None) -> Value:
        """The first definition of ``name`` among a class and its bases."""
        for base in getattr(cls, "mro", ()):
            if isinstance(base, Class) and name in base.namespace:
                return base.namespace[name]
        return default

    def find_method(self, receiver: Value, name: str) -> Value:
        """A method of an Instance or Module with its receiver bound, or None."""
        found = self.find_in_class(receiver.cls, name)
        if isinstance(found, Function | Wrapped):
            return self._bound(found, receiver)
        if isinstance(receiver, Module):
            value = module_methods.attribute(self, receiver, name, None)
            return value if isinstance(value, Native) else None
        return None

    def _bound(self, value: Value, receiver: Value) -> Value:
        if isinstance(value, Wrapped):
            if value.kind == "property":
                return self.call(value.function, [receiver], {})
            if value.kind == "classmethod":
                return Method(value.function, getattr(receiver, "cls", receiver))
            return value.function
        if isinstance(value, Function):
            return Method(value, receiver)
        return value

    # --- setting ------------------------------------------------------------------------------

    def set_attribute(self, receiver: Value, name: str, value: Value) -> None:
        match receiver:
            case Module():
                setter = self.find_in_class(receiver.cls, name)
                if isinstance(setter, Wrapped) and isinstance(setter.setter, Function):
                    self.call_function(setter.setter, [receiver, value], {})
                else:
                    module_methods.set_attribute(self, receiver, name, value)
            case Instance():
                receiver.fields[name] = value
            case Class():
                receiver.namespace[name] = value
            case Tensor() | Namespace() | Function() | Unknown() | Native() | Method():
                return  # weight.data = …, torch.backends.… = …: nothing that a shape depends on
            case _:
                raise Failure("attribute_set", what=type_name(receiver), name=name)

    def delete_attribute(self, receiver: Value, name: str) -> None:
        if isinstance(receiver, Module):
            for table in (
                receiver.fields,
                receiver.children,
                receiver.parameters,
                receiver.buffers,
            ):
                table.pop(name, None)
        elif isinstance(receiver, Instance):
            receiver.fields.pop(name, None)

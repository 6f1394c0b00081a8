"""Definitions of functions and classes, and imports."""

from __future__ import annotations

import ast

from cnn_space.checking import libraries
from cnn_space.checking.scope import Scope
from cnn_space.checking.values import (
    Class,
    Failure,
    Function,
    Unknown,
    Value,
    Wrapped,
)


class Definitions:
    """The part of the interpreter that defines functions and classes and reads imports."""

    def run_function(self, node: ast.FunctionDef, scope: Scope) -> None:
        function = self.make_function(node, scope, node.name)
        scope.set(node.name, self._decorate(function, node.decorator_list, scope))

    def make_function(self, node, scope: Scope, name: str) -> Function:
        arguments = node.args
        return Function(
            name,
            node,
            scope,
            [self.evaluate(value, scope) for value in arguments.defaults],
            {
                argument.arg: self.evaluate(value, scope)
                for argument, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
                if value is not None
            },
        )

    def _decorate(self, value: Value, decorators: list[ast.expr], scope: Scope) -> Value:
        for decorator in reversed(decorators):
            if isinstance(decorator, ast.Attribute) and decorator.attr == "setter":
                getter = scope.names.get(getattr(decorator.value, "id", ""))
                if isinstance(getter, Wrapped):
                    return Wrapped("property", getter.function, value)
                continue
            wrapper = self.evaluate(decorator, scope)
            if isinstance(wrapper, Unknown):
                continue  # a decorator that is not known is taken to change nothing
            value = self.call(wrapper, [value], {})
        return value

    def run_class(self, node: ast.ClassDef, scope: Scope) -> None:
        bases = [self.evaluate(base, scope) for base in node.bases]
        inner = Scope(scope, is_class=True)
        self.run_body(node.body, inner)
        made = Class(
            node.name, bases, inner.names, node.lineno if scope.source == "main" else None, node
        )
        made.mro = _linearise(made)
        if not made.is_module and any(isinstance(b, Unknown) for b in made.mro):
            has_forward = any(
                isinstance(s, ast.FunctionDef) and s.name == "forward" for s in node.body
            )
            if has_forward:  # a base that is not known, and a forward: taken for an nn.Module
                made.mro.append(libraries.MODULE)
        made.fields = made.namespace.pop("__fields__", None)
        for base in bases:
            if base is libraries.NAMED_TUPLE:
                made.record = "namedtuple"
            elif base is libraries.ENUM:
                made.record = "enum"
        for value in inner.names.values():
            target = value.function if isinstance(value, Wrapped) else value
            if isinstance(target, Function):
                target.owner = target.owner or made
            if isinstance(value, Wrapped) and isinstance(value.setter, Function):
                value.setter.owner = value.setter.owner or made
        scope.set(node.name, self._decorate(made, node.decorator_list, scope))

    def run_import(self, node: ast.Import, scope: Scope) -> None:
        for alias in node.names:
            if alias.asname:
                scope.set(alias.asname, libraries.find_module(alias.name, self))
            else:
                first = alias.name.partition(".")[0]
                scope.set(first, libraries.find_module(first, self))

    def run_import_from(self, node: ast.ImportFrom, scope: Scope) -> None:
        name = "." * node.level + (node.module or "")
        if name == "__future__":
            return
        for alias in node.names:
            if alias.name == "*":
                for key, value in libraries.all_names(name, self, scope).items():
                    scope.set(key, value)
                continue
            value = libraries.find_name(name, alias.name, self, scope)
            scope.set(alias.asname or alias.name, value)


def _linearise(cls: Class) -> list[Value]:
    """The class, then its bases, each before its own bases and after all its subclasses."""
    order: list[Value] = [cls]
    for base in cls.bases:
        chain = base.mro if isinstance(base, Class) else [base, *getattr(base, "parents", ())]
        for item in chain:
            if item in order:
                order.remove(item)
            order.append(item)
    if len(order) > 64:
        raise Failure("too_many_bases", name=cls.name)
    return order

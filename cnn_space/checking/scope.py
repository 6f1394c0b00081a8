"""Where names live while the text is interpreted."""

from __future__ import annotations

import ast

from cnn_space.checking.values import Value


class Scope:
    """Names of one function, class body or module, and the scope around it."""

    __slots__ = ("function", "globals_", "is_class", "names", "outer", "passed_on", "source")

    def __init__(self, outer: Scope | None = None, *, is_class: bool = False, source: str = ""):
        self.names: dict[str, Value] = {}
        self.outer = outer
        self.is_class = is_class
        self.globals_ = outer.globals_ if outer else self
        self.source = source or (outer.source if outer else "")
        self.passed_on: dict[str, Scope] = {}  # names declared global or nonlocal
        self.function = None  # the Function whose call this is

    def find(self, name: str) -> Scope | None:
        """The scope in which ``name`` is read."""
        if name in self.passed_on:
            return self.passed_on[name]
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names and (scope is self or not scope.is_class):
                return scope
            scope = scope.outer
        return None

    def set(self, name: str, value: Value) -> None:
        self.passed_on.get(name, self).names[name] = value

    def declare_global(self, name: str) -> None:
        self.passed_on[name] = self.globals_

    def declare_nonlocal(self, name: str) -> None:
        scope = self.outer
        while scope is not None and (scope.is_class or name not in scope.names):
            scope = scope.outer
        self.passed_on[name] = scope or self.globals_


def yields(function: ast.AST) -> bool:
    """Whether the body of ``function`` itself (not one inside it) has a ``yield``."""
    pending = list(ast.iter_child_nodes(function))
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            pending.extend(ast.iter_child_nodes(node))
    return False

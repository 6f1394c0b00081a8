"""How the interpreter runs statements."""

from __future__ import annotations

import ast
from typing import ClassVar

from cnn_space.checking import libraries
from cnn_space.checking.definitions import Definitions
from cnn_space.checking.limits import Stop
from cnn_space.checking.scope import Scope
from cnn_space.checking.values import (
    Class,
    ExceptionType,
    Failure,
    Instance,
    Raised,
    Unknown,
    Value,
)


class ReturnSignal(Exception):
    def __init__(self, value: Value):
        self.value = value


class BreakSignal(Exception):
    pass


class ContinueSignal(Exception):
    pass


class Statements(Definitions):
    """The part of the interpreter that runs statements."""

    guarded = 0  # how many try statements are being run

    def run_body(self, body: list[ast.stmt], scope: Scope) -> None:
        for statement in body:
            self.run_statement(statement, scope)

    def run_statement(self, node: ast.stmt, scope: Scope) -> None:
        self.budget.tick()
        if scope.source == "main":
            self.line = node.lineno
        handler = self.STATEMENTS.get(type(node))
        if handler is None:
            self.note_unknown(type(node).__name__)
            return
        try:
            handler(self, node, scope)
        except RecursionError:
            raise Stop("limit_depth", depth=self.budget.limits.depth, name="") from None
        except Failure as failure:
            if self.guarded:
                raise Raised(failure.values.get("error", "Exception"), failure.kind) from failure
            self.note_failure(failure)
            self._forget_targets(node, scope)

    def _forget_targets(self, node: ast.stmt, scope: Scope) -> None:
        """After a failure, what the statement would have set is not understood."""
        targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
        for target in targets:
            if isinstance(target, ast.expr) and not isinstance(node, ast.For | ast.With):
                try:
                    self.assign(target, Unknown("failed", node.lineno), scope)
                except (Failure, Raised):
                    continue
        if isinstance(node, ast.Return):
            raise ReturnSignal(Unknown("failed", node.lineno))

    # --- assignment -------------------------------------------------------------------------

    def run_assign(self, node: ast.Assign, scope: Scope) -> None:
        value = self.evaluate(node.value, scope)
        for target in node.targets:
            self.assign(target, value, scope)

    def run_ann_assign(self, node: ast.AnnAssign, scope: Scope) -> None:
        if scope.is_class and isinstance(node.target, ast.Name):
            scope.names.setdefault("__fields__", []).append(node.target.id)
        if node.value is not None:
            self.assign(node.target, self.evaluate(node.value, scope), scope)

    def run_aug_assign(self, node: ast.AugAssign, scope: Scope) -> None:
        left = self.evaluate(node.target, scope)
        right = self.evaluate(node.value, scope)
        value = self.binary(type(node.op), left, right, in_place=True)
        self.assign(node.target, value, scope)

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        match target:
            case ast.Name():
                scope.set(target.id, value)
            case ast.Tuple() | ast.List():
                self._unpack(target.elts, value, scope)
            case ast.Attribute():
                receiver = self.evaluate(target.value, scope)
                self.set_attribute(receiver, target.attr, value)
            case ast.Subscript():
                self.set_item(
                    self.evaluate(target.value, scope), self.evaluate(target.slice, scope), value
                )
            case ast.Starred():
                self.assign(target.value, value, scope)
            case _:
                self.note_unknown(type(target).__name__)

    def _unpack(self, targets: list[ast.expr], value: Value, scope: Scope) -> None:
        if isinstance(value, Unknown):
            for target in targets:
                self.assign(target, value, scope)
            return
        values = self.iterate(value)
        starred = [i for i, t in enumerate(targets) if isinstance(t, ast.Starred)]
        if starred:
            first, after = starred[0], len(targets) - starred[0] - 1
            if len(values) < len(targets) - 1:
                raise Failure("unpack", wanted=len(targets), got=len(values))
            middle = values[first : len(values) - after]
            values = [*values[:first], middle, *values[len(values) - after :]]
        if len(values) != len(targets):
            raise Failure("unpack", wanted=len(targets), got=len(values), error="ValueError")
        for target, item in zip(targets, values, strict=True):
            self.assign(target, item, scope)

    def run_delete(self, node: ast.Delete, scope: Scope) -> None:
        for target in node.targets:
            match target:
                case ast.Name():
                    scope.names.pop(target.id, None)
                case ast.Attribute():
                    self.delete_attribute(self.evaluate(target.value, scope), target.attr)
                case ast.Subscript():
                    self.delete_item(
                        self.evaluate(target.value, scope), self.evaluate(target.slice, scope)
                    )

    # --- control ------------------------------------------------------------------------------

    def run_if(self, node: ast.If, scope: Scope) -> None:
        test = self.evaluate(node.test, scope)
        known = self.truth(test, node.test)
        self.run_body(node.body if known else node.orelse, scope)

    def run_for(self, node: ast.For, scope: Scope) -> None:
        values = self.evaluate(node.iter, scope)
        if isinstance(values, Unknown):
            self.note_unknown(f"for … in {ast.unparse(node.iter)[:60]}")
            return
        for value in self.iterate(values):
            self.budget.tick()
            self.assign(node.target, value, scope)
            try:
                self.run_body(node.body, scope)
            except BreakSignal:
                return
            except ContinueSignal:
                continue
        self.run_body(node.orelse, scope)

    def run_while(self, node: ast.While, scope: Scope) -> None:
        while True:
            self.budget.tick()
            test = self.evaluate(node.test, scope)
            if not self.truth(test, node.test):
                break
            try:
                self.run_body(node.body, scope)
            except BreakSignal:
                return
            except ContinueSignal:
                continue
        self.run_body(node.orelse, scope)

    def run_break(self, node, scope) -> None:
        raise BreakSignal

    def run_continue(self, node, scope) -> None:
        raise ContinueSignal

    def run_return(self, node: ast.Return, scope: Scope) -> None:
        value = self.evaluate(node.value, scope) if node.value else None
        if scope.source == "main":
            self.return_line = node.lineno
        raise ReturnSignal(value)

    def run_with(self, node: ast.With, scope: Scope) -> None:
        for item in node.items:
            value = self.evaluate(item.context_expr, scope)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, value, scope)
        self.run_body(node.body, scope)

    def run_try(self, node: ast.Try, scope: Scope) -> None:
        self.guarded += bool(node.handlers)
        try:
            self.run_body(node.body, scope)
        except Raised as error:
            self.guarded -= bool(node.handlers)
            try:
                if not self._handle(node, error, scope):
                    raise
            finally:
                self.guarded += bool(node.handlers)
        else:
            self.run_body(node.orelse, scope)
        finally:
            self.guarded -= bool(node.handlers)
            self.run_body(node.finalbody, scope)

    def _handle(self, node: ast.Try, error: Raised, scope: Scope) -> bool:
        for handler in node.handlers:
            kinds = self.evaluate(handler.type, scope) if handler.type else None
            kinds = kinds if isinstance(kinds, tuple) else (kinds,)
            if any(libraries.catches(kind, error.name) for kind in kinds):
                if handler.name:
                    scope.set(handler.name, Instance(ExceptionType(error.name), {"args": ()}))
                self.run_body(handler.body, scope)
                return True
        return False

    def run_raise(self, node: ast.Raise, scope: Scope) -> None:
        value = self.evaluate(node.exc, scope) if node.exc else None
        name = "Exception"
        message = ""
        if isinstance(value, Class | ExceptionType):
            name = value.name
        elif isinstance(value, Instance):
            name = value.cls.name
            message = " ".join(str(a) for a in value.fields.get("args", ()) if type(a) is str)
        raise Raised(name, message[:300], self.line)

    def run_assert(self, node: ast.Assert, scope: Scope) -> None:
        test = self.evaluate(node.test, scope)
        if isinstance(test, Unknown) or self.truth(test, "assert"):
            return
        raise Raised("AssertionError", ast.unparse(node.test)[:120], self.line)

    def run_expression(self, node: ast.Expr, scope: Scope) -> None:
        self.evaluate(node.value, scope)

    def run_pass(self, node, scope) -> None:
        return

    def run_global(self, node: ast.Global, scope: Scope) -> None:
        for name in node.names:
            scope.declare_global(name)

    def run_nonlocal(self, node: ast.Nonlocal, scope: Scope) -> None:
        for name in node.names:
            scope.declare_nonlocal(name)

    # --- definitions --------------------------------------------------------------------------

    # --- imports ------------------------------------------------------------------------------

    STATEMENTS: ClassVar[dict] = {
        ast.Assign: run_assign,
        ast.AnnAssign: run_ann_assign,
        ast.AugAssign: run_aug_assign,
        ast.Delete: run_delete,
        ast.If: run_if,
        ast.For: run_for,
        ast.While: run_while,
        ast.Break: run_break,
        ast.Continue: run_continue,
        ast.Return: run_return,
        ast.With: run_with,
        ast.Try: run_try,
        ast.Raise: run_raise,
        ast.Assert: run_assert,
        ast.Expr: run_expression,
        ast.Pass: run_pass,
        ast.Global: run_global,
        ast.Nonlocal: run_nonlocal,
        ast.FunctionDef: Definitions.run_function,
        ast.AsyncFunctionDef: Definitions.run_function,
        ast.ClassDef: Definitions.run_class,
        ast.Import: Definitions.run_import,
        ast.ImportFrom: Definitions.run_import_from,
    }

"""How the interpreter evaluates expressions."""

from __future__ import annotations

import ast
from typing import ClassVar

from cnn_space.checking import text_formats
from cnn_space.checking.operators import Operators
from cnn_space.checking.scope import Scope
from cnn_space.checking.values import Failure, Tensor, Unknown, Value

# Calls that are not understood and change no shape: loading weights, logging.
QUIET_CALLS = ("load_url(…)", "load(…)", "load_state_dict_from_url(…)", "warning(…)", "info(…)",
               "download_model(…)", "get_model_file(…)", "join(…)", "expanduser(…)")  # fmt: skip


class Expressions(Operators):
    """The part of the interpreter that evaluates expressions."""

    def eval_constant(self, node: ast.Constant, scope: Scope) -> Value:
        if isinstance(node.value, int) and not isinstance(node.value, bool):
            return self.bounded(node.value)
        return node.value

    def eval_name(self, node: ast.Name, scope: Scope) -> Value:
        home = scope.find(node.id)
        if home is None:
            raise Failure("name_unknown", name=node.id, error="NameError")
        return home.names[node.id]

    def eval_attribute(self, node: ast.Attribute, scope: Scope) -> Value:
        receiver = self.evaluate(node.value, scope)
        if scope.source == "main":
            self.line = node.end_lineno or node.lineno
        return self.get_attribute(receiver, node.attr)

    def eval_call(self, node: ast.Call, scope: Scope) -> Value:
        callee = self.evaluate(node.func, scope)
        arguments, keywords = self.evaluate_arguments(node, scope)
        if scope.source == "main":
            self.line = node.func.end_lineno or node.lineno
        if isinstance(callee, Unknown):
            return self.call_unknown(callee, node, arguments, keywords)
        return self.call(callee, arguments, keywords, scope)

    def call_unknown(self, callee: Unknown, node: ast.Call, arguments, keywords) -> Unknown:
        passed = [*arguments, *keywords.values()]
        if callee.what != "failed" and not any(
            isinstance(a, Unknown) and a.what == "failed" for a in passed
        ):
            what = f"{ast.unparse(node.func)[:80]}(…)"
            if what.rpartition(".")[2] in QUIET_CALLS:
                return Unknown("failed", self.line)
            noted = self.note_unknown(what)
            # What a forward makes of it later is not noted again.
            return noted if self.phase != "forward" else Unknown("failed", self.line)
        return Unknown("failed", self.line)

    def evaluate_arguments(self, node: ast.Call, scope: Scope) -> tuple[list, dict]:
        arguments: list[Value] = []
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                value = self.evaluate(argument.value, scope)
                if isinstance(value, Unknown):
                    arguments.append(value)
                else:
                    arguments.extend(self.iterate(value))
            else:
                arguments.append(self.evaluate(argument, scope))
        keywords: dict[str, Value] = {}
        for keyword in node.keywords:
            value = self.evaluate(keyword.value, scope)
            if keyword.arg is not None:
                keywords[keyword.arg] = value
            elif isinstance(value, dict):
                keywords.update({k: v for k, v in value.items() if isinstance(k, str)})
        self.budget.make(len(arguments) + len(keywords))
        return arguments, keywords

    # --- operators ----------------------------------------------------------------------------

    def eval_binary(self, node: ast.BinOp, scope: Scope) -> Value:
        left = self.evaluate(node.left, scope)
        right = self.evaluate(node.right, scope)
        if scope.source == "main":
            self.line = node.lineno
        return self.binary(type(node.op), left, right)

    def eval_unary(self, node: ast.UnaryOp, scope: Scope) -> Value:
        value = self.evaluate(node.operand, scope)
        if isinstance(node.op, ast.Not):
            if isinstance(value, Unknown):
                return value
            return not self.truth(value, node)
        return self.unary(type(node.op), value)

    def eval_bool(self, node: ast.BoolOp, scope: Scope) -> Value:
        wanted = isinstance(node.op, ast.Or)
        value: Value = None
        for part in node.values:
            value = self.evaluate(part, scope)
            if isinstance(value, Unknown):
                continue  # decided by the parts that are known, if they can
            if self.truth(value, node) == wanted:
                return value
        return value

    def eval_compare(self, node: ast.Compare, scope: Scope) -> Value:
        left = self.evaluate(node.left, scope)
        result: Value = True
        for operator, right_node in zip(node.ops, node.comparators, strict=True):
            right = self.evaluate(right_node, scope)
            result = self.compare(type(operator), left, right)
            if isinstance(result, Unknown | Tensor):
                return result
            if not result:
                return False
            left = right
        return result

    def eval_if(self, node: ast.IfExp, scope: Scope) -> Value:
        test = self.evaluate(node.test, scope)
        known = self.truth(test, node.test)
        return self.evaluate(node.body if known else node.orelse, scope)

    def eval_named(self, node: ast.NamedExpr, scope: Scope) -> Value:
        value = self.evaluate(node.value, scope)
        self.assign(node.target, value, scope)
        return value

    # --- displays -----------------------------------------------------------------------------

    def _elements(self, nodes: list[ast.expr], scope: Scope) -> list[Value]:
        values: list[Value] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                values.extend(self.iterate(self.evaluate(node.value, scope)))
            else:
                values.append(self.evaluate(node, scope))
        self.budget.make(len(values))
        return values

    def eval_tuple(self, node: ast.Tuple, scope: Scope) -> Value:
        return tuple(self._elements(node.elts, scope))

    def eval_list(self, node: ast.List, scope: Scope) -> Value:
        return self._elements(node.elts, scope)

    def eval_set(self, node: ast.Set, scope: Scope) -> Value:
        return {self.key(value) for value in self._elements(node.elts, scope)}

    def eval_dict(self, node: ast.Dict, scope: Scope) -> Value:
        made: dict = {}
        for key, value in zip(node.keys, node.values, strict=True):
            item = self.evaluate(value, scope)
            if key is None:
                if isinstance(item, dict):
                    made.update(self.bounded(item))
            else:
                made[self.key(self.evaluate(key, scope))] = item
        return made

    def eval_subscript(self, node: ast.Subscript, scope: Scope) -> Value:
        receiver = self.evaluate(node.value, scope)
        index = self.evaluate(node.slice, scope)
        if scope.source == "main":
            self.line = node.lineno
        return self.get_item(receiver, index)

    def eval_slice(self, node: ast.Slice, scope: Scope) -> Value:
        parts = [
            self.evaluate(part, scope) if part is not None else None
            for part in (node.lower, node.upper, node.step)
        ]
        for part in parts:
            if isinstance(part, Unknown):
                return part
        return slice(*parts)

    def eval_lambda(self, node: ast.Lambda, scope: Scope) -> Value:
        return self.make_function(node, scope, "<lambda>")

    # --- text ---------------------------------------------------------------------------------

    def eval_joined(self, node: ast.JoinedStr, scope: Scope) -> Value:
        parts = [
            value.value if isinstance(value, ast.Constant) else self.evaluate(value, scope)
            for value in node.values
        ]
        if any(isinstance(part, Unknown) for part in parts):
            return next(part for part in parts if isinstance(part, Unknown))
        return text_formats.joined(self, "", parts)

    def eval_formatted(self, node: ast.FormattedValue, scope: Scope) -> Value:
        value = self.evaluate(node.value, scope)
        if isinstance(value, Unknown):
            return value
        spec = self.evaluate(node.format_spec, scope) if node.format_spec else ""
        return text_formats.format_value(self, value, spec)

    # --- comprehensions -----------------------------------------------------------------------

    def _loop(self, generators: list[ast.comprehension], scope: Scope, body) -> None:
        if not generators:
            body()
            return
        first, *rest = generators
        values = self.evaluate(first.iter, scope)
        if isinstance(values, Unknown):
            self.note_unknown(f"for … in {ast.unparse(first.iter)[:60]}")
            return
        for value in self.iterate(values):
            self.budget.tick()
            self.assign(first.target, value, scope)
            if all(self.truth(self.evaluate(test, scope), "if") for test in first.ifs):
                self._loop(rest, scope, body)

    def _inner(self, scope: Scope) -> Scope:
        """The scope of a comprehension; in a class body it sees the names around it too."""
        inner = Scope(scope)
        if scope.is_class:
            inner.names.update(scope.names)
        inner.function = scope.function
        return inner

    def eval_list_comprehension(self, node, scope: Scope) -> Value:
        inner = self._inner(scope)
        values: list[Value] = []

        def add() -> None:
            values.append(self.evaluate(node.elt, inner))
            self.budget.check_items(len(values))

        self._loop(node.generators, inner, add)
        return values

    def eval_set_comprehension(self, node, scope: Scope) -> Value:
        return {self.key(value) for value in self.eval_list_comprehension(node, scope)}

    def eval_dict_comprehension(self, node: ast.DictComp, scope: Scope) -> Value:
        inner = self._inner(scope)
        made: dict = {}

        def add() -> None:
            made[self.key(self.evaluate(node.key, inner))] = self.evaluate(node.value, inner)
            self.budget.check_items(len(made))

        self._loop(node.generators, inner, add)
        return made

    def eval_yield(self, node: ast.Yield, scope: Scope) -> Value:
        value = self.evaluate(node.value, scope) if node.value else None
        self._yielded(scope).append(value)
        return None

    def eval_yield_from(self, node: ast.YieldFrom, scope: Scope) -> Value:
        self._yielded(scope).extend(self.iterate(self.evaluate(node.value, scope)))
        return None

    def _yielded(self, scope: Scope) -> list:
        home = scope.find("<yielded>")
        if home is None:
            raise Failure("not_understood", what="yield")
        values = home.names["<yielded>"]
        self.budget.check_items(len(values))
        return values

    EXPRESSIONS: ClassVar[dict] = {
        ast.Constant: eval_constant,
        ast.Name: eval_name,
        ast.Attribute: eval_attribute,
        ast.Call: eval_call,
        ast.BinOp: eval_binary,
        ast.UnaryOp: eval_unary,
        ast.BoolOp: eval_bool,
        ast.Compare: eval_compare,
        ast.IfExp: eval_if,
        ast.NamedExpr: eval_named,
        ast.Tuple: eval_tuple,
        ast.List: eval_list,
        ast.Set: eval_set,
        ast.Dict: eval_dict,
        ast.Subscript: eval_subscript,
        ast.Slice: eval_slice,
        ast.Lambda: eval_lambda,
        ast.JoinedStr: eval_joined,
        ast.FormattedValue: eval_formatted,
        ast.ListComp: eval_list_comprehension,
        ast.GeneratorExp: eval_list_comprehension,
        ast.SetComp: eval_set_comprehension,
        ast.DictComp: eval_dict_comprehension,
        ast.Yield: eval_yield,
        ast.YieldFrom: eval_yield_from,
    }

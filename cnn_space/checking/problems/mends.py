"""Corrections of findings in the recorded forwards, found in the tree by their line."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cnn_space.checking.problem import Edit


def other(line: int, main: int) -> tuple[int, ...]:
    """``line`` as a further line of a finding at ``main``."""
    return (line,) if line != main else ()


def calls(tree: ast.Module, line: int, *names: str) -> Iterator[ast.Call]:
    """The calls of ``names`` that reach over ``line``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.lineno <= line <= (node.end_lineno or node.lineno):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in names:
                yield node


def _is_number(node: ast.AST | None, value: int) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _is_number(node.operand, -value)
    return isinstance(node, ast.Constant) and node.value == value and type(node.value) is int


def _replace(node: ast.AST, text: str) -> tuple[Edit, ...]:
    if node.lineno != node.end_lineno:
        return ()
    return (Edit(node.lineno, node.col_offset, node.end_col_offset, text),)


def softmax_dim(tree: ast.Module, line: int) -> tuple[Edit, ...]:
    """``dim=1`` in place of ``dim=0``."""
    for call in calls(tree, line, "Softmax", "LogSoftmax", "softmax", "log_softmax"):
        values = [k.value for k in call.keywords if k.arg == "dim"] + call.args
        for value in values:
            if _is_number(value, 0) or _is_number(value, -2):
                return _replace(value, "1")
    return ()


def flatten_view(tree: ast.Module, line: int) -> tuple[Edit, ...]:
    """``x.flatten(1)`` in place of ``x.view(-1)`` and ``x.view(1, -1)``."""
    edits: list[Edit] = []
    for call in calls(tree, line, "view", "reshape"):
        sizes = call.args
        plain = len(sizes) == 1 and _is_number(sizes[0], -1)
        one = len(sizes) == 2 and _is_number(sizes[0], 1) and _is_number(sizes[1], -1)
        func = call.func
        if not (plain or one) or not isinstance(func, ast.Attribute):
            continue
        if func.end_lineno == call.end_lineno:
            start = func.end_col_offset - len(func.attr)
            edits.append(Edit(call.end_lineno, start, call.end_col_offset, "flatten(1)"))
    for call in calls(tree, line, "flatten"):
        if isinstance(call.func, ast.Attribute) and not call.args and not call.keywords:
            end = call.end_col_offset
            edits.append(Edit(call.end_lineno, end - 1, end, "1)"))
        elif len(call.args) == 1 and getattr(call.func.value, "id", "") == "torch":
            end = call.end_col_offset
            edits.append(Edit(call.end_lineno, end - 1, end, ", 1)"))
    return tuple(edits)


def add_training(tree: ast.Module, line: int) -> tuple[Edit, ...]:
    """``training=self.training`` as last argument of ``F.dropout``."""
    for call in calls(tree, line, "dropout", "dropout2d", "dropout1d", "alpha_dropout"):
        if any(k.arg == "training" for k in call.keywords) or len(call.args) > 2:
            continue
        if isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") == "self":
            continue
        end = call.end_col_offset
        return (Edit(call.end_lineno, end - 1, end - 1, ", training=self.training"),)
    return ()


def literal_argument(
    tree: ast.Module, line: int, kind: str, value: int, new: int
) -> tuple[Edit, ...]:
    """``new`` in place of the first argument ``value`` of the call of ``kind`` at ``line``."""
    found = []
    for call in calls(tree, line, kind):
        names = ("in_channels", "in_features", "num_features")
        first = [*call.args[:1], *(k.value for k in call.keywords if k.arg in names)]
        found += [node for node in first if _is_number(node, value)]
    return _replace(found[0], str(new)) if len(found) == 1 else ()


def wrap_value(tree: ast.Module, text: str, name: str, container: str) -> tuple[Edit, ...]:
    """``self.name = container(…)``, where the value is a list or dict as it stands."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign):
            continue
        target = node.targets[0]
        value = node.value
        if not (isinstance(target, ast.Attribute) and target.attr == name):
            continue
        if isinstance(value, ast.List | ast.ListComp | ast.Dict | ast.DictComp):
            if isinstance(value, ast.List | ast.Dict) and not ast.unparse(value)[1:-1]:
                return _replace(value, f"{container}()")
            start = Edit(value.lineno, value.col_offset, value.col_offset, f"{container}(")
            end = Edit(value.end_lineno, value.end_col_offset, value.end_col_offset, ")")
            return (start, end)
    return ()

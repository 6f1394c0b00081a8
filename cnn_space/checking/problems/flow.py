"""Where values go: results that nobody reads, or takes in another order; globals in forward."""

from __future__ import annotations

import ast

from cnn_space.checking.problem import Edit, Problem
from cnn_space.checking.problems.classes import ModuleClass, module_classes

_SHAPERS = ("view", "reshape")
_THROWN = ("relu", "cat", "flatten", "sigmoid", "tanh", "softmax", "view", "reshape", "permute",
           "transpose", "squeeze", "unsqueeze", "dropout", "max_pool2d", "avg_pool2d",
           "leaky_relu", "adaptive_avg_pool2d")  # fmt: skip


def _functions(tree: ast.Module) -> list[tuple[ModuleClass, ast.FunctionDef]]:
    return [(cls, m) for cls in module_classes(tree) for m in cls.methods.values()]


def check_lost(tree: ast.Module, text: str) -> list[Problem]:
    """``out = self.layer(x)`` where ``out`` is never read: the layer runs for nothing."""
    problems = []
    for cls, function in _functions(tree):
        read = {n.id for n in ast.walk(function)
                if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}  # fmt: skip
        shared = {name for n in ast.walk(function) if isinstance(n, ast.Global | ast.Nonlocal)
                  for name in n.names}  # fmt: skip
        lost = [
            s for s in ast.walk(function)
            if isinstance(s, ast.Assign) and len(s.targets) == 1
            and isinstance(s.targets[0], ast.Name) and s.targets[0].id not in read | shared
            and not s.targets[0].id.startswith("_") and _calls_self(s.value)
        ]  # fmt: skip
        for statement in lost:
            target, call = statement.targets[0], statement.value
            values = {"name": target.id, "code": ast.unparse(call)[:60]}
            edits = _rename(target, _only_name(call))
            values["chain"] = _only_name(call) or ""
            layer = call.func.attr in cls.assigned and call.func.attr not in cls.methods
            severity = "wrong" if layer else "doubtful"  # a method may be called for its effects
            edits = edits if layer else ()
            problems.append(Problem("result_lost", statement.lineno, values, severity, edits))
    return problems


def check_returned(tree: ast.Module, text: str) -> list[Problem]:
    """A forward that computes and returns nothing."""
    problems = []
    for cls, function in _functions(tree):
        if function.name != "forward" or not isinstance(function.body[-1], ast.Assign):
            continue
        inside = list(ast.walk(function))
        gives = any(isinstance(n, ast.Return | ast.Yield | ast.YieldFrom) and n.value is not None
                    for n in inside)  # fmt: skip
        target = function.body[-1].targets[0]
        if gives or not isinstance(target, ast.Name):
            continue
        values = {"class": cls.node.name, "name": target.id}
        problems.append(Problem("nothing_returned", function.lineno, values))
    return problems


def check_future(tree: ast.Module, text: str) -> list[Problem]:
    """``from __future__`` behind other statements, which Python refuses."""
    begun = False
    for node in tree.body:
        is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if is_future and begun:
            return [Problem("future_late", node.lineno)]
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        begun = begun or not (is_future or (node is tree.body[0] and is_docstring))
    return []


def _calls_self(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and getattr(node.func.value, "id", "") == "self"
    )


def _only_name(call: ast.Call) -> str | None:
    """The variable that is the one argument of ``call``."""
    if len(call.args) == 1 and isinstance(call.args[0], ast.Name) and not call.keywords:
        return call.args[0].id
    return None


def _rename(target: ast.Name, name: str | None) -> tuple[Edit, ...]:
    if not name or name == target.id:
        return ()
    return (Edit(target.lineno, target.col_offset, target.end_col_offset, name),)


def check_thrown(tree: ast.Module, text: str) -> list[Problem]:
    """A statement that only calls a layer: what it gives is thrown away."""
    problems = []
    for cls, function in _functions(tree):
        for statement in ast.walk(function):
            if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
                continue
            call = statement.value
            if not (_runs_layer(cls, call) or _is_pure(call)):
                continue
            name = _only_name(call) if _calls_self(call) else _first_name(call)
            edits = ()
            if name:
                edits = (Edit(call.lineno, call.col_offset, call.col_offset, f"{name} = "),)
            values = {"code": ast.unparse(call)[:60], "name": name or "x"}
            problems.append(Problem("result_thrown", statement.lineno, values, edits=edits))
    return problems


def _first_name(call: ast.Call) -> str | None:
    if isinstance(call.func, ast.Attribute) and call.func.attr in (*_SHAPERS, "flatten"):
        base = getattr(call.func.value, "id", "")
        if base not in ("torch", "F", "nn", "np"):
            return base or None
    first = call.args[0] if call.args else None
    return first.id if isinstance(first, ast.Name) else None


def _runs_layer(cls: ModuleClass, call: ast.Call) -> bool:
    """``self.conv(x)`` where ``self.conv = nn.…`` that does not work in place."""
    if not _calls_self(call) or not call.args:
        return False
    node = cls.assigned.get(call.func.attr)
    for statement in ast.walk(cls.node):
        if isinstance(statement, ast.Assign) and node in statement.targets:
            made = statement.value
            return (
                isinstance(made, ast.Call)
                and isinstance(made.func, ast.Attribute)
                and getattr(made.func.value, "id", "") == "nn"
                and not any(k.arg == "inplace" for k in made.keywords)
                and not (made.func.attr.endswith(("ReLU", "ReLU6", "ELU")) and made.args)
            )
    return False


def _is_pure(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in _THROWN:
        return False
    base = getattr(call.func.value, "id", "")
    if base == "self" or any(k.arg == "inplace" for k in call.keywords):
        return False
    return base in ("F", "torch") or call.func.attr in _SHAPERS


def check_swapped(tree: ast.Module, text: str) -> list[Problem]:
    """``return x, aux2, aux1`` taken as ``x, aux1, aux2 = …``."""
    problems = []
    for cls in module_classes(tree):
        returned = {name: _returned(method) for name, method in cls.methods.items()}
        for method in cls.methods.values():
            for statement in ast.walk(method):
                taken = _taken(statement)
                if taken is None:
                    continue
                given, line = returned.get(statement.value.func.attr) or (None, 0)
                if given and given != taken and sorted(given) == sorted(taken):
                    values = {"given": ", ".join(given), "taken": ", ".join(taken), "other": line}
                    problems.append(
                        Problem(
                            "results_swapped",
                            statement.lineno,
                            values,
                            edits=_reorder(statement, given),
                            also=(line,),
                        )
                    )
    return problems


def _returned(method: ast.FunctionDef) -> tuple[list[str], int] | None:
    for node in ast.walk(method):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            names = [getattr(e, "id", "") for e in node.value.elts]
            if len(names) > 1 and all(names):
                return names, node.lineno
    return None


def _taken(statement: ast.AST) -> list[str] | None:
    if (
        isinstance(statement, ast.Assign)
        and isinstance(statement.targets[0], ast.Tuple)
        and _calls_self(statement.value)
    ):
        names = [getattr(e, "id", "") for e in statement.targets[0].elts]
        return names if all(names) else None
    return None


def _reorder(statement: ast.Assign, names: list[str]) -> tuple[Edit, ...]:
    target = statement.targets[0]
    if target.lineno != target.end_lineno:
        return ()
    elements = target.elts
    end = elements[-1].end_col_offset
    return (Edit(target.lineno, elements[0].col_offset, end, ", ".join(names)),)


def check_globals(tree: ast.Module, text: str) -> list[Problem]:
    """Variables of the file that a forward reads: its batch size, its device."""
    defined: dict[str, int] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name) and isinstance(node.value, ast.Constant | ast.Call
                                                               | ast.IfExp):  # fmt: skip
                    defined[target.id] = node.lineno
    problems = []
    for cls in module_classes(tree):
        forward = cls.methods.get("forward")
        if forward is None:
            continue
        local = {n.id for n in ast.walk(forward)
                 if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}  # fmt: skip
        local |= {a.arg for a in ast.walk(forward) if isinstance(a, ast.arg)}
        called = {id(c.func) for c in ast.walk(forward) if isinstance(c, ast.Call)}
        for node in ast.walk(forward):
            if not isinstance(node, ast.Name) or node.id in local or id(node) in called:
                continue
            if node.id in defined or (node.id in ("batch_size", "BATCH_SIZE", "bs")):
                problems += _global(node, forward, defined)
    return problems


def _global(node: ast.Name, forward: ast.FunctionDef, defined: dict) -> list[Problem]:
    values = {"name": node.id, "defined": defined.get(node.id, 0)}
    for call in ast.walk(forward):
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr in _SHAPERS
            and call.args
            and call.args[0] is node
        ):
            receiver = ast.unparse(call.func.value)[:80]
            size = f"{receiver}.size(0)"
            edits = ()
            if isinstance(call.func.value, ast.Name):
                edits = (Edit(node.lineno, node.col_offset, node.end_col_offset, size),)
            return [Problem("batch_size_global", node.lineno, values | {"size": size},
                            edits=edits)]  # fmt: skip
    if node.id == "device" or node.id not in defined or not node.id.islower():
        return []
    return [Problem("global_in_forward", node.lineno, values, "doubtful")]

"""Names that do not exist: undefined ones and missing imports; classes defined twice."""

from __future__ import annotations

import ast
import builtins
import difflib
from dataclasses import dataclass, field

from cnn_space.checking import libraries
from cnn_space.checking.layer_types import LAYER_TYPES
from cnn_space.checking.problem import Edit, Problem

_MODULES = "warnings math os sys time random copy re json functools itertools collections typing"
IMPORTS = {
    "torch": "import torch",
    "nn": "import torch.nn as nn",
    "F": "import torch.nn.functional as F",
    "optim": "import torch.optim as optim",
    "np": "import numpy as np",
    "plt": "import matplotlib.pyplot as plt",
    "torchvision": "import torchvision",
    "transforms": "from torchvision import transforms",
    "datasets": "from torchvision import datasets",
    "OrderedDict": "from collections import OrderedDict",
    "namedtuple": "from collections import namedtuple",
    "partial": "from functools import partial",
    "Tensor": "from torch import Tensor",
    "Variable": "from torch.autograd import Variable",
    "init": "from torch.nn import init",
    "summary": "from torchsummary import summary",
    "dataclass": "from dataclasses import dataclass",
    "load_state_dict_from_url": "from torch.hub import load_state_dict_from_url",
    "model_zoo": "import torch.utils.model_zoo as model_zoo",
    "DataLoader": "from torch.utils.data import DataLoader",
    "checkpoint": "import torch.utils.checkpoint as checkpoint",
    **{name: f"import {name}" for name in _MODULES.split()},
    **{
        name: f"from typing import {name}"
        for name in ("Any", "Callable", "Dict", "List", "Optional", "Sequence", "Tuple", "Type",
                     "Union")
    },
}  # fmt: skip
_BUILTINS = (
    set(dir(builtins))
    | {"display", "get_ipython"}
    | {"__file__", "__name__", "__doc__", "__class__", "__path__"}
)
_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass
class _Names:
    """The names bound in one scope, and the scope around it."""

    node: ast.AST
    outer: _Names | None = None
    bound: set[str] = field(default_factory=set)

    def sees(self, name: str) -> bool:
        scope: _Names | None = self
        while scope is not None:
            own = scope is self or not isinstance(scope.node, ast.ClassDef)
            if own and name in scope.bound:
                return True
            scope = scope.outer
        return False

    def all_visible(self) -> list[str]:
        names: list[str] = []
        scope: _Names | None = self
        while scope is not None:
            names += sorted(scope.bound)
            scope = scope.outer
        return names


def _bound_in(node: ast.AST) -> set[str]:
    """Names that ``node``'s own scope binds, without the scopes inside it."""
    names: set[str] = set()
    if isinstance(node, _FUNCTIONS):
        spec = node.args
        for argument in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs, spec.vararg, spec.kwarg):
            if argument is not None:
                names.add(argument.arg)
    pending = _inside(node)
    while pending:
        part = pending.pop()
        match part:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(part.name)
                continue
            case ast.Name(ctx=ast.Store() | ast.Del()):
                names.add(part.id)
            case ast.Import() | ast.ImportFrom():
                names |= {a.asname or a.name.partition(".")[0] for a in part.names}
            case ast.ExceptHandler() if part.name:
                names.add(part.name)
            case ast.MatchAs() | ast.MatchStar() if part.name:
                names.add(part.name)
            case ast.Global() | ast.Nonlocal():
                names |= set(part.names)
        if not isinstance(part, ast.Lambda):
            pending.extend(ast.iter_child_nodes(part))
    return names


def _inside(node: ast.AST) -> list[ast.AST]:
    """The parts of a scope's node that are evaluated in that scope."""
    if isinstance(node, ast.Lambda):
        return [node.body]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
        return list(node.body)
    return list(ast.iter_child_nodes(node))


def _uses(node: ast.AST, names: _Names, found: list, lazy_annotations: bool) -> None:
    """Collect (Name node, scope) of all names read, scope by scope."""
    pending = _inside(node)
    while pending:
        part = pending.pop(0)
        match part:
            case ast.Name(ctx=ast.Load()):
                found.append((part, names))
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                spec = part.args
                outside = [*spec.defaults, *(d for d in spec.kw_defaults if d is not None)]
                outside += getattr(part, "decorator_list", [])
                if not lazy_annotations:
                    listed = (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)
                    outside += [a.annotation for a in listed if a.annotation is not None]
                    outside += [r for r in [getattr(part, "returns", None)] if r is not None]
                pending[:0] = outside
                _uses(part, _Names(part, names, _bound_in(part)), found, lazy_annotations)
                continue
            case ast.ClassDef():
                pending[:0] = [*part.bases, *(k.value for k in part.keywords), *part.decorator_list]
                _uses(part, _Names(part, names, _bound_in(part)), found, lazy_annotations)
                continue
            case _ if isinstance(part, _COMPREHENSIONS):
                inner = _Names(part, names, _bound_in(part) | names.bound)
                _uses(part, inner, found, lazy_annotations)
                continue
        pending[:0] = list(ast.iter_child_nodes(part))


def undefined(tree: ast.Module) -> list[tuple[ast.Name, _Names]]:
    """Names that are read and bound nowhere, in the order they stand."""
    top = _Names(tree, None, _bound_in(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            top.bound |= set(node.names)
        if isinstance(node, ast.ImportFrom) and any(a.name == "*" for a in node.names):
            home = libraries.MODULES.get(node.module or "")
            if home is None:
                return []  # whatever that module brings
            top.bound |= set(home.members)
    lazy = any(isinstance(n, ast.ImportFrom) and n.module == "__future__" for n in tree.body)
    found: list[tuple[ast.Name, _Names]] = []
    _uses(tree, top, found, lazy)
    return [
        (name, scope)
        for name, scope in found
        if not scope.sees(name.id) and name.id not in _BUILTINS
    ]


def check(tree: ast.Module, text: str) -> list[Problem]:
    """Undefined names and missing imports."""
    has_imports = any(isinstance(n, ast.Import | ast.ImportFrom) for n in ast.walk(tree))
    missing: dict[str, list[ast.Name]] = {}
    problems: list[Problem] = []
    for name, scope in undefined(tree):
        if name.id in IMPORTS:
            missing.setdefault(name.id, []).append(name)
            continue
        if isinstance(scope.node, ast.Module) and not has_imports:
            continue  # a piece of a longer text
        problems.append(_unknown_name(name, scope))
    at = _import_line(tree)
    for name, uses in missing.items():
        uses.sort(key=lambda use: use.lineno)
        edit = Edit(at, 0, 0, "", before=(IMPORTS[name],))
        problems.append(
            Problem(
                "import_missing",
                uses[0].lineno,
                {"name": name, "statement": IMPORTS[name]},
                "wrong" if has_imports else "doubtful",
                (edit,),
                tuple(
                    dict.fromkeys(use.lineno for use in uses[1:] if use.lineno != uses[0].lineno)
                ),
            )
        )
    return problems


def _import_line(tree: ast.Module) -> int:
    """The line before which an import can stand: behind the docstring and ``__future__``."""
    for node in tree.body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not docstring and not (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            decorators = getattr(node, "decorator_list", [])
            return min([node.lineno, *(d.lineno for d in decorators)])
    return 1


def _unknown_name(name: ast.Name, scope: _Names) -> Problem:
    values = {"name": name.id}
    if name.id in LAYER_TYPES:
        near = f"nn.{name.id}"
        edit = Edit(name.lineno, name.col_offset, name.end_col_offset, near)
        return Problem("name_unknown_near", name.lineno, values | {"near": near}, edits=(edit,))
    local = sorted(scope.bound)
    near = difflib.get_close_matches(name.id, local, 2, 0.75)
    near = near or difflib.get_close_matches(name.id, scope.all_visible(), 2, 0.75)
    if not near:
        return Problem("name_unknown", name.lineno, values)
    edit = Edit(name.lineno, name.col_offset, name.end_col_offset, near[0])
    return Problem("name_unknown_near", name.lineno, values | {"near": near[0]}, edits=(edit,))


# --- keywords of functions that are known -------------------------------------------------------

_KEYWORDS = {
    name: ("url", "model_dir", "map_location", "progress", "check_hash", "file_name",
           "weights_only")
    for name in ("load_state_dict_from_url", "load_url")
}  # fmt: skip


def check_keywords(tree: ast.Module, text: str) -> list[Problem]:
    """Misspelt keywords of functions whose parameters are known."""
    problems = []
    for call in (n for n in ast.walk(tree) if isinstance(n, ast.Call)):
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        known = _KEYWORDS.get(name)
        for keyword in call.keywords if known else ():
            if keyword.arg is None or keyword.arg in known:
                continue
            near = difflib.get_close_matches(keyword.arg, known, 1, 0.6)
            edits = ()
            if near:
                end = keyword.col_offset + len(keyword.arg)
                edits = (Edit(keyword.lineno, keyword.col_offset, end, near[0]),)
            values = {"name": name, "argument": keyword.arg, "known": ", ".join(near or known)}
            problems.append(Problem("argument_unknown", keyword.lineno, values, edits=edits))
    return problems


def check_definitions(tree: ast.Module, text: str) -> list[Problem]:
    """A class or top-level function that is defined a second time."""
    problems, seen = [], {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            if node.name in seen:
                values = {"name": node.name, "first": seen[node.name]}
                problems.append(
                    Problem(
                        "defined_twice", node.lineno, values, "doubtful", also=(seen[node.name],)
                    )
                )
            seen[node.name] = node.lineno
    return problems

"""Attributes of ``self`` that are read and never set, and modules that are set and never read."""

from __future__ import annotations

import ast
import difflib

from cnn_space.checking.problem import Edit, Problem
from cnn_space.checking.problems.classes import ModuleClass, module_classes, torch_names


def check(tree: ast.Module, text: str) -> list[Problem]:
    """Attributes that do not exist, with the nearest that do."""
    problems: list[Problem] = []
    outside = _set_outside(tree)
    classes = module_classes(tree)
    for cls in classes:
        if any(part.open_ended for part in cls.lineage):
            continue
        known = set(outside) | torch_names(cls)
        for other in classes:  # what its subclasses set is there, too
            if cls in other.lineage:
                known |= set(other.assigned) | set(other.methods)
        assigned: dict[str, ast.AST] = {}
        for part in cls.lineage:
            assigned |= part.assigned | dict.fromkeys(part.methods, part.node)
            known |= set(part.assigned) | set(part.methods)
        missing = [name for name in cls.read if name not in known]
        if missing:
            problems += _missing(cls, missing, assigned, tree)
    return problems


def _set_outside(tree: ast.Module) -> set[str]:
    """Attributes set on anything but self, and names written as text (``getattr(self, "x")``)."""
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and getattr(node.value, "id", "") != "self"
    }


def _missing(
    cls: ModuleClass, missing: list[str], assigned: dict[str, ast.AST], tree: ast.Module
) -> list[Problem]:
    pairs = _pair(cls, missing, assigned)
    problems = []
    for name in missing:
        near = pairs.get(name, "")
        for node in cls.read[name]:
            edits: tuple[Edit, ...] = ()
            values = {"of": "self", "name": name, "class": cls.node.name, "near": near}
            if near:
                end = node.end_col_offset
                edits = (Edit(node.end_lineno, end - len(name), end, near),)
            kind = "attribute_unknown_near" if near else "attribute_unknown"
            problems.append(Problem(kind, node.end_lineno, values, edits=edits))
    return problems


def _pair(cls: ModuleClass, missing: list[str], assigned: dict[str, ast.AST]) -> dict[str, str]:
    """For missing attributes those that are meant: by their spelling, else by their order where as
    many are missing as stand unused."""
    methods = set().union(*(set(part.methods) for part in cls.lineage))
    unused = [n for n in assigned if n not in cls.read and n not in methods]
    pairs: dict[str, str] = {}
    for name in missing:
        candidates = [n for n in assigned if n not in pairs.values()]
        near = difflib.get_close_matches(name, candidates, 3, 0.7)
        near.sort(key=lambda n: (n not in unused, -_ratio(n, name)))
        if near and (near[0] in unused or _ratio(near[0], name) >= 0.8):
            pairs[name] = near[0]
    rest = [n for n in missing if n not in pairs]
    free = [n for n in unused if n not in pairs.values() and _is_registered(assigned[n], cls)]
    if rest and len(rest) == len(free):
        pairs |= dict(zip(rest, free, strict=True))
    return pairs


def _ratio(first: str, second: str) -> float:
    return difflib.SequenceMatcher(None, first, second).ratio()


def _is_registered(node: ast.AST, cls: ModuleClass) -> bool:
    """Whether ``self.x = …`` calls something, as a layer is made."""
    for statement in ast.walk(cls.node):
        if isinstance(statement, ast.Assign) and node in statement.targets:
            return isinstance(statement.value, ast.Call)
    return False

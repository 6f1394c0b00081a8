"""nn.Module classes as they are written: their methods, super(), and attributes."""

from __future__ import annotations

import ast
import difflib
from dataclasses import dataclass, field

from torch import nn

from cnn_space.checking.layer_types import LAYER_TYPES
from cnn_space.checking.problem import Edit, Problem

_MODULE_NAMES = frozenset(dir(nn.Module)) | {"training", "_modules", "_parameters", "_buffers"}
_HIDING = ("train", "eval", "parameters", "modules", "children", "to", "apply", "state_dict",
           "named_parameters", "named_modules", "load_state_dict", "cuda", "cpu", "float", "half",
           "double", "type", "buffers", "zero_grad", "add_module", "register_buffer")  # fmt: skip
_INIT_SLIPS = ("__init", "_init_", "__int__", "_init__", "__init_", "__inti__", "__ini__",
               "__initt__", "__intit__", "__init___", "__inint__")  # fmt: skip


@dataclass
class ModuleClass:
    """An nn.Module class of the text as its tree shows it."""

    node: ast.ClassDef
    bases: list[ModuleClass]
    torch_base: str  # the class of torch.nn it comes from
    assigned: dict[str, ast.AST] = field(default_factory=dict)  # self.name = …, first place
    read: dict[str, list[ast.Attribute]] = field(default_factory=dict)
    open_ended: bool = False  # sets attributes by computed names
    lineage: list[ModuleClass] = field(init=False)  # itself and all its bases, each once

    def __post_init__(self):
        chains = [part for base in self.bases for part in base.lineage]
        self.lineage = [self, *{id(part): part for part in chains}.values()]

    @property
    def methods(self) -> dict[str, ast.FunctionDef]:
        return {n.name: n for n in self.node.body if isinstance(n, ast.FunctionDef)}

    def has_method(self, name: str) -> bool:
        return any(name in part.methods for part in self.lineage)


def module_classes(tree: ast.Module) -> list[ModuleClass]:
    """The nn.Module classes at the top of the text, those with the same name each for itself."""
    found: list[ModuleClass] = []
    by_name: dict[str, ModuleClass] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef):
            continue
        bases = [by_name[b.id] for b in node.bases if isinstance(b, ast.Name) and b.id in by_name]
        foreign = [b for b in node.bases if not _is_known(b, by_name)]
        torch_base = next((b.torch_base for b in bases), "") or _torch_base(node)
        if torch_base or bases:
            made = ModuleClass(node, bases, torch_base, open_ended=bool(foreign))
            _collect(made)
            found.append(made)
            by_name[node.name] = made
    return found


def _is_known(base: ast.expr, by_name: dict) -> bool:
    """Whether all attributes that ``base`` brings are known."""
    name = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
    return (
        name in by_name or name in LAYER_TYPES or name in ("object", "ABC", "Generic", "Protocol")
    )


def _torch_base(node: ast.ClassDef) -> str:
    for base in node.bases:
        name = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
        if name in LAYER_TYPES:
            return name
    return ""


def _collect(cls: ModuleClass) -> None:
    """Which attributes of ``self`` the class sets and reads."""
    for node in ast.walk(cls.node):
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "self":
            if isinstance(node.ctx, ast.Store):
                cls.assigned.setdefault(node.attr, node)
            else:
                cls.read.setdefault(node.attr, []).append(node)
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in ("setattr", "__setattr__", "add_module", "register_module",
                        "register_buffer", "register_parameter"):  # fmt: skip
                at = 1 if name == "setattr" else 0
                key = node.args[at] if len(node.args) > at else None
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    cls.assigned.setdefault(key.value, node)
                else:
                    cls.open_ended = True
    for node in cls.node.body:
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        for target in targets:
            if isinstance(target, ast.Name):
                cls.assigned.setdefault(target.id, node)
    if {"__getattr__", "__dict__"} & (set(cls.methods) | set(cls.read)):
        cls.open_ended = True


def check_methods(tree: ast.Module, text: str) -> list[Problem]:
    """``forward`` and ``__init__`` misspelt or misplaced, super() missing or of another class."""
    problems: list[Problem] = []
    lines = text.split("\n")
    for cls in module_classes(tree):
        problems += _misspelt_methods(cls, lines)
        init = cls.methods.get("__init__")
        if init is not None:
            problems += _super_call(cls, init)
    return problems


def _misspelt_methods(cls: ModuleClass, lines: list[str]) -> list[Problem]:
    problems = []
    for name, method in cls.methods.items():
        wanted, kind = "", ""
        if name in _INIT_SLIPS and "__init__" not in cls.methods:
            wanted, kind = "__init__", "init_misspelt"
        elif (
            not cls.has_method("forward")
            and cls.torch_base == "Module"
            and difflib.SequenceMatcher(None, name.lower(), "forward").ratio() >= 0.8
        ):
            wanted, kind = "forward", "forward_misspelt"
        if wanted:
            start = lines[method.lineno - 1].find(name, method.col_offset)
            edit = Edit(method.lineno, start, start + len(name), wanted)
            values = {"name": name, "class": cls.node.name}
            problems.append(Problem(kind, method.lineno, values, edits=(edit,)))
    if not cls.has_method("forward") and not problems:
        for method in cls.methods.values():
            for inner in ast.walk(method):
                if isinstance(inner, ast.FunctionDef) and inner.name == "forward":
                    values = {"class": cls.node.name, "method": method.name}
                    problems.append(
                        Problem(
                            "forward_nested",
                            inner.lineno,
                            values,
                            edits=_outdent(inner, method.col_offset, lines),
                        )
                    )
    return problems


def _outdent(inner: ast.FunctionDef, column: int, lines: list[str]) -> tuple[Edit, ...]:
    """Move a function to the left, to ``column``."""
    by = inner.col_offset - column
    last = inner.end_lineno or inner.lineno
    return tuple(
        Edit(number, 0, by, "")
        for number in range(inner.lineno, last + 1)
        if lines[number - 1][:by].strip() == "" and lines[number - 1].strip()
    )


def _super_call(cls: ModuleClass, init: ast.FunctionDef) -> list[Problem]:
    """Whether ``__init__`` calls nn.Module's, before anything is registered."""
    called = False
    problems = []
    for node in ast.walk(init):
        if isinstance(node, ast.Expr) and _is_super_init(node.value):
            end = node.value.end_col_offset
            edit = Edit(node.value.end_lineno, end, end, "()")
            values = {"class": cls.node.name}
            return [Problem("super_not_called", node.lineno, values, edits=(edit,))]
        if isinstance(node, ast.Call) and _is_super_init(node.func):
            called = True
            problems += _other_class(cls, node)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "__init__":
            called = True  # nn.Module.__init__(self)
    if called or any(not base.methods.get("__init__") and base.bases for base in cls.bases):
        return problems
    registers = any(
        isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and getattr(node.value, "id", "") == "self"
        for node in ast.walk(init)
    )
    if not registers:
        return problems
    body = [s for s in init.body if not (isinstance(s, ast.Expr) and
                                         isinstance(s.value, ast.Constant))]  # fmt: skip
    first = (body or init.body)[0]
    line = " " * first.col_offset + "super().__init__()"
    edit = Edit(first.lineno, 0, 0, "", before=(line,))
    values = {"class": cls.node.name}
    return [Problem("missing_super", init.lineno, values, edits=(edit,))]


def _is_super_init(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "__init__"
        and isinstance(node.value, ast.Call)
        and getattr(node.value.func, "id", "") == "super"
    )


def _other_class(cls: ModuleClass, call: ast.Call) -> list[Problem]:
    """``super(Other, self)`` in a class that is not Other and does not come from it."""
    arguments = call.func.value.args
    if not arguments or not isinstance(arguments[0], ast.Name):
        return []
    named = arguments[0]
    if named.id in {part.node.name for part in cls.lineage}:
        return []
    edit = Edit(named.lineno, named.col_offset, named.end_col_offset, cls.node.name)
    values = {"name": named.id, "class": cls.node.name}
    return [Problem("super_other_class", named.lineno, values, edits=(edit,))]


def check_hidden(tree: ast.Module, text: str) -> list[Problem]:
    """Attributes that hide a method of nn.Module: ``self.train = True``."""
    problems = []
    for cls in module_classes(tree):
        for name, node in cls.assigned.items():
            if name not in _HIDING or not isinstance(node, ast.Attribute):
                continue
            edits = _use_training(cls, tree, name, node) if name in ("train", "eval") else ()
            values = {"name": name, "class": cls.node.name}
            severity = "wrong" if name in _HIDING[:9] else "doubtful"
            problems.append(Problem("hides_method", node.lineno, values, severity, edits))
    return problems


def _use_training(cls: ModuleClass, tree: ast.Module, name: str, node: ast.Attribute) -> tuple:
    """``self.train`` as a flag is what nn.Module keeps in ``self.training``."""
    statement = next(
        (s for s in ast.walk(cls.node) if isinstance(s, ast.Assign) and node in s.targets), None
    )
    reads = cls.read.get(name, [])
    called = {id(c.func) for c in ast.walk(tree) if isinstance(c, ast.Call)}
    plain = (
        name == "train"
        and isinstance(statement, ast.Assign)
        and isinstance(statement.value, ast.Constant)
        and statement.lineno == statement.end_lineno
        and not any(id(read) in called for read in reads)
    )
    if not plain:
        return ()
    edits = [Edit(statement.lineno, 0, 0, "", whole=True)]
    for read in reads:
        end = read.end_col_offset
        edits.append(Edit(read.end_lineno, end - len(name), end, "training"))
    return tuple(edits)


def torch_names(cls: ModuleClass) -> frozenset[str]:
    """What the class has from torch.nn."""
    kind = LAYER_TYPES.get(cls.torch_base)
    if kind is None or kind.build is None:
        return _MODULE_NAMES | frozenset(dir(getattr(nn, cls.torch_base, nn.Module)))
    return frozenset(dir(kind.build)) | frozenset(
        ("weight", "bias", "in_channels", "out_channels", "kernel_size", "stride", "padding",
         "dilation", "groups", "in_features", "out_features", "num_features", "eps", "momentum",
         "running_mean", "running_var", "p", "inplace", "affine", "padding_mode", "training",
         "output_padding", "normalized_shape", "transposed", "num_groups", "num_channels",
         "track_running_stats", "num_batches_tracked", "dim", "size", "scale_factor",
         "_reversed_padding_repeated_twice", "ceil_mode", "output_size", "count_include_pad")
    )  # fmt: skip

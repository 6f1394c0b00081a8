"""Texts that a checked text may build on: its neighbours in a folder, this package's nets, and
torchvision's. They are read and interpreted like the text itself; nothing is imported.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from functools import cache
from pathlib import Path

from cnn_space.checking.limits import TEXT_BYTES
from cnn_space.checking.scope import Scope
from cnn_space.checking.values import Failure, Raised, Value

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
OWN = Path(__file__).parent.parent
PACKAGES = ("torchvision", "cnn_space")
PARTS = ("models", "ops")  # of those packages


@cache
def package_folder(name: str) -> Path | None:
    """Where a package of `PACKAGES` lies; finding a top-level package imports nothing."""
    if name == "cnn_space":
        return OWN
    spec = importlib.util.find_spec(name)
    locations = list(spec.submodule_search_locations or []) if spec else []
    return Path(locations[0]) if locations else None


@cache
def _parse(path: Path) -> ast.Module | None:
    try:
        if path.stat().st_size > TEXT_BYTES:
            return None
        return ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return None


class Library:
    """Finds the texts of modules. ``folder`` is where the checked file lies, None for a paste."""

    def __init__(self, folder: Path | None = None):
        self.folder = folder
        self.scopes: dict[Path, Scope] = {}

    def find(self, module: str, name: str, interpreter, scope: Scope) -> Value | None:
        """What ``name`` is in ``module``, or None."""
        for path in self._paths(module, scope):
            globals_ = self._scope(path, interpreter)
            if globals_ is not None and name in globals_.names:
                return globals_.names[name]
        return None

    def all_names(self, module: str, interpreter, scope: Scope) -> dict[str, Value]:
        for path in self._paths(module, scope):
            globals_ = self._scope(path, interpreter)
            if globals_ is not None:
                return {k: v for k, v in globals_.names.items() if not k.startswith("_")}
        return {}

    def _paths(self, module: str, scope: Scope) -> list[Path]:
        """Files that may be ``module``, as seen from the text whose scope asks."""
        level = len(module) - len(module.lstrip("."))
        steps = module.lstrip(".").split(".") if module.lstrip(".") else []
        if not all(_NAME.fullmatch(step) for step in steps) or level > 2:
            return []
        if level == 0:
            roots = [self.folder] if self.folder else []
            if steps[0] in PACKAGES and steps[1:2] and steps[1] in PARTS:
                roots.append(package_folder(steps[0]))
                steps = steps[1:]
        elif scope.source != "main":
            roots = [Path(scope.source).parents[level - 1]]
        else:
            own = [self.folder] if self.folder else []
            packages = [package_folder(name) for name in ("cnn_space", "torchvision")]
            roots = [*own, *(p / "models" for p in packages if p)]
            if level == 2:
                roots = [root.parent for root in roots]
        files = [root.joinpath(*steps) for root in roots if root is not None]
        found = []
        for file in files:
            found += [file.with_name(file.name + ".py"), file / "__init__.py"]
        return [path for path in found if path.is_file()]

    def _scope(self, path: Path, interpreter) -> Scope | None:
        """The names of a file, interpreted on first use."""
        if path in self.scopes:
            return self.scopes[path]
        tree = _parse(path)
        if tree is None or len(self.scopes) > 40:
            return None
        globals_ = self.scopes[path] = interpreter.new_globals(str(path))
        phase, interpreter.phase = interpreter.phase, "top"
        guarded, interpreter.guarded = interpreter.guarded, 0
        try:
            for statement in tree.body:
                try:
                    interpreter.run_statement(statement, globals_)
                except (Raised, Failure):
                    continue
        finally:
            interpreter.phase, interpreter.guarded = phase, guarded
        return globals_

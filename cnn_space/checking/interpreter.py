"""Evaluates a bounded subset of Python over its syntax tree, without running any of it.

A part that is not understood gives `Unknown`; a part that is wrong is noted with its line. In both
cases the statements behind it go on.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from cnn_space.checking.attributes import Attributes
from cnn_space.checking.calls import Calls
from cnn_space.checking.expressions import Expressions
from cnn_space.checking.libraries import BUILTINS
from cnn_space.checking.limits import Budget, Limits
from cnn_space.checking.module_methods import named_modules
from cnn_space.checking.recording import Recording
from cnn_space.checking.scope import Scope
from cnn_space.checking.sequences import Sequences
from cnn_space.checking.statements import Statements
from cnn_space.checking.values import Failure, Module, Tensor, Unknown, Value

MAIN = "main"


@dataclass
class Found:
    """What a run notes besides its results."""

    failures: list[Failure] = field(default_factory=list)
    not_understood: list[tuple[int, str]] = field(default_factory=list)

    def add_failure(self, failure: Failure) -> None:
        key = (failure.kind, failure.line)
        if len(self.failures) < 200 and key not in [(f.kind, f.line) for f in self.failures]:
            self.failures.append(failure)

    def add_unknown(self, line: int, what: str) -> None:
        if len(self.not_understood) < 200 and (line, what) not in self.not_understood:
            self.not_understood.append((line, what))


class Interpreter(Statements, Expressions, Calls, Attributes, Sequences):
    """One run over one text. ``phase`` is "top", "build" or "forward"."""

    def __init__(self, budget: Budget | None = None, library=None):
        self.budget = budget or Budget(Limits())
        self.library = library  # finds the texts of modules that may be read, see library.py
        self.found = Found()
        self.recording: Recording | None = None
        self.phase = "top"
        self.line = 1
        self.return_line = 1  # of the last return that was reached
        self.owners: list[Module] = []  # modules whose forward runs, outermost first
        self.modules_made: list[Module] = []
        self.hints: list[tuple[Module, tuple[int, ...]]] = []  # nets called with an input
        self.names: dict[int, str] = {}
        self.builtins = Scope()
        self.builtins.names.update(BUILTINS)
        self.scope = self.new_globals(MAIN)
        self.main = self.scope

    def new_globals(self, source: str) -> Scope:
        scope = Scope(self.builtins, source=source)
        scope.globals_ = scope
        scope.names["__name__"] = "__main__" if source == MAIN else source
        scope.names["__file__"] = "net.py"
        return scope

    def run_text(self, tree: ast.Module) -> Scope:
        """Interpret the statements of a file; what fails is noted and the rest goes on."""
        self.run_body(tree.body, self.main)
        return self.main

    def note_unknown(self, what: str, line: int | None = None) -> Unknown:
        """Record that ``what`` is not understood where that matters for a net."""
        line = line or self.line
        if self.phase != "top":
            self.found.add_unknown(line, what)
        return Unknown(what, line)

    def note_failure(self, failure: Failure) -> None:
        if failure.line is None:
            failure.line = self.line
        self.found.add_failure(failure)

    def power(self, base: Value, exponent: Value) -> Value:
        return self.binary(ast.Pow, base, exponent)

    def name_modules(self, root: Module) -> None:
        """Learn the dotted names of the layers in ``root``."""
        self.names = {id(module): name for name, module in named_modules(root)}

    def name_of(self, module: Module) -> str:
        """The dotted name of a layer, or its kind where it has none."""
        return self.names.get(id(module)) or module.kind

    def source_of(self, x: Tensor) -> str:
        """The name of the layer that gave ``x``, behind what only passes its channels on."""
        number = x.node
        while self.recording is not None and number is not None:
            node = self.recording.nodes[number]
            if node.module is not None and node.op in ("conv", "linear", "transposed conv"):
                return self.name_of(node.module)
            if node.op == "concat":
                return "torch.cat"
            number = node.inputs[0] if node.inputs else None
        return ""

    def evaluate(self, node: ast.expr, scope: Scope) -> Value:
        self.budget.tick()
        if scope.source == MAIN:
            self.line = node.lineno
        handler = self.EXPRESSIONS.get(type(node))
        if handler is None:
            return self.note_unknown(type(node).__name__)
        return handler(self, node, scope)

"""The whole check: read, parse, look at the tree, mend what is sure, build, run, compare."""

from __future__ import annotations

import ast
import difflib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cnn_space.checking import choosing, reading, running, weights_file
from cnn_space.checking.assembling import assemble, unreadable
from cnn_space.checking.interpreter import Interpreter
from cnn_space.checking.library import Library
from cnn_space.checking.limits import Budget, Limits, Stop
from cnn_space.checking.parsing import parse
from cnn_space.checking.problem import Problem, apply_edits
from cnn_space.checking.problems import attributes, classes, flow, graph, names, outputs
from cnn_space.checking.problems.building import BY_GUESS, WRONG, to_problem
from cnn_space.checking.report import Report
from cnn_space.checking.request import Request, choose

ROUNDS = 5
_STATIC: tuple[Callable, ...] = (
    classes.check_methods, classes.check_hidden, names.check, names.check_keywords,
    names.check_definitions, attributes.check, flow.check_globals, flow.check_lost,
    flow.check_thrown, flow.check_swapped, flow.check_returned, flow.check_future,
)  # fmt: skip


@dataclass
class Draft:
    """The text as it is mended step by step, and where each of its lines stands in the original."""

    original: str
    text: str  # what is interpreted: mended, and without blocks that are no Python
    mended: str
    lines: list[int]
    tree: ast.Module | None = None
    problems: list[Problem] = field(default_factory=list)
    before: list[int] = field(default_factory=list)  # ``lines`` before the last corrections

    def line(self, number: int) -> int:
        """The line of the original for a line of the present text."""
        return self.lines[min(max(number, 1), len(self.lines)) - 1]

    def note(self, found: list[Problem], applied: bool) -> None:
        """Keep findings with their lines in the original, each once.

        ``applied``: their corrections have been made since they were found.
        """
        lines = self.before if applied else self.lines
        for problem in found:
            self._keep(problem, lines, applied and bool(problem.edits))

    def _keep(self, problem: Problem, lines: list[int], mended: bool) -> None:
        def original(number: int) -> int:
            return lines[min(max(number, 1), len(lines)) - 1]

        line = original(problem.line)
        also = tuple(dict.fromkeys(original(n) for n in problem.also))
        values = {
            key: original(value)
            if key.endswith("line") and type(value) is int
            else ", ".join(str(original(n)) for n in value)
            if key == "lines"
            else value
            for key, value in problem.values.items()
        }
        key = (problem.kind, line, values.get("name"))
        if key not in [(p.kind, p.line, p.values.get("name")) for p in self.problems]:
            self.problems.append(
                Problem(problem.kind, line, values, problem.severity,
                        problem.edits if mended else (), tuple(n for n in also if n != line))
            )  # fmt: skip

    def apply(self, problems: list[Problem]) -> bool:
        """Make the corrections of ``problems``; whether the text still parses."""
        edits = [edit for problem in problems for edit in problem.edits]
        text, numbers = apply_edits(self.text, edits)
        tree = parse(text)
        if tree.tree is None or tree.problems:
            return False
        self.before = list(self.lines)
        self.mended = apply_edits(self.mended, edits)[0]
        self.text, self.tree = text, tree.tree
        self.lines = [self.lines[min(n, len(self.lines)) - 1] for n in numbers]
        return True


@dataclass
class Outcome:
    """The last build and runs of a net."""

    interpreter: Interpreter
    built: running.Built | None
    shape: tuple[int, ...] | None = None
    shape_origin: str = ""
    evaluated: running.Run | None = None
    trained: running.Run | None = None
    stop: Stop | None = None


def check(
    source: str | bytes | Path,
    *,
    name: str | None = None,
    input_shape: tuple[int, ...] | None = None,
    arguments: dict | None = None,
) -> Report:
    """Read a PyTorch net from its source text and say what it is; nothing of it is executed.

    ``source`` is Python text, a notebook's text, their bytes, or the ``pathlib.Path`` of a ``.py``,
    ``.ipynb`` or ``.safetensors`` file. ``name`` picks the class or function that makes the net,
    ``arguments`` are passed to it (text is read as a Python literal or the name of a class), and
    ``input_shape`` is (channels, height, width) of an image; what is left out is guessed.

    Returns a `Report`; a source that cannot be read gives one with ``readable`` False. Raises
    ValueError where ``name``, ``input_shape`` or ``arguments`` do not fit the text.
    """
    request = Request(name, input_shape, dict(arguments or {}))
    request.validate()
    results: list[Report] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(_check(source, request))
        except ValueError as error:
            errors.append(error)
        except Exception as error:  # a fault of the checker must not look like one of the text
            results.append(unreadable("internal", {"what": type(error).__name__}))

    # A thread of its own has the whole depth of Python's stack to itself, and its own clock.
    thread = threading.Thread(target=work, name="check")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _check(source: str | bytes | Path, request: Request) -> Report:
    if weights_file.is_weights(source):
        return weights_file.check(source)
    try:
        read = reading.read(source)
    except reading.Unreadable as error:
        return unreadable(error.kind, error.values)
    parsed = parse(read.text)
    if parsed.tree is None:
        problem = parsed.problems[-1]
        return unreadable(problem.kind, problem.values | {"line": problem.line}, read.text)
    mended, _ = apply_edits(read.text, [])
    draft = Draft(read.text, parsed.text, mended, list(range(1, read.text.count("\n") + 2)),
                  parsed.tree)  # fmt: skip
    for problem in parsed.problems:
        if problem.edits:
            draft.mended = apply_edits(draft.mended, list(problem.edits))[0]
        draft.before = draft.lines
        draft.note([problem], bool(problem.edits))
    budget = Budget(Limits())
    library = Library(read.folder)
    _look_at_tree(draft)
    outcome = _run_rounds(draft, request, budget, library)
    diff = "".join(
        difflib.unified_diff(
            draft.original.splitlines(True), draft.mended.splitlines(True), "as it is", "mended"
        )
    )
    return assemble(draft, outcome, parsed.dropped, request, diff)


def _look_at_tree(draft: Draft) -> None:
    """Findings in the tree alone, mended round by round."""
    for _ in range(ROUNDS):
        found = [p for look in _STATIC for p in look(draft.tree, draft.text)]
        sure = [p for p in found if p.edits]
        applied = bool(sure) and draft.apply(sure)
        draft.note(found, applied)
        if not applied:
            return


def _run_rounds(draft: Draft, request: Request, budget: Budget, library: Library) -> Outcome:
    """Build and run; mend what the run shows to be wrong, and run again."""
    outcome = _run_once(draft, request, budget, library)
    for _ in range(ROUNDS):
        found = _dynamic_problems(draft, outcome)
        sure = [p for p in found if p.edits]
        applied = bool(sure) and not outcome.stop and draft.apply(sure)
        draft.note(found, applied)
        if not applied:
            break
        outcome = _run_once(draft, request, budget, library)
    return outcome


def _run_once(draft: Draft, request: Request, budget: Budget, library: Library) -> Outcome:
    budget.modules = 0
    interpreter = Interpreter(budget, Library(library.folder))
    stop = running.run_top(interpreter, draft.tree, 300_000)
    outcome = Outcome(interpreter, None, stop=stop)
    try:
        outcome.built = choose(interpreter, draft.tree, request)
    except Stop as error:
        outcome.stop = error
    built = outcome.built
    if built is None or built.module is None:
        return outcome
    outcome.stop = built.stopped or outcome.stop
    try:
        if request.input_shape:
            outcome.shape, outcome.shape_origin = tuple(request.input_shape), "given"
        else:
            shape, _ = running.guess_input(
                interpreter, built.module, draft.tree, draft.text, 400_000
            )
            outcome.shape, outcome.shape_origin = shape, "guessed"
        outcome.trained = running.run(
            interpreter, built.module, outcome.shape, 400_000, training=True
        )
        outcome.evaluated = running.run(interpreter, built.module, outcome.shape, 400_000)
    except Stop as error:
        outcome.stop = error
    for run in (outcome.evaluated, outcome.trained):
        outcome.stop = outcome.stop or (run.stopped if run else None)
    return outcome


def _dynamic_problems(draft: Draft, outcome: Outcome) -> list[Problem]:
    built = outcome.built
    if built is None or built.module is None:
        failures = built.found.failures if built else []
        return [to_problem(f, draft.tree) for f in failures if _counts(f, outcome)]
    failures = list(built.found.failures)
    broken = built.stopped or any(f.kind == "raises" for f in failures)
    for run in () if broken else (outcome.evaluated, outcome.trained):
        failures += run.found.failures if run else []
    found = [to_problem(f, draft.tree) for f in failures if _counts(f, outcome)]
    if outcome.evaluated is not None and outcome.trained is not None:
        evidence = graph.Evidence(
            built.module, outcome.evaluated, outcome.trained, draft.tree, draft.text
        )
        found += graph.check(evidence)
        found += outputs.check(evidence)
    return _each_once(draft, found)


def _counts(failure, outcome: Outcome) -> bool:
    """Whether a failure is the text's fault, and not that of a guess made here."""
    if failure.kind not in WRONG:
        return False
    origin = outcome.built.candidate.origin if outcome.built is not None else "given"
    flat = outcome.shape_origin == "guessed" and len(outcome.shape or ()) != 3
    if flat and failure.kind in BY_GUESS:
        return False  # how long a signal is, or a video, can hardly be guessed
    if origin == "guessed":
        return failure.kind not in BY_GUESS
    if origin == "defaults":  # a default of None may only hold the place
        return failure.kind != "raises" and failure.values.get("of") != "None"
    return True


def _each_once(draft: Draft, found: list[Problem]) -> list[Problem]:
    """Without repetitions, and without what another finding at the same line already says."""
    unique: dict[tuple, Problem] = {}
    noted = {(p.kind, p.line) for p in draft.problems}
    lost = {p.line for p in draft.problems if p.kind in ("result_lost", "result_thrown")}
    merged = {line for kind, line in noted if kind == "view_merges_batch"}
    merged |= {draft.line(p.line) for p in found if p.kind == "view_merges_batch"}
    for problem in found:
        line = draft.line(problem.line)
        if problem.kind == "shape_linear_merged" and line in merged:
            continue
        if problem.kind == "output_unused" and line in lost:
            continue
        static = {"attribute_unknown", "attribute_unknown_near"}
        if problem.kind in static and any((kind, line) in noted for kind in static):
            continue
        if (problem.kind, line) not in noted or problem.edits:
            unique.setdefault((problem.kind, problem.line), problem)
    return list(unique.values())


__all__ = ["check", "choosing"]

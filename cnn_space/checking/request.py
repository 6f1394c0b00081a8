"""What the caller asked for, and the net chosen by it."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from cnn_space.checking import choosing, running
from cnn_space.checking.interpreter import Interpreter
from cnn_space.checking.limits import Stop
from cnn_space.checking.scope import Scope
from cnn_space.checking.values import Class, Failure, Function, Module, Raised, Unknown, Value

STEPS = 400_000
_UNFIT = ("attribute_unknown", "name_unknown", "raises", "not_understood", "not_callable",
          "not_iterable", "not_indexable")  # fmt: skip


@dataclass(frozen=True)
class Request:
    """The choices of a caller; None and {} leave them to the checker."""

    name: str | None = None
    input_shape: tuple[int, ...] | None = None
    arguments: dict = field(default_factory=dict)

    def validate(self) -> None:
        """Raise ValueError for a shape that no image has."""
        shape = self.input_shape
        if shape is not None and not (
            1 <= len(shape) <= 4 and all(type(n) is int and 1 <= n <= 16_384 for n in shape)
        ):
            raise ValueError(
                f"input_shape is {shape!r}: it must be (channels, height, width), whole numbers "
                "from 1 to 16,384"
            )


def choose(interpreter: Interpreter, tree: ast.Module, request: Request) -> running.Built | None:
    """The net of the text, built; None where there is none.

    Raises ValueError for a name or argument that the text does not have.
    """
    if request.name:
        return _named(interpreter, tree, request)
    best: running.Built | None = None
    for ways in choosing.candidates(interpreter, tree):
        built = _first_that_runs(interpreter, ways, request)
        if built is None:
            continue
        if built.candidate.origin == "made" and not _is_only_part(built):
            return built
        if best is None or _weight(built) > _weight(best):
            best = built
    return best


def _weight(built: running.Built) -> tuple[int, int]:
    return (built.module is not None, built.parameters)


def _is_only_part(built: running.Built) -> bool:
    return built.module is None


def _named(interpreter: Interpreter, tree: ast.Module, request: Request) -> running.Built | None:
    target = interpreter.main.names.get(request.name)
    if isinstance(target, Class) and target.is_module:
        ways = [w for w in choosing.ways(interpreter, tree, target) if w.kind == "class"]
        init = [p.name for p in choosing.parameters_of(target, interpreter) if p.default is None]
        if set(init) <= set(request.arguments):
            ways = [choosing.Candidate(target.name, target, "class", target.line or 1)]
    elif isinstance(target, Function):
        ways = [choosing.Candidate(target.name, target, "function", target.node.lineno)]
    elif isinstance(target, Module):
        ways = [choosing.Candidate(request.name, target, "variable", target.line or 1)]
    else:
        known = [c.name for c in choosing.module_classes(interpreter)]
        known += [n for n, v in interpreter.main.names.items() if isinstance(v, Function)]
        near = difflib.get_close_matches(request.name, known, 3, 0.5) or known[:12]
        raise ValueError(
            f"the text has no net called {request.name!r}: it has " + (", ".join(near) or "none")
        )
    return _first_that_runs(interpreter, ways, request)


def _first_that_runs(
    interpreter: Interpreter, ways: Iterable[choosing.Candidate], request: Request
) -> running.Built | None:
    """The first of several ways to make a net that gives one which runs; else the first."""
    first: running.Built | None = None
    for way in ways:
        candidate = _with_arguments(interpreter, way, request)
        built = running.build(interpreter, candidate, STEPS)
        if first is None or (first.module is None and built.module is not None):
            first = built
        if built.module is None or built.found.failures or built.stopped:
            continue
        trial = running.run(interpreter, built.module, (3, 224, 224), STEPS)
        if not any(f.kind in _UNFIT for f in trial.found.failures):
            return built
    return first


def _with_arguments(
    interpreter: Interpreter, way: choosing.Candidate, request: Request
) -> choosing.Candidate:
    if not request.arguments:
        return way
    known = [p.name for p in choosing.parameters_of(way.target, interpreter)]
    function = way.target
    if isinstance(function, Class):
        function = interpreter.find_in_class(function, "__init__")
    takes_any = isinstance(function, Function) and function.node.args.kwarg is not None
    values = dict(way.arguments)
    for name, value in request.arguments.items():
        if name not in known and not takes_any:
            near = difflib.get_close_matches(name, known, 3, 0.5) or known
            raise ValueError(
                f"{way.name} has no argument {name!r}: it has " + (", ".join(near) or "none")
            )
        values[name] = _value(interpreter, name, value)
    origin = "given" if way.origin != "guessed" else way.origin
    missing = [p.name for p in choosing.parameters_of(way.target, interpreter)
               if p.default is None and p.name not in request.arguments]  # fmt: skip
    if way.origin == "guessed" and not missing:
        origin = "given"
    return choosing.Candidate(way.name, way.target, way.kind, way.line, values, origin)


def _value(interpreter: Interpreter, name: str, value: Value) -> Value:
    """An argument as the caller gave it: a plain value, or text that is a literal or a name."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if len(text) > 500:
        raise ValueError(f"the value of {name} is too long")
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        pass
    try:
        node = ast.parse(text, mode="eval").body
        found = interpreter.evaluate(node, Scope(interpreter.main))
    except (SyntaxError, Failure, Raised, Stop, ValueError, RecursionError):
        return value
    return value if isinstance(found, Unknown) else found

"""Which class or function of a text makes the net, and with which arguments."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cnn_space.checking.guessing import guess_arguments
from cnn_space.checking.interpreter import Interpreter
from cnn_space.checking.limits import Stop
from cnn_space.checking.module_methods import named_modules
from cnn_space.checking.scope import Scope
from cnn_space.checking.values import (
    Class,
    Failure,
    Function,
    Module,
    Raised,
    Unknown,
    Value,
)

MOST_ROOTS = 8


@dataclass(frozen=True)
class Parameter:
    """A parameter of a constructor; ``default`` is its text, None where there is none."""

    name: str
    default: str | None


@dataclass
class Candidate:
    """A way to make a net. ``origin`` says where its arguments come from."""

    name: str
    target: Value
    kind: str  # "class", "function", "variable"
    line: int
    arguments: dict[str, Value] = field(default_factory=dict)
    origin: str = "defaults"  # "given", "made", "called", "defaults", "guessed"


def module_classes(interpreter: Interpreter) -> list[Class]:
    """The nn.Module classes of the text, in order of their lines."""
    found = {
        id(v): v
        for v in interpreter.main.names.values()
        if isinstance(v, Class) and v.is_module and v.line is not None
    }
    return sorted(found.values(), key=lambda cls: cls.line)


def parameters_of(target: Value, interpreter: Interpreter) -> list[Parameter]:
    """The parameters of a class's ``__init__`` or of a function, without ``self``."""
    function = target
    if isinstance(target, Class):
        function = interpreter.find_in_class(target, "__init__")
    if not isinstance(function, Function):
        return []
    spec = function.node.args
    names = [a.arg for a in (*spec.posonlyargs, *spec.args)]
    defaults: dict[str, str] = dict(
        zip(names[len(names) - len(spec.defaults) :], map(_text, spec.defaults), strict=True)
    )
    for argument, default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True):
        names.append(argument.arg)
        if default is not None:
            defaults[argument.arg] = _text(default)
    if isinstance(target, Class):
        names = names[1:]
    return [Parameter(name, defaults.get(name)) for name in names]


def _text(node: ast.expr) -> str:
    return ast.unparse(node)[:200]


def mentions(node: ast.AST) -> set[str]:
    """All names that are read in ``node``."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def roots(interpreter: Interpreter, tree: ast.Module) -> list[Class]:
    """Module classes that no other one, and no call of another one, uses as a part."""
    classes = module_classes(interpreter)
    names = {cls.name for cls in classes}
    functions = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}
    parts: set[str] = set()
    for cls in classes:
        used = mentions(cls.node) - {cls.name}
        for name in used & set(functions):
            used |= mentions(functions[name]) - {cls.name}
        parts |= used & names
    for call in (n for n in ast.walk(tree) if isinstance(n, ast.Call)):
        if isinstance(call.func, ast.Name):
            passed = [*call.args, *(k.value for k in call.keywords)]
            inside = {a.id for a in passed if isinstance(a, ast.Name)} & names
            if call.func.id in names or call.func.id in functions:
                parts |= inside
    found = [cls for cls in classes if cls.name not in parts and _can_run(interpreter, cls)]
    return found or [cls for cls in classes if _can_run(interpreter, cls)] or classes


def _can_run(interpreter: Interpreter, cls: Class) -> bool:
    own = isinstance(interpreter.find_in_class(cls, "forward"), Function)
    return own or (cls.layer_type is not None and cls.layer_type.name != "Module")


def candidates(interpreter: Interpreter, tree: ast.Module) -> Iterator[Iterable[Candidate]]:
    """For each net of the text the ways to make it, the likeliest first."""
    found = roots(interpreter, tree)
    made = list(_made(interpreter, found))
    if made:
        yield made
    for cls in found[-MOST_ROOTS:]:
        yield ways(interpreter, tree, cls)
    for function in _stacks(interpreter, tree):
        yield [function]


def _made(interpreter: Interpreter, found: list[Class]) -> Iterator[Candidate]:
    """What the text itself makes: a variable that holds a net."""
    inner = {
        id(child)
        for module in interpreter.modules_made
        for child in module.children.values()
        if isinstance(child, Module)
    }
    variables = [
        (name, value)
        for name, value in interpreter.main.names.items()
        if isinstance(value, Module) and id(value) not in inner
    ]
    for name, module in reversed(variables):
        if module.cls in found:
            yield Candidate(
                module.cls.name, module.cls, "class", module.cls.line, module.arguments, "made"
            )
        elif module.children and not isinstance(module.cls, Class):
            yield Candidate(name, module, "variable", module.line or 1, {}, "made")


def ways(interpreter: Interpreter, tree: ast.Module, cls: Class) -> Iterator[Candidate]:
    """Ways to make a net of ``cls``, the likeliest first."""
    missing = [p for p in parameters_of(cls, interpreter) if p.default is None]
    if not missing:
        yield Candidate(cls.name, cls, "class", cls.line)
    for function in _factories(interpreter, tree, cls):
        yield Candidate(function.name, function, "function", function.node.lineno)
        break
    if missing:
        called = _arguments_made(interpreter, cls) or _called(interpreter, tree, cls)
        if called is not None:
            yield Candidate(cls.name, cls, "class", cls.line, called, "called")
        arguments = guess_arguments(interpreter, cls, [p.name for p in missing])
        yield Candidate(cls.name, cls, "class", cls.line, arguments, "guessed")


def _factories(interpreter: Interpreter, tree: ast.Module, cls: Class) -> Iterator[Function]:
    """Functions of the text that give a net of ``cls`` when called without arguments."""
    functions = {n.name: mentions(n) for n in tree.body if isinstance(n, ast.FunctionDef)}
    reach = {cls.name}
    for _ in range(3):
        reach |= {name for name, used in functions.items() if used & reach}
    for name in functions:
        value = interpreter.main.names.get(name)
        if name not in reach or not isinstance(value, Function) or value.owner:
            continue
        if any(p.default is None for p in parameters_of(value, interpreter)):
            continue
        made = attempt(interpreter, value, {})
        known = isinstance(made, Module) and not _has_unknown(made.arguments)
        if known and made.cls is cls:
            yield value


def _stacks(interpreter: Interpreter, tree: ast.Module) -> Iterator[Candidate]:
    """Functions that give a container of library layers, such as ``nn.Sequential``.

    Those that a class uses make its parts. In a text with classes the container must hold one.
    """
    classes = [c for c in module_classes(interpreter) if c.node is not None]
    used = set().union(*(mentions(cls.node) for cls in classes))
    for node in [n for n in tree.body if isinstance(n, ast.FunctionDef)][-MOST_ROOTS:]:
        function = interpreter.main.names.get(node.name)
        if node.name in used or not isinstance(function, Function) or function.owner:
            continue
        missing = [p.name for p in parameters_of(function, interpreter) if p.default is None]
        arguments = guess_arguments(interpreter, function, missing)
        made = attempt(interpreter, function, arguments)
        if not isinstance(made, Module) or isinstance(made.cls, Class) or not made.children:
            continue
        if not classes or any(part.cls in classes for _, part in named_modules(made)):
            origin = "guessed" if missing else "defaults"
            yield Candidate(node.name, function, "function", node.lineno, arguments, origin)


def attempt(interpreter: Interpreter, target: Value, arguments: dict) -> Value:
    """What ``target`` makes, or None where that fails; nothing is noted."""
    found, interpreter.found = interpreter.found, type(interpreter.found)()
    phase, interpreter.phase = interpreter.phase, "build"
    building, interpreter.building = interpreter.building, 0
    guarded, interpreter.guarded = interpreter.guarded, 0
    interpreter.budget.depth = 0
    interpreter.budget.modules = 0
    try:
        made = interpreter.call(target, [], dict(arguments))
        return made if not interpreter.found.failures else None
    except (Raised, Failure, Stop):
        return None
    finally:
        interpreter.found, interpreter.phase = found, phase
        interpreter.building, interpreter.guarded = building, guarded


def _has_unknown(arguments: dict[str, Value]) -> bool:
    return any(isinstance(value, Unknown) for value in arguments.values())


def _arguments_made(interpreter: Interpreter, cls: Class) -> dict[str, Value] | None:
    """The arguments of the last net of ``cls`` that the text made, in its ``main`` for example."""
    for module in reversed(interpreter.modules_made):
        if module.cls is cls and module.arguments and not _has_unknown(module.arguments):
            return module.arguments
    return None


def _called(interpreter: Interpreter, tree: ast.Module, cls: Class) -> dict[str, Value] | None:
    """The arguments of a call of ``cls`` somewhere in the text, where they can be evaluated."""
    for call in (n for n in ast.walk(tree) if isinstance(n, ast.Call)):
        if not (isinstance(call.func, ast.Name) and call.func.id == cls.name):
            continue
        if not (call.args or call.keywords):
            continue
        try:
            arguments, keywords = interpreter.evaluate_arguments(call, Scope(interpreter.main))
            init = interpreter.find_in_class(cls, "__init__")
            named = interpreter.name_arguments(init, [None, *arguments], keywords)
        except (Failure, Raised, Stop):
            continue
        named = {k: v for k, v in named.items() if k in _parameter_names(interpreter, cls)}
        if not _has_unknown(named):
            return named
    return None


def _parameter_names(interpreter: Interpreter, cls: Class) -> set[str]:
    return {p.name for p in parameters_of(cls, interpreter)}

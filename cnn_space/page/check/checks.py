"""What a visitor asks of the checker, in its own terms, and the report."""

import ast
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cnn_space.checking.report import Report

EXAMPLE = Path(__file__).with_name("example_net.py")
LONGEST_ARGUMENTS = 2000  # characters
LARGEST_SIDE = 16_384


class FieldError(ValueError):
    """A field cannot be understood: ``key`` of the texts says why, ``why`` in English if known."""

    def __init__(self, field: str, key: str, why: str = ""):
        super().__init__(why or key)
        self.field, self.key, self.why = field, key, why


@dataclass(frozen=True)
class Asked:
    """A source text and the visitor's choices as typed; "" leaves a choice to the checker."""

    source: str
    name: str = ""
    input_shape: str = ""
    arguments: str = ""


def example() -> str:
    """The net that a visitor finds on arrival."""
    return EXAMPLE.read_text(encoding="utf-8").strip()


@lru_cache(maxsize=8)
def report(asked: Asked) -> Report:
    """The checker's report. Raises FieldError for a choice that does not fit the text."""
    shape = parse_shape(asked.input_shape)
    arguments = parse_arguments(asked.arguments)
    try:
        return _check(asked.source, name=asked.name or None, input_shape=shape, arguments=arguments)
    except ValueError as error:
        field = "arguments" if arguments else "net"
        raise FieldError(field, "check_refused", str(error)) from error


def weights_report(path: Path) -> Report:
    """The report on a ``.safetensors`` file: its names and shapes."""
    return _check(path)


def _check(source: str | Path, **choices) -> Report:
    from cnn_space.checking.checker import check  # half a second that the first page can do without

    return check(source, **choices)


def text_of(data: bytes) -> str:
    """The Python text of a ``.py`` or ``.ipynb`` file, without empty lines around it.

    Raises ``reading.Unreadable`` for anything else.
    """
    from cnn_space.checking import reading

    return reading.read(data).text.strip()


def parse_shape(text: str) -> tuple[int, ...] | None:
    """``3, 224, 224`` or ``3 × 224 × 224`` as numbers; None for an empty field."""
    plain = text.strip().strip("()[]").strip()
    if not plain:
        return None
    parts = re.split(r"\s*[,x×*]\s*|\s+", plain)
    right = 1 <= len(parts) <= 4 and all(re.fullmatch(r"[0-9]{1,5}", part) for part in parts)
    if not right or not all(1 <= int(part) <= LARGEST_SIDE for part in parts):
        raise FieldError(
            "input_shape",
            "check_shape_wrong",
            f"input_shape is {text[:60]!r}: it must be channels, height, width, such as "
            f"3,224,224, each from 1 to {LARGEST_SIDE:,}",
        )
    return tuple(map(int, parts))


def parse_arguments(text: str) -> dict[str, object]:
    """``num_classes=10, aux=False``, or the same as a JSON object, by name.

    Values of the first form stay text: the checker reads them as literals or names of the source.
    """
    text = text.strip()
    if not text:
        return {}
    wrong = FieldError(
        "arguments",
        "check_arguments_wrong",
        f"arguments are {text[:60]!r}: they must be name=value pairs, such as num_classes=10",
    )
    if len(text) > LONGEST_ARGUMENTS:
        raise wrong
    try:
        if text.startswith("{"):
            return dict(json.loads(text))
        call = ast.parse(f"f({text})", mode="eval").body
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and not call.args:
            named = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
            if None not in named:
                return named
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        pass
    raise wrong


def nets(found: Report) -> list[str]:
    """What can be chosen as the net: the classes, and the functions that give one of them."""
    names = [entry.name for entry in found.classes]
    try:
        tree = ast.parse(found.mended or found.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return names
    functions = {
        node.name: {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and _gives_something(node)
    }
    makers: set[str] = set()
    for _ in range(3):  # a function may call another that makes the net
        makers |= {name for name, used in functions.items() if used & {*names, *makers}}
    return names + [name for name in functions if name in makers]


def _gives_something(function: ast.FunctionDef) -> bool:
    return any(isinstance(node, ast.Return) and node.value for node in ast.walk(function))


def names_in(text: str, name: str) -> bool:
    """Whether ``name`` still stands in the text: it may have been edited since it was chosen."""
    return re.search(rf"\b{re.escape(name)}\b", text) is not None

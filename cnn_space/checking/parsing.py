"""From text to a syntax tree, past the slips that have one sure correction."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass

from cnn_space.checking.problem import Edit, Problem

DEEPEST = 120  # brackets in brackets, blocks in blocks
_OPENERS = re.compile(
    r"^\s*(?:async\s+)?(?:def|class|if|elif|else|for|while|try|except|finally|with|match|case)\b"
)
_BLOCK_START = re.compile(r"^\s*(?:def|class|if|elif|else|for|while|try|except|finally|with)\b")


@dataclass(frozen=True)
class Parsed:
    """A tree, or None with the reason; and the slips on the way, with the text mended so far."""

    tree: ast.Module | None
    text: str
    problems: tuple[Problem, ...] = ()
    dropped: tuple[tuple[int, str], ...] = ()  # (line, text) of statements left out


def parse(text: str) -> Parsed:
    """The tree of ``text``. A line that is no Python is mended where that is sure; else the block
    it stands in is left out, and the rest is read."""
    problems: list[Problem] = []
    dropped: list[tuple[int, str]] = []
    for _ in range(12):
        if _too_deep(text):
            return Parsed(None, text, (Problem("too_deep", 1, {"depth": DEEPEST}),))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(text)
            if _tree_depth(tree) > 2 * DEEPEST:
                return Parsed(None, text, (Problem("too_deep", 1, {"depth": 2 * DEEPEST}),))
            return Parsed(tree, text, tuple(problems), tuple(dropped))
        except (RecursionError, MemoryError):
            return Parsed(None, text, (Problem("too_deep", 1, {"depth": DEEPEST}),))
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None) or 1
            message = getattr(error, "msg", "") or str(error)
            edit = _correction(text, line, message)
            problems.append(_problem(text, line, message, edit))
            if edit is not None:
                text = edit.apply(text)
                continue
            left, what = _without_block(text, line)
            if left is None:
                return Parsed(None, text, tuple(problems))
            dropped.append((line, what))
            text = left
    return Parsed(None, text, tuple(problems))


def _problem(text: str, line: int, message: str, edit: Edit | None) -> Problem:
    lines = text.split("\n")
    code = lines[line - 1].strip()[:80] if line <= len(lines) else ""
    values = {"message": message[:120], "code": code}
    if edit is None:
        return Problem("syntax", line, values)
    mended = edit.apply(text).split("\n")[edit.line - 1].strip()[:80]
    return Problem("syntax_mended", edit.line, values | {"mended": mended}, edits=(edit,))


def _correction(text: str, line: int, message: str) -> Edit | None:
    """The one sure correction of a syntax error in ``line``, if parsing goes on behind it."""
    lines = text.split("\n")
    for number in (line, line - 1):
        if not 1 <= number <= len(lines):
            continue
        code = lines[number - 1]
        for candidate in _candidates(code, message):
            trial = [*lines[: number - 1], candidate, *lines[number:]]
            if _goes_further("\n".join(trial), number):
                return Edit(number, 0, len(code), candidate)
    return None


def _candidates(code: str, message: str) -> list[str]:
    """Ways to write the line that a slip of the hand may have meant."""
    bare, comment = code.rstrip(), ""
    if "#" in bare and not re.search(r"['\"].*#", bare):
        bare, _, comment = bare.partition("#")
        bare, comment = bare.rstrip(), "  #" + comment
    found = []
    if bare.endswith(":") and not _OPENERS.match(bare):
        found.append(bare[:-1])
    if _BLOCK_START.match(bare) and not bare.endswith(":"):
        found.append(bare + ":")
    if bare.count("(") > bare.count(")"):
        found.append(bare + ")" * (bare.count("(") - bare.count(")")))
    if bare.count(")") > bare.count("(") and bare.endswith(")"):
        found.append(bare[:-1])
    printed = re.match(r"^(\s*)print\s+(.+)$", bare)
    if printed:
        found.append(f"{printed[1]}print({printed[2]})")
    return [candidate + comment for candidate in found]


def _goes_further(text: str, line: int) -> bool:
    """Whether the parser gets past ``line``."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as error:
        return (error.lineno or 0) > line + 1
    except (RecursionError, MemoryError, ValueError):
        return False
    return True


def _without_block(text: str, line: int) -> tuple[str | None, str]:
    """``text`` with the top-level statement around ``line`` blanked, and what that was."""
    lines = text.split("\n")
    line = min(line, len(lines))
    start = line - 1
    while start > 0 and (not lines[start].strip() or lines[start][:1] in " \t)]}#"):
        start -= 1
    end = line
    while end < len(lines) and (not lines[end].strip() or lines[end][:1] in " \t)]}#"):
        end += 1
    rest = [*lines[:start], *[""] * (end - start), *lines[end:]]
    if not any(part.strip() for part in rest):
        return None, ""
    return "\n".join(rest), lines[start].strip()[:80]


def _too_deep(text: str) -> bool:
    """Whether brackets, signs or blocks are nested beyond what the parser is asked to read."""
    depth = deepest = run = 0
    for sign in text:
        if sign in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif sign in ")]}":
            depth = max(0, depth - 1)
        run = run + 1 if sign in "-+~" else 0
        if deepest > DEEPEST * 4 or run > DEEPEST * 4:
            return True
    indents = [len(line) - len(line.lstrip()) for line in text.split("\n") if line.strip()]
    return len(set(indents)) > DEEPEST or text.count(" not not not ") > DEEPEST


def _tree_depth(tree: ast.AST) -> int:
    """Levels of a tree, counted without recursion."""
    depth, level = 0, [tree]
    while level:
        depth += 1
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return depth

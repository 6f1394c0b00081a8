"""A finding: its line, its kind, what fills its sentence, and the correction if there is one."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Edit:
    """Replace ``start`` to ``end`` (columns) of ``line`` by ``text``.

    With ``whole`` the line goes altogether; ``before`` lines are put in front of it.
    """

    line: int
    start: int
    end: int
    text: str
    before: tuple[str, ...] = ()
    whole: bool = False

    def apply(self, text: str) -> str:
        return apply_edits(text, [self])[0]


def apply_edits(text: str, edits: list[Edit]) -> tuple[str, list[int]]:
    """``text`` with ``edits`` made, and for each new line the number of the old one.

    Edits that overlap another one are left out.
    """
    by_line: dict[int, list[Edit]] = {}
    for edit in edits:
        by_line.setdefault(edit.line, []).append(edit)
    lines: list[str] = []
    numbers: list[int] = []
    for number, code in enumerate(text.split("\n"), 1):
        here = by_line.get(number, [])
        for edit in here:
            for line in edit.before:
                lines.append(line)
                numbers.append(number)
        if any(edit.whole for edit in here):
            continue
        limit = len(code) + 1
        for edit in sorted(set(here), key=lambda e: (e.start, e.end), reverse=True):
            if edit.end <= limit and edit.start < limit and not (edit.before and not edit.text):
                code = code[: edit.start] + edit.text + code[edit.end :]
                limit = edit.start
        lines.append(code)
        numbers.append(number)
    return "\n".join(lines), numbers


@dataclass(frozen=True)
class Problem:
    """A finding in the text. ``kind`` is the key of its sentence, which ``values`` fill."""

    kind: str
    line: int
    values: dict = field(default_factory=dict)
    severity: str = "wrong"  # "wrong": it fails or computes something else; "doubtful"
    edits: tuple[Edit, ...] = ()
    also: tuple[int, ...] = ()  # further lines that it concerns

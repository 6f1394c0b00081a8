"""A net and a reference side by side, and the making of one difference."""

from __future__ import annotations

from dataclasses import dataclass

from cnn_space.checking import sentences
from cnn_space.checking.aligning import Pair
from cnn_space.checking.canonical import Unit
from cnn_space.checking.report import Difference
from cnn_space.checking.sections import section


@dataclass
class Comparison:
    """A net and a reference, their layers in pairs, and the totals of both."""

    arch: str
    pairs: list[Pair]
    heads: list[Unit]
    reference_heads: list[Unit]
    macs: int
    reference_macs: int
    line: int  # of the net's class
    dropped_maps: int = 0  # line of a dropout of whole maps where there are only single values

    @property
    def both(self) -> list[tuple[Unit, Unit]]:
        return [(a, b) for a, b in self.pairs if a is not None and b is not None]


def made(
    comparison: Comparison, weight: float, kind: str, values: dict, mine: list[Unit] = (),
    theirs: list[Unit] = (), line: int = 0, topic: str = "", work: bool = True,
) -> tuple[float, Difference]:  # fmt: skip
    """``work`` False: the layers run in training alone, so no total of MACs has theirs."""
    both = bool(mine or theirs)
    worked = both and work
    return weight, Difference(
        kind,
        sentences.english(kind, values),
        values,
        section(comparison.arch, topic or kind),
        line or (mine[0].line if mine else comparison.line),
        sum(u.parameters for u in mine) if both else None,
        sum(u.parameters for u in theirs) if both else None,
        sum(u.macs for u in mine) if worked else None,
        sum(u.macs for u in theirs) if worked else None,
    )


def size(kernel: tuple[int, ...]) -> str:
    return "×".join(map(str, kernel))


def around(unit: Unit) -> tuple[tuple, ...]:
    return (*unit.before, *unit.after)

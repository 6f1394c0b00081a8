"""Two sequences of layers side by side, with as little changed as possible."""

from __future__ import annotations

from cnn_space.checking.canonical import Unit

GAP = 1.1
Pair = tuple[Unit | None, Unit | None]


def cost(mine: Unit, theirs: Unit, last: bool = False) -> float:
    """How unlike two layers are, 0 for the same."""
    if mine.op != theirs.op:
        return 2.5
    total = 0.0
    if mine.kernel != theirs.kernel:
        total += 0.5
    if mine.channels != theirs.channels and not last:
        total += 0.5 + 0.3 * (not 0.5 <= mine.channels / max(1, theirs.channels) <= 2)
    if mine.inputs != theirs.inputs:
        total += 0.3
    if mine.stride != theirs.stride:
        total += 0.2
    if mine.groups != theirs.groups:
        total += 0.3
    if mine.joined != theirs.joined:
        total += 0.2
    return total


def align(mine: list[Unit], theirs: list[Unit]) -> list[Pair]:
    """Pairs of layers in order; None where one side has no partner."""
    rows, columns = len(mine), len(theirs)
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(1, rows + 1):
        best[i][0] = i * GAP
    for j in range(1, columns + 1):
        best[0][j] = j * GAP
    for i in range(1, rows + 1):
        above, here = best[i - 1], best[i]
        for j in range(1, columns + 1):
            both = above[j - 1] + cost(mine[i - 1], theirs[j - 1], i == rows and j == columns)
            here[j] = min(both, above[j] + GAP, here[j - 1] + GAP)
    return _walk_back(mine, theirs, best)


def _walk_back(mine: list[Unit], theirs: list[Unit], best: list[list[float]]) -> list[Pair]:
    pairs: list[Pair] = []
    i, j = len(mine), len(theirs)
    while i or j:
        last = i == len(mine) and j == len(theirs)
        if i and j:
            both = best[i - 1][j - 1] + cost(mine[i - 1], theirs[j - 1], last)
            if abs(best[i][j] - both) < 1e-9:
                pairs.append((mine[i - 1], theirs[j - 1]))
                i, j = i - 1, j - 1
                continue
        if i and abs(best[i][j] - best[i - 1][j] - GAP) < 1e-9:
            pairs.append((mine[i - 1], None))
            i -= 1
        else:
            pairs.append((None, theirs[j - 1]))
            j -= 1
    return pairs[::-1]


def likeness(pairs: list[Pair]) -> float:
    """The share of layers that agree, 0 to 1."""
    if not pairs:
        return 0.0
    agreeing = sum(
        max(0.0, 1 - cost(a, b, index == len(pairs) - 1))
        for index, (a, b) in enumerate(pairs)
        if a is not None and b is not None
    )
    return agreeing / len(pairs)

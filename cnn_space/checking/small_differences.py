"""Differences of pools, maps, settings, dropout and the end of a net."""

from __future__ import annotations

from cnn_space.checking.canonical import Unit, has
from cnn_space.checking.comparison import Comparison, around, made, size

_POOLS = ("max pool", "avg pool")


def _pools_of(unit: Unit) -> list[tuple]:
    return [one for one in around(unit) if one[0] in _POOLS]


def pools(comparison: Comparison) -> list:
    missing, extra, changed = [], [], []
    for mine, theirs in comparison.both:
        got, wanted = _pools_of(mine), _pools_of(theirs)
        if got == wanted:
            continue
        if len(got) < len(wanted):
            missing.append((mine, theirs))
        elif len(got) > len(wanted):
            extra.append((mine, theirs))
        else:
            changed.append((mine, theirs))
    found = []
    for kind, pairs, weight in (("diff_pool_missing", missing, 56), ("diff_pool_added", extra, 45),
                                ("diff_pool", changed, 30)):  # fmt: skip
        if pairs:
            mine, theirs = pairs[0]
            values = {"count": len(pairs), "pool": _pool_text(_pools_of(mine)),
                      "reference": _pool_text(_pools_of(theirs)), "where": mine.name}  # fmt: skip
            found.append(made(comparison, weight, kind, values, line=mine.line, topic="pool"))
    return found


def _pool_text(pools: list[tuple]) -> str:
    shown = []
    for one in pools:
        if one[1] == "all":
            shown.append(f"{one[0]} over the whole map")
        else:
            shown.append(f"{one[0]} {size(one[1])} stride {one[2][0]} padding {one[3][0]}")
    return ", ".join(shown)


def work(comparison: Comparison) -> list:
    """Maps of another size where the joins begin: the work grows with their area."""
    for mine, theirs in comparison.both:
        if mine.joined == "concat" and mine.sides and theirs.sides and mine.sides != theirs.sides:
            ratio = (mine.sides[0] * mine.sides[1]) / (theirs.sides[0] * theirs.sides[1])
            values = {"where": theirs.name, "sides": " × ".join(map(str, mine.sides)),
                      "reference": " × ".join(map(str, theirs.sides)),
                      "times": f"{ratio:.3g}"}  # fmt: skip
            return [made(comparison, 59, "diff_map", values, [mine], [theirs], topic="pool")]
    return []


def settings(comparison: Comparison) -> list:
    """Bias, padding, stride and norms' constants."""
    found = []
    biases = [(a, b) for a, b in comparison.both if a.bias != b.bias]
    if biases:
        kind = "diff_bias_added" if biases[0][0].bias else "diff_bias_missing"
        values = {"count": len(biases)}
        found.append(made(comparison, 20, kind, values, line=biases[0][0].line))
    for name in ("stride", "padding", "groups"):
        changed = [(a, b) for a, b in comparison.both if getattr(a, name) != getattr(b, name)
                   and (name != "padding" or a.kernel == b.kernel)]  # fmt: skip
        if changed:
            mine, theirs = changed[0]
            values = {
                "count": len(changed),
                "what": name,
                "where": mine.name,
                "value": str(getattr(mine, name)),
                "reference": str(getattr(theirs, name)),
            }
            weight = 48 if name != "padding" else 35
            found.append(made(comparison, weight, "diff_setting", values, line=mine.line))
    eps = [(a, b) for a, b in comparison.both if _eps(a) and _eps(b) and _eps(a) != _eps(b)]
    if eps:
        values = {"eps": _eps(eps[0][0]), "reference": _eps(eps[0][1]), "count": len(eps)}
        found.append(made(comparison, 10, "diff_eps", values, line=eps[0][0].line))
    return found


def _eps(unit: Unit) -> float:
    return next((one[1] for one in around(unit) if one[0] == "batch norm" and one[1]), 0.0)


def _rates(units: list[Unit]) -> list[float]:
    return [one[1] for unit in units for one in around(unit) if one[0] == "dropout"]


def dropout(comparison: Comparison) -> list:
    mine = _rates([a for a, _ in comparison.pairs if a is not None])
    theirs = _rates([b for _, b in comparison.pairs if b is not None])
    maps = []
    if comparison.dropped_maps and theirs:
        maps.append(made(comparison, 27, "diff_dropout_maps", {}, line=comparison.dropped_maps,
                         topic="dropout"))  # fmt: skip
    if mine == theirs:
        return maps
    shown = {"rates": ", ".join(map(str, mine)), "reference": ", ".join(map(str, theirs))}
    kind = "diff_dropout"
    if not mine:
        kind = "diff_no_dropout"
    elif not theirs:
        kind = "diff_dropout_added"
    return [*maps, made(comparison, 28, kind, shown, topic="dropout")]


def end(comparison: Comparison) -> list:
    last = comparison.pairs[-1][0] if comparison.pairs else None
    if last is not None and has(last.after, "softmax", "log softmax"):
        return [made(comparison, 25, "diff_softmax", {}, line=last.line)]
    return []

"""How a net differs from a reference: layer by layer, gathered into sentences."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from cnn_space.checking import sentences
from cnn_space.checking.aligning import Pair
from cnn_space.checking.canonical import Unit, activation, has
from cnn_space.checking.ops import ACTIVATIONS
from cnn_space.checking.report import Difference
from cnn_space.checking.sections import section

_POOLS = ("max pool", "avg pool")
_NORMS = ("batch norm", "local norm", "group norm", "instance norm")


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

    @property
    def both(self) -> list[tuple[Unit, Unit]]:
        return [(a, b) for a, b in self.pairs if a is not None and b is not None]


def find(comparison: Comparison) -> list[Difference]:
    """All differences, the weightiest first."""
    found = [
        *_kernels(comparison),
        *_extra_and_missing(comparison),
        *_activations(comparison),
        *_norms(comparison),
        *_heads(comparison),
        *_widths(comparison),
        *_pools(comparison),
        *_work(comparison),
        *_small(comparison),
        *_dropout(comparison),
        *_end(comparison),
    ]
    return [difference for _, difference in sorted(found, key=lambda pair: -pair[0])]


def _made(
    comparison: Comparison, weight: float, kind: str, values: dict, mine: list[Unit] = (),
    theirs: list[Unit] = (), line: int = 0, topic: str = "",
) -> tuple[float, Difference]:  # fmt: skip
    both = bool(mine or theirs)
    return weight, Difference(
        kind,
        sentences.english(kind, values),
        values,
        section(comparison.arch, topic or kind),
        line or (mine[0].line if mine else comparison.line),
        sum(u.parameters for u in mine) if both else None,
        sum(u.parameters for u in theirs) if both else None,
        sum(u.macs for u in mine) if both else None,
        sum(u.macs for u in theirs) if both else None,
    )


def _size(kernel: tuple[int, ...]) -> str:
    return "×".join(map(str, kernel))


def _kernels(comparison: Comparison) -> list:
    """Kernels of another size; a large one that became two small ones in a row."""
    groups: dict[tuple, tuple[list[Unit], list[Unit]]] = {}
    for index, (mine, theirs) in enumerate(comparison.pairs):
        if mine is None or theirs is None or mine.op != "conv" or mine.kernel == theirs.kernel:
            continue
        doubled = _doubled(comparison.pairs, index, mine)
        key = (theirs.kernel, mine.kernel, len(doubled))
        group = groups.setdefault(key, ([], []))
        group[0].extend([mine, *doubled])
        group[1].append(theirs)
    found = []
    for (theirs, mine, doubled), (units, references) in groups.items():
        values = {"reference": _size(theirs), "kernel": _size(mine), "count": len(references),
                  "where": references[0].name}  # fmt: skip
        kind = "diff_kernel_two" if doubled else "diff_kernel"
        topic = "kernel5x5" if theirs == (5, 5) else "kernel"
        found.append(
            _made(comparison, 60 + len(references), kind, values, units, references, topic=topic)
        )
    return found


def _doubled(pairs: list[Pair], index: int, mine: Unit) -> list[Unit]:
    """A second convolution like ``mine`` beside it, without a partner."""
    found = []
    for other in (index - 1, index + 1):
        if 0 <= other < len(pairs):
            unit, partner = pairs[other]
            if partner is None and unit is not None and unit.kernel == mine.kernel:
                found.append(unit)
    return found[:1]


def _extra_and_missing(comparison: Comparison) -> list:
    taken = {id(u) for i, (a, b) in enumerate(comparison.pairs) if a is not None and b is not None
             and a.kernel != b.kernel for u in _doubled(comparison.pairs, i, a)}  # fmt: skip
    extra: dict[tuple, list[Unit]] = {}
    missing: dict[tuple, list[Unit]] = {}
    for mine, theirs in comparison.pairs:
        if theirs is None and mine is not None and id(mine) not in taken:
            extra.setdefault((mine.op, mine.kernel), []).append(mine)
        elif mine is None and theirs is not None:
            missing.setdefault((theirs.op, theirs.kernel), []).append(theirs)
    found = []
    for (op, kernel), units in missing.items():
        values = {"layer": f"{op} {_size(kernel)}".strip(), "count": len(units),
                  "where": ", ".join(u.name for u in units[:4])}  # fmt: skip
        found.append(_made(comparison, 70, "diff_missing", values, [], units,
                           topic="linear" if op == "linear" else "layers"))  # fmt: skip
    for (op, kernel), units in extra.items():
        values = {"layer": f"{op} {_size(kernel)}".strip(), "count": len(units),
                  "where": ", ".join(u.name for u in units[:4])}  # fmt: skip
        found.append(_made(comparison, 65, "diff_extra", values, units, [],
                           topic="linear" if op == "linear" else "layers"))  # fmt: skip
    return found


def _activations(comparison: Comparison) -> list:
    missing, changed = [], Counter()
    lines: dict[tuple, Unit] = {}
    for mine, theirs in comparison.both:
        wanted, got = activation(theirs.after), activation(mine.after)
        if wanted and not got:
            missing.append((mine, theirs))
        elif wanted and got and wanted != got:
            changed[(wanted, got)] += 1
            lines.setdefault((wanted, got), mine)
    found = []
    if missing:
        total = sum(bool(activation(b.after)) for _, b in comparison.both)
        values = {"count": len(missing), "total": total, "where": missing[0][0].name}
        weight = 90 if len(missing) > total / 2 else 62
        found.append(_made(comparison, weight, "diff_no_activation", values,
                           line=missing[0][0].line))  # fmt: skip
    for (wanted, got), count in changed.items():
        values = {"reference": wanted, "activation": got, "count": count}
        found.append(_made(comparison, 55, "diff_activation", values,
                           line=lines[(wanted, got)].line))  # fmt: skip
    return found


def _norms(comparison: Comparison) -> list:
    found = []
    for op in ("batch norm", "local norm"):
        both = [(a, b) for a, b in comparison.both]
        wanted = [(a, b) for a, b in both if has(_around(b), op)]
        absent = [(a, b) for a, b in wanted if not has(_around(a), op)]
        added = [(a, b) for a, b in both if has(_around(a), op) and not has(_around(b), op)]
        name = "diff_no_batch_norm" if op == "batch norm" else "diff_no_local_norm"
        if absent:
            values = {"count": len(absent), "total": len(wanted)}
            found.append(_made(comparison, 58 if op == "batch norm" else 50, name, values,
                               line=absent[0][0].line))  # fmt: skip
        if added:
            values = {"count": len(added), "norm": op}
            found.append(_made(comparison, 57, "diff_norm_added", values, line=added[0][0].line,
                               topic="diff_no_batch_norm"))  # fmt: skip
    return found


def _around(unit: Unit) -> tuple[tuple, ...]:
    return (*unit.before, *unit.after)


def _heads(comparison: Comparison) -> list:
    if comparison.reference_heads and not comparison.heads:
        values = {"count": len(comparison.reference_heads)}
        return [_made(comparison, 54, "diff_no_heads", values, [], comparison.reference_heads)]
    if comparison.heads and not comparison.reference_heads:
        values = {"count": len(comparison.heads)}
        return [_made(comparison, 54, "diff_heads_added", values, comparison.heads, [],
                      topic="diff_no_heads")]  # fmt: skip
    wanted = sum(activation(u.after) != "" for u in comparison.reference_heads)
    got = sum(activation(u.after) != "" for u in comparison.heads)
    dropped = sum(has(u.after, "dropout") for u in comparison.reference_heads)
    drops = sum(has(u.after, "dropout") for u in comparison.heads)
    if got < wanted or drops < dropped:
        values = {"activations": wanted - got, "dropouts": dropped - drops}
        return [_made(comparison, 40, "diff_heads_plain", values, line=comparison.heads[0].line,
                      topic="diff_no_heads")]  # fmt: skip
    return []


def _widths(comparison: Comparison) -> list:
    changed = [(a, b) for a, b in comparison.both[:-1] if a.channels != b.channels]
    if not changed:
        return []
    first = changed[0]
    values = {"count": len(changed), "total": len(comparison.both), "where": first[0].name,
              "channels": first[0].channels, "reference": first[1].channels}  # fmt: skip
    return [_made(comparison, 52, "diff_width", values, [a for a, _ in changed],
                  [b for _, b in changed])]  # fmt: skip


def _pools_of(unit: Unit) -> list[tuple]:
    return [one for one in _around(unit) if one[0] in _POOLS]


def _pools(comparison: Comparison) -> list:
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
            found.append(_made(comparison, weight, kind, values, line=mine.line, topic="pool"))
    return found


def _pool_text(pools: list[tuple]) -> str:
    shown = []
    for one in pools:
        if one[1] == "all":
            shown.append(f"{one[0]} over the whole map")
        else:
            shown.append(f"{one[0]} {_size(one[1])} stride {one[2][0]} padding {one[3][0]}")
    return ", ".join(shown)


def _work(comparison: Comparison) -> list:
    """Maps of another size where the joins begin: the work grows with their area."""
    for mine, theirs in comparison.both:
        if mine.joined == "concat" and mine.sides and theirs.sides and mine.sides != theirs.sides:
            ratio = (mine.sides[0] * mine.sides[1]) / (theirs.sides[0] * theirs.sides[1])
            values = {"where": theirs.name, "sides": " × ".join(map(str, mine.sides)),
                      "reference": " × ".join(map(str, theirs.sides)),
                      "times": f"{ratio:.3g}"}  # fmt: skip
            return [_made(comparison, 59, "diff_map", values, [mine], [theirs], topic="pool")]
    return []


def _small(comparison: Comparison) -> list:
    """Bias, padding, stride and norms' constants."""
    found = []
    biases = [(a, b) for a, b in comparison.both if a.bias != b.bias]
    if biases:
        kind = "diff_bias_added" if biases[0][0].bias else "diff_bias_missing"
        values = {"count": len(biases)}
        found.append(_made(comparison, 20, kind, values, line=biases[0][0].line))
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
            found.append(_made(comparison, weight, "diff_setting", values, line=mine.line))
    eps = [(a, b) for a, b in comparison.both if _eps(a) and _eps(b) and _eps(a) != _eps(b)]
    if eps:
        values = {"eps": _eps(eps[0][0]), "reference": _eps(eps[0][1]), "count": len(eps)}
        found.append(_made(comparison, 10, "diff_eps", values, line=eps[0][0].line))
    return found


def _eps(unit: Unit) -> float:
    return next((one[1] for one in _around(unit) if one[0] == "batch norm" and one[1]), 0.0)


def _rates(units: list[Unit]) -> list[float]:
    return [one[1] for unit in units for one in _around(unit) if one[0] == "dropout"]


def _dropout(comparison: Comparison) -> list:
    mine = _rates([a for a, _ in comparison.pairs if a is not None])
    theirs = _rates([b for _, b in comparison.pairs if b is not None])
    if mine == theirs:
        return []
    shown = {"rates": ", ".join(map(str, mine)), "reference": ", ".join(map(str, theirs))}
    kind = "diff_dropout"
    if not mine:
        kind = "diff_no_dropout"
    elif not theirs:
        kind = "diff_dropout_added"
    return [_made(comparison, 28, kind, shown, topic="dropout")]


def _end(comparison: Comparison) -> list:
    last = comparison.pairs[-1][0] if comparison.pairs else None
    if last is not None and has(last.after, "softmax", "log softmax"):
        return [_made(comparison, 25, "diff_softmax", {}, line=last.line)]
    return []


__all__ = ["ACTIVATIONS", "Comparison", "find"]

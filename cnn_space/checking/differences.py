"""How a net differs from a reference: layer by layer, gathered into sentences."""

from __future__ import annotations

from collections import Counter

from cnn_space.checking.aligning import Pair
from cnn_space.checking.canonical import Unit, activation, has
from cnn_space.checking.comparison import Comparison, around, made, size
from cnn_space.checking.layer_types import ACTIVATIONS
from cnn_space.checking.report import Difference
from cnn_space.checking.small_differences import dropout, end, pools, settings, work

_NORMS = ("batch norm", "local norm", "group norm", "instance norm")


def find(comparison: Comparison) -> list[Difference]:
    """All differences, the weightiest first."""
    found = [
        *_kernels(comparison),
        *_extra_and_missing(comparison),
        *_activations(comparison),
        *_norms(comparison),
        *_heads(comparison),
        *_widths(comparison),
        *pools(comparison),
        *work(comparison),
        *settings(comparison),
        *dropout(comparison),
        *end(comparison),
    ]
    return [difference for _, difference in sorted(found, key=lambda pair: -pair[0])]


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
        values = {"reference": size(theirs), "kernel": size(mine), "count": len(references),
                  "where": references[0].name}  # fmt: skip
        kind = "diff_kernel_two" if doubled else "diff_kernel"
        topic = "kernel5x5" if theirs == (5, 5) else "kernel"
        found.append(
            made(comparison, 60 + len(references), kind, values, units, references, topic=topic)
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
        values = {"layer": f"{op} {size(kernel)}".strip(), "count": len(units),
                  "where": ", ".join(u.name for u in units[:4])}  # fmt: skip
        found.append(made(comparison, 70, "diff_missing", values, [], units,
                           topic="linear" if op == "linear" else "layers"))  # fmt: skip
    for (op, kernel), units in extra.items():
        values = {"layer": f"{op} {size(kernel)}".strip(), "count": len(units),
                  "where": ", ".join(u.name for u in units[:4])}  # fmt: skip
        found.append(made(comparison, 65, "diff_extra", values, units, [],
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
        found.append(made(comparison, weight, "diff_no_activation", values,
                           line=missing[0][0].line))  # fmt: skip
    for (wanted, got), count in changed.items():
        values = {"reference": wanted, "activation": got, "count": count}
        found.append(made(comparison, 55, "diff_activation", values,
                           line=lines[(wanted, got)].line))  # fmt: skip
    return found


def _norms(comparison: Comparison) -> list:
    found = []
    for op in ("batch norm", "local norm"):
        both = [(a, b) for a, b in comparison.both]
        wanted = [(a, b) for a, b in both if has(around(b), op)]
        absent = [(a, b) for a, b in wanted if not has(around(a), op)]
        added = [(a, b) for a, b in both if has(around(a), op) and not has(around(b), op)]
        name = "diff_no_batch_norm" if op == "batch norm" else "diff_no_local_norm"
        if absent:
            values = {"count": len(absent), "total": len(wanted)}
            found.append(made(comparison, 58 if op == "batch norm" else 50, name, values,
                               line=absent[0][0].line))  # fmt: skip
        if added:
            values = {"count": len(added), "norm": op}
            found.append(made(comparison, 57, "diff_norm_added", values, line=added[0][0].line,
                               topic="diff_no_batch_norm"))  # fmt: skip
    return found


def _heads(comparison: Comparison) -> list:
    if comparison.reference_heads and not comparison.heads:
        values = {"count": len(comparison.reference_heads)}
        return [made(comparison, 54, "diff_no_heads", values, [], comparison.reference_heads,
                      work=False)]  # fmt: skip
    if comparison.heads and not comparison.reference_heads:
        values = {"count": len(comparison.heads)}
        return [made(comparison, 54, "diff_heads_added", values, comparison.heads, [],
                      topic="diff_no_heads", work=False)]  # fmt: skip
    wanted = sum(activation(u.after) != "" for u in comparison.reference_heads)
    got = sum(activation(u.after) != "" for u in comparison.heads)
    dropped = sum(has(u.after, "dropout") for u in comparison.reference_heads)
    drops = sum(has(u.after, "dropout") for u in comparison.heads)
    if got < wanted or drops < dropped:
        values = {"activations": wanted - got, "dropouts": dropped - drops}
        return [made(comparison, 40, "diff_heads_plain", values, line=comparison.heads[0].line,
                      topic="diff_no_heads")]  # fmt: skip
    return []


def _widths(comparison: Comparison) -> list:
    changed = [(a, b) for a, b in comparison.both[:-1] if a.channels != b.channels]
    if not changed:
        return []
    first = changed[0]
    values = {"count": len(changed), "total": len(comparison.both), "where": first[0].name,
              "channels": first[0].channels, "reference": first[1].channels}  # fmt: skip
    return [made(comparison, 52, "diff_width", values, [a for a, _ in changed],
                  [b for _, b in changed])]  # fmt: skip


__all__ = ["ACTIVATIONS", "Comparison", "find"]

"""Several nets on one photo: answers, cost and heatmaps side by side.

``compare`` works in three rounds (answers, heatmaps, timing) and yields the whole comparison
each time a net has something new, so that a page can show what there is.
"""

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from cnn_space import weights
from cnn_space.images.photo import open_photo

if TYPE_CHECKING:  # these bring torch, which nobody needs before the first comparison
    from cnn_space.inference.classification import Prediction
    from cnn_space.inference.explain import Heatmap

LEAST, MOST = 2, 8
# Timing stops after so many turns, or, with three of them done, after so many seconds.
TURNS, SECONDS = 7, 0.8
# The comparison a visitor meets first: 1998 to 2015, as far as they are trained.
FAMOUS = ("lenet5", "vgg", "googlenet", "resnet")


@dataclass(frozen=True)
class Entry:
    """One net's part of a comparison; what is not known (yet) is empty or None.

    ``agrees``: whether its answer is the most frequent one among the nets with the same labels
    (None while answers are missing, without a second such net, and when the vote is tied).
    ``milliseconds``: median of warm runs on this one photo. ``problem``: why there is no answer.
    """

    name: str
    title: str
    record: weights.WeightsRecord
    ranked: "tuple[Prediction, ...]" = ()
    agrees: bool | None = None
    milliseconds: float | None = None
    heatmap: "Heatmap | None" = None
    problem: str | None = None

    @property
    def answer(self) -> str | None:
        """The label it ranks first."""
        return self.ranked[0].label if self.ranked else None


@dataclass(frozen=True)
class Group:
    """The nets that share one set of labels, and what most of them say (None when tied)."""

    entries: tuple[Entry, ...]
    majority: str | None


def compare(
    image,
    nets: Sequence[str] | Mapping[str, object],
    *,
    top_k: int = 5,
    heatmaps: bool = True,
    fetch: bool = True,
) -> Iterator[tuple[Entry, ...]]:
    """Run several nets on one photo and yield the comparison as it fills.

    Args:
        image: what ``classify`` takes: a PIL image, a path or an array.
        nets: two to eight names of weights; or a dictionary from names to names, paths or
            ``Loaded`` nets, for nets that are not among the weights.
        top_k: how many ranked classes to keep of each.
        heatmaps: whether to explain each answer too.
        fetch: whether weights that are not on this machine may come over the network.

    Yields:
        One ``Entry`` a net, in the order asked for: after each answer, after each heatmap, and
        at the end with the times. A net that cannot be had says so in ``problem``.

    Raises:
        ValueError: fewer than two nets or more than eight, an unknown name, no picture.
    """
    from cnn_space.images.preprocessing import prepare
    from cnn_space.inference import engine
    from cnn_space.inference.classification import ranked, softmax
    from cnn_space.inference.explain import grad_cam

    sources = dict(nets) if isinstance(nets, Mapping) else {name: name for name in nets}
    if not LEAST <= len(sources) <= MOST:
        raise ValueError(f"a comparison takes {LEAST} to {MOST} different nets, not {len(sources)}")
    entries = {name: _entry(name, source) for name, source in sources.items()}
    photo = open_photo(image)
    engines: dict[str, engine.Engine] = {}
    prepared = {}  # by preprocessing: nets trained alike see the same pixels
    for name, source in sources.items():
        try:
            if not fetch and is_remote(entries[name].record):
                raise ValueError("these weights are not on this machine")
            engines[name] = engine.get(source)
        except ValueError as problem:
            entries[name] = replace(entries[name], problem=str(problem))
        else:
            record = engines[name].record
            if record.preprocessing not in prepared:
                prepared[record.preprocessing], _ = prepare(photo, record.preprocessing)
            logits = engines[name].logits(prepared[record.preprocessing])
            best = ranked(softmax(logits)[0], record.labels)[:top_k]
            entries[name] = replace(entries[name], ranked=best)
        if name == next(reversed(sources)):
            entries = _vote(entries)
        yield tuple(entries.values())

    inputs = {name: prepared[runner.record.preprocessing] for name, runner in engines.items()}
    for name, runner in engines.items() if heatmaps else ():
        entries[name] = replace(entries[name], heatmap=grad_cam(runner.loaded.net, inputs[name]))
        yield tuple(entries.values())
    times = take_turns(
        {name: partial(runner.timed, inputs[name]) for name, runner in engines.items()}
    )
    for name, milliseconds in times.items():
        entries[name] = replace(entries[name], milliseconds=milliseconds)
    yield tuple(entries.values())


def take_turns(
    runs: Mapping[str, Callable[[], tuple[object, float]]],
    *,
    turns: int = TURNS,
    seconds: float = SECONDS,
) -> dict[str, float]:
    """Median milliseconds of runs that give a result and the seconds it took; they take turns, so
    that drift hits all alike."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    started = time.perf_counter()
    for turn in range(turns):
        if turn >= 3 and time.perf_counter() - started > seconds:
            break
        for name, run in runs.items():
            taken[name].append(1000 * run()[1])
    return {name: statistics.median(values) for name, values in taken.items()}


def groups(entries: Sequence[Entry]) -> tuple[Group, ...]:
    """The nets by the labels they know, the largest group first."""
    by_labels: dict[tuple[str, ...], list[Entry]] = {}
    for entry in entries:
        by_labels.setdefault(tuple(entry.record.labels), []).append(entry)
    found = (Group(tuple(group), _majority(group)) for group in by_labels.values())
    return tuple(sorted(found, key=lambda group: -len(group.entries)))


def default_nets(names: Sequence[str]) -> list[str]:
    """Four names to begin with, of one data set, from ``names`` as ``list_weights`` orders them;
    the lightest first."""
    tags = Counter(name.rpartition(".")[2] for name in names)
    tag = next((t for t in tags if tags[t] >= 4), None)
    known = [name for name in names if tag in (None, name.rpartition(".")[2])]

    def best_of(family: str) -> list[str]:
        exact = [name for name in known if name.startswith(f"{family}.")]
        return (exact or [name for name in known if name.startswith(family)])[:1]

    famous = [name for family in FAMOUS for name in best_of(family)]
    chosen = list(dict.fromkeys(famous + known))[:4]
    return sorted(chosen, key=lambda name: weights.record(name).macs or 0)


COLUMNS = (
    "net",
    "data",
    "answer",
    "probability",
    "runner_up",
    "runner_up_probability",
    "agrees",
    "milliseconds",
    "parameters",
    "macs",
    "file_bytes",
    "accuracy",
)


def sheet(entries: Sequence[Entry]) -> list[list]:
    """The comparison for a CSV file, header first: probabilities in 0..1, accuracy in percent,
    what is not known empty."""
    rows = [list(COLUMNS)]
    for entry in entries:
        record, time_ms = entry.record, entry.milliseconds
        best = [field for p in entry.ranked[:2] for field in (p.label, f"{p.probability:.6f}")]
        rows.append(
            [
                entry.name,
                record.data,
                *(best + [None] * 4)[:4],
                entry.agrees,
                None if time_ms is None else f"{time_ms:.3f}",
                record.parameters,
                record.macs,
                record.bytes,
                record.accuracy,
            ]
        )
    return rows


def _entry(name: str, source) -> Entry:
    if isinstance(source, weights.Loaded):
        return Entry(name, name, source.record)
    record = weights.identify(source)
    return Entry(name, record.title, record)


def is_remote(record: weights.WeightsRecord) -> bool:
    """Whether these weights would have to come over the network first."""
    return record.source == "hub" and not weights.is_local(record.name)


def _vote(entries: dict[str, Entry]) -> dict[str, Entry]:
    """Each entry told whether it agrees with its group."""
    majority = {e.name: g.majority for g in groups(tuple(entries.values())) for e in g.entries}

    def agrees(entry: Entry) -> bool | None:
        said = majority[entry.name]
        return None if said is None or entry.answer is None else entry.answer == said

    return {name: replace(entry, agrees=agrees(entry)) for name, entry in entries.items()}


def _majority(entries: Sequence[Entry]) -> str | None:
    """The answer that more of them give than any other, and two at least."""
    votes = Counter(e.answer for e in entries if e.answer).most_common(2)
    if not votes or votes[0][1] < 2 or (len(votes) == 2 and votes[0][1] == votes[1][1]):
        return None
    return votes[0][0]

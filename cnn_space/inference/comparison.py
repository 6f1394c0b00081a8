"""Several nets on one photo: answers, cost and heatmaps side by side.

``compare`` works in three rounds (answers, heatmaps, timing) and yields the whole comparison
each time a net has something new, so that a page can show what there is.
"""

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING

from cnn_space import weights
from cnn_space.images.photo import NET_SIDE, open_photo
from cnn_space.models import registry

if TYPE_CHECKING:  # these bring torch, which nobody needs before the first comparison
    from cnn_space.inference.classification import Prediction
    from cnn_space.inference.engine import Engine
    from cnn_space.inference.explain import Heatmap

LEAST, MOST = 2, 8
# Timing stops after so many turns, or, with three of them done, after so many seconds.
TURNS, SECONDS = 7, 0.8


@dataclass(frozen=True)
class Entry:
    """One net's part of a comparison; what is not known (yet) is empty or None.

    ``agrees``: whether its answer is the most frequent one among the nets with the same labels
    (None while answers are missing, without a second such net, and when the vote is tied).
    ``milliseconds``: median of warm runs on this one photo, on ``engine``, which is the same for
    all nets of a comparison. ``problem``: why there is no answer.
    """

    name: str
    title: str
    record: weights.WeightsRecord
    ranked: "tuple[Prediction, ...]" = ()
    agrees: bool | None = None
    milliseconds: float | None = None
    engine: str | None = None
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
        fetch: whether weights that are not on this machine may be downloaded.

    Yields:
        One ``Entry`` a net, in the order asked for: after each answer, after each heatmap, and
        at the end with the times. A net that could not be loaded says why in ``problem``.

    Raises:
        ValueError: fewer than two nets or more than eight, an unknown name, no picture.
    """
    from cnn_space.images.preprocessing import prepare
    from cnn_space.inference.classification import ranked, softmax
    from cnn_space.inference.explain import grad_cam

    sources = dict(nets) if isinstance(nets, Mapping) else {name: name for name in nets}
    if not LEAST <= len(sources) <= MOST:
        raise ValueError(f"a comparison takes {LEAST} to {MOST} different nets, not {len(sources)}")
    entries = {name: entry_of(name, source) for name, source in sources.items()}
    photo = open_photo(image, NET_SIDE)
    prepared = cache(lambda preprocessing: prepare(photo, preprocessing)[0])
    engines, inputs = {}, {}
    for name, source in sources.items():
        try:
            engines[name] = engine_of(source, entries[name].record, fetch)
        except ValueError as problem:
            entries[name] = replace(entries[name], problem=str(problem))
        else:
            record = engines[name].record
            inputs[name] = prepared(record.preprocessing)
            best = ranked(softmax(engines[name].logits(inputs[name]))[0], record.labels)
            entries[name] = replace(entries[name], ranked=best[:top_k])
        if name == next(reversed(sources)):
            entries = {entry.name: entry for entry in with_agreement(entries.values())}
        yield tuple(entries.values())
    for name, engine in engines.items() if heatmaps else ():
        heatmap = grad_cam(engine.loaded.net, inputs[name])
        entries[name] = replace(entries[name], heatmap=heatmap)
        yield tuple(entries.values())
    times, shared = _times(engines, inputs)
    for name, milliseconds in times.items():
        entries[name] = replace(entries[name], milliseconds=milliseconds, engine=shared)
    yield tuple(entries.values())


def _times(engines: "Mapping[str, Engine]", inputs: Mapping) -> tuple[dict[str, float], str]:
    """The milliseconds of each net, and what all ran on: PyTorch until ONNX Runtime has every one
    of them. Their conversion begins when the times are taken."""
    from cnn_space.inference.engine import ONNX_RUNTIME, PYTORCH

    in_pytorch = any(engine.name == PYTORCH for engine in engines.values())
    times = take_turns(
        {
            name: partial(engine.timed, inputs[name], in_pytorch=in_pytorch)
            for name, engine in engines.items()
        }
    )
    for engine in engines.values():
        engine.convert(wait=False)
    return times, PYTORCH if in_pytorch else ONNX_RUNTIME


def engine_of(source, record: weights.WeightsRecord, fetch: bool) -> "Engine":
    """The engine of ``source``; ValueError where its weights cannot be loaded."""
    from cnn_space.inference import engine

    if not fetch and is_remote(record):
        raise ValueError("these weights are not on this machine")
    return engine.get(source)


def take_turns(
    runs: Mapping[str, Callable[[], tuple]],
    *,
    turns: int = TURNS,
    seconds: float = SECONDS,
) -> dict[str, float]:
    """Median milliseconds of each run; a run returns its result, and the seconds that it took.

    The runs take turns, so that a machine that slows down slows all of them down alike.
    """
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
    by_size = sorted(by_labels.values(), key=len, reverse=True)
    return tuple(Group(tuple(group), _majority(group)) for group in by_size)


def default_nets(names: Sequence[str]) -> list[str]:
    """The nets of ``names`` that a first comparison shows, four at most: those of the first data
    set that has two or more, after a lone one of a data set before it. Landmarks are taken first;
    those of one data set stand in the order of their MACs."""
    by_data: dict[str, list[weights.WeightsRecord]] = {}
    for name in names:
        record = weights.record(name)
        by_data.setdefault(record.data, []).append(record)
    chosen: list[str] = []
    for records in by_data.values():
        taken = _landmarks_first(records)[: 4 - len(chosen)]
        chosen += [record.name for record in sorted(taken, key=lambda record: record.macs or 0)]
        if len(chosen) >= LEAST:
            break
    return chosen


def _landmarks_first(records: Sequence[weights.WeightsRecord]) -> list[weights.WeightsRecord]:
    """One of each landmark's family, the landmark itself where it is there, then the others."""
    first = []
    for landmark in registry.landmarks():
        family = registry.facts(landmark).family
        relatives = [r for r in records if registry.facts(r.arch).family == family]
        first += sorted(relatives, key=lambda r: r.name.partition(".")[0] != landmark)[:1]
    return first + [record for record in records if record not in first]


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
    "engine",
)


def sheet(entries: Sequence[Entry]) -> list[list]:
    """The comparison as rows of a CSV file, header first: probabilities in 0..1, accuracy in
    percent; what is not known is None."""
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
                entry.engine,
            ]
        )
    return rows


def entry_of(name: str, source) -> Entry:
    if isinstance(source, weights.Loaded):
        return Entry(name, name, source.record)
    record = weights.identify(source)
    return Entry(name, record.title, record)


def is_remote(record: weights.WeightsRecord) -> bool:
    """Whether these weights would have to come over the network first."""
    return record.source == "hub" and not weights.is_local(record.name)


def with_agreement(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """The entries with ``agrees`` set: whether each agrees with the majority of its group."""
    entries = tuple(entries)
    majority = {entry.name: group.majority for group in groups(entries) for entry in group.entries}

    def agrees(entry: Entry) -> bool | None:
        label = majority[entry.name]
        return None if label is None or entry.answer is None else entry.answer == label

    return tuple(replace(entry, agrees=agrees(entry)) for entry in entries)


def _majority(entries: Sequence[Entry]) -> str | None:
    """The answer that at least two of them give, and more than give any other; else None."""
    votes = Counter(e.answer for e in entries if e.answer).most_common(2)
    if not votes or votes[0][1] < 2 or (len(votes) == 2 and votes[0][1] == votes[1][1]):
        return None
    return votes[0][0]

"""What throws nets off: their answers to one photo while it is changed more and more.

Hendrycks and Dietterich (2019) measured this on whole test sets (CIFAR-10-C, ImageNet-C); Azulay
and Weiss (2019) found that a shift by one pixel can do it, since strides break what convolutions
alone would keep. Here it is one photo, so that one sees why.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from PIL import Image

from cnn_space.images.photo import NET_SIDE, open_photo
from cnn_space.images.preprocessing import Preprocessing, center_crop, to_tensor
from cnn_space.inference.comparison import MOST, Entry, engine_of, entry_of
from cnn_space.inference.robustness_changes import CHANGES, Change, frame

if TYPE_CHECKING:  # it brings torch
    from cnn_space.inference.classification import Prediction

STEPS, MOST_STEPS = 20, 40
# MACs of a net at once, about 0.1 s on two cores: the answers of others wait so long at most. It is
# all steps of the nets that see 32 pixels a side, one or two pictures of ResNet-50.
BATCH_MACS = 12e9


@dataclass(frozen=True)
class Curve:
    """One net's part of a sweep, as far as it has come: a value for each level.

    ``answers`` is what it ranks first; ``probabilities`` are those of its answer to the unchanged
    photo; ``seen`` are the pictures that went into it, [size × size]. ``entry`` is the net, and
    why it does not answer, where it does not.
    """

    entry: Entry
    answers: "tuple[Prediction, ...]" = ()
    probabilities: tuple[float, ...] = ()
    seen: tuple[Image.Image, ...] = ()

    @property
    def flip(self) -> int | None:
        """The first step with another answer than that to the unchanged photo; None without one."""
        labels = [answer.label for answer in self.answers]
        return next((step for step, label in enumerate(labels) if label != labels[0]), None)


@dataclass(frozen=True)
class Sweep:
    """A photo changed in steps, and what the nets said: ``levels`` are in the change's unit, the
    first is the unchanged photo."""

    name: str
    levels: tuple[float, ...]
    curves: tuple[Curve, ...]

    @property
    def change(self) -> Change:
        return CHANGES[self.name]

    @property
    def is_done(self) -> bool:
        """Whether every net has answered at every level, or said why it cannot."""
        return all(c.entry.problem or len(c.answers) == len(self.levels) for c in self.curves)


def sweep(
    image,
    nets: Sequence[str] | Mapping[str, object],
    change: str,
    *,
    steps: int = STEPS,
    fetch: bool = True,
) -> Iterator[Sweep]:
    """Ask nets about a photo while it is changed in ``steps`` even steps.

    Args:
        image: what ``classify`` takes: a PIL image, a path or an array.
        nets: up to eight names of weights; or a dictionary as ``comparison.compare`` takes it.
        change: a name in ``CHANGES``.
        steps: 1 to 40, besides the unchanged photo.
        fetch: whether weights that are not on this machine may be downloaded.

    Yields:
        The sweep as it fills: after each batch of a net. Changes are made on ``frame(photo)``, or
        with ``Change.on_input`` on the picture that a net gets; then comes the net's own
        preprocessing. The unchanged photo is answered as ``classify`` does.

    Raises:
        ValueError: no net or more than eight, an unknown name, steps out of bounds, no picture.
    """
    sources = dict(nets) if isinstance(nets, Mapping) else {name: name for name in nets}
    if not 1 <= len(sources) <= MOST:
        raise ValueError(f"choose 1 to {MOST} different nets, not {len(sources)}")
    if change not in CHANGES:
        raise ValueError(f"{change!r} is no change: it is one of {', '.join(CHANGES)}")
    if not (isinstance(steps, int) and 1 <= steps <= MOST_STEPS):
        raise ValueError(f"steps is a whole number from 1 to {MOST_STEPS}, got {steps!r}")
    curves = {name: Curve(entry_of(name, source)) for name, source in sources.items()}
    levels = CHANGES[change].levels(steps)
    seen = _pictures(open_photo(image, NET_SIDE), CHANGES[change], levels)
    for name, source in sources.items():
        for curve in _answered(curves[name], source, seen, fetch):
            curves[name] = curve
            yield Sweep(change, levels, tuple(curves.values()))


def _pictures(
    photo: Image.Image, change: Change, levels: Sequence[float]
) -> Callable[[Preprocessing], list[Image.Image]]:
    """What a net with a preprocessing gets to see at each level; each picture is made once."""
    framed = cache(lambda: frame(photo))
    changed = cache(lambda level: change.apply(framed(), level))

    def seen(preprocessing: Preprocessing) -> list[Image.Image]:
        first, later = center_crop(photo, preprocessing), levels[1:]
        if change.on_input:
            return [first, *(change.apply(first, level) for level in later)]
        return [first, *(center_crop(changed(level), preprocessing) for level in later)]

    return cache(seen)


def _answered(curve: Curve, source, seen: Callable, fetch: bool) -> Iterator[Curve]:
    """The curve after each batch of the net."""
    import torch

    from cnn_space.inference.classification import ranked, softmax

    try:
        engine = engine_of(source, curve.entry.record, fetch)
    except ValueError as problem:
        yield replace(curve, entry=replace(curve.entry, problem=str(problem)))
        return
    record = engine.record
    pictures = seen(record.preprocessing)
    at_once = max(1, int(BATCH_MACS // (record.macs or BATCH_MACS)))
    for start in range(0, len(pictures), at_once):
        batch = pictures[start : start + at_once]
        tensors = [to_tensor(picture, record.preprocessing) for picture in batch]
        rows = softmax(engine.logits(torch.cat(tensors)))
        answers = (*curve.answers, *(ranked(row, record.labels)[0] for row in rows))
        first = record.labels.index(answers[0].label)
        curve = replace(
            curve,
            answers=answers,
            probabilities=(*curve.probabilities, *map(float, rows[:, first])),
            seen=(*curve.seen, *batch),
        )
        yield curve


def to_json(found: Sweep) -> dict:
    """A finished sweep as plain data; ``flips_at`` is the level of ``Curve.flip``."""
    return {
        "change": found.name,
        "unit": found.change.unit,
        "levels": list(found.levels),
        "nets": [_net_to_json(curve, found.levels) for curve in found.curves],
    }


def _net_to_json(curve: Curve, levels: Sequence[float]) -> dict:
    if curve.entry.problem:
        return {"net": curve.entry.name, "problem": curve.entry.problem}
    flip = curve.flip
    return {
        "net": curve.entry.name,
        "answer": curve.answers[0].label,
        "flips_at": None if flip is None else levels[flip],
        "flips_to": None if flip is None else curve.answers[flip].label,
        "answers": [answer.label for answer in curve.answers],
        "probabilities": [round(value, 6) for value in curve.probabilities],
    }


def sheet(found: Sweep) -> list[list]:
    """A sweep as rows of a CSV file, header first, a row for each net and level: what the net ranks
    first, its probability, and that of its answer to the unchanged photo, in 0..1."""
    rows = [["net", "level", "answer", "answer_probability", "first_probability"]]
    for curve in found.curves:
        known = zip(found.levels, curve.answers, curve.probabilities, strict=False)
        rows += [
            [curve.entry.name, f"{level:g}", p.label, f"{p.probability:.6f}", f"{first:.6f}"]
            for level, p, first in known
        ]
    return rows

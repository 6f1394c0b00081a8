"""What each idea is worth: the recorded short trainings of nets that differ in one thing.

They are in ``checkpoints/experiments/short-VARIANT-seedK.json``, written by ``python -m cnn_space
train ARCH --experiment NAME``. All have one recipe; what differs from it a card says itself.
"""

import logging
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import fmean, variance

from cnn_space import formats
from cnn_space.models import registry
from cnn_space.models.catalogue import Paper
from cnn_space.publishing.repeat import command, net_options
from cnn_space.weights import card as card_files
from cnn_space.weights.card import Card

SEEDS = 3  # of a variant that is complete
CONFIDENCE = 0.95
FILE = re.compile(r"short-(?P<variant>[\w-]+)-seed\d+")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Idea:
    """The paper behind a change, its section, and the variant without the change."""

    base: str
    paper: Paper
    section: str


def _paper(net: str) -> Paper:
    return registry.facts(net).paper


BATCH_NORM = Paper(
    "Batch normalization: accelerating deep network training by reducing internal covariate shift",
    "https://arxiv.org/abs/1502.03167",
)
# The variants by name; None for one that others are measured by.
VARIANTS: dict[str, Idea | None] = {
    "googlenet": None,
    "googlenet-aux": Idea("googlenet", _paper("googlenet"), "5"),
    "googlenet-no-norm": Idea("googlenet", BATCH_NORM, "3"),
    "googlenet-5x5": Idea("googlenet", _paper("googlenet"), "4"),
    "googlenet-3x3-twice": Idea("googlenet", _paper("inception_v3"), "3.1"),
    "googlenet-fc": Idea("googlenet", _paper("nin"), "3.2"),
    "googlenet-naive": Idea("googlenet", _paper("googlenet"), "4"),
    "resnet18": None,
    "resnet18-plain": Idea("resnet18", _paper("resnet18"), "4.1"),
}


@dataclass(frozen=True)
class Runs:
    """The trainings of one variant, a card a seed. Accuracies are percent of held-out images."""

    variant: str
    cards: tuple[Card, ...]

    @property
    def card(self) -> Card:
        """That of the first seed, for what all of them share."""
        return self.cards[0]

    @property
    def accuracies(self) -> tuple[float, ...]:
        return tuple(card.accuracy for card in self.cards)

    @property
    def mean(self) -> float:
        return fmean(self.accuracies)

    @property
    def epochs(self) -> int:
        return len(self.card.history)

    def curves(self) -> list[list[tuple[int, float]]]:
        """Accuracy on held-out images by epoch, a curve a seed."""
        return [
            [(e.epoch, e.val_accuracy) for e in card.history if e.val_accuracy is not None]
            for card in self.cards
        ]

    def mean_curve(self) -> list[tuple[int, float]]:
        """The mean of the curves, at the epochs that all of them have."""
        curves = [dict(curve) for curve in self.curves()]
        shared = [epoch for epoch in curves[0] if all(epoch in curve for curve in curves)]
        return [(epoch, fmean(curve[epoch] for curve in curves)) for epoch in shared]


@dataclass(frozen=True)
class Difference:
    """A mean accuracy less that of the base, in points. ``margin`` is half of the interval that
    holds the difference with a confidence of 95 %, None where one of both has a single run."""

    points: float
    margin: float | None

    @property
    def is_clear(self) -> bool:
        """Whether chance alone hardly makes such a difference."""
        return self.margin is not None and abs(self.points) > self.margin


@dataclass(frozen=True)
class Recorded:
    """The recorded trainings of a folder by variant, in the order of VARIANTS, a variant without
    any left out; and the cards that cannot be used, each with the reason."""

    runs: Mapping[str, Runs]
    left_out: Mapping[str, str]


def read(folder: Path) -> Recorded:
    """The recorded trainings in ``folder``. What is left out is logged, too."""
    return _read(tuple((path, _changed(path)) for path in sorted(folder.glob("short-*.json"))))


def _changed(path: Path) -> int:
    """When a card changed last; 0 for a link to nowhere."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=2)
def _read(files: tuple[tuple[Path, int], ...]) -> Recorded:
    found: dict[str, list[Card]] = {}
    left_out = {}
    for path, _ in files:
        try:
            found.setdefault(_variant(path), []).append(read_card(path))
        except ValueError as error:
            _log.warning("an experiment is left out: %s", error)
            left_out[path.stem] = str(error)
    runs = {
        variant: Runs(variant, tuple(sorted(cards, key=lambda card: card.seed or 0)))
        for variant in VARIANTS
        if (cards := found.get(variant))
    }
    return Recorded(runs, left_out)


def _variant(path: Path) -> str:
    name = FILE.fullmatch(path.stem)
    if not name or name["variant"] not in VARIANTS:
        raise ValueError(f"{path} is of no variant that is known here")
    return name["variant"]


def read_card(path: Path) -> Card:
    """The card of a recorded training. Raises ValueError, with the file's name, where it cannot be
    read, and where it lacks what is shown of a training or what repeats it."""
    card = card_files.read(path)
    data = card.data
    problems = {
        f"it calls itself {card.name!r}": card.name != path.stem,
        "its accuracy must be 0 to 100 percent": card.accuracy is None or card.accuracy > 100,
        "it has no recipe": "epochs" not in card.recipe,
        "it has no history": not card.history,
        "it has no parameters or MACs": not (card.parameters and card.macs),
        "it does not count its images": not (data.train_images and data.eval_images),
    }
    why = next((problem for problem, is_so in problems.items() if is_so), None)
    if why:
        raise ValueError(f"{path}: {why}")
    try:
        command(card)
    except ValueError as error:
        raise ValueError(f"{path}: its training cannot be repeated: {error}") from None
    return card


def ideas(recorded: Mapping[str, Runs]) -> list[str]:
    """The variants that can be put beside their base: both are recorded."""
    return [name for name, idea in VARIANTS.items() if idea and {name, idea.base} <= {*recorded}]


def base_of(variant: str, recorded: Mapping[str, Runs]) -> Runs | None:
    """What ``variant`` is measured by; None where that is not recorded, and for a base itself."""
    idea = VARIANTS[variant]
    return recorded.get(idea.base) if idea else None


def difference(runs: Runs, base: Runs) -> Difference:
    """How far ``runs`` end above or below ``base``, with Welch's interval: few runs, and a spread
    that need not be the same on both sides (Welch, "The generalization of 'Student's' problem when
    several different population variances are involved", Biometrika 1947)."""
    points = runs.mean - base.mean
    if min(len(runs.cards), len(base.cards)) < 2:
        return Difference(points, None)
    from scipy.special import stdtrit

    sides = [
        (variance(side.accuracies) / len(side.cards), len(side.cards)) for side in (runs, base)
    ]
    error = sum(square for square, _ in sides)
    if not error:
        return Difference(points, 0.0)
    freedom = error**2 / sum(square**2 / (count - 1) for square, count in sides)
    return Difference(points, float(stdtrit(freedom, (1 + CONFIDENCE) / 2)) * math.sqrt(error))


def unlike(runs: Runs, base: Runs) -> dict[str, tuple]:
    """The settings on both cards in which ``runs`` differ from ``base``: {name: (theirs, base's)}.
    Auxiliary heads have a weight in the recipe, but they are part of a net here."""
    ours, theirs = runs.card.recipe, base.card.recipe
    names = [name for name in ours if name not in ("seed", "aux_weight")]
    return {
        name: (ours[name], theirs.get(name)) for name in names if ours[name] != theirs.get(name)
    }


# What of all variants stands in a table, for people and for programs
COLUMNS = (
    "variant", "options", "seeds", "epochs", "accuracy", "lowest", "highest", "difference",
    "margin", "parameters", "macs",
)  # fmt: skip


def rows(recorded: Mapping[str, Runs]) -> list[dict]:
    """A row a variant, by COLUMNS: ``options`` as ``train`` takes them, accuracies in percent,
    ``difference`` and ``margin`` in points, None where there is no base or no second seed."""
    return [_row(runs, base_of(name, recorded)) for name, runs in recorded.items()]


def _row(runs: Runs, base: Runs | None) -> dict:
    apart = difference(runs, base) if base else None
    options = net_options(runs.card).items()
    return {
        "variant": runs.variant,
        "options": " ".join(f"{name}={str(value).lower()}" for name, value in options),
        "seeds": len(runs.cards),
        "epochs": runs.epochs,
        "accuracy": round(runs.mean, 2),
        "lowest": min(runs.accuracies),
        "highest": max(runs.accuracies),
        "difference": apart and round(apart.points, 2),
        "margin": None if apart is None or apart.margin is None else round(apart.margin, 2),
        "parameters": runs.card.parameters,
        "macs": runs.card.macs,
    }


def table(folder: Path) -> str:
    """The trainings in ``folder`` as a Markdown table, below a line on their images. Raises
    ValueError where there are none."""
    recorded = read(folder).runs
    if not recorded:
        raise ValueError(f"there are no trainings short-VARIANT-seedK.json in {folder}")
    data = next(iter(recorded.values())).card.data
    heading = (
        f"**{data.name}** ({data.note}), {data.train_images:,} images to learn from: accuracy on "
        f"{data.eval_images:,} images {data.eval_split}."
    )
    lines = [_line(row) for row in rows(recorded)]
    heads = list(lines[0])
    rules = ["---" if head in ("variant", "options") else "---:" for head in heads]
    cells = [heads, rules, *map(dict.values, lines)]
    return f"{heading}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _line(row: dict) -> dict[str, str]:
    margin = "" if row["margin"] is None else f" ± {row['margin']:.2f}"
    apart = row["difference"]
    return {
        "variant": f"`{row['variant']}`",
        "options": f"`{row['options']}`" if row["options"] else "",
        "seeds": f"{row['seeds']} of {SEEDS}",
        "epochs": str(row["epochs"]),
        "accuracy": formats.percent(row["accuracy"], 2),
        "lowest to highest": f"{row['lowest']:.2f} to {row['highest']:.2f}",
        "difference, points": "" if apart is None else f"{formats.signed(apart, 2)}{margin}",
        "parameters": formats.count(row["parameters"]),
        "MACs": f"{row['macs'] / 1e6:,.1f} M",
    }

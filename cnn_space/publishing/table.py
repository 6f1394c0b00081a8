"""The accuracy of the trained nets as a table for the README."""

from pathlib import Path

from cnn_space import formats
from cnn_space.images.sources import SOURCES
from cnn_space.models import registry
from cnn_space.weights import card as cards
from cnn_space.weights.card import Card, Data

PUBLIC = "public, on original pixels"
UNKNOWN = "–"
# What a row states: a card without it was not written by a training.
NEEDED = ("accuracy", "parameters", "macs", "bytes", "wall_time_s")


def table(folder: Path) -> str:
    """The accuracy of all cards in ``folder`` as Markdown, one table per data set, best first.

    Raises ValueError for a card without what the table states.
    """
    rows = sorted(
        (_read(path) for path in folder.glob("*.json")),
        key=lambda card: (card.data.name, -card.accuracy),
    )
    groups: dict[str, list[dict[str, str]]] = {}
    for card in rows:
        groups.setdefault(_heading(card.data), []).append(_row(card))
    return "\n\n".join(f"{heading}\n\n{_lines(rows)}" for heading, rows in groups.items())


def _read(path: Path) -> Card:
    try:
        card = cards.read(path)
    except ValueError as error:
        raise ValueError(f"{path} is not a card of a training: {error}") from None
    missing = [name for name in NEEDED if getattr(card, name) is None]
    if card.data.eval_images is None:
        missing.append("data.eval_images")
    if missing:
        raise ValueError(f"{path} is not a card of a training: it lacks {', '.join(missing)}")
    return card


def _heading(data: Data) -> str:
    return (
        f"**{data.name}** ({data.note}): accuracy on the {data.eval_images:,} images "
        f"of {data.eval_split}."
    )


def _row(card: Card) -> dict[str, str]:
    """What a card states, by the table's columns."""
    minutes, seconds = divmod(round(card.wall_time_s), 60)
    seen = UNKNOWN if card.images_seen is None else f"{card.images_seen / 1e6:.2f} M"
    # What the net was trained on, cycle after cycle.
    devices = [training.environment.device for training in reversed(card.trainings())]
    return {
        "weights": f"`{card.name}`",
        "accuracy": formats.accuracy(card.accuracy, card.data.eval_images, 2),
        PUBLIC: _public(card),
        "parameters": f"{card.parameters:,}",
        "MACs": f"{card.macs / 1e6:,.1f} M",
        "file": f"{card.bytes / 1e6:.1f} MB",
        "epochs": str(len(card.history)),
        "images seen": seen,
        "trained on": "; ".join(dict.fromkeys(devices)),
        "time": f"{minutes} min {seconds:02} s",
    }


def _public(card: Card) -> str:
    """What others publish for this net, where the data set's original pixels are used."""
    net = card.name.partition(".")[0]
    cifar10 = card.data.origin == SOURCES["cifar10"].hub
    figure = registry.facts(net).public_cifar10 if cifar10 and net in registry.names() else None
    return f"{figure} %" if figure else UNKNOWN


def _lines(rows: list[dict[str, str]]) -> str:
    """The rows in Markdown; the public figures only where there are some."""
    columns = [key for key in rows[0] if key != PUBLIC or any(row[key] != UNKNOWN for row in rows)]
    rules = ["---" if key in ("weights", "trained on") else "---:" for key in columns]
    lines = [columns, rules, *([row[key] for key in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

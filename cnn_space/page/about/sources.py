"""What the page is made of, by the cards of its nets, the catalogue and the example pictures."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from cnn_space import weights
from cnn_space.models import registry
from cnn_space.models.catalogue import Paper
from cnn_space.settings import Settings
from cnn_space.weights import WeightsRecord

HUB = "https://huggingface.co"
TORCHVISION = "https://docs.pytorch.org/vision/stable/models.html"


@dataclass(frozen=True)
class TrainedOn:
    """An image set, and the nets that this project trained on it. ``learned`` are the images of
    its training split, those held out included; ``measured`` those that accuracy is measured on;
    ``side`` is the pixels a side that the nets see."""

    tag: str
    name: str
    link: str | None
    forms: tuple[str, ...]
    learned: int
    measured: int
    labels: tuple[str, ...]
    side: int
    nets: tuple[str, ...]


@dataclass(frozen=True)
class Published:
    """Nets that others published, under one licence."""

    publisher: str
    link: str
    licence: str
    data: str
    classes: int
    nets: tuple[str, ...]


@dataclass(frozen=True)
class PaperOf:
    """A paper, its year, and the nets that are built after it."""

    paper: Paper
    year: int
    nets: tuple[str, ...]


@dataclass(frozen=True)
class Addresses:
    """Where this project is to be found, as far as its settings say."""

    space: str | None
    repo: str | None


def records() -> list[WeightsRecord]:
    return [weights.record(name) for name in weights.list_weights()]


def trained(known: Iterable[WeightsRecord]) -> list[TrainedOn]:
    """The image sets of the nets that have a card, which only training here writes."""
    sets: dict[str, list[WeightsRecord]] = {}
    for record in known:
        if record.card is not None:
            sets.setdefault(record.data, []).append(record)
    return [_trained_on(own) for own in sets.values()]


def _trained_on(own: list[WeightsRecord]) -> TrainedOn:
    data = [record.read_card().data for record in own]
    return TrainedOn(
        tag=data[0].tag or own[0].tag,
        name=own[0].data,
        link=next((f"{HUB}/datasets/{item.origin}" for item in data if item.origin), None),
        forms=tuple(dict.fromkeys(record.data_note for record in own if record.data_note)),
        learned=max((item.train_images or 0) + (item.holdout_images or 0) for item in data),
        measured=max(record.eval_images or 0 for record in own),
        labels=own[0].labels,
        side=min(record.preprocessing.size for record in own),
        nets=tuple(record.title for record in own),
    )


def published(known: Iterable[WeightsRecord]) -> list[Published]:
    """The nets that others trained, by publisher and licence."""

    def kind(record: WeightsRecord) -> tuple[str, str, str, int]:
        is_timm = (record.repo or "").startswith("timm/")
        publisher = "timm" if is_timm else "torchvision"
        return publisher, record.license, record.data, record.num_classes

    others = sorted((r for r in known if r.card is None), key=kind)
    links = {"timm": f"{HUB}/timm", "torchvision": TORCHVISION}
    return [
        Published(publisher, links[publisher], *rest, tuple(record.title for record in nets))
        for (publisher, *rest), nets in groupby(others, key=kind)
    ]


def papers() -> list[PaperOf]:
    """The papers behind the nets that can be built, the oldest first."""
    facts = sorted(map(registry.facts, registry.list_models()), key=lambda net: net.year)
    of: dict[Paper, list] = {}
    for net in facts:
        of.setdefault(net.paper, []).append(net)
    return [PaperOf(p, nets[0].year, tuple(n.title for n in nets)) for p, nets in of.items()]


def addresses() -> Addresses:
    """None is made up: a page elsewhere may be anybody's."""
    settings = Settings.read()
    return Addresses(
        f"{HUB}/spaces/{settings.space_id}" if settings.space_id else None,
        f"{HUB}/{settings.repo}" if settings.repo else None,
    )


def bibtex(where: Addresses, licence: str, today: str) -> str:
    """An entry for this page; ``today`` (YYYY-MM-DD) is when it was looked at."""
    fields = {
        "title": "{CNN Space}: the classic convolutional nets, trained and ready",
        "note": f"Licence: {licence}",
        "url": where.space or where.repo,
        "urldate": today,
    }
    given = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    return "@misc{cnn_space,\n" + ",\n".join(given) + "\n}"

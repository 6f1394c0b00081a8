"""What is known of the chosen nets before any photo: cost, learning curves, accuracy per class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from cnn_space import weights
from cnn_space.formats import millions, short
from cnn_space.inference.comparison import Entry
from cnn_space.page.common import nets
from cnn_space.page.common.charts import Dot, Line, line_chart, scatter_chart
from cnn_space.page.common.templates import render
from cnn_space.page.common.texts import accuracy, label, say
from cnn_space.page.compare.finding import captions
from cnn_space.page.compare.view import COLOURS
from cnn_space.weights.card import Card


@dataclass(frozen=True)
class Chosen:
    """A chosen net; ``card`` is None where there is none, or none that can be read."""

    name: str
    title: str
    colour: str
    record: weights.WeightsRecord
    card: Card | None


def choose(names: Sequence[str], own_nets: Mapping[str, weights.Loaded]) -> list[Chosen]:
    """The nets behind ``names``, each once; those that are no longer kept are left out."""
    records = {name: nets.record_of(name, own_nets) for name in names}
    records = {name: record for name, record in records.items() if record}
    titles = captions(
        [
            Entry(name, nets.called(name, own_nets) if name in own_nets else r.title, r)
            for name, r in records.items()
        ]
    )
    return [
        Chosen(name, titles[name], colour, record, _card_of(record))
        for (name, record), colour in zip(records.items(), COLOURS, strict=False)
    ]


def _card_of(record: weights.WeightsRecord) -> Card | None:
    try:
        return record.read_card() if record.card else None
    except ValueError:
        return None


def work(chosen: Sequence[Chosen], lang: str = "en") -> Markup | str:
    """Accuracy against MACs, a chart for each data set among the chosen: every net we have is
    faint, the chosen ones are strong, the area tells the parameters."""
    published = {name: weights.record(name) for name in weights.list_weights()}
    charts = []
    for data in dict.fromkeys(net.record.data for net in chosen):
        records = published | {net.name: net.record for net in chosen}
        dots = [
            _dot(name, record, chosen, lang)
            for name, record in records.items()
            if record.data == data and record.macs and record.accuracy is not None
        ]
        if len(dots) >= 2:
            title = label(data, lang)
            about = say("compare_work_alt", lang, data=title)
            x_title = say("compare_work_x", lang)
            charts.append(scatter_chart(dots, title=title, about=about, x_title=x_title))
    return render("compare/templates/work.html", lang, charts=charts) if charts else ""


def _dot(name: str, record: weights.WeightsRecord, chosen: Sequence[Chosen], lang: str) -> Dot:
    net = next((net for net in chosen if net.name == name), None)
    tip = say(
        "compare_dot",
        lang,
        net=net.title if net else record.title,
        accuracy=accuracy(record.accuracy, record.eval_images, lang),
        macs=short(record.macs),
        parameters=millions(record.parameters or 0),
    )
    strong = (net.title, net.colour) if net else ()
    return Dot(record.macs, record.accuracy, record.parameters or 0, tip, *strong)


def learned(chosen: Sequence[Chosen], lang: str = "en") -> Markup | str:
    """How the chosen nets learned, by epoch: loss and accuracy."""
    if not chosen:
        return ""
    recorded = [net for net in chosen if net.card and net.card.history]
    remarks = {
        "compare_no_history": [net.title for net in chosen if net not in recorded],
        "compare_taught": [net.title for net in chosen if _taught(net.card)],
    }
    # Accuracy on images held out where all have it; else all on their training batches.
    held_out = all(net.card.history[-1].val_accuracy is not None for net in recorded)
    measured = "val_accuracy" if held_out else "train_accuracy"
    return render(
        "compare/templates/learned.html",
        lang,
        nets=recorded,
        loss=_curves(recorded, "train_loss", say("compare_loss", lang), lang),
        accuracy=_curves(recorded, measured, say(f"compare_{measured}", lang), lang, top=100),
        notes=[say(key, lang, nets=", ".join(titles)) for key, titles in remarks.items() if titles],
    )


def _taught(card: Card | None) -> bool:
    """Whether other nets' answers were learnt, in any of the net's trainings."""
    return card is not None and any(training.teachers for training in card.trainings())


def _curves(
    recorded: Sequence[Chosen], figure: str, title: str, lang: str, top: float | None = None
) -> Markup | str:
    """One figure of the nets' histories as a chart; empty where no net has it."""
    lines = []
    for net in recorded:
        points = [(epoch.epoch, getattr(epoch, figure)) for epoch in net.card.history]
        points = [(x, y) for x, y in points if y is not None]
        lines += [Line(net.title, points, net.colour)] if points else []
    unit = say("compare_epochs", lang)
    return line_chart(lines, title=title, x_unit=unit, top=top, width=440) if lines else ""


def classes(chosen: Sequence[Chosen], lang: str = "en") -> Markup | str:
    """Accuracy per class, the chosen nets beside each other, the best of each class in bold;
    a table for each set of labels."""
    groups: dict[tuple[str, ...], list[Chosen]] = {}
    for net in chosen:
        if net.card and net.card.per_class:
            groups.setdefault(tuple(net.record.labels), []).append(net)
    if not groups:
        return ""
    tables = [_per_class(labels, members) for labels, members in groups.items()]
    return render("compare/templates/classes.html", lang, tables=tables)


def _per_class(labels: Sequence[str], members: Sequence[Chosen]) -> dict:
    rows = []
    for name in labels:
        rates = [net.card.per_class.get(name) for net in members]
        best = max((rate for rate in rates if rate is not None), default=None)
        best = best if len(members) > 1 else None
        images = [net.card.class_images.get(name) for net in members]
        cells = list(zip(members, rates, images, strict=True))
        rows.append({"label": name, "rates": cells, "best": best})
    sheet = [["", *(net.title for net in members)]]
    sheet += [[row["label"], *(rate for _, rate, _ in row["rates"])] for row in rows]
    return {"data": members[0].record.data, "nets": members, "rows": rows, "sheet": sheet}

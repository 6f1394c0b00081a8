"""The Compare tab: values in, HTML and tables out. Nothing here imports torch before its use."""

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape

import gradio as gr
import pandas as pd
from PIL import Image

from cnn_space import weights
from cnn_space.formats import millions
from cnn_space.formats import probability as percent
from cnn_space.inference import comparison as comparing
from cnn_space.inference.comparison import Entry, Group
from cnn_space.page.common import nets
from cnn_space.page.common.photo_input import Refused, required
from cnn_space.page.common.pictures import data_uri, heat_over, seen
from cnn_space.page.common.texts import label, language, say
from cnn_space.page.inception.tables import download_link
from cnn_space.weights.card import Card

# One colour a net, in the order they were chosen: apart for colour-blind eyes too, and readable
# on white as on black.
COLOURS = (
    "#0f9d8a", "#d9822b", "#4c78d0", "#c2477f", "#8a9a2b", "#7b61c9", "#a8683a", "#5b8a99",
)  # fmt: skip
PICTURE = 288  # pixels a side of the heatmaps on the cards
BARS = 3

Text = Callable[[str], str]


# Choosing


def defaults() -> list[str]:
    """The nets a visitor meets first; none has to be fetched for it."""
    return comparing.default_nets([n for n in weights.list_weights() if weights.is_local(n)])


def arrive(chosen: list[str] | None, own_nets: Mapping[str, weights.Loaded], request: gr.Request):
    """The list of nets when the tab opens: a visitor's own may have come since."""
    known = nets.choices(own_nets, language(request), short=True)
    names = {value for _, value in known}
    return gr.update(choices=known, value=[name for name in chosen or [] if name in names])


def relist(chosen: list[str] | None, own_nets: Mapping[str, weights.Loaded], request: gr.Request):
    """The same list with what has been fetched by now.

    A chosen net that has expired stays in it while it is chosen: ``run`` says what it is.
    """
    known = nets.choices(own_nets, language(request), short=True)
    names = {value for _, value in known}
    expired = [(name, name) for name in chosen or [] if name not in names]
    return gr.update(choices=expired + known)


def fetch(
    names: list[str] | None,
    own_nets: Mapping[str, weights.Loaded],
    request: gr.Request,
    progress=gr.Progress(),  # noqa: B008
) -> None:
    """Bring those nets here that are not; one that cannot be had is said, the others go on."""
    for name in dict.fromkeys(names or []):
        nets.fetch(name, own_nets, request, progress)


# Running


def run(
    photo: Image.Image | Refused | None,
    names: list[str] | None,
    own_nets: Mapping[str, weights.Loaded],
    done: str | None,
    request: gr.Request,
) -> Iterator[tuple]:
    """Yields (finding, cards, table, CSV link, done) as the comparison fills.

    ``done`` says what was compared last; asking for the same again costs nothing.
    """
    lang = language(request)
    names, known = list(dict.fromkeys(names or [])), weights.list_weights()
    gone = [name for name in names if name not in own_nets and name not in known]
    if isinstance(photo, Refused):
        yield _only(photo.why(lang), lang)
        return
    if photo is None:
        yield unanswered(request)
        return
    if len(names) < comparing.LEAST:
        yield _only(say("compare_few", lang, least=comparing.LEAST), lang)
        return
    if gone:
        yield _only(say("net_expired", lang, title=gone[0]), lang)
        return
    key = _key(photo, names, lang)
    if key == done:
        yield (gr.skip(),) * 5
        return
    pictures = _Pictures(photo)
    try:
        for entries in _compare(photo, names, own_nets, fetch=False):
            finished = all(e.problem or e.milliseconds is not None for e in entries)
            troubled = any(e.problem for e in entries)  # and may not be, the next time
            yield (
                finding_html(entries, lang),
                cards_html(entries, pictures, lang),
                table(entries, lang),
                csv_link(entries, lang) if finished else "",
                key if finished and not troubled else None,
            )
    except ValueError as problem:
        yield _only(str(problem), lang)


def unanswered(request: gr.Request) -> tuple:
    """Without a photo, or after an error: nothing of the comparison before it stays."""
    lang = language(request)
    return _only(say("compare_no_photo", lang), lang)


def _only(sentence: str, lang: str) -> tuple:
    """What ``run`` yields where there is nothing to compare."""
    return f'<p class="finding">{escape(sentence)}</p>', "", table((), lang), "", None


def compare(image: Image.Image | Refused | None, models: list[str]) -> tuple[dict, str]:
    """Compare nets on a photo.

    Args:
        image: the photo.
        models: two to eight names of weights, such as "googlenet.cifar10".

    Returns:
        The table, one row a net, and what it says in a sentence.
    """
    image = required(image, say("compare_no_photo"))
    try:
        names = [models] if isinstance(models, str) else models or []
        *_, entries = _compare(image, names, {}, heatmaps=False)
    except ValueError as problem:
        raise gr.Error(str(problem), print_exception=False) from None
    return table(entries, "en", names=True), finding(entries, "en")


def _compare(photo, names, own_nets, **options) -> Iterator[tuple[Entry, ...]]:
    return comparing.compare(photo, {name: own_nets.get(name, name) for name in names}, **options)


def _key(photo: Image.Image, names: Sequence[str], lang: str) -> str:
    digest = hashlib.blake2b(photo.tobytes(), digest_size=16)
    digest.update(repr((photo.size, names, lang)).encode())
    return digest.hexdigest()


# The finding


def finding(
    entries: Sequence[Entry], lang: str = "en", *, plain: Text = str, strong: Text = str
) -> str:
    """What the comparison says, in words. ``plain`` and ``strong`` dress names and answers."""
    open_ones = [e for e in entries if not (e.ranked or e.problem)]
    if open_ones:
        done = len(entries) - len(open_ones)
        return say("compare_waiting", lang, done=done, all=len(entries))
    names = {name: plain(text) for name, text in captions(entries).items()}
    groups = comparing.groups([e for e in entries if e.ranked])
    sentences = []
    for group in groups:
        words = _verdict(group, names, lang, strong)
        of = plain(label(group.entries[0].record.data, lang))
        sentences.append(words if len(groups) == 1 else f"{of}: {words}")
    return " ".join([*sentences, *(_work(group, names, lang) for group in groups[:1])]).strip()


def finding_html(entries: Sequence[Entry], lang: str = "en") -> str:
    """The finding as a paragraph, the answers in bold."""
    words = finding(entries, lang, plain=escape, strong=lambda text: f"<b>{escape(text)}</b>")
    return f'<p class="finding">{words}</p>'


def _verdict(group: Group, names: Mapping[str, str], lang: str, strong: Text) -> str:
    def said(entry: Entry) -> str:
        answer = strong(label(entry.answer, lang))
        return say("compare_says", lang, net=names[entry.name], answer=answer)

    entries = group.entries
    if len(entries) == 1:
        return say("compare_one", lang, says=said(entries[0]))
    if group.majority is None:
        return say("compare_split", lang, says="; ".join(map(said, entries)))
    odd = [e for e in entries if e.agrees is False]
    agree = len(entries) - len(odd)
    key = "compare_most" if odd else "compare_both" if len(entries) == 2 else "compare_all"
    return say(
        key,
        lang,
        agree=_number(agree, lang).capitalize(),
        all=_number(len(entries), lang),
        answer=strong(label(group.majority, lang)),
        odd="; ".join(map(said, odd)),
    )


def _work(group: Group, names: Mapping[str, str], lang: str) -> str:
    """Which of those that agree does it with how much less work."""
    counted = [e for e in group.entries if e.agrees and e.record.macs]
    if len(counted) < 2:
        return ""
    light, heavy = (f(counted, key=lambda e: e.record.macs) for f in (min, max))
    times = heavy.record.macs / light.record.macs
    if times < 1.5:
        return ""
    return say(
        "compare_work",
        lang,
        light=names[light.name],
        heavy=names[heavy.name],
        times=f"{times:.0f}" if times >= 10 else f"{times:.1f}",
    )


def _number(count: int, lang: str) -> str:
    return say("compare_numbers", lang).split()[count]


def captions(entries: Sequence[Entry]) -> dict[str, str]:
    """What each net is called here: its title, with the data where titles are alike."""
    titles = [e.title for e in entries]
    long = {
        e.name: e.title if titles.count(e.title) == 1 else _caption(e.title, e.record.data)
        for e in entries
    }
    return {k: v if list(long.values()).count(v) == 1 else k for k, v in long.items()}


def _caption(title: str, data: str) -> str:
    return f"{title} · {data}" if data else title


# Cards


class _Pictures:
    """The photo as each net gets it, with and without its heatmap; each drawn once."""

    def __init__(self, photo: Image.Image):
        self._photo, self._drawn = photo, {}

    def of(self, entry: Entry) -> str:
        """An address for ``<img src>``."""
        shape = entry.record.preprocessing
        key = (entry.name if entry.heatmap else "", shape.resize, shape.size)
        if key not in self._drawn:
            picture = seen(self._photo, shape, PICTURE)
            if entry.heatmap:
                picture = heat_over(picture, entry.heatmap.values)
            self._drawn[key] = data_uri(picture)
        return self._drawn[key]


def cards_html(entries: Sequence[Entry], pictures: _Pictures, lang: str = "en") -> str:
    """A card a net: its answer, where it looked, its first classes; the odd one out is marked."""
    names = captions(entries)
    odd = sum(entry.agrees is False for entry in entries)
    flag = say("compare_odd" if odd == 1 else "compare_differs", lang)
    cards = "".join(
        _card(entry, names[entry.name], colour, flag, pictures, lang)
        for entry, colour in zip(entries, COLOURS, strict=False)
    )
    return f'<div class="compare-cards">{cards}</div>'


def _card(
    entry: Entry, caption: str, colour: str, flag: str, pictures: _Pictures, lang: str
) -> str:
    record = entry.record
    named = not record.data or caption.endswith(record.data)
    about = [] if named else [label(record.data, lang)]
    if record.accuracy is not None:
        about.append(f"{record.accuracy:.1f} %")
    head = (
        f'<h3><i style="background:{colour}"></i>{escape(caption)}</h3>'
        f'<p class="small">{escape(" · ".join(about)) or "&nbsp;"}</p>'
    )
    if entry.problem:
        if comparing.is_remote(record):
            why = nets.why_not_here(record.name, caption, lang)
        else:
            why = say("net_trouble", lang, title=caption, why=entry.problem)
        return (
            f'<article class="compare-card" data-net="{escape(entry.name)}">{head}'
            f'<p class="problem">{escape(why)}</p></article>'
        )
    odd = entry.agrees is False
    state = " odd" if odd else "" if entry.ranked else " waiting"
    best = entry.ranked[0] if entry.ranked else None
    answer = escape(label(best.label, lang)) if best else "…"
    flag = f'<span class="compare-flag">{escape(flag)}</span>' if odd else ""
    rows = "".join(
        f"<li><span>{escape(label(p.label, lang))}</span>"
        f'<span class="compare-bar"><i style="width:{p.probability:.2%}"></i></span>'
        f"<span>{percent(p.probability)}</span></li>"
        for p in entry.ranked[:BARS]
    ) or "<li><span>&nbsp;</span></li>" * min(BARS, len(record.labels))
    note, alt = _heat_note(entry, answer, lang)
    return (
        f'<article class="compare-card{state}" data-net="{escape(entry.name)}">{head}'
        f'<p class="compare-answer">{answer}</p>{flag}'
        f'<figure><img src="{pictures.of(entry)}" alt="{alt}"><figcaption class="small">{note}'
        f"</figcaption></figure><ol>{rows}</ol></article>"
    )


def _heat_note(entry: Entry, answer: str, lang: str) -> tuple[str, str]:
    """What stands under the picture, and what it is for those who do not see it."""
    if entry.heatmap is None:
        return "&nbsp;", escape(say("photo", lang))
    if not entry.heatmap.values.any():
        return escape(say("heat_nothing", lang, label=label(entry.answer, lang))), ""
    height, width = entry.heatmap.values.shape
    note = say("heat_layer", lang, layer=entry.heatmap.layer, height=height, width=width)
    return escape(note), say("compare_heat_alt", lang, answer=answer)


# The table

HEADERS = (
    "net", "data", "answer", "sure", "second", "second_sure", "agrees", "time", "parameters",
    "macs", "file", "accuracy",
)  # fmt: skip
# decimals of each column, None for words
DIGITS = (None, None, None, 1, None, 1, None, 2, 3, 2, 2, 2)
KINDS = ["str" if digits is None else "number" for digits in DIGITS]


def headers(lang: str = "en") -> list[str]:
    """The table's heads, units included."""
    return [say(f"compare_head_{key}", lang) for key in HEADERS]


def table(entries: Sequence[Entry], lang: str = "en", *, names: bool = False) -> dict:
    """The comparison as a ``gr.Dataframe`` takes it: percent, milliseconds, millions, megabytes.

    ``names``: the weights' names in the first column, for clients, in place of titles.
    """
    called = captions(entries)
    rows = []
    for entry in entries:
        record = entry.record
        best = [f for p in entry.ranked[:2] for f in (label(p.label, lang), 100 * p.probability)]
        agrees = {True: "compare_yes", False: "compare_no", None: "compare_open"}[entry.agrees]
        rows.append(
            [
                entry.name if names else called[entry.name],
                label(record.data, lang),
                *(best + [None] * 4)[:4],
                say(agrees, lang),
                entry.milliseconds,
                *(n and n / 1e6 for n in (record.parameters, record.macs, record.bytes)),
                record.accuracy,
            ]
        )
    for row in rows:
        row[:] = [_rounded(v, d) for v, d in zip(row, DIGITS, strict=True)]
    shown = [[_written(v, d) for v, d in zip(row, DIGITS, strict=True)] for row in rows]
    styles = [["" if d is None else "text-align: right" for d in DIGITS] for _ in rows]
    metadata = {"display_value": shown, "styling": styles} if rows else None
    return {"headers": headers(lang), "data": rows, "metadata": metadata}


def _rounded(value, digits: int | None):
    return value if value is None or digits is None else round(value, digits)


def _written(value, digits: int | None) -> str:
    """The same number of decimals all down a column; nothing where nothing is known."""
    return "" if value is None else value if digits is None else f"{value:,.{digits}f}"


def csv_link(entries: Sequence[Entry], lang: str = "en") -> str:
    """The same with more digits, as a file that travels inside its link."""
    return download_link("cnn-space-comparison.csv", comparing.sheet(entries), lang)


# Charts


def figures(
    names: list[str] | None, own_nets: Mapping[str, weights.Loaded], request: gr.Request
) -> tuple:
    """What is known of the chosen nets before any photo: (accuracy against work, heading of the
    curves, loss curves, accuracy curves, accuracy per class)."""
    lang = language(request)
    records = {
        name: own_nets[name].record if name in own_nets else weights.record(name)
        for name in dict.fromkeys(names or [])
        if name in own_nets or weights.is_known(name)  # one's own may have expired
    }
    titles = captions([Entry(n, n if n in own_nets else r.title, r) for n, r in records.items()])
    colours = dict(zip(records, COLOURS, strict=False))
    cards = {name: _card_of(record) for name, record in records.items()}
    return (
        work_html(records, titles, colours, lang),
        *curves(cards, titles, colours, lang),
        classes_html(cards, records, titles, colours, lang),
    )


def _card_of(record: weights.WeightsRecord) -> Card | None:
    try:
        return record.read_card() if record.card else None
    except ValueError:
        return None


WIDTH, HEIGHT = 400, 280
LEFT, RIGHT, TOP, BOTTOM = 30, 132, 14, 40  # room at the right for the names


def work_html(
    records: Mapping[str, weights.WeightsRecord],
    titles: Mapping[str, str],
    colours: Mapping[str, str],
    lang: str = "en",
) -> str:
    """Accuracy against MACs on a logarithmic axis, a chart for each data set among the chosen:
    every net we have is faint, the chosen ones are strong, the area tells the parameters."""
    charts = []
    for data in dict.fromkeys(r.data for r in records.values()):
        known = {n: weights.record(n) for n in weights.list_weights()} | dict(records)
        dots = {
            n: r for n, r in known.items() if r.data == data and r.macs and r.accuracy is not None
        }
        if len(dots) >= 2:
            charts.append(_work_svg(data, dots, titles, colours, lang))
    if not charts:
        return ""
    note = f'<p class="small">{escape(say("compare_work_note", lang))}</p>'
    return f"<h3>{escape(say('compare_work_title', lang))}</h3>{''.join(charts)}{note}"


def _work_svg(data: str, dots: Mapping, titles: Mapping, colours: Mapping, lang: str) -> str:
    macs = [math.log10(r.macs) for r in dots.values()]
    low, high = min(macs) - 0.25, max(macs) + 0.25
    rates = [r.accuracy for r in dots.values()]
    step = 10 if max(rates) - min(rates) > 25 else 5
    bottom = max(0, step * math.floor(min(rates) / step - 0.2))
    top = min(100, step * math.ceil(max(rates) / step + 0.2))
    biggest = max(r.parameters or 0 for r in dots.values()) or 1

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (math.log10(value) - low) / (high - low)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (top - value) / max(top - bottom, 1)

    grid = ""
    for value in range(bottom, top + 1, step):
        grid += (
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
            f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value}</text>'
        )
    for value in _decades(low, high):
        grid += (
            f'<text x="{x(value):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">'
            f"{_short(value)}</text>"
        )
    faint, strong, spots = "", "", []
    for name, record in dots.items():
        cx, cy = x(record.macs), y(record.accuracy)
        radius = 3 + 11 * math.sqrt((record.parameters or 0) / biggest)
        tip = say(
            "compare_dot",
            lang,
            net=titles.get(name, record.title),
            accuracy=f"{record.accuracy:.1f}",
            macs=_short(record.macs),
            parameters=millions(record.parameters or 0),
        )
        circle = f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="{radius:.1f}"'
        if name in colours:
            style = f'style="fill:{colours[name]};stroke:{colours[name]}"'
            strong += f'{circle} class="chosen" {style}><title>{escape(tip)}</title></circle>'
            spots.append((cx, cy, radius, titles[name]))
        else:
            faint += f"{circle}><title>{escape(tip)}</title></circle>"
    name = label(data, lang)
    about = say("compare_work_alt", lang, data=name)
    return (
        f'<figure class="compare-work"><figcaption class="small">{escape(name)}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(about)}">'
        f"<g>{grid}</g>{faint}{strong}{_labels(spots)}"
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">'
        f"{escape(say('compare_work_x', lang))}</text></svg></figure>"
    )


def _labels(spots: Sequence[tuple[float, float, float, str]]) -> str:
    """The names, none over another, a hairline to each dot: beside it where there is room, in a
    column at the edge for the crowd at the right."""
    taken: list[tuple[float, float, float]] = []
    out = ""
    for cx, cy, radius, text in sorted(spots, key=lambda spot: spot[1]):
        edge, width = WIDTH - RIGHT + 8, 6.6 * len(text)
        start = cx + radius + 8
        start = start if start + width < edge - 60 else edge
        line = cy
        while any(
            abs(line - other) < 14 and start < to and since < start + width
            for other, since, to in taken
        ):
            line += 1
        taken.append((line, start, start + width))
        out += (
            f'<path d="M{cx + radius * 0.7:.1f} {cy:.1f}L{start - 3:.1f} {line:.1f}"/>'
            f'<text class="name" x="{start:.1f}" y="{line + 4:.1f}">{escape(text)}</text>'
        )
    return out


def _decades(low: float, high: float) -> list[int]:
    """Round values for an axis from 10^low to 10^high, three at least where there is room."""
    powers = range(math.floor(low), math.ceil(high) + 1)
    values = [f * 10**p for p in powers for f in (1, 2, 5) if low <= math.log10(f * 10**p) <= high]
    whole = [v for v in values if str(v)[0] == "1"]
    return whole if len(whole) >= 3 else values


def _short(count: float) -> str:
    """``650 k``, ``313 M``, ``1.5 G``"""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count:.0f}"


def curves(cards: Mapping, titles: Mapping, colours: Mapping, lang: str = "en") -> tuple:
    """(legend, loss plot, accuracy plot): how the chosen nets learned, by epoch."""
    histories = {name: card.history for name, card in cards.items() if card and card.history}
    remarks = {
        "compare_no_history": [titles[name] for name in cards if name not in histories],
        "compare_taught": [titles[name] for name, card in cards.items() if _taught(card)],
    }
    notes = [say(key, lang, nets=", ".join(nets)) for key, nets in remarks.items() if nets]
    # Accuracy on images held out where all have it; else all on their training batches.
    held = all(h[-1].val_accuracy is not None for h in histories.values())
    measured = "val_accuracy" if held else "train_accuracy"
    plots = []
    for key, title in (
        ("train_loss", "compare_loss"),
        (measured, f"compare_{measured}"),
    ):
        points = [
            (titles[name], step.epoch, getattr(step, key))
            for name, history in histories.items()
            for step in history
            if getattr(step, key) is not None
        ]
        plots.append(
            gr.LinePlot(
                pd.DataFrame(points, columns=["net", "epoch", "value"]),
                title=say(title, lang),
                color_map={titles[name]: colours[name] for name in histories},
                # Taken out of the page, a plot would still measure itself and fail.
                visible=True if points else "hidden",
            )
        )
    legend = "".join(
        f'<span><i style="background:{colours[name]}"></i>{escape(titles[name])}</span>'
        for name in histories
    )
    heading = escape(say("compare_learned", lang))
    notes = "".join(f'<p class="small">{escape(note)}</p>' for note in notes)
    learned = f'<h3>{heading}</h3><p class="compare-legend">{legend}</p>{notes}' if cards else ""
    return learned, *plots


def _taught(card: Card | None) -> bool:
    """Whether other nets' answers were learnt, in any of the net's trainings."""
    return card is not None and any(training.teachers for training in card.trainings())


def classes_html(
    cards: Mapping, records: Mapping, titles: Mapping, colours: Mapping, lang: str = "en"
) -> str:
    """Accuracy per class, the chosen nets beside each other, the best of each class in bold;
    a table for each set of labels."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, card in cards.items():
        if card and card.per_class:
            groups.setdefault(tuple(records[name].labels), []).append(name)
    tables = "".join(
        _classes_table(labels, group, cards, records, titles, colours, lang)
        for labels, group in groups.items()
    )
    if not tables:
        return ""
    return f"<h3>{escape(say('compare_classes_title', lang))}</h3>{tables}"


def _classes_table(labels, names, cards, records, titles, colours, lang) -> str:
    head = "".join(
        f'<th scope="col"><i style="background:{colours[n]}"></i>{escape(titles[n])}</th>'
        for n in names
    )
    rows = ""
    for name in labels:
        rates = [cards[n].per_class.get(name) for n in names]
        best = max((r for r in rates if r is not None), default=None)
        cells = "".join(
            "<td></td>"
            if rate is None
            else f"<td{' class=best' if rate == best and len(names) > 1 else ''}>"
            f'<i style="width:{rate:.1f}%;background:{colours[n]}"></i><span>{rate:.1f}</span></td>'
            for n, rate in zip(names, rates, strict=True)
        )
        rows += f'<tr><th scope="row">{escape(label(name, lang))}</th>{cells}</tr>'
    data = escape(label(records[names[0]].data, lang))
    return (
        f'<div class="scroll"><table class="compare-classes"><caption class="small">{data}, %'
        f"</caption><thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )

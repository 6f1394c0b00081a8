"""The Fine-tune tab's handlers and drawings: values in, values out."""

import contextlib
import functools
import json
import math
import os
import re
import tempfile
import threading
import time
import weakref
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from html import escape
from importlib.util import find_spec
from pathlib import Path

import gradio as gr
import numpy as np

from cnn_space import archives, weights, zoo
from cnn_space.archives import DataError, Intake, Limits
from cnn_space.page import classify
from cnn_space.page.pictures import data_uri
from cnn_space.page.texts import label, language, say
from cnn_space.recipes import PRESETS, Plan

EXAMPLE = Path(__file__).with_name("finetune_example.json")
SOURCES = ("digits", "zip", "hub", "folder")
# Where a run starts from until the visitor chooses: for small images, and for photos.
BASES = (weights.DEFAULT, "googlenet.imagenette")
SHOWN_CLASSES = 12
SHOWN_IN_CELL = 24
# A click on a cell of the matrix reaches ``open_cell`` with the cell's place.
CELL_CLICK = """element.addEventListener('click', (event) => {
  const cell = event.target.closest('[data-cell]');
  if (cell) trigger('click', {cell: cell.dataset.cell});
});"""


# What a visitor has on the table, and for how long


class Bench:
    """One visitor's images, run and result. Lives in a ``gr.State``; never shared."""

    def __init__(self):
        self.source = "digits"
        self.intake: Intake | None = None  # what was read; the digits need no reading
        self.reading: object = None  # what is being read; another choice makes it void
        self.starting: object = None  # the run that was asked for; Stop makes it void
        self.run = None
        self.ended: str | None = None  # how the last run ended; None while there is none or one
        self.result = None
        self.recorded = False  # whether the page shows the recorded run
        self.folder: tempfile.TemporaryDirectory | None = None  # removed with the bench
        self.file: str | None = None  # the net to download
        self.name = ""  # of that net, in this visitor's lists

    @property
    def images(self) -> Intake | None:
        return digits() if self.source == "digits" else self.intake


class OwnNets(dict):
    """One visitor's nets by display name. A dict that can be weakly referenced."""

    __hash__ = object.__hash__
    __eq__ = object.__eq__


class Shelf:
    """Remembers who keeps what, oldest first, and takes the oldest away when there is too much.

    Owners are held weakly: what a finished session kept is gone with the session.
    ``take(owner, key)`` is called, outside of the owner's thread, to take something away.
    """

    def __init__(self, count: int, seconds: float, take):
        self.count, self.seconds, self._take = count, seconds, take
        self._kept: OrderedDict[tuple[int, str], tuple[weakref.ref, float]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, owner, key: str = "") -> None:
        with self._lock:
            self._kept.pop((id(owner), key), None)
            self._kept[id(owner), key] = weakref.ref(owner), time.monotonic()
        self.tidy()

    def tidy(self) -> None:
        """Take away what is too old, or too much."""
        with self._lock:
            now = time.monotonic()
            for place, (owner, since) in list(self._kept.items()):
                if owner() is None:
                    del self._kept[place]
                elif now - since > self.seconds or len(self._kept) > self.count:
                    del self._kept[place]
                    self._take(owner(), place[1])

    def __len__(self) -> int:
        return len(self._kept)


def setting(name: str, default: int) -> int:
    """A whole number from the environment, ``CNN_SPACE_FINETUNE_<name>``, else the default."""
    text = os.environ.get(archives.ENV + name, "").strip()
    return int(text) if text.isdigit() else default


def keep_minutes() -> int:
    """For how long a visitor's net and images are kept."""
    return max(1, setting("KEEP_MINUTES", 60))


def budget() -> float | None:
    """Seconds that one run may take; None without a limit (the default outside of a Space)."""
    return setting("SECONDS", 180 if os.environ.get("SPACE_ID") else 0) or None


def may_read_folders(request: gr.Request | None = None) -> bool:
    """Whether folders of this machine may be read: only by a visitor who sits at it."""
    if os.environ.get("SPACE_ID") or os.environ.get(archives.ENV + "FOLDERS") == "0":
        return False
    return request is None or (request.client and request.client.host in ("127.0.0.1", "::1"))


def sources() -> list[str]:
    """Where images may come from here."""
    return [name for name in SOURCES if name != "folder" or may_read_folders()]


def _clear(bench: Bench, _: str) -> None:
    bench.intake = bench.result = bench.ended = None


KEPT = max(1, setting("KEEP", 20))
NETS = Shelf(KEPT, 60 * keep_minutes(), lambda nets, name: nets.pop(name, None))
BENCHES = Shelf(KEPT, 60 * keep_minutes(), _clear)


# Step 1: images


@functools.cache
def digits() -> Intake:
    return archives.digits()


def reading(request: gr.Request) -> tuple[str, str]:
    """While images are read: (data, samples)."""
    return f"<p class='small'>{say('finetune_reading', language(request))}</p>", ""


def read_images(
    bench: Bench,
    source: str,
    file: str | None,
    hub: str,
    folder: str,
    base: str | None,
    holdout: float,
    request: gr.Request,
) -> tuple:
    """Read a visitor's images onto the bench: (bench, net and augmentation that suit, data,
    samples).

    What is wrong with them is said where they would be shown.
    """
    lang = language(request)
    ticket = bench.reading = object()
    bench.source, bench.intake = source, None
    intake = None
    try:
        if source == "zip" and not file:
            problem = say("finetune_no_zip", lang)
        elif source == "folder" and not folder:
            problem = say("finetune_no_folder", lang)
        elif source == "zip":
            intake = archives.read_zip(file)
        elif source == "hub":
            intake = archives.read_hub(hub or "")
        elif source == "folder" and may_read_folders(request):
            intake = archives.read_folder(folder)
        else:
            raise DataError("not_a_folder", path="")
    except DataError as error:
        problem = say(f"finetune_error_{error.reason}", lang, **error.values)
    if bench.reading is not ticket:  # the visitor has chosen other images meanwhile
        return bench, *[gr.skip()] * 4
    bench.intake = intake
    if intake is None:
        problem = f"<p class='problem' role='alert'>{escape(problem)}</p>"
        return bench, gr.skip(), gr.skip(), problem + limits_html(lang), ""
    BENCHES.keep(bench)
    base = suited_base(intake, base)
    return bench, base, "mirror", *show_images(bench, base, "mirror", holdout, request)


def choose_source(bench: Bench, source: str, base: str, holdout: float, request: gr.Request):
    """Show the inputs of a source; the digits are there at once, the others wait to be read."""
    bench.source, bench.intake, bench.reading = source, None, None
    base = suited_base(bench.images, base)
    augment = "shift" if source == "digits" else "mirror"
    inputs = [gr.update(visible=source == name) for name in ("zip", "hub", "folder")]
    read = gr.update(visible=source != "digits")
    shown = show_images(bench, base, augment, holdout, request)
    return bench, *inputs, read, base, augment, *shown


def suited_base(intake: Intake | None, base: str | None) -> str | None:
    """The net to start from: of the two defaults the one for images of this size; any other net
    was chosen and stays."""
    if intake is None or base not in BASES:
        return base
    fit = BASES[intake.images.side > zoo.SMALL_SIDE]
    return fit if fit in weights.list_weights() else base


def show_images(bench: Bench, base: str, augment: str, holdout: float, request: gr.Request):
    """(what is in the set, samples) as HTML."""
    lang = language(request)
    intake = bench.images
    if intake is None:
        return limits_html(lang), ""
    samples = samples_html(intake, base, augment, lang) if base else ""
    limits = limits_html(lang) if bench.source != "digits" else ""
    return data_html(intake, holdout / 100, lang) + limits, samples


def limits_html(lang: str) -> str:
    """What is taken at most, as the environment sets it."""
    limits = Limits.from_environment()
    values = {name: getattr(limits, name) for name in ("classes", "mb", "megapixels")}
    text = say(
        "finetune_limits", lang, images=f"{limits.images:,}", minutes=keep_minutes(), **values
    )
    return f"<p class='small'>{text}</p>"


def data_html(intake: Intake, share: float, lang: str) -> str:
    """What is in the set: a sentence, a bar a class, and what was left out."""
    from cnn_space.finetuning import held_counts

    images = intake.images
    counts = np.bincount(images.labels.numpy(), minlength=len(images.classes)).tolist()
    held = sum(held_counts(counts, share))
    parts = [
        "<p class='small'>"
        + say(
            "finetune_data_summary",
            lang,
            name=escape(label(images.name, lang)),
            images=f"{len(images):,}",
            classes=len(images.classes),
            train=f"{len(images) - held:,}",
            held=f"{held:,}",
        )
        + "</p>"
    ]
    most = max(counts)
    bars = [
        f"<li><span class='ft-name'>{escape(label(name, lang))}</span>"
        f"<span class='ft-bar'><i style='width:{100 * count / most:.1f}%'></i></span>"
        f"<span class='ft-count'>{count:,}</span></li>"
        for name, count in list(zip(images.classes, counts, strict=True))[:SHOWN_CLASSES]
    ]
    parts.append(f"<ul class='ft-bars'>{''.join(bars)}</ul>")
    if len(counts) > SHOWN_CLASSES:
        more = say("finetune_counts_more", lang, count=len(counts) - SHOWN_CLASSES)
        parts.append(f"<p class='small'>{more}</p>")
    if intake.left_out:
        total = sum(left.count for left in intake.left_out)
        items = "".join(
            f"<li>{left.count:,} × {say(f'finetune_left_{left.reason}', lang)} "
            f"<span class='ft-example'>"
            f"{escape(say('finetune_left_example', lang, example=left.example))}</span></li>"
            for left in intake.left_out
        )
        summary = say("finetune_left_out", lang, count=f"{total:,}")
        parts.append(f"<details class='small' open><summary>{summary}</summary><ul>{items}</ul>")
        parts.append("</details>")
    return "".join(parts)


def samples_html(intake: Intake, base: str, augment: str, lang: str) -> str:
    """Some images of every class as the net will see them, augmentation included."""
    from cnn_space.finetuning import preview

    images = intake.images
    preprocessing = weights.identify(base).preprocessing
    # A column a class where that gives a decent grid.
    columns = len(images.classes) if 5 <= len(images.classes) <= 10 else 8
    rows = 5 if preprocessing.size <= 64 else 3
    order = np.argsort(_turn_of_each(images.labels.numpy()), kind="stable")[: rows * columns]
    pictures = preview(images.subset(order), preprocessing, augment)
    names = [images.classes[number] for number in images.labels[order].tolist()]
    figures = "".join(
        f"<figure><img src='{data_uri(picture)}' alt='{_sample_alt(name, lang)}'>"
        f"<figcaption>{escape(label(name, lang))}</figcaption></figure>"
        for name, picture in zip(names, pictures, strict=True)
    )
    about = say(
        "finetune_samples",
        lang,
        side=preprocessing.size,
        augment=say(f"finetune_samples_{augment}", lang),
    )
    return (
        f"<div class='ft-pictures ft-grid' style='--columns:{columns}'>{figures}</div>"
        f"<p class='small'>{about}</p>"
    )


def _sample_alt(name: str, lang: str) -> str:
    return escape(say("finetune_samples_alt", lang, label=label(name, lang)), quote=True)


def _turn_of_each(labels: np.ndarray) -> np.ndarray:
    """0 for the first of every class, 1 for the second, and so on."""
    turns = np.zeros(len(labels), int)
    for one in np.unique(labels):
        members = labels == one
        turns[members] = np.arange(members.sum())
    return turns


# Step 3: the run as it goes


def state_html(phase: str, note: str, lang: str, *, done: float = 0.0, now: str = "") -> str:
    """What is going on: a word, a sentence, a bar, and the figures of the moment."""
    bar = f"<div class='ft-progress'><i style='width:{100 * min(1, done):.1f}%'></i></div>"
    return (
        f"<div class='ft-state' data-phase='{phase}'>"
        f"<strong>{say(f'finetune_phase_{phase}', lang)}</strong> <span>{note}</span>"
        f"{bar}<div class='small'>{now or '&nbsp;'}</div></div>"
    )


def idle_html(lang: str) -> str:
    """Before the first run: what will hold."""
    seconds = budget()
    if seconds:
        note = say("finetune_idle_note", lang, seconds=round(seconds))
    else:
        note = say("finetune_idle_note_free", lang)
    return state_html("idle", note, lang)


def update_html(update, lang: str) -> str:
    """One moment of a run."""
    if update.phase == "preparing":
        return state_html("preparing", say("finetune_phase_preparing_note", lang), lang)
    done = (max(update.epoch - 1, 0) + update.step / max(update.steps, 1)) / max(update.epochs, 1)
    if update.phase == "features":
        note = say("finetune_phase_features_note", lang, step=update.step, steps=update.steps)
        return state_html("features", note, lang, done=update.step / max(update.steps, 1))
    note = say(
        "finetune_phase_progress",
        lang,
        epoch=update.epoch,
        epochs=update.epochs,
        step=update.step,
        steps=update.steps,
    )
    if math.isfinite(update.seconds_left):
        note += " · " + say("finetune_left_seconds", lang, seconds=math.ceil(update.seconds_left))
    now = ""
    if math.isfinite(update.loss):
        now = say(
            "finetune_now",
            lang,
            loss=f"{update.loss:.3f}",
            accuracy=f"{update.accuracy:.1f}",
            rate=f"{update.images_per_s:,.0f}" if math.isfinite(update.images_per_s) else "–",
        )
    return state_html(update.phase, note, lang, done=done, now=now)


def ended_html(report, lang: str) -> str:
    """How a run ended, and which net was kept."""
    stage, epoch = report.best
    where = say(f"finetune_where_{stage}", lang, epoch=epoch)
    note = say("finetune_ended_note", lang, seconds=f"{report.seconds:.1f}", where=where)
    if report.ended == "not_a_number":
        note += " " + say("finetune_advice_nan", lang)
    return state_html(report.ended, note, lang, done=1)


def curves_html(history, lang: str) -> str:
    """Loss and accuracy over the seconds of a run, training and validation, as two drawings.

    Drawn here and not by ``gr.LinePlot``, which loses its lines when it starts without any.
    """
    loss = say("finetune_curve_loss", lang)
    accuracy = say("finetune_curve_accuracy", lang)
    legend = "".join(
        f"<span class='ft-key ft-{part}'>{say(f'finetune_curve_{part}', lang)}</span>"
        for part in ("train", "validation")
    )
    return (
        f"<div class='ft-curves'>{_curve(history, 'loss', loss, lang)}"
        f"{_curve(history, 'accuracy', accuracy, lang)}</div><p class='small'>{legend}</p>"
    )


def _curve(history, field: str, title: str, lang: str) -> str:
    """One drawing: 360 × 190 units, the axes from 0."""
    left, right, top, bottom = 38, 352, 12, 164
    points = [p for p in history if math.isfinite(getattr(p, field))]
    end = _round_up(max((p.seconds for p in points), default=0) or 10)
    highest = max((getattr(p, field) for p in points), default=0) or 2.5
    high = 100 if field == "accuracy" else _round_up(highest)

    def x(seconds: float) -> float:
        return left + (right - left) * seconds / end

    def y(value: float) -> float:
        return bottom - (bottom - top) * min(value, high) / high

    grid = "".join(
        f"<line x1='{left}' x2='{right}' y1='{y(high * i / 4):.1f}' y2='{y(high * i / 4):.1f}'/>"
        f"<text x='{left - 6}' y='{y(high * i / 4) + 4:.1f}' text-anchor='end'>"
        f"{high * i / 4:g}</text>"
        for i in range(5)
    )
    times = "".join(
        f"<text x='{x(end * i / 4):.1f}' y='{bottom + 17}' text-anchor='middle'>"
        f"{end * i / 4:g}{' s' if i == 4 else ''}</text>"
        for i in range(5)
    )
    border, free = "", top + 9 if field == "loss" else bottom - 6  # where no line is likely
    for line, stage in enumerate(("top", "all")):  # a line each: the stages may be short
        begun = next((p.seconds for p in points if p.stage == stage), None)
        if begun is not None:
            border += (
                f"<line class='ft-border' x1='{x(begun):.1f}' x2='{x(begun):.1f}' y1='{top}' "
                f"y2='{bottom}'/><text x='{x(begun) + 5:.1f}' "
                f"y='{free + line * (13 if field == 'loss' else -13)}'>"
                f"{say(f'finetune_curve_{stage}', lang)}</text>"
            )
    lines = "".join(
        f"<polyline class='ft-{part}' points='"
        + " ".join(
            f"{x(p.seconds):.1f},{y(getattr(p, field)):.1f}" for p in points if p.part == part
        )
        + "'/>"
        for part in ("train", "validation")
    )
    dots = "".join(
        f"<circle class='ft-validation' cx='{x(p.seconds):.1f}' cy='{y(getattr(p, field)):.1f}' "
        f"r='2'><title>{p.seconds:.1f} s: {getattr(p, field):.3g}</title></circle>"
        for p in points
        if p.part == "validation"
    )
    return (
        f"<svg viewBox='0 0 360 190' role='img' aria-label='{escape(title, quote=True)}'>"
        f"<text class='ft-title' x='{left}' y='8'>{escape(title)}</text>"
        f"{grid}{times}{border}{lines}{dots}</svg>"
    )


def _round_up(value: float) -> float:
    """A round number from ``value`` up whose quarters are round too."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(
        power * n
        for n in (1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10, 12)
        if power * n >= value * 0.999
    )


# The result


@functools.cache
def example():
    """The recorded run shown before a visitor's first: its report, and the images it was checked
    on. None where no run has been recorded."""
    if not EXAMPLE.is_file():
        return None
    from cnn_space.finetuning import Report, Result, split

    report = Report.from_json(json.loads(EXAMPLE.read_text()))
    checked = split(digits().images, report.plan.holdout, seed=report.plan.seed)[1]
    return Result(None, report, checked)


def shown(bench: Bench):
    """What the result part shows: the visitor's own result or the recorded one; None where the
    visitor's has been forgotten."""
    return bench.result or (example() if bench.recorded else None)


def result_html(result, lang: str) -> str:
    """The finding in a sentence, and the figures before and after."""
    if result is None:
        return ""
    report = result.report
    name = label(report.data, lang)
    values = {
        "title": escape(report.title),
        "data": escape(name),
        "seconds": f"{report.seconds:.0f}",
    }
    recorded = ""
    if result.loaded is None:
        threads = say("finetune_threads", lang, count=r"\1")
        device = re.sub(r"(\d+) threads", threads, report.environment["device"])
        note = say("finetune_recorded_note", lang, device=escape(device))
        recorded = (
            f"<p class='small'><b class='ft-badge'>{say('finetune_recorded', lang)}</b> {note}</p>"
        )
    finding = say(
        "finetune_finding",
        lang,
        classes=len(report.classes),
        train=f"{sum(report.train_counts):,}",
        held=f"{len(report.targets):,}",
        after=f"{report.after:.1f}",
        **values,
    )
    most, baseline = report.majority
    right = round(report.after * len(report.targets) / 100)
    figures = [
        (report.before, say("finetune_before", lang), say("finetune_before_note", lang), ""),
        (
            report.after,
            say("finetune_after", lang),
            say("finetune_after_note", lang, right=right, total=len(report.targets)),
            "ft-after",
        ),
        (
            baseline,
            say("finetune_majority", lang, label=escape(label(most, lang))),
            say("finetune_majority_note", lang),
            "ft-lesser",
        ),
    ]
    if report.head is not None and report.best[0] != "head":
        head = say("finetune_head_alone", lang), say("finetune_head_alone_note", lang)
        figures.insert(2, (report.head, *head, "ft-lesser"))
    boxes = "".join(
        f"<div class='ft-figure {kind}'><span class='small'>{title}</span>"
        f"<span class='figure'>{value:.1f} %</span><span class='small'>{note}</span></div>"
        for value, title, note, kind in figures
    )
    return (
        f"{recorded}<p class='finding'>{finding}</p><div class='ft-figures'>{boxes}</div>"
        f"<p class='small'>{say('finetune_flattered', lang)}</p>"
    )


def matrix_html(result, lang: str) -> str:
    """The confusion matrix; a cell is a button that names its row and column."""
    if result is None:
        return ""
    report = result.report
    names = [label(name, lang) for name in report.classes]
    per_class = list(report.per_class.values())
    head = "".join(
        f"<th scope='col' title='{escape(n, quote=True)}'><span>{escape(n)}</span></th>"
        for n in names
    )
    rows = []
    for i, (name, row) in enumerate(zip(names, report.confusion, strict=True)):
        total = max(1, sum(row))
        cells = []
        for j, count in enumerate(row):
            text = _cell_title(name, names[j], count, lang)
            share = count / total
            kind = "ft-hit" if i == j else "ft-miss"
            if count:
                cells.append(
                    f"<td><button class='{kind}' style='--share:{share:.3f}' data-cell='{i},{j}' "
                    f"title='{escape(text, quote=True)}' "
                    f"aria-label='{escape(text, quote=True)}'>{count}</button></td>"
                )
            else:
                cells.append("<td></td>")
        rows.append(
            f"<tr><th scope='row' title='{escape(name, quote=True)}'>{escape(name)}</th>"
            f"{''.join(cells)}<td class='ft-rate'>{per_class[i]:.0f}</td></tr>"
        )
    return (
        f"<h4>{say('finetune_matrix', lang)}</h4>"
        f"<p class='small'>{say('finetune_matrix_note', lang)}</p>"
        f"<div class='ft-scroll'><table class='ft-matrix'><thead><tr><td></td>{head}"
        f"<th scope='col' class='ft-rate'>{say('finetune_matrix_class', lang)}</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def pictures_html(result, indices, captions) -> str:
    """Held-out images with their captions (HTML)."""
    images = result.checked.images
    figures = "".join(
        f"<figure><img src='{data_uri(images[i].permute(1, 2, 0).numpy())}' alt=''>"
        f"<figcaption>{caption}</figcaption></figure>"
        for i, caption in zip(indices, captions, strict=True)
    )
    return f"<div class='ft-pictures'>{figures}</div>"


def mistakes_html(result, lang: str) -> str:
    """The misjudged images of which the net was surest."""
    if result is None:
        return ""
    report = result.report
    title = f"<h4>{say('finetune_mistakes', lang)}</h4>"
    worst = report.mistakes[:12]
    if not worst:
        return f"{title}<p class='small'>{say('finetune_mistakes_none', lang)}</p>"
    names = [escape(label(name, lang)) for name in report.classes]
    captions = [
        f"<b>{say('finetune_mistake', lang, answer=names[report.answers[i]])}</b><br>"
        + say(
            "finetune_mistake_true",
            lang,
            confidence=f"{100 * report.confidences[i]:.0f}",
            true=names[report.targets[i]],
        )
        for i in worst
    ]
    return title + pictures_html(result, worst, captions)


def cell_html(bench: Bench, cell: str, lang: str) -> str:
    """The held-out images of one cell of the matrix; ``cell`` is ``"row,column"``."""
    result = shown(bench)
    try:
        row, column = (int(part) for part in cell.split(","))
        true, answer = result.report.classes[row], result.report.classes[column]
    except (ValueError, IndexError, AttributeError):
        return ""
    report = result.report
    inside = [
        i
        for i, pair in enumerate(zip(report.targets, report.answers, strict=True))
        if pair == (row, column)
    ]
    title = escape(_cell_title(label(true, lang), label(answer, lang), len(inside), lang))
    if len(inside) > SHOWN_IN_CELL:
        title += " · " + say("finetune_cell_first", lang, count=SHOWN_IN_CELL)
    inside = inside[:SHOWN_IN_CELL]
    captions = [f"{100 * report.confidences[i]:.0f} %" for i in inside]
    return f"<h4>{title}</h4>" + pictures_html(result, inside, captions)


def _cell_title(true: str, answer: str, count: int, lang: str) -> str:
    if true == answer:
        return say("finetune_cell_right", lang, label=true, count=count)
    return say("finetune_cell_wrong", lang, true=true, answer=answer, count=count)


def open_cell(bench: Bench, event: gr.EventData, request: gr.Request) -> str:
    """A click on the matrix."""
    cell = event._data.get("cell", "") if isinstance(event._data, dict) else ""
    return cell_html(bench, str(cell), language(request))


# The run


def plan_from(
    optimizer, lr, lower, head_epochs, top_epochs, epochs, augment, aux, frozen_norm, holdout, seed
):
    """The Plan of the page's controls. Raises ValueError for what is out of range."""
    return Plan(
        optimizer=optimizer,
        lr=float(lr or 0),
        lower=float(lower),
        head_epochs=int(head_epochs),
        top_epochs=int(top_epochs),
        epochs=int(epochs),
        augment=augment,
        aux=bool(aux),
        frozen_norm=bool(frozen_norm),
        holdout=float(holdout) / 100,
        seed=int(seed or 0),
    )


def start(
    bench: Bench,
    base: str | None,
    optimizer: str,
    lr: float,
    lower: float,
    head_epochs: int,
    top_epochs: int,
    epochs: int,
    augment: str,
    aux: bool,
    frozen_norm: bool,
    holdout: float,
    seed: int,
    request: gr.Request,
) -> Iterator[tuple]:
    """Train on what lies on the bench; yields (bench, state, curves).

    The run lies on the bench from its start, for ``finish`` to collect, whether it ends by itself
    or is stopped. Handing the bench out again and again keeps it: a ``gr.State`` is forgotten some
    time after it was last set, also in the middle of a long run.
    """
    from cnn_space.finetuning import Run, Update

    lang = language(request)
    intake = bench.images
    ticket = bench.starting
    if ticket is None:  # stopped while it waited, or while its net was fetched
        return
    _BY_SESSION[request.session_hash] = bench
    yield bench, update_html(Update("preparing"), lang), gr.skip()
    try:
        if intake is None:
            raise ValueError(say("finetune_no_data", lang))
        if not base:
            raise ValueError(say("finetune_no_base", lang))
        with _told_as("finetune_wrong_plan", lang):
            plan = plan_from(
                optimizer,
                lr,
                lower,
                head_epochs,
                top_epochs,
                epochs,
                augment,
                aux,
                frozen_norm,
                holdout,
                seed,
            )
        if base in weights.list_weights() and not weights.is_local(base):  # `fetch` said why
            raise ValueError(say("classify_not_here", lang, title=weights.record(base).title))
        with _told_as("net_trouble", lang, title=base):
            loaded = weights.load(base)
        if bench.starting is not ticket:  # stopped meanwhile
            return
        if aux and not hasattr(loaded.net, "set_aux"):
            raise ValueError(say("finetune_no_aux", lang, title=loaded.record.title))
        run = bench.run = Run(loaded, intake.images, plan, seconds=budget())
        with contextlib.closing(iter(run)) as updates:
            for update in updates:
                if bench.run is not run:  # collected by Stop: its result is on the page already
                    return
                yield bench, update_html(update, lang), curves_html(update.history, lang)
    except ValueError as error:
        bench.run = None
        yield bench, idle_html(lang), gr.skip()
        raise gr.Error(str(error), print_exception=False) from None


@contextlib.contextmanager
def _told_as(key: str, lang: str, **values) -> Iterator[None]:
    """A ValueError in the visitor's language, as far as ours goes: its own words are English."""
    try:
        yield
    except ValueError as error:
        raise ValueError(say(key, lang, why=error, **values)) from error


_BY_SESSION: weakref.WeakValueDictionary[str, Bench] = weakref.WeakValueDictionary()


def leave(request: gr.Request) -> None:
    """The page was closed: what an unfinished run kept is let go at once."""
    bench = _BY_SESSION.pop(request.session_hash, None)
    if bench is not None:
        bench.run = bench.starting = None


# Stop and the end of a run may both come to collect it; the second finds it done.
_COLLECTING = threading.Lock()


def collect(bench: Bench, own: OwnNets, lang: str) -> str | None:
    """How the last run ended, its best net turned into the visitor's result; None where there
    was no run. How many such nets are kept, of all visitors, is bounded by ``NETS``.
    """
    with _COLLECTING:
        run, bench.run = bench.run, None
        if run is None:
            return bench.ended
        if not run.has_best:
            bench.ended = f"{run.ended}, nothing kept"
            return bench.ended
        result = bench.result = run.result()
        bench.recorded = False
        BENCHES.keep(bench)
        bench.name = own_name(result, own, lang)
        own[bench.name] = result.loaded
        NETS.keep(own, bench.name)
        # Gradio copies the file when it hands it out; ours goes with the bench.
        bench.folder = tempfile.TemporaryDirectory(prefix="cnn-space-")
        bench.file = str(bundle(result, Path(bench.folder.name)))
        bench.ended = run.ended
        return bench.ended


def begin(bench: Bench, source: str, request: gr.Request) -> tuple:
    """A click on Train: (bench, state, Train, Stop) while waiting for a place.

    ``source`` is what the page shows as chosen: a bench that was forgotten begins with the digits.
    """
    lang = language(request)
    bench.source, bench.ended, bench.starting = source, None, object()
    queued = state_html("queued", say("finetune_phase_queued_note", lang), lang)
    return bench, queued, gr.Button(interactive=False), gr.Button(interactive=True)


def fetch(
    base: str | None,
    own: OwnNets,
    request: gr.Request,
    progress=gr.Progress(),  # noqa: B008
):
    """Bring the net to start from here, outside of the queue of runs."""
    classify.fetch(base, own, request, progress)
    return gr.skip()


def finish(bench: Bench, own: OwnNets, request: gr.Request) -> tuple:
    """A run has ended: all that shows its result. The same again when it is asked again."""
    lang = language(request)
    return _outcome(bench, own, collect(bench, own, lang), lang)


def stop(bench: Bench, own: OwnNets, request: gr.Request) -> tuple:
    """A click on Stop: the run ends, and what it kept is shown."""
    bench.starting = None
    lang = language(request)
    ended = collect(bench, own, lang) or "stopped, nothing kept"
    return _outcome(bench, own, ended, lang)


def _why_nothing(ended: str, lang: str) -> str:
    key = "advice_nan_early" if ended == "not_a_number" else "nothing_kept"
    return say(f"finetune_{key}", lang)


def _outcome(bench: Bench, own: OwnNets, ended: str | None, lang: str) -> tuple:
    """What the components listed as ``ended`` in the layout show."""
    buttons = gr.Button(interactive=True), gr.Button(interactive=False)
    if ended is None:  # the run could not begin
        return bench, own, *[gr.skip()] * 9, *buttons
    if ended.endswith("nothing kept"):
        ended = ended.split(",")[0]
        state = state_html(ended, _why_nothing(ended, lang), lang)
        return bench, own, state, *[gr.skip()] * 8, *buttons
    result = bench.result
    file = f"{result.loaded.record.name}.safetensors"
    parts = [
        say("finetune_used", lang, name=escape(bench.name)),
        say("finetune_loadable", lang, file=escape(file)),
        say("finetune_kept", lang, minutes=keep_minutes()),
    ]
    return (
        bench,
        own,
        ended_html(result.report, lang),
        curves_html(result.report.history, lang),
        result_html(result, lang),
        "<p class='small'>" + "<br>".join(parts) + "</p>",
        matrix_html(result, lang),
        "",
        mistakes_html(result, lang),
        gr.DownloadButton(value=bench.file, interactive=True),
        gr.Button(interactive=True),
        *buttons,
    )


def arrive(bench: Bench, base: str | None, request: gr.Request) -> tuple:
    """What a visitor meets: the digits, and a recorded run."""
    lang = language(request)
    bench.recorded = bench.result is None
    result = shown(bench)
    return (
        gr.Dropdown(choices=classify.choices(None, lang)),
        *show_images(bench, base, "shift", 20, request),
        idle_html(lang),
        curves_html(result.report.history if result else (), lang),
        result_html(result, lang),
        matrix_html(result, lang),
        mistakes_html(result, lang),
    )


def choose_preset(preset: str) -> tuple[int, int, int]:
    """A preset's epochs: (of the head, of the upper layers, of all)."""
    chosen = PRESETS[preset]
    return chosen["head_epochs"], chosen["top_epochs"], chosen["epochs"]


def use(bench: Bench, own: OwnNets, request: gr.Request) -> tuple:
    """Go to Classify with the visitor's net: (tabs, net list there)."""
    if bench.name not in own:
        raise gr.Error(say("finetune_no_result", language(request)), print_exception=False)
    nets = classify.choices(own, language(request))
    return gr.Tabs(selected="classify"), gr.Dropdown(choices=nets, value=bench.name)


def own_name(result, own: OwnNets, lang: str) -> str:
    """A display name that the visitor does not have yet."""
    report = result.report
    name = first = f"{report.title} · {label(report.data, lang)} · {report.after:.1f} %"
    number = 2
    while name in own:
        name = f"{first} ({number})"
        number += 1
    return name


def bundle(result, folder: Path) -> Path:
    """One zip in ``folder`` with the net's safetensors file and its card."""
    from cnn_space.finetuning import save

    file, card = save(result, folder)
    path = folder / f"{file.stem}.zip"
    with zipfile.ZipFile(path, "w") as archive:  # weights do not compress
        archive.write(file, file.name)
        archive.write(card, card.name)
    file.unlink()
    card.unlink()
    return path


# The visitor's own account on the Hub


def may_push() -> bool:
    """Whether visitors can log in: on a Space with OAuth and the packages it needs."""
    packages = all(find_spec(name) for name in ("authlib", "itsdangerous"))
    return bool(os.environ.get("OAUTH_CLIENT_ID")) and packages


def push_own(
    bench: Bench, name: str, request: gr.Request, token: gr.OAuthToken | None = None
) -> str:
    """A click on Push: a sentence with what came of it."""
    lang = language(request)
    if bench.result is None:
        raise gr.Error(say("finetune_no_result", lang), print_exception=False)
    if token is None:
        raise gr.Error(say("finetune_push_login", lang), print_exception=False)
    try:
        repo = push(bench.result, name.strip() or bench.result.loaded.record.name, token.token)
    except ValueError as error:
        raise gr.Error(
            say("finetune_push_failed", lang, why=error), print_exception=False
        ) from None
    return f"<p class='small'>{escape(say('finetune_push_done', lang, repo=repo))}</p>"


def push(result, name: str, token: str) -> str:
    """Upload a net and its card to the account of ``token``; gives the repository's name.

    Raises ValueError with what the Hub said.
    """
    from huggingface_hub import HfApi

    from cnn_space.finetuning import save

    api = HfApi(token=token)
    try:
        repo = api.create_repo(name, exist_ok=True).repo_id
        with tempfile.TemporaryDirectory(prefix="cnn-space-") as folder:
            save(result, Path(folder))
            api.upload_folder(repo_id=repo, folder_path=folder, commit_message="A fine-tuned net")
    except Exception as error:  # the Hub's client raises errors of several families
        raise ValueError((str(error).splitlines() or ["no answer"])[0][:200]) from error
    return repo


# For programs


def finetune(
    archive: str | None,
    model: str,
    optimizer: str,
    learning_rate: float,
    lowest_share: float,
    head_epochs: int,
    top_epochs: int,
    epochs: int,
    augmentation: str,
    auxiliary_heads: bool,
    frozen_norm: bool,
    holdout: float,
    seed: int,
):
    """Teach a net new classes.

    Args:
        archive: zip with one folder of images a class; none for the handwritten digits.
        model: name of the weights to start from, such as "googlenet.cifar10".
        optimizer: "sgd" or "adam".
        learning_rate: highest rate after the head's epochs; 0 for the optimiser's usual.
        lowest_share: the lowest layers' rate as a share of it, when all layers learn.
        head_epochs: epochs of the last layer alone.
        top_epochs: epochs of the upper layers; 0 for none.
        epochs: epochs of all layers; 0 for none.
        augmentation: "none", "shift" or "mirror".
        auxiliary_heads: train with fresh auxiliary heads, for nets that have them.
        frozen_norm: keep the batch-norm statistics.
        holdout: percent of every class to check on.
        seed: of the split, the new layer and the augmentation.

    Returns:
        What the run is doing, again and again, and at last its report and a zip with the net.
    """
    from cnn_space.finetuning import Run

    try:
        images = (archives.read_zip(archive) if archive else digits()).images
        plan = plan_from(
            optimizer,
            learning_rate,
            lowest_share,
            head_epochs,
            top_epochs,
            epochs,
            augmentation,
            auxiliary_heads,
            frozen_norm,
            holdout,
            seed,
        )
        run = Run(weights.load(model), images, plan, seconds=budget())
        with contextlib.closing(iter(run)) as updates:
            for update in updates:
                fields = {k: v for k, v in vars(update).items() if k != "history"}
                yield {k: v for k, v in fields.items() if v == v}, None  # without NaN
        if not run.has_best:
            raise ValueError(_why_nothing(run.ended, "en"))
    except ValueError as error:
        raise gr.Error(str(error), print_exception=False) from None
    result = run.result()
    report = result.report
    told = report.to_json() | {
        "phase": "done",
        "accuracy": report.after,
        "majority": report.majority,
        "per_class": report.per_class,
        "confusion": report.confusion,
    }
    with tempfile.TemporaryDirectory(prefix="cnn-space-") as folder:
        yield told, str(bundle(result, Path(folder)))

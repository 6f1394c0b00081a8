"""The Fine-tune tab's drawings: records of images and runs in, HTML out."""

import math
import re
from html import escape

import numpy as np

from cnn_space import weights
from cnn_space.images.limits import Limits
from cnn_space.images.visitor_set import VisitorSet
from cnn_space.page.common.bench import budget, keep_minutes
from cnn_space.page.common.pictures import data_uri
from cnn_space.page.common.texts import label, say

SHOWN_CLASSES = 12
SHOWN_IN_CELL = 24


# The images


def limits_html(lang: str) -> str:
    """What is taken at most, as the environment sets it."""
    limits = Limits.read()
    values = {name: getattr(limits, name) for name in ("classes", "mb", "megapixels")}
    text = say(
        "finetune_limits", lang, images=f"{limits.images:,}", minutes=keep_minutes(), **values
    )
    return f"<p class='small'>{text}</p>"


def data_html(intake: VisitorSet, share: float, lang: str) -> str:
    """What is in the set: a sentence, a bar a class, and what was left out."""
    from cnn_space.training.finetuning import held_counts

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


def samples_html(intake: VisitorSet, base: str, augment: str, lang: str) -> str:
    """Some images of every class as the net will see them, augmentation included."""
    from cnn_space.training.finetuning import preview

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


# The run as it goes


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


def cell_html(result, cell: str, lang: str) -> str:
    """The held-out images of one cell of the matrix; ``cell`` is ``"row,column"``."""
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

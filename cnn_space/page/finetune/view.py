"""What the Fine-tune tab shows, of images and of a run, as HTML.

The page's language is a parameter of each function.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from markupsafe import Markup

from cnn_space import formats, weights
from cnn_space.images.limits import Limits
from cnn_space.images.visitor_set import LeftOut, VisitorSet
from cnn_space.page.common.charts import Line, Mark, line_chart
from cnn_space.page.common.templates import render
from cnn_space.page.common.texts import say
from cnn_space.page.finetune.loose import Offer
from cnn_space.page.finetune.session import Progress
from cnn_space.settings import Settings
from cnn_space.training.finetuning import Point, Report, Update, draw_folds, preview, split
from cnn_space.training.recipes import Plan

SHOWN_CLASSES = 12


def _fill(template: str, lang: str, **values) -> Markup:
    return render(f"finetune/templates/{template}.html", lang, **values)


def note(text: str, lang: str) -> Markup:
    """A sentence in small print."""
    return _fill("note", lang, text=text)


def why_lost(what: str, lang: str) -> str:
    """Why something of a visitor's is no longer here (see ``Session.lost``), and what to do."""
    return say(f"finetune_lost_{what}", lang, minutes=Settings.read().keep_minutes)


def lost(what: str, lang: str) -> Markup:
    """The same on the page; nothing where nothing was lost."""
    return _fill("lost", lang, text=why_lost(what, lang)) if what else Markup()


# The images


def limits(lang: str) -> Markup:
    """What is taken at most, as the environment sets it."""
    most = Limits.read()
    text = say(
        "finetune_limits",
        lang,
        images=formats.count(most.images),
        classes=most.classes,
        mb=most.mb,
        megapixels=most.megapixels,
        minutes=Settings.read().keep_minutes,
    )
    return note(text, lang)


def problem(text: str, lang: str, left_out: Sequence[LeftOut] = ()) -> Markup:
    """Why images cannot be used, what was left out of them, and what can be used."""
    return _fill("problem", lang, text=text, left_out=left_out) + limits(lang)


def board(offer: Offer, lang: str) -> Markup:
    """Where photos are dropped class by class, with those of ``offer`` to begin with."""
    most, dropped = Limits.read(), offer.model_dump_json()
    return _fill("board", lang, most=most.images, side=2 * most.side, dropped=dropped)


def contents(visitor_set: VisitorSet, share: float, lang: str) -> Markup:
    """What is in a set of which ``share`` is held out: a sentence, one bar per class, and what was
    left out."""
    images = visitor_set.images
    counts = images.counts
    numbers = replace(images, images=images.labels)  # to split them copies no pictures
    folded = draw_folds(numbers, Plan()) is not None
    return _fill(
        "images",
        lang,
        name=images.name,
        images=len(images),
        held=0 if folded else len(split(numbers, share)[1]),
        classes=len(counts),
        counts=list(zip(images.classes, counts, strict=True))[:SHOWN_CLASSES],
        most=max(counts),
        left_out=visitor_set.left_out,
        notes=visitor_set.notes,
    )


def samples(visitor_set: VisitorSet, base: str, augment: str, lang: str) -> Markup:
    """Some images of every class as the net ``base`` will see them, augmentation included."""
    images = visitor_set.images
    preprocessing = weights.identify(base).preprocessing
    # One column per class where that makes neither a thin nor a wide grid.
    columns = len(images.classes) if 5 <= len(images.classes) <= 10 else 8
    rows = 5 if preprocessing.size <= 64 else 3
    order = np.argsort(_turn_of_each(images.labels.numpy()), kind="stable")[: rows * columns]
    names = [images.classes[number] for number in images.labels[order].tolist()]
    pictures = preview(images.subset(order), preprocessing, augment)
    return _fill(
        "samples",
        lang,
        samples=list(zip(names, pictures, strict=True)),
        columns=columns,
        side=preprocessing.size,
        augment=augment,
    )


def _turn_of_each(labels: np.ndarray) -> np.ndarray:
    """0 for the first of every class, 1 for the second, and so on."""
    turns = np.zeros(len(labels), int)
    for one in np.unique(labels):
        members = labels == one
        turns[members] = np.arange(members.sum())
    return turns


# The run as it goes


def state(phase: str, text: str, lang: str, *, done: float = 0.0, figures: str = "") -> Markup:
    """What is going on: the phase, a sentence, a bar filled to ``done`` (0..1), and figures."""
    return _fill("state", lang, phase=phase, note=text, done=min(1, done), figures=figures)


def idle(lang: str) -> Markup:
    """Before a run: its time limit, and what ends it."""
    settings = Settings.read()
    values = {"seconds": settings.run_seconds, "away": settings.away_seconds}
    key = "finetune_idle_note" if settings.run_seconds else "finetune_idle_note_free"
    return state("idle", say(key, lang, **values), lang)


def waiting(phase: str, at: Progress, lang: str) -> Markup:
    """While a run is "fetching" its net, "queued" behind others, "loading" or about to train."""
    if phase == "fetching":
        values = {"done": f"{at.done / 1e6:.0f}", "total": f"{(at.total or 0) / 1e6:.0f}"}
        text = say("finetune_phase_fetching_note", lang, **values) if at.total else ""
        return state(phase, text, lang, done=at.done / (at.total or math.inf))
    if phase == "queued":
        return state(phase, say("finetune_phase_queued_note", lang, ahead=at.ahead), lang)
    if phase == "collecting":
        return state(phase, "", lang, done=1)
    return state("preparing", say("finetune_phase_preparing_note", lang), lang)


def refused(why: str, lang: str) -> Markup:
    """Why a run could not begin, or not go on."""
    return state("refused", why, lang)


def progress(update: Update, lang: str) -> Markup:
    """One moment of a run."""
    share = update.step / max(update.steps, 1)
    by_epochs = update.phase not in ("preparing", "features")
    key = "progress" if by_epochs else f"{update.phase}_note"
    numbers = {name: getattr(update, name) for name in ("epoch", "epochs", "step", "steps")}
    text = say(f"finetune_phase_{key}", lang, **numbers)
    if update.rounds:
        count = {"round": update.round, "rounds": update.rounds}
        text = say("finetune_phase_round", lang, **count) + " · " + text
    if update.seconds_left > 0:  # not where it is unknown: NaN
        text += " · " + say("finetune_left_seconds", lang, seconds=math.ceil(update.seconds_left))
    done = (max(update.epoch - 1, 0) + share) / max(update.epochs, 1) if by_epochs else share
    if update.rounds:
        done = (update.round - 1 + done) / update.rounds
    return state(update.phase, text, lang, done=done, figures=_figures(update, lang))


def _figures(update: Update, lang: str) -> str:
    if not math.isfinite(update.loss):
        return ""
    rate = update.images_per_s
    return say(
        "finetune_now",
        lang,
        loss=f"{update.loss:.3f}",
        accuracy=formats.percent(update.accuracy),
        rate=formats.count(round(rate)) if math.isfinite(rate) else "–",
    )


def ended(report: Report, lang: str) -> Markup:
    """How a run ended, and which net was kept."""
    stage, epoch = report.best
    where = say(f"finetune_{'paid' if report.folds else 'where'}_{stage}", lang, epoch=epoch)
    text = say("finetune_ended_note", lang, seconds=f"{report.seconds:.1f}", where=where)
    if report.ended == "not_a_number":
        text += " " + say("finetune_advice_nan", lang)
    return state(report.ended, text, lang, done=1)


def why_nothing(ended: str, lang: str) -> str:
    """Why a run that ended like this has no net to keep."""
    keys = {"not_a_number": "finetune_advice_nan_early", "left": "finetune_left_note"}
    away = Settings.read().away_seconds
    return say(keys.get(ended, "finetune_nothing_kept"), lang, away=away)


def nothing_kept(ended: str, lang: str) -> Markup:
    """How a run ended that has no net to keep."""
    return state(ended, why_nothing(ended, lang), lang)


PARTS = {"train": "var(--muted)", "validation": "var(--accent)"}


def curves(history: Sequence[Point], lang: str) -> Markup:
    """Loss and accuracy over the seconds of a run, training and validation, as two charts."""
    begun: dict[str, float] = {}
    for point in history:
        begun.setdefault(point.stage, point.seconds)
    marks = [
        Mark(begun[stage], say(f"finetune_curve_{stage}", lang))
        for stage in ("top", "all")
        if stage in begun
    ]
    names = {part: say(f"finetune_curve_{part}", lang) for part in PARTS}

    def chart(field: str, **options) -> Markup:
        lines = [
            Line(
                names[part],
                [(p.seconds, getattr(p, field)) for p in history if p.part == part],
                colour,
                dots=part == "validation",
            )
            for part, colour in PARTS.items()
        ]
        title = say(f"finetune_curve_{field}", lang)
        return line_chart(lines, title=title, x_unit="s", marks=marks, **options)

    return _fill(
        "curves",
        lang,
        loss=chart("loss"),
        accuracy=chart("accuracy", top=100, marks_at="bottom"),
        parts=[(names[part], colour) for part, colour in PARTS.items()],
    )

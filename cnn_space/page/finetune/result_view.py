"""What the Fine-tune tab shows of a result, as HTML; nothing without one.

The page's language is a parameter of each function.
"""

import re
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from cnn_space import formats
from cnn_space.page.common.nets import OwnNets
from cnn_space.page.common.templates import render
from cnn_space.page.common.texts import label, say
from cnn_space.page.finetune.results import Kept
from cnn_space.page.finetune.trials import Trial
from cnn_space.settings import Settings
from cnn_space.training.finetuning import Report, Result, Suspect

SHOWN_IN_CELL = 24
SHOWN_MISTAKES = 12
SHOWN_SUSPECTS = 12


def _fill(template: str, lang: str, **values) -> Markup:
    return render(f"finetune/templates/{template}.html", lang, **values)


def _device(name: str, lang: str) -> str:
    """What a report says of where it ran ("CPU, 2 threads"), in the page's language."""
    return re.sub(r"(\d+) threads?$", lambda n: say("finetune_threads", lang, count=n[1]), name)


def finding(result: Result | None, lang: str) -> Markup:
    """The finding in a sentence, and the figures before and after; nothing without a result."""
    if result is None:
        return Markup()
    report = result.report
    commonest, baseline = report.majority
    few = formats.is_few(len(report.targets))
    return _fill(
        "result",
        lang,
        recorded=result.loaded is None,
        device=_device(report.environment["device"], lang),
        title=report.title,
        data=report.data,
        classes=len(report.classes),
        train=sum(report.train_counts),
        held=len(report.targets),
        judged=("_folds" if report.folds else "") + ("_few" if few else ""),
        few=few,
        folds=report.folds,
        right=round(report.after * len(report.targets) / 100),
        seconds=report.seconds,
        before=report.before,
        after=report.after,
        head=report.head if report.best[0] != "head" else None,
        baseline=baseline,
        commonest=commonest,
        weighted=_weighted(report),
    )


def _weighted(report: Report) -> dict | None:
    """The largest and the smallest class, where classes weighed differently in the training."""
    if report.class_weights is None:
        return None
    (fewest, smallest), *_, (most, largest) = sorted(
        zip(report.train_counts, report.classes, strict=True)
    )
    return {"fewest": fewest, "smallest": smallest, "most": most, "largest": largest}


def own_net(kept: Kept, title: str, lang: str) -> Markup:
    """Where the visitor finds the net that was kept, by its ``title``, and for how long."""
    return _fill(
        "own_net",
        lang,
        name=title,
        file=f"{kept.result.loaded.record.name}.safetensors" if kept.file else None,
        minutes=Settings.read().keep_minutes,
    )


def runs(own_nets: OwnNets, shown: str, lang: str) -> Markup:
    """The visitor's runs, the last one first; ``shown`` is the name of the one the page shows."""
    rows = [
        {"name": name, "title": own_nets.called(name), "report": kept.report}
        for name, kept in reversed(list(own_nets.results.items()))
    ]
    if not rows:
        return Markup()
    sheet = [["net", "base", "data", "images", "right", "held out", "seconds"]]
    for row in rows:
        report = row["report"]
        right = sum(map(int.__eq__, report.targets, report.answers))
        found = [right, len(report.targets), round(report.seconds)]
        sheet.append([row["title"], report.base, report.data, report.images, *found])
    return _fill("runs", lang, runs=rows, shown=shown, sheet=sheet)


def tried(photos: Sequence[Trial], name: str, more: bool, lang: str) -> Markup:
    """What the net ``name`` says of photos; ``more`` were dropped than these."""
    return _fill("tried", lang, photos=photos, name=name, more=more) if photos else Markup()


def matrix(result: Result | None, lang: str) -> Markup:
    """The confusion matrix; a cell is a button that says its row and column."""
    if result is None:
        return Markup()
    report = result.report
    names = [label(name, lang) for name in report.classes]
    rows = list(zip(names, report.confusion, report.recall.values(), strict=True))
    sheet = [["true class", *report.classes, "recall"]]
    for (name, rate), counts in zip(report.recall.items(), report.confusion, strict=True):
        sheet.append([name, *counts, rate])
    return _fill("matrix", lang, names=names, rows=rows, sheet=sheet)


def mistakes(result: Result | None, lang: str) -> Markup:
    """The misjudged images, those with the highest confidence first."""
    if result is None:
        return Markup()
    report = result.report
    worst = [
        {
            "image": _picture(result, i),
            "answer": report.classes[report.answers[i]],
            "actual": report.classes[report.targets[i]],
            "confidence": report.confidences[i],
        }
        for i in report.mistakes[:SHOWN_MISTAKES]
    ]
    return _fill("mistakes", lang, mistakes=worst)


def suspects(result: Result | None, lang: str) -> Markup:
    """The images whose label is likely wrong; nothing where there is none."""
    shown = shown_suspects(result)
    if not shown:
        return Markup()
    report = result.report
    return _fill(
        "suspects",
        lang,
        count=len(report.suspects),
        judged=len(report.targets),
        suspects=[
            {
                "image": _picture(result, suspect.index),
                "name": suspect.name,
                "given": report.classes[suspect.given],
                "likely": report.classes[suspect.likely],
                "confidence": suspect.likely_probability,
            }
            for suspect in shown
        ],
    )


def shown_suspects(result: Result | None) -> tuple[Suspect, ...]:
    """Those that the page shows, and leaves out when it is told to."""
    return result.report.suspects[:SHOWN_SUSPECTS] if result else ()


def cell(result: Result | None, place: str, lang: str) -> Markup:
    """The held-out images of one cell of the matrix; ``place`` is ``"row,column"``. Nothing for a
    place that is none, or without a result."""
    try:
        row, column = (int(part) for part in place.split(","))
        report = result.report
        actual, answer = report.classes[row], report.classes[column]
    except (ValueError, IndexError, AttributeError):
        return Markup()
    pairs = zip(report.targets, report.answers, strict=True)
    inside = [i for i, pair in enumerate(pairs) if pair == (row, column)]
    pictures = [(_picture(result, i), report.confidences[i]) for i in inside[:SHOWN_IN_CELL]]
    return _fill("cell", lang, actual=actual, answer=answer, count=len(inside), pictures=pictures)


def _picture(result: Result, index: int) -> np.ndarray:
    """A held-out image as uint8 [H, W, 3]."""
    return result.checked.images[index].permute(1, 2, 0).numpy()

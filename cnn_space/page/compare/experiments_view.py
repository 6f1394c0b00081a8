"""What each idea is worth, as HTML: a variant beside its base, and the table of all."""

from collections.abc import Iterable, Mapping

from markupsafe import Markup

from cnn_space.formats import count, milliseconds, percent, signed
from cnn_space.page.common.charts import Line, Row, line_chart, row_chart
from cnn_space.page.common.templates import render, say_html
from cnn_space.page.common.texts import TEXTS, label, say
from cnn_space.publishing import experiments
from cnn_space.publishing.experiments import SEEDS, VARIANTS, Difference, Runs

OURS, BASE = "var(--accent)", "var(--muted)"  # colours of a variant and of its base
SEED, MEAN = 0.8, 2.6  # width of a curve
CLEAR = {True: "compare_yes", False: "compare_no"}
# The columns of the table, each with what sorts it; words and numbers are aligned differently.
COLUMNS = {
    "variant": "word",
    "accuracy": "number",
    "difference": "number",
    "margin": "number",
    "clear": "word",
    "spread": "number",
    "parameters": "number",
    "macs": "number",
    "epochs": "number",
    "seeds": "number",
}


def name(variant: str, lang: str) -> str:
    """A variant as part of a sentence: "GoogLeNet without batch norm"."""
    return say(f"compare_variant_{variant}", lang)


def intro(recorded: Mapping[str, Runs], left_out: Iterable[str], lang: str = "en") -> Markup:
    """What was trained, on what, and how it was judged; and which trainings are ``left_out``."""
    first = next(iter(recorded.values()))
    return render(
        "compare/templates/experiments_intro.html",
        lang,
        nets=len(recorded),
        left_out=", ".join(left_out),
        runs=sum(len(runs.cards) for runs in recorded.values()),
        images=first.card.data.train_images,
        held_out=first.card.data.eval_images,
        epochs=first.epochs,
        data=label(first.card.data.name, lang),
        small=first.card.recipe.get("small_side") or first.card.preprocessing.size,
        side=first.card.preprocessing.size,
    )


def idea(runs: Runs, base: Runs, lang: str = "en") -> Markup:
    """One idea: what it is, where it comes from, and what it brought."""
    source = VARIANTS[runs.variant]
    return render(
        "compare/templates/experiment.html",
        lang,
        about=say(f"compare_about_{runs.variant}", lang),
        paper=source.paper,
        section=say("compare_section", lang, section=source.section),
        finding=finding(runs, base, lang),
        notes=_notes(runs, base, lang),
    )


def finding(runs: Runs, base: Runs, lang: str = "en") -> Markup:
    """What the trainings say about the idea, and no more than they can say."""
    apart = experiments.difference(runs, base)
    verdict = "single" if apart.margin is None else "clear" if apart.is_clear else "unclear"
    return say_html(
        f"compare_finding_{verdict}",
        lang,
        variant=name(runs.variant, lang),
        base=name(base.variant, lang),
        accuracy=percent(runs.mean, 2),
        base_accuracy=percent(base.mean, 2),
        points=signed(apart.points, 2),
        margin="" if apart.margin is None else f"{apart.margin:.2f}",
        n=len(runs.cards),
        base_n=len(base.cards),
    )


def _notes(runs: Runs, base: Runs, lang: str) -> list[str]:
    """What a reader must know before trusting the difference."""
    settings = experiments.unlike(runs, base)
    notes = []
    if "epochs" in settings:
        epochs, base_epochs = settings.pop("epochs")
        times = f"{runs.card.macs / base.card.macs:.1f}"
        notes.append(
            say("compare_epochs_differ", lang, epochs=epochs, base_epochs=base_epochs, times=times)
        )
    if settings:
        said = ", ".join(
            f"{setting(key, lang)} {_value(ours, lang)} ({_value(theirs, lang)})"
            for key, (ours, theirs) in settings.items()
        )
        notes.append(say("compare_settings_differ", lang, settings=said))
    if runs.card.data.train_images != base.card.data.train_images:
        images = (count(side.card.data.train_images) for side in (runs, base))
        notes.append(
            say("compare_images_differ", lang, images=next(images), base_images=next(images))
        )
    return notes


def setting(key: str, lang: str) -> str:
    """A setting of a recipe in words; one that recipes do not have any more by its own name."""
    return TEXTS[lang].get(f"compare_setting_{key}", key)


def _value(value: object, lang: str) -> str:
    """The value of a setting; none where a card does not say it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return say(CLEAR[value], lang)
    return TEXTS[lang].get(f"compare_value_{value}", str(value))


def _seeds(runs: Runs, lang: str) -> str:
    """How many runs there are, said where some are missing."""
    if len(runs.cards) >= SEEDS:
        return ""
    return say("compare_seeds", lang, seeds=len(runs.cards), all=SEEDS)


def curves(runs: Runs, base: Runs, lang: str = "en") -> Markup:
    """How both learned: the curves of all seeds, thin, and their means. The axis begins where they
    do."""
    sides = [(base, BASE), (runs, OURS)]
    lines = []
    for side, colour in sides:
        called = name(side.variant, lang)
        lines += [Line(called, curve, colour, dots=True, width=SEED) for curve in side.curves()]
        lines.append(Line(called, side.mean_curve(), colour, dots=True, width=MEAN))
    lowest = min((y for line in lines for _, y in line.points), default=0)
    chart = line_chart(
        lines,
        title=say("compare_val_accuracy", lang),
        x_unit=say("compare_epochs", lang),
        whole_x=True,
        bottom=max(0, lowest - 1),
        width=440,
    )
    return render(
        "compare/templates/experiment_curves.html",
        lang,
        nets=[(name(side.variant, lang), _seeds(side, lang), colour) for side, colour in sides],
        chart=chart,
    )


def costs(runs: Runs, base: Runs, lang: str = "en") -> Markup:
    """Parameters and MACs beside the base's."""
    return render(
        "compare/templates/experiment_costs.html",
        lang,
        costs=[
            (
                "parameters",
                say("compare_parameters", lang),
                runs.card.parameters,
                base.card.parameters,
            ),
            ("MACs", "MACs", runs.card.macs, base.card.macs),
        ],
    )


def times(runs: Runs, base: Runs, measured: Mapping[str, float], lang: str = "en") -> Markup:
    """How long one picture takes in both nets; ``measured`` has milliseconds by variant."""
    ours, theirs = (f"{milliseconds(measured[side.variant] / 1000)} ms" for side in (runs, base))
    return render("compare/templates/experiment_time.html", lang, ours=ours, theirs=theirs)


def table(recorded: Mapping[str, Runs], lang: str = "en") -> Markup:
    """All variants: a row each in a chart, and in a table, which sort.js sorts."""
    rows = experiments.rows(recorded)
    heads = [say(f"compare_experiments_{column}", lang) for column in COLUMNS]
    cells = [_cells(row, lang) for row in rows]
    chart = [
        Row(name(runs.variant, lang), runs.accuracies, OURS if VARIANTS[runs.variant] else BASE)
        for runs in recorded.values()
    ]
    return render(
        "compare/templates/experiments_table.html",
        lang,
        title=say("compare_experiments_table", lang),
        chart=row_chart(chart, title=say("compare_val_accuracy", lang)),
        columns=[{"head": h, "kind": k} for h, k in zip(heads, COLUMNS.values(), strict=True)],
        rows=cells,
        sheet=[list(experiments.COLUMNS), *(list(row.values()) for row in rows)],
        shown=[heads, *([cell["text"] for cell in row] for row in cells)],
    )


def _cells(row: dict, lang: str) -> list[dict]:
    """The cells of a row: what is read, and what sorts."""
    points, margin = row["difference"], row["margin"]
    apart = Difference(points or 0, margin)
    texts = {
        "variant": name(row["variant"], lang),
        "accuracy": f"{row['accuracy']:.2f}",
        "difference": "" if points is None else signed(points, 2),
        "margin": "" if margin is None else f"± {margin:.2f}",
        "clear": "" if margin is None else say(CLEAR[apart.is_clear], lang),
        "spread": f"{row['lowest']:.2f} – {row['highest']:.2f}",
        "parameters": f"{row['parameters'] / 1e6:.3f}",
        "macs": f"{row['macs'] / 1e6:,.1f}",
        "epochs": str(row["epochs"]),
        "seeds": say("compare_of", lang, seeds=row["seeds"], all=SEEDS),
    }
    spread = row["highest"] - row["lowest"]
    values = row | {"variant": texts["variant"], "clear": texts["clear"], "spread": spread}
    return [{"text": texts[c], "value": "" if values[c] is None else values[c]} for c in COLUMNS]


def repeat_note(runs: Runs, lang: str = "en") -> Markup:
    """Which run the command repeats, and on which images that was."""
    card = runs.card
    return render(
        "compare/templates/experiment_repeat.html",
        lang,
        seed=card.seed,
        data=label(card.data.name, lang),
        note=card.data.note,
    )

"""What the Fine-tune tab shows of forged digits, as HTML.

The page's language is a parameter of each function.
"""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from cnn_space.images.image_set import ImageSet
from cnn_space.inference.forging import CLASSES, set_name
from cnn_space.page.common.charts import Line, line_chart
from cnn_space.page.common.templates import render
from cnn_space.page.common.texts import say
from cnn_space.page.finetune import sources
from cnn_space.training.finetuning import Report
from cnn_space.weights import generators

ROWS, COLUMNS = 6, 8  # of digits in a grid
GAP = 3  # pixels between them
# A net's line each, in the order in which they were taught.
COLOURS = ("var(--accent)", "var(--warn)", "var(--ink)", "var(--faint)")
LOWEST = 40.0  # where the chart begins: a run may fall below chance by chance
CHANCE = 50.0  # percent: what is left where nothing tells the two apart


def about(lang: str) -> Markup:
    """Which digits the generator learnt from, and which are judged."""
    card = generators.read_card()
    text = say(
        "finetune_forged_about",
        lang,
        learnt=card.data.train_images,
        unseen=card.data.holdout_images,
    )
    return render("finetune/templates/note.html", lang, text=text)


def grids(images: ImageSet, age: int, lang: str) -> Markup:
    """Forged digits of an age beside real ones; forged ones at the same place of the grid are from
    the same latent vector at every age."""
    epochs = generators.read_card().ages[age - 1]
    real, forged = (
        _sheet(images.images[images.labels == number][: ROWS * COLUMNS].numpy())
        for number in range(len(CLASSES))
    )
    note = say("finetune_forged_age", lang, age=age, epochs=epochs)
    shown = [
        ("forged", forged, note, say("finetune_forged_alt", lang, age=age)),
        ("real", real, say("finetune_real_note", lang), say("finetune_real_alt", lang)),
    ]
    return render("finetune/templates/forged.html", lang, grids=shown)


def _sheet(pictures: np.ndarray) -> np.ndarray:
    """uint8 [N, 3, s, s] as one picture of ROWS × COLUMNS, uint8 [h, w, 4]; the gaps are clear."""
    opaque = np.full_like(pictures[:, :1], 255)
    tiles = np.concatenate([pictures, opaque], axis=1)
    tiles = np.pad(tiles, ((0, 0), (0, 0), (0, GAP), (0, GAP)))
    side = tiles.shape[-1]
    grid = tiles.reshape(ROWS, COLUMNS, 4, side, side).transpose(0, 3, 1, 4, 2)
    return np.ascontiguousarray(grid.reshape(ROWS * side, COLUMNS * side, 4)[:-GAP, :-GAP])


def by_age(reports: Sequence[Report], lang: str) -> Markup:
    """The held-out accuracies of a visitor's runs on forged digits against the generator's age, a
    line a net that they began with, of several runs of one the last; nothing without such a run."""
    ages = {set_name(age): age for age in range(1, sources.oldest() + 1)}
    found: dict[str, dict[int, float]] = {}
    for report in reports:
        if report.data in ages:
            found.setdefault(report.title, {})[ages[report.data]] = report.after
    if not found:
        return Markup()
    called = {age: say("finetune_forged_at", lang, age=age) for age in ages.values()}
    end = len(ages) + 0.5  # of the axis: there is room for all of the last age's name
    chance = Line(say("finetune_forged_chance", lang), [(0, CHANCE), (end, CHANCE)], "var(--muted)")
    lines = [
        Line(
            title,
            sorted(points.items()),
            COLOURS[i % len(COLOURS)],
            dots=True,
            tips=[f"{called[age]}: {after:.3g} %" for age, after in sorted(points.items())],
        )
        for i, (title, points) in enumerate(found.items())
    ]
    title = say("finetune_forged_curve", lang)
    chart = line_chart(
        [chance, *lines],
        title=title,
        x_labels=[*called.items(), (end, "")],
        bottom=LOWEST,
        top=100,
        width=460,
    )
    keys = [(line.name, line.colour) for line in (*lines, chance)]
    sheet = [["net", *(f"age {age}" for age in ages.values())]]
    for net, points in found.items():
        sheet.append([net, *(points.get(age, "") for age in ages.values())])
    return render("finetune/templates/forged_curve.html", lang, chart=chart, keys=keys, sheet=sheet)

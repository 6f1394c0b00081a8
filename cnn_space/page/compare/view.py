"""The Compare tab's HTML for a comparison: the finding, and one card per net."""

from collections.abc import Sequence

from markupsafe import Markup
from PIL import Image

from cnn_space.inference import comparison
from cnn_space.inference.comparison import Entry
from cnn_space.page.common import nets
from cnn_space.page.common.pictures import data_uri, heat_over, seen
from cnn_space.page.common.templates import render
from cnn_space.page.common.texts import accuracy, label, say
from cnn_space.page.compare.finding import captions, finding

# One colour a net, in the order they were chosen: apart for colour-blind eyes too, and readable
# on white as on black.
COLOURS = (
    "#0f9d8a", "#cc7722", "#4c78d0", "#c2477f", "#8a9a2b", "#7b61c9", "#a8683a", "#5b8a99",
)  # fmt: skip
PICTURE = 288  # pixels a side of the heatmaps on the cards
BARS = 3  # ranked classes on a card


class Pictures:
    """The photo as each net gets it, with and without its heatmap; each drawn once."""

    def __init__(self, photo: Image.Image):
        self._photo, self._drawn = photo, {}

    def of(self, entry: Entry) -> str:
        """An address for ``<img src>``."""
        preprocessing = entry.record.preprocessing
        key = (entry.name if entry.heatmap else "", preprocessing.resize, preprocessing.size)
        if key not in self._drawn:
            picture = seen(self._photo, preprocessing, PICTURE)
            if entry.heatmap:
                picture = heat_over(picture, entry.heatmap.values)
            self._drawn[key] = data_uri(picture)
        return self._drawn[key]


def sentence(text: str, notes: Sequence[str] = ()) -> Markup:
    """A sentence in the place of the finding, and small ones on how the photo was read."""
    return render("compare/templates/finding.html", finding=text, notes=notes)


def finding_paragraph(
    entries: Sequence[Entry], lang: str = "en", notes: Sequence[str] = ()
) -> Markup:
    """What the comparison says; ``notes`` are those on the photo."""
    return sentence(finding(entries, lang), notes)


def cards(entries: Sequence[Entry], pictures: Pictures, lang: str = "en") -> Markup:
    """One card per net: answer, heatmap and first classes; the odd one out is marked."""
    names = captions(entries)
    odd = sum(entry.agrees is False for entry in entries)
    return render(
        "compare/templates/cards.html",
        lang,
        cards=[
            _card(entry, names[entry.name], colour, pictures, lang)
            for entry, colour in zip(entries, COLOURS, strict=False)
        ],
        flag=say("compare_odd" if odd == 1 else "compare_differs", lang),
    )


def _card(entry: Entry, caption: str, colour: str, pictures: Pictures, lang: str) -> dict:
    record = entry.record
    known = record.accuracy is not None
    note, alt = _about_picture(entry, lang)
    return {
        "name": entry.name,
        "caption": caption,
        "colour": colour,
        "data": "" if caption.endswith(record.data) else record.data,
        "accuracy": accuracy(record.accuracy, record.eval_images, lang) if known else "",
        "problem": problem(entry, caption, lang),
        "state": "odd" if entry.agrees is False else "" if entry.ranked else "waiting",
        "answer": label(entry.answer, lang) if entry.ranked else "…",
        "ranked": entry.ranked[:BARS],
        "empty_rows": 0 if entry.ranked else min(BARS, len(record.labels)),
        "picture": "" if entry.problem else pictures.of(entry),
        "note": note,
        "alt": alt,
    }


def problem(entry: Entry, caption: str, lang: str) -> str:
    """Why a net does not answer; empty where it does."""
    if not entry.problem:
        return ""
    if comparison.is_remote(entry.record):
        return nets.why_not_here(entry.record.name, caption, lang)
    return say("net_trouble", lang, title=caption, why=entry.problem)


def _about_picture(entry: Entry, lang: str) -> tuple[str, str]:
    """What stands under the picture, and what it is for those who do not see it."""
    if entry.heatmap is None:
        return "", say("photo", lang)
    answer = label(entry.answer, lang)
    if not entry.heatmap.values.any():
        return say("heat_nothing", lang, label=answer), ""
    height, width = entry.heatmap.values.shape
    note = say("heat_layer", lang, layer=entry.heatmap.layer, height=height, width=width)
    return note, say("compare_heat_alt", lang, answer=answer)

"""The comparison as a table: for clients, and on the page."""

from collections.abc import Sequence

from markupsafe import Markup

from cnn_space.formats import is_few
from cnn_space.inference import comparison
from cnn_space.inference.comparison import Entry
from cnn_space.page.common.templates import render
from cnn_space.page.common.texts import accuracy, label, say
from cnn_space.page.compare.finding import captions
from cnn_space.weights import WeightsRecord

# The columns for clients, each with its decimals; None for words.
DECIMALS = {
    "net": None,
    "data": None,
    "answer": None,
    "sure": 1,
    "second": None,
    "second_sure": 1,
    "agrees": None,
    "time": 2,
    "parameters": 3,
    "macs": 2,
    "file": 2,
    "accuracy": 2,
    "engine": None,
}
# On the page what matters comes first: a phone shows four columns, the others by scrolling.
SHOWN = (
    "net", "answer", "sure", "accuracy", "parameters", "macs", "time", "engine", "agrees", "second",
    "second_sure", "file", "data",
)  # fmt: skip
AGREES = {True: "compare_yes", False: "compare_no", None: "compare_open"}


def table(entries: Sequence[Entry], lang: str = "en", *, names: bool = False) -> dict:
    """The value of a ``gr.Dataframe``: percent, milliseconds, millions, megabytes; None where
    unknown. ``names``: the weights' names in the first column in place of titles."""
    called = {e.name: e.name for e in entries} if names else captions(entries)
    rows = [list(_row(entry, called[entry.name], lang).values()) for entry in entries]
    return {"headers": [_head(column, lang) for column in DECIMALS], "data": rows}


def table_html(entries: Sequence[Entry], lang: str = "en", *, finished: bool = True) -> Markup:
    """The same as HTML, which sort.js sorts; ``finished``: with links to take it home."""
    names = captions(entries)
    rows = [_row(entry, names[entry.name], lang) for entry in entries]
    heads = [_head(column, lang) for column in SHOWN]
    cells = [_cells(row, entry.record, lang) for row, entry in zip(rows, entries, strict=True)]
    return render(
        "compare/templates/table.html",
        lang,
        title=say("compare_table", lang),
        columns=[
            {"head": head, "kind": "word" if DECIMALS[column] is None else "number"}
            for column, head in zip(SHOWN, heads, strict=True)
        ],
        rows=cells,
        sheet=comparison.sheet(entries) if finished else [],
        shown=[heads, *([cell["text"] for cell in row] for row in cells)],
    )


def _head(column: str, lang: str) -> str:
    """A column's head, its unit included."""
    return say(f"compare_head_{column}", lang)


def _row(entry: Entry, caption: str, lang: str) -> dict:
    """A net's values by column, rounded."""
    record = entry.record
    first, second = (*entry.ranked[:2], None, None)[:2]
    row = {
        "net": caption,
        "data": label(record.data, lang),
        "answer": first and label(first.label, lang),
        "sure": first and 100 * first.probability,
        "second": second and label(second.label, lang),
        "second_sure": second and 100 * second.probability,
        "agrees": say(AGREES[entry.agrees], lang),
        "time": entry.milliseconds,
        "parameters": record.parameters and record.parameters / 1e6,
        "macs": record.macs and record.macs / 1e6,
        "file": record.bytes and record.bytes / 1e6,
        "accuracy": record.accuracy,
        "engine": entry.engine,
    }
    decimals = DECIMALS.items()
    return {
        column: row[column] if places is None or row[column] is None else round(row[column], places)
        for column, places in decimals
    }


def _cells(row: dict, record: WeightsRecord, lang: str) -> list[dict]:
    """The cells of a row; "5 of 6" where an accuracy is of few images."""
    cells = {column: _cell(row[column], DECIMALS[column]) for column in SHOWN}
    if record.accuracy is not None and is_few(record.eval_images):
        cells["accuracy"]["text"] = accuracy(record.accuracy, record.eval_images, lang)
    return list(cells.values())


def _cell(value, decimals: int | None) -> dict:
    """A value, and how it is written: all down a column with the same number of decimals; nothing
    where nothing is known."""
    text = value if decimals is None or value is None else f"{value:,.{decimals}f}"
    return {"value": "" if value is None else value, "text": text or ""}

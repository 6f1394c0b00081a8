"""The comparison as the rows of a ``gr.Dataframe``."""

from collections.abc import Sequence

from cnn_space.inference.comparison import Entry
from cnn_space.page.common.texts import label, say
from cnn_space.page.compare.finding import captions

# The columns, each with its decimals; None for words.
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
}
KINDS = ["str" if decimals is None else "number" for decimals in DECIMALS.values()]
AGREES = {True: "compare_yes", False: "compare_no", None: "compare_open"}


def headers(lang: str = "en") -> list[str]:
    """The table's heads, units included."""
    return [say(f"compare_head_{column}", lang) for column in DECIMALS]


def table(entries: Sequence[Entry], lang: str = "en", *, names: bool = False) -> dict:
    """The value of the table: percent, milliseconds, millions, megabytes; None where unknown.

    ``names``: the weights' names in the first column, for clients, in place of titles.
    """
    called = {e.name: e.name for e in entries} if names else captions(entries)
    rows = [_row(entry, called[entry.name], lang) for entry in entries]
    shown = [list(map(_written, row, DECIMALS.values())) for row in rows]
    styles = [["" if kind == "str" else "text-align: right" for kind in KINDS] for _ in rows]
    metadata = {"display_value": shown, "styling": styles} if rows else None
    return {"headers": headers(lang), "data": rows, "metadata": metadata}


def _row(entry: Entry, caption: str, lang: str) -> list:
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
    }
    return [
        value if value is None or DECIMALS[column] is None else round(value, DECIMALS[column])
        for column, value in row.items()
    ]


def _written(value, decimals: int | None) -> str:
    """The same number of decimals all down a column; nothing where nothing is known."""
    return "" if value is None else value if decimals is None else f"{value:,.{decimals}f}"

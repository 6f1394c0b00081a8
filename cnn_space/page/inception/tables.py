"""Tables of numbers as HTML: numbers that unfold into their arithmetic, and a CSV beside them."""

import base64
import csv
import io
from collections.abc import Iterable
from html import escape

from cnn_space.costs.closed_forms import Working
from cnn_space.page.common.texts import say


def heads(keys: Iterable[str], lang: str) -> list[str]:
    return [say(f"inception_{key}", lang) if key else "" for key in keys]


def table_html(titles: list[str], rows: Iterable[str], foot: Iterable[str] = ()) -> str:
    head = "".join(f"<th>{word}</th>" for word in titles)
    return (
        f'<div class="scroll"><table class="numbers"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody><tfoot>{''.join(foot)}</tfoot></table></div>"
    )


def unfold(working: Working, shown: str | None = None, opened: bool = False) -> str:
    """A number that opens into its arithmetic."""
    if not working.products:
        return "0"
    state = " open" if opened else ""
    shown = f"{working.value:,}" if shown is None else shown
    return f"<details{state}><summary>{shown}</summary><code>{working}</code></details>"


def shape_text(shape: Iterable[int]) -> str:
    return " × ".join(f"{side:,}" for side in shape)


def kibibytes(number: int) -> str:
    return f"{number / 1024:,.1f} KiB" if number < 1024**2 else f"{number / 1024**2:,.1f} MiB"


def download_link(name: str, rows: Iterable[Iterable], lang: str) -> str:
    """A CSV that travels inside its own link, so that the server keeps no file."""
    sheet = io.StringIO()
    csv.writer(sheet).writerows(rows)
    # The mark at the start tells spreadsheets that this is UTF-8.
    data = base64.b64encode(sheet.getvalue().encode("utf-8-sig")).decode()
    return (
        f'<a class="csv" download="{escape(name)}" '
        f'href="data:text/csv;charset=utf-8;base64,{data}">'
        f"{say('table_csv', lang)}</a>"
    )

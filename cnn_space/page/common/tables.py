"""Tables as files inside links; how a table looks is the macro ``table`` in macros.html."""

import base64
import csv
import io
import re
from collections.abc import Sequence

Rows = Sequence[Sequence]

FORMULA = "=+-@＝＋－＠"  # a spreadsheet runs a cell that begins so
MARKUP = re.compile(r"[\\|<\[`*]")


def csv_uri(rows: Rows) -> str:
    """A CSV file as an address for ``<a href>``. None is an empty cell; a text that a spreadsheet
    would run as a formula gets an apostrophe before it."""
    sheet = io.StringIO()
    csv.writer(sheet).writerows([[_harmless(cell) for cell in row] for row in rows])
    # The mark at the start tells spreadsheets that this is UTF-8.
    return _uri("text/csv", sheet.getvalue().encode("utf-8-sig"))


def markdown_uri(rows: Rows) -> str:
    """The same as a Markdown table, the first row its head; columns of numbers stand right."""
    head, *body = rows
    columns = zip(*body, strict=True) if body else [()] * len(head)
    rule = ["---:" if _are_numbers(column) else "---" for column in columns]
    lines = [[_literal(cell) for cell in row] for row in (head, *body)]
    lines.insert(1, rule)
    text = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return _uri("text/markdown", text.encode())


def _harmless(cell) -> object:
    is_formula = isinstance(cell, str) and cell.strip()[:1] in tuple(FORMULA)
    return f"'{cell}" if is_formula and not _is_number(cell) else cell


def _literal(cell) -> str:
    text = "" if cell is None else " ".join(str(cell).split())
    return MARKUP.sub(lambda found: "\\" + found[0], text)


def _are_numbers(column: Sequence) -> bool:
    known = [cell for cell in column if cell not in (None, "")]
    return bool(known) and all(map(_is_number, known))


def _is_number(cell) -> bool:
    try:
        float(str(cell).replace(",", ""))
    except ValueError:
        return False
    return True


def _uri(kind: str, data: bytes) -> str:
    return f"data:{kind};charset=utf-8;base64,{base64.b64encode(data).decode()}"

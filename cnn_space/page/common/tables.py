"""Tables as files inside links; how a table looks is the macro ``table`` in macros.html."""

import base64
import csv
import io
from collections.abc import Iterable


def csv_uri(rows: Iterable[Iterable]) -> str:
    """A CSV file as an address for ``<a href>``."""
    sheet = io.StringIO()
    csv.writer(sheet).writerows(rows)
    # The mark at the start tells spreadsheets that this is UTF-8.
    data = base64.b64encode(sheet.getvalue().encode("utf-8-sig")).decode()
    return f"data:text/csv;charset=utf-8;base64,{data}"

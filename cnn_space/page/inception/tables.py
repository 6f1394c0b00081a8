"""A table as a CSV file inside a link."""

from collections.abc import Iterable
from html import escape

from cnn_space.page.common.tables import csv_uri
from cnn_space.page.common.texts import say


def download_link(name: str, rows: Iterable[Iterable], lang: str) -> str:
    """A CSV that travels inside its own link, so that the server keeps no file."""
    return (
        f'<a class="csv" download="{escape(name)}" href="{csv_uri(rows)}">'
        f"{say('table_csv', lang)}</a>"
    )

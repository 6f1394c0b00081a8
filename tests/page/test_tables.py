"""Tables to take home: CSV that says what the table says and runs nothing, and Markdown."""

import base64
import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnn_space.page.common.tables import csv_uri, markdown_uri


def file(uri: str) -> str:
    return base64.b64decode(uri.partition("base64,")[2]).decode("utf-8-sig")


def sheet(rows) -> list[list[str]]:
    return list(csv.reader(io.StringIO(file(csv_uri(rows)), newline="")))


cells = st.one_of(st.none(), st.integers(), st.floats(), st.booleans(), st.text())


@given(st.lists(st.lists(cells, min_size=2, max_size=2), min_size=1, max_size=4))
def test_a_csv_file_holds_the_table_and_no_formula(rows):
    for row, read in zip(rows, sheet(rows), strict=True):
        for cell, text in zip(row, read, strict=True):
            given_text = "" if cell is None else str(cell)
            assert text in (given_text, f"'{given_text}")
            if text.strip()[:1] in tuple("=+-@＝＋－＠"):
                float(text.replace(",", ""))  # a number, and nothing else


@pytest.mark.parametrize("cell", ["=1+1", "+cmd", "-2+3", "@SUM(A1)", " =1", "\t=1", "＝1+1", "-"])
def test_a_strangers_class_name_is_no_formula(cell):
    assert sheet([["class"], [cell]]) == [["class"], ["'" + cell]]


@pytest.mark.parametrize("number", [-1.5, "-1.5", "-1,234.5", "+3", "-1e-3"])
def test_a_negative_number_stays_one(number):
    assert sheet([[number]]) == [[str(number)]]


def test_markdown_is_a_table_whose_cells_are_text():
    rows = [["net", "MACs"], ["a|b <img> [x](y)\n`c` *d* \\", "1,234.5"], ["long_name", None]]
    head, rule, first, second = file(markdown_uri(rows)).splitlines()
    assert (head, rule) == ("| net | MACs |", "| --- | ---: |")
    assert first == r"| a\|b \<img> \[x](y) \`c\` \*d\* \\ | 1,234.5 |"
    assert second == "| long_name |  |"
    assert file(markdown_uri([["net", "MACs"]])).splitlines()[1] == "| --- | --- |"

"""Values for the shared templates: see test_templates.py."""

from cnn_space.page.common.charts import Dot, Frame, Line

FRAME = Frame((0, 10), (0, 1), left=38, right=352, top=12, bottom=164)


def line_chart(text: str) -> dict:
    line = Line(text, [(0, 1), (1, 2)], colour=text, dots=True)
    return {
        "title": text,
        "x_unit": text,
        "width": 360,
        "frame": FRAME,
        "across": [(38, text), (352, text)],
        "up": [(164, text), (12, text)],
        "marks": [(50, text)],
        "marks_at": "top",
        "lines": [(line, [(38, 150), (60, 120)], [text, text])],
    }


def row_chart(text: str) -> dict:
    row = {"name": text, "colour": text, "y": 40, "mean": text, "middle": 60, "ends": (50, 70)}
    return {
        "title": text,
        "width": 440,
        "frame": FRAME,
        "across": [(38, text)],
        "rows": [row | {"dots": [(50, text)]}],
    }


def scatter_chart(text: str) -> dict:
    dot = Dot(1, 2, 3, tip=text, name=text, colour=text)
    return {
        "title": text,
        "about": text,
        "x_title": text,
        "width": 400,
        "height": 280,
        "frame": FRAME,
        "across": [(38, text)],
        "up": [(164, text)],
        "circles": [(dot, 100, 100, 5)],
        "names": [{"text": text, "x": 1, "y": 2, "hairline": text}],
    }


CASES = {
    "common/templates/term.html": lambda text: {"text": text, "means": text},
    "common/templates/of.html": lambda text: {"tab": text, "of": text, "html": text},
    "common/templates/line_chart.html": line_chart,
    "common/templates/row_chart.html": row_chart,
    "common/templates/scatter_chart.html": scatter_chart,
}

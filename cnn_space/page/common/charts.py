"""Charts as SVG: lines over time, rows of values, and named dots on a logarithmic axis.

All are drawn in units of their view box and fill the width they get; colours of text and grid
come from ``.chart`` in style.css, so that light and dark need no second drawing. ``gr.LinePlot``
would do neither, and forgets nets that come later.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from markupsafe import Markup

from cnn_space.formats import log_ticks, short, ticks
from cnn_space.page.common.templates import render

LETTER = 6.6  # width of a letter, about
LEFT = 38  # of the y axis of a chart of lines: room for its numbers


@dataclass(frozen=True)
class Line:
    """A line through ``points`` (x, y), in any CSS colour; ``dots``: each point shows its values
    under the mouse, or one of ``tips``. Points that are not finite are left out. ``ring`` is the
    place of a point that stands out, ``width`` that of the stroke, by default as in style.css."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: str
    dots: bool = False
    tips: Sequence[str] = ()
    ring: int | None = None
    width: float | None = None


@dataclass(frozen=True)
class Mark:
    """A vertical dashed line at ``x`` with a caption."""

    x: float
    caption: str


@dataclass(frozen=True)
class Dot:
    """A dot whose area grows with ``size`` (0 or more); ``tip`` shows under the mouse. A dot with
    a name and a colour is strong, one without is faint."""

    x: float
    y: float
    size: float
    tip: str
    name: str = ""
    colour: str = ""


@dataclass(frozen=True)
class Row:
    """Values of one thing, such as the runs of a net, in any CSS colour; at least one."""

    name: str
    values: Sequence[float]
    colour: str


@dataclass(frozen=True)
class Frame:
    """The area inside the axes: values x in [x0, x1], y in [y0, y1] on a box of the drawing."""

    x: tuple[float, float]
    y: tuple[float, float]
    left: float
    right: float
    top: float
    bottom: float

    def at_x(self, value: float) -> float:
        share = (value - self.x[0]) / (self.x[1] - self.x[0])
        return round(self.left + (self.right - self.left) * share, 1)

    def at_y(self, value: float) -> float:
        share = (value - self.y[0]) / (self.y[1] - self.y[0])
        return round(self.bottom - (self.bottom - self.top) * min(max(share, 0), 1), 1)


def line_chart(
    lines: Sequence[Line],
    *,
    title: str,
    x_unit: str = "",
    whole_x: bool = False,
    bottom: float = 0,
    top: float | None = None,
    marks: Sequence[Mark] = (),
    marks_at: str = "top",
    width: int = 360,
    room: int = 8,
    x_labels: Sequence[tuple[float, str]] = (),
) -> Markup:
    """Lines from x = 0 on, as an SVG of ``width`` × 194 units, of which ``room`` are left free to
    the right of the axis.

    ``x_unit`` follows the last number of the x axis, which with ``whole_x`` counts in whole steps;
    ``x_labels`` (x, text), in order, stand there in place of numbers, and the axis ends at the last
    of them; the y axis begins at ``bottom`` or just below and ends at ``top`` (by default round and
    above all points); the captions of ``marks`` stand at the "top" or the "bottom", where no line
    is likely.
    """
    drawn = [[point for point in line.points if all(map(math.isfinite, point))] for line in lines]
    everything = [point for points in drawn for point in points]
    across = ticks(0, max((x for x, _ in everything), default=0) or 10, least=int(whole_x))
    up = ticks(bottom, top or max((y for _, y in everything), default=0) or 1)
    end = x_labels[-1][0] if x_labels else across[-1]
    frame = Frame((0, end), (up[0], up[-1]), left=LEFT, right=width - room, top=20, bottom=168)
    rows = [[(frame.at_x(x), frame.at_y(y)) for x, y in points] for points in drawn]
    tips = [
        line.tips or [f"{x:.4g} {x_unit}: {y:.3g}" for x, y in points]
        for line, points in zip(lines, drawn, strict=True)
    ]
    named = x_labels or [(value, f"{value:g}") for value in across]
    labels = [(frame.at_x(value), text) for value, text in named]
    last = LETTER * len(f"{labels[-1][1]} {x_unit}")  # the unit takes room to the left, too
    if x_unit and len(labels) > 3 and labels[-1][0] - labels[-2][0] < last + LETTER:
        del labels[-2]
    return render(
        "common/templates/line_chart.html",
        title=title,
        x_unit=x_unit,
        width=width,
        frame=frame,
        across=labels,
        up=[(frame.at_y(value), f"{value:g}") for value in up],
        marks=[(frame.at_x(mark.x), mark.caption) for mark in marks],
        marks_at=marks_at,
        lines=list(zip(lines, rows, tips, strict=True)),
    )


ROW = 36  # height of a row: its name, below it the values


def row_chart(rows: Sequence[Row], *, title: str, width: int = 440) -> Markup:
    """Rows on one axis, each with its name and mean, a dot a value, and a line from its lowest to
    its highest, as an SVG ``width`` units wide."""
    values = [value for row in rows for value in row.values]
    across = ticks(min(values) - 1, max(values) + 1)
    height = 24 + ROW * len(rows)
    ends = (across[0], across[-1])
    frame = Frame(ends, (0, 1), left=8, right=width - 8, top=16, bottom=height)
    return render(
        "common/templates/row_chart.html",
        title=title,
        width=width,
        frame=frame,
        across=[(frame.at_x(value), f"{value:g}") for value in across],
        rows=[
            {
                "name": row.name,
                "colour": row.colour,
                "y": frame.top + ROW * (place + 1) - 8,
                "mean": f"{fmean(row.values):.2f}",
                "middle": frame.at_x(fmean(row.values)),
                "ends": (frame.at_x(min(row.values)), frame.at_x(max(row.values))),
                "dots": [(frame.at_x(value), f"{value:.2f}") for value in row.values],
            }
            for place, row in enumerate(rows)
        ],
    )


WIDTH, HEIGHT = 400, 280  # of a scatter chart
NAMES = 132  # room at its right for names
LEADING = 14  # from one name to the next below


def scatter_chart(dots: Sequence[Dot], *, title: str, about: str, x_title: str) -> Markup:
    """Dots over a logarithmic x axis, as an SVG; y is in percent, sizes are relative.

    ``title`` stands above, ``about`` is what a screen reader says, ``x_title`` below.
    """
    lowest, highest = (f(dot.x for dot in dots) for f in (min, max))
    x_axis = math.log10(lowest) - 0.25, math.log10(highest) + 0.25
    heights = [dot.y for dot in dots]
    up = ticks(max(0, min(heights) - 1), min(100, max(heights) + 1))
    frame = Frame(x_axis, (up[0], up[-1]), left=30, right=WIDTH - NAMES, top=14, bottom=HEIGHT - 40)
    biggest = max(dot.size for dot in dots) or 1
    circles = [
        (dot, frame.at_x(math.log10(dot.x)), frame.at_y(dot.y), _radius(dot.size / biggest))
        for dot in dots
    ]
    return render(
        "common/templates/scatter_chart.html",
        title=title,
        about=about,
        x_title=x_title,
        width=WIDTH,
        height=HEIGHT,
        frame=frame,
        across=[
            (frame.at_x(math.log10(value)), short(value))
            for value in log_ticks(*(10**end for end in x_axis))
        ],
        up=[(frame.at_y(value), f"{value:g}") for value in up],
        circles=sorted(circles, key=lambda circle: bool(circle[0].name)),  # strong ones on top
        names=_place_names(circles, frame.right + 8),
    )


def _radius(share: float) -> float:
    return round(3 + 11 * math.sqrt(share), 1)


def _place_names(circles, edge: float) -> list[dict]:
    """Where the names stand, none over another or over a dot: beside their own dot where there is
    room, else in a column from x = ``edge``; a hairline leads from each to its dot."""
    taken: list[tuple[float, float, float]] = []  # line, from x, to x
    names = []
    for dot, x, y, radius in sorted(circles, key=lambda circle: circle[2]):
        if not dot.name:
            continue
        width = LETTER * len(dot.name)
        start = x + radius + 8
        end = start + width
        covered = any(
            abs(y - cy) < r + LEADING / 2 and start < cx + r and cx - r < end
            for _, cx, cy, r in circles
        )
        start = edge if end > edge or covered else start
        line = y
        while any(
            abs(line - other) < LEADING and start < to and since < start + width
            for other, since, to in taken
        ):
            line += 1
        taken.append((line, start, start + width))
        hairline = f"M{x + radius * 0.7:.1f} {y:.1f}L{start - 3:.1f} {line:.1f}"
        names.append({"text": dot.name, "x": start, "y": line + 4, "hairline": hairline})
    return names

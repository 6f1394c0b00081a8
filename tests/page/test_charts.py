"""The page's charts: where lines, dots, ticks and names stand."""

import math
from xml.etree import ElementTree

import pytest

from cnn_space.inference.comparison import MOST
from cnn_space.page.common.charts import Dot, Line, Mark, Row, line_chart, row_chart, scatter_chart
from cnn_space.page.compare.view import COLOURS


def svg(chart) -> ElementTree.Element:
    return next(ElementTree.fromstring(f"<div>{chart}</div>").iter("svg"))


def texts(chart) -> list[str]:
    return [" ".join(text.text.split()) for text in svg(chart).iter("text")]


def points(polyline) -> list[tuple[float, ...]]:
    return [tuple(map(float, pair.split(","))) for pair in polyline.get("points").split()]


def test_a_line_runs_from_axis_to_axis():
    line = Line("GoogLeNet", [(0, 0), (50, 1), (100, 2)], colour="#123456")
    chart = line_chart([line], title="Loss", x_unit="epochs")
    (drawn,) = svg(chart).iter("polyline")
    assert "#123456" in drawn.get("style") and drawn.get("data-name") == "GoogLeNet"
    # Of 360 × 194 units, 38 to 352 and 20 to 168 lie inside the axes.
    assert points(drawn) == [(38, 168), (195, 94), (352, 20)]
    assert texts(chart) == [
        "Loss",
        *("0", "0.5", "1", "1.5", "2"),
        *("0", "20", "40", "60", "100 epochs"),
    ]
    seconds = line_chart([line], title="Loss", x_unit="s")
    assert texts(seconds)[-2:] == ["80", "100 s"]


def test_an_axis_of_epochs_counts_in_whole_steps_and_one_of_percent_may_begin_above_0():
    line = Line("A", [(1, 62), (2, 70), (3, 71)], colour="red", dots=True, width=2.6)
    chart = line_chart([line], title="%", x_unit="epochs", whole_x=True, bottom=61, width=440)
    assert texts(chart) == ["%", *("60", "62", "64", "66", "68", "70", "72"), *"012", "3 epochs"]
    (drawn,) = svg(chart).iter("polyline")
    assert "stroke-width:2.6" in drawn.get("style")
    (_, low), *_, (_, high) = points(drawn)
    assert low == pytest.approx(168 - 148 * 2 / 12, abs=0.1)
    assert high == pytest.approx(168 - 148 * 11 / 12, abs=0.1)
    assert [dot.get("r") for dot in svg(chart).iter("circle")] == ["3.6"] * 3


def test_values_beyond_the_top_stay_inside_and_those_without_a_number_go():
    line = Line("A", [(1, 0.5), (2, math.nan), (4, 1000)], colour="red", dots=True)
    (drawn,) = svg(line_chart([line], title="Loss", top=2)).iter("polyline")
    assert len(points(drawn)) == 2 and points(drawn)[1][1] == 20
    chart = line_chart([line], title="Loss", x_unit="s")
    assert [dot.findtext("title") for dot in svg(chart).iter("circle")] == [
        "1\u00a0s: 0.5",
        "4\u00a0s: 1e+03",
    ]


def test_an_axis_of_steps_has_names_and_a_point_that_stands_out():
    line = Line("A", [(0, 80), (1, 40), (2, 20)], "red", dots=True, tips=["a", "b", "c"], ring=1)
    names = [(0, "100 %"), (4, "20 %")]
    chart = line_chart([line], title="Sure", top=100, x_labels=names)
    assert texts(chart)[-2:] == ["100 %", "20 %"]
    drawn = svg(chart)
    # The axis ends at the last name, beyond the last point so far: 38 to 352 are four steps.
    (curve,) = drawn.iter("polyline")
    assert points(curve) == [(38, 49.6), (116.5, 108.8), (195, 138.4)]
    assert [dot.findtext("title") for dot in drawn.iter("circle")] == ["a", "b", "c", None]
    ring = next(circle for circle in drawn.iter("circle") if circle.get("class") == "ring")
    assert (ring.get("cx"), ring.get("cy")) == ("116.5", "108.8") and "red" in ring.get("style")


def test_marks_have_captions_in_rows_of_their_own():
    marks = [Mark(10, "upper layers"), Mark(10, "all layers")]
    line = Line("A", [(0, 1), (100, 1)], colour="red")
    for place in ("top", "bottom"):
        chart = svg(line_chart([line], title="Loss", marks=marks, marks_at=place))
        assert [x.get("x1") for x in chart.iter("line") if x.get("class") == "mark"] == ["69.4"] * 2
        heights = {text.text: float(text.get("y")) for text in chart.iter("text")}
        first, second = heights["upper layers"], heights["all layers"]
        assert abs(first - second) >= 11 and 20 < min(first, second) < max(first, second) < 168


def test_a_chart_without_lines_still_has_axes():
    assert texts(line_chart([], title="Loss"))[0] == "Loss"
    assert not list(svg(line_chart([], title="Loss")).iter("polyline"))


def test_rows_share_an_axis_and_have_their_means():
    rows = [Row("base", (70.0, 71.0, 72.0), "gray"), Row("other", (75.0,), "teal")]
    chart = row_chart(rows, title="%")
    assert texts(chart) == [
        *("%", "68", "70", "72", "74", "76"),
        *("base", "71.00", "other", "75.00"),
    ]
    base, other = svg(chart).iter("g")
    x = [float(dot.get("cx")) for dot in base.iter("circle")]
    # From 68 to 76 on 8 to 432 units.
    assert x == pytest.approx([8 + 424 * n / 8 for n in (2, 3, 4)], abs=0.1)
    spread, mean = base.iter("polyline")
    assert [point[0] for point in points(spread)] == [x[0], x[2]]
    assert {point[0] for point in points(mean)} == {x[1]}
    below = [float(row.find("circle").get("cy")) for row in (base, other)]
    assert below[1] > below[0] + 20 and [t.text for t in other.iter("title")] == ["75.00"]


def test_named_dots_are_strong_and_in_their_place():
    dots = [
        Dot(1e6, 70, 1, tip="a", name="Small", colour="teal"),
        Dot(1e9, 95, 100, tip="b", name="Large", colour="red"),
        Dot(1e8, 90, 25, tip="c"),
    ]
    chart = svg(scatter_chart(dots, title="CIFAR-10", about="all", x_title="MACs"))
    circles = {dot.findtext("title"): dot for dot in chart.iter("circle")}
    assert [circles[name].get("class") for name in "abc"] == ["chosen", "chosen", None]
    x, y, r = ({n: float(circles[n].get(key)) for n in "abc"} for key in ("cx", "cy", "r"))
    assert x["a"] < x["c"] < x["b"] and y["a"] > y["c"] > y["b"]
    # A decade is a decade: 1e8 stands two thirds of the way from 1e6 to 1e9.
    assert math.isclose((x["c"] - x["a"]) / (x["b"] - x["a"]), 2 / 3, abs_tol=0.01)
    assert r["a"] < r["c"] < r["b"]
    names = [text.text for text in chart.iter("text") if text.get("class") == "name"]
    assert sorted(names) == ["Large", "Small"]


def test_a_name_stands_over_no_dot():
    near = Dot(4e8, 91, 80, tip="faint")  # where the name would stand
    strong = Dot(1e8, 91, 80, tip="", name="GoogLeNet", colour="red")
    far = Dot(1e10, 80, 10, tip="")
    starts = []
    for dots in ([strong, far], [strong, far, near]):
        chart = svg(scatter_chart(dots, title="", about="", x_title=""))
        (name,) = (text for text in chart.iter("text") if text.get("class") == "name")
        starts.append(float(name.get("x")))
    assert starts[0] < 200 and starts[1] == 276  # beside the dot; at the right of the frame


def test_names_of_a_crowd_do_not_overlap():
    dots = [Dot(1e9, 95 + 0.01 * i, 5, tip="", name=f"Net {i}", colour="red") for i in range(8)]
    chart = svg(scatter_chart([*dots, Dot(1e6, 60, 1, tip="")], title="", about="", x_title=""))
    heights = [float(text.get("y")) for text in chart.iter("text") if text.get("class") == "name"]
    assert len(heights) == 8
    assert all(b - a >= 13.9 for a, b in zip(sorted(heights), sorted(heights)[1:], strict=False))


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(share * c for share, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("ground", ["#ffffff", "#111417"])  # as in theme.py
def test_lines_stand_out_from_light_and_dark_ground(ground):
    for colour in COLOURS:
        darker, lighter = sorted(map(luminance, (colour, ground)))
        assert (lighter + 0.05) / (darker + 0.05) >= 3, colour  # WCAG 1.4.11
    assert len(set(COLOURS)) == len(COLOURS) == MOST

"""The calculator's handlers: what they say is what the module is, and no input crashes them."""

import contextlib
import io
import re
import runpy
from itertools import pairwise
from types import SimpleNamespace

import gradio as gr
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markup import parse, sheet, text
from torch.utils.flop_counter import FlopCounterMode
from visitors import by_name

from cnn_space.costs.inception import NUMBERS, PRESETS, InceptionCosts
from cnn_space.models.googlenet_table import KERNELS_5X5
from cnn_space.page.inception import cost_table, drawing, handlers, paper, view
from cnn_space.page.inception.form import SWITCHES
from cnn_space.page.inception.pytorch_code import pytorch_code

PAPER_3A = dict(zip(NUMBERS, PRESETS["3a"], strict=True))
PANELS = {"figure", "layers", "paper", "code", "code_link", "here"}
calculator = by_name(handlers.Calculator)


def visitor(language="en-US", **query):
    return SimpleNamespace(headers={"accept-language": language}, query_params=query)


def update(request=None, unfolded=False, **values) -> dict:
    form = {"preset": "3a", **PAPER_3A, **SWITCHES, **values}
    return calculator.update(request or visitor(), unfolded, **form)


def figures(html: str) -> dict[str, str]:
    """The three big figures by name."""
    big = (element for element in parse(html).iter() if element.get("data-figure"))
    return {element.get("data-figure"): text(element.find("span")) for element in big}


def rows(html: str) -> list[list[str]]:
    """The text of every cell of the tables in ``html``."""
    return [[text(cell) for cell in row] for row in parse(html).iter("tr")]


modules = st.builds(
    InceptionCosts,
    height=st.integers(1, 20),
    width=st.integers(1, 20),
    in_channels=st.integers(1, 64),
    **{name: st.integers(1, 40) for name in NUMBERS[3:]},
    kernel5x5=st.sampled_from(KERNELS_5X5),
    reduction=st.booleans(),
    batch_norm=st.booleans(),
    bias=st.booleans(),
)


huge_modules = st.builds(
    InceptionCosts,
    height=st.just(1),
    width=st.just(1),
    **{name: st.integers(1, 65_536) for name in NUMBERS[2:]},
    kernel5x5=st.sampled_from(KERNELS_5X5),
    reduction=st.booleans(),
)


# --- the panels ---


@settings(max_examples=60, deadline=None)
@given(module=modules)
def test_the_code_builds_the_module_shown(tmp_path_factory, module):
    file = tmp_path_factory.getbasetemp() / "inception_module.py"
    file.write_text(pytorch_code(module))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        built = runpy.run_path(str(file))["module"]
    assert printed.getvalue() == f"{module.parameters:,} parameters\n"
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        result = built.eval()(torch.zeros(1, *module.source))
    assert tuple(result.shape[1:]) == module.result
    assert counter.get_total_flops() == 2 * module.macs


@settings(max_examples=60, deadline=None)
@given(module=modules)
def test_a_drawing_keeps_its_boxes_apart_and_inside(module):
    for drawn in (drawing.wide(module), drawing.narrow(module)):
        assert [box.layer for box in drawn.boxes] == list(module.layers)
        assert sum(box.share for box in drawn.boxes) == pytest.approx(1)
        assert len(drawn.lines) >= len(module.layers) + 4
        for part in (*drawn.boxes, *drawn.segments, *drawn.terminals):
            assert part.x >= 0 and part.y >= 0
            assert part.x + part.width <= drawn.width + 1e-6
            assert part.y + part.height <= drawn.height + 1e-6
        for i, box in enumerate(drawn.boxes):
            for other in drawn.boxes[:i]:
                beside = abs(box.x - other.x) >= box.width
                assert beside or abs(box.y - other.y) >= box.height
        source, result = drawn.terminals
        assert (source.shape, result.shape) == (module.source, module.result)
        # The branches share the result by their widths.
        areas = [part.width * part.height for part in drawn.segments]
        whole = result.width * result.height
        for area, branch in zip(areas, module.branches, strict=True):
            assert area / whole == pytest.approx(branch[-1].result[0] / module.result[0])


def stretches(line: drawing.Line) -> list[tuple[float, float, float, float]]:
    """A line's path in short pieces, each as the box (left, top, right, bottom) that it covers."""
    points = []
    for command, numbers in re.findall(r"([MHVC])([^MHVC]*)", line.path):
        values = [float(number) for number in numbers.split()]
        x, y = points[-1] if points else (0, 0)
        if command == "M":
            points.append(tuple(values))
        elif command == "C":
            ends = [(x, y), *zip(values[::2], values[1::2], strict=True)]
            for t in (step / 50 for step in range(1, 51)):
                shares = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
                points.append(tuple(sum(s * end[axis] for s, end in zip(shares, ends, strict=True))
                                    for axis in (0, 1)))  # fmt: skip
        else:
            points.append((values[0], y) if command == "H" else (x, values[0]))
    half = line.thickness / 2
    return [
        (min(x0, x1) - half, min(y0, y1) - half, max(x0, x1) + half, max(y0, y1) + half)
        for (x0, y0), (x1, y1) in pairwise(points)
    ]


def overlap(one, other) -> bool:
    return (one[0] < other[2] and other[0] < one[2]) and (one[1] < other[3] and other[1] < one[3])


@settings(max_examples=60, deadline=None)
@given(module=st.one_of(modules, huge_modules))
@example(module=InceptionCosts(*PRESETS["3a"]).naive)
@example(module=InceptionCosts(*PRESETS["5b"], kernel5x5="3+3"))
def test_no_line_runs_through_a_number(module):
    digit = 6.5  # of 11.5 px in the usual fonts, and 12 px on a phone; a comma is half as wide
    for drawn in (drawing.wide(module), drawing.narrow(module)):
        boxes = [(box.x, box.y, box.x + box.width, box.y + box.height) for box in drawn.boxes]
        lines = [piece for line in drawn.lines for piece in stretches(line)]
        for number in drawn.widths:
            length = digit * len(f"{number.channels:,}")
            left = number.x - length / 2 if number.centred else number.x
            place = (left, number.y - 9, left + length, number.y)
            assert not any(overlap(place, other) for other in (*boxes, *lines))


@settings(max_examples=30, deadline=None)
@given(module=modules, lang=st.sampled_from(["en", "ko"]), chained=st.booleans())
def test_every_module_is_drawn_with_its_numbers(module, lang, chained):
    html = view.figure(module, chained, lang)
    assert figures(html)["parameters"] == f"{module.parameters:,}"
    drawings = list(parse(html).iter("svg"))
    assert len(drawings) == 2
    for drawn in drawings:
        words = text(drawn)
        for layer in module.layers:
            assert " × ".join(f"{side:,}" for side in layer.result) in words
            assert f"{layer.parameters.value:,}" in words


@settings(max_examples=40, deadline=None)
@given(module=modules)
def test_every_number_unfolds_into_arithmetic_that_holds(module):
    workings = [text(code) for code in parse(view.layer_table(module, True)).iter("code")]
    assert workings
    for working in workings:
        products, _, value = working.partition(" = ")
        total = 0
        for product in products.split(" + "):
            term = 1
            for factor in product.split("·"):
                term *= int(factor)
            total += term
        assert f"{total:,}" == value


def test_unfolded_means_unfolded():
    opened, closed = (
        [fold.get("open") is not None for fold in parse(html).iter("details")]
        for html in (update(unfolded=True)["layers"], update()["layers"])
    )
    assert opened and all(opened) and closed and not any(closed)


def test_columns_that_hold_nothing_are_left_out():
    module = InceptionCosts(**PAPER_3A)
    assert view.quantities(module) == ["parameters", "multiplications", "macs", "flops"]
    normed = InceptionCosts(**PAPER_3A, batch_norm=True)
    assert view.quantities(normed)[:3] == ["weights", "norm", "parameters"]
    both = InceptionCosts(**PAPER_3A, batch_norm=True, bias=True)
    assert view.quantities(both)[:3] == ["weights", "biases", "norm"]


def test_a_module_is_compared_with_the_other_of_the_pair():
    module = InceptionCosts(**PAPER_3A)
    reduced, naive = view.comparison(module), view.comparison(module.naive)
    assert (reduced.other, naive.other) == (module.naive, module)
    assert reduced.factor == naive.factor == pytest.approx(2.37, abs=0.005)
    assert (reduced.unit, naive.unit) == ("inception_less", "inception_naive_less")
    wide = InceptionCosts(**PAPER_3A | {"ch3x3red": 4096})  # a reduction that widens
    assert view.comparison(wide).unit == "inception_more" and view.comparison(wide).factor > 1


def test_the_chain_feeds_each_module_with_the_one_before():
    chain = view.chain_rows(InceptionCosts(**PAPER_3A))
    assert [row.name for row in chain] == list(PRESETS)
    assert [row.module.parameters for row in chain] == [
        InceptionCosts(*numbers).parameters for numbers in PRESETS.values()
    ]
    assert [row.naive.result[0] for row in chain[-2:]] == [4048, 4944]
    from_4e = view.chain_rows(InceptionCosts(*PRESETS["4e"]))
    assert [row.name for row in from_4e] == ["4e", "5a", "5b"]


def test_the_csv_adds_up():
    *layers, total = cost_table.rows(InceptionCosts(**PAPER_3A))
    column = cost_table.HEADERS.index("MACs")
    assert sum(row[column] for row in layers) == total[column] == 128_049_152
    assert total[cost_table.HEADERS.index("FLOPs")] == 2 * 128_049_152
    names = [(row[1], row[2]) for row in layers]
    assert ("5×5", "5x5") in names and ("5×5 reduce", "1x1") in names
    assert ("3×3 max pool", "3x3") in names and ("pool proj", "1x1") in names


def test_chain_and_table_1_go_home_with_every_figure():
    first = InceptionCosts(**PAPER_3A)
    chain = [dict(zip(*pair, strict=True)) for pair in rows_below_head(view.chain_table(first))]
    assert len(chain) == 9 and chain[0]["MACs"] == "128049152" and chain[0]["out"] == "256"
    assert all(a["naive out"] == b["naive in"] for a, b in pairwise(chain))
    table = [dict(zip(*pair, strict=True)) for pair in rows_below_head(view.paper_table(first))]
    assert table[1]["module"] == "3a" and table[1]["printed parameters, K"] == "159"
    assert table[1]["parameters"] == "163328" and len(table) == 10


def rows_below_head(html: str) -> list[tuple[list[str], list[str]]]:
    """Each row of the table that goes home, with the head."""
    head, *rows = sheet(html)
    return [(head, row) for row in rows]


def test_the_papers_slips_are_marked_and_nothing_else():
    slips = {row.name: [paper.differs(share) for share in row.differences] for row in paper.rows()}
    marked = {name: slip for name, slip in slips.items() if any(slip)}
    assert marked == {"stem": [True, True], "4c": [True, False], "5a": [True, True]}
    html = parse(view.paper_table(InceptionCosts(**PAPER_3A)))
    current = [text(row.find("th")) for row in html.iter("tr") if row.get("class") == "current"]
    assert current == ["3a"]
    differing = [text(cell) for cell in html.iter("td") if cell.get("class") == "differs"]
    assert len(differing) == 5
    remarks = {row[0]: row[-1] for row in rows(view.paper_table(InceptionCosts(**PAPER_3A)))}
    assert "9,408" in remarks["7×7 stem"] and remarks["3a"] == "within 2 %"
    assert "92.93 M" in remarks["4c"] and "53.79 M" in remarks["5a"]


def test_the_claims_speak_of_the_module_with_its_batch_norm():
    macs = 28 * 28 * (192 * 16 + 16 * 25 * 32)
    assert f"{macs + 28 * 28 * (16 + 32):,} multiplications" in update(batch_norm=True)["here"]


# --- the events ---


def test_3a_is_on_the_page_before_anyone_moves_anything():
    figure = view.figure(InceptionCosts(**PAPER_3A))
    assert figures(figure) == {"parameters": "163,328", "macs": "128.05 M", "factor": "2.37 ×"}


def test_moving_a_value_changes_everything():
    answer = update(ch3x3=256)
    expected = InceptionCosts(**PAPER_3A | {"ch3x3": 256})
    assert answer["preset"] is None  # no longer a module of the paper
    assert figures(answer["figure"])["parameters"] == f"{expected.parameters:,}"
    assert f"{expected.macs:,}" in answer["layers"]
    assert "nn.Conv2d(96, 256, kernel_size=3, padding=1, bias=False)" in answer["code"]
    assert "96%2C%20256" in answer["code_link"]
    assert answer.keys() == {"preset", *NUMBERS, *PANELS}


def test_switches_and_presets():
    naive = figures(update(reduction=False)["figure"])
    assert naive == {"parameters": "387,072", "macs": "303.46 M", "factor": "2.37 ×"}
    numbers = dict(zip(NUMBERS, PRESETS["4e"], strict=True))
    chosen = update(preset="4e", **numbers)
    assert "preset" not in chosen  # what was clicked stays, or what has been clicked since
    assert figures(chosen["figure"])["parameters"] == "867,328"
    normed = update(preset="4e", batch_norm=True, **numbers)
    assert figures(normed["figure"])["parameters"] != "867,328"
    assert update(preset=None, **numbers)["preset"] == "4e"  # typed, number by number
    chained = update(preset="chain")
    assert "preset" not in chained
    assert "832 → 1,024" in chained["figure"] and "4,048 → 4,944" in chained["figure"]
    assert "832 → 1,024" not in update()["figure"]


@pytest.mark.parametrize("value", [0, -1, 1.5, None, float("nan"), 1e12])
@pytest.mark.parametrize("name", NUMBERS)
def test_impossible_numbers_get_a_sentence_at_the_field(name, value):
    answer = update(**{name: value})
    assert answer.keys() == set(NUMBERS)  # preset and panels stay
    assert answer[name]["info"].startswith("Must be")
    assert answer[name]["elem_classes"] == ["bad"]
    assert {answer[other]["info"] for other in NUMBERS if other != name} == {""}


def test_the_sentence_at_a_field_says_the_limit_in_the_visitors_language():
    assert "4,096" in update(height=5000)["height"]["info"]
    assert "정수" in update(visitor("ko-KR,en;q=0.5"), height=1.5)["height"]["info"]
    # The widest module is one, but none can follow it.
    assert "65,536 channels" in update(preset="chain", ch1x1=65_536)["figure"]


# --- an address was opened: it has set the form ---


def test_the_panels_follow_the_form_of_an_address():
    opened = update(ch5x5=48, kernel5x5="3+3", batch_norm=True)
    assert opened["preset"] is None
    expected = InceptionCosts(**PAPER_3A | {"ch5x5": 48}, kernel5x5="3+3", batch_norm=True)
    assert figures(opened["figure"])["parameters"] == f"{expected.parameters:,}"
    korean = update(visitor("ko"))
    assert "파라미터 12,288개" in korean["figure"]
    assert figures(korean["figure"])["parameters"] == "163,328"
    assert figures(korean["figure"])["factor"] == "1/2.37"


def test_a_module_named_alone_brings_its_numbers():
    opened = update(preset="4a", bias=True)
    assert {name: opened[name]["value"] for name in NUMBERS} == dict(
        zip(NUMBERS, PRESETS["4a"], strict=True)
    )
    assert "value" not in update(preset="4a", height=7)["height"]  # with numbers they count


# --- the endpoint ---


def test_the_endpoint_gives_the_table_first():
    table, totals = handlers.inception(**PAPER_3A)
    assert table["headers"][-1] == "activation bytes"
    assert table["data"][-1][1] == "total"
    assert totals["parameters"] == 163_328
    assert (totals["naive_parameters"], totals["out_channels"]) == (387_072, 256)
    assert handlers.inception()[1] == totals
    assert handlers.inception(kernel5x5=5)[1] == totals


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"ch1x1": 0}, "ch1x1 must be a whole number from 1 to 65,536"),
        ({"kernel5x5": "7"}, "kernel5x5 must be one of"),
        ({"reduction": "false"}, "reduction must be true or false"),
    ],
)
def test_the_endpoint_says_what_is_wrong(values, message):
    with pytest.raises(gr.Error, match=message):
        handlers.inception(**values)

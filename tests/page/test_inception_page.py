"""The calculator's handlers: what they say is what the module is, and no input crashes them."""

import base64
import contextlib
import csv
import io
import re
import time
import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace

import gradio as gr
import orjson
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from cnn_space.costs.closed_forms import Working
from cnn_space.costs.inception import KERNELS_5X5, NUMBERS, PRESETS, InceptionCosts
from cnn_space.page.common import tables
from cnn_space.page.inception import claims, whole_net
from cnn_space.page.inception import handlers as inception

PAPER_3A = dict(zip(NUMBERS, PRESETS["3a"], strict=True))
SWITCHES = {"kernel5x5": "5", "reduction": True, "batch_norm": False, "bias": False}
FIGURE, LAYERS, PAPER, CODE, HERE = range(10, 15)


def visitor(language="en-US", **query):
    return SimpleNamespace(headers={"accept-language": language}, query_params=query)


def update(request=None, preset="3a", unfolded=False, **values):
    form = {**PAPER_3A, **SWITCHES, **values}
    return inception.update(preset, *form.values(), unfolded, request or visitor())


def skipped(part) -> bool:
    return part == gr.skip()


def figures(html: str) -> dict[str, str]:
    """The three big figures."""
    return dict(re.findall(r'data-figure="(\w+)"><span class="figure">([^<]*)<', html))


def sheet(html: str) -> list[list[str]]:
    """The CSV inside a panel's link."""
    data = re.search(r"base64,([^\"]+)", html)[1]
    return list(csv.reader(io.StringIO(base64.b64decode(data).decode("utf-8-sig"))))


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


@settings(max_examples=60, deadline=None)
@given(modules)
def test_the_code_builds_the_module_shown(module):
    printed = io.StringIO()
    namespace: dict = {}
    with contextlib.redirect_stdout(printed):
        exec(inception.code(module), namespace)
    assert printed.getvalue() == f"{module.parameters:,} parameters\n"
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        result = namespace["module"].eval()(torch.zeros(1, *module.source))
    assert tuple(result.shape[1:]) == module.result
    assert counter.get_total_flops() == 2 * module.macs


@settings(max_examples=60, deadline=None)
@given(modules, st.sampled_from(["en", "ko"]), st.booleans())
def test_every_module_can_be_drawn(module, lang, chained):
    html = inception.figure(module, chained, lang)
    assert figures(html)["parameters"] == f"{module.parameters:,}"
    for drawing in re.findall(r"<svg.*?</svg>", html):
        tree = ElementTree.fromstring(drawing)
        words = " ".join(tree.itertext())
        width, height = map(float, tree.get("viewBox").split()[2:])
        for layer in module.layers:
            assert " × ".join(f"{side:,}" for side in layer.result) in words
            assert f"{layer.parameters.value:,}" in words
        for box in tree.iter("{http://www.w3.org/2000/svg}rect"):
            x, y, w, h = (float(box.get(key)) for key in ("x", "y", "width", "height"))
            assert x >= 0 and y >= 0
            assert x + w <= width + 0.2 and y + h <= height + 0.2


def test_3a_is_on_the_page_before_anyone_moves_anything():
    figure = inception.panels(InceptionCosts(**PAPER_3A))[0]
    assert figures(figure) == {"parameters": "163,328", "macs": "128.05 M", "factor": "2.37 ×"}


def test_moving_a_value_changes_everything():
    answer = update(ch3x3=256)
    expected = InceptionCosts(**PAPER_3A | {"ch3x3": 256})
    assert answer[0] is None  # no longer a module of the paper
    assert figures(answer[FIGURE])["parameters"] == f"{expected.parameters:,}"
    assert f"{expected.macs:,}" in answer[LAYERS]
    assert "nn.Conv2d(96, 256, kernel_size=3, padding=1, bias=False)" in answer[CODE]


def test_switches_and_presets():
    naive = update(reduction=False)
    assert figures(naive[FIGURE]) == {
        "parameters": "387,072",
        "macs": "303.46 M",
        "factor": "2.37 ×",
    }
    chosen = inception.choose("4e", *SWITCHES.values(), False, visitor())
    assert [part["value"] for part in chosen[1:10]] == list(PRESETS["4e"])
    assert figures(chosen[FIGURE])["parameters"] == "867,328"
    chained = inception.choose("chain", *SWITCHES.values(), False, visitor())
    assert chained[0] == "chain"
    assert "832 → 1,024" in chained[FIGURE] and "4,048 → 4,944" in chained[FIGURE]
    assert "832 → 1,024" not in update()[FIGURE]


@pytest.mark.parametrize("value", [0, -1, 1.5, None, float("nan"), 1e12])
def test_impossible_numbers_get_a_sentence_at_the_field(value):
    for index, name in enumerate(NUMBERS, 1):
        answer = update(**{name: value})
        assert answer[index]["info"].startswith("Must be")
        assert answer[index]["elem_classes"] == ["bad"]
        others = [answer[i]["info"] for i in range(1, 10) if i != index]
        assert others == [""] * 8
        assert all(skipped(part) for part in (answer[0], *answer[10:]))
    assert "4,096" in update(height=5000)[1]["info"]
    # The widest module is one, but none can follow it.
    assert "65,536 channels" in update(preset="chain", ch1x1=65_536)[FIGURE]
    assert "정수" in update(visitor("ko-KR,en;q=0.5"), height=1.5)[1]["info"]


def test_a_link_opens_the_same_module():
    query = {**PAPER_3A, "ch5x5": 48, "kernel5x5": "3 3", "batch_norm": "true", "preset": ""}
    opened = inception.open_link(visitor(**{name: str(value) for name, value in query.items()}))
    tab, preset, fields, switches = opened[0], opened[1], opened[2:11], opened[11:15]
    assert tab.selected == "inception"
    assert preset is None
    assert [field["value"] for field in fields] == list((PAPER_3A | {"ch5x5": 48}).values())
    assert switches == ["3+3", True, True, False]
    expected = InceptionCosts(**PAPER_3A | {"ch5x5": 48}, kernel5x5="3+3", batch_norm=True)
    assert figures(opened[15])["parameters"] == f"{expected.parameters:,}"


def test_an_address_without_a_module_opens_3a_where_the_visitor_is():
    assert all(skipped(part) for part in inception.open_link(visitor()))
    korean = inception.open_link(visitor("ko"))
    assert all(skipped(part) for part in korean[:15])
    assert "파라미터 12,288개" in korean[15] and figures(korean[15])["parameters"] == "163,328"


@pytest.mark.parametrize("text", ["", "abc", "-3", "1e999", "1e20", "nan", "<b>", "2.5"])
def test_a_broken_link_gets_a_sentence(text):
    opened = inception.open_link(visitor(ch3x3=text, kernel5x5="7", reduction="?"))
    orjson.dumps(opened[2 + NUMBERS.index("ch3x3")])  # as it is sent to the browser
    assert opened[0].selected == "inception"
    assert opened[2 + NUMBERS.index("ch3x3")]["info"].startswith("Must be")
    assert all(skipped(part) for part in opened[15:])
    korean = inception.open_link(visitor("ko", ch3x3=text))
    assert "파라미터 12,288개" in korean[15] and "인셉션" in korean[15]


def test_the_claims_speak_of_the_module_with_its_batch_norm():
    module = inception.InceptionCosts(**inception.START, batch_norm=True)
    macs = 28 * 28 * (192 * 16 + 16 * 25 * 32)
    assert f"{macs + 28 * 28 * (16 + 32):,} multiplications" in inception.here(module, "en")


@settings(max_examples=40, deadline=None)
@given(modules)
def test_every_number_unfolds_into_arithmetic_that_holds(module):
    html = inception.layer_table(module, True, "en")
    workings = re.findall(r"<code>(.*?) = ([\d,]+)</code>", html)
    assert workings
    for products, value in workings:
        total = 0
        for product in products.split(" + "):
            term = 1
            for factor in product.split("·"):
                term *= int(factor)
            total += term
        assert f"{total:,}" == value


def test_the_csv_adds_up():
    header, *layers, total = sheet(inception.layer_table(InceptionCosts(**PAPER_3A), False, "en"))
    column = header.index("MACs")
    assert sum(int(row[column]) for row in layers) == int(total[column]) == 128_049_152
    assert int(total[header.index("FLOPs")]) == 2 * 128_049_152
    kernels = [(row[header.index("layer")], row[header.index("kernel")]) for row in layers]
    assert ("5x5", "5x5") in [(name.replace("×", "x"), kernel) for name, kernel in kernels]


def test_the_endpoint_gives_the_table_first():
    rows, totals = inception.table(**PAPER_3A)
    assert rows["headers"][-1] == "activation bytes"
    assert rows["data"][-1][1] == "total"
    assert totals["parameters"] == 163_328
    assert (totals["naive_parameters"], totals["out_channels"]) == (387_072, 256)
    assert inception.table()[1] == totals
    with pytest.raises(gr.Error, match="ch1x1 must be a whole number from 1 to 65,536"):
        inception.table(ch1x1=0)
    with pytest.raises(gr.Error, match="kernel5x5 must be one of"):
        inception.table(kernel5x5="7")
    with pytest.raises(gr.Error, match="reduction must be true or false"):
        inception.table(reduction="false")


def test_the_papers_slips_are_marked_and_nothing_else():
    html = inception.paper_table(InceptionCosts(**PAPER_3A), "en")
    rows = re.findall(r"<tr[^>]*><th>(.*?)</th>(.*?)</tr>", html)
    marked = {name: row.count('class="differs"') for name, row in rows if '"differs"' in row}
    assert marked == {"7×7 stem": 2, "4c": 1, "5a": 2}
    assert '<tr class="current"><th>3a</th>' in html
    assert "9,408" in html
    remarks = {name: re.search(r'remark">(.*?)<', row)[1] for name, row in rows[1:]}
    assert "92.93 M" in remarks["4c"] and "53.79 M" in remarks["5a"]
    assert inception.signed(-0.0004) == "0.0 %"


def test_claims_come_out_as_known():
    facts = claims._facts()
    assert str(facts["mult"]["direct"]) == "14·14·48·5·5·480 = 112,896,000"
    assert facts["mult"]["factor"] == "21.43"
    assert facts["mult"]["reduced_weights"].value == 26_880
    assert facts["gap"]["invented"].value == 51_380_224
    assert facts["gap"]["real"].value == 1_025_000
    assert facts["vgg"]["parameters"] == "123,642,856"
    assert (facts["vgg"]["parameter_share"], facts["vgg"]["mac_share"]) == ("89.4 %", "0.8 %")
    assert facts["naive"]["chain"].endswith("4,048 → 4,944")
    assert facts["million"]["share"] == "0.83 %"
    assert (facts["alexnet"]["conv"], facts["alexnet"]["fc"]) == ("2,334,080", "58,631,144")
    assert facts["sizes"]["missing"] == "64,896"
    assert facts["resnet"]["projections"] == 3
    assert facts["resnet"]["identities"] == 5
    assert "73,728" in facts["two"]["two"] and "102,400" in facts["two"]["five"]
    logits, first = torch.tensor([[2.0, 1, 0]]), torch.tensor([0])
    loss = torch.nn.functional.cross_entropy
    assert facts["softmax"]["once"] == f"{loss(logits, first):.4f}"
    assert facts["softmax"]["twice"] == f"{loss(logits.softmax(1), first):.4f}"
    assert facts["softmax"]["floor"] == f"{loss(torch.eye(10)[:1], first):.4f}"


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_every_claim_is_on_the_page(lang):
    html = claims.claims(lang)
    assert html.count("<li") == 11
    assert not re.search(r"\{\w*\}", html)


def test_whole_net_says_what_it_is():
    html = whole_net.panel_html("vgg16", 224, 1000)
    assert "138,357,544 parameters · 15.47 G MACs · 16 convolutional and linear layers" in html
    assert "classifier 89 %" in html and "features 99 %" in html
    header, *rows = sheet(html)
    assert sum(int(row[header.index("parameters")]) for row in rows) == 138_357_544
    assert "6,379,984" in whole_net.panel_html("googlenet", 224, 1000)  # its auxiliary heads


def test_whole_net_search():
    all_rows = whole_net.panel_html("googlenet", 224, 1000).count("<tr>")
    found = whole_net.panel_html("googlenet", 224, 1000, " Inception5B ")
    names = re.findall(r"<th>(inception\w+|conv\d|fc)\.", found.split('class="tall"')[1])
    assert set(names) == {"inception5b"}
    assert 0 < found.count("<tr>") < all_rows
    assert "0 of" in whole_net.panel_html("googlenet", 224, 1000, "<script>")
    assert "<script>" not in whole_net.panel_html("googlenet", 224, 1000, "<script>")


@pytest.mark.parametrize("net", whole_net.NETS)
def test_every_net_at_its_own_size(net):
    side, _, panel = whole_net.pick(net, 10, "", visitor())
    assert side["info"] == ""
    assert "parameters" in panel


@pytest.mark.parametrize(
    ("net", "size", "classes", "field", "words"),
    [
        ("vgg16", 16, 1000, 0, "features.30"),
        ("alexnet", 32, 1000, 0, "features.12"),
        ("vgg16", 0, 1000, 0, "between 1 and"),
        ("vgg16", None, 1000, 0, "whole number"),
        ("vgg16", 1e9, 1000, 0, "between 1 and"),
        ("vgg16", 224, -1, 1, "between 1 and"),
        ("vgg16", 224, 1.5, 1, "whole number"),
    ],
)
def test_whole_net_impossible_input(net, size, classes, field, words):
    answer = whole_net.show(net, size, classes, "", visitor())
    assert words in answer[field]["info"]
    assert answer[field]["elem_classes"] == ["bad"]
    assert answer[1 - field]["info"] == ""
    assert skipped(answer[2])


def test_an_update_takes_far_less_than_a_tenth_of_a_second():
    times = []
    for width in range(8, 80, 8):
        start = time.perf_counter()
        update(ch1x1=width, preset="chain", unfolded=True)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.05


def test_unfold_and_link():
    assert tables.unfold(Working()) == "0"
    assert "<details open>" in tables.unfold(Working(((2, 3),)), opened=True)
    assert sheet(tables.download_link("a.csv", [["x", 'a,"b"'], [1, "한"]], "ko")) == [
        ["x", 'a,"b"'],
        ["1", "한"],
    ]

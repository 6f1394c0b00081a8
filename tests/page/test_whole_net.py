"""The Inception tab's folds that need nets: claims that circulate, and any net layer by layer."""

import pytest
import torch
from markup import parse, sheet, text, with_class
from visitors import ENGLISH, KOREAN, by_name

from cnn_space.page.inception import handlers, view, whole_net
from cnn_space.page.inception.claims import claims

panel = by_name(handlers.WholeNet)


def found(html: str) -> list[list[str]]:
    """The rows of the table of layers, heads left out."""
    (table,) = with_class(html, "tall")
    return [[text(cell) for cell in row] for row in table.find(".//tbody").iter("tr")]


def show(net="vgg16", size=224, classes=1000, search="", request=ENGLISH) -> dict:
    return panel.show(request, net, size, classes, search)


def test_claims_come_out_as_known():
    facts = claims()
    assert str(facts["mult"]["direct"]) == "14·14·48·5·5·480 = 112,896,000"
    assert facts["mult"]["factor"] == "21.43"
    assert facts["mult"]["reduced_weights"].value == 26_880
    assert facts["gap"]["invented"].value == 51_380_224
    assert facts["gap"]["real"].value == 1_025_000
    assert facts["vgg"]["parameters"] == 123_642_856
    assert (facts["vgg"]["parameter_share"], facts["vgg"]["mac_share"]) == ("89.4 %", "0.8 %")
    assert facts["naive"]["chain"].endswith("4,048 → 4,944")
    assert facts["naive"]["steps"].value == 4944
    assert facts["million"]["share"] == "0.83 %"
    assert (facts["million"]["fc"], facts["million"]["net"]) == (1_025_000, 6_998_552)
    assert (facts["alexnet"]["conv"], facts["alexnet"]["fc"]) == (2_334_080, 58_631_144)
    assert facts["sizes"]["missing"] == 64_896
    assert facts["sizes"]["sizes"].splitlines()[3] == "4: 13·13·384 = 64,896"
    assert facts["resnet"]["projections"] == 3
    assert facts["resnet"]["identities"] == 5
    assert (facts["two"]["two"].value, facts["two"]["five"].value) == (73_728, 102_400)
    assert (facts["split"]["pair"].value, facts["split"]["square"].value) == (57_344, 200_704)


def test_the_softmax_claim_agrees_with_pytorch():
    values = claims()["softmax"]
    logits, first = torch.tensor([[2.0, 1, 0]]), torch.tensor([0])
    loss = torch.nn.functional.cross_entropy
    assert values["once"] == f"{loss(logits, first):.4f}"
    assert values["twice"] == f"{loss(logits.softmax(1), first):.4f}"
    assert values["floor"] == f"{loss(torch.eye(10)[:1], first):.4f}"


@pytest.mark.parametrize("visitor", [ENGLISH, KOREAN])
def test_every_claim_is_on_the_page(visitor):
    html = handlers.claims(visitor)
    items = {item.get("data-claim"): text(item) for item in parse(html).iter("li")}
    assert items.keys() == claims().keys() and len(items) == 11
    assert "{" not in html
    arithmetic = [text(code) for code in parse(html).iter("code")]
    assert "14·14·48·5·5·480 = 112,896,000" in arithmetic
    assert "123,642,856" in items["vgg"]


def test_a_net_says_what_it_is():
    answer = show()
    html = answer["panel"]
    assert text(with_class(html, "finding")[0]) == (
        "138,357,544 parameters · 15.47 G MACs · 16 convolutional and linear layers"
    )
    bars = [text(part) for stack in with_class(html, "stack") for part in stack]
    assert "classifier 89 %" in bars and "features 99 %" in bars
    assert [answer[name]["info"] for name in ("size", "classes")] == ["", ""]
    assert "파라미터 138,357,544개" in show(request=KOREAN)["panel"]


def test_the_stages_add_up_to_the_net():
    walk = whole_net.natural("googlenet")
    stages = whole_net.stages(walk)
    assert sum(stage.parameters for stage in stages) == walk.parameters == 6_624_904
    assert sum(stage.macs for stage in stages) == walk.macs
    assert sum(stage.parameter_share for stage in stages) == pytest.approx(1)
    assert [stage.name for stage in stages if stage.dense] == ["fc"]
    assert "inception4a" in [stage.name for stage in stages]
    dense = whole_net.stages(whole_net.natural("densenet121"))
    assert {"denseblock1", "transition1"} <= {stage.name for stage in dense}


def test_the_csv_adds_up():
    html = show()["panel"]
    header, *rows = sheet(html, "vgg16.csv")
    assert sum(int(row[header.index("parameters")]) for row in rows) == 138_357_544


def test_auxiliary_heads_are_listed_and_not_counted():
    walk = whole_net.natural("googlenet")
    heads = sum(record.layer.parameters.value for record in walk.auxiliary)
    assert heads == walk.stored - walk.parameters == 6_379_984
    assert "6,379,984" in show("googlenet")["panel"]
    rows = found(show("googlenet", search="aux")["panel"])
    assert rows[0] == ["auxiliary heads, used only in training"]
    assert rows[1][0].startswith("aux1.") and rows[-1][0].startswith("aux2.")
    assert not whole_net.natural("vgg16").auxiliary


def test_search_by_name_kind_and_kernel():
    everything = found(show("googlenet")["panel"])
    module = found(show("googlenet", search=" Inception5B ")["panel"])
    assert {row[0].partition(".")[0] for row in module} == {"inception5b"}
    assert 0 < len(module) < len(everything)
    typed, printed, spaced = (
        found(show("vgg16", search=search)["panel"]) for search in ("3x3", "3×3", "3 × 3")
    )
    assert typed == printed == spaced and len(typed) == 13
    assert {row[1] for row in found(show("vgg16", search="POOL")["panel"])} == {
        "max pool",
        "avg pool",
    }
    assert found(show("googlenet", search="<script>")["panel"]) == []
    assert "0 of" in show("googlenet", search="<script>")["panel"]


@pytest.mark.parametrize("net", whole_net.NETS)
def test_every_net_at_its_own_size(net):
    answer = panel.pick(ENGLISH, net, 10, "")
    assert answer["size"]["value"] == whole_net.natural_side(net)
    assert answer["size"]["info"] == ""
    assert "parameters" in answer["panel"]


@pytest.mark.parametrize(
    ("net", "size", "classes", "field", "words"),
    [
        ("vgg16", 16, 1000, "size", "features.30"),
        ("alexnet", 32, 1000, "size", "features.12"),
        ("vgg16", 0, 1000, "size", "between 1 and"),
        ("vgg16", None, 1000, "size", "whole number"),
        ("vgg16", 1e9, 1000, "size", "between 1 and"),
        ("vgg16", 224, -1, "classes", "between 1 and"),
        ("vgg16", 224, 1.5, "classes", "whole number"),
    ],
)
def test_impossible_input_keeps_the_panel(net, size, classes, field, words):
    answer = show(net, size, classes)
    assert words in answer[field]["info"]
    assert answer[field]["elem_classes"] == ["bad"]
    (other,) = {"size", "classes"} - {field}
    assert answer[other]["info"] == ""
    assert "panel" not in answer


def test_a_walk_is_done_once():
    first = whole_net.walk("resnet18", 96, 10)
    assert whole_net.walk("resnet18", 96, 10) is first


def test_the_file_of_a_net_with_a_form_has_a_plain_name():
    walk = whole_net.walk("googlenet · paper form", 224, 1000)
    html = view.net_panel("googlenet · paper form", walk)
    _, *stages = sheet(html, "googlenet_paper_form_stages.csv")
    assert sheet(html, "googlenet_paper_form.csv")
    assert sum(int(parameters) for _, parameters, _ in stages) == walk.parameters

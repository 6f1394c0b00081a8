"""Values for the templates of the Inception tab: see test_templates.py."""

from dataclasses import replace
from types import SimpleNamespace

from cnn_space.costs.closed_forms import ReceptiveField, conv
from cnn_space.costs.inception import NUMBERS, PRESETS, InceptionCosts
from cnn_space.page.inception import drawing, view
from cnn_space.page.inception.googlenet_map import Experiment, Head, Part
from cnn_space.page.inception.paper import Row
from cnn_space.page.inception.whole_net import Stage, Walk

MODULE = InceptionCosts(**dict(zip(NUMBERS, PRESETS["3a"], strict=True)))


def figure(text: str) -> dict:
    wide = drawing.wide(MODULE)
    first = wide.boxes[0]
    wide.boxes[0] = replace(first, layer=replace(first.layer, kernel=(text,)))
    return {
        "module": MODULE,
        "wide": wide,
        "narrow": drawing.narrow(MODULE),
        "comparison": view.comparison(MODULE),
        "chain": text,
    }


def chain(text: str) -> dict:
    return {
        "rows": [view.ChainRow(text, MODULE, MODULE.naive)],
        "sums": {"parameters": 1, "macs": 1, "naive_parameters": 2, "naive_macs": 2},
        "most": MODULE.naive.macs,
        "sheet": [[text]],
        "ends_early": True,
        "limit": 1,
        "titles": [text],
    }


def layers(text: str) -> dict:
    return {
        "module": MODULE,
        "other": MODULE.naive,
        "columns": ["parameters", "macs"],
        "unfolded": True,
        "name": lambda layer: text,
        "titles": [text],
        "sheet": [[text]],
    }


def paper(text: str) -> dict:
    return {
        "rows": [Row(text, (159, 128), 163_328, 128_049_152, 28)],
        "current": text,
        "sheet": [[text]],
        "differs": lambda share: True,
        "titles": [text],
    }


def claims(text: str) -> dict:
    return {"claims": {"million": {"fc": text, "share": text, "vgg": text, "net": text}}}


def here(text: str) -> dict:
    by_kernel = {"five": text, "three": text, "two": text}
    return {"multiplications": 1, "weights": 1, "by_kernel": by_kernel, "naive": MODULE.naive}


def whole_net(text: str) -> dict:
    layer = conv(text, (3, 8, 8), 4, (1, 1), bias=True)
    record = SimpleNamespace(layer=replace(layer, kind=text), field=ReceptiveField((1, 2)))
    return {
        "net": Walk((record,), (record,), 100),
        "learning": 1,
        "stage_sheet": [[text]],
        "stages": [Stage(text, True, 1, 1, 1.0, 1.0)],
        "found": [record],
        "found_auxiliary": [record],
        "stage_titles": [text],
        "titles": [text],
        "file": text,
        "sheet": [[text]],
    }


def googlenet(text: str) -> dict:
    layer = conv(text, (3, 8, 8), 4, (1, 1), bias=True)
    head = Head(text, (replace(layer, kind=text),))
    return {
        "parts": [Part("3a", (1, 1, 1), 1, 1, 1.0, head), Part("stem", (1, 1, 1), 1, 1, 1.0)],
        "heads": [head],
        "most": 1.0,
        "experiment": Experiment((2.0,), (1.0,), epochs=3, images=10),
    }


CASES = {
    "inception/templates/googlenet_map.html": googlenet,
    "inception/templates/figure.html": figure,
    "inception/templates/chain.html": chain,
    "inception/templates/layers.html": layers,
    "inception/templates/paper.html": paper,
    "inception/templates/claims.html": claims,
    "inception/templates/here.html": here,
    "inception/templates/whole_net.html": whole_net,
    # An address, in which every sign of the code is a code itself.
    "inception/templates/code_link.html": lambda text: {"code": 'print("<b>\'")'},
}

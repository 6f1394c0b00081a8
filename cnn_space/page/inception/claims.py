"""Claims about the classic nets that circulate, each with its arithmetic worked out here.

Nothing is typed in: products and whole nets come from `costs`.
"""

from functools import cache
from html import escape
from itertools import pairwise
from math import exp, log

import torch

from cnn_space.costs.closed_forms import BYTES, Layer, Working, conv, linear
from cnn_space.costs.inception import PRESETS, InceptionCosts, chain
from cnn_space.costs.walk import describe
from cnn_space.models.registry import create_model
from cnn_space.page.common.texts import say
from cnn_space.page.inception.module_svg import percent

CHANNELS = 64  # in and out, where a claim compares kernels


@cache
def claims(lang: str) -> str:
    """All claims as HTML: what is said, and what is true."""
    said, true = say("inception_claims_wrong", lang), say("inception_claims_true", lang)
    items = []
    for name, values in _facts().items():
        sentence = escape(say(f"inception_claim_{name}", lang))
        first, *workings = say(f"inception_true_{name}", lang, **values).split("\n")
        body = "".join(_line(line) for line in workings)
        items.append(
            f'<li data-claim="{name}"><p class="said"><span>{said}</span>“{sentence}”</p>'
            f'<div class="true"><span>{true}</span><p>{escape(first)}</p>{body}</div></li>'
        )
    return f'<ol class="claims">{"".join(items)}</ol>'


def _line(line: str) -> str:
    """Arithmetic in its own type, sentences in the text's."""
    tag = "code" if " = " in line or "→" in line or line[0].isdigit() else "p"
    return f"<{tag}>{escape(line)}</{tag}>"


@cache
def _net(arch: str, **options) -> list[Layer]:
    with torch.device("meta"):
        net = create_model(arch, **options)
        return [record.layer for record in describe(net, net.input_size)]


def _split(layers: list[Layer]) -> tuple[list[Layer], list[Layer]]:
    """The layers with MACs: convolutions, fully connected."""
    return tuple([layer for layer in layers if layer.kind == kind] for kind in ("conv", "linear"))


def _total(layers: list[Layer], quantity: str = "parameters") -> int:
    return sum(getattr(layer, quantity).value for layer in layers)


def _one(kernel: tuple[int, int]) -> Layer:
    padding = tuple(side // 2 for side in kernel)
    return conv("", (CHANNELS, 14, 14), CHANNELS, kernel, padding=padding)


def _several(kernel: tuple[int, int], times: int) -> Working:
    weights = _one(kernel).weights
    return Working(tuple((times, *product) for product in weights.products))


def _facts() -> dict[str, dict[str, object]]:
    """The values of every claim, in the order of the page."""
    direct = conv("5×5", (480, 14, 14), 48, (5, 5), padding=(2, 2))
    before = conv("1×1", (480, 14, 14), 16, (1, 1))
    behind = conv("5×5", before.result, 48, (5, 5), padding=(2, 2))
    macs, weights = before.macs + behind.macs, before.weights + behind.weights

    vgg = _net("vgg16")
    vgg_fc = _split(vgg)[1]
    alexnet = _net("alexnet", form="paper")
    alexnet_conv, alexnet_fc = _split(alexnet)
    # Neurons of the eight layers that learn, as the claim lists them.
    sizes = [_neurons(layer) for layer in alexnet_conv + alexnet_fc]
    googlenet = _net("googlenet", form="paper", aux=False)
    last = googlenet[-1]

    modules = chain(InceptionCosts(*PRESETS["3a"], reduction=False))
    widths = [*(module.in_channels for module in modules.values()), modules["5b"].result[0]]
    steps = [after - now for now, after in pairwise(widths)]

    resnet = _net("resnet18")
    projections = [layer for layer in resnet if "downsample" in layer.name]
    shortcut = sum((layer.parameters for layer in projections), Working())
    projected = sum(layer.kind == "conv" for layer in projections)
    blocks = {layer.name.rsplit(".", 1)[0] for layer in resnet if layer.name.endswith(".conv1")}

    once, twice = _cross_entropy((2, 1, 0), 1), _cross_entropy((2, 1, 0), 2)
    sure = [1.0] + [0.0] * 9  # a softmax that has nothing left to learn
    return {
        "mult": {
            "direct": direct.macs,
            "reduced": macs,
            "factor": f"{direct.macs.value / macs.value:.2f}",
            "weights": direct.weights,
            "reduced_weights": weights,
        },
        "gap": {
            "invented": Working(((7, 7, 1024, 1024),)),
            "real": linear("fc", 1024, 1000).parameters,
        },
        "vgg": {
            "parameter_share": percent(_total(vgg_fc) / _total(vgg), 1),
            "mac_share": percent(_total(vgg_fc, "macs") / _total(vgg, "macs"), 1),
            "parameters": f"{_total(vgg_fc):,}",
            "all_parameters": f"{_total(vgg):,}",
            "macs": f"{_total(vgg_fc, 'macs'):,}",
            "all_macs": f"{_total(vgg, 'macs'):,}",
        },
        "naive": {
            "chain": " → ".join(f"{width:,}" for width in widths),
            "steps": str(Working(tuple((step,) for step in (widths[0], *steps)))),
        },
        "two": {
            "channels": CHANNELS,
            "two": f"3×3, 3×3: {_several((3, 3), 2)}",
            "five": f"5×5: {_one((5, 5)).weights}",
            "three": f"3×3, 3×3, 3×3: {_several((3, 3), 3)}",
            "seven": f"7×7: {_one((7, 7)).weights}",
        },
        "split": {
            "channels": CHANNELS,
            "pair": f"1×7, 7×1: {_one((1, 7)).weights + _one((7, 1)).weights}",
            "square": f"7×7: {_one((7, 7)).weights}",
        },
        "million": {
            "fc": f"{last.parameters.value:,}",
            "share": percent(last.parameters.value / _total(vgg_fc), 2),
            "vgg": f"{_total(vgg_fc):,}",
            "net": f"{_total(googlenet):,}",
        },
        "alexnet": {
            "conv": f"{_total(alexnet_conv):,}",
            "fc": f"{_total(alexnet_fc):,}",
            "all": f"{_total(alexnet):,}",
        },
        "sizes": {
            "missing": f"{alexnet_conv[3].memory.value // BYTES:,}",
            "sizes": "\n".join(f"{number}: {size}" for number, size in enumerate(sizes, 1)),
        },
        "resnet": {
            "identities": len(blocks) - projected,
            "projections": projected,
            "working": shortcut,
        },
        "softmax": {
            "floor": f"{_loss(sure):.4f}",
            "once": f"{once:.4f}",
            "twice": f"{twice:.4f}",
        },
    }


def _neurons(layer: Layer) -> str:
    """``13·13·384 = 64,896``; a fully connected layer is its number alone."""
    channels, height, width = layer.result
    if layer.kind == "linear":
        return f"{channels:,}"
    return str(Working(((height, width, channels),)))


def _softmax(values: list[float]) -> list[float]:
    total = sum(map(exp, values))
    return [exp(value) / total for value in values]


def _loss(logits: list[float]) -> float:
    """Cross-entropy, first class right."""
    return -log(_softmax(logits)[0])


def _cross_entropy(logits: tuple[float, ...], softmaxes: int) -> float:
    """Cross-entropy with its own softmax and ``softmaxes - 1`` before it."""
    values = list(logits)
    for _ in range(softmaxes - 1):
        values = _softmax(values)
    return _loss(values)

"""Claims about the classic nets that circulate, each with the values of its true answer.

Nothing is typed in: products come from the closed forms, whole nets from a walk over them. The
sentences are in the texts (``inception_claim_…``, ``inception_true_…``).
"""

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from math import exp, log

from cnn_space.costs.closed_forms import BYTES, Layer, Working, conv, linear
from cnn_space.costs.inception import PRESETS, InceptionCosts, chain
from cnn_space.formats import count, fraction
from cnn_space.page.inception.whole_net import natural

Values = dict[str, object]  # for the placeholders of a sentence: texts, whole numbers, Workings

CHANNELS = 64  # in and out, where a claim compares kernels


@cache
def claims() -> dict[str, Values]:
    """The values of every claim, in the order of the page."""
    return {name: values() for name, values in _CLAIMS.items()}


def _multiplications() -> Values:
    direct = conv("5×5", (480, 14, 14), 48, (5, 5), padding=(2, 2))
    reduce = conv("1×1", (480, 14, 14), 16, (1, 1))
    reduced = conv("5×5", reduce.result, 48, (5, 5), padding=(2, 2))
    macs = reduce.macs + reduced.macs
    return {
        "direct": direct.macs,
        "reduced": macs,
        "factor": f"{direct.macs.value / macs.value:.2f}",
        "weights": direct.weights,
        "reduced_weights": reduce.weights + reduced.weights,
    }


def _global_average_pooling() -> Values:
    return {
        "invented": Working(((7, 7, 1024, 1024),)),
        "real": linear("fc", 1024, 1000).parameters,
    }


def _vgg() -> Values:
    net = natural("vgg16").layers
    dense = _of_kind(net, "linear")
    parameters, all_parameters = _total(dense), _total(net)
    macs, all_macs = _total(dense, "macs"), _total(net, "macs")
    return {
        "parameter_share": fraction(parameters / all_parameters, 1),
        "mac_share": fraction(macs / all_macs, 1),
        "parameters": parameters,
        "all_parameters": all_parameters,
        "macs": macs,
        "all_macs": all_macs,
    }


def _naive_chain() -> Values:
    modules = list(chain(InceptionCosts(*PRESETS["3a"], reduction=False)).values())
    widths = [*(module.in_channels for module in modules), modules[-1].result[0]]
    added = [after - before for before, after in pairwise(widths)]
    return {
        "chain": " → ".join(map(count, widths)),
        "steps": Working(tuple((width,) for width in (widths[0], *added))),
    }


def _small_kernels() -> Values:
    return {
        "channels": CHANNELS,
        "two": _times(2, _weights((3, 3))),
        "five": _weights((5, 5)),
        "three": _times(3, _weights((3, 3))),
        "seven": _weights((7, 7)),
    }


def _split_kernels() -> Values:
    return {
        "channels": CHANNELS,
        "pair": _weights((1, 7)) + _weights((7, 1)),
        "square": _weights((7, 7)),
    }


def _a_million() -> Values:
    net = natural("googlenet · paper form").layers
    vgg = _total(_of_kind(natural("vgg16").layers, "linear"))
    fc = net[-1].parameters.value
    return {"fc": fc, "share": fraction(fc / vgg, 2), "vgg": vgg, "net": _total(net)}


def _alexnet() -> Values:
    net = natural("alexnet · paper form").layers
    return {
        "conv": _total(_of_kind(net, "conv")),
        "fc": _total(_of_kind(net, "linear")),
        "all": _total(net),
    }


def _alexnet_sizes() -> Values:
    """The neurons of the eight layers that learn, a line each."""
    net = natural("alexnet · paper form").layers
    learning = _of_kind(net, "conv") + _of_kind(net, "linear")
    lines = [f"{number}: {_neurons(layer)}" for number, layer in enumerate(learning, 1)]
    return {"missing": learning[3].memory.value // BYTES, "sizes": "\n".join(lines)}


def _resnet_shortcuts() -> Values:
    net = natural("resnet18").layers
    blocks = {layer.name.rsplit(".", 1)[0] for layer in net if layer.name.endswith(".conv1")}
    projections = [layer for layer in net if "downsample" in layer.name]
    projected = len(_of_kind(projections, "conv"))
    return {
        "identities": len(blocks) - projected,
        "projections": projected,
        "working": sum((layer.parameters for layer in projections), Working()),
    }


def _softmax_twice() -> Values:
    logits = [2.0, 1.0, 0.0]
    certain = [1.0] + [0.0] * 9  # what a softmax gives that has nothing left to learn
    return {
        "floor": f"{_cross_entropy(certain):.4f}",
        "once": f"{_cross_entropy(logits):.4f}",
        "twice": f"{_cross_entropy(_softmax(logits)):.4f}",
    }


_CLAIMS: dict[str, Callable[[], Values]] = {
    "mult": _multiplications,
    "gap": _global_average_pooling,
    "vgg": _vgg,
    "naive": _naive_chain,
    "two": _small_kernels,
    "split": _split_kernels,
    "million": _a_million,
    "alexnet": _alexnet,
    "sizes": _alexnet_sizes,
    "resnet": _resnet_shortcuts,
    "softmax": _softmax_twice,
}


def _of_kind(layers: list[Layer], kind: str) -> list[Layer]:
    return [layer for layer in layers if layer.kind == kind]


def _total(layers: list[Layer], quantity: str = "parameters") -> int:
    return sum(getattr(layer, quantity).value for layer in layers)


def _weights(kernel: tuple[int, int]) -> Working:
    """Those of a convolution with ``CHANNELS`` channels in and out."""
    padding = tuple(side // 2 for side in kernel)
    return conv("", (CHANNELS, 14, 14), CHANNELS, kernel, padding=padding).weights


def _times(number: int, working: Working) -> Working:
    return Working(tuple((number, *product) for product in working.products))


def _neurons(layer: Layer) -> Working | str:
    """``13·13·384 = 64,896``; a fully connected layer is its number alone."""
    channels, height, width = layer.result
    if layer.kind == "linear":
        return count(channels)
    return Working(((height, width, channels),))


def _softmax(logits: list[float]) -> list[float]:
    total = sum(map(exp, logits))
    return [exp(value) / total for value in logits]


def _cross_entropy(logits: list[float]) -> float:
    """As PyTorch's, which applies log-softmax itself; the first class is right."""
    return -log(_softmax(logits)[0])

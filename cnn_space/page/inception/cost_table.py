"""A module's costs as rows of plain values, for the endpoint and the CSV file. Always English."""

from cnn_space.costs.closed_forms import Layer
from cnn_space.costs.inception import InceptionCosts
from cnn_space.page.common.texts import say

QUANTITIES = ("weights", "biases", "norm", "parameters", "multiplications", "macs", "flops")
HEADERS = ["branch", "layer", "kernel", "in", "out", "weights", "biases", "batch norm",
           "parameters", "multiplications", "MACs", "FLOPs", "activation bytes"]  # fmt: skip


def layer_name(layer: Layer, module: InceptionCosts, lang: str = "en") -> str:
    """What the paper calls a layer of ``module``: "3×3 reduce", "5×5", "pool proj", …"""
    if layer.kind == "max pool":
        return f"3×3 {say('inception_max_pool', lang)}"
    if layer.name == "branch4.1":
        return say("inception_pool_proj", lang)
    if module.reduction and layer.name == "branch2.0":
        return say("inception_ch3x3red", lang)
    if module.reduction and layer.name == "branch3.0":
        return say("inception_ch5x5red", lang)
    return "×".join(map(str, layer.kernel))


def rows(module: InceptionCosts) -> list[list]:
    """One row per layer under ``HEADERS``, then the total. Shapes as ``192x28x28``."""
    table: list[list] = []
    quantities = (*QUANTITIES, "memory")
    for number, branch in enumerate(module.branches, 1):
        for layer in branch:
            shapes = (_text(shape) for shape in (layer.kernel, layer.source, layer.result))
            costs = (getattr(layer, quantity).value for quantity in quantities)
            table.append([number, layer_name(layer, module), *shapes, *costs])
    totals = (module.total(quantity) for quantity in quantities)
    table.append(["", "total", "", _text(module.source), _text(module.result), *totals])
    return table


def totals(module: InceptionCosts) -> dict[str, int | float]:
    """The module's sums, and those of the naive module beside it."""
    naive, reduced = module.naive, module.reduced
    return {
        "parameters": module.parameters,
        "multiplications": module.total("multiplications"),
        "macs": module.macs,
        "flops": 2 * module.macs,
        "activation_bytes": module.total("memory"),
        "out_channels": module.result[0],
        "naive_parameters": naive.parameters,
        "naive_macs": naive.macs,
        "naive_out_channels": naive.result[0],
        "naive_over_reduced_macs": round(naive.macs / reduced.macs, 4),
    }


def _text(sides: tuple[int, ...]) -> str:
    return "x".join(map(str, sides))

"""A net in a few stages: what runs at one size of its maps."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from cnn_space.costs.closed_forms import Layer, Pair


@dataclass(frozen=True)
class Stage:
    """All layers whose maps have one size: ``side`` (height, width), the ``channels`` of the widest
    map, the number of convolutions and linear layers, and their MACs for one image."""

    side: Pair
    channels: int
    layers: int
    macs: int


def stages(layers: Iterable[Layer]) -> list[Stage]:
    """The stages of a net, from the largest maps to the smallest: [1, C, 1, 1] and vectors."""
    by_side: dict[Pair, list[Layer]] = {}
    widest: dict[Pair, int] = {}
    for layer in layers:
        by_side.setdefault(layer.result[1:], []).append(layer)
        # Branches end in one map, which is seen where a layer takes it; a flattened map is none.
        maps = [layer.result] if layer.kind == "linear" else [layer.source, layer.result]
        for channels, *side in maps:
            widest[tuple(side)] = max(channels, widest.get(tuple(side), 0))
    return [
        Stage(
            side,
            widest[side],
            sum(bool(layer.macs.value) for layer in run),
            sum(layer.macs.value for layer in run),
        )
        for side, run in sorted(by_side.items(), reverse=True)
    ]


@lru_cache(maxsize=64)
def stages_of(
    arch: str, classes: int, size: int, options: tuple[tuple[str, object], ...] = ()
) -> tuple[Stage, ...]:
    """The stages of ``create_model(arch, classes, **dict(options))`` on an image of ``size`` pixels
    a side. No weight is filled; raises what ``create_model`` and ``describe`` raise."""
    import torch

    from cnn_space.costs.walk import describe
    from cnn_space.models.registry import create_model

    with torch.device("meta"):
        net = create_model(arch, classes, **dict(options))
    return tuple(stages(record.layer for record in describe(net, size)))

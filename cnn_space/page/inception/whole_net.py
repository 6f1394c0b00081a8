"""Any net of the registry, layer by layer: what the tab's "whole net" panel shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import groupby

import torch

from cnn_space.costs.closed_forms import Layer
from cnn_space.costs.walk import LayerRecord, describe
from cnn_space.models.heads import is_auxiliary
from cnn_space.models.registry import create_model, facts, input_size, list_models

# The nets that also show their forms: one a family keeps the list short.
_WITH_FORMS = ("alexnet", "vgg16", "googlenet", "resnet18", "densenet121")


def _nets() -> dict[str, tuple[str, Mapping[str, object]]]:
    """By the name that the list shows: the arguments of ``create_model``."""
    nets: dict[str, tuple[str, Mapping[str, object]]] = {}
    for arch in list_models():
        nets[arch] = (arch, {})
        if arch in _WITH_FORMS:
            forms = facts(arch).forms.items()
            nets |= {f"{arch} · {form}": (arch, options) for form, options in forms}
    return nets


NETS = _nets()
START = {"net": "vgg16", "size": 224, "classes": 1000}  # the net whose two bars differ most


@dataclass(frozen=True)
class Walk:
    """The layers of a net: those that run in evaluation, and those of its auxiliary heads, which
    run in training alone. ``stored`` counts the parameters of both."""

    records: tuple[LayerRecord, ...]
    auxiliary: tuple[LayerRecord, ...]
    stored: int

    @property
    def layers(self) -> list[Layer]:
        return [record.layer for record in self.records]

    @cached_property
    def parameters(self) -> int:
        return sum(layer.parameters.value for layer in self.layers)

    @cached_property
    def macs(self) -> int:
        return sum(layer.macs.value for layer in self.layers)


@dataclass(frozen=True)
class Stage:
    """A part of a net, such as "layer3"; ``dense`` when linear layers hold all its parameters.
    The shares are of the whole net, 0..1."""

    name: str
    dense: bool
    parameters: int
    macs: int
    parameter_share: float
    mac_share: float


@lru_cache(maxsize=32)
def walk(net: str, size: int, classes: int) -> Walk:
    """The layers of ``NETS[net]`` on an image of ``size`` × ``size`` pixels.

    Takes about a second for a deep net. Raises SizeError for an image that does not fit.
    """
    arch, options = NETS[net]
    with torch.device("meta"):
        built = create_model(arch, classes, **options)
        stored = sum(parameter.numel() for parameter in built.parameters())
        records = describe(built, size, auxiliary_heads=True)
    evaluation = tuple(record for record in records if not is_auxiliary(record.name))
    auxiliary = tuple(record for record in records if is_auxiliary(record.name))
    return Walk(evaluation, auxiliary, stored)


def natural_side(net: str) -> int:
    """Side in pixels of the images that a net is made for."""
    arch, options = NETS[net]
    return input_size(arch, **options)


def natural(net: str) -> Walk:
    """The layers of a net at its natural size, for 1,000 classes."""
    return walk(net, natural_side(net), 1000)


def stage_name(layer: str) -> str:
    """The part of a net a layer belongs to: "inception4a", "layer3", "denseblock2", "features"."""
    first, *rest = layer.split(".")
    # DenseNet keeps its named stages inside "features", VGG and AlexNet numbers.
    return rest[0] if first == "features" and rest and not rest[0].isdigit() else first


def stages(net: Walk) -> list[Stage]:
    """The parts that store something or do work, in the order they run."""
    stages = []
    for name, group in groupby(net.layers, key=lambda layer: stage_name(layer.name)):
        layers = list(group)
        parameters, macs = (
            sum(getattr(layer, quantity).value for layer in layers)
            for quantity in ("parameters", "macs")
        )
        dense = all(layer.kind == "linear" for layer in layers if layer.parameters.value)
        shares = parameters / (net.parameters or 1), macs / (net.macs or 1)
        if parameters or macs:
            stages.append(Stage(name, dense, parameters, macs, *shares))
    return stages


def matching(records: Sequence[LayerRecord], search: str) -> list[LayerRecord]:
    """The layers whose name, kind or kernel ("3×3", also typed as 3x3) holds ``search``."""
    wanted = _plain(search.strip())
    return [record for record in records if wanted in _plain(_words(record.layer))]


def _words(layer: Layer) -> str:
    return f"{layer.name} {layer.kind} {'×'.join(map(str, layer.kernel or ()))}"


def _plain(text: str) -> str:
    return text.lower().replace(" × ", "x").replace("×", "x")


def csv_rows(records: Sequence[LayerRecord]) -> list[list]:
    """The table of a CSV file: a header, then one row per layer. Always English."""
    rows: list[list] = [
        ["layer", "kind", "kernel", "in", "out", "weights", "biases", "batch norm", "parameters",
         "MACs", "FLOPs", "receptive field", "stride", "activation bytes"]
    ]  # fmt: skip
    for record in records:
        layer, field = record.layer, record.field
        shapes = (_sides(sides) for sides in (layer.kernel or (), layer.source, layer.result))
        stored = (layer.weights, layer.biases, layer.norm, layer.parameters)
        costs = (working.value for working in (*stored, layer.macs, layer.flops))
        fields = (_sides(field.size), _sides(field.stride))
        rows.append([layer.name, layer.kind, *shapes, *costs, *fields, layer.memory.value])
    return rows


def _sides(sides: Sequence[int]) -> str:
    return "x".join(map(str, sides))

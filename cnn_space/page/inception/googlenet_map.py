"""The whole of GoogLeNet as a row of parts: what each stores and does, and the auxiliary heads."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import mean

from cnn_space.costs.closed_forms import Layer, Shape
from cnn_space.costs.inception import PRESETS, InceptionCosts
from cnn_space.page.inception import whole_net
from cnn_space.publishing.experiments import read_card
from cnn_space.weights import catalogue
from cnn_space.weights.card import Card

_log = logging.getLogger(__name__)

NET = "googlenet · paper form"
# The module that each auxiliary head hangs on (Szegedy et al. 2014, section 5).
HEADS = {"4a": "aux1", "4d": "aux2"}


@dataclass(frozen=True)
class Head:
    """An auxiliary head; its layers run in training alone."""

    name: str
    layers: tuple[Layer, ...]

    @property
    def parameters(self) -> int:
        return sum(layer.parameters.value for layer in self.layers)

    @property
    def macs(self) -> int:
        return sum(layer.macs.value for layer in self.layers)


@dataclass(frozen=True)
class Part:
    """ "stem", a module such as "3a", or "classifier": what it hands on, its costs, and its part
    0..1 of the net's MACs. ``head`` is the auxiliary head that hangs on it."""

    name: str
    result: Shape
    parameters: int
    macs: int
    mac_share: float
    head: Head | None = None

    @property
    def is_module(self) -> bool:
        return self.name in PRESETS


@dataclass(frozen=True)
class Experiment:
    """Accuracy in percent on held-out images of the same short training, once a seed, with and
    without auxiliary heads."""

    with_heads: tuple[float, ...]
    without: tuple[float, ...]
    epochs: int
    images: int

    @property
    def gain(self) -> float:
        return mean(self.with_heads) - mean(self.without)


@cache
def parts() -> tuple[Part, ...]:
    """GoogLeNet as published, from the photo to its 1,000 classes."""
    net = whole_net.natural(NET)
    stages = {stage.name: stage for stage in whole_net.stages(net)}
    found = []
    stem = [stage for name, stage in stages.items() if name.startswith("conv")]
    found.append(_part("stem", InceptionCosts(*PRESETS["3a"]).source, stem))
    for name, numbers in PRESETS.items():
        head = _head(HEADS[name], net) if name in HEADS else None
        result = InceptionCosts(*numbers).result
        found.append(_part(name, result, [stages[f"inception{name}"]], head))
    found.append(_part("classifier", net.layers[-1].result, [stages["fc"]]))
    return tuple(found)


def _part(
    name: str, result: Shape, stages: Sequence[whole_net.Stage], head: Head | None = None
) -> Part:
    parameters, macs, share = (
        sum(getattr(stage, quantity) for stage in stages)
        for quantity in ("parameters", "macs", "mac_share")
    )
    return Part(name, result, parameters, macs, share, head)


def _head(name: str, net: whole_net.Walk) -> Head:
    layers = (record.layer for record in net.auxiliary)
    return Head(name, tuple(layer for layer in layers if layer.name.startswith(f"{name}.")))


@cache
def experiment() -> Experiment | None:
    """What the recorded trainings say that the heads bring; None where they are not here. A card
    that cannot be used is left out and logged."""
    runs = {kind: _cards(f"googlenet-{kind}-*.json") for kind in ("aux", "no-aux")}
    if not all(runs.values()):
        return None
    first = runs["aux"][0]
    return Experiment(
        *(tuple(card.accuracy for card in runs[kind]) for kind in ("aux", "no-aux")),
        epochs=first.recipe["epochs"],
        images=first.data.eval_images,
    )


def _cards(pattern: str) -> list[Card]:
    found = []
    for path in sorted((catalogue.CHECKPOINTS / "experiments").glob(pattern)):
        try:
            found.append(read_card(path))
        except ValueError as error:
            _log.warning("an experiment is left out: %s", error)
    return found

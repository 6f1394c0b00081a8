"""How long a net takes for one picture, by its design alone: its weights do not change that."""

from collections.abc import Mapping
from functools import partial

import torch

from cnn_space.inference.comparison import take_turns
from cnn_space.inference.engine import Engine
from cnn_space.models import registry
from cnn_space.weights.card import Card
from cnn_space.weights.records import Loaded, WeightsRecord


def milliseconds(cards: Mapping[str, Card]) -> dict[str, float]:
    """Median milliseconds of one picture in the nets that ``cards`` describe, which take turns.

    They get random weights and run as visitors' own nets do, in PyTorch with batch norm folded
    into the convolutions; then they are dropped.
    """
    runs = {}
    for name, card in cards.items():
        size = card.preprocessing.size
        runs[name] = partial(
            Engine(_with_random_weights(card)).timed, torch.zeros(1, 3, size, size)
        )
    return take_turns(runs)


def _with_random_weights(card: Card) -> Loaded:
    net = registry.create_model(card.arch, card.num_classes, **card.options).eval()
    record = WeightsRecord(
        card.name,
        card.title,
        card.arch,
        card.num_classes,
        tuple(card.labels),
        card.preprocessing,
        options=card.options,
        source="session",  # not converted for ONNX Runtime
    )
    return Loaded(net, record)

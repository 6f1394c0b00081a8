"""Trained weights: the catalogue of what can be loaded, and ``load``.

A weights file is a safetensors file; the JSON card beside it says which net it fits, how a photo
is prepared for it, and how well it does. ``checkpoints/`` holds the weights that come with the
repository; ``published`` lists those of others on the Hub, which are downloaded on first use.
"""

from cnn_space.weights.catalogue import (
    DEFAULT,
    default,
    is_coming,
    is_known,
    is_local,
    list_weights,
    record,
)
from cnn_space.weights.loading import fetch, identify, load
from cnn_space.weights.records import Loaded, WeightsRecord

__all__ = [
    "DEFAULT",
    "Loaded",
    "WeightsRecord",
    "default",
    "fetch",
    "identify",
    "is_coming",
    "is_known",
    "is_local",
    "list_weights",
    "load",
    "record",
]

"""Weights that a training goes on from, or whose answers it learns."""

import torch
from torch import nn

from cnn_space import weights
from cnn_space.images.image_set import ImageSet
from cnn_space.images.sources import Source
from cnn_space.training import cards
from cnn_space.weights.card import Card


def load_earlier(
    name: str, source: Source, tag: str, everything: ImageSet, held_out: ImageSet
) -> weights.Loaded:
    """The weights ``name``, which were trained on ``source`` by the command ``train``; photos on
    this machine are known by their ``tag``.

    ``everything`` is its split train, ``held_out`` the part of it that the new training is measured
    on. Raises ValueError where the weights were not trained on this set by this command, or may
    have learned some of the images that are held out now.
    """
    loaded = weights.load(name)
    card = loaded.record.read_card()
    if source.hub is None:
        same_set = (card.data.source, card.data.tag) == (None, tag)
    else:
        same_set = card.data.origin == source.hub
    same_set = same_set and card.labels == list(held_out.classes)
    if not same_set or card.data.holdout_images is None or card.images_seen is None:
        raise ValueError(f"{name} was not trained on this set by this command")
    # `split` holds out the first so many images of each class, always in the same random order.
    _, held_then = everything.split(card.data.holdout_images, seed=0)
    if (torch.tensor(held_then.counts) < torch.tensor(held_out.counts)).any():
        raise ValueError(
            f"{name} was trained with {len(held_then)} images held out, fewer than "
            f"{len(held_out)}: some would not be unseen (--holdout)"
        )
    return loaded


def start_from(loaded: weights.Loaded, net: nn.Module) -> Card:
    """Copy weights into ``net``, except into its auxiliary heads. Returns their card.

    Raises ValueError where they are another net's."""
    state = loaded.net.state_dict()
    shapes = {key: value.shape for key, value in cards.without_aux(net).items()}
    if {key: value.shape for key, value in state.items()} != shapes:
        raise ValueError(f"{loaded.record.name} holds another net than the one to train")
    net.load_state_dict(state, strict=False)
    return loaded.record.read_card()

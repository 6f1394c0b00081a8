"""The command that repeats a recorded training, from its card."""

import json
import shlex

from cnn_space.images.sources import SOURCES
from cnn_space.models import registry
from cnn_space.training.recipes import Recipe, recipe_for
from cnn_space.weights.card import Card


def command(card: Card, out: str = "my_nets") -> str:
    """The command line that trains the net of ``card`` again: its options, what its recipe has
    other than the usual one of the net, its images and its seed. ``out`` is the folder of the
    result, for the card's own is taken.

    It is for a training from random weights without teachers, of a set in ``SOURCES``."""
    words = ["python", "-m", "cnn_space", "train", card.arch]
    words += _images(card)
    words += _recipe(card)
    for name, value in net_options(card).items():
        words += ["--option", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    return shlex.join([*words, "--experiment", card.name, "--out", out])


def net_options(card: Card) -> dict:
    """The options of the net that ``train`` must be given: those that it would not choose itself
    for images of this size."""
    usual = registry.design(card.arch, card.preprocessing.size).options
    given = {name: value for name, value in card.options.items() if usual.get(name) != value}
    # A card describes the net as it answers, without auxiliary heads, however it was trained.
    if card.recipe.get("aux_weight"):
        given.pop("aux", None)
    return given


def _images(card: Card) -> list[str]:
    data, source = card.data, SOURCES.get(card.data.tag)
    words = ["--data", data.tag] if data.tag else []
    if source and data.holdout_images not in (None, source.holdout):
        words += ["--holdout", str(data.holdout_images)]
    if data.train_images is not None:
        words += ["--limit", str(data.train_images)]
    return words


def _recipe(card: Card) -> list[str]:
    known = {name: card.recipe[name] for name in Recipe.model_fields if name in card.recipe}
    recipe = Recipe(**known).model_dump()
    usual = recipe_for(card.arch, card.data.tag or "").model_dump()
    # The usual rate follows the batch size and is for one optimiser.
    follows = ("batch_size", "optimizer", "lr")
    given = {name for name, value in recipe.items() if value != usual[name]}
    given |= {"seed"} | ({"lr"} if given.intersection(follows) else set())
    words = []
    for name in recipe:
        flag = name.replace("_", "-")
        if name not in given:
            continue
        if isinstance(recipe[name], bool):
            words.append(f"--{flag}" if recipe[name] else f"--no-{flag}")
        else:
            words += [f"--{flag}", str(recipe[name])]
    return words

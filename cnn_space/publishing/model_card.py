"""What people read on the Hub: the model card of a net, and the README over all of them.

The texts are templates in ``templates/``; everything they say comes from the JSON cards that
training wrote beside the weights.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cnn_space import formats
from cnn_space.images.preprocessing import Preprocessing
from cnn_space.images.sources import SOURCES
from cnn_space.publishing.metadata import data_set, front_matter
from cnn_space.training.recipes import small_sides
from cnn_space.weights.card import CROSS_VALIDATED, Card, Data, Earlier

# What is known of the terms of each set's images, which are not ours to license.
DATA_TERMS = {
    "cifar10": "CIFAR-10 (A. Krizhevsky, 2009) comes without a stated licence; its authors ask to "
    "cite their report.",
    "imagenette": "Imagenette's images are ImageNet's, whose terms allow research and teaching.",
    "stl10": "STL-10's images are ImageNet's, whose terms allow research and teaching.",
}


def card_text(card: Card, repo: str) -> str:
    """The model card of one net, in Markdown, for the repository ``repo``."""
    return _render(
        "model_card.md.txt",
        card=card,
        repo=repo,
        front_matter=front_matter([card]),
        accuracy=_accuracy(card),
        settings=_table_of_settings(card),
        earlier=_earlier(card),
        terms=_terms([card]),
    )


def readme_text(cards: Sequence[Card], repo: str) -> str:
    """The README of the repository that holds all of ``cards``, in this order."""
    return _render(
        "readme.md.txt",
        cards=cards,
        repo=repo,
        front_matter=front_matter(cards),
        terms=_terms(cards),
    )


def _render(template: str, **values) -> str:
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    # Markdown, so nothing is escaped as HTML.
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"accuracy": formats.accuracy, "cell": _cell, "count": _count}
    return environment


def _cell(value: object) -> str:
    """A value as the cell of a Markdown table."""
    return str(value).replace("|", "\\|").replace("\n", " ")


def _count(number: int | None) -> str:
    """A count, which a card may leave out."""
    return "" if number is None else formats.count(number)


def _accuracy(card: Card) -> str:
    """How many images of which the net answers right, as a sentence."""
    data, few = card.data, formats.is_few(card.data.eval_images)
    count = "" if few or data.eval_images is None else f"{formats.count(data.eval_images)} "
    if data.eval_split == CROSS_VALIDATED:
        which = f"{count}images, each judged by a net that did not learn from it"
    elif data.eval_split:
        which = f"the {count}images of the {data.eval_split} split"
    else:
        which = f"{count}held-out images"
    figure = formats.accuracy(card.accuracy, data.eval_images, 2)
    if few:
        return f"**{figure} right** ({which}; too few for a percentage)."
    note = f" ({data.note})" if data.note else ""
    return f"**Top-1 accuracy {figure}** on {which}{note}."


def _terms(cards: Sequence[Card]) -> list[str]:
    """What is known of the terms of the sets that ``cards`` learned from."""
    sets = {data_set(card) for card in cards}
    return [words for tag, words in DATA_TERMS.items() if SOURCES[tag].hub in sets]


def _table_of_settings(card: Card) -> dict[str, object]:
    """How the net was trained, as rows of a table."""
    seconds = card.wall_time_s
    rows = {
        "data": ", ".join(filter(None, [card.data.name, card.data.note])),
        "images held out for every choice": _count(card.data.holdout_images),
        "images seen": _count(card.images_seen),
        "seed": card.seed,
        "wall time": f"{seconds:,.0f} s" if seconds else None,
    }
    rows |= card.environment.model_dump(exclude_unset=True)
    rows |= _settings(card, card.data, card.preprocessing)
    return {key: value for key, value in rows.items() if value not in (None, "")}


def _settings(
    training: Card | Earlier, data: Data, preprocessing: Preprocessing
) -> dict[str, object]:
    """The settings that had an effect on a training; its image sizes are summed up in one row."""
    recipe = training.recipe
    left_out = {"small_side", "small_share"}
    left_out |= {"momentum"} if recipe.get("optimizer") == "adamw" else set()
    left_out |= {"pad": {"min_area"}, "resized": {"pad"}}.get(
        recipe.get("crop"), {"pad", "min_area"}
    )
    teachers = ", ".join(teacher.name for teacher in training.teachers)
    left_out |= set() if teachers else {"distillation"}
    settings = {
        "images for training": _count(data.train_images),
        "trained at": _image_sizes(recipe, preprocessing.size),
    }
    if teachers:
        settings["teachers"] = teachers
    return settings | {key: value for key, value in recipe.items() if key not in left_out}


def _image_sizes(recipe: dict, side: int) -> str:
    """The sizes in pixels that the net was trained at; ``side`` is the size it is used at."""
    share = recipe.get("small_share", 0)
    small = ", ".join(map(str, small_sides(recipe.get("small_side", 0), side)))
    if not small or not share:
        return f"{side} pixels"
    if share == 1:
        return f"{small} pixels, judged at {side}"
    return f"{small} pixels in the first {share:.0%} of the epochs, then {side}"


def _earlier(card: Card) -> list[str]:
    """Of each training before the card's own, the last one first: the settings that differed from
    those of the training after it."""
    data, preprocessing = card.data, card.preprocessing
    after = _settings(card, data, preprocessing)
    texts = []
    for training in card.trainings()[1:]:
        data, preprocessing = training.data or data, training.preprocessing or preprocessing
        settings = _settings(training, data, preprocessing)
        shown = {"teachers": "none"} | settings if "teachers" in after else settings
        differing = [f"{key} {value}" for key, value in shown.items() if after.get(key) != value]
        texts.append(", ".join(differing) or "the same settings")
        after = settings
    return texts

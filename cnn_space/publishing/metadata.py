"""What the Hub reads at the head of a README: licence, tags, data sets, and the measured accuracy
of each net (``model-index``)."""

from collections.abc import Sequence

from cnn_space import formats
from cnn_space.images.sources import SOURCES
from cnn_space.weights.card import Card

LICENSE = "apache-2.0"


def front_matter(cards: Sequence[Card]) -> str:
    """The metadata of a repository that holds the weights of ``cards``, as a block of YAML."""
    from huggingface_hub import ModelCardData
    from huggingface_hub.utils import yaml_dump

    known = {source.hub for source in SOURCES.values()}
    data_sets = [name for card in cards if (name := data_set(card)) in known]
    data = ModelCardData(
        license=LICENSE,
        library_name="cnn-space",
        pipeline_tag="image-classification",
        tags=["image-classification", "cnn", *dict.fromkeys(card.arch for card in cards)],
        metrics=["accuracy"],
        datasets=list(dict.fromkeys(data_sets)) or None,
    )
    # Not given to ModelCardData, which would put the results of all nets under one name.
    index = {"model-index": [entry for card in cards for entry in _results(card)]}
    return f"---\n{yaml_dump(data.to_dict() | index, sort_keys=False)}---\n"


def data_set(card: Card) -> str | None:
    """The Hub name of the set that the net learned from, where it is known."""
    return card.data.model_copy(update={"tag": _tag(card)}).origin


def _tag(card: Card) -> str:
    return card.data.tag or card.name.rpartition(".")[2]


def _results(card: Card) -> list[dict]:
    """The card's entries of ``model-index``."""
    from huggingface_hub import EvalResult
    from huggingface_hub.repocard_data import eval_results_to_model_index

    data = card.data
    if formats.is_few(data.eval_images):  # the Hub would show a percentage
        return []
    name = data.name or _tag(card)
    result = EvalResult(
        task_type="image-classification",
        task_name="Image classification",
        dataset_type=data_set(card) or _tag(card),
        # A copy of a set is not the set: its note goes with the name.
        dataset_name=f"{name} ({data.note})" if data.note else name,
        dataset_split=data.eval_split,
        metric_type="accuracy",
        metric_name="Top-1 accuracy (%)",
        metric_value=round(card.accuracy, 2),
    )
    return eval_results_to_model_index(card.name, [result])

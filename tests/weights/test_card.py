"""The card: one schema that reads every card written so far, and refuses a stranger's nonsense."""

import json
from pathlib import Path

import pytest

from cnn_space.weights import card as cards

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"
STORED = [path for path in sorted(CHECKPOINTS.rglob("*.json")) if path.parent.name != "generators"]


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_a_stored_card_is_read_and_written_back_unchanged(path, tmp_path):
    card = cards.read(path)
    cards.write(tmp_path / "again.json", card)
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


def little(**changes) -> dict:
    return {
        "name": "lenet5.cifar10",
        "title": "LeNet-5",
        "arch": "lenet5",
        "num_classes": 2,
        "labels": ["cat", "dog"],
        "preprocessing": {
            "resize": 32,
            "size": 32,
            "crop": "center",
            "interpolation": "bicubic",
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
        },
    } | changes


def read(tmp_path: Path, text: str) -> cards.Card:
    path = tmp_path / "lenet5.cifar10.json"
    path.write_text(text)
    return cards.read(path)


def test_numbers_and_unknown_fields_are_kept_as_they_are(tmp_path):
    facts = little(accuracy=90, wall_time_s=1.50, later={"a": [1, None, {"b": 0.5}]})
    card = read(tmp_path, json.dumps(facts))
    again = json.loads(cards.write(tmp_path / "again.json", card).read_text())
    assert again == facts and type(again["accuracy"]) is int
    assert card.history == [] and card.seed is None and card.data.name == ""


def test_all_trainings_of_a_card_the_last_first(tmp_path):
    first = {"environment": {"device": "old CPU"}}
    facts = little(environment={"device": "new CPU"}, continues={"continues": first})
    trainings = read(tmp_path, json.dumps(facts)).trainings()
    assert [one.environment.device for one in trainings] == ["new CPU", "", "old CPU"]


@pytest.mark.parametrize(
    ("data", "hub"),
    [
        ({"source": "me/cifar10", "tag": "cifar10"}, "me/cifar10"),
        ({"tag": "cifar10"}, "uoft-cs/cifar10"),
        ({"tag": "flowers"}, None),
        ({}, None),
    ],
)
def test_the_set_that_a_net_learned_from(data, hub):
    assert cards.Data(**data).origin == hub


def deep(levels: int) -> str:
    return '{"continues": ' * levels + "{}" + "}" * levels


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("1" * 100_000, "is not a card: Invalid JSON: number out of range"),
        (f'{{"name": {"1" * 100_000}}}', "is not a card: Invalid JSON: number out of range"),
        ('{"labels": ' + "[" * 100_000, "is not a card: Invalid JSON: recursion limit"),
        (deep(1000), "is not a card: Invalid JSON: recursion limit"),
        ('{"name": "\\ud800"}', "is not a card"),
        ("null", "holds no JSON object"),
        (" " * (cards.MAX_BYTES + 1), "larger than a card can be"),
        (json.dumps(little(x="y" * 200_000)), "too much in the unknown field 'x'"),
        (json.dumps(little(**{f"x{i}": 1 for i in range(60)})), "more than 50 unknown fields"),
        (json.dumps({"name": "lenet5.cifar10"}), "'title'"),
        (json.dumps(little(history=[{"epoch": 1, "train_loss": "low"}])), "'history.0.train_loss'"),
        (json.dumps(little(history=[{"epoch": -1}])), "'history.0.epoch'"),
        (json.dumps(little(history={"epoch": 1})), "'history'"),
        (json.dumps(little(per_class={"cat": float("nan")})), "'per_class.cat'"),
        (json.dumps(little(confusion=[[1, 2], [3, "4"]])), "'confusion.1.1'"),
        (json.dumps(little(teachers=["vgg16.cifar10"])), "'teachers.0'"),
        (json.dumps(little(continues={"recipe": {"lr": [0.1]}})), "'continues.recipe.lr'"),
        (json.dumps(little(data=[])), "'data'"),
        (
            json.dumps(little(preprocessing={**little()["preprocessing"], "crop": "x" * 10_000})),
            "'preprocessing': crop is 'center', got 'xxx",
        ),
        (json.dumps(little(data={"eval_images": 1e400})), "'data.eval_images'"),
        (json.dumps(little(seed=10**300)), "'seed'"),
        (json.dumps(little(environment={"device": "x" * 5000})), "'environment.device'"),
        (json.dumps(little(labels=["cat"])), "'labels' must be 2 names"),
    ],
)
def test_nonsense_is_refused_by_file_and_field(tmp_path, text, complaint):
    with pytest.raises(ValueError) as refused:
        read(tmp_path, text)
    sentence = str(refused.value)
    assert str(tmp_path / "lenet5.cifar10.json") in sentence and complaint in sentence
    assert len(sentence) < 600 and "\n" not in sentence

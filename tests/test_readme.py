"""The README's figures about trained nets are those of the JSON files beside them."""

import json
from pathlib import Path
from statistics import mean

import pytest

from cnn_space import weights
from cnn_space.training import cards

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def experiments(name: str) -> list[dict]:
    folder = weights.CHECKPOINTS / "experiments"
    return [json.loads((folder / f"{name}-seed{seed}.json").read_text()) for seed in range(3)]


def test_the_accuracy_table_is_the_printed_one():
    assert cards.table(weights.CHECKPOINTS) in README


@pytest.mark.parametrize(
    ("name", "told"), [("googlenet-aux", "With the heads"), ("googlenet-no-aux", "without")]
)
def test_the_accuracies_of_the_experiments_are_the_files_own(name, told):
    found = [card["accuracy"] for card in experiments(name)]
    text = " ".join(README.split())
    average = f"{told}: {mean(found):.2f} %"
    assert average in text
    assert f"({min(found):.2f} to {max(found):.2f})" in text.split(average)[1][:45]


def test_the_experiments_differ_in_their_heads_and_seeds_alone():
    pairs = zip(experiments("googlenet-aux"), experiments("googlenet-no-aux"), strict=True)
    for seed, (on, off) in enumerate(pairs):
        assert on["recipe"] == off["recipe"] | {"aux_weight": 0.3}
        assert off["recipe"]["aux_weight"] == 0 and on["recipe"]["seed"] == seed
        assert on["data"] == off["data"] and on["data"]["eval_split"] == "held out of train"

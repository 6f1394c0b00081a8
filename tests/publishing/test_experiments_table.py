"""The short trainings: their means and spreads, and the commands that repeat them."""

import argparse
import math
import shlex
from statistics import mean

import pytest
import short_trainings
import torch
from scipy.stats import ttest_ind

from cnn_space.__main__ import main
from cnn_space.cli.train import add_train
from cnn_space.cli.training_job import Job
from cnn_space.costs import walk
from cnn_space.publishing import experiments
from cnn_space.publishing.experiments import Difference
from cnn_space.publishing.repeat import command
from cnn_space.training.recipes import Recipe
from cnn_space.weights import card as cards
from cnn_space.weights import catalogue


@pytest.fixture
def folder(tmp_path):
    short_trainings.write_all(tmp_path)
    return tmp_path


@pytest.fixture
def recorded(folder):
    return experiments.read(folder).runs


def apart(recorded, variant: str) -> Difference:
    return experiments.difference(recorded[variant], recorded["googlenet"])


def test_what_is_recorded_stands_in_its_order_and_the_rest_is_left_out(folder, recorded, caplog):
    assert list(recorded) == [
        "googlenet", "googlenet-aux", "googlenet-3x3-twice", "googlenet-naive", "resnet18",
    ]  # fmt: skip
    assert [len(runs.cards) for runs in recorded.values()] == [3, 3, 3, 1, 3]
    # Without its twin there is nothing to put beside ResNet-18.
    assert experiments.ideas(recorded) == [
        "googlenet-aux",
        "googlenet-3x3-twice",
        "googlenet-naive",
    ]
    assert experiments.base_of("googlenet", recorded) is None
    (folder / "short-googlenet-aux-seed1.json").write_text("{}")
    assert [card.seed for card in experiments.read(folder).runs["googlenet-aux"].cards] == [0, 2]
    assert "short-googlenet-aux-seed1.json" in caplog.text
    assert not experiments.read(folder / "elsewhere").runs


def test_mean_and_curves_are_those_of_the_seeds(recorded):
    base = recorded["googlenet"]
    assert base.mean == 71.0 and base.accuracies == (70.0, 71.0, 72.0) and base.epochs == 3
    assert base.curves()[2] == [(1, 52.0), (2, 62.0), (3, 72.0)]
    assert base.mean_curve() == [(1, 51.0), (2, 61.0), (3, 71.0)]


def test_a_mean_curve_ends_where_one_of_its_seeds_does(tmp_path):
    short_trainings.write(tmp_path, "resnet18", (80.0, 90.0))
    path = tmp_path / "short-resnet18-seed1.json"
    card = cards.read(path)
    cards.write(path, card.model_copy(update={"history": card.history[:2]}))
    assert experiments.read(tmp_path).runs["resnet18"].mean_curve() == [(1, 65.0), (2, 75.0)]


def test_the_difference_by_hand(recorded):
    # Both variances are 1, so the error is √(1/3 + 1/3) with 4 degrees of freedom, for which
    # Student's t is 2.7764.
    heads = apart(recorded, "googlenet-aux")
    assert heads.points == 7.0 and heads.margin == pytest.approx(
        2.7764 * math.sqrt(2 / 3), abs=1e-3
    )
    assert heads.is_clear
    twice = apart(recorded, "googlenet-3x3-twice")
    assert twice.points == pytest.approx(0.5) and not twice.is_clear


def test_the_margin_is_scipys(recorded):
    for variant in ("googlenet-aux", "googlenet-3x3-twice"):
        sides = recorded[variant].accuracies, recorded["googlenet"].accuracies
        low, high = ttest_ind(*sides, equal_var=False).confidence_interval(0.95)
        assert apart(recorded, variant).margin == pytest.approx((high - low) / 2)


def test_a_single_run_has_no_margin_and_is_never_clear(recorded):
    naive = apart(recorded, "googlenet-naive")
    assert naive == Difference(-11.0, None) and not naive.is_clear


def test_runs_that_end_alike_have_no_margin_of_error(tmp_path):
    for variant, accuracy in (("googlenet", 70.0), ("googlenet-fc", 71.0)):
        short_trainings.write(tmp_path, variant, (accuracy, accuracy))
    assert apart(experiments.read(tmp_path).runs, "googlenet-fc") == Difference(1.0, 0.0)


def test_what_else_differs_is_known_from_the_recipe(recorded):
    base = recorded["googlenet"]
    assert experiments.unlike(recorded["googlenet-naive"], base) == {"epochs": (1, 3)}
    # Their weight belongs to the heads.
    assert experiments.unlike(recorded["googlenet-aux"], base) == {}


def test_the_table(recorded):
    by_name = {row["variant"]: row for row in experiments.rows(recorded)}
    assert all(tuple(row) == experiments.COLUMNS for row in by_name.values())
    assert by_name["googlenet-naive"] == {
        "variant": "googlenet-naive", "options": "aux=false reduction=false", "seeds": 1,
        "epochs": 1, "accuracy": 60.0, "lowest": 60.0, "highest": 60.0, "difference": -11.0,
        "margin": None, "parameters": 6_000_000, "macs": 360_000_000,
    }  # fmt: skip
    assert by_name["googlenet"]["difference"] is None
    assert by_name["googlenet-aux"]["margin"] == 2.27


def test_the_command_prints_it(folder, monkeypatch, capsys):
    (folder / "experiments").mkdir()
    short_trainings.write_all(folder / "experiments")
    monkeypatch.setattr(catalogue, "CHECKPOINTS", folder)
    assert main(["table", "--experiments"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "**CIFAR-10** (JPEG-75 copy), 20,000 images to learn from: accuracy on 5,000 images held "
        "out of train.",
        "",
    ]
    assert len(lines) == 2 + 2 + 5
    assert (
        "| `googlenet-3x3-twice` | `aux=false kernel5x5=3+3` | 3 of 3 | 3 | 71.50 % "
        "| 70.50 to 73.00 | +0.50 ± 2.74 | 6,000,000 | 360.0 M |"
    ) in lines
    monkeypatch.setattr(catalogue, "CHECKPOINTS", folder / "nowhere")
    assert main(["table", "--experiments"]) == 2
    assert "there are no trainings" in capsys.readouterr().err


@pytest.fixture
def sizes_fit(monkeypatch):
    """A training tries its net at every size first, which takes seconds and is not asked here."""
    monkeypatch.setattr(walk, "describe", lambda net, size: None)


def job(line: str, folder) -> Job:
    """The training that a command line asks for, its folders elsewhere."""
    python, minus_m, package, *words = shlex.split(line)
    assert (python, minus_m, package) == ("python", "-m", "cnn_space")
    parser = argparse.ArgumentParser()
    add_train(parser.add_subparsers())
    options = parser.parse_args(words)
    assert str(options.out) == "my_nets"
    options.out = options.runs = folder
    return Job(options, torch.device("cpu"))


RECORDED = sorted((catalogue.CHECKPOINTS / "experiments").glob("*-seed0.json"))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
@pytest.mark.usefixtures("sizes_fit")
def test_the_command_asks_for_the_training_of_the_card(path, tmp_path):
    card = cards.read(path)
    asked = job(command(card), tmp_path)
    known = {name: card.recipe[name] for name in Recipe.model_fields if name in card.recipe}
    assert asked.recipe == Recipe(**known) and asked.name == card.name
    assert asked.options.limit == card.data.train_images and asked.tag == card.data.tag
    with torch.device("meta"):
        design, net = asked._build(card.preprocessing.size, card.num_classes)
    trained = design.options | ({"aux": False} if "aux" in card.options else {})
    assert trained == card.options
    assert ("aux1" in dict(net.named_children())) == bool(card.recipe["aux_weight"])
    inside = (p.numel() for name, p in net.named_parameters() if not name.startswith("aux"))
    assert sum(inside) == card.parameters


@pytest.mark.usefixtures("sizes_fit")
def test_the_command_says_what_differs_and_nothing_else(folder, tmp_path):
    card = cards.read(folder / "short-googlenet-3x3-twice-seed2.json")
    assert command(card) == (
        "python -m cnn_space train googlenet --data cifar10 --limit 20000 --epochs 3 "
        "--batch-size 64 --lr 0.06 --cutout 0 --small-side 16 --small-share 0.66 --seed 2 "
        "--option aux=false --option kernel5x5=3+3 "
        "--experiment short-googlenet-3x3-twice-seed2 --out my_nets"
    )
    held_out = card.data.model_copy(update={"holdout_images": 1000})
    recipe = card.recipe | {"sync_norm": True, "optimizer": "adamw"}
    other = card.model_copy(update={"data": held_out, "recipe": recipe})
    asked = job(command(other), tmp_path / "other")
    assert asked.recipe.sync_norm and asked.recipe.optimizer == "adamw"
    assert asked.options.holdout == 1000
    # With the heads, nothing is said of them: the net has them.
    heads = cards.read(folder / "short-googlenet-aux-seed0.json")
    assert "aux" not in command(heads).replace(heads.name, "")


def test_means_are_of_the_cards_that_are_committed():
    """Every card in the repository can be read, and is one of a variant's."""
    folder = catalogue.CHECKPOINTS / "experiments"
    recorded = experiments.read(folder).runs
    assert sum(len(runs.cards) for runs in recorded.values()) == len([*folder.glob("short-*.json")])
    for runs in recorded.values():
        found = [card.accuracy for card in runs.cards]
        assert runs.mean == pytest.approx(mean(found)) and len(found) <= experiments.SEEDS

"""``train dcgan``: a generator at its ages, and the digits that it draws."""

import json
import math
import re

import pytest
import torch

from cnn_space.__main__ import main
from cnn_space.cli import adversarial_job
from cnn_space.inference.forging import forge, latents
from cnn_space.training.adversarial import AdversarialRun
from cnn_space.weights import catalogue, generators


@pytest.fixture
def train(tmp_path, monkeypatch):
    """``train(*more arguments)``: two epochs of 128 digits a step, both of them ages."""
    monkeypatch.setattr(catalogue, "CHECKPOINTS", tmp_path)
    monkeypatch.setattr(adversarial_job, "AGES", (1, 300))
    monkeypatch.chdir(tmp_path)

    def run(*more: str) -> int:
        plain = "train dcgan --data digits --device cpu --epochs 2 --batch-size 128"
        return main([*plain.split(), *more])

    return run


def test_a_training_leaves_a_generator_at_its_ages(train, tmp_path, capsys):
    assert train() == 0
    card = generators.read_card()
    assert card.ages == (1, 2) and card.parameters == 41_665 and card.dtype == "float16"
    assert card.discriminator_parameters == 33_697
    assert (card.data.train_images, card.data.holdout_images) == (899, 898)
    assert card.recipe == {"epochs": 2, "batch_size": 128, "lr": 0.0004, "momentum": 0.5,
                           "average": 0.99, "seed": 0}  # fmt: skip
    log = (tmp_path / "runs" / "dcgan.digits" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in log] == card.history
    assert f"distance {card.history[-1]['distance']:.3f}" in capsys.readouterr().out
    young, old = (generators.load(age) for age in (1, 2))
    assert not torch.equal(young.project.weight, old.project.weight)
    drawn = forge(old, latents(4))
    assert drawn.shape == (4, 1, 8, 8) and drawn.dtype == torch.uint8 and drawn.max() <= 16
    assert "dcgan.digits" not in catalogue.list_weights()

    assert train() == 2  # nothing is replaced
    assert "this would replace dcgan.digits" in capsys.readouterr().err

    path = tmp_path / "generators" / card.file
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(ValueError, match="is damaged: its sha256 is not its card's"):
        generators.load(1)
    with pytest.raises(ValueError, match="age is 1 to 2, not 3"):
        generators.load(3)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("--data cifar10", "dcgan learns the digits: --data digits"),
        ("--cutout 8", "dcgan has no --cutout"),
        ("--teacher nin.cifar10", "dcgan has no --teacher"),
        ("--resume", "dcgan has no --resume"),
        ("--name ../mine.digits", "weights are called NET.DATA"),
        ("--batch-size 1000", "a batch of 1000 needs as many digits: 899"),
    ],
)
def test_what_makes_no_sense_here_is_said(train, capsys, more, why):
    assert train(*more.split()) == 2
    assert why in capsys.readouterr().err


def test_ctrl_c_ends_in_a_sentence(train, tmp_path, capsys, monkeypatch):
    def interrupted(run):
        run.history.append({"epoch": 1, "distance": 1.0})
        yield run.history[0]
        raise KeyboardInterrupt

    monkeypatch.setattr(AdversarialRun, "__iter__", interrupted)
    assert train() == 130
    said = capsys.readouterr().err
    assert "after 1 of 2 epochs only runs/dcgan.digits/log.jsonl is kept: delete it" in said
    assert not list((tmp_path / "generators").iterdir())


def test_a_log_is_never_overwritten(train, tmp_path, capsys):
    log = tmp_path / "runs" / "dcgan.digits" / "log.jsonl"
    log.parent.mkdir(parents=True)
    log.write_text("an hour's work\n")
    assert train("--out", "other") == 2
    assert "log.jsonl is the log of an earlier training: give another --name" in (
        capsys.readouterr().err
    )
    assert log.read_text() == "an hour's work\n" and not list((tmp_path / "other").glob("*.json"))


def test_a_loss_that_is_no_number_ends_in_a_sentence(train, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(AdversarialRun, "step", lambda run, real: torch.tensor([0.1, math.nan]))
    assert train("--lr", "0.9") == 2
    said = capsys.readouterr().err
    assert "a loss is not a number any more (epoch 1): try a lower learning rate than 0.9" in said
    assert not list((tmp_path / "generators").iterdir())


def test_a_generator_that_draws_one_picture_is_kept_with_a_warning(train, capsys):
    assert train("--lr", "0.9") == 0
    said = capsys.readouterr().err
    assert re.search(r"warning: .* dcgan.digits differ 0\.\d% as much as digits do", said)
    assert "try a lower learning rate than 0.9, or more epochs than 2" in said
    assert generators.read_card().ages == (1, 2)


def test_weights_too_large_for_their_file_are_not_written(train, tmp_path, capsys, monkeypatch):
    """In half precision a value above 65,504 is infinite."""
    monkeypatch.setattr(AdversarialRun, "step", lambda run, real: torch.zeros(2))
    state = AdversarialRun(*adversarial_job.digit_halves()).generator.state_dict()
    state["grow.1.running_var"][3] = 1e5
    monkeypatch.setattr(adversarial_job, "_follow", lambda run, ages, log: [state])
    assert train() == 2
    said = capsys.readouterr().err
    assert "no numbers (NaN or infinity) in 1.grow.1.running_var as torch.float16" in said
    assert "lower learning rate" in said and not list((tmp_path / "generators").iterdir())


def test_the_ages_rise_to_the_last_epoch():
    assert list(adversarial_job.AGES) == sorted(set(adversarial_job.AGES))

"""``table``: what the cards say, and cards that say nothing."""

import json

import pytest
from throwaway import read_card

from cnn_space.__main__ import main
from cnn_space.publishing.table import table
from cnn_space.weights import catalogue


def test_the_table_comes_from_the_cards(train, capsys):
    assert train("--epochs", "1") == 0
    card = read_card(train.folder / "checkpoints" / "lenet5.cifar10.json")
    capsys.readouterr()
    assert main(["table"]) == 0
    out = capsys.readouterr().out
    row = next(line for line in out.splitlines() if "`lenet5.cifar10`" in line)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert f"{card['accuracy']:.2f} %" in cells and "65–74 %" in cells and "61,411" in cells
    assert "**CIFAR-10** (original pixels): accuracy on the 30 images of test." in out
    assert {line.count("|") for line in out.splitlines() if "|" in line} == {row.count("|")}


def test_the_table_names_every_machine_once_in_order(train, tmp_path):
    assert train("--epochs", "1") == 0
    card = read_card(train.folder / "checkpoints" / "lenet5.cifar10.json")

    def on(device, **more):
        return {"environment": {"device": device}} | more

    before = on("slow CPU", continues=on("old CPU", continues=on("slow CPU")))
    (tmp_path / "net.json").write_text(json.dumps(card | on("new CPU", continues=before)))
    assert "| slow CPU; old CPU; new CPU |" in table(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"data": {"name": "CIFAR-10"}}'])
def test_the_table_names_a_card_that_is_wrong(tmp_path, monkeypatch, capsys, text):
    monkeypatch.setattr(catalogue, "CHECKPOINTS", tmp_path)
    (tmp_path / "lenet5.cifar10.json").write_text(text)
    assert main(["table"]) == 2
    assert "lenet5.cifar10.json is not a card of a training" in capsys.readouterr().err

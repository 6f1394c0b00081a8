"""The fold of the experiments in the Compare tab: its sentences, curves, table and command."""

import json
from dataclasses import fields
from typing import Literal, get_args, get_origin

import gradio as gr
import pytest
import short_trainings
from markup import files, parse, sheet, text, with_class
from visitors import ENGLISH, KOREAN, by_name

from cnn_space.inference import design_times
from cnn_space.page.common.texts import LANGUAGES, TEXTS
from cnn_space.page.compare import experiments as fold
from cnn_space.page.compare import experiments_view as view
from cnn_space.page.compare.experiments import Fold, experiments
from cnn_space.publishing import experiments as trainings
from cnn_space.publishing.repeat import command
from cnn_space.training.recipes import Recipe
from cnn_space.weights import card as cards
from cnn_space.weights import catalogue

on = by_name(Fold)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Experiments in place of those of the repository."""
    monkeypatch.setattr(catalogue, "CHECKPOINTS", tmp_path)
    short_trainings.write_all(tmp_path / "experiments")
    fold._times.cache_clear()
    yield tmp_path / "experiments"
    fold._times.cache_clear()


def finding(idea: str, request=ENGLISH) -> str:
    (said,) = with_class(on.show(idea, request)["about"], "finding")
    return text(said)


def test_every_variant_has_its_words():
    for name, idea in trainings.VARIANTS.items():
        for lang in LANGUAGES:
            words = TEXTS[lang]
            assert words[f"compare_variant_{name}"]
            if idea:
                assert words[f"compare_idea_{name}"] and words[f"compare_about_{name}"]


@pytest.mark.usefixtures("folder")
def test_a_clear_difference_says_how_clear():
    said = finding("googlenet-aux")
    assert said.startswith(
        "+7.00 points. GoogLeNet with auxiliary heads: 78.00 %; GoogLeNet: 71.00"
    )
    assert "n = 3 and 3 runs its 95 % interval is ± 2.27 points" in said
    assert "n = 3" not in finding("googlenet-aux", KOREAN) and "2.27%p" in finding(
        "googlenet-aux", KOREAN
    )


@pytest.mark.usefixtures("folder")
def test_a_difference_within_the_spread_is_no_difference():
    said = finding("googlenet-3x3-twice")
    assert said.startswith("This training cannot tell them apart.")
    assert "+0.50 points is smaller than its own uncertainty, ± 2.74 points" in said
    assert "우열을 가릴 수 없습니다" in finding("googlenet-3x3-twice", KOREAN)


@pytest.mark.usefixtures("folder")
def test_one_run_says_that_it_says_little_and_fewer_epochs_are_said():
    said = finding("googlenet-naive")
    assert said.startswith("−11.00 points, and nobody knows how much of it is chance.")
    shown = on.show("googlenet-naive", ENGLISH)
    (note,) = with_class(shown["about"], "experiment-note")
    assert text(note).startswith("It had another number of epochs than its base, 1 against 3")
    assert "1 of 3 seeds" in text(with_class(shown["curves"], "compare-legend")[0])


def test_other_settings_and_images_are_said(folder):
    short_trainings.write(folder, "googlenet-fc", (70.0, 71.0), options={"head": "fc"}, lr=0.01,
                          flip="random", sync_norm=True)  # fmt: skip
    path = folder / "short-googlenet-fc-seed0.json"
    card = cards.read(path)
    fewer = card.data.model_copy(update={"train_images": 9000})
    cards.write(path, card.model_copy(update={"data": fewer}))
    notes = with_class(on.show("googlenet-fc", ENGLISH)["about"], "experiment-note")
    assert [text(note) for note in notes] == [
        "Its recipe differs, too; the base's value in brackets: learning rate 0.01 (0.06), "
        "mirroring by chance (every second epoch), batch statistics over all processes yes (no).",
        "It learned from 9,000 images, the base from 20,000.",
    ]


def test_settings_stand_in_words():
    for name in Recipe.model_fields.keys() - {"seed", "epochs"}:  # epochs have their own sentence
        assert f"compare_setting_{name}" in TEXTS["en"], name
    fields = (field.annotation for field in Recipe.model_fields.values())
    values = {word for kind in fields if get_origin(kind) is Literal for word in get_args(kind)}
    assert values and not [word for word in values if f"compare_value_{word}" not in TEXTS["ko"]]


def test_cards_that_cannot_be_used_are_named_and_enter_no_mean(folder, caplog):
    """Whatever is wrong with a card, the page shows the others."""

    def edited(variant, seed, **fields):
        path = folder / f"short-{variant}-seed{seed}.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | fields))

    for seed in range(3):
        edited("resnet18", seed, recipe={})
    edited("googlenet-aux", 0, accuracy=float("nan"))
    edited("googlenet-aux", 1, accuracy=150.0)
    edited("googlenet", 0, recipe={"epochs": "many"})
    edited("googlenet", 1, macs=None)
    edited("googlenet-naive", 0, arch="leaflet")
    (folder / "short-googlenet-seed3.json").symlink_to(folder / "nowhere.json")
    (folder / "short-googlenet-aux-seed4.json").symlink_to(folder / "short-googlenet-seed2.json")
    found = fold.recorded()
    assert {name: runs.accuracies for name, runs in found.runs.items()} == {
        "googlenet": (72.0,), "googlenet-aux": (79.0,), "googlenet-3x3-twice": (70.5, 71.0, 73.0),
    }  # fmt: skip
    assert len(found.left_out) == 10 and caplog.text.count("is left out: ") == 10
    shown = on.show("googlenet-aux", ENGLISH)
    assert finding("googlenet-aux").startswith("+7.00 points, and nobody knows")
    assert "Left out, because their cards cannot be used: short-googlenet-aux-seed0, " in text(
        parse(shown["intro"])
    )
    assert "제외한 학습: short-googlenet" in on.show(None, KOREAN)["intro"]
    assert len(experiments()["left_out"]) == 10


def test_cards_removed_under_an_open_page_are_a_sentence(folder):
    for path in folder.iterdir():
        path.unlink()
    with pytest.raises(gr.Error, match="not here any more"):
        on.show("googlenet-aux", ENGLISH)


@pytest.mark.usefixtures("folder")
def test_each_seed_is_thin_and_the_mean_is_thick():
    shown = parse(on.show("googlenet-aux", ENGLISH)["curves"])
    lines = list(shown.iter("polyline"))
    names = [line.get("data-name") for line in lines]
    assert names == ["GoogLeNet"] * 4 + ["GoogLeNet with auxiliary heads"] * 4
    thick = ["stroke-width:2.6" in line.get("style") for line in lines]
    assert thick == [False, False, False, True] * 2
    tips = [tip.text for tip in shown.iter("title")]
    assert tips[-1] == "3 epochs: 78" and len(tips) == 8 * 3


@pytest.mark.usefixtures("folder")
def test_what_it_costs_beside_the_base():
    same = parse(on.show("googlenet-aux", ENGLISH)["costs"])
    assert [text(dd) for dd in same.iter("dd")] == [
        f"{figure} M the same as the base net" for figure in (5, 300)
    ]
    costs = parse(on.show("googlenet-naive", ENGLISH)["costs"])
    assert [text(dd) for dd in costs.iter("dd")] == [
        "6 M instead of 5 M, +20.0 %",
        "360 M instead of 300 M, +20.0 %",
    ]


def test_the_command_is_that_of_the_first_seed(folder):
    shown = on.show("googlenet-3x3-twice", ENGLISH)
    card = cards.read(folder / "short-googlenet-3x3-twice-seed0.json")
    assert shown["command"] == command(card) and "--seed 0" in shown["command"]
    assert "This is seed 0." in shown["note"] and "JPEG-75 copy" in shown["note"]


@pytest.mark.usefixtures("folder")
def test_the_table_has_a_row_a_variant_and_its_files():
    html = on.show("googlenet-aux", ENGLISH)["table"]
    rows = [
        [text(cell) for cell in row if cell.tag in ("td", "th")] for row in parse(html).iter("tr")
    ]
    assert len(rows) == 1 + 5 and len(rows[0]) == len(view.COLUMNS)
    by_name = {row[0]: dict(zip(view.COLUMNS, row, strict=True)) for row in rows[1:]}
    assert by_name["GoogLeNet with two 3×3 kernels"] == {
        "variant": "GoogLeNet with two 3×3 kernels", "accuracy": "71.50", "difference": "+0.50",
        "margin": "± 2.74", "clear": "no", "spread": "70.50 – 73.00", "parameters": "6.000",
        "macs": "360.0", "epochs": "3", "seeds": "3 of 3",
    }  # fmt: skip
    assert by_name["GoogLeNet"]["difference"] == by_name["GoogLeNet"]["clear"] == ""
    assert by_name["GoogLeNet without 1×1 reductions"]["margin"] == ""
    taken = sheet(html, "cnn-space-experiments.csv")
    assert taken[0] == list(trainings.COLUMNS) and taken[3][0] == "googlenet-3x3-twice"
    assert "GoogLeNet with two 3×3 kernels" in files(html)["cnn-space-experiments.md"]


@pytest.mark.usefixtures("folder")
def test_every_training_is_a_dot_above_the_table():
    shown = parse(on.show("googlenet-aux", KOREAN)["table"])
    rows = {row.get("data-name"): len(list(row.iter("circle"))) for row in shown.iter("g")}
    assert list(rows.values()) == [3, 3, 3, 1, 3] and "1×1 축소를 뺀 GoogLeNet" in rows


@pytest.mark.usefixtures("folder")
def test_clients_get_the_table_as_data():
    answer = json.loads(json.dumps(experiments()))
    rows = [dict(zip(answer["headers"], row, strict=True)) for row in answer["data"]]
    assert [row["variant"] for row in rows] == list(fold.recorded().runs) and answer[
        "left_out"
    ] == []
    assert rows[1]["difference"] == 7.0 and rows[3]["margin"] is None


@pytest.mark.usefixtures("folder")
def test_an_idea_that_is_not_recorded_gives_way_to_the_first():
    assert on.show("resnet18-plain", ENGLISH) == on.show(None, ENGLISH)
    assert on.show(None, ENGLISH) == on.show("googlenet-aux", ENGLISH)
    assert set(on.show(None, ENGLISH)) == {f.name for f in fields(Fold)} - {"idea"}


@pytest.mark.usefixtures("folder")
def test_times_are_measured_once_and_said_in_words(monkeypatch):
    asked = []

    def measured(found):
        asked.append(list(found))
        return {name: 10.0 + 5 * place for place, name in enumerate(found)}

    monkeypatch.setattr(design_times, "milliseconds", measured)
    for request in (ENGLISH, KOREAN):
        shown = text(parse(on.measure("googlenet-3x3-twice", request)["time"]))
        assert "15 ms" in shown and "10 ms" in shown
    assert asked == [["googlenet", "googlenet-3x3-twice"]]


def test_a_design_takes_its_time_without_weights(tmp_path):
    """A net of 29 times the MACs takes longer, on any machine."""
    for variant in ("resnet18", "googlenet"):
        short_trainings.write(tmp_path, variant, (50.0,))
    small = cards.read(tmp_path / "short-resnet18-seed0.json")
    small = small.model_copy(update={"arch": "lenet5", "options": {}})
    large = cards.read(tmp_path / "short-googlenet-seed0.json")
    times = design_times.milliseconds({"small": small, "large": large})
    assert 0 < times["small"] < times["large"]

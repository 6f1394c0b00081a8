"""The figures about trained nets in the README and docs/nets.md are those of the cards."""

import json
import re
from pathlib import Path
from statistics import mean

import pytest

from cnn_space.publishing import experiments as short_trainings
from cnn_space.publishing.table import table
from cnn_space.settings import Settings
from cnn_space.weights import catalogue

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
NETS = (ROOT / "docs/nets.md").read_text(encoding="utf-8")


def experiments(name: str) -> list[dict]:
    folder = catalogue.CHECKPOINTS / "experiments"
    return [json.loads((folder / f"{name}-seed{seed}.json").read_text()) for seed in range(3)]


def test_the_accuracy_table_is_the_printed_one():
    assert table(catalogue.CHECKPOINTS) in README


@pytest.mark.parametrize(
    ("name", "before"), [("googlenet-aux", "With the heads"), ("googlenet-no-aux", "without")]
)
def test_the_accuracies_of_the_experiments_are_the_files_own(name, before):
    found = [card["accuracy"] for card in experiments(name)]
    text = " ".join(NETS.split())
    average = f"{before}: {mean(found):.2f} %"
    assert average in text
    assert f"({min(found):.2f} to {max(found):.2f})" in text.split(average)[1][:45]


def test_the_experiments_differ_in_their_heads_and_seeds_alone():
    pairs = zip(experiments("googlenet-aux"), experiments("googlenet-no-aux"), strict=True)
    for seed, (on, off) in enumerate(pairs):
        assert on["recipe"] == off["recipe"] | {"aux_weight": 0.3}
        assert off["recipe"]["aux_weight"] == 0 and on["recipe"]["seed"] == seed
        assert on["data"] == off["data"] and on["data"]["eval_split"] == "held out of train"


def test_the_table_of_the_short_trainings_is_the_printed_one():
    folder = catalogue.CHECKPOINTS / "experiments"
    assert short_trainings.table(folder) in NETS


def links(path: Path) -> list[str]:
    """Targets of the relative links and pictures in a Markdown file."""
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    return [target for target in targets if target]


def commands(text: str) -> list[str]:
    """The lines of its blocks of code, without comments."""
    blocks = re.findall(r"```\w+\n(.*?)```", text, re.DOTALL)
    return [line.partition("  # ")[0].rstrip() for block in blocks for line in block.splitlines()]


def test_what_the_korean_readme_has_one_type_is_in_the_english_one():
    korean = commands((ROOT / "README.ko.md").read_text(encoding="utf-8"))
    assert len(korean) >= 8 and set(korean) <= set(commands(README))


@pytest.mark.parametrize(
    "path", ["README.md", "README.ko.md", *(f"docs/{p.name}" for p in ROOT.glob("docs/*.md"))]
)
def test_every_link_leads_somewhere(path):
    broken = [t for t in links(ROOT / path) if not (ROOT / path).parent.joinpath(t).exists()]
    assert not broken


def test_every_setting_is_documented():
    text = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    ours = {field.alias for field in Settings.model_fields.values() if "CNN_SPACE" in field.alias}
    assert set(re.findall(r"`(CNN_SPACE\w+)`", text)) == ours

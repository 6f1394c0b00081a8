"""About: what it says comes from the cards, the catalogue and the settings, in both languages."""

import json
from datetime import date
from pathlib import Path

import pytest
from markup import parse, text
from visitors import ENGLISH, KOREAN

from cnn_space import weights
from cnn_space.models import registry
from cnn_space.page.about import layout, sources
from cnn_space.page.classify.examples import EXAMPLES
from cnn_space.page.common.texts import label

CARDS = Path(__file__).parents[2] / "checkpoints"


def told(request=ENGLISH) -> str:
    return text(parse(layout.show(request)))


def links() -> list[str]:
    return [link.get("href") for link in parse(layout.show(ENGLISH)).iter("a")]


@pytest.fixture(autouse=True)
def nowhere(monkeypatch):
    """A page that no setting names an address of."""
    for variable in ("SPACE_ID", "CNN_SPACE_REPO"):
        monkeypatch.setenv(variable, "")


@pytest.mark.parametrize(("request_", "lang"), [(ENGLISH, "en"), (KOREAN, "ko")])
def test_nets_and_data_are_those_of_the_cards(request_, lang):
    cards = [json.loads(path.read_text()) for path in CARDS.glob("*.json")]
    assert len(cards) >= 10
    about = told(request_)
    for name in {card["data"]["name"] for card in cards}:
        own = [card for card in cards if card["data"]["name"] == name]
        (trained,) = [row for row in sources.trained(sources.records()) if row.name == name]
        assert sorted(trained.nets) == sorted(card["title"] for card in own)
        learned = {c["data"]["train_images"] + c["data"]["holdout_images"] for c in own}
        assert learned == {trained.learned} and f"{trained.learned:,}" in about
        assert f"{own[0]['data']['eval_images']:,}" in about
        assert ", ".join(label(one, lang) for one in own[0]["labels"]) in about
        assert min(card["preprocessing"]["size"] for card in own) == trained.side
        assert ", ".join(trained.nets) in about


def test_what_others_published_stands_with_its_licence():
    others = [r for r in map(weights.record, weights.list_weights()) if r.card is None]
    groups = sources.published(others)
    assert sum(len(group.nets) for group in groups) == len(others)
    about = told()
    for record in others:
        (group,) = [g for g in groups if record.title in g.nets and record.license == g.licence]
        assert group.publisher == ("timm" if "timm/" in record.repo else "torchvision")
        assert f"({group.licence}): {', '.join(group.nets)}" in about


def test_every_paper_is_linked_and_every_photo_credited():
    given, about = links(), told()
    papers = {registry.facts(name).paper for name in registry.list_models()}
    assert {paper.link for paper in papers} <= set(given)
    assert len(sources.papers()) == len(papers)
    for photo in EXAMPLES:
        assert not photo.author or f"({photo.author}, {photo.licence}, {photo.package})" in about


def test_no_address_is_made_up(monkeypatch):
    assert "?view=api" in links() and not any("/spaces/" in link for link in links())
    assert "url = " not in told() and f"urldate = {{{date.today().isoformat()}}}" in told()
    monkeypatch.setenv("CNN_SPACE_REPO", "someone/nets")
    assert "https://huggingface.co/someone/nets" in links()
    assert "url = {https://huggingface.co/someone/nets}" in told()
    monkeypatch.setenv("SPACE_ID", "someone/cnn")
    assert "https://huggingface.co/spaces/someone/cnn/tree/main" in links()
    assert "url = {https://huggingface.co/spaces/someone/cnn}" in told()

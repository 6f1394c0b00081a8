"""The page's words: both languages say the same things, a file a tab."""

import json
import re
from string import Formatter

import pytest

from cnn_space.page import FOLDERS, PAGE
from cnn_space.page.common import texts

# In English the reason names the net itself.
LESS_IN_ENGLISH = {"net_trouble": {"title"}}


@pytest.mark.parametrize("name", FOLDERS)
def test_both_languages_say_the_same_things(name):
    def places(text):
        return {place for _, place, _, _ in Formatter().parse(text) if place}

    english, korean = (
        json.loads((PAGE / name / f"texts.{lang}.json").read_text(encoding="utf-8"))
        for lang in texts.LANGUAGES
    )
    reasons = texts.TEXTS["en"].keys() - english.keys()
    english |= {key: texts.TEXTS["en"][key] for key in reasons & korean.keys()}
    # The classes' own names are English.
    assert english.keys() == {key for key in korean if not key.startswith("label_")}
    parts = {"classify": ("explain_", "surgery_"), "compare": ("robust_",)}
    own = (f"{name}_", *parts.get(name, ()))
    for key, sentence in english.items():
        assert places(korean[key]) - places(sentence) == LESS_IN_ENGLISH.get(key, set()), key
        assert places(sentence) <= places(korean[key]), key
        assert name == "common" or key.startswith(own), key


@pytest.mark.parametrize("path", sorted(PAGE.parent.rglob("*.ko.json")), ids=lambda path: path.stem)
def test_no_korean_sentence_leaves_its_particle_to_the_reader(path):
    either = re.compile(r"은\(는\)|이\(가\)|을\(를\)|와\(과\)|\(으\)로|\(이\)")
    assert not [line for line in path.read_text("utf-8").split("\n") if either.search(line)]


@pytest.mark.parametrize(
    ("accepted", "lang"),
    [("ko-KR,ko;q=0.9,en;q=0.8", "ko"), ("ko", "ko"), ("en-GB,ko;q=0.5", "en"), ("", "en"),
     ("kok-IN,kok;q=0.9", "en"), ("de,ko;q=0.7,en;q=0.3", "ko"), ("fr", "en")],
)  # fmt: skip
def test_the_browsers_language(accepted, lang):
    request = type("Request", (), {"headers": {"accept-language": accepted}})
    assert texts.language(request) == lang


def test_a_long_name_shows_both_its_ends():
    names = [texts.label("x" * 100 + end) for end in ("first", "second")]
    assert [len(name) for name in names] == [60, 60] and names[0] != names[1]
    assert texts.label("cat") == "cat" and texts.label("cat", "ko") == "고양이"

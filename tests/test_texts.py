"""The page's words: both languages say the same things, a file a tab."""

from importlib import import_module
from string import Formatter

import pytest

from cnn_space.page import texts

# In English the reason names the net itself.
LESS_IN_ENGLISH = {"net_trouble": {"title"}}


@pytest.mark.parametrize("name", texts._FILES)
def test_both_languages_say_the_same_things(name):
    def places(text):
        return {place for _, place, _, _ in Formatter().parse(text) if place}

    words = import_module(f"{texts.__name__}.{name}")
    # The classes' own names are English.
    assert words.EN.keys() == {key for key in words.KO if not key.startswith("label_")}
    for key, sentence in words.EN.items():
        assert places(words.KO[key]) - places(sentence) == LESS_IN_ENGLISH.get(key, set()), key
        assert places(sentence) <= places(words.KO[key]), key
        assert name == "common" or key.startswith(f"{name}_"), key


@pytest.mark.parametrize(
    ("accepted", "lang"),
    [("ko-KR,ko;q=0.9,en;q=0.8", "ko"), ("ko", "ko"), ("en-GB,ko;q=0.5", "en"), ("", "en"),
     ("kok-IN,kok;q=0.9", "en"), ("de,ko;q=0.7,en;q=0.3", "ko"), ("fr", "en")],
)  # fmt: skip
def test_the_browsers_language(accepted, lang):
    request = type("Request", (), {"headers": {"accept-language": accepted}})
    assert texts.language(request) == lang

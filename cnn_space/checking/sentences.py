"""The sentences of the checker in English and Korean, by their keys.

A finding carries its key and values, so another language is another file beside these two.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

LANGUAGES = ("en", "ko")


@cache
def table(language: str) -> dict[str, str]:
    """All sentences of a language, with ``{names}`` to fill."""
    path = Path(__file__).with_name(f"sentences.{language}.json")
    return json.loads(path.read_text(encoding="utf-8"))


def say(key: str, values: dict, language: str = "en") -> str:
    """The sentence ``key`` with ``values`` in it; "" where there is none. Numbers are grouped."""
    template = table(language).get(key, "")
    shown = {
        name: f"{value:,}" if type(value) is int and not name.endswith("line") else value
        for name, value in values.items()
    }
    return template.format_map(_Filled(shown))


def english(key: str, values: dict) -> str:
    """`say` in English."""
    return say(key, values, "en")


def suggestion(key: str, values: dict, language: str = "en") -> str:
    """What to write instead, "" where the sentence says it already."""
    return say(f"{key}.suggestion", values, language)


class _Filled(dict):
    def __missing__(self, key: str) -> str:
        return "…"

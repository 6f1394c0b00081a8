"""Visitors of the page for tests of handlers: their requests, and a tab without a page."""

from dataclasses import fields
from types import SimpleNamespace

ENGLISH = SimpleNamespace(headers={"accept-language": "en-US,en"})
KOREAN = SimpleNamespace(headers={"accept-language": "ko-KR,ko;q=0.9,en;q=0.8"})


def by_name(tab: type):
    """The handlers of a tab, each of its components stood in for by its name:
    ``by_name(Tab).show(...)["answer"]``."""
    return tab(**{field.name: field.name for field in fields(tab)})

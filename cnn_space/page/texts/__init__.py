"""The page's words, English and Korean: one file a tab, a key means the same in both.

``t(key)`` marks a label for Gradio, which shows it in the browser's language;
``say(key, lang, **values)`` gives the sentence itself where the server writes the HTML.
"""

from importlib import import_module

import gradio as gr

LANGUAGES = ("en", "ko")
_FILES = ("common", "classify", "explain", "compare", "inception", "finetune")


def _gather() -> dict[str, dict[str, str]]:
    texts: dict[str, dict[str, str]] = {"en": {}, "ko": {}}
    for name in _FILES:
        module = import_module(f"{__name__}.{name}")
        texts["en"] |= module.EN
        texts["ko"] |= module.KO
    return texts


TEXTS = _gather()
I18N = gr.I18n(**TEXTS)


def t(key: str):
    """A label that Gradio translates in the browser. Raises KeyError for an unknown key."""
    TEXTS["en"][key]
    return I18N(key)


def say(key: str, lang: str = "en", **values) -> str:
    """The sentence behind ``key`` in ``lang``, with its placeholders filled."""
    return TEXTS[lang][key].format(**values)


def language(request: gr.Request | None) -> str:
    """``"ko"`` when the browser asks for Korean before English, else ``"en"``."""
    accepted = request.headers.get("accept-language", "") if request else ""
    for part in accepted.lower().split(","):
        if (tag := part.partition(";")[0].partition("-")[0].strip()) in LANGUAGES:
            return tag
    return "en"


def label(name: str, lang: str = "en") -> str:
    """The name of a class or a data set for the eye: Korean where we have it, else as it is."""
    return TEXTS[lang].get(f"label_{name}", name)

"""The page's words, English and Korean: ``texts.en.json`` and ``texts.ko.json`` of each tab; a key
means the same in both.

A key with a dot is Gradio's own, where it has no sentence for it and would show the key.

``t(key)`` marks a label for Gradio, which shows it in the browser's language;
``say(key, lang, **values)`` gives the sentence itself where the server writes the HTML.
"""

import json

import gradio as gr

from cnn_space import formats
from cnn_space.images import photo_error, visitor_set
from cnn_space.models import registry
from cnn_space.page import FOLDERS, PAGE

LANGUAGES = ("en", "ko")
LABEL = 60  # letters of a class or a data set that are shown


def _gather() -> dict[str, dict[str, str]]:
    """The words by language. The English reasons for which a picture or a set is refused are
    those that Python and the command line give; the ideas of the nets stand beside them."""
    texts: dict[str, dict[str, str]] = {language: {} for language in LANGUAGES}
    texts["en"] |= {f"finetune_error_{key}": text for key, text in visitor_set.REASONS.items()}
    texts["en"] |= {f"finetune_left_{key}": text for key, text in visitor_set.LEFT_OUT.items()}
    texts["en"] |= {f"finetune_note_{key}": text for key, text in visitor_set.NOTES.items()}
    nets = (registry.facts(name) for name in registry.list_models())
    texts["en"] |= {f"net_idea_{net.family}": net.idea for net in nets}
    texts["en"] |= {f"photo_{key}": text for key, text in photo_error.REASONS.items()}
    for folder in FOLDERS:
        for language in LANGUAGES:
            file = PAGE / folder / f"texts.{language}.json"
            texts[language] |= json.loads(file.read_text(encoding="utf-8"))
    for words in texts.values():
        tabs = [key for key in words if key.startswith("tab_")]
        words |= {f"heading_{key.removeprefix('tab_')}": f"## {words[key]}" for key in tabs}
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


def accuracy(value: float, images: int | None, lang: str = "en", digits: int = 1) -> str:
    """An accuracy in percent, measured on ``images`` images: see ``formats.accuracy``."""
    return formats.accuracy(value, images, digits, TEXTS[lang]["few_right"])


def language(request: gr.Request | None) -> str:
    """``"ko"`` when the browser asks for Korean before English, else ``"en"``."""
    accepted = request.headers.get("accept-language", "") if request else ""
    for part in accepted.lower().split(","):
        if (tag := part.partition(";")[0].partition("-")[0].strip()) in LANGUAGES:
            return tag
    return "en"


def label(name: str, lang: str = "en") -> str:
    """The name of a class or a data set for the eye: Korean where we have it, else as it is, of a
    name of more than LABEL letters only both ends."""
    return formats.shortened(TEXTS[lang].get(f"label_{name}", name), LABEL)

"""Fields of "Advanced" that take any number: what is wrong with a value, said at its field."""

from collections.abc import Mapping

import gradio as gr

from cnn_space.page.common.components import script
from cnn_space.page.common.templates import render
from cnn_space.page.common.texts import say
from cnn_space.training.recipes import Plan

FREE = ("lr", "seed")  # fields of Plan; the other controls offer nothing that is wrong


def place() -> gr.HTML:
    """Where the sentence on a field stands. Its script marks the field, whose ``elem_id`` is "ft-"
    and its name, for the eye and for screen readers."""
    return gr.HTML(js_on_load=script("finetune/field.js"))


def wrong(values: Mapping[str, float | None], lang: str) -> dict[str, str]:
    """{name: sentence} of the fields among ``values`` that are out of range."""
    sentences = {}
    for name in FREE:
        try:
            Plan(**{name: values[name] or 0})  # an empty field is a default
        except ValueError:
            sentences[name] = say(f"finetune_wrong_{name}", lang)
    return sentences


def messages(values: Mapping[str, float | None], lang: str) -> dict[str, str]:
    """{name: HTML} of all free fields; empty where nothing is wrong."""
    sentences = wrong(values, lang)
    return {
        name: render("finetune/templates/wrong.html", lang, name=name, text=sentences[name])
        if name in sentences
        else ""
        for name in FREE
    }

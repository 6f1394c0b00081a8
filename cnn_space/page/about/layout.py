"""About, folded at the foot of the page: filled when it is opened."""

import gradio as gr

from cnn_space.page.about import view
from cnn_space.page.common.components import QUIET
from cnn_space.page.common.texts import language, t


def about_part() -> None:
    """Sources, licences, limits, and how to cite."""
    fold = gr.Accordion(t("about_title"), open=False, elem_id="about")
    with fold:
        told = gr.HTML(elem_id="about-told")
    fold.expand(show, None, told, queue=False, **QUIET)


def show(request: gr.Request) -> str:
    """All of it in the visitor's language."""
    return view.about(language(request))

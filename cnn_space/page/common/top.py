"""The top of the page: what it is, and what holds for all of it."""

import gradio as gr

from cnn_space.page.common.address import AT_ONCE
from cnn_space.page.common.components import QUIET, TAKE_HOME_JS, script
from cnn_space.page.common.texts import t

SCRIPT = script("common/top.js").strip().rstrip(";")


def top() -> None:
    """Title and tagline; a link to what is shown, the other language, light and dark."""
    with gr.Column(elem_id="top"):
        with gr.Row(elem_id="top-row"):
            gr.Markdown("# CNN Space")
            _button("copy", elem_id="copy-link")
            _button("language", elem_id="switch-language")
            # Of these two the one that changes something is shown.
            _button("dark", "theme", elem_id="switch-dark")
            _button("light", "theme", elem_id="switch-light")
        gr.Markdown(t("tagline"))
        gr.Markdown(t("top_unsent"), elem_id="unsent")


def tab(name: str) -> gr.Tab:
    """A tab of the page, with its heading for screen readers."""
    place = gr.Tab(t(f"tab_{name}"), id=name)
    with place:
        gr.Markdown(t(f"heading_{name}"), elem_classes="for-screen-readers")
    return place


def whole_page_scripts(demo: gr.Blocks) -> None:
    """What serves all tabs: terms that open into their meaning, what is taken home, a focus
    that is never lost, code that can be read, and what the network does."""
    names = ("terms", "focus", "code_colours", "network")
    for run in (*(script(f"common/{name}.js") for name in names), TAKE_HOME_JS):
        demo.load(None, js=run, **QUIET)


def _button(name: str, action: str | None = None, **properties) -> None:
    button = gr.Button(t(f"top_{name}"), size="sm", min_width=0, **properties)
    button.click(None, None, None, js=f'({SCRIPT})("{action or name}")', **AT_ONCE)

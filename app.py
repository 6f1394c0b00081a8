"""CNN Space: the page. Layout and wiring; what the page does lives in ``cnn_space``."""

import argparse
import os
from types import SimpleNamespace

# Before Gradio is imported: no request may leave the machine.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr

from cnn_space.page.texts import I18N, t
from cnn_space.page.theme import STYLE_SHEETS, theme


def classify_tab(own_nets: gr.State) -> SimpleNamespace:
    """One photo, one net: the answer, and what led to it."""
    return SimpleNamespace()


def compare_tab(own_nets: gr.State) -> SimpleNamespace:
    """One photo, several nets: answers, cost and heatmaps side by side."""
    return SimpleNamespace()


def inception_tab() -> SimpleNamespace:
    """The Inception module as a calculator."""
    return SimpleNamespace()


def finetune_tab(own_nets: gr.State) -> SimpleNamespace:
    """A short fine-tuning run on the visitor's own classes."""
    return SimpleNamespace()


def build() -> gr.Blocks:
    """The whole page, not yet served."""
    with gr.Blocks(title="CNN Space", delete_cache=(3600, 3600)) as demo:
        # A visitor's own fine-tuned nets, {display name: Loaded}; one dictionary a session.
        own_nets = gr.State({})
        with gr.Column(elem_id="top"):
            gr.Markdown("# CNN Space")
            gr.Markdown(t("tagline"))
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab(t("tab_classify"), id="classify"):
                classify_tab(own_nets)
            with gr.Tab(t("tab_compare"), id="compare"):
                compare_tab(own_nets)
            with gr.Tab(t("tab_inception"), id="inception"):
                inception_tab()
            with gr.Tab(t("tab_finetune"), id="finetune"):
                finetune_tab(own_nets)
    return demo.queue(api_open=False, max_size=64)


def launch_options() -> dict:
    """What every way of serving the page shares (the command line, a Space, the tests)."""
    return {
        "theme": theme(),
        "css_paths": STYLE_SHEETS,
        "i18n": I18N,
        "footer_links": ["api", "settings"],
        "run_history": False,
        "max_file_size": "64mb",
        "state_session_capacity": 200,
    }


def main(argv: list[str] | None = None) -> None:
    """Serve the page: ``python app.py [--port N] [--share]``."""
    parser = argparse.ArgumentParser(description="CNN Space in the browser")
    parser.add_argument("--port", type=int, help="port to listen on (default: 7860 or the next)")
    parser.add_argument("--share", action="store_true", help="make a public link for a week")
    args = parser.parse_args(argv)
    build().launch(server_port=args.port, share=args.share, **launch_options())


if __name__ == "__main__":
    main()

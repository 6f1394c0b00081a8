"""Visitors who come back: what their browser keeps for that, and what they no longer find here."""

import gradio as gr

from cnn_space.page.finetune import view
from cnn_space.page.finetune.components import Components
from cnn_space.page.finetune.session import Session

# What a browser keeps of it. Words, for Gradio's BrowserState stores no value that is false.
SOMETHING, NOTHING = "something", "nothing"


class ComingBack(Components):
    """What other handlers show of it, too; see ``handlers.Tab``."""

    def known(self, session: Session, lang: str) -> dict:
        """What the browser keeps of a visitor, and what the page says is no longer kept."""
        return {
            self.key: session.key,
            self.had: NOTHING if session.is_empty else SOMETHING,
            self.lost: gr.HTML(view.lost(session.lost, lang), visible=bool(session.lost)),
        }

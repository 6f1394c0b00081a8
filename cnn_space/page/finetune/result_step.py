"""What the Fine-tune tab shows of a result, and what can be done with it."""

import gradio as gr

from cnn_space.page.common import nets
from cnn_space.page.common.texts import language, say
from cnn_space.page.finetune import export, result_view, running, view
from cnn_space.page.finetune.components import Components
from cnn_space.page.finetune.session import Session


class ResultStep(Components):
    """The handlers of results; see ``handlers.Tab``."""

    def result_of(self, session: Session, lang: str) -> dict:
        """The result that the page shows: the visitor's own, or, before there is one and while
        none is under way, the recorded one."""
        kept = session.kept
        recorded_under_way = kept is None and session.is_under_way
        result = None if recorded_under_way else session.shown
        return {
            self.curves: view.curves(result.report.history if result else (), lang),
            self.own_net: result_view.own_net(kept, lang) if kept else "",
            self.download: gr.DownloadButton(
                value=kept.file if kept else None, interactive=bool(kept)
            ),
            self.as_onnx: gr.Button(interactive=bool(kept)),
            self.use: gr.Button(interactive=bool(kept)),
            self.cell: "",
            self.result: result_view.finding(result, lang),
            self.matrix: result_view.matrix(result, lang),
            self.mistakes: result_view.mistakes(result, lang),
        }

    def open_cell(self, session: Session, event: gr.EventData, request: gr.Request) -> dict:
        """A click on the matrix."""
        place = event._data.get("cell", "") if isinstance(event._data, dict) else ""
        return {self.cell: result_view.cell(session.shown, str(place), language(request))}

    def go_to_classify(self, session: Session, request: gr.Request) -> dict:
        """Go to Classify with the visitor's net."""
        kept = session.kept
        if kept is None:
            raise gr.Error(say("finetune_no_result", language(request)), print_exception=False)
        choices = nets.choices(session.own_nets, language(request))
        return {
            self.tabs: gr.Tabs(selected="classify"),
            self.classify_net: gr.Dropdown(choices=choices, value=kept.name),
        }

    def write_onnx(self, session: Session, request: gr.Request) -> dict:
        """A click on the button for ONNX: the file, which the browser then fetches."""
        kept = session.kept
        try:
            if kept is None:
                raise ValueError(say("finetune_no_result", language(request)))
            return {self.onnx_file: gr.DownloadButton(value=export.write_onnx(kept))}
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from None

    def push_own(
        self,
        session: Session,
        name: str,
        request: gr.Request,
        token: gr.OAuthToken | None = None,
    ) -> dict:
        """A click on Push: a sentence that says where the net is now."""
        lang, kept = language(request), session.kept
        try:
            if kept is None:
                raise ValueError(say("finetune_no_result", lang))
            if token is None:
                raise ValueError(say("finetune_push_login", lang))
            name = name.strip() or kept.result.loaded.record.name
            with running.explained("finetune_push_failed", lang):
                repo = export.push(kept.result, name, token.token)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from None
        return {self.own_net: view.note(say("finetune_push_done", lang, repo=repo), lang)}

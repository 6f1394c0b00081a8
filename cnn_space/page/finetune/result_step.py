"""What the Fine-tune tab shows of a result, and what can be done with it."""

import gradio as gr

from cnn_space.inference import comparison
from cnn_space.page.common import nets
from cnn_space.page.common.texts import language, say
from cnn_space.page.finetune import export, forged_view, result_view, running, trials, view
from cnn_space.page.finetune.coming_back import ComingBack
from cnn_space.page.finetune.session import Session


class ResultStep(ComingBack):
    """The handlers of results; see ``handlers.Tab``."""

    def result_of(self, session: Session, lang: str) -> dict:
        """The result that the page shows: the visitor's own, or, before there is one and while
        none is under way, the recorded one."""
        kept = session.kept
        recorded_under_way = kept is None and session.is_under_way
        result = None if recorded_under_way else session.shown
        return {
            self.curves: view.curves(result.report.history if result else (), lang),
            **self._naming(session, lang),
            self.runs: result_view.runs(session.own_nets, session.shows, lang)
            + forged_view.by_age([kept.report for kept in session.results], lang),
            self.trials: gr.File(visible=bool(kept)),
            self.download: gr.DownloadButton(
                value=kept.file if kept else None, interactive=bool(kept and kept.file)
            ),
            self.as_onnx: gr.Button(interactive=bool(kept)),
            self.use: gr.Button(interactive=bool(kept)),
            self.cell: "",
            self.result: result_view.finding(result, lang),
            self.matrix: result_view.matrix(result, lang),
            self.mistakes: result_view.mistakes(result, lang),
            self.suspects: result_view.suspects(result, lang),
            self.again: gr.Button(visible=bool(result_view.shown_suspects(result))),
        }

    def _naming(self, session: Session, lang: str) -> dict:
        kept = session.kept
        title = session.own_nets.called(kept.name) if kept else ""
        return {
            self.naming: gr.Row(visible=bool(kept)),
            self.name: title,
            self.own_net: result_view.own_net(kept, title, lang) if kept else "",
        }

    def rename_net(
        self, session: Session, text: str, classify_net: str | None, request: gr.Request
    ) -> dict:
        """The result's net is called as its visitor likes, everywhere and in its files."""
        if session.kept is None:
            raise gr.Error(say("finetune_no_result", language(request)), print_exception=False)
        export.rename(session.kept, session.own_nets, text)
        return {
            self.own_nets: session.own_nets,
            self.classify_net: nets.refresh(classify_net, session.own_nets, request),
            **self.result_of(session, language(request)),
        }

    def open_run(
        self,
        session: Session,
        compared: list[str] | None,
        event: gr.EventData,
        request: gr.Request,
    ) -> dict:
        """A click in the list of runs: show the result of one, or go to another tab with its
        net."""
        asked = event._data if isinstance(event._data, dict) else {}
        name, want, lang = asked.get("run"), asked.get("want"), language(request)
        if not isinstance(name, str) or name not in session.own_nets.results:
            raise gr.Error(say("net_expired", lang, title=name), print_exception=False)
        if want == "classify":
            return self._to_classify(session, name, lang)
        if want == "compare":
            return self._to_compare(session, name, compared or [], lang)
        session.shows = name
        return self.result_of(session, lang)

    def _to_classify(self, session: Session, name: str, lang: str) -> dict:
        choices = nets.choices(session.own_nets, lang)
        return {
            self.tabs: gr.Tabs(selected="classify"),
            self.classify_net: gr.Dropdown(choices=choices, value=name),
        }

    def _to_compare(self, session: Session, name: str, compared: list[str], lang: str) -> dict:
        """The net beside those that are compared already; where these are as many as there may be,
        it takes the place of the last."""
        others = [other for other in compared if other != name][: comparison.MOST - 1]
        choices = nets.choices(session.own_nets, lang, short=True)
        return {
            self.tabs: gr.Tabs(selected="compare"),
            self.compare_nets: gr.Dropdown(choices=choices, value=[*others, name]),
        }

    def try_photos(self, session: Session, files: list[str] | None, request: gr.Request) -> dict:
        """What the result's net says of the photos that lie beside it."""
        kept, lang = session.kept, language(request)
        if kept is None or not files:
            return {self.tried: ""}
        answers = trials.answer(files, kept.result.loaded, lang)
        title, more = session.own_nets.called(kept.name), len(files) > len(answers)
        return {self.tried: result_view.tried(answers, title, more, lang)}

    def open_cell(self, session: Session, event: gr.EventData, request: gr.Request) -> dict:
        """A click on the matrix."""
        place = event._data.get("cell", "") if isinstance(event._data, dict) else ""
        return {self.cell: result_view.cell(session.shown, str(place), language(request))}

    def go_to_classify(self, session: Session, request: gr.Request) -> dict:
        """Go to Classify with the visitor's net."""
        kept = session.kept
        if kept is None:
            raise gr.Error(say("finetune_no_result", language(request)), print_exception=False)
        return self._to_classify(session, kept.name, language(request))

    def write_onnx(self, session: Session, request: gr.Request) -> dict:
        """A click on the button for ONNX: the file, which the browser then fetches."""
        kept, lang = session.kept, language(request)
        try:
            if kept is None:
                raise ValueError(say("finetune_no_result", lang))
            return {self.onnx_file: gr.DownloadButton(value=export.write_onnx(kept, lang))}
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

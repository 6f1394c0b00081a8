"""The Fine-tune tab's handlers: the values of components in, what they show next out."""

import functools
import weakref
from collections.abc import Iterator

import gradio as gr

from cnn_space.page.common import nets
from cnn_space.page.common.nets import OwnNets
from cnn_space.page.common.retention import SESSIONS
from cnn_space.page.common.texts import language, say
from cnn_space.page.finetune import export, result_view, running, view
from cnn_space.page.finetune.images_step import ImagesStep
from cnn_space.page.finetune.session import Session
from cnn_space.page.finetune.states import RunState
from cnn_space.training.recipes import PRESETS, Plan

# The sessions that have had a run, by Gradio's hash of the page, which is all that ``leave`` gets.
_BY_PAGE: weakref.WeakValueDictionary[str, Session] = weakref.WeakValueDictionary()


def leave(request: gr.Request) -> None:
    """The page was closed: the net of an unfinished run is released at once."""
    session = _BY_PAGE.pop(request.session_hash, None)
    if session is not None:
        session.leave()


class Tab(ImagesStep):
    """The components of the tab; the methods handle their events."""

    # Step 2: net

    def choose_preset(self, preset: str) -> dict:
        """A preset sets the epochs of all stages."""
        return {getattr(self, name): epochs for name, epochs in PRESETS[preset].items()}

    # Step 3: train

    def begin(self, session: Session, source: str, request: gr.Request) -> dict:
        """A click on Train: the run waits for its net, then for its turn in the queue."""
        if not session.start(source):
            return gr.skip()
        lang = language(request)
        # The recorded result is not this run's: it goes, and comes back if the run has none.
        cleared = self._result(None, lang) | {self.cell: ""} if session.shows_recorded else {}
        return cleared | {
            self.session: session,
            self.state: view.waiting("queued", lang),
            self.train: gr.Button(interactive=False),
            self.stop: gr.Button(interactive=True),
        }

    def fetch(
        self,
        session: Session,
        base: str | None,
        own_nets: OwnNets,
        request: gr.Request,
        progress=gr.Progress(),  # noqa: B008
    ) -> None:
        """Download the net to start from, outside of the queue of runs."""
        number = session.run.number
        nets.fetch(base, own_nets, request, progress)
        session.net_arrives(number)

    def run(self, values: dict, request: gr.Request) -> Iterator[dict]:
        """Train; ``values`` are those of session, base and controls, by component.

        The session is part of every report, because a ``gr.State`` is forgotten some time after
        it was last set, also in the middle of a long run.
        """
        session, lang = values[self.session], language(request)
        number = session.take_turn()
        if number is None:  # stopped before its turn
            return
        _BY_PAGE[request.session_hash] = session
        controls = {name: values[getattr(self, name)] for name in running.CONTROLS}
        try:
            yield {self.session: session, self.state: view.waiting("preparing", lang)}
            for update in running.updates(session, number, values[self.base], controls, lang):
                yield {
                    self.session: session,
                    self.state: view.progress(update, lang),
                    self.curves: view.curves(update.history, lang),
                }
        except ValueError as error:
            if not session.refuse(number):  # stopped meanwhile
                return
            yield {self.session: session, self.state: view.idle(lang)}
            raise gr.Error(str(error), print_exception=False) from None
        finally:
            if session.end(number):
                SESSIONS.keep(session, size=session.bytes)  # even if nobody collects the result

    def finish(self, session: Session, own_nets: OwnNets, request: gr.Request) -> dict:
        """A run has ended: everything that shows its result. A second call shows the same."""
        lang = language(request)
        if session.finish(functools.partial(export.keep, own_nets=own_nets, lang=lang)):
            SESSIONS.keep(session, size=session.bytes)
        if session.run.state not in (RunState.IDLE, RunState.NOTHING, RunState.KEPT):
            return gr.skip()  # the end of a stopped run came late: the next one is under way
        return self._outcome(session, own_nets, lang)

    def halt(self, session: Session, own_nets: OwnNets, request: gr.Request) -> dict:
        """A click on Stop: the run ends, and what it kept is shown."""
        lang = language(request)
        if session.stop(functools.partial(export.keep, own_nets=own_nets, lang=lang)):
            SESSIONS.keep(session, size=session.bytes)
        return self._outcome(session, own_nets, lang)

    def _outcome(self, session: Session, own_nets: OwnNets, lang: str) -> dict:
        """How the last run ended; only the buttons change where it could not begin."""
        shown = {
            self.session: session,
            self.own_nets: own_nets,
            self.train: gr.Button(interactive=True),
            self.stop: gr.Button(interactive=False),
        }
        if session.run.state is RunState.NOTHING:
            shown[self.state] = view.nothing_kept(session.ended, lang)
        kept = session.kept
        if session.run.state is not RunState.KEPT or kept is None:
            recorded = self._result(session.shown, lang) if session.shows_recorded else {}
            return shown | recorded
        report = kept.result.report
        return shown | {
            self.state: view.ended(report, lang),
            self.curves: view.curves(report.history, lang),
            self.own_net: result_view.own_net(kept, lang),
            self.cell: "",
            self.download: gr.DownloadButton(value=kept.file, interactive=True),
            self.as_onnx: gr.Button(interactive=True),
            self.use: gr.Button(interactive=True),
            **self._result(kept.result, lang),
        }

    # The result

    def _result(self, result, lang: str) -> dict:
        return {
            self.result: result_view.finding(result, lang),
            self.matrix: result_view.matrix(result, lang),
            self.mistakes: result_view.mistakes(result, lang),
        }

    def arrive(self, session: Session, base: str | None, request: gr.Request) -> dict:
        """What the page shows when it is opened: the digits, and a recorded run."""
        lang = language(request)
        start = Plan()  # the controls have its defaults
        session.shows_recorded = session.kept is None
        result = session.shown
        return {
            self.base: gr.Dropdown(choices=nets.choices(None, lang)),
            self.photos: view.board(lang),
            self.state: view.idle(lang),
            self.curves: view.curves(result.report.history if result else (), lang),
            **self._shown_images(session, base, start.augment, 100 * start.holdout, lang),
            **self._result(result, lang),
        }

    def open_cell(self, session: Session, event: gr.EventData, request: gr.Request) -> dict:
        """A click on the matrix."""
        place = event._data.get("cell", "") if isinstance(event._data, dict) else ""
        return {self.cell: result_view.cell(session.shown, str(place), language(request))}

    def go_to_classify(self, session: Session, own_nets: OwnNets, request: gr.Request) -> dict:
        """Go to Classify with the visitor's net."""
        kept = session.kept
        if kept is None or kept.name not in own_nets:
            raise gr.Error(say("finetune_no_result", language(request)), print_exception=False)
        choices = nets.choices(own_nets, language(request))
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

"""The Fine-tune tab's third step: a run, from a click on Train to its outcome.

A run goes on by itself (see ``running``); the page looks once a second how far it is.
"""

import gradio as gr

from cnn_space.page.common import nets
from cnn_space.page.common.texts import language, say
from cnn_space.page.finetune import fields, running, view
from cnn_space.page.finetune.result_step import ResultStep
from cnn_space.page.finetune.session import Session
from cnn_space.page.finetune.states import RunState
from cnn_space.page.finetune.visitors import VISITORS


class RunStep(ResultStep):
    """The handlers of a run; see ``handlers.Tab``."""

    def begin(self, values: dict, request: gr.Request) -> dict:
        """A click on Train; ``values`` are those of session, source, age, base and controls, by
        component."""
        session, lang = VISITORS.admit(values[self.session]), language(request)
        numbers = {name: values[getattr(self, name)] for name in fields.FREE}
        if fields.wrong(numbers, lang):
            return {self.advanced: gr.Accordion(open=True), **self.marks(numbers, lang)}
        number = session.start(values[self.source], values[self.age])
        if number is None:  # another page of this visitor's has begun one
            return self.under_way(session, lang)
        session.chosen = {name: values[getattr(self, name)] for name in ("base", *running.CONTROLS)}
        try:
            asked = running.order(session, values[self.base], session.chosen, lang)
            running.begin(session, number, asked)
        except ValueError as error:
            session.refuse(number, str(error))
            raise gr.Error(str(error), print_exception=False) from None
        session.begin_anew()
        # The recorded result is not this run's: it goes, and comes back if the run has none.
        cleared = self.result_of(session, lang) if session.shows_recorded else {}
        return cleared | self.under_way(session, lang)

    def marks(self, numbers: dict, lang: str) -> dict:
        """The sentences at the fields of ``numbers``, or nothing where they are right."""
        found = fields.messages(numbers, lang)
        return {getattr(self, f"{name}_wrong"): html for name, html in found.items()}

    def under_way(self, session: Session, lang: str) -> dict:
        """What the page shows of a run that goes on."""
        return {
            self.session: session,
            self.train: gr.Button(interactive=False),
            self.stop: gr.Button(interactive=True),
            self.clock: gr.Timer(active=True),
            **self._progress(session, lang),
            **self.known(session, lang),
        }

    def _progress(self, session: Session, lang: str) -> dict:
        state, progress = session.run.state, session.progress
        if state is RunState.TRAINING and progress.update:
            return {
                self.state: view.progress(progress.update, lang),
                self.curves: view.curves(progress.update.history, lang),
            }
        return {self.state: view.waiting(state, progress, lang)}

    def watch(self, session: Session, classify_net: str | None, request: gr.Request) -> dict:
        """How far the run is by now, or how it ended.

        The session is part of every answer: a page that opens anew sets it, and so does this one.
        """
        session.see()
        lang = language(request)
        if session.is_under_way:
            return {self.session: session, **self._progress(session, lang)}
        return self.outcome(session, classify_net, request)

    def halt(self, session: Session, classify_net: str | None, request: gr.Request) -> dict:
        """A click on Stop: the run ends, and what it kept is shown."""
        session.stop(running.keeper(session, language(request)))
        return self.outcome(session, classify_net, request)

    def outcome(self, session: Session, classify_net: str | None, request: gr.Request) -> dict:
        """How the last run ended, and its result; without one, that of the run before."""
        lang = language(request)
        return {
            self.session: session,
            self.own_nets: session.own_nets,
            self.classify_net: nets.refresh(classify_net, session.own_nets, request),
            self.state: self._how_it_ended(session, lang),
            self.train: gr.Button(interactive=True),
            self.stop: gr.Button(interactive=False),
            self.clock: gr.Timer(active=False),
            **self.result_of(session, lang),
            **self.known(session, lang),
        }

    def _how_it_ended(self, session: Session, lang: str) -> str:
        if session.run.state is RunState.REFUSED:
            return view.refused(session.ended or say("finetune_broke", lang), lang)
        if session.run.state is RunState.NOTHING:
            return view.nothing_kept(session.ended, lang)
        if session.run.state is RunState.KEPT and session.kept:
            return view.ended(session.kept.result.report, lang)
        return view.idle(lang)

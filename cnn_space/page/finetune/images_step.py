"""The Fine-tune tab's first step: where images come from, and what is said of them."""

from collections.abc import Callable, Iterator

import gradio as gr

from cnn_space.images.visitor_set import DataError, VisitorSet
from cnn_space.page.common.retention import SESSIONS
from cnn_space.page.common.texts import language, say
from cnn_space.page.finetune import forged_view, loose, result_view, sources, view
from cnn_space.page.finetune.coming_back import ComingBack
from cnn_space.page.finetune.session import Session
from cnn_space.page.finetune.states import ImagesState
from cnn_space.page.finetune.visitors import VISITORS


class ImagesStep(ComingBack):
    """The handlers of the first step; see ``handlers.Tab``."""

    def choose_source(
        self,
        session: Session,
        source: str,
        age: int,
        base: str,
        holdout: float,
        request: gr.Request,
    ) -> dict:
        """Show the inputs of a source; the digits are there at once, others wait to be read."""
        if source == session.source:  # a page that came back: what was read is still there
            return self._inputs(source)
        session.choose(source, age)
        base = sources.suited_base(session.visitor_set, base)
        augment = "shift" if source in sources.AT_ONCE else "mirror"
        return {
            **self._inputs(source),
            self.base: base,
            self.augment: augment,
            **self._shown_images(session, base, augment, holdout, language(request)),
        }

    def _inputs(self, source: str) -> dict:
        inputs = {"zip": self.archive, "hub": self.hub, "folder": self.folder}
        here = source in (*sources.AT_ONCE, "photos")  # nothing to be named first
        return {
            self.age: gr.update(visible=source == "forged"),
            **{field: gr.update(visible=source == name) for name, field in inputs.items()},
            # Hidden, not taken away: the photos in it stay.
            self.photos: gr.update(visible=source == "photos" or "hidden"),
            self.read: gr.update(visible=not here),
        }

    def choose_age(
        self,
        session: Session,
        age: int,
        base: str | None,
        augment: str,
        holdout: float,
        request: gr.Request,
    ) -> dict:
        """Show what the generator draws at another age."""
        if session.source != "forged" or age == session.age:
            return gr.skip()
        session.choose("forged", age)
        return self._shown_images(session, base, augment, holdout, language(request))

    def reading(self, request: gr.Request) -> dict:
        """While images are read."""
        lang = language(request)
        return {self.contents: view.note(say("finetune_reading", lang), lang), self.samples: ""}

    def read_images(
        self,
        session: Session,
        source: str,
        file: str | None,
        hub: str,
        folder: str,
        request: gr.Request,
    ) -> dict:
        """Read a visitor's images; ``suit`` shows them. Where they cannot be used, the reason takes
        their place."""
        lang = language(request)

        def read() -> VisitorSet:
            if source == "zip" and not file:
                raise ValueError(say("finetune_no_zip", lang))
            if source == "folder" and not folder:
                raise ValueError(say("finetune_no_folder", lang))
            return sources.read(source, file, hub, folder, request)

        return self._read(session, source, read, lang)

    def read_photos(
        self, session: Session, event: gr.EventData, request: gr.Request
    ) -> Iterator[dict]:
        """The same for photos that were dropped class by class, as the event says; of one class
        alone nothing can be learnt yet."""
        lang, offer = language(request), loose.parse(event._data)
        session.dropped = offer
        if not offer.is_enough:
            session.choose("photos")
            shown = self._shown_images(session, None, "", 0, lang)
            yield {self.session: session, **self.known(session, lang), **shown}
            return
        yield self.reading(request)
        yield self._read(session, "photos", lambda: loose.read(offer), lang)

    def _read(
        self, session: Session, source: str, read: Callable[[], VisitorSet], lang: str
    ) -> dict:
        number = session.read(source)
        try:
            visitor_set = read()
        except ValueError as error:
            if not session.images_refused(number):
                return {self.session: session}
            why, left_out = str(error), ()
            if isinstance(error, DataError):
                why = say(f"finetune_error_{error.reason}", lang, **error.values)
                left_out = error.left_out
            problem = view.problem(why, lang, left_out)
            shown = {self.contents: problem, self.samples: ""}
            return {self.session: session, **self.known(session, lang), **shown}
        if session.images_arrive(number, visitor_set):
            SESSIONS.keep(VISITORS.admit(session), size=session.bytes)
        return {self.session: session, **self.known(session, lang)}

    def suit(
        self, session: Session, base: str | None, augment: str, holdout: float, request: gr.Request
    ) -> dict:
        """Show what was read, and choose a net that suits it. Net and augmentation are what is
        chosen now: reading takes time, and a visitor may have changed them meanwhile."""
        if session.images.state is not ImagesState.READY:
            return gr.skip()
        base = sources.suited_base(session.visitor_set, base)
        return {
            self.base: base,
            **self._shown_images(session, base, augment, holdout, language(request)),
        }

    def show_images(
        self, session: Session, base: str | None, augment: str, holdout: float, request: gr.Request
    ) -> dict:
        """What is in the set, and how the net will see it."""
        if session.images.state is ImagesState.READING:  # the page says so already
            return gr.skip()
        return self._shown_images(session, base, augment, holdout, language(request))

    def leave_out(
        self, session: Session, base: str | None, augment: str, holdout: float, request: gr.Request
    ) -> dict:
        """A click on the button under the likely wrong labels: the images that are shown there
        leave the set. A run then begins."""
        if session.is_under_way:
            return gr.skip()
        lang = language(request)
        if not session.leave_out(result_view.shown_suspects(session.shown)):
            raise gr.Error(say("finetune_suspects_gone", lang), print_exception=False)
        return {self.session: session, **self._shown_images(session, base, augment, holdout, lang)}

    def _shown_images(self, session, base, augment, holdout, lang) -> dict:
        visitor_set = session.visitor_set
        if visitor_set is None and session.source == "forged":
            problem = view.problem(say("finetune_no_forger", lang), lang)
            return {self.contents: problem, self.samples: ""}
        if visitor_set is None:
            return {self.contents: view.limits(lang), self.samples: ""}
        contents = view.contents(visitor_set, holdout / 100, lang)
        if session.source == "forged":
            contents += forged_view.about(lang)
            samples = forged_view.grids(visitor_set.images, session.age, lang)
            return {self.contents: contents, self.samples: samples}
        if session.source != "digits":
            contents += view.limits(lang)
        samples = view.samples(visitor_set, base, augment, lang) if base else ""
        return {self.contents: contents, self.samples: samples}

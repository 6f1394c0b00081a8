"""The Fine-tune tab's handlers: the values of components in, what they show next out."""

import gradio as gr

from cnn_space.page.common import nets
from cnn_space.page.common.texts import language
from cnn_space.page.finetune import sources, view
from cnn_space.page.finetune.coming_back import SOMETHING
from cnn_space.page.finetune.images_step import ImagesStep
from cnn_space.page.finetune.run_step import RunStep
from cnn_space.page.finetune.session import Session
from cnn_space.page.finetune.visitors import VISITORS
from cnn_space.training.recipes import PRESETS


class Tab(ImagesStep, RunStep):
    """The components of the tab; the methods handle their events."""

    def arrive(self, values: dict, request: gr.Request) -> dict:
        """What the page shows when it is opened: what a visitor who comes back has left, else the
        digits and a recorded run. ``values`` are those of key, had, classify_net, base, augment
        and holdout, by component: their first ones, for the address is opened at the same time.
        What it names is read from the request."""
        lang = language(request)
        session = VISITORS.welcome(values[self.key], values[self.had] == SOMETHING)
        self._open_link(session, request)
        session.shows_recorded = not session.results
        run = {name: values[getattr(self, name)] for name in ("base", "augment", "holdout")}
        run |= session.chosen
        if (base := request.query_params.get("base")) in nets.offered():
            run["base"] = base
        shown = self.outcome(session, values[self.classify_net], request)
        if session.is_under_way:
            shown |= self.under_way(session, lang)
        return {
            **shown,
            **self._shown_images(session, run["base"], run["augment"], run["holdout"], lang),
            **{getattr(self, name): value for name, value in run.items()},
            **self._inputs(session.source),
            self.source: session.source,
            self.age: gr.update(value=session.age, visible=session.source == "forged"),
            self.photos: gr.update(
                value=view.board(session.dropped, lang),
                visible=session.source == "photos" or "hidden",
            ),
            # Compare may be open already; what it has chosen on arrival is in every list.
            self.compare_nets: gr.update(choices=nets.choices(session.own_nets, lang, short=True)),
            self.base: gr.Dropdown(choices=nets.choices(None, lang), value=run["base"]),
        }

    @staticmethod
    def _open_link(session: Session, request: gr.Request) -> None:
        """Choose the images that the page's address names; where it names none, what the visitor
        chose before stays."""
        asked = request.query_params
        source, age = asked.get("images"), asked.get("age", "")
        if source not in sources.available():
            return
        age = int(age) if age in map(str, range(1, sources.oldest() + 1)) else 1
        if source != session.source or (source == "forged" and age != session.age):
            session.choose(source, age)

    def choose_preset(self, preset: str | None) -> dict:
        """A preset sets the epochs of all stages; nothing changes where none is chosen."""
        epochs = PRESETS.get(preset, {})
        return {getattr(self, name): count for name, count in epochs.items()} or gr.skip()

    def check_fields(self, lr: float | None, seed: float | None, request: gr.Request) -> dict:
        """What is wrong with a number, at its field, as soon as it is typed."""
        return self.marks({"lr": lr, "seed": seed}, language(request))

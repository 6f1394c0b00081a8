"""The fold "What each idea is worth" of the Compare tab: recorded short trainings of nets that
differ in one thing, one of them beside its base."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache

import gradio as gr

from cnn_space.inference import design_times
from cnn_space.page.common.address import Address, choice, switch
from cnn_space.page.common.components import INFER, QUIET, script
from cnn_space.page.common.texts import language, say, t
from cnn_space.page.compare import experiments_view as view
from cnn_space.publishing import experiments as trainings
from cnn_space.publishing.experiments import Recorded, Runs
from cnn_space.publishing.repeat import command
from cnn_space.weights import catalogue

PERIOD = 600  # seconds in which times are measured once: the machine may have been busy then
# No queue and no overlay: the cards are read in a moment.
LIVE = {"queue": False, "trigger_mode": "always_last", **QUIET}


def recorded() -> Recorded:
    """The trainings that are here, by variant, and what is left out of them."""
    return trainings.read(catalogue.CHECKPOINTS / "experiments")


@dataclass(frozen=True, eq=False)
class Fold:
    """The components of the fold; the methods handle their events."""

    idea: gr.Radio
    intro: gr.HTML
    about: gr.HTML
    curves: gr.HTML
    costs: gr.HTML
    time: gr.HTML
    command: gr.Code
    note: gr.HTML
    table: gr.HTML

    @property
    def shown(self) -> list:
        """Everything that follows the chosen idea."""
        return [getattr(self, part.name) for part in fields(self) if part.name != "idea"]

    def show(self, idea: str | None, request: gr.Request) -> dict:
        """The chosen idea beside its base, and the table."""
        lang, everything = language(request), recorded()
        found = everything.runs
        runs, base = self._both(idea, found, lang)
        return {
            self.intro: view.intro(found, everything.left_out, lang),
            self.about: view.idea(runs, base, lang),
            self.curves: view.curves(runs, base, lang),
            self.costs: view.costs(runs, base, lang),
            self.time: "",
            self.command: command(runs.card),
            self.note: view.repeat_note(runs, lang),
            self.table: view.table(found, lang),
        }

    def measure(self, idea: str | None, request: gr.Request) -> dict:
        """How long both nets take for a picture on this machine."""
        lang = language(request)
        runs, base = self._both(idea, recorded().runs, lang)
        measured = _times(runs.variant, base.variant, int(time.monotonic() / PERIOD))
        return {self.time: view.times(runs, base, measured, lang)}

    def _both(self, idea: str | None, found: Mapping[str, Runs], lang: str) -> tuple[Runs, Runs]:
        """The variant and its base; of what is not recorded, the first that is."""
        known = trainings.ideas(found)
        if not known:  # the cards were removed under an open page
            raise gr.Error(say("compare_experiments_gone", lang), print_exception=False)
        idea = idea if idea in known else known[0]
        return found[idea], trainings.base_of(idea, found)


@lru_cache(maxsize=16)
def _times(variant: str, base: str, period: int) -> dict[str, float]:
    """Measured once in a ``period``, for all visitors."""
    found = recorded().runs
    return design_times.milliseconds({name: found[name].card for name in (base, variant)})


def experiments_fold(address: Address) -> None:
    """Build the fold, its events and the endpoint; without recorded trainings there is no fold."""
    gr.api(experiments, api_name="experiments", queue=False)
    known = trainings.ideas(recorded().runs)
    if not known:
        return
    fold = gr.Accordion(t("compare_experiments"), open=False, elem_id="experiments")
    with fold:
        is_open = gr.Checkbox(visible="hidden")
        components = _components(known)
    _wire(fold, is_open, components)
    chosen = choice(components.idea, known)
    address.keep("compare", experiments=switch(is_open), idea=chosen)


def _wire(fold: gr.Accordion, is_open: gr.Checkbox, on: Fold) -> None:
    # Not `input`: an address that is opened changes the idea, too.
    shown = gr.on([fold.expand, on.idea.change], on.show, on.idea, on.shown, **LIVE)
    shown.then(on.measure, on.idea, on.time, **QUIET, **INFER)
    fold.expand(None, None, is_open, js="() => true", **LIVE)
    fold.collapse(None, None, is_open, js="() => false", **LIVE)
    opening = '(open) => ({ __type__: "update", open })'
    is_open.change(None, is_open, fold, js=opening, **LIVE)


def _components(known: list[str]) -> Fold:
    intro = gr.HTML()
    idea = gr.Radio(
        [(t(f"compare_idea_{name}"), name) for name in known],
        value=known[0],
        label=t("compare_idea"),
        elem_id="experiments-idea",
    )
    about = gr.HTML(elem_id="experiments-about")
    with gr.Row(elem_id="experiments-figures"):
        with gr.Column(scale=2, min_width=320):
            curves = gr.HTML(elem_id="experiments-curves")
        with gr.Column(scale=1, min_width=240):
            costs = gr.HTML(elem_id="experiments-costs")
            taken = gr.HTML(elem_id="experiments-time")
    code = gr.Code(
        language="shell",
        label=t("compare_repeat"),
        interactive=False,
        lines=1,
        max_lines=8,
        wrap_lines=True,
        buttons=["copy"],
        elem_id="experiments-command",
    )
    note = gr.HTML(elem_id="experiments-note")
    table = gr.HTML(elem_id="experiments-table", js_on_load=script("common/sort.js"))
    return Fold(idea, intro, about, curves, costs, taken, code, note, table)


def experiments() -> dict:
    """What each idea is worth: short trainings of nets that differ in one thing, with their mean
    held-out accuracy in percent and the difference from their base in points.

    Returns:
        The table, one row a variant. The margin is half of the 95 % interval of the difference.
        Trainings whose cards cannot be used are named in "left_out".
    """
    found = recorded()
    rows = [list(row.values()) for row in trainings.rows(found.runs)]
    left_out = list(found.left_out)
    return {"headers": list(trainings.COLUMNS), "data": rows, "left_out": left_out}

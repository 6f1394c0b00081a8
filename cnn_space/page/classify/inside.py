"""Inside the net: what the events of the fold do, and the endpoint for clients."""

from collections.abc import Iterable
from dataclasses import dataclass

import gradio as gr
import torch
from markupsafe import Markup
from PIL import Image

from cnn_space.inference import explain, surgery
from cnn_space.inference.engine import Engine
from cnn_space.inference.surgery import Surgery
from cnn_space.inference.surgery_masks import Cut
from cnn_space.inference.surgery_stages import Stage
from cnn_space.models import registry
from cnn_space.page.classify import inside_view, view
from cnn_space.page.classify.handlers import Nets, Photo, of_this_tab, prepared
from cnn_space.page.common import nets
from cnn_space.page.common.texts import language, say


@dataclass(frozen=True)
class Opened:
    """A net on a photo, open for surgery; what its stages are, and what cuts do, as HTML."""

    photo: Image.Image
    name: str
    runner: Engine
    x: torch.Tensor
    surgery: Surgery
    lang: str

    def stage(self, name: str | None) -> Stage:
        """The stage called ``name``; where the net has none, the middle one of those with parts."""
        stages = self.surgery.stages
        telling = [stage for stage in stages if stage.parts and stage.channels] or stages
        named = (stage for stage in stages if stage.name == name)
        return next(named, telling[len(telling) // 2])

    def cuts(self, text: str) -> tuple[Cut, ...]:
        """The cuts in a text that this net has; it may have been written for another one."""
        return self.surgery.read(text[: surgery.LONGEST], lenient=True)

    def board(self, stage: Stage, cuts: tuple[Cut, ...]) -> Markup:
        """What can be switched off in a stage."""
        answer = self.surgery.intact(self.x).heatmap.class_index
        strengths = self.surgery.strengths(self.x, stage, answer)
        label = self.runner.record.labels[answer]
        preprocessing = self.runner.record.preprocessing
        return self._of(
            inside_view.board(self.photo, preprocessing, stage, strengths, cuts, label, self.lang)
        )

    def outcome(self, cuts: tuple[Cut, ...]) -> Markup:
        """The answer before and after the cuts, and what they save."""
        before, after = self.surgery.intact(self.x), self.surgery.outcome(self.x, cuts)
        record = self.runner.record
        return self._of(inside_view.outcome(self.photo, record, before, after, cuts, self.lang))

    def branches(self, stage: Stage) -> Markup | str:
        """What the four branches of a GoogLeNet's module respond to."""
        net = self.runner.loaded.net
        if stage.name not in explain.inception_modules(net):
            return ""
        found = explain.inside(net, self.x, stage.name)
        preprocessing = self.runner.record.preprocessing
        return self._of(view.inside(self.photo, preprocessing, found, self.lang))

    def filters(self) -> Markup:
        """The filters of the first convolution."""
        return self._of(
            inside_view.filters(explain.first_filters(self.runner.loaded.net), self.lang)
        )

    def _of(self, html: Markup) -> Markup:
        return of_this_tab(self.photo, self.name, html)


def opened(photo: Photo, net: str | None, own_nets: Nets, lang: str) -> Opened | None:
    """The net on the photo; None where there can be no answer."""
    ready = prepared(photo, net, own_nets)
    if ready is None:
        return None
    try:
        return Opened(photo, net, *ready, surgery.of(ready[0]), lang)
    except ValueError:  # a card that describes no net of this registry
        return None


@dataclass(frozen=True, eq=False)
class Inside:
    """The components of the fold; the methods handle their events. ``cuts`` holds what is switched
    off, as text: ``inception4c/branch2 conv1/3``."""

    fold: gr.Accordion
    stage: gr.Dropdown
    board: gr.HTML
    numbers: gr.Textbox
    back: gr.Button
    cuts: gr.Textbox
    outcome: gr.HTML
    branches: gr.HTML
    filters: gr.HTML
    is_open: gr.State

    @property
    def shown(self) -> list[gr.components.Component]:
        """Everything that a photo and a net bring about."""
        return [*self._parts, self.fold, self.stage, self.cuts, self.is_open]

    @property
    def _parts(self) -> list[gr.HTML]:
        return [self.board, self.outcome, self.branches, self.filters]

    def refill(
        self,
        photo: Photo,
        net: str | None,
        own_nets: Nets,
        stage: str | None,
        cuts: str,
        is_open: bool,
        request: gr.Request,
    ) -> dict:
        """The fold, and all that is in it while it is open. Cuts that this net does not have are
        dropped."""
        shown = dict.fromkeys(self._parts, "") | {
            self.fold: gr.Accordion(visible=has_inside(net, own_nets))
        }
        lang = language(request)
        on = opened(photo, net, own_nets, lang) if is_open else None
        if on is None:
            return shown
        made = on.cuts(cuts)
        # A link names no stage: it opens the one of its last cut.
        named = stage if stage in (s.name for s in on.surgery.stages) else None
        chosen = on.stage(named or (made[-1].stage.name if made else None))
        known = inside_view.stage_choices(on.surgery.stages, lang)
        kept = _text(made)
        if kept != cuts:  # else left alone: a click may have added one meanwhile
            shown[self.cuts] = kept
        return shown | {
            self.stage: gr.Dropdown(choices=known, value=chosen.name),
            self.board: on.board(chosen, made),
            self.outcome: on.outcome(made),
            self.branches: on.branches(chosen),
            self.filters: on.filters(),
        }

    def choose(
        self,
        photo: Photo,
        net: str | None,
        own_nets: Nets,
        stage: str | None,
        cuts: str,
        request: gr.Request,
    ) -> dict:
        """What can be switched off in another stage."""
        on = opened(photo, net, own_nets, language(request))
        if on is None:
            return {self.board: "", self.branches: ""}
        chosen = on.stage(stage)
        return {self.board: on.board(chosen, on.cuts(cuts)), self.branches: on.branches(chosen)}

    def operate(
        self,
        photo: Photo,
        net: str | None,
        own_nets: Nets,
        stage: str | None,
        cuts: str,
        is_open: bool,
        request: gr.Request,
    ) -> dict:
        """The answer with other cuts. Where an address brought them, the fold opens first."""
        if not is_open:
            if not cuts:
                return gr.skip()
            filled = self.refill(photo, net, own_nets, None, cuts, True, request)
            there = has_inside(net, own_nets)
            return filled | {self.fold: gr.Accordion(visible=there, open=True), self.is_open: True}
        on = opened(photo, net, own_nets, language(request))
        return {self.outcome: on.outcome(on.cuts(cuts)) if on else ""}

    def add_numbers(
        self,
        photo: Photo,
        net: str | None,
        own_nets: Nets,
        stage: str | None,
        cuts: str,
        numbers: str | None,
        request: gr.Request,
    ) -> dict:
        """Channels of the stage by their numbers: ``3, 17, 40-47``."""
        lang = language(request)
        on = opened(photo, net, own_nets, lang)
        if on is None or not (numbers or "").strip():
            return gr.skip()
        chosen = on.stage(stage)
        items = [f"{chosen.name}/{item}" for item in numbers.replace(",", " ").split()]
        try:
            made = on.surgery.read(" ".join(items))
        except ValueError:
            made = ()
        if not made or any(cut.part for cut in made):
            key = "surgery_bad_numbers" if chosen.channels else "surgery_no_channels"
            sentence = say(key, lang, stage=chosen.name, last=chosen.channels - 1)
            gr.Warning(sentence, title=say("notice_warning", lang))
            return gr.skip()
        return {self.cuts: _text([*on.cuts(cuts), *made]), self.numbers: ""}


def _text(cuts: Iterable[Cut]) -> str:
    """Cuts as the components hold them, each once."""
    return " ".join(dict.fromkeys(map(str, cuts)))


def has_inside(net: str | None, own_nets: Nets) -> bool:
    """Whether a net is one whose parts are known."""
    record = nets.record_of(net, own_nets) if net else None
    return record is not None and record.arch in registry.list_models()

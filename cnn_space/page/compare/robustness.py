"""Compare, "What throws it off": its components, what its events do, and the endpoint."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import gradio as gr

from cnn_space.inference.robustness import STEPS, Sweep, sweep, to_json
from cnn_space.inference.robustness_changes import CHANGES
from cnn_space.page.common import nets as all_nets
from cnn_space.page.common.components import INFER, LIVE_JS, QUIET, SWEEP, hide_outdated
from cnn_space.page.common.photo_input import PhotoInput, required
from cnn_space.page.common.templates import of
from cnn_space.page.common.texts import language, say, t
from cnn_space.page.compare import robustness_view as view
from cnn_space.page.compare.handlers import Nets, Photo, entitled, key_of, why_no_comparison


@dataclass(frozen=True, eq=False)
class Part:
    """The components of this part of the tab; the methods handle their events."""

    change: gr.Radio
    shown: gr.HTML
    done: gr.State  # what was asked last

    @property
    def result(self) -> list:
        return [self.shown, self.done]

    def run(
        self,
        photo: Photo,
        names: list[str] | None,
        change: str | None,
        own_nets: Nets,
        done: str | None,
        request: gr.Request,
    ) -> Iterator[dict]:
        """Yields the curves as they come; nothing where no change is chosen, or no comparison can
        be made, of which the tab says why. ``done`` as in ``handlers.Tab.run``."""
        lang = language(request)
        names = list(dict.fromkeys(names or []))
        if not change or why_no_comparison(photo, names, own_nets, lang):
            yield self.nothing()
            return
        called = [all_nets.called(name, own_nets) for name in names]
        key = key_of(photo, [*names, *called, change], lang)
        if key == done:
            yield gr.skip()
            return
        for found in _sweep(photo, names, change, own_nets, fetch=False):
            html = of("robustness", photo, [*names, change], view.shown(found, lang))
            yield {self.shown: html, self.done: key if found.is_done else None}

    def nothing(self) -> dict:
        """Nothing of what was asked before stays."""
        return {self.shown: "", self.done: None}


def robustness_part() -> Part:
    """The choice of a change, and what comes of it."""
    gr.Markdown(t("robust_title"), elem_id="robust-title")
    change = gr.Radio(
        [(t(f"robust_{name}"), name) for name in CHANGES],
        label=t("robust_change"),
        elem_id="robust-change",
        elem_classes="segmented",
    )
    shown = gr.HTML(elem_id="robust-shown", js_on_load=LIVE_JS)
    return Part(change, shown, gr.State())


def endpoint(part: Part, photo: PhotoInput, nets: gr.Dropdown) -> None:
    """For clients: the curves as figures, and the finding."""
    steps = gr.Number(STEPS, precision=0, label="steps", visible=False)
    figures = gr.JSON(visible=False, label="figures")
    said = gr.Textbox(visible=False, label="finding")
    gr.Button(visible=False).click(
        robustness,
        [photo, nets, part.change, steps],
        [figures, said],
        api_name="robustness",
        **SWEEP,
    )


def wire(part: Part, photo: PhotoInput, nets: gr.Dropdown, own_nets: gr.State, opened) -> dict:
    """The events of this part, but for what follows a comparison: that event is given back.
    ``opened`` are the events by which photo and nets may have become others."""
    chosen = [photo, nets, part.change]
    gr.on(
        [*opened, part.change.change],
        **hide_outdated("robustness"),
        inputs=chosen,
        **QUIET | {"trigger_mode": "multiple"},
    )
    run = {
        "fn": part.run,
        "inputs": [*chosen, own_nets, part.done],
        "outputs": part.result,
        **QUIET | {"trigger_mode": "always_last"},
        **INFER,
    }
    part.change.change(**run).failure(part.nothing, None, part.result, **QUIET)
    return run


def robustness(
    image: Photo, models: list[str], change: str = "shift", steps: int = STEPS
) -> tuple[dict, str]:
    """Change a photo step by step and ask convolutional nets at each step: the probability of the
    answer that each gave to the unchanged photo, and where it changes its answer.

    Args:
        image: the photo: an upload, or a data: URL (base64). Other addresses are not fetched.
        models: one to eight names of weights, such as "googlenet.cifar10".
        change: shift, rotate, shrink, enlarge, blur, noise, jpeg, darken or cover.
        steps: a whole number from 1 to 40, besides the unchanged photo; left empty, 20.

    Returns:
        The levels with their unit and, for each net, its answers and probabilities at each of them
        and the level at which it first gives another answer; and the finding in a sentence.
    """
    image = required(image, say("compare_no_photo"))
    try:
        names = [models] if isinstance(models, str) else models or []
        steps = STEPS if steps is None else steps
        *_, found = _sweep(image, names, change or "shift", {}, steps=steps)
    except ValueError as problem:
        raise gr.Error(str(problem), print_exception=False) from None
    return to_json(found), view.finding(found).striptags()


def _sweep(photo, names, change: str, own_nets: Nets, **options) -> Iterator[Sweep]:
    """The sweep as it fills, a visitor's own nets called as in the lists."""
    nets = {name: own_nets.get(name, name) for name in names}
    for found in sweep(photo, nets, change, **options):
        curves = (replace(c, entry=entitled(c.entry, own_nets)) for c in found.curves)
        yield replace(found, curves=tuple(curves))

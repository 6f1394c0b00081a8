"""The fold "Inside the net" of the Classify tab: its components and how they are wired."""

from collections.abc import Iterable

import gradio as gr

from cnn_space.inference.surgery import LONGEST
from cnn_space.page.classify.handlers import TOP_K, Tab
from cnn_space.page.classify.inside import Inside, has_inside
from cnn_space.page.classify.inside_endpoint import surgery
from cnn_space.page.common import address, nets
from cnn_space.page.common.components import FETCH, INFER, LIVE_JS, QUIET, script
from cnn_space.page.common.texts import t

CLICKED = script("classify/surgery_clicked.js")


def inside() -> Inside:
    """The components, in a fold."""
    is_open = gr.State(False)
    fold = gr.Accordion(
        t("explain_inside"),
        open=False,
        visible=has_inside(nets.first_net(), {}),
        elem_id="explain-inside",
    )
    with fold:
        gr.Markdown(t("surgery_intro"))
        stage = gr.Dropdown(
            [], label=t("surgery_stage"), elem_id="surgery-stage", elem_classes="net-box"
        )
        with gr.Row(elem_id="surgery"):
            with gr.Column(elem_id="surgery-form"):
                board = gr.HTML(elem_id="surgery-board", js_on_load=CLICKED)
                numbers = gr.Textbox(
                    label=t("surgery_numbers"),
                    placeholder="3, 17, 40-47",
                    max_lines=1,
                    max_length=500,
                    elem_id="surgery-numbers",
                )
                back = gr.Button(t("surgery_back"), size="sm", elem_id="surgery-back")
            outcome = gr.HTML(elem_id="surgery-outcome", js_on_load=LIVE_JS + CLICKED)
        cuts = gr.Textbox("", max_length=LONGEST, elem_id="surgery-cuts")  # not to be seen
        branches = gr.HTML(elem_id="explain-branches")
        filters = gr.HTML(elem_id="surgery-filters")
    return Inside(fold, stage, board, numbers, back, cuts, outcome, branches, filters, is_open)


def endpoint(tab: Tab) -> None:
    """For clients: the same figures. A hidden button, because an API needs an event."""
    off = gr.Textbox(visible=False, max_length=LONGEST, label="off")
    top_k = gr.Number(TOP_K, precision=0, minimum=1, label="top_k", visible=False)
    figures = gr.JSON(visible=False, label="figures")
    gr.Button(visible=False).click(
        surgery, [tab.photo, tab.net, off, top_k], figures, api_name="surgery", **FETCH
    )


def wire(
    on: Inside, tab: Tab, own_nets: gr.State, answered: Iterable, link: address.Address
) -> None:
    """Fill the fold after each of the events ``answered``, and while it is open."""
    latest = QUIET | {"trigger_mode": "always_last"}
    photo_and_net = [tab.photo, tab.net, own_nets]
    state = [*photo_and_net, on.stage, on.cuts]
    for event in answered:
        event.then(on.refill, [*state, on.is_open], on.shown, **latest, **INFER)
    on.fold.expand(lambda: True, None, on.is_open, **latest).then(
        on.refill, [*state, on.is_open], on.shown, **latest, **INFER
    )
    on.fold.collapse(lambda: False, None, on.is_open, **latest)
    on.stage.input(on.choose, state, [on.board, on.branches], **latest, **INFER)
    at_once = QUIET | {"queue": False}
    for place in (on.board, on.outcome):
        place.click(None, on.cuts, on.cuts, js=script("classify/surgery_toggle.js"), **at_once)
    on.back.click(None, None, on.cuts, js="() => ''", **at_once)
    on.numbers.submit(on.add_numbers, [*state, on.numbers], [on.cuts, on.numbers], **latest)
    gr.on(
        [on.cuts.change, on.board.change],
        None,
        on.cuts,
        None,
        js=script("classify/surgery_pressed.js"),
        **at_once,
    )
    on.cuts.change(on.operate, [*state, on.is_open], on.shown, **latest, **INFER)
    link.keep("classify", off=address.words(on.cuts, r"[\w./ -]", 1000))

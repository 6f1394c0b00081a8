"""The Compare tab: its components and how they are wired."""

import gradio as gr

from cnn_space.inference import comparison
from cnn_space.inference.robustness_changes import CHANGES
from cnn_space.page.common import nets
from cnn_space.page.common.address import Address, choice
from cnn_space.page.common.components import (
    FETCH,
    INFER,
    LIVE_JS,
    QUIET,
    download_line,
    hide_outdated,
    script,
)
from cnn_space.page.common.photo_input import PhotoInput
from cnn_space.page.common.texts import t
from cnn_space.page.compare import robustness
from cnn_space.page.compare.experiments import experiments_fold
from cnn_space.page.compare.handlers import Tab, compare, fetch


def compare_tab(tab: gr.Tab, shared: gr.Image, own_nets: gr.State, address: Address) -> gr.Dropdown:
    """One photo, several nets: answers, cost and heatmaps side by side. Gives the list of nets.

    ``tab`` is where the components are; ``shared`` the photo of the Classify tab.
    """
    question, result = _question(), _comparison()
    changed = robustness.robustness_part()
    components = Tab(**question, **result, **_figures())
    _endpoint(components)
    robustness.endpoint(changed, components.photo, components.nets)
    _wire(components, changed, tab, shared, own_nets)
    again = {"fn": None, "inputs": [shared, components.photo], "js": script("compare/again.js")}
    known = {"nets": choice(components.nets, nets.offered())}
    known["change"] = choice(changed.change, list(CHANGES))
    address.keep("compare", then=again | QUIET, **known)
    experiments_fold(address)
    return components.nets


def defaults() -> list[str]:
    """The nets a visitor meets first; none has to be fetched for it."""
    return comparison.default_nets(nets.local_nets())


def _question() -> dict:
    with gr.Row(elem_id="compare-top"):
        with gr.Column(scale=0, min_width=240, elem_id="compare-form"):
            photo = PhotoInput(
                sources=["upload", "webcam", "clipboard"],
                webcam_options=gr.WebcamOptions(mirror=False),
                format="png",
                label=t("photo"),
                show_label=False,
                height=240,
                buttons=[],
                elem_id="compare-photo",
            )
        with gr.Column(elem_id="compare-said"):
            chosen = gr.Dropdown(
                nets.choices(short=True),
                value=defaults(),
                multiselect=True,
                max_choices=comparison.MOST,
                label=t("compare_nets"),
                elem_id="compare-nets",
            )
            download = download_line()
            finding = gr.HTML(elem_id="compare-finding", js_on_load=LIVE_JS)
    return {"photo": photo, "nets": chosen, "download": download, "finding": finding}


def _comparison() -> dict:
    cards = gr.HTML(elem_id="compare-cards")
    table = gr.HTML(elem_id="compare-table", js_on_load=script("common/sort.js"))
    return {"cards": cards, "table": table, "done": gr.State()}


def _figures() -> dict:
    with gr.Row(elem_id="compare-charts"):
        with gr.Column(min_width=320):
            work = gr.HTML(elem_id="compare-work")
        with gr.Column(min_width=320):
            learned = gr.HTML(elem_id="compare-learned")
    return {"work": work, "learned": learned, "classes": gr.HTML(elem_id="compare-classes")}


def _endpoint(components: Tab) -> None:
    """For clients: the table and the finding, without pictures."""
    result = gr.Dataframe(visible=False, label="table")
    said = gr.Textbox(visible=False, label="finding")
    gr.Button(visible=False).click(
        compare,
        [components.photo, components.nets],
        [result, said],
        api_name="compare",
        **FETCH,
    )


def _wire(
    on: Tab, changed: robustness.Part, tab: gr.Tab, shared: gr.Image, own_nets: gr.State
) -> None:
    # Of several changes in a row the last one counts.
    latest = QUIET | {"trigger_mode": "always_last"}
    chosen = [on.nets, own_nets]
    run = {
        "fn": on.run,
        "inputs": [on.photo, on.nets, own_nets, on.done],
        "outputs": on.result,
        **latest,
        **INFER,
    }
    figures = {
        "fn": on.figures,
        "inputs": chosen,
        "outputs": [on.work, on.learned, on.classes],
        **latest,
    }
    # Before all other events: Gradio begins them in this order.
    others = [tab.select, on.photo.change, on.nets.change]
    gr.on(
        others,
        **hide_outdated("compare"),
        inputs=[on.photo, on.nets],
        **QUIET | {"trigger_mode": "multiple"},
    )
    asked_again = robustness.wire(changed, on.photo, on.nets, own_nets, others)
    on.photo.show_converted()
    # One photo for both tabs: the browser hands it on, in both directions, when a visitor acts.
    hand_on = {"fn": None, "js": "(photo) => photo", **latest}
    again = gr.Button(visible="hidden", elem_id="compare-again")  # pressed by again.js
    opened = gr.on([tab.select, again.click], **hand_on, inputs=shared, outputs=on.photo)
    arrived = opened.then(on.arrive, chosen, on.nets, **latest)
    tab.select(**figures)
    on.photo.input(**hand_on, inputs=on.photo, outputs=shared)
    # Not `input`: the list's "clear all" and Backspace make a change alone. The charts come first,
    # and the next choice at once: neither needs the nets that the last one fetches.
    on.nets.change(**figures)
    progress = {"show_progress": "minimal", "show_progress_on": on.download}
    at_once = latest | progress | {"trigger_mode": "multiple"}
    fetched = on.nets.change(fetch, chosen, **at_once, **FETCH)
    # The entry of a net that was just fetched needs no network any more.
    fetched.then(on.refresh, chosen, on.nets, **latest)
    for compared in (arrived.then(**run), on.photo.input(**run), fetched.then(**run)):
        compared.failure(on.unanswered, None, on.result, **latest)
        compared.then(**asked_again)

"""The Compare tab: its components and how they are wired."""

import gradio as gr

from cnn_space.page.common import nets
from cnn_space.page.common.components import FETCH, INFER, LIVE_JS, download_line
from cnn_space.page.common.photo_input import PhotoInput
from cnn_space.page.common.texts import t
from cnn_space.page.compare import handlers as compare


def compare_tab(tab: gr.Tab, shared: gr.Image, own_nets: gr.State) -> None:
    """One photo, several nets: answers, cost and heatmaps side by side."""
    with gr.Row(elem_id="compare-top"):
        with gr.Column(scale=0, min_width=240, elem_id="compare-form"):
            photo = PhotoInput(
                sources=["upload", "webcam", "clipboard"],
                label=t("photo"),
                show_label=False,
                height=240,
                buttons=[],
                elem_id="compare-photo",
            )
        with gr.Column(elem_id="compare-said"):
            chosen = gr.Dropdown(
                nets.choices(short=True),
                value=compare.defaults(),
                multiselect=True,
                max_choices=8,
                label=t("compare_nets"),
                elem_id="compare-nets",
            )
            download = download_line()
            finding = gr.HTML(elem_id="compare-finding", js_on_load=LIVE_JS)
    cards = gr.HTML(elem_id="compare-cards")
    table = gr.Dataframe(
        headers=compare.headers(),
        datatype=compare.KINDS,
        label=t("compare_table"),
        interactive=False,
        buttons=[],
        pinned_columns=1,
        elem_id="compare-table",
    )
    csv_link = gr.HTML(elem_id="compare-csv")
    gr.Markdown(t("compare_table_note"), elem_id="compare-note")
    with gr.Row(elem_id="compare-charts"):
        with gr.Column(min_width=320):
            work = gr.HTML(elem_id="compare-work")
        with gr.Column(min_width=320, elem_id="compare-learned"):
            learned = gr.HTML()
            curve = {"x": "epoch", "y": "value", "color": "net", "height": 180}
            curve |= {"x_title": " ", "y_title": " ", "colors_in_legend": []}
            loss = gr.LinePlot(**curve, elem_id="compare-loss")
            accuracy = gr.LinePlot(**curve, elem_id="compare-accuracy")
    classes = gr.HTML(elem_id="compare-classes")
    # For clients: the table and the finding, without pictures.
    result = gr.Dataframe(visible=False, label="table")
    said = gr.Textbox(visible=False, label="finding")
    ask = gr.Button(visible=False)
    ask.click(compare.compare, [photo, chosen], [result, said], api_name="compare", **FETCH)

    done = gr.State()  # what was compared last
    # Of several changes in a row the last one counts.
    private = {
        "api_visibility": "private",
        "show_progress": "hidden",
        "trigger_mode": "always_last",
    }
    show = {
        "fn": compare.run,
        "inputs": [photo, chosen, own_nets, done],
        "outputs": [finding, cards, table, csv_link, done],
        **private,
        **INFER,
    }
    draw = {
        "fn": compare.figures,
        "inputs": [chosen, own_nets],
        "outputs": [work, learned, loss, accuracy, classes],
        **private,
    }
    # One photo for both tabs: the browser hands it on, in both directions, when a visitor acts.
    hand_on = {"fn": None, "js": "(photo) => photo", **private}
    opened = tab.select(**hand_on, inputs=shared, outputs=photo)
    arrived = opened.then(compare.arrive, [chosen, own_nets], chosen, **private)
    tab.select(**draw)
    photo.input(**hand_on, inputs=photo, outputs=shared)
    # Not `input`: the list's "clear all" and Backspace make a change alone. The charts come first,
    # and the next choice at once: neither needs the nets that the last one fetches.
    chosen.change(**draw)
    fetch = {"show_progress": "minimal", "show_progress_on": download, "trigger_mode": "multiple"}
    fetched = chosen.change(compare.fetch, [chosen, own_nets], **(private | FETCH | fetch))
    # The entry of a net that was just fetched needs no network any more.
    fetched.then(compare.relist, [chosen, own_nets], chosen, **private)
    for compared in (arrived.then(**show), photo.input(**show), fetched.then(**show)):
        compared.failure(compare.unanswered, None, show["outputs"], **private)

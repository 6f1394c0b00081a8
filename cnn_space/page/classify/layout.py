"""The Classify tab: its components and how they are wired."""

import gradio as gr

from cnn_space.page.classify import examples, inside_layout
from cnn_space.page.classify.handlers import TOP_K, Tab, classify
from cnn_space.page.common import address, nets
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


def classify_tab(
    demo: gr.Blocks, own_nets: gr.State, link: address.Address
) -> tuple[gr.Image, gr.Dropdown]:
    """One photo, one net: the answer, and what led to it. Gives the photo and the list of nets."""
    with gr.Row(elem_id="classify"):
        form = _form()
        result = _result()
    tab = Tab(**form, **result)
    inside = inside_layout.inside()
    _endpoint(tab)
    inside_layout.endpoint(tab)
    answered = _wire(tab, demo, own_nets)
    tab.photo.show_converted()
    demo.load(None, js=script("common/any_file.js"), **QUIET)
    link.keep(
        "classify",
        photo=address.photo(tab.photo, examples.copies()),
        net=address.choice(tab.net, nets.offered()),
        ten_views=address.switch(tab.ten_views),
    )
    inside_layout.wire(inside, tab, own_nets, answered, link)
    return tab.photo, tab.net


def _form() -> dict:
    with gr.Column(scale=0, min_width=320, elem_id="classify-form"):
        photo = PhotoInput(
            str(examples.first().path),
            sources=["upload", "webcam", "clipboard"],
            webcam_options=gr.WebcamOptions(mirror=False),
            format="png",
            label=t("photo"),
            show_label=False,
            height=320,
            buttons=["fullscreen"],
            elem_id="classify-photo",
        )
        tried = gr.HTML(elem_id="classify-examples", js_on_load=script("classify/example.js"))
        net = gr.Dropdown(
            nets.choices(),
            value=nets.first_net(),
            label=t("classify_net"),
            elem_id="classify-net",
            elem_classes="net-box",
        )
        zipped = gr.UploadButton(t("classify_zip"), size="sm", elem_id="classify-zip")
        ten_views = gr.Checkbox(
            label=t("classify_ten"), info=t("classify_ten_info"), elem_id="classify-ten"
        )
        about = gr.HTML(elem_id="classify-facts")
    return {
        "photo": photo,
        "examples": tried,
        "net": net,
        "zipped": zipped,
        "facts": about,
        "ten_views": ten_views,
    }


def _result() -> dict:
    with gr.Column(elem_id="classify-result"):
        gr.Markdown(t("classify_waiting"), elem_id="classify-hint")
        answer = gr.HTML(elem_id="classify-answer", js_on_load=LIVE_JS + script("classify/pick.js"))
        download = download_line()
        with gr.Row(elem_id="classify-pictures"):
            seen = gr.HTML(elem_id="classify-seen")
            looked = gr.HTML(elem_id="classify-looked")
        views = gr.HTML(elem_id="classify-views")
        foot = gr.HTML(elem_id="classify-foot")
    return {
        "answer": answer,
        "download": download,
        "seen": seen,
        "looked": looked,
        "views": views,
        "foot": foot,
    }


def _endpoint(tab: Tab) -> None:
    """For clients: the same answer as figures. A hidden button, because an API needs an event."""
    top_k = gr.Number(TOP_K, precision=0, minimum=1, label="top_k", visible=False)
    ranked = gr.Label(visible=False, label="classes")
    gr.Button(visible=False).click(
        classify, [tab.photo, tab.net, top_k], ranked, api_name="classify", **FETCH
    )


def _wire(tab: Tab, demo: gr.Blocks, own_nets: gr.State) -> list:
    """Gives the events after which there is a new answer."""
    # Of several changes in a row the last one counts; but a download must not hold up the next
    # choice, and what was clicked is known at the click alone.
    latest = QUIET | {"trigger_mode": "always_last"}
    each = QUIET | {"trigger_mode": "multiple"}
    # Before all other events: Gradio begins them in this order.
    gr.on(
        [demo.load, tab.photo.change, tab.net.change],
        **hide_outdated("classify"),
        inputs=[tab.photo, tab.net],
        **each,
    )
    chosen = [tab.net, own_nets]
    shown = [tab.photo, tab.net, own_nets]
    gr.on([demo.load, tab.net.change], tab.show_examples, chosen, tab.examples, **latest)
    gr.on([demo.load, tab.net.change], tab.show_facts, chosen, tab.facts, **latest)
    tab.examples.click(tab.take_example, None, tab.photo, queue=False, **each)
    answer = {
        "fn": tab.show,
        "inputs": [tab.photo, tab.net, tab.ten_views, own_nets],
        "outputs": tab.result,
        **latest,
        **INFER,
    }
    answered = gr.on([demo.load, tab.photo.change, tab.ten_views.change], **answer)
    tab.net.change(tab.coming, chosen, tab.result, queue=False, **latest)
    progress = {"show_progress": "minimal", "show_progress_on": tab.download}
    fetched = tab.net.change(nets.fetch, chosen, **(each | progress), **FETCH).then(**answer)
    # The entry of a net that was just fetched needs no network any more.
    fetched.then(nets.refresh, chosen, tab.net, **latest)
    # The heatmap comes after the answer, and once more for each class that is clicked.
    for event in (answered, fetched):
        event.failure(tab.unanswered, None, tab.result, **latest, **INFER)
        event.then(tab.look, shown, tab.looked, **latest, **INFER)
    tab.answer.select(tab.ask_wider, None, tab.net, queue=False, **each)
    tab.answer.click(tab.look_for, shown, tab.looked, **each, **INFER)
    tab.zipped.upload(tab.take_zip, [tab.zipped, own_nets], [own_nets, tab.net], **each)
    return [answered, fetched]

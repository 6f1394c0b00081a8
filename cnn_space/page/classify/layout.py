"""The Classify tab: its components and how they are wired."""

import gradio as gr

from cnn_space.page.classify import explain
from cnn_space.page.classify import handlers as classify
from cnn_space.page.common import nets
from cnn_space.page.common.components import FETCH, INFER, LIVE_JS, download_line
from cnn_space.page.common.photo_input import PhotoInput
from cnn_space.page.common.texts import t


def classify_tab(demo: gr.Blocks, own_nets: gr.State) -> tuple[gr.Image, gr.Dropdown]:
    """One photo, one net: the answer, and what led to it. Gives the photo and the list of nets."""
    photos = classify.examples()
    with gr.Row(elem_id="classify"):
        with gr.Column(scale=0, min_width=320, elem_id="classify-form"):
            photo = PhotoInput(
                photos[0] if photos else None,
                sources=["upload", "webcam", "clipboard"],
                label=t("photo"),
                show_label=False,
                height=320,
                buttons=["fullscreen"],
                elem_id="classify-photo",
            )
            gr.Examples(
                [[path] for path in photos],
                photo,
                label=t("classify_examples"),
                elem_id="classify-examples",
            )
            model = gr.Dropdown(
                nets.choices(),
                value=nets.first_net(),
                label=t("classify_net"),
                elem_id="classify-net",
                elem_classes="net-box",
            )
            ten_views = gr.Checkbox(
                label=t("classify_ten"), info=t("classify_ten_info"), elem_id="classify-ten"
            )
            download = download_line()
        with gr.Column(elem_id="classify-result"):
            answer = gr.HTML(elem_id="classify-answer", js_on_load=LIVE_JS + explain.PICK_JS)
            with gr.Row(elem_id="classify-pictures"):
                seen = gr.HTML(elem_id="classify-seen")
                looked = gr.HTML(elem_id="classify-looked")
            views = gr.HTML(elem_id="classify-views")
            foot = gr.HTML(elem_id="classify-foot")
    inside_fold = gr.Accordion(
        t("explain_inside"),
        open=False,
        visible=explain.has_inside(nets.first_net(), {}),
        elem_id="explain-inside",
    )
    with inside_fold:
        gr.Markdown(t("explain_inside_intro"))
        module = gr.Radio(
            explain.MODULES,
            value=explain.FIRST_MODULE,
            label=t("explain_module"),
            container=False,
            elem_id="explain-module",
            elem_classes="segmented",
        )
        inside = gr.HTML(elem_id="explain-branches")
    # For clients: the same answer as figures. A hidden button, because an API needs an event.
    top_k = gr.Number(classify.TOP_K, precision=0, minimum=1, label="top_k", visible=False)
    ranked = gr.Label(visible=False, label="classes")
    ask = gr.Button(visible=False)
    # Of several changes in a row the last one counts; but a download must not hold up the next
    # choice, and what was clicked is known at the click alone.
    private = {"api_visibility": "private", "trigger_mode": "always_last"}
    at_once = private | {"trigger_mode": "multiple"}
    ask.click(classify.classify, [photo, model, top_k], ranked, api_name="classify", **FETCH)
    show = {
        "fn": classify.show,
        "inputs": [photo, model, ten_views, own_nets],
        "outputs": [answer, seen, views, foot],
        "show_progress": "hidden",
        **private,
        **INFER,
    }
    shown = gr.on([demo.load, photo.change, ten_views.change], **show)
    everything = [answer, seen, views, foot, looked, inside]
    model.change(
        classify.coming,
        [model, own_nets],
        everything,
        queue=False,
        show_progress="hidden",
        **private,
    )
    fetched = model.change(
        nets.fetch,
        [model, own_nets],
        show_progress="minimal",
        show_progress_on=download,
        **FETCH,
        **at_once,
    ).then(**show)
    # The entry of a net that was just fetched needs no network any more.
    entries = {"fn": nets.refresh, "inputs": [model, own_nets], "outputs": model}
    fetched.then(**entries, show_progress="hidden", **private)
    # The heatmap comes after the answer, and once more for each class that is clicked.
    quiet = {"show_progress": "hidden", **private, **INFER}
    asked = [photo, model, own_nets]
    is_open = gr.State(False)
    for answered in (shown, fetched):
        answered.failure(classify.unanswered, None, everything, **quiet)
        answered.then(explain.look, asked, looked, **quiet)
        answered.then(explain.fold, [*asked, module, is_open], [inside_fold, inside], **quiet)
    answer.click(explain.look_for, asked, looked, **(quiet | at_once))
    module.input(explain.look_inside, [*asked, module], inside, **quiet)
    inside_fold.expand(lambda: True, None, is_open, **private).then(
        explain.look_inside, [*asked, module], inside, **quiet
    )
    inside_fold.collapse(lambda: False, None, is_open, **private)
    demo.load(**entries, show_progress="hidden", **private)
    return photo, model

"""The Fine-tune tab: what is on it, from top to bottom."""

import gradio as gr
from gradio.components import Component

from cnn_space.page.common import nets
from cnn_space.page.common.address import Address, choice, number
from cnn_space.page.common.components import LIVE_JS, script
from cnn_space.page.common.texts import t
from cnn_space.page.common.visitor_nets import LONGEST_TITLE
from cnn_space.page.finetune import export, sources
from cnn_space.page.finetune.advanced import advanced_controls
from cnn_space.page.finetune.handlers import Tab
from cnn_space.page.finetune.session import Session
from cnn_space.page.finetune.wiring import (
    wire_arrival,
    wire_endpoint,
    wire_images,
    wire_result,
    wire_training,
)
from cnn_space.training.recipes import PRESETS

# What runs in the board of photos, class by class.
PHOTO_SCRIPTS = tuple(f"finetune/{name}.js" for name in ("webcam", "dropped", "shrink", "photos"))


def outside_of_tabs() -> dict:
    """What works from the start and in every tab: in a tab that was never opened nothing does."""
    return {
        # Encrypted with a secret that the page holds: it is the key itself that nobody can guess.
        "key": gr.BrowserState(storage_key="cnn-space-visitor", secret="cnn-space"),
        "had": gr.BrowserState(storage_key="cnn-space-had", secret="cnn-space"),
        "session": gr.State(Session()),
        "clock": gr.Timer(1, active=False),
    }


def finetune_tab(
    demo: gr.Blocks, tabs: gr.Tabs, own_nets: gr.State, address: Address, **elsewhere: Component
) -> None:
    """A short fine-tuning run on the visitor's own classes; ``elsewhere`` are the lists of nets of
    other tabs, and what ``outside_of_tabs`` gave."""
    lost = gr.HTML(visible=False, padding=False, elem_id="ft-lost")
    with gr.Row(elem_id="ft-images", elem_classes="ft-row"):
        components = {"lost": lost} | _images()
    with gr.Row(elem_classes="ft-row"):
        components |= _net() | _training()
    with gr.Row(elem_classes="ft-row"):
        components |= _result()
    components["runs"] = gr.HTML(
        padding=False, elem_id="ft-runs", js_on_load=script("finetune/runs.js")
    )
    tab = Tab(tabs=tabs, own_nets=own_nets, **elsewhere, **components)
    wire_arrival(demo, tab)
    wire_images(tab)
    wire_training(tab)
    wire_result(tab)
    wire_endpoint(tab)
    # Not `change`: images bring a net that suits them, which is no choice of the visitor's.
    address.keep(
        "finetune",
        on=[tab.base.input, tab.preset.input, tab.source.input, tab.age.input],
        images=choice(tab.source, sources.available()),
        age=number(tab.age, 1, sources.oldest()),
        base=choice(tab.base, nets.offered()),
        teach=choice(tab.preset, PRESETS),
    )


# What is on the tab


def _images() -> dict:
    """Step 1: where the images come from, what is in them, and how the net will see them."""
    choices = [(t(f"finetune_source_{name}"), name) for name in sources.available()]
    with gr.Column(scale=5, min_width=300):
        gr.Markdown(t("finetune_step_data"), elem_classes="ft-step")
        source = gr.Radio(choices, value="digits", label=t("finetune_source"), elem_id="ft-source")
        age = gr.Slider(
            1,
            max(2, sources.oldest()),  # a slider has two ends; without a generator none is shown
            value=1,
            step=1,
            label=t("finetune_age"),
            info=t("finetune_age_info"),
            visible=False,
            elem_id="ft-age",
        )
        photos = gr.HTML(
            js_on_load="".join(map(script, PHOTO_SCRIPTS)), visible="hidden", elem_id="ft-photos"
        )
        archive = gr.File(
            label=t("finetune_zip"),
            type="filepath",
            height=120,
            visible=False,
            elem_id="ft-zip",
        )
        hub = gr.Textbox(
            label=t("finetune_hub"),
            info=t("finetune_hub_info"),
            placeholder="frgfm/imagenette:160px",
            max_lines=1,
            max_length=300,
            visible=False,
            elem_id="ft-hub",
        )
        folder = gr.Textbox(
            label=t("finetune_folder"),
            max_lines=1,
            max_length=4096,
            visible=False,
            elem_id="ft-folder",
        )
        read = gr.Button(t("finetune_read"), visible=False, elem_id="ft-read")
        contents = gr.HTML(elem_id="ft-data")
    with gr.Column(scale=7, min_width=300):
        samples = gr.HTML(elem_id="ft-samples")
    return {
        "source": source,
        "age": age,
        "photos": photos,
        "archive": archive,
        "hub": hub,
        "folder": folder,
        "read": read,
        "contents": contents,
        "samples": samples,
    }


def _net() -> dict:
    """Step 2: the net to start from, and how it is taught."""
    with gr.Column(scale=5, min_width=300):
        gr.Markdown(t("finetune_step_net"), elem_classes="ft-step")
        base = gr.Dropdown(
            nets.choices(),
            value=nets.first_base(),
            label=t("finetune_base"),
            elem_id="ft-base",
            elem_classes="net-box",
        )
        preset = gr.Radio(
            [(t(f"finetune_preset_{name}"), name) for name in PRESETS],
            value="balanced",
            label=t("finetune_preset"),
            elem_id="ft-preset",
        )
        fold = gr.Accordion(t("finetune_advanced"), open=False, elem_id="ft-advanced")
        with fold:
            advanced = advanced_controls()
    return {"base": base, "preset": preset, "advanced": fold, **advanced}


def _training() -> dict:
    """Step 3: the run as it goes."""
    with gr.Column(scale=7, min_width=300):
        gr.Markdown(t("finetune_step_train"), elem_classes="ft-step")
        with gr.Row(elem_classes="ft-buttons"):
            train = gr.Button(t("finetune_train"), variant="primary", elem_id="ft-train")
            stop = gr.Button(t("finetune_stop"), interactive=False, elem_id="ft-stop")
        state = gr.HTML(elem_id="ft-state")
        curves = gr.HTML(elem_id="ft-curves")
    return {"train": train, "stop": stop, "state": state, "curves": curves}


def _result() -> dict:
    """What came of it: figures, the net itself, and its mistakes."""
    with gr.Column(scale=7, min_width=300):
        gr.Markdown(t("finetune_step_result"), elem_classes="ft-step")
        result = gr.HTML(elem_id="ft-result", js_on_load=LIVE_JS)
        buttons = _buttons()
        with gr.Row(visible=False, elem_id="ft-naming", elem_classes="ft-buttons") as naming:
            name = gr.Textbox(
                label=t("finetune_name"),
                max_lines=1,
                max_length=LONGEST_TITLE,
                scale=1,
                min_width=280,  # on a phone the button stands below, or the name would be cut
                elem_id="ft-name",
            )
            rename = gr.Button(t("finetune_rename"), scale=0, elem_id="ft-rename")
        own_net = gr.HTML(elem_id="ft-own", js_on_load=LIVE_JS)
        matrix = gr.HTML(js_on_load=script("finetune/matrix.js"), elem_id="ft-matrix")
    with gr.Column(scale=5, min_width=300):
        judged = _judged()
        account = _account() if export.may_push() else {}
    return {
        "result": result,
        **buttons,
        "naming": naming,
        "name": name,
        "rename": rename,
        "own_net": own_net,
        "matrix": matrix,
        **judged,
        **account,
    }


def _judged() -> dict:
    """Single images: those to try the net on, those that it misjudged, those whose label may be
    wrong."""
    trials = gr.File(
        label=t("finetune_try"),
        file_count="multiple",
        height=150,
        visible=False,
        elem_id="ft-try",
    )
    tried = gr.HTML(elem_id="ft-tried", js_on_load=LIVE_JS)
    cell = gr.HTML(elem_id="ft-cell")
    mistakes = gr.HTML(elem_id="ft-mistakes")
    suspects = gr.HTML(elem_id="ft-suspects")
    again = gr.Button(t("finetune_again"), visible=False, elem_id="ft-again")
    return {
        "trials": trials,
        "tried": tried,
        "cell": cell,
        "mistakes": mistakes,
        "suspects": suspects,
        "again": again,
    }


def _buttons() -> dict:
    """What can be done with the net."""
    with gr.Row(elem_classes="ft-buttons"):
        use = gr.Button(t("finetune_use"), interactive=False, elem_id="ft-use")
        download = gr.DownloadButton(
            t("finetune_download"), interactive=False, elem_id="ft-download"
        )
        may_write = export.may_write_onnx()
        as_onnx = gr.Button(
            t("finetune_onnx"), interactive=False, visible=may_write, elem_id="ft-onnx"
        )
        # Holds the file once it is written; a script clicks it.
        onnx_file = gr.DownloadButton(visible="hidden", elem_id="ft-onnx-file")
    return {"use": use, "download": download, "as_onnx": as_onnx, "onnx_file": onnx_file}


def _account() -> dict:
    """The visitor's own account on the Hub."""
    with gr.Row(elem_classes="ft-buttons"):
        gr.LoginButton()
        repo = gr.Textbox(label=t("finetune_push_name"), max_lines=1, max_length=200)
        push = gr.Button(t("finetune_push"))
    return {"repo": repo, "push": push}

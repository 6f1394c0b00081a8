"""The Inception tab: its components and how they are wired."""

import json

import gradio as gr

from cnn_space.costs.inception import NUMBERS, PRESETS, InceptionCosts, limit
from cnn_space.page.common.address import Address, choice, number, switch
from cnn_space.page.common.components import QUIET, script
from cnn_space.page.common.texts import t
from cnn_space.page.inception import handlers, view, whole_net
from cnn_space.page.inception.form import CHAIN, FORM, KERNELS, START, SWITCHES
from cnn_space.page.inception.handlers import Calculator, WholeNet
from cnn_space.page.inception.pytorch_code import pytorch_code

# Live: no queue, no overlay, and of fast typing the last word counts.
LIVE = {"queue": False, "trigger_mode": "always_last"} | QUIET
# Walking over a whole net takes up to a second: in turn, however many ask.
WALK = LIVE | {"queue": True, "concurrency_id": "walk", "concurrency_limit": 1}


def opening(panel: gr.HTML) -> dict:
    """The first opening of a fold loads nets, which may take seconds: ``panel`` shows it."""
    return WALK | {"show_progress": "minimal", "show_progress_on": panel}


def inception_tab(address: Address) -> None:
    """The Inception module as a calculator; a link with its numbers opens this tab."""
    start = InceptionCosts(**START)
    preset = gr.Radio(
        [*PRESETS, (t("inception_chain"), CHAIN)],
        value="3a",
        label=t("inception_preset"),
        container=False,
        elem_id="inception-preset",
        elem_classes="segmented",
    )
    with gr.Row(elem_id="inception"):
        with gr.Column(elem_id="inception-form", scale=0, min_width=250):
            fields = _numbers() | _switches()
        figure = gr.HTML(view.figure(start), elem_id="inception-figure")
    with gr.Accordion(t("inception_table_title"), open=False, elem_id="inception-table"):
        unfolded = gr.Checkbox(False, label=t("inception_unfold"), container=False)
        layers = gr.HTML(view.layer_table(start))
    with gr.Accordion(t("inception_code_title"), open=False, elem_id="inception-code"):
        code = gr.Code(
            pytorch_code(start),
            language="python",
            show_label=False,
            interactive=False,
            buttons=["copy"],  # Gradio's download would call the file file.py
        )
        code_link = gr.HTML(view.code_link(pytorch_code(start)))
    with gr.Accordion(t("inception_paper_title"), open=False, elem_id="inception-paper"):
        paper = gr.HTML(view.paper_table(start))
    map_fold = gr.Accordion(t("inception_map_title"), open=False, elem_id="inception-map")
    with map_fold:
        whole = gr.HTML(js_on_load=script("inception/googlenet_map.js"))
    claims_fold = gr.Accordion(t("inception_claims_title"), open=False, elem_id="inception-claims")
    with claims_fold:
        here = gr.HTML(view.here(start))
        claims = gr.HTML()

    calculator = Calculator(
        preset=preset,
        **fields,
        figure=figure,
        layers=layers,
        paper=paper,
        code=code,
        code_link=code_link,
        here=here,
    )
    _wire(calculator, unfolded, address)
    _whole_net(address)
    map_fold.expand(handlers.googlenet, None, whole, **opening(whole))
    claims_fold.expand(handlers.claims, None, claims, **opening(claims))
    gr.api(handlers.inception, api_name="inception", queue=False)


def _numbers() -> dict[str, gr.Number]:
    """The nine fields by name, three in a row."""

    def number(name: str, step: int) -> gr.Number:
        label = t(f"inception_{name}")
        elem_id = f"inception-{name.lower()}"
        return gr.Number(START[name], label=label, step=step, min_width=76, elem_id=elem_id)

    gr.Markdown(t("inception_map"), elem_classes="heading")
    with gr.Row(elem_classes="threes"):
        fields = {name: number(name, 1) for name in NUMBERS[:3]}
    gr.Markdown(t("inception_widths"), elem_classes="heading")
    with gr.Row(elem_classes="threes"):
        return fields | {name: number(name, 8) for name in NUMBERS[3:]}


def _switches() -> dict[str, gr.Radio | gr.Checkbox]:
    kernels = [(t(f"inception_kernel_{k.replace('+', '')}"), k) for k in KERNELS]
    kernel5x5 = gr.Radio(
        kernels,
        value=SWITCHES["kernel5x5"],
        label=t("inception_kernel5x5"),
        elem_id="inception-kernel",
    )
    boxes = {
        name: gr.Checkbox(
            SWITCHES[name],
            label=t(f"inception_{name}"),
            container=False,
            elem_id=f"inception-{name.replace('_', '-')}",
        )
        for name in ("reduction", "batch_norm", "bias")
    }
    return {"kernel5x5": kernel5x5, **boxes}


def _wire(calculator: Calculator, unfolded: gr.Checkbox, address: Address) -> None:
    """The form's events: what changes is shown at once, and stands in the address."""
    form = {name: getattr(calculator, name) for name in FORM}
    asked = form | {"unfolded": unfolded}
    panels = list(calculator.panels(InceptionCosts(**START)))
    numbers = [form[name] for name in NUMBERS]
    changed = [form["preset"], *numbers, *panels]
    # An opened address and a chosen preset count this up. So all that ask for an answer are one
    # event, and the last answer is of what was asked last.
    times = gr.Number(0, visible=False)
    moved = [field.input for name, field in asked.items() if name != "preset"]
    updated = gr.on(
        [*moved, times.change], calculator.update, inputs_kwargs=asked, outputs=changed, **LIVE
    )
    known = json.dumps(PRESETS | {CHAIN: PRESETS["3a"]})
    bring = f"(preset, times) => [...{known}[preset], times + 1]"
    form["preset"].input(None, [form["preset"], times], [*numbers, times], js=bring, **LIVE)
    address.keep(
        "inception",
        on=[updated.then],
        then={"fn": None, "inputs": times, "outputs": times, "js": "(times) => times + 1", **LIVE},
        preset=choice(form["preset"], [*PRESETS, CHAIN]),
        **{name: number(form[name], 1, limit(name)) for name in NUMBERS},
        kernel5x5=choice(form["kernel5x5"], KERNELS),
        **{name: switch(form[name]) for name in SWITCHES if name != "kernel5x5"},
    )


def _whole_net(address: Address) -> None:
    """The fold of a whole net, with its own fields and events."""
    start = whole_net.START
    fold = gr.Accordion(t("inception_net_title"), open=False, elem_id="inception-net")
    with fold:
        is_open = gr.Checkbox(visible="hidden")
        with gr.Row():
            net = gr.Dropdown(
                list(whole_net.NETS), value=start["net"], label=t("inception_net"), scale=3
            )
            size, classes = (
                gr.Number(
                    start[name],
                    label=t(f"inception_net_{name}"),
                    step=1,
                    min_width=140,
                    scale=2,
                    elem_id=f"inception-net-{name}",
                )
                for name in ("size", "classes")
            )
            search = gr.Textbox(
                max_length=100,
                label=t("inception_net_search"),
                placeholder=t("inception_net_search_hint"),
                min_width=180,
                scale=2,
            )
        panel = gr.HTML()
    whole = WholeNet(size, classes, panel)
    asked = [net, size, classes, search]
    outputs = [size, classes, panel]
    fold.expand(whole.show, asked, outputs, **opening(panel))
    fold.expand(None, None, is_open, js="() => true", **LIVE)
    fold.collapse(None, None, is_open, js="() => false", **LIVE)
    unfolding = '(open) => ({ __type__: "update", open })'
    is_open.change(None, is_open, fold, js=unfolding, **LIVE)
    moved = [size.input, classes.input, search.change]  # change sees a paste by mouse as well
    gr.on(moved, whole.show, asked, outputs, **WALK)
    net.input(whole.pick, [net, classes, search], outputs, **WALK)
    address.keep(
        "inception",
        then={"fn": whole.arrive, "inputs": [is_open, *asked], "outputs": outputs, **WALK},
        net_open=switch(is_open),
        whole_net=choice(net, whole_net.NETS),
        size=number(size, 1, limit("height")),
        classes=number(classes, 1, limit("classes")),
    )

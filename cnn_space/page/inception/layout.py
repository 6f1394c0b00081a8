"""The Inception tab: its components and how they are wired."""

import gradio as gr

from cnn_space.page.common.texts import t
from cnn_space.page.inception import handlers as inception
from cnn_space.page.inception import whole_net


def inception_tab(tabs: gr.Tabs) -> None:
    """The Inception module as a calculator; a link with its numbers opens this tab."""

    def number(name: str, step: int) -> gr.Number:
        label = t(f"inception_{name}")
        value = inception.START[name]
        return gr.Number(
            value, label=label, step=step, min_width=76, elem_id=f"inception-{name.lower()}"
        )

    presets = [*inception.PRESETS, (t("inception_chain"), inception.CHAIN)]
    kernels = [(t(f"inception_kernel_{k.replace('+', '')}"), k) for k in inception.KERNELS]
    start = inception.panels(inception.InceptionCosts(**inception.START))
    preset = gr.Radio(
        presets,
        value="3a",
        label=t("inception_preset"),
        container=False,
        elem_id="inception-preset",
        elem_classes="segmented",
    )
    with gr.Row(elem_id="inception"):
        with gr.Column(elem_id="inception-form", scale=0, min_width=250):
            gr.Markdown(t("inception_map"), elem_classes="heading")
            with gr.Row(elem_classes="threes"):
                sizes = [number(name, 1) for name in inception.NUMBERS[:3]]
            gr.Markdown(t("inception_widths"), elem_classes="heading")
            with gr.Row(elem_classes="threes"):
                widths = [number(name, 8) for name in inception.NUMBERS[3:]]
            kernel = gr.Radio(
                kernels, value="5", label=t("inception_kernel5x5"), elem_id="inception-kernel"
            )
            reduction = gr.Checkbox(
                True,
                label=t("inception_reduction"),
                container=False,
                elem_id="inception-reduction",
            )
            batch_norm = gr.Checkbox(False, label=t("inception_batch_norm"), container=False)
            bias = gr.Checkbox(False, label=t("inception_bias"), container=False)
            link = gr.Button(t("inception_copy_link"), size="sm", elem_id="inception-link")
        figure = gr.HTML(start[0], elem_id="inception-figure")
    with gr.Accordion(t("inception_table_title"), open=False, elem_id="inception-table"):
        unfolded = gr.Checkbox(False, label=t("inception_unfold"), container=False)
        layers = gr.HTML(start[1])
    with gr.Accordion(t("inception_code_title"), open=False, elem_id="inception-code"):
        code = gr.Code(start[3], language="python", show_label=False, interactive=False)
    with gr.Accordion(t("inception_paper_title"), open=False, elem_id="inception-paper"):
        paper = gr.HTML(start[2])
    with gr.Accordion(t("inception_claims_title"), open=False, elem_id="inception-claims"):
        here = gr.HTML(start[4])
        claims = gr.HTML()
    with gr.Accordion(t("inception_net_title"), open=False, elem_id="inception-net"):
        with gr.Row():
            net = gr.Dropdown(
                list(whole_net.NETS), value=whole_net.START[0], label=t("inception_net"), scale=3
            )
            side, classes = (
                gr.Number(value, label=t(key), step=1, min_width=140, scale=2)
                for key, value in zip(
                    ("inception_net_size", "inception_net_classes"),
                    whole_net.START[1:],
                    strict=True,
                )
            )
            search = gr.Textbox(
                label=t("inception_net_search"),
                placeholder=t("inception_net_search_hint"),
                min_width=180,
                scale=2,
            )
        whole = gr.HTML()

    # Live: no queue, no overlay, and of fast typing the last word counts.
    live = {
        "queue": False,
        "show_progress": "hidden",
        "trigger_mode": "always_last",
        "api_visibility": "private",
    }
    switches = [kernel, reduction, batch_norm, bias]
    form = [preset, *sizes, *widths, *switches]
    panels = [figure, layers, paper, code, here]
    changed = [preset, *sizes, *widths, *panels]
    address = {"fn": None, "inputs": form, "js": inception.ADDRESS_JS, **live}
    gr.on(
        [field.input for field in (*sizes, *widths, *switches, unfolded)],
        inception.update,
        [*form, unfolded],
        changed,
        **live,
    ).then(**address)
    preset.input(inception.choose, [preset, *switches, unfolded], changed, **live).then(**address)
    link.click(None, form, js=inception.COPY_LINK_JS, **live)
    asked = [net, side, classes, search]
    moved = [side.input, classes.input, search.change]  # change sees a paste by mouse as well
    gr.on(moved, whole_net.show, asked, [side, classes, whole], **live)
    net.change(whole_net.pick, [net, classes, search], [side, classes, whole], **live)
    # On arrival: what the address says, and the panels that need nets.
    gr.on(None, inception.open_link, None, [tabs, *form, *panels], **live)
    gr.on(None, whole_net.arrive, None, [claims, side, classes, whole], **live)
    gr.api(inception.table, api_name="inception", queue=False)

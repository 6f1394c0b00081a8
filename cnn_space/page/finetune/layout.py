"""The Fine-tune tab: its components and how they are wired."""

import gradio as gr

from cnn_space.page.common import nets
from cnn_space.page.common.bench import Bench, keep_minutes
from cnn_space.page.common.components import FETCH, LIVE_JS, TRAIN, download_line
from cnn_space.page.common.texts import t
from cnn_space.page.finetune import handlers as finetune
from cnn_space.training.recipes import AUGMENTATIONS, PRESETS


def finetune_tab(
    demo: gr.Blocks, tabs: gr.Tabs, classify_net: gr.Dropdown, own_nets: gr.State
) -> None:
    """A short fine-tuning run on the visitor's own classes."""
    bench = gr.State(Bench(), time_to_live=60 * keep_minutes())
    sources = [(t(f"finetune_source_{name}"), name) for name in finetune.sources()]
    with gr.Row(elem_classes="ft-row"):
        with gr.Column(scale=5, min_width=300):
            gr.Markdown(t("finetune_step_data"), elem_classes="ft-step")
            source = gr.Radio(
                sources, value="digits", label=t("finetune_source"), elem_id="ft-source"
            )
            archive = gr.File(
                label=t("finetune_zip"),
                file_types=[".zip"],
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
                visible=False,
                elem_id="ft-hub",
            )
            folder = gr.Textbox(
                label=t("finetune_folder"), max_lines=1, visible=False, elem_id="ft-folder"
            )
            read = gr.Button(t("finetune_read"), visible=False, elem_id="ft-read")
            data = gr.HTML(elem_id="ft-data")
        with gr.Column(scale=7, min_width=300):
            samples = gr.HTML(elem_id="ft-samples")
    with gr.Row(elem_classes="ft-row"):
        with gr.Column(scale=5, min_width=300):
            gr.Markdown(t("finetune_step_net"), elem_classes="ft-step")
            base = gr.Dropdown(
                nets.choices(),
                value=nets.first_net(),
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
            with gr.Accordion(t("finetune_advanced"), open=False, elem_id="ft-advanced"):
                with gr.Row():
                    head_epochs = gr.Slider(1, 100, 30, step=1, label=t("finetune_head_epochs"))
                    top_epochs = gr.Slider(0, 50, 6, step=1, label=t("finetune_top_epochs"))
                    epochs = gr.Slider(0, 50, 2, step=1, label=t("finetune_epochs"))
                with gr.Row():
                    optimizer = gr.Radio(
                        [("SGD", "sgd"), ("AdamW", "adam")],
                        value="sgd",
                        label=t("finetune_optimizer"),
                    )
                    augment = gr.Radio(
                        [(t(f"finetune_augment_{name}"), name) for name in AUGMENTATIONS],
                        value="shift",
                        label=t("finetune_augment"),
                    )
                with gr.Row():
                    lr = gr.Number(0, label=t("finetune_lr"), info=t("finetune_lr_info"))
                    lower = gr.Slider(0.01, 1, 0.1, step=0.01, label=t("finetune_lower"))
                with gr.Row():
                    holdout = gr.Slider(5, 50, 20, step=5, label=t("finetune_holdout"))
                    seed = gr.Number(0, label=t("finetune_seed"), precision=0)
                aux = gr.Checkbox(False, label=t("finetune_aux"))
                frozen_norm = gr.Checkbox(False, label=t("finetune_frozen_norm"))
        with gr.Column(scale=7, min_width=300):
            gr.Markdown(t("finetune_step_train"), elem_classes="ft-step")
            with gr.Row(elem_classes="ft-buttons"):
                train = gr.Button(t("finetune_train"), variant="primary", elem_id="ft-train")
                stop = gr.Button(t("finetune_stop"), interactive=False, elem_id="ft-stop")
            arriving = download_line()
            state = gr.HTML(elem_id="ft-state")
            curves = gr.HTML(elem_id="ft-curves")
    with gr.Row(elem_classes="ft-row"):
        with gr.Column(scale=7, min_width=300):
            gr.Markdown(t("finetune_step_result"), elem_classes="ft-step")
            result = gr.HTML(elem_id="ft-result", js_on_load=LIVE_JS)
            with gr.Row(elem_classes="ft-buttons"):
                use = gr.Button(t("finetune_use"), interactive=False, elem_id="ft-use")
                download = gr.DownloadButton(
                    t("finetune_download"), interactive=False, elem_id="ft-download"
                )
            own = gr.HTML(elem_id="ft-own", js_on_load=LIVE_JS)
            matrix = gr.HTML(js_on_load=finetune.CELL_CLICK, elem_id="ft-matrix")
        with gr.Column(scale=5, min_width=300):
            cell = gr.HTML(elem_id="ft-cell")
            mistakes = gr.HTML(elem_id="ft-mistakes")
            if finetune.may_push():
                with gr.Row(elem_classes="ft-buttons"):
                    gr.LoginButton()
                    repo = gr.Textbox(label=t("finetune_push_name"), max_lines=1)
                    push = gr.Button(t("finetune_push"))
                push.click(finetune.push_own, [bench, repo], own, api_visibility="private")

    epochs_of = [head_epochs, top_epochs, epochs]
    advanced = [optimizer, lr, lower, *epochs_of, augment, aux, frozen_norm, holdout, seed]
    private = {"api_visibility": "private"}
    quiet = {"show_progress": "hidden", **private}
    latest = {"trigger_mode": "always_last", **quiet}
    told = [data, samples]
    # 1: images
    source.change(
        finetune.choose_source,
        [bench, source, base, holdout],
        [bench, archive, hub, folder, read, base, augment, *told],
        **quiet,
    )
    gr.on(
        [archive.upload, read.click, hub.submit, folder.submit],
        finetune.reading,
        None,
        told,
        queue=False,
        **quiet,
    ).then(
        finetune.read_images,
        [bench, source, archive, hub, folder],
        [bench, *told],
        concurrency_id="intake",
        concurrency_limit=2,
        trigger_mode="multiple",  # of two readings the later counts, not the one that came first
        **quiet,
    ).then(
        finetune.suit,
        [bench, base, augment, holdout],
        [base, *told],
        js=finetune.WHILE_TYPED,
        **latest,
    )
    gr.on(
        [base.input, augment.input, holdout.change],
        finetune.show_images,
        [bench, base, augment, holdout],
        told,
        js=finetune.WHILE_TYPED,
        **latest,
    )
    # 2: net
    preset.input(finetune.choose_preset, preset, epochs_of, queue=False, **latest)
    # 3: train. A net may have to come over the network first, and no other run waits for that.
    # The run is a generator: Stop and a closed page end it at its next report.
    begun = train.click(
        finetune.begin, [bench, source], [bench, state, train, stop], queue=False, **quiet
    )
    fetched = begun.then(
        finetune.fetch,
        [bench, base, own_nets],
        show_progress="minimal",
        show_progress_on=arriving,
        trigger_mode="multiple",
        **FETCH,
        **private,
    )
    run = fetched.then(
        finetune.start,
        [bench, base, *advanced],
        [bench, state, curves],
        trigger_mode="multiple",  # Train is free again before a stopped run is through
        **TRAIN,
        **quiet,
    )
    outcome = [bench, own_nets, state, curves, result, own, matrix, cell, mistakes, download, use]
    ended = {"inputs": [bench, own_nets], "outputs": [*outcome, train, stop], **quiet}
    for event in (
        run.then(finetune.finish, **ended),
        run.failure(finetune.finish, **ended),  # `then` does not follow an error
        stop.click(finetune.stop, cancels=run, **ended),
    ):
        event.then(nets.refresh, [classify_net, own_nets], classify_net, **quiet)
    matrix.click(finetune.open_cell, bench, cell, trigger_mode="multiple", **quiet)
    use.click(finetune.use, [bench, own_nets], [tabs, classify_net], **quiet)
    # For clients: the same run, as one endpoint.
    report, net_file = gr.JSON(visible=False, label="report"), gr.File(visible=False, label="net")
    gr.Button(visible=False).click(
        finetune.finetune,
        [archive, base, *advanced],
        [report, net_file],
        api_name="finetune",
        **TRAIN,
    )
    demo.load(
        finetune.arrive,
        [bench, base],
        [base, *told, state, curves, result, matrix, mistakes],
        **quiet,
    )
    demo.unload(finetune.leave)

"""CNN Space: the page. Layout and wiring; what the page does lives in ``cnn_space``."""

import argparse
import os

# Before Gradio is imported: no request may leave the machine.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr

from cnn_space.archives import Limits
from cnn_space.page import classify, compare, explain, finetune, inception, whole_net
from cnn_space.page.bench import Bench, OwnNets, keep_minutes
from cnn_space.page.intake import SafeImage
from cnn_space.page.texts import I18N, t
from cnn_space.page.theme import STYLE_SHEETS, theme
from cnn_space.recipes import AUGMENTATIONS, PRESETS

# Where a screen reader says what appears.
LIVE_JS = 'element.ariaLive = "polite";'

# Who waits for whom. All events of a queue name its limit: Gradio takes the smallest it meets.
FETCH = {"concurrency_id": "fetch", "concurrency_limit": 24}  # a net may come over the network
INFER = {"concurrency_id": "infer", "concurrency_limit": 1}
TRAIN = {"concurrency_id": "train", "concurrency_limit": 1}


def download_line() -> gr.HTML:
    """Where a net on its way here shows how far it is; no room is taken without one."""
    return gr.HTML(elem_classes="download-line")


def classify_tab(demo: gr.Blocks, own_nets: gr.State) -> tuple[gr.Image, gr.Dropdown]:
    """One photo, one net: the answer, and what led to it. Gives the photo and the list of nets."""
    photos = classify.examples()
    with gr.Row(elem_id="classify"):
        with gr.Column(scale=0, min_width=320, elem_id="classify-form"):
            photo = SafeImage(
                photos[0] if photos else None,
                sources=["upload", "webcam", "clipboard"],
                label=t("classify_photo"),
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
                classify.choices(),
                value=classify.first_net(),
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
        visible=explain.has_inside(classify.first_net(), {}),
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
        classify.fetch,
        [model, own_nets],
        show_progress="minimal",
        show_progress_on=download,
        **FETCH,
        **at_once,
    ).then(**show)
    # The entry of a net that was just fetched needs no network any more.
    entries = {"fn": classify.arrive, "inputs": [model, own_nets], "outputs": model}
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


def compare_tab(tab: gr.Tab, shared: gr.Image, own_nets: gr.State) -> None:
    """One photo, several nets: answers, cost and heatmaps side by side."""
    with gr.Row(elem_id="compare-top"):
        with gr.Column(scale=0, min_width=240, elem_id="compare-form"):
            photo = SafeImage(
                sources=["upload", "webcam", "clipboard"],
                label=t("compare_photo"),
                show_label=False,
                height=240,
                buttons=[],
                elem_id="compare-photo",
            )
        with gr.Column(elem_id="compare-said"):
            nets = gr.Dropdown(
                compare.choices({}),
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
    ask.click(compare.compare, [photo, nets], [result, said], api_name="compare", **FETCH)

    done = gr.State()  # what was compared last
    # Of several changes in a row the last one counts.
    private = {
        "api_visibility": "private",
        "show_progress": "hidden",
        "trigger_mode": "always_last",
    }
    show = {
        "fn": compare.run,
        "inputs": [photo, nets, own_nets, done],
        "outputs": [finding, cards, table, csv_link, done],
        **private,
        **INFER,
    }
    draw = {
        "fn": compare.figures,
        "inputs": [nets, own_nets],
        "outputs": [work, learned, loss, accuracy, classes],
        **private,
    }
    # One photo for both tabs: the browser hands it on, in both directions, when a visitor acts.
    hand_on = {"fn": None, "js": "(photo) => photo", **private}
    opened = tab.select(**hand_on, inputs=shared, outputs=photo)
    arrived = opened.then(compare.arrive, [nets, own_nets], nets, **private)
    tab.select(**draw)
    photo.input(**hand_on, inputs=photo, outputs=shared)
    # Not `input`: the list's "clear all" and Backspace make a change alone. The charts come first,
    # and the next choice at once: neither needs the nets that the last one fetches.
    nets.change(**draw)
    fetch = {"show_progress": "minimal", "show_progress_on": download, "trigger_mode": "multiple"}
    fetched = nets.change(compare.fetch, [nets, own_nets], **(private | FETCH | fetch))
    # The entry of a net that was just fetched needs no network any more.
    fetched.then(compare.relist, [nets, own_nets], nets, **private)
    for compared in (arrived.then(**show), photo.input(**show), fetched.then(**show)):
        compared.failure(compare.unanswered, None, show["outputs"], **private)


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
    start = inception.panels(inception.Inception(**inception.START))
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
                classify.choices(),
                value=classify.first_net(),
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
        event.then(classify.arrive, [classify_net, own_nets], classify_net, **quiet)
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


def build() -> gr.Blocks:
    """The whole page, not yet served."""
    with gr.Blocks(title="CNN Space", delete_cache=(3600, 3600)) as demo:
        # A visitor's own fine-tuned nets, {display name: Loaded}; one dictionary a session.
        own_nets = gr.State(OwnNets(), time_to_live=60 * keep_minutes())
        with gr.Column(elem_id="top"):
            gr.Markdown("# CNN Space")
            gr.Markdown(t("tagline"))
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab(t("tab_classify"), id="classify"):
                photo, net = classify_tab(demo, own_nets)
            with gr.Tab(t("tab_compare"), id="compare") as tab:
                compare_tab(tab, photo, own_nets)
            with gr.Tab(t("tab_inception"), id="inception"):
                inception_tab(tabs)
            with gr.Tab(t("tab_finetune"), id="finetune"):
                finetune_tab(demo, tabs, net, own_nets)
    return demo.queue(api_open=False, max_size=64)


def launch_options() -> dict:
    """What every way of serving the page shares (the command line, a Space, the tests)."""
    return {
        "theme": theme(),
        "css_paths": STYLE_SHEETS,
        "i18n": I18N,
        # Not the settings: their language reaches the labels alone, the browser's reaches all.
        "footer_links": ["api"],
        "run_history": False,
        "max_file_size": f"{max(64, Limits.from_environment().mb)}mb",
        "state_session_capacity": 1000,  # 0.3 MB each at first; own nets go with theirs
    }


def main(argv: list[str] | None = None) -> None:
    """Serve the page: ``python app.py [--port N] [--share]``."""
    parser = argparse.ArgumentParser(description="CNN Space in the browser")
    parser.add_argument("--port", type=int, help="port to listen on (default: 7860 or the next)")
    parser.add_argument("--share", action="store_true", help="make a public link for a week")
    args = parser.parse_args(argv)
    if args.share:
        # Whoever has the link may not read folders of this machine.
        os.environ["CNN_SPACE_FINETUNE_FOLDERS"] = "0"
        os.environ.setdefault("CNN_SPACE_FINETUNE_SECONDS", "180")  # as on a Space
    demo = build()
    demo.launch(
        server_port=args.port, share=args.share, prevent_thread_lock=True, **launch_options()
    )
    classify.warm()  # while the browser is still fetching the page
    demo.block_thread()


if __name__ == "__main__":
    main()

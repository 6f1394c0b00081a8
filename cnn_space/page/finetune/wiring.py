"""The Fine-tune tab's events: which component calls which handler, and who waits for whom."""

import gradio as gr

from cnn_space.page.common.components import INFER, QUIET, TRAIN, script
from cnn_space.page.finetune.endpoint import finetune
from cnn_space.page.finetune.handlers import Tab

LATEST = {"trigger_mode": "always_last", **QUIET}
MULTIPLE = {"trigger_mode": "multiple", **QUIET}
# Of two readings the later counts, not the one that came first.
READING = {"concurrency_id": "reading", "concurrency_limit": 2, **MULTIPLE}


def wire_arrival(demo: gr.Blocks, tab: Tab) -> None:
    """A page was opened, maybe by a visitor who comes back."""
    demo.load(
        tab.arrive,
        {tab.key, tab.had, tab.classify_net, tab.base, tab.augment, tab.holdout},
        [
            *(tab.compare_nets, tab.source, tab.age, tab.photos, tab.archive, tab.hub),
            *(tab.folder, tab.read, tab.contents, tab.samples),
            *(tab.base, *tab.controls),
            *_shown_of_a_run(tab),
        ],
        **QUIET,
    )


def wire_images(tab: Tab) -> None:
    """Step 1."""
    shown = [tab.contents, tab.samples]
    read_of = [tab.session, *_known(tab), *shown]
    by_choice = {
        "inputs": [tab.session, tab.base, tab.augment, tab.holdout],
        "js": script("finetune/share.js"),
    }
    tab.source.change(
        tab.choose_source,
        [tab.session, tab.source, tab.age, tab.base, tab.holdout],
        [
            *(tab.age, tab.photos, tab.archive, tab.hub, tab.folder, tab.read),
            *(tab.base, tab.augment, *shown),
        ],
        **QUIET,
    ).then(None, tab.source, js=script("finetune/chosen.js"), **QUIET)
    tab.age.change(
        tab.choose_age,
        [tab.session, tab.age, tab.base, tab.augment, tab.holdout],
        shown,
        **LATEST,
    )
    read = gr.on(
        [tab.archive.upload, tab.read.click, tab.hub.submit, tab.folder.submit],
        tab.reading,
        None,
        shown,
        queue=False,
        **QUIET,
    ).then(
        tab.read_images,
        [tab.session, tab.source, tab.archive, tab.hub, tab.folder],
        read_of,
        **READING,
    )
    dropped = tab.photos.submit(tab.read_photos, tab.session, read_of, **READING)
    for event in (read, dropped):
        event.then(tab.suit, outputs=[tab.base, *shown], **by_choice, **LATEST)
    gr.on(
        [tab.base.input, tab.augment.input, tab.holdout.change],
        tab.show_images,
        outputs=shown,
        **by_choice,
        **LATEST,
    )


def wire_training(tab: Tab) -> None:
    """Steps 2 and 3."""
    tab.preset.input(
        tab.choose_preset,
        tab.preset,
        [tab.head_epochs, tab.top_epochs, tab.epochs],
        queue=False,
        **LATEST,
    )
    marks = [tab.lr_wrong, tab.seed_wrong]
    gr.on(
        [tab.lr.change, tab.seed.change],
        tab.check_fields,
        [tab.lr, tab.seed],
        marks,
        queue=False,
        **LATEST,
    )
    at_once = {"queue": False, **QUIET}
    looks = {
        "fn": tab.watch,
        "inputs": [tab.session, tab.classify_net],
        "outputs": _shown_of_a_run(tab),
        **at_once,
    }
    asked = {tab.session, tab.source, tab.age, tab.base, *tab.controls}
    # Queued, because errors of the others do not reach the visitor. It waits for nothing: the run
    # itself is in no queue of Gradio's (see ``running``).
    begins = {
        "fn": tab.begin,
        "inputs": asked,
        "outputs": [tab.advanced, *marks, *_shown_of_a_run(tab)],
        "concurrency_limit": None,
        **MULTIPLE,
    }
    fewer = tab.again.click(
        tab.leave_out,
        [tab.session, tab.base, tab.augment, tab.holdout],
        [tab.session, tab.contents, tab.samples],
        **QUIET,
    )
    for begun in (tab.train.click(**begins), fewer.success(**begins)):
        begun.then(**looks)
        begun.then(None, js=script("finetune/to_field.js"), **QUIET)
    tab.clock.tick(**looks)
    tab.stop.click(tab.halt, looks["inputs"], looks["outputs"], **at_once)


def _shown_of_a_run(tab: Tab) -> list:
    return [
        *(tab.session, tab.own_nets, tab.classify_net, tab.train, tab.stop, tab.clock, tab.state),
        *_known(tab),
        *_shown_of_a_result(tab),
    ]


def _known(tab: Tab) -> list:
    return [tab.key, tab.had, tab.lost]


def _shown_of_a_result(tab: Tab) -> list:
    return [
        *(tab.curves, tab.result, tab.use, tab.download, tab.as_onnx, tab.naming, tab.name),
        *(tab.own_net, tab.runs, tab.trials, tab.matrix, tab.cell, tab.mistakes),
        *(tab.suspects, tab.again),
    ]


def wire_result(tab: Tab) -> None:
    """What can be done with a result."""
    tab.matrix.click(tab.open_cell, tab.session, tab.cell, **MULTIPLE)
    lists = [tab.tabs, tab.classify_net, tab.compare_nets]
    tab.use.click(tab.go_to_classify, tab.session, lists[:2], **QUIET)
    tab.runs.click(
        tab.open_run,
        [tab.session, tab.compare_nets],
        [*lists, *_shown_of_a_result(tab)],
        **MULTIPLE,
    )
    # A result that is another one by now, or called otherwise, answers the photos anew.
    gr.on(
        [tab.trials.change, tab.result.change, tab.own_net.change],
        tab.try_photos,
        [tab.session, tab.trials],
        tab.tried,
        **LATEST,
        **INFER,
    )
    gr.on(
        [tab.rename.click, tab.name.submit],
        tab.rename_net,
        [tab.session, tab.name, tab.classify_net],
        [tab.own_nets, tab.classify_net, *_shown_of_a_result(tab)],
        **LATEST,
    )
    tab.as_onnx.click(
        tab.write_onnx,
        tab.session,
        tab.onnx_file,
        api_visibility="private",
        show_progress="minimal",
    ).success(fn=None, js=script("finetune/fetch_onnx.js"))
    if tab.push:
        tab.push.click(tab.push_own, [tab.session, tab.repo], tab.own_net, api_visibility="private")


def wire_endpoint(tab: Tab) -> None:
    """The same run for clients."""
    age = gr.Number(0, visible=False, precision=0, label="forged_age")
    report, net = gr.JSON(visible=False, label="report"), gr.File(visible=False, label="net")
    gr.Button(visible=False).click(
        finetune,
        [tab.archive, tab.base, *tab.controls, age],
        [report, net],
        api_name="finetune",
        **TRAIN,
    )

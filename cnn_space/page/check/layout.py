"""Check your net, beside the module in the Inception tab: its components and how they are wired."""

import gradio as gr

from cnn_space.page.check import checks, handlers
from cnn_space.page.check.handlers import Checker
from cnn_space.page.common.components import LIVE_JS, OUTDATED_JS, QUIET, script
from cnn_space.page.common.texts import t

# A queue of its own: no answer waits for a check. One at a time: they run in Python, where two take
# twice as long, and hold up more.
CHECK = {"concurrency_id": "check", "concurrency_limit": 1}
LAST = {"trigger_mode": "always_last"}  # of fast clicks the last counts

LINE_JS = script("check/line.js")
ASK_JS = f"({script('check/ask.js')})({OUTDATED_JS})"
WATCH_JS = f"({script('check/watch.js')})({ASK_JS})"
MENDED_JS = script("check/mended.js")
OPENED_JS = script("check/opened.js")
OPEN_JS = script("check/open.js")
CHECK_JS = "() => document.querySelector('#check-run').click()"


def check_part(here: gr.Tab) -> None:
    """A net's code beside its findings, inside ``here``."""
    verdict = gr.HTML(elem_id="check-verdict", js_on_load=LIVE_JS)
    with gr.Row(elem_id="check"):
        with gr.Column(elem_id="check-form", scale=11, min_width=300):
            form = _form()
        with gr.Column(elem_id="check-result", scale=9, min_width=300):
            findings = gr.HTML(elem_id="check-findings", js_on_load=LINE_JS)
            mend = gr.Button(variant="secondary", visible=False, elem_id="check-mend")
            mended = gr.HTML(elem_id="check-mended")
    run = form.pop("run")
    checker = Checker(
        **form,
        number=gr.Number(visible=False),
        verdict=verdict,
        findings=findings,
        mend=mend,
        mended=mended,
        identity=gr.HTML(elem_id="check-identity", js_on_load=LINE_JS),
        layers=gr.HTML(elem_id="check-layers", js_on_load=LINE_JS),
    )
    _wire(checker, run, here)
    gr.api(handlers.check, api_name="check", **CHECK)


def _form() -> dict:
    """The choices, the editor, the button, and where files are dropped."""
    with gr.Row(elem_classes="check-choices"):
        net = gr.Dropdown(
            [("", "")], value="", label=t("check_net"), min_width=130, elem_id="check-net"
        )
        arguments = gr.Textbox(
            label=t("check_arguments"),
            max_lines=1,
            max_length=500,
            min_width=130,
            elem_id="check-arguments",
        )
        input_shape = gr.Textbox(
            label=t("check_input_shape"),
            max_lines=1,
            max_length=500,
            min_width=130,
            elem_id="check-shape",
        )
    code = gr.Code(
        checks.example(),
        language="python",
        interactive=True,
        show_label=False,
        lines=12,
        max_lines=30,
        buttons=["copy"],
        elem_id="check-code",
    )
    gr.Markdown(t("check_editor"), elem_id="check-editor-keys")
    with gr.Row(elem_classes="check-actions"):
        run = gr.Button(t("check_run"), variant="primary", min_width=120, elem_id="check-run")
        file = gr.File(
            label=t("check_file"),
            height=42,
            min_width=180,
            scale=2,
            elem_id="check-file",
        )
    return {"net": net, "arguments": arguments, "input_shape": input_shape, "code": code,
            "run": run, "file": file}  # fmt: skip


def _wire(checker: Checker, run: gr.Button, here: gr.Tab) -> None:
    """The events. All that ask for a check are one for Gradio, or press its button: so the last
    answer is of what was asked last."""
    asked = [checker.number, checker.file, checker.code, checker.net, checker.arguments,
             checker.input_shape]  # fmt: skip
    panels = [checker.net, checker.arguments, checker.input_shape, checker.verdict,
              checker.findings, checker.mend, checker.mended, checker.identity,
              checker.layers, checker.file]  # fmt: skip
    asks = [run.click, checker.arguments.submit, checker.input_shape.submit, checker.file.upload]
    shown = gr.on(asks, checker.show, asked, panels, js=ASK_JS, **CHECK, **QUIET, **LAST)
    in_browser = QUIET | LAST | {"queue": False}
    shown.then(None, checker.code, checker.code, js=OPENED_JS, **in_browser)
    # The arguments of another net are not its own.
    emptied = checker.net.input(None, None, checker.arguments, js="() => ''", **in_browser)
    emptied.then(None, None, None, js=CHECK_JS, **in_browser)
    corrected = checker.mend.click(None, checker.code, checker.code, js=MENDED_JS, **in_browser)
    corrected.then(None, None, None, js=CHECK_JS, **in_browser)
    typed = [checker.code.input, checker.arguments.input, checker.input_shape.input]
    gr.on(typed, None, None, None, js=WATCH_JS, **in_browser)
    here.select(None, None, None, js=OPEN_JS, **in_browser)

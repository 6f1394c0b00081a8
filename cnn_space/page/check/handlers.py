"""What the events of "Check your net" do: source text in; findings, layers and corrections out."""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from cnn_space.checking.reading import Unreadable
from cnn_space.checking.report import Report
from cnn_space.page.check import checks, view
from cnn_space.page.check.checks import Asked, FieldError
from cnn_space.page.common.templates import noted
from cnn_space.page.common.texts import language, say

FIELDS = ("net", "arguments", "input_shape")


@dataclass(frozen=True)
class Checker:
    """The code and the choices above it, and the panels that say what was found."""

    number: gr.Number  # of the question, see ask.js
    file: gr.File
    code: gr.Code
    net: gr.Dropdown
    arguments: gr.Textbox
    input_shape: gr.Textbox
    verdict: gr.HTML
    findings: gr.HTML
    mend: gr.Button
    mended: gr.HTML
    identity: gr.HTML
    layers: gr.HTML

    def show(self, request: gr.Request, number, file, code, net, arguments, input_shape) -> dict:
        """The answer to what is in the fields, or to a file that was dropped."""
        lang = language(request)
        if file is None:
            return self._answer(_asked(code, net, arguments, input_shape), lang, number)
        return {self.file: None} | self._opened(Path(file), lang, number)

    def _opened(self, path: Path, lang: str, number) -> dict:
        """Of a text the answer, which takes the text along: see opened.js. Of weights, and of what
        cannot be read, the report alone."""
        if path.suffix.lower() == ".safetensors":
            return self._panels(checks.weights_report(path), Asked(""), lang, number)
        try:
            text = checks.text_of(path.read_bytes())
        except Unreadable as error:
            values = error.values | {"file": path.name}
            unread = Report(readable=False, reason_kind=error.kind, reason_values=values)
            return self._panels(unread, Asked(""), lang, number)
        cleared = {getattr(self, name): {"value": ""} for name in FIELDS}
        answer = _merged(self._answer(Asked(text), lang, number), cleared)
        opened = noted("check", str(number), view.opened(text))
        return answer | {self.verdict: answer.get(self.verdict, "") + opened}

    def _answer(self, asked: Asked, lang: str, number) -> dict:
        """Notices at the fields, and the panels where the choices fit the text."""
        try:
            found = checks.report(asked)
        except FieldError as error:
            sentence = say(error.key, lang, why=error.why)
            return self._notices() | {
                getattr(self, error.field): gr.update(info=sentence, elem_classes=["bad"])
            }
        return self._panels(found, asked, lang, number)

    def _notices(self) -> dict:
        return {getattr(self, name): gr.update(info="", elem_classes=[]) for name in FIELDS}

    def _panels(self, found: Report, asked: Asked, lang: str, number) -> dict:
        """Everything that follows the code; what the text has already stands grey in the fields."""
        choices = view.net_choices(found, checks.nets(found), lang)
        known = {name for _, name in choices}
        hints = {
            self.net: {"choices": choices, "value": asked.name if asked.name in known else ""},
            self.arguments: {"placeholder": view.arguments_hint(found)},
            self.input_shape: {"placeholder": view.shape_hint(found)},
        }
        shown = {
            self.verdict: view.verdict(found, lang),
            self.findings: view.findings(found, lang),
            self.mended: view.mended(found, lang),
            self.identity: view.identity(found, lang),
            self.layers: view.layers(found, lang),
        }
        return (
            _merged(self._notices(), hints)
            | {panel: noted("check", str(number), html) for panel, html in shown.items()}
            | {self.mend: gr.update(visible=bool(found.mended), value=view.mend_label(found, lang))}
        )


def _asked(code, net, arguments, input_shape) -> Asked:
    """The fields as the visitor left them; a net that no longer stands in the text is dropped."""
    code = code or ""
    name = net if net and checks.names_in(code, net) else ""
    return Asked(code, name, input_shape or "", arguments or "")


def _merged(updates: dict, more: dict[object, dict]) -> dict:
    """``updates`` with further properties for some components."""
    return updates | {key: gr.update(**updates.get(key, {}) | extra) for key, extra in more.items()}


def check(source: str, name: str = "", input_shape: str = "", arguments: str = "") -> dict:
    """Check the source code of a PyTorch net, which is read and not executed: its layers with their
    shapes, its faults and how to mend them, and the published net that it is or is nearest to.
    `python -m cnn_space check FILE --json` prints the same.

    The answer holds: classes, net, input_shape, output_shape (for one image), parameters, macs
    (multiply-accumulates for one image), layers (name, kind, shape, parameters, macs, line),
    problems (line, kind, severity, message, suggestion), nearest (name, options, same, differences;
    null where no published net is near), not_understood (line, what), mended (the text with its
    sure corrections) and diff. A text that cannot be read gives readable: false and the reason.

    Args:
        source: Python text, or the text of a Jupyter notebook; at most 200 kB of code
        name: the class, or the function that makes the net; empty: chosen by the checker
        input_shape: channels, height and width of an image, such as "3,224,224"; empty: guessed
        arguments: of the net, such as "num_classes=10, aux_logits=False", or a JSON object

    Returns:
        A JSON object.
    """
    for value in (source, name, input_shape, arguments):
        if not isinstance(value, str):
            raise gr.Error("source, name, input_shape and arguments must be text",
                           print_exception=False)  # fmt: skip
    try:
        return checks.report(Asked(source, name, input_shape, arguments)).to_json()
    except FieldError as error:
        raise gr.Error(error.why, print_exception=False) from error

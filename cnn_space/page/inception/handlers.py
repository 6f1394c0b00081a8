"""What the Inception tab's events do: numbers in; drawing, tables and code out."""

from dataclasses import dataclass

import gradio as gr

from cnn_space.costs.inception import NUMBERS, PRESETS, FieldError, InceptionCosts
from cnn_space.costs.walk import SizeError
from cnn_space.formats import count, shape
from cnn_space.page.common.texts import language, say
from cnn_space.page.inception import cost_table, view, whole_net
from cnn_space.page.inception.form import (
    CHAIN,
    KERNELS,
    START,
    module_of,
    preset_of,
    wrong_number,
)
from cnn_space.page.inception.pytorch_code import pytorch_code


def notice(error: FieldError | None, lang: str) -> dict:
    """The properties of a field: nothing below it, or a sentence that says what is wrong."""
    if error is None:
        return {"info": "", "elem_classes": []}
    sentence = say(f"inception_{error.reason}", lang, limit=count(error.limit))
    return {"info": sentence, "elem_classes": ["bad"]}


@dataclass(frozen=True)
class Calculator:
    """The form of a module and the panels that follow it."""

    preset: gr.Radio
    height: gr.Number
    width: gr.Number
    in_channels: gr.Number
    ch1x1: gr.Number
    ch3x3red: gr.Number
    ch3x3: gr.Number
    ch5x5red: gr.Number
    ch5x5: gr.Number
    pool_proj: gr.Number
    kernel5x5: gr.Radio
    reduction: gr.Checkbox
    batch_norm: gr.Checkbox
    bias: gr.Checkbox
    figure: gr.HTML
    layers: gr.HTML
    paper: gr.HTML
    code: gr.Code
    code_link: gr.HTML
    here: gr.HTML

    def update(self, request: gr.Request, unfolded: bool, **form) -> dict:
        """What follows the form, given by the names of ``form.FORM``: notices at the fields and,
        where the numbers make a module, the panels. A wrong number leaves these as they are."""
        brought = _numbers_of_a_link(form)
        form |= brought
        wrong = {name: wrong_number(name, form[name]) for name in NUMBERS}
        answer = {
            getattr(self, name): gr.update(
                **notice(error, language(request)),
                **({"value": form[name]} if brought else {}),
            )
            for name, error in wrong.items()
        }
        if any(wrong.values()):
            return answer
        module, chained = module_of(form), form["preset"] == CHAIN
        if not chained and form["preset"] != preset_of(module):
            answer[self.preset] = preset_of(module)
        return answer | self.panels(module, chained, unfolded, language(request))

    def panels(
        self,
        module: InceptionCosts,
        chained: bool = False,
        unfolded: bool = False,
        lang: str = "en",
    ) -> dict:
        """Everything that follows the form."""
        code = pytorch_code(module)
        return {
            self.figure: view.figure(module, chained, lang),
            self.layers: view.layer_table(module, unfolded, lang),
            self.paper: view.paper_table(module, lang),
            self.code: code,
            self.code_link: view.code_link(code, lang),
            self.here: view.here(module, lang),
        }


def _numbers_of_a_link(form: dict) -> dict[str, int]:
    """A link may name a module of the paper alone; that brings its numbers."""
    is_alone = all(form[name] == value for name, value in START.items())
    numbers = PRESETS.get(form["preset"]) if is_alone else None
    return dict(zip(NUMBERS, numbers, strict=True)) if numbers else {}


@dataclass(frozen=True)
class WholeNet:
    """The panel of a whole net, and the fields above it that can be wrong."""

    size: gr.Number
    classes: gr.Number
    panel: gr.HTML

    def arrive(self, request: gr.Request, is_open: bool, *asked) -> dict:
        """When an address was opened: what is in the fold, where that is open."""
        return self.show(request, *asked) if is_open else gr.skip()

    def pick(self, request: gr.Request, net: str, classes, search: str) -> dict:
        """After another net is chosen: its natural size comes into the field."""
        side = whole_net.natural_side(net)
        answer = self.show(request, net, side, classes, search)
        return answer | {self.size: gr.update(value=side, **notice(None, "en"))}

    def show(self, request: gr.Request, net: str, size, classes, search: str) -> dict:
        """Notices at the two fields; the panel keeps its last net while one of them is wrong."""
        lang = language(request)
        wrong_size = wrong_number("height", size)
        wrong_classes = wrong_number("classes", classes)
        answer = {
            self.size: gr.update(**notice(wrong_size, lang)),
            self.classes: gr.update(**notice(wrong_classes, lang)),
        }
        if wrong_size or wrong_classes:
            return answer
        try:
            walk = whole_net.walk(net, int(size), int(classes))
        except SizeError as error:
            key = "inception_net_small" if error.reason == "window" else "inception_net_values"
            reached = {"shape": shape(error.shape), "layer": error.layer, "what": error.what}
            sentence = say(key, lang, size=int(size), **reached)
            return answer | {self.size: gr.update(info=sentence, elem_classes=["bad"])}
        return answer | {self.panel: view.net_panel(net, walk, search or "", lang)}


def googlenet(request: gr.Request) -> str:
    """The whole of GoogLeNet, when its fold is opened."""
    return view.googlenet(language(request))


def claims(request: gr.Request) -> str:
    """The claims in the visitor's language, when their fold is opened."""
    return view.claims_list(language(request))


def inception(
    height: float = 28,
    width: float = 28,
    in_channels: float = 192,
    ch1x1: float = 64,
    ch3x3red: float = 96,
    ch3x3: float = 128,
    ch5x5red: float = 16,
    ch5x5: float = 32,
    pool_proj: float = 32,
    kernel5x5: str = "5",
    reduction: bool = True,
    batch_norm: bool = False,
    bias: bool = False,
) -> tuple[dict, dict]:
    """Cost of an Inception module (GoogLeNet's building block) of any widths, layer by layer, for
    one image: parameters are stored, a MAC is a multiply-accumulate, FLOPs are 2 × MACs, memory is
    in bytes of float32. The defaults are module 3a of the paper.

    Args:
        height: rows of the input map
        width: columns of the input map
        in_channels: channels of the input map
        ch1x1: width of the 1×1 branch
        ch3x3red: width of the 1×1 before the 3×3
        ch3x3: width of the 3×3
        ch5x5red: width of the 1×1 before the 5×5
        ch5x5: width of the 5×5
        pool_proj: width of the 1×1 after the pool
        kernel5x5: "5" as published, "3" as in torchvision, "3+3" for two 3×3
        reduction: False for the naive module
        batch_norm: whether each convolution has batch norm
        bias: whether each convolution has biases

    Returns:
        The table (headers and data), then the module's totals.
    """
    form = dict(locals())  # the arguments by name
    form["kernel5x5"] = str(kernel5x5)
    if form["kernel5x5"] not in KERNELS:
        raise gr.Error(f"kernel5x5 must be one of {', '.join(KERNELS)}", print_exception=False)
    for name in ("reduction", "batch_norm", "bias"):
        if not isinstance(form[name], bool):
            raise gr.Error(f"{name} must be true or false", print_exception=False)
    try:
        module = module_of(form)
    except FieldError as error:
        raise gr.Error(str(error), print_exception=False) from error
    rows = {"headers": cost_table.HEADERS, "data": cost_table.rows(module)}
    return rows, cost_table.totals(module)

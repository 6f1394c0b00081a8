"""The Inception tab's calculator: numbers in, drawing, tables and code out.

`costs` alone is behind it; claims and whole nets, which need nets, have files of their own.
"""

from dataclasses import replace

import gradio as gr

from cnn_space.costs.closed_forms import Layer, conv
from cnn_space.costs.inception import (
    CHANNEL_LIMIT,
    NUMBERS,
    PRESETS,
    PRINTED,
    FieldError,
    InceptionCosts,
    chain,
    whole_number,
)
from cnn_space.page.common.texts import language, say
from cnn_space.page.inception.module_svg import Words, draw, short
from cnn_space.page.inception.tables import (
    download_link,
    heads,
    kibibytes,
    shape_text,
    table_html,
    unfold,
)

CHAIN = "chain"
START = dict(zip(NUMBERS, PRESETS["3a"], strict=True))
KERNELS = {"5": 5, "3": 3, "3+3": "3+3"}  # as the form and the address write them
SWITCHES = ("kernel5x5", "reduction", "batch_norm", "bias")
FORM = ("preset", *NUMBERS, *SWITCHES)  # the order of the form's components
QUANTITIES = ("weights", "biases", "norm", "parameters", "multiplications", "macs", "flops")

# The form's state goes into the address, so that a link opens the same module.
ADDRESS_JS = f"""(...values) => {{
  const url = new URL(location);
  {list(FORM)}.forEach((name, i) => url.searchParams.set(name, values[i] ?? ""));
  history.replaceState(history.state, "", url);
}}"""
COPY_LINK_JS = f"""(...values) => {{
  ({ADDRESS_JS})(...values);
  const button = document.querySelector("#inception-link");
  const copied = () => {{
    button.classList.add("copied");
    setTimeout(() => button.classList.remove("copied"), 1500);
  }};
  const shown = () => prompt("", location.href);
  if (!navigator.clipboard) return void shown();
  navigator.clipboard.writeText(location.href).then(copied, shown);
}}"""


# --- what the page calls --------------------------------------------------------------------


def update(
    preset,
    height,
    width,
    in_channels,
    ch1x1,
    ch3x3red,
    ch3x3,
    ch5x5red,
    ch5x5,
    pool_proj,
    kernel5x5,
    reduction,
    batch_norm,
    bias,
    unfolded,
    request: gr.Request,
) -> list:
    """After any change of the form: preset, the nine fields, then the panels of `panels`."""
    numbers = dict(
        zip(
            NUMBERS,
            (height, width, in_channels, ch1x1, ch3x3red, ch3x3, ch5x5red, ch5x5, pool_proj),
            strict=True,
        )
    )
    switches = dict(zip(SWITCHES, (kernel5x5, reduction, batch_norm, bias), strict=True))
    return _answer(preset, numbers, switches, unfolded, language(request))


def choose(preset, kernel5x5, reduction, batch_norm, bias, unfolded, request: gr.Request) -> list:
    """After a click on a preset: what `update` gives, with the paper's numbers in the fields."""
    numbers = dict(zip(NUMBERS, PRESETS.get(preset, PRESETS["3a"]), strict=True))
    switches = dict(zip(SWITCHES, (kernel5x5, reduction, batch_norm, bias), strict=True))
    answer = _answer(preset, numbers, switches, unfolded, language(request))
    for index, name in enumerate(NUMBERS, 1):
        answer[index] = gr.update(value=numbers[name], info="", elem_classes=[])
    return answer


def open_link(request: gr.Request) -> list:
    """On arrival: the tab, the whole form and the panels, as the address says.

    Without a module in the address the page is right as it was built, but for its language: the
    form is left alone, since a quick visitor may have moved it already.
    """
    query = dict(request.query_params)
    lang = language(request)
    as_built = (
        [gr.skip()] * len(PANELS) if lang == "en" else panels(InceptionCosts(**START), lang=lang)
    )
    if not query.keys() & set(NUMBERS):
        return [*[gr.skip()] * (1 + len(FORM)), *as_built]
    numbers = {name: _typed(query.get(name, default)) for name, default in START.items()}
    kernel = query.get("kernel5x5", "5").replace(" ", "+")  # a bare + in an address is a space
    switches = {"kernel5x5": kernel if kernel in KERNELS else "5"}
    for name, default in (("reduction", True), ("batch_norm", False), ("bias", False)):
        switches[name] = query.get(name, str(default)).lower() in ("true", "1")
    answer = _answer(query.get("preset", "3a"), numbers, switches, False, lang)
    for index, name in enumerate(NUMBERS, 1):
        answer[index] = gr.update(value=numbers[name], **_notice(name, numbers[name], lang))
    fields, shown = answer[1 : 1 + len(NUMBERS)], answer[1 + len(NUMBERS) :]
    if shown[0] == gr.skip():  # numbers that make no module: what the page was built with stays
        shown = as_built
    return [gr.Tabs(selected="inception"), answer[0], *fields, *switches.values(), *shown]


def table(
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
    """Cost of an Inception module, layer by layer, for one image.

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
        The table (headers and data; parameters are stored, a MAC is a multiply-accumulate,
        FLOPs are 2 × MACs, memory is in bytes of float32), then the module's totals.
    """
    numbers = (height, width, in_channels, ch1x1, ch3x3red, ch3x3, ch5x5red, ch5x5, pool_proj)
    if str(kernel5x5) not in KERNELS:
        raise gr.Error(f"kernel5x5 must be one of {', '.join(KERNELS)}", print_exception=False)
    for name, value in (("reduction", reduction), ("batch_norm", batch_norm), ("bias", bias)):
        if not isinstance(value, bool):
            raise gr.Error(f"{name} must be true or false", print_exception=False)
    try:
        module = InceptionCosts(
            *numbers,
            kernel5x5=KERNELS[str(kernel5x5)],
            reduction=reduction,
            batch_norm=batch_norm,
            bias=bias,
        )
    except FieldError as error:
        raise gr.Error(str(error), print_exception=False) from error
    header, *rows = _rows(module)
    naive, reduced = module.naive, module.reduced
    totals = {
        "parameters": module.parameters,
        "multiplications": module.total("multiplications"),
        "macs": module.macs,
        "flops": 2 * module.macs,
        "activation_bytes": module.total("memory"),
        "out_channels": module.result[0],
        "naive_parameters": naive.parameters,
        "naive_macs": naive.macs,
        "naive_out_channels": naive.result[0],
        "naive_over_reduced_macs": round(naive.macs / reduced.macs, 4),
    }
    return {"headers": header, "data": rows}, totals


# --- reading the form -----------------------------------------------------------------------


def _typed(text: object) -> float | int | None:
    """A number of the address as the field would give it; None (an empty field) for no number."""
    try:
        number = float(text)
    except (TypeError, ValueError):
        return None
    if number != number or number in (float("inf"), float("-inf")):
        return None
    # A whole number beyond these is none that a browser could hold.
    return int(number) if abs(number) < 2**53 and number == int(number) else number


def _notice(name: str, value: object, lang: str) -> dict:
    """What stands at a field: nothing, or the sentence that says what is wrong."""
    try:
        whole_number(name, value)
    except FieldError as error:
        sentence = say(f"inception_{error.reason}", lang, limit=f"{error.limit:,}")
        return {"info": sentence, "elem_classes": ["bad"]}
    return {"info": "", "elem_classes": []}


def _answer(preset, numbers: dict, switches: dict, unfolded: bool, lang: str) -> list:
    notices = {name: _notice(name, value, lang) for name, value in numbers.items()}
    fields = [gr.update(**notice) for notice in notices.values()]
    if any(notice["info"] for notice in notices.values()):
        # The drawing keeps the last module there could be.
        return [gr.skip(), *fields, *[gr.skip()] * len(PANELS)]
    options = {**switches, "kernel5x5": KERNELS[switches["kernel5x5"]]}
    module = InceptionCosts(**numbers, **options)
    if preset != CHAIN:
        preset = preset_of(module)
    return [preset, *fields, *panels(module, preset == CHAIN, unfolded, lang)]


def preset_of(module: InceptionCosts) -> str | None:
    """The paper's module with these numbers, whatever the switches."""
    numbers = tuple(getattr(module, name) for name in NUMBERS)
    return next((name for name, preset in PRESETS.items() if preset == numbers), None)


PANELS = ("figure", "layers", "paper", "code", "here")


def panels(
    module: InceptionCosts, chained: bool = False, unfolded: bool = False, lang: str = "en"
) -> list[str]:
    """Everything that follows the form, in the order of PANELS."""
    return [
        figure(module, chained, lang),
        layer_table(module, unfolded, lang),
        paper_table(module, lang),
        code(module),
        here(module, lang),
    ]


# --- the figure -----------------------------------------------------------------------------


def figure(module: InceptionCosts, chained: bool, lang: str) -> str:
    """Three big figures, the drawing, its caption; the chain below when it is asked for."""
    words = Words(
        source=say("inception_input", lang),
        result=say("inception_output", lang),
        conv=say("inception_conv", lang),
        reduce=say("inception_reduce", lang),
        project=say("inception_project", lang),
        max_pool=say("inception_max_pool", lang),
        parameters=lambda count: say("inception_box_parameters", lang, count=f"{count:,}"),
        macs=say("inception_macs", lang),
        title=say(
            "inception_drawing",
            lang,
            parameters=f"{module.parameters:,}",
            macs=short(module.macs),
        ),
    )
    return (
        '<div class="inception"><div class="module">'
        f'{draw(module, words)}<p class="small">{say("inception_caption", lang)}</p></div>'
        f'<div class="figures">{_big_figures(module, lang)}</div></div>'
        + (chain_table(module, lang) if chained else "")
    )


def _big_figures(module: InceptionCosts, lang: str) -> str:
    if module.bias or module.batch_norm:
        parts = {key: f"{module.total(key):,}" for key in ("weights", "biases", "norm")}
        stored = say("inception_parameters_of", lang, **parts)
    else:
        stored = say("inception_weights_only", lang)
    # The other one of the pair naive and reduced.
    other = module.naive if module.reduction else module.reduced
    factor = other.macs / module.macs
    if module.reduction:
        key, note = "inception_less" if factor >= 1 else "inception_more", "inception_less_note"
        factor = max(factor, 1 / factor)
    else:
        key, note, factor = "inception_naive_less", "inception_naive_note", 1 / factor
    compared = say(
        note,
        lang,
        macs=short(other.macs),
        parameters=f"{other.parameters:,}",
        channels=f"{other.result[0]:,}",
    )
    exact = say("inception_macs_exact", lang, macs=f"{module.macs:,}")
    return (
        _big("parameters", f"{module.parameters:,}", say("inception_parameters", lang), stored)
        + _big("macs", short(module.macs), say("inception_macs", lang), exact)
        + _big("factor", f"{factor:,.2f} ×", say(key, lang), compared)
    )


def _big(name: str, number: str, unit: str, note: str) -> str:
    return (
        f'<div class="big" data-figure="{name}"><span class="figure">{number}</span> '
        f'<span class="unit">{unit}</span><p class="small">{note}</p></div>'
    )


def chain_table(first: InceptionCosts, lang: str) -> str:
    """The modules from the first to 5b, each fed by the one before; beside it all of it naive."""
    name = preset_of(first) or "3a"
    modules, naives = chain(first, name=name), chain(first.naive, name=name)
    both = [key for key in modules if key in naives]
    modules, naives = ({key: row[key] for key in both} for row in (modules, naives))
    most = max(module.macs for module in naives.values())
    rows = []
    for key, module in modules.items():
        naive = naives[key]
        rows.append(
            f"<tr><th>{key}</th><td>{module.height:,} × {module.width:,}</td>"
            f"<td>{module.in_channels:,} → {module.result[0]:,}</td>"
            f"<td>{module.parameters:,}</td><td>{short(module.macs)}</td>"
            f'<td class="wide"><i class="bar" style="width:{module.macs / most:.2%}"></i>'
            f'<i class="bar naive" style="width:{naive.macs / most:.2%}"></i></td>'
            f"<td>{naive.in_channels:,} → {naive.result[0]:,}</td><td>{short(naive.macs)}</td></tr>"
        )
    macs, naive_macs = (sum(m.macs for m in row.values()) for row in (modules, naives))
    ends = "" if "5b" in modules else say("inception_chain_ends", lang, limit=f"{CHANNEL_LIMIT:,}")
    total = say(
        "inception_chain_sum",
        lang,
        parameters=f"{sum(m.parameters for m in modules.values()):,}",
        macs=short(macs),
        naive_parameters=f"{sum(m.parameters for m in naives.values()):,}",
        naive_macs=short(naive_macs),
        factor=f"{naive_macs / macs:,.2f}",
    )
    keys = ("module", "map", "channels", "parameters", "macs", "", "naive_channels", "naive_macs")
    return (
        f'<section class="chain"><h3>{say("inception_chain_title", lang)}</h3><p>{total}</p>'
        f"{table_html(heads(keys, lang), rows)}"
        f'<p class="small">{say("inception_chain_note", lang)} {ends}</p></section>'
    )


# --- tables ---------------------------------------------------------------------------------


def layer_name(layer: Layer, module: InceptionCosts, lang: str = "en") -> str:
    """What the paper calls this layer: "3×3 reduce", "5×5", "pool projection", …"""
    if layer.kind == "max pool":
        return f"3×3 {say('inception_max_pool', lang)}"
    if layer.name == "branch4.1":
        return say("inception_pool_proj", lang)
    if module.reduction and layer.name in ("branch2.0", "branch3.0"):
        return say(
            "inception_ch3x3red" if layer.name == "branch2.0" else "inception_ch5x5red", lang
        )
    return "×".join(map(str, layer.kernel))


def _quantities(module: InceptionCosts) -> list[str]:
    """The columns worth showing: biases and batch norm only where there are any."""
    hidden = {name for name in ("biases", "norm") if not module.total(name)}
    if hidden == {"biases", "norm"}:
        hidden.add("weights")  # then they are all the parameters
    return [name for name in QUANTITIES if name not in hidden]


def layer_table(module: InceptionCosts, unfolded: bool, lang: str) -> str:
    """A branch a block, a layer a row, every number with its arithmetic; totals and the twin."""
    columns = _quantities(module)
    rows = []
    for number, branch in enumerate(module.branches, 1):
        title = say("inception_branch", lang, number=number)
        rows.append(
            f'<tr class="branch"><th>{title}</th><td colspan="{len(columns) + 4}"></td></tr>'
        )
        for layer in branch:
            cells = "".join(
                f"<td>{unfold(getattr(layer, name), opened=unfolded)}</td>" for name in columns
            )
            memory = unfold(layer.memory, kibibytes(layer.memory.value), unfolded)
            rows.append(
                f"<tr><th>{layer_name(layer, module, lang)}</th><td>{shape_text(layer.kernel)}</td>"
                f"<td>{shape_text(layer.source)}</td><td>{shape_text(layer.result)}</td>{cells}"
                f"<td>{memory}</td></tr>"
            )
    foot = [_total_row("total", module, columns, lang)]
    naive, reduced = module.naive, module.reduced
    other, word = (naive, "naive_row") if module.reduction else (reduced, "reduced_row")
    foot.append(_total_row(word, other, columns, lang))
    ratios = "".join(
        f"<td>{naive.total(name) / reduced.total(name):,.2f} ×</td>"
        for name in (*columns, "memory")
    )
    foot.append(
        f'<tr><th>{say("inception_factor_row", lang)}</th><td colspan="3"></td>{ratios}</tr>'
    )
    titles = heads(("layer", "kernel", "in", "out", *columns, "memory"), lang)
    download = download_link("inception_module.csv", _rows(module), lang)
    return (
        f"{table_html(titles, rows, foot)}"
        f'<p class="small">{say("inception_table_note", lang)}</p>{download}'
    )


def _total_row(word: str, module: InceptionCosts, columns: list[str], lang: str) -> str:
    cells = "".join(f"<td>{module.total(name):,}</td>" for name in columns)
    source, result = shape_text(module.source), shape_text(module.result)
    return (
        f"<tr><th>{say(f'inception_{word}', lang)}</th><td></td><td>{source}</td>"
        f"<td>{result}</td>{cells}<td>{kibibytes(module.total('memory'))}</td></tr>"
    )


def _rows(module: InceptionCosts) -> list[list]:
    """The table of the API and the CSV: a header, a row a layer, the total. Always English."""
    rows: list[list] = [
        ["branch", "layer", "kernel", "in", "out", "weights", "biases", "batch norm", "parameters",
         "multiplications", "MACs", "FLOPs", "activation bytes"]
    ]  # fmt: skip
    names = (*QUANTITIES, "memory")
    for number, branch in enumerate(module.branches, 1):
        for layer in branch:
            kernel = "x".join(map(str, layer.kernel))
            shapes = ("x".join(map(str, shape)) for shape in (layer.source, layer.result))
            costs = (getattr(layer, name).value for name in names)
            rows.append([number, layer_name(layer, module), kernel, *shapes, *costs])
    shapes = ("x".join(map(str, shape)) for shape in (module.source, module.result))
    rows.append(["", "total", "", *shapes, *(module.total(name) for name in names)])
    return rows


# --- the paper's table ----------------------------------------------------------------------

TOLERANCE = 0.02  # rounding explains this much
STEM_PRINTED = (2.7, 34)  # K and M that Table 1 prints for the first 7×7 convolution


def paper_table(module: InceptionCosts, lang: str) -> str:
    """Table 1 as printed beside the same widths computed; what differs is marked and explained."""
    stem = conv("stem", (3, 224, 224), 64, (7, 7), stride=(2, 2), padding=(3, 3))
    rows = [
        _paper_row(
            say("inception_stem", lang),
            STEM_PRINTED,
            stem.weights.value,
            stem.macs.value,
            say("inception_paper_stem", lang),
        )
    ]
    for name, numbers in PRESETS.items():
        ours = InceptionCosts(*numbers)
        row = _paper_row(
            name, PRINTED[name], ours.parameters, ours.macs, _paper_remark(name, ours, lang)
        )
        rows.append(
            row.replace("<tr>", '<tr class="current">') if numbers == _numbers(module) else row
        )
    keys = ("module", "paper_params", "our_params", "difference", "paper_ops", "our_ops")
    return (
        table_html(heads((*keys, "difference", "remark"), lang), rows)
        + f'<p class="small">{say("inception_paper_note", lang)}</p>'
    )


def _numbers(module: InceptionCosts) -> tuple[int, ...]:
    return tuple(getattr(module, name) for name in NUMBERS)


def _paper_row(name: str, printed: tuple, weights: int, macs: int, remark: str) -> str:
    differences = (printed[0] * 1024 / weights - 1, printed[1] * 10**6 / macs - 1)
    marks = [
        f'<td class="{"differs" if abs(share) > TOLERANCE else ""}">{signed(share)}</td>'
        for share in differences
    ]
    return (
        f"<tr><th>{name}</th><td>{printed[0]:g} K</td>"
        f"<td>{weights:,} <small>= {weights / 1024:,.1f} K</small></td>{marks[0]}"
        f"<td>{printed[1]} M</td><td>{short(macs)}</td>{marks[1]}"
        f'<td class="remark">{remark}</td></tr>'
    )


def signed(share: float) -> str:
    """``+5.3 %``, ``−0.7 %``, and a plain ``0.0 %`` for what rounds to nothing."""
    rounded = round(100 * share, 1)
    return f"{rounded or abs(rounded):{'+' if rounded else ''}.1f} %".replace("-", "−")


def _paper_remark(name: str, ours: InceptionCosts, lang: str) -> str:
    printed, ops = PRINTED[name]
    if abs(printed * 1024 / ours.parameters - 1) <= TOLERANCE:
        return say("inception_paper_rounded", lang)
    implied = printed * 1024 * ours.height * ours.width
    agrees = abs(implied / (ops * 10**6) - 1) <= TOLERANCE
    return say(
        "inception_paper_both" if agrees else "inception_paper_params_only",
        lang,
        printed=printed,
        ops=ops,
        size=f"{ours.height}²",
        implied=short(implied),
    )


# --- the code and the claims' lines about this module -----------------------------------------


def code(module: InceptionCosts) -> str:
    """PyTorch code of exactly this module; run, it prints the count shown on the page."""

    def block(layer: Layer) -> list[str]:
        if layer.kind == "max pool":
            return ["nn.MaxPool2d(3, stride=1, padding=1)"]
        side = layer.kernel[0]
        options = f", padding={side // 2}" if side > 1 else ""
        options += "" if module.bias else ", bias=False"
        channels = f"{layer.source[0]}, {layer.result[0]}"
        lines = [f"nn.Conv2d({channels}, kernel_size={side}{options})"]
        if module.batch_norm:
            lines.append(f"nn.BatchNorm2d({layer.result[0]})")
        return [*lines, "nn.ReLU(inplace=True)"]

    branches = []
    for number, branch in enumerate(module.branches, 1):
        lines = "".join(f"            {line},\n" for layer in branch for line in block(layer))
        branches.append(f"        self.branch{number} = nn.Sequential(\n{lines}        )\n")
    source, result = (", ".join(map(str, shape)) for shape in (module.source, module.result))
    kind = "Inception module" if module.reduction else "Naive Inception module"
    return f'''import torch
from torch import nn


class Inception(nn.Module):
    """{kind}: {module.parameters:,} parameters, {module.macs:,} MACs an image."""

    def __init__(self):
        super().__init__()
{"".join(branches)}
    def forward(self, x):  # [N, {source}] -> [N, {result}]
        branches = (self.branch1, self.branch2, self.branch3, self.branch4)
        return torch.cat([branch(x) for branch in branches], dim=1)


module = Inception()
print(f"{{sum(p.numel() for p in module.parameters()):,}} parameters")  # {module.parameters:,}
'''


def here(module: InceptionCosts, lang: str) -> str:
    """What the claims come to in the module on the page."""
    weights = {
        name: sum(layer.weights.value for layer in replace(module, kernel5x5=kernel).branches[2])
        for name, kernel in (("five", 5), ("three", 3), ("two", "3+3"))
    }
    branch = module.branches[2]
    naive = module.naive
    lines = (
        say(
            "inception_here_mult",
            lang,
            multiplications=f"{sum(layer.multiplications.value for layer in branch):,}",
            weights=f"{sum(layer.weights.value for layer in branch):,}",
        ),
        say("inception_here_two", lang, **{k: f"{v:,}" for k, v in weights.items()}),
        say(
            "inception_here_naive",
            lang,
            source=f"{naive.in_channels:,}",
            result=f"{naive.result[0]:,}",
            added=f"{naive.result[0] - naive.in_channels:,}",
        ),
    )
    items = "".join(f"<li>{line}</li>" for line in lines)
    return f'<div class="here"><b>{say("inception_here", lang)}</b><ul>{items}</ul></div>'

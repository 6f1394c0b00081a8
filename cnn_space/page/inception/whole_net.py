"""The Inception tab's "whole net" panel: any net of the registry, layer by layer."""

from functools import lru_cache
from html import escape
from itertools import groupby

import gradio as gr
import torch

from cnn_space.costs.inception import FieldError, whole_number
from cnn_space.costs.walk import LayerRecord, SizeError, describe
from cnn_space.models.registry import create_model, facts, input_size, list_models
from cnn_space.page.common.texts import language, say
from cnn_space.page.inception.claims import claims
from cnn_space.page.inception.module_svg import percent, short
from cnn_space.page.inception.tables import download_link, heads, shape_text, table_html, unfold

# The nets that also show their forms: one a family keeps the list short.
_WITH_FORMS = ("alexnet", "vgg16", "googlenet", "resnet18", "densenet121")
NETS: dict[str, tuple[str, dict]] = {
    name: (arch, options)
    for arch in list_models()
    for name, options in {
        arch: {},
        **{f"{arch} · {form}": options for form, options in facts(arch).forms.items()},
    }.items()
    if arch in _WITH_FORMS or name == arch
}
START = ("vgg16", 224, 1000)  # the net whose two bars differ most


def arrive(request: gr.Request) -> list:
    """On arrival: the claims, then what `show` gives for START."""
    lang = language(request)
    return [claims(lang), *answer(*START, "", lang)]


def pick(net: str, classes, search: str, request: gr.Request) -> list:
    """After another net is chosen: its natural size in the field, then what `show` gives."""
    arch, options = NETS[net]
    side = input_size(arch, **options)
    size, *rest = answer(net, side, classes, search, language(request))
    return [gr.update(**{**size, "value": side}), *rest]


def show(net: str, size, classes, search: str, request: gr.Request) -> list:
    """After any other change: notices at the two fields, and the panel."""
    return answer(net, size, classes, search, language(request))


def answer(net: str, size, classes, search: str, lang: str) -> list:
    """Updates of the size field, the classes field and the panel, which keeps its last net."""
    notices = [{"info": "", "elem_classes": []}, {"info": "", "elem_classes": []}]
    sides = []
    for notice, name, value in zip(notices, ("height", "classes"), (size, classes), strict=True):
        try:
            sides.append(whole_number(name, value))
        except FieldError as error:
            sentence = say(f"inception_{error.reason}", lang, limit=f"{error.limit:,}")
            notice |= {"info": sentence, "elem_classes": ["bad"]}
    panel = gr.skip()
    if len(sides) == 2:
        try:
            panel = panel_html(net, *sides, search, lang)
        except SizeError as error:
            sentence = say(
                "inception_net_small" if error.reason == "window" else "inception_net_values",
                lang,
                size=sides[0],
                shape=shape_text(error.shape),
                layer=error.layer,
                what=error.what,
            )
            notices[0] |= {"info": sentence, "elem_classes": ["bad"]}
    return [*(gr.update(**notice) for notice in notices), panel]


@lru_cache(maxsize=32)
def walk(net: str, size: int, classes: int) -> tuple[tuple[LayerRecord, ...], int]:
    """The layers of a net that run in evaluation, and the parameters of all it stores."""
    arch, options = NETS[net]
    with torch.device("meta"):
        built = create_model(arch, classes, **options)
        stored = sum(parameter.numel() for parameter in built.parameters())
        return tuple(describe(built, size)), stored


def stage(name: str) -> str:
    """The part of a net a layer belongs to: "inception4a", "layer3", "denseblock2", "features"."""
    first, *rest = name.split(".")
    # DenseNet keeps its named stages inside "features", VGG and AlexNet numbers.
    return rest[0] if first == "features" and rest and not rest[0].isdigit() else first


def panel_html(net: str, size: int, classes: int, search: str = "", lang: str = "en") -> str:
    """Totals, two bars, the stages, and the layers whose name or kind holds ``search``."""
    records, stored = walk(net, size, classes)
    layers = [record.layer for record in records]
    parameters = sum(layer.parameters.value for layer in layers)
    macs = sum(layer.macs.value for layer in layers)
    learning = sum(layer.kind in ("conv", "linear") for layer in layers)
    totals = say(
        "inception_net_totals",
        lang,
        parameters=f"{parameters:,}",
        macs=f"{short(macs)}",
        layers=learning,
    )
    extra = stored - parameters
    aux = say("inception_net_aux", lang, parameters=f"{extra:,}") if extra else ""
    return (
        f'<div class="net"><p class="finding" data-figure="net-totals">{totals}</p>'
        f'<p class="small">{aux}</p>{_bars(layers, lang)}{_layers(net, records, search, lang)}'
        f'<p class="small">{say("inception_net_note", lang)}</p></div>'
    )


def _bars(layers: list, lang: str) -> str:
    """Parameters and MACs by stage, one bar above the other, and the same in numbers."""
    stages = []
    for name, group in groupby(layers, key=lambda layer: stage(layer.name)):
        group = list(group)
        stored, work = (sum(getattr(x, q).value for x in group) for q in ("parameters", "macs"))
        dense = all(x.kind == "linear" for x in group if x.parameters.value)
        if stored or work:
            stages.append((name, dense, stored, work))
    all_stored, all_work = (sum(entry[i] for entry in stages) or 1 for i in (2, 3))
    bars = []
    for word, index, whole in (("parameters", 2, all_stored), ("macs", 3, all_work)):
        parts = "".join(
            _part(*entry[:2], entry[index] / whole, i) for i, entry in enumerate(stages)
        )
        bars.append(
            f'<div class="split"><span>{say(f"inception_{word}", lang)}</span>'
            f'<div class="stack">{parts}</div></div>'
        )
    rows = [
        f"<tr><th>{escape(name)}</th><td>{stored:,}</td><td>{percent(stored / all_stored, 1)}</td>"
        f"<td>{short(work)}</td><td>{percent(work / all_work, 1)}</td></tr>"
        for name, _, stored, work in stages
    ]
    titles = [say("inception_net_stage", lang), *heads(("parameters", "", "macs", ""), lang)]
    return (
        f"<h3>{say('inception_net_bars', lang)}</h3>{''.join(bars)}"
        f'<details class="stages"><summary>{say("inception_net_stages", lang)}</summary>'
        f"{table_html(titles, rows)}</details>"
    )


def _part(name: str, dense: bool, share: float, index: int) -> str:
    """A piece of a bar; it carries its name where there is room."""
    label = f"{escape(name)} {percent(share)}" if share > 0.11 else ""
    kind = "dense" if dense else f"tint{index % 2}"
    title = f"{escape(name)} {percent(share, 1)}"
    return f'<i class="{kind}" style="width:{share:.3%}" title="{title}">{label}</i>'


def _layers(net: str, records: tuple[LayerRecord, ...], search: str, lang: str) -> str:
    wanted = (search or "").strip().lower()
    found = [
        record
        for record in records
        if wanted in record.layer.name.lower() or wanted in record.layer.kind
    ]
    rows = []
    for record in found:
        layer = record.layer
        kernel = "×".join(map(str, layer.kernel)) if layer.kernel else ""
        rows.append(
            f"<tr><th>{escape(layer.name)}</th><td>{layer.kind}</td><td>{kernel}</td>"
            f"<td>{shape_text(layer.source)}</td><td>{shape_text(layer.result)}</td>"
            f"<td>{unfold(layer.parameters)}</td><td>{unfold(layer.macs)}</td>"
            f"<td>{_pair(record.field.size)}</td><td>{_pair(record.field.stride)}</td></tr>"
        )
    keys = ("layer", "net_kind", "kernel", "in", "out", "parameters", "macs", "net_field",
            "net_stride")  # fmt: skip
    count = say("inception_net_found", lang, found=len(found), all=len(records))
    return (
        f'<p class="small count">{count}</p>'
        f'<div class="tall">{table_html(heads(keys, lang), rows)}</div>'
        + download_link(f"{net.replace(' · ', '_').replace(' ', '_')}.csv", _csv(records), lang)
    )


def _pair(sides: tuple[int, int]) -> str:
    """One number for a square, two for anything else."""
    return f"{sides[0]:,}" if sides[0] == sides[1] else f"{sides[0]:,} × {sides[1]:,}"


def _csv(records: tuple[LayerRecord, ...]) -> list[list]:
    rows: list[list] = [
        ["layer", "kind", "kernel", "in", "out", "weights", "biases", "batch norm", "parameters",
         "MACs", "FLOPs", "receptive field", "stride", "activation bytes"]
    ]  # fmt: skip
    for record in records:
        layer = record.layer
        pairs = (
            "x".join(map(str, pair or ())) for pair in (layer.kernel, layer.source, layer.result)
        )
        stored = (layer.weights, layer.biases, layer.norm, layer.parameters)
        costs = (w.value for w in (*stored, layer.macs, layer.flops))
        seen = ("x".join(map(str, pair)) for pair in (record.field.size, record.field.stride))
        rows.append([layer.name, layer.kind, *pairs, *costs, *seen, layer.memory.value])
    return rows

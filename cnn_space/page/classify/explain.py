"""Where a net looked, and the inside of GoogLeNet, as pictures: the drawings and the handlers."""

from collections.abc import Mapping
from html import escape

import gradio as gr
import numpy as np
from PIL import Image

from cnn_space import weights
from cnn_space.page.common import nets
from cnn_space.page.common.photo_input import Refused
from cnn_space.page.common.pictures import data_uri, heat_over, seen
from cnn_space.page.common.texts import label, language, say

SIDE, TILE = 320, 112  # pixels a side, of the heatmap and of a channel's map
MODULES = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
FIRST_MODULE = "4c"

# A click on a class, or Enter, asks what speaks for it.
PICK_JS = """
const pick = (event) => {
  const row = event.target.closest("li[data-label]");
  if (!row || (event.type === "keydown" && !["Enter", " "].includes(event.key))) return;
  event.preventDefault();
  for (const other of row.parentElement.children) other.ariaPressed = other === row;
  trigger("click", {label: row.dataset.label});
};
element.addEventListener("click", pick);
element.addEventListener("keydown", pick);
"""


# Where it looked


def look(
    photo: Image.Image | Refused | None,
    model: str | None,
    own_nets: Mapping[str, weights.Loaded],
    request: gr.Request,
) -> str:
    """The heatmap of the net's own answer, as HTML; nothing without a photo and a net."""
    return _looked(photo, model, own_nets, None, language(request))


def look_for(
    photo: Image.Image | Refused | None,
    model: str | None,
    own_nets: Mapping[str, weights.Loaded],
    request: gr.Request,
    event: gr.EventData,
) -> str:
    """What speaks for the class that was clicked."""
    return _looked(photo, model, own_nets, event._data.get("label"), language(request))


def _looked(photo, model, own_nets, wanted: str | None, lang: str) -> str:
    found = _ready(photo, model, own_nets)
    if found is None:
        return ""
    from cnn_space.inference.explain import grad_cam

    runner, x = found
    labels = runner.record.labels
    chosen = labels.index(wanted) if wanted in labels else None
    heatmap = grad_cam(runner.loaded.net, x, chosen)
    name = label(labels[heatmap.class_index], lang)
    height, width = heatmap.values.shape
    picture = heat_over(seen(photo, runner.record.preprocessing, SIDE), heatmap.values)
    key = "explain_for" if heatmap.values.any() else "heat_nothing"
    where = say("heat_layer", lang, layer=heatmap.layer, height=height, width=width)
    return (
        f'<figure class="classify-figure"><figcaption>{escape(say("explain_looked", lang))}'
        f'<span class="small">{escape(say(key, lang, label=name))}</span></figcaption>'
        f'<img class="explain-heat" src="{data_uri(picture)}" title="{escape(where)}" '
        f'alt="{escape(say("explain_alt", lang, label=name))}">'
        f'<p class="small">{escape(where)}</p></figure>'
    )


def _ready(photo, model, own_nets):
    """(engine, input [1, 3, H, W]) of a net that is here, or None."""
    if not isinstance(photo, Image.Image) or model is None or not nets.is_here(model, own_nets):
        return None
    from cnn_space.images.preprocessing import prepare
    from cnn_space.inference import engine

    try:
        runner = engine.get(own_nets.get(model, model))
    except ValueError:  # the answer beside it says why
        return None
    return runner, prepare(photo, runner.record.preprocessing)[0]


# Inside GoogLeNet


def has_inside(model: str | None, own_nets: Mapping[str, weights.Loaded]) -> bool:
    """Whether a net is built of Inception modules with four branches."""
    if model in own_nets:
        return own_nets[model].record.arch == "googlenet"
    # A visitor's net may have expired while its name is still chosen.
    return weights.is_known(model) and weights.record(model).arch == "googlenet"


def fold(
    photo: Image.Image | Refused | None,
    model: str | None,
    own_nets: Mapping[str, weights.Loaded],
    module: str,
    is_open: bool,
    request: gr.Request,
) -> tuple:
    """(the fold, which only GoogLeNets have; what is in it, drawn while it is open)."""
    there = has_inside(model, own_nets)
    filled = there and is_open
    inside = look_inside(photo, model, own_nets, module, request) if filled else ""
    return gr.update(visible=there), inside


def look_inside(
    photo: Image.Image | Refused | None,
    model: str | None,
    own_nets: Mapping[str, weights.Loaded],
    module: str,
    request: gr.Request,
) -> str:
    """What the four branches of one module respond to on the photo, as HTML."""
    found = _ready(photo, model, own_nets) if has_inside(model, own_nets) else None
    if found is None:
        return ""
    from cnn_space.inference.explain import inside

    runner, x = found
    lang = language(request)
    picture = seen(photo, runner.record.preprocessing, SIDE)
    small = picture.resize((TILE, TILE), Image.Resampling.LANCZOS)
    branches = inside(runner.loaded.net, x, f"inception{module}")
    cards = ""
    for branch in branches:
        kernel = "" if branch.kernel == "pool" else branch.kernel
        title = kernel or say("explain_pool", lang)
        if branch.name == "branch3" and kernel != "5×5":
            title = say("explain_for_5x5", lang, kernel=kernel)
        share = f"{100 * branch.share:.0f} %"
        tiles = "".join(
            f'<li><img src="{data_uri(heat_over(small, _spread(channel.map)))}" '
            f'alt="{escape(say("explain_channel", lang, number=channel.index))}">'
            f"<span>{channel.index}</span><span>{100 * channel.share:.1f} %</span></li>"
            for channel in branch.channels
        )
        cards += (
            f'<article data-branch="{branch.name}"><h4>{escape(title)}</h4>'
            f'<p class="small">{escape(say("explain_width", lang, count=branch.width))}</p>'
            f'<div class="explain-share"><i style="width:{100 * branch.share:.1f}%"></i></div>'
            f"<p><b>{share}</b> {escape(say('explain_share', lang))}</p>"
            f'<img src="{data_uri(heat_over(picture, _spread(branch.mean_map)))}" '
            f'alt="{escape(say("explain_mean", lang, branch=title))}">'
            f'<p class="small">{escape(say("explain_strongest", lang))}</p><ul>{tiles}</ul>'
            "</article>"
        )
    height, width = branches[0].mean_map.shape
    note = say("explain_inside_note", lang, height=height, width=width)
    return f'<div class="explain-branches">{cards}</div><p class="small">{escape(note)}</p>'


def _spread(values: np.ndarray) -> np.ndarray:
    """A map from its lowest to its highest value as 0..1; an even one as 0."""
    low, high = float(values.min()), float(values.max())
    return (values - low) / max(high - low, 1e-12)

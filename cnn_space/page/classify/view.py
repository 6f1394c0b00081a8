"""The Classify tab's HTML: answers, heatmaps and feature maps into templates."""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from markupsafe import Markup
from PIL import Image

from cnn_space import weights
from cnn_space.images.preprocessing import Preprocessing
from cnn_space.inference.classification import Answer, View
from cnn_space.inference.explain import Branch, Heatmap
from cnn_space.page.classify.examples import Example, suited, thumbnail
from cnn_space.page.common.pictures import heat_legend, heat_over
from cnn_space.page.common.pictures import seen as seen_by
from cnn_space.page.common.templates import render
from cnn_space.page.common.texts import label, say
from cnn_space.weights import WeightsRecord

BARS = 5  # ranked classes
NAMED = 12  # so many class names fit into a sentence
SIDE, TILE = 320, 112  # pixels a side: of the heatmap, and of the map of one channel


def waiting(sentence: str) -> Markup:
    """A sentence in place of an answer."""
    return render("classify/templates/waiting.html", sentence=sentence)


def answer(answer: Answer, lang: str = "en", wider: WeightsRecord | None = None) -> Markup:
    """The answer in large type (both, with ten views), the ranked bars, and what the net knows;
    ``wider`` is a net that knows more, to be asked by a click."""
    ranked = answer.best[:BARS]
    return render(
        "classify/templates/answer.html",
        lang,
        answer=answer,
        ranked=ranked,
        sheet=[["class", "probability"], *([p.label, f"{p.probability:.6f}"] for p in ranked)],
        one_view={p.label: p.probability for p in answer.predictions},
        names=_names(answer.record.labels, lang),
        wider=wider,
        is_here=wider is not None and weights.is_local(wider.name),
        megabytes=f"{wider.bytes / 1e6:.0f}" if wider and wider.bytes else "",
        count=say("classify_count", lang, count=f"{len(answer.record.labels):,}"),
    )


def examples(record: WeightsRecord | None, lang: str = "en") -> Markup:
    """Small pictures to try, chosen for a net, each with what it shows and where it comes from."""

    def source(example: Example) -> str:
        if not example.author:
            return say("classify_drawn", lang)
        values = {name: getattr(example, name) for name in ("author", "licence", "package")}
        return say("classify_photo_by", lang, **values)

    return render(
        "classify/templates/examples.html",
        lang,
        examples=suited(record),
        source=source,
        thumbnail=thumbnail,
    )


def _names(labels: Sequence[str], lang: str) -> str:
    """The classes that a net knows, or the first of them and how many more there are."""
    names = [label(name, lang) for name in labels]
    if len(names) <= NAMED:
        return ", ".join(names)
    return say("classify_and_more", lang, names=", ".join(names[:4]), count=len(names) - 4)


def seen(answer: Answer, lang: str = "en") -> Markup:
    """The very pixels that go into the net, enlarged without smoothing."""
    return render("classify/templates/seen.html", lang, picture=answer.seen)


def views(answer: Answer, lang: str = "en") -> Markup | str:
    """The ten crops, each with its own answer; empty unless they were asked for."""
    if not answer.views:
        return ""
    winner = answer.averaged[0].label
    return render(
        "classify/templates/views.html",
        lang,
        views=[(view, _position(view, lang)) for view in answer.views],
        winner=winner,
        agree=sum(view.top.label == winner for view in answer.views),
    )


def _position(view: View, lang: str) -> str:
    position = say(f"classify_view_{view.position}", lang)
    return say("classify_mirrored", lang, position=position) if view.mirrored else position


def foot(answer: Answer, notes: Sequence[str] = (), lang: str = "en") -> Markup:
    """Time, engine and threads, in one small line; before it what to know of the photo."""
    return render("classify/templates/foot.html", lang, answer=answer, notes=notes)


def looked(
    photo: Image.Image,
    preprocessing: Preprocessing,
    heatmap: Heatmap,
    name: str,
    lang: str = "en",
) -> Markup:
    """The heatmap of the class ``name`` over the part of the photo that the net gets."""
    height, width = heatmap.values.shape
    return render(
        "classify/templates/looked.html",
        lang,
        picture=heat_over(seen_by(photo, preprocessing, SIDE), heatmap.values),
        name=name,
        nothing=not heatmap.values.any(),
        legend=heat_legend(),
        layer=heatmap.layer,
        height=height,
        width=width,
        where=say("heat_layer", lang, layer=heatmap.layer, height=height, width=width),
    )


def inside(
    photo: Image.Image, preprocessing: Preprocessing, branches: Sequence[Branch], lang: str = "en"
) -> Markup:
    """Each branch of an Inception module: its mean response and its strongest channels."""
    picture = seen_by(photo, preprocessing, SIDE)
    small = picture.resize((TILE, TILE), Image.Resampling.LANCZOS)
    height, width = branches[0].mean_map.shape
    # Channels are numbered through the module, as where they are switched off.
    firsts = accumulate((branch.width for branch in branches), initial=0)
    return render(
        "classify/templates/inside.html",
        lang,
        branches=[
            {
                "name": branch.name,
                "title": branch_title(branch.name, branch.kernel, lang),
                "width": branch.width,
                "share": branch.share,
                "picture": heat_over(picture, spread(branch.mean_map)),
                "channels": [
                    (first + channel.index, channel.share, heat_over(small, spread(channel.map)))
                    for channel in branch.channels
                ],
            }
            for first, branch in zip(firsts, branches, strict=False)
        ],
        height=height,
        width=width,
    )


def branch_title(name: str, kernels: str, lang: str) -> str:
    """The kernels of a branch; GoogLeNet's third says when they are not the paper's 5×5."""
    if kernels == "pool":
        return say("explain_pool", lang)
    if name == "branch3" and kernels != "5×5":
        return say("explain_for_5x5", lang, kernel=kernels)
    return kernels


def spread(values: np.ndarray) -> np.ndarray:
    """A map from its lowest to its highest value as 0..1; an even one as 0."""
    low, high = float(values.min()), float(values.max())
    return (values - low) / max(high - low, 1e-12)

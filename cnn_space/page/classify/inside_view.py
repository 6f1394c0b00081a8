"""The HTML of what is inside the net: what can be switched off, and what becomes of the answer."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from PIL import Image

from cnn_space.images.preprocessing import Preprocessing
from cnn_space.inference.classification import ranked, softmax
from cnn_space.inference.explain import Heatmap
from cnn_space.inference.surgery import Outcome, Strength
from cnn_space.inference.surgery_masks import Cut
from cnn_space.inference.surgery_stages import Part, Stage
from cnn_space.page.classify.view import BARS, branch_title, spread
from cnn_space.page.common.pictures import heat_over, seen
from cnn_space.page.common.templates import render
from cnn_space.page.common.texts import say
from cnn_space.weights import WeightsRecord

SPEAK_FOR, AGAINST = 8, 4  # channels shown: the strongest of both kinds
TILE, SIDE = 72, 200  # pixels a side: of a channel's map, and of a heatmap
NAMED = 24  # cuts that are named one by one


def stage_choices(stages: Sequence[Stage], lang: str) -> list[tuple[str, str]]:
    """Entries of the list of stages, (text, name)."""
    return [(stage_title(stage, lang), stage.name) for stage in stages]


def stage_title(stage: Stage, lang: str) -> str:
    """``inception4c · Inception module, 4 branches, 512 channels``"""
    about = say(
        f"surgery_stage_{stage.kind}",
        lang,
        kernel=stage.kernel,
        channels=f"{stage.channels:,}",
        parts=len(stage.parts),
    )
    return f"{short_name(stage)} · {about}"


def short_name(stage: Stage) -> str:
    """A stage's name without the container that most nets keep everything in."""
    return stage.name.removeprefix("features.") if "dense" in stage.name else stage.name


def part_name(part: Part, lang: str) -> str:
    """``3×3``, ``Shortcut (skip connection)``, ``Layer 4``"""
    if part.kind == "branch":
        return branch_title(part.key, part.kernels, lang)
    if part.kind == "connection" and part.key != "input":
        return say("surgery_from_layer", lang, number=part.key.removeprefix("layer"))
    return say(f"surgery_{part.key}", lang)


def cut_name(cut: Cut, lang: str) -> str:
    """``inception4c: 3×3``, ``conv1: channel 17``"""
    what = cut.part
    name = part_name(what, lang) if what else say("surgery_channel", lang, number=cut.what)
    return f"{short_name(cut.stage)}: {name}"


def board(
    photo: Image.Image,
    preprocessing: Preprocessing,
    stage: Stage,
    strengths: Sequence[Strength],
    cuts: Sequence[Cut],
    label: str,
    lang: str = "en",
) -> Markup:
    """A stage's parts and its strongest channels, as buttons; ``strengths`` the best first."""
    picture = seen(photo, preprocessing, TILE)
    off = set(map(str, cuts))

    def tiles(shown: Sequence[Strength]) -> list[dict]:
        return [
            {
                "cut": str(cut := Cut(stage, strength.channel)),
                "off": str(cut) in off,
                "name": cut_name(cut, lang),
                "number": strength.channel,
                "effect": strength.effect,
                "picture": heat_over(picture, spread(strength.map)),
            }
            for strength in shown
        ]

    best = [strength for strength in strengths[:SPEAK_FOR] if strength.effect > 0]
    worst = [strength for strength in strengths[::-1][:AGAINST] if strength.effect < 0]
    return render(
        "classify/templates/board.html",
        lang,
        kind=stage.parts[0].kind if stage.parts else None,
        parts=[
            {
                "cut": str(cut := Cut(stage, part.key)),
                "off": str(cut) in off,
                "name": part_name(part, lang),
                "channels": len(part.channels) if part.kind in ("branch", "connection") else 0,
            }
            for part in stage.parts
        ],
        best=tiles(best),
        worst=tiles(worst),
        name=label,
    )


def outcome(
    photo: Image.Image,
    record: WeightsRecord,
    before: Outcome,
    after: Outcome,
    cuts: Sequence[Cut],
    lang: str = "en",
) -> Markup:
    """The answer before and after, both heatmaps, and what the net saves."""
    was, now = (softmax(o.logits[None])[0] for o in (before, after))
    old = dict(zip(record.labels, was.tolist(), strict=True))
    new = dict(zip(record.labels, now.tolist(), strict=True))
    first, last = (ranked(values, record.labels) for values in (was, now))
    names = dict.fromkeys([first[0].label, *(prediction.label for prediction in last)])
    picture = seen(photo, record.preprocessing, SIDE)
    height, width = after.heatmap.values.shape
    return render(
        "classify/templates/outcome.html",
        lang,
        cuts=[{"cut": str(cut), "name": cut_name(cut, lang)} for cut in cuts[:NAMED]],
        more=len(cuts) - NAMED,
        first=first[0],
        last=last[0],
        flips=first[0].label != last[0].label,
        rows=[
            {"label": name, "before": old[name], "after": new[name]} for name in list(names)[:BARS]
        ],
        before=old,
        after=new,
        heat=[
            (say("surgery_before", lang), first[0].label, *_heat(picture, before.heatmap)),
            (say("surgery_after", lang), last[0].label, *_heat(picture, after.heatmap)),
        ],
        layer=after.heatmap.layer,
        height=height,
        width=width,
        needs=[
            ("parameters", before.needs.parameters, after.needs.parameters),
            ("MACs", before.needs.macs, after.needs.macs),
        ],
    )


def _heat(picture: Image.Image, heatmap: Heatmap) -> tuple[Image.Image, bool]:
    """A heatmap over the photo, and whether it is empty: then it is said, for it looks broken."""
    return heat_over(picture, heatmap.values), not heatmap.values.any()


def filters(pictures: np.ndarray, lang: str = "en") -> Markup:
    """The filters uint8 [F, h, w, 3] of the first convolution, in the order of its channels."""
    count, height, width, _ = pictures.shape
    return render(
        "classify/templates/filters.html",
        lang,
        pictures=list(pictures),
        count=count,
        kernel=f"{height}×{width}",
    )

"""What throws nets off, as HTML: the finding in words, the curves, and what the nets saw."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from cnn_space.formats import probability
from cnn_space.inference import robustness
from cnn_space.inference.robustness import Curve, Sweep
from cnn_space.page.common.charts import LEFT, Line, line_chart
from cnn_space.page.common.pictures import data_uri
from cnn_space.page.common.templates import render, say_html
from cnn_space.page.common.texts import label, say
from cnn_space.page.compare.finding import captions, number
from cnn_space.page.compare.view import COLOURS, problem

TICKS = {"shift": "/32", "rotate": "°", "jpeg": ""}  # behind the numbers of the axis; else percent
QUARTERS = 4  # of the axis, with a number and a picture at each end
WITH_EDGES = ("shift", "rotate", "shrink")  # bring what lies beside the photo into sight


def finding(found: Sweep, lang: str = "en") -> Markup:
    """Which nets change their answer, and at which level, as HTML; ``striptags()`` gives it as
    plain text."""
    curves = [curve for curve in found.curves if not curve.entry.problem]
    if not found.is_done:
        done = sum(len(curve.answers) == len(found.levels) for curve in curves)
        return say_html("robust_waiting", lang, done=done, all=len(curves))
    if not curves:
        return Markup("")
    names = captions([curve.entry for curve in found.curves])
    flipped = sorted((c for c in curves if c.flip is not None), key=lambda curve: curve.flip)
    kept = [curve for curve in curves if curve.flip is None]
    known = {
        "when": say(f"robust_when_{found.name}", lang),
        "all": number(len(curves), lang),
        "count": number(len(flipped), lang),
        "end": _end(found, lang),
        "changed": Markup("; ").join(_changed(c, names, found, lang) for c in flipped),
        "kept": Markup(", ").join(
            say_html("robust_keeps", lang, net=names[c.entry.name], first=_first(c, lang))
            for c in kept
        ),
    }
    if len(curves) == 1:
        return say_html("robust_lone_changes" if flipped else "robust_lone_keeps", lang, **known)
    verdict = (
        "none" if not flipped else "all" if not kept else "one" if len(flipped) == 1 else "many"
    )
    sentences = [say_html(f"robust_{verdict}", lang, **known)]
    if flipped and kept:
        sentences.append(say_html("robust_kept", lang, **known))
    return Markup(" ").join(sentences)


def _changed(curve: Curve, names: Mapping[str, str], found: Sweep, lang: str) -> Markup:
    return say_html(
        "robust_changed",
        lang,
        net=names[curve.entry.name],
        level=_level(found, curve.flip, lang),
        first=_first(curve, lang),
        answer=label(curve.answers[curve.flip].label, lang),
    )


def _first(curve: Curve, lang: str) -> str:
    """The answer to the unchanged photo."""
    return label(curve.answers[0].label, lang)


def _level(found: Sweep, step: int, lang: str) -> str:
    """A level with its unit, as it stands in a sentence; a shift in pixels where every net sees as
    many as its unit has."""
    in_pixels = all(curve.entry.record.preprocessing.size == 32 for curve in found.curves)
    unit = "pixels" if found.name == "shift" and in_pixels else found.name
    return say(f"robust_at_{unit}", lang, level=f"{found.levels[step]:.4g}")


def _end(found: Sweep, lang: str) -> str:
    """Up or down to the last level."""
    way = "up" if found.levels[-1] > found.levels[0] else "down"
    return say(f"robust_{way}", lang, level=_level(found, -1, lang))


def shown(found: Sweep, lang: str = "en") -> Markup:
    """All of a sweep, finished or not."""
    names = captions([curve.entry for curve in found.curves])
    coloured = list(zip(found.curves, COLOURS, strict=False))
    notes = [f"robust_{key}" for key in ("ring", *_how(found))]
    return render(
        "compare/templates/robustness.html",
        lang,
        name=found.name,
        finding=finding(found, lang),
        chart=_chart(found, names, lang),
        strip=_strip(found),
        axis=say(f"robust_axis_{found.name}", lang),
        nets=[_net(curve, names, colour, found, lang) for curve, colour in coloured],
        notes=[say(key, lang) for key in notes],
        sheet=robustness.sheet(found) if found.is_done else [],
    )


def _how(found: Sweep) -> Sequence[str]:
    if found.name in WITH_EDGES:
        return ("edges",)
    return ("on_input",) if found.change.on_input else ()


def _chart(found: Sweep, names: Mapping[str, str], lang: str) -> Markup:
    """A curve a net, by steps: levels may fall from left to right."""
    lines = [
        Line(
            names[curve.entry.name],
            [(step, 100 * value) for step, value in enumerate(curve.probabilities)],
            colour,
            dots=True,
            tips=[
                f"{names[curve.entry.name]}, {_now(curve, i, found, lang)}" for i in range(asked)
            ],
            ring=curve.flip,
        )
        for curve, colour in zip(found.curves, COLOURS, strict=False)
        if (asked := len(curve.answers))
    ]
    labels = [(step, _tick(found, step)) for step in _quarters(found)]
    title = say("robust_chart", lang)
    # The strip below has the same margin at both ends.
    return line_chart(lines, title=title, top=100, width=440, room=LEFT, x_labels=labels)


def _quarters(found: Sweep) -> list[int]:
    """The steps at which the axis has a number."""
    last = len(found.levels) - 1
    return sorted({round(last * i / QUARTERS) for i in range(QUARTERS + 1)})


def _tick(found: Sweep, step: int) -> str:
    """A level in short."""
    return f"{found.levels[step]:.4g}{TICKS.get(found.name, ' %')}"


def _strip(found: Sweep) -> list[dict]:
    """The pictures under the axis, as the net that sees most of them gets them."""
    asked = [curve for curve in found.curves if len(curve.seen) == len(found.levels)]
    if not asked:
        return []
    seen = max(asked, key=lambda curve: curve.entry.record.preprocessing.size).seen
    return [
        {"picture": data_uri(seen[step]), "level": _tick(found, step)} for step in _quarters(found)
    ]


def _net(curve: Curve, names: Mapping[str, str], colour: str, found: Sweep, lang: str) -> dict:
    """What a net saw when it changed its answer, or at the end."""
    name = names[curve.entry.name]
    card = {"name": curve.entry.name, "caption": name, "colour": colour, "state": "waiting"}
    card |= {"problem": problem(curve.entry, name, lang), "answer": "…", "picture": "", "note": ""}
    if not curve.answers:
        return card
    step = len(curve.answers) - 1 if curve.flip is None else curve.flip
    return card | {
        "state": "kept" if curve.flip is None else "changed",
        "picture": data_uri(curve.seen[step]),
        "alt": say("robust_alt", lang, net=name, level=_level(found, step, lang)),
        "first": _first(curve, lang),
        "answer": label(curve.answers[step].label, lang),
        "note": _now(curve, step, found, lang),
    }


def _now(curve: Curve, step: int, found: Sweep, lang: str) -> str:
    """What a net says at a step: its answer, and what is left of its first one."""
    answer = curve.answers[step]
    shares = {answer.label: answer.probability, curve.answers[0].label: curve.probabilities[step]}
    classes = [f"{label(name, lang)} {probability(value)}" for name, value in shares.items()]
    level = _level(found, step, lang)
    return say("robust_now", lang, level=level, classes=", ".join(classes))

"""The Classify tab: values in, HTML out. Nothing here imports torch before it is used."""

from html import escape
from importlib.util import find_spec
from pathlib import Path

import gradio as gr
from gradio.media import get_image
from PIL import Image

from cnn_space import weights
from cnn_space.formats import probability as percent
from cnn_space.page.common import nets
from cnn_space.page.common.photo_input import Refused, required
from cnn_space.page.common.pictures import data_uri
from cnn_space.page.common.texts import label, language, say

TOP_K = 5
# So many class names fit into a sentence.
NAMED = 12


# What there is to choose from


def examples() -> list[str]:
    """Paths of the photos that installed packages bring along; the first is shown on arrival."""
    skimage = find_spec("skimage")
    folder = Path(skimage.origin).parent / "data" if skimage and skimage.origin else Path()
    files = [folder / name for name in ("chelsea.png", "rocket.jpg", "coffee.png")]
    files += [Path(get_image(name)) for name in ("lion.jpg", "cheetah1.jpg")]
    return [str(file) for file in files if file.is_file()]


# Events


def coming(model: str | None, own_nets: dict, request: gr.Request) -> tuple:
    """In place of the answer of the net before, while the chosen one is on its way here."""
    if not weights.is_known(model) or nets.is_here(model, own_nets):
        return (gr.skip(),) * 6
    title = weights.record(model).title
    return _waiting(say("net_coming", language(request), title=title)), *[""] * 5


def show(
    image: Image.Image | Refused | None,
    model: str | None,
    ten_views: bool,
    own_nets: dict,
    request: gr.Request,
) -> tuple:
    """The answer, what the net sees, the ten views, and the line at the foot, as HTML."""
    lang = language(request)
    waiting = ""
    if isinstance(image, Refused):
        waiting = image.why(lang)
        gr.Warning(waiting)  # on a phone the answer's place is out of sight
    elif model is None:
        waiting = say("classify_no_nets", lang)
    elif not nets.is_here(model, own_nets):
        if weights.is_known(model):
            waiting = nets.why_not_here(model, weights.record(model).title, lang)
        else:
            waiting = say("net_expired", lang, title=model)
    elif image is None:
        waiting = say("classify_waiting", lang)
    if not waiting:
        try:
            told = _answer(image, own_nets.get(model, model), ten_views, lang)
        except gr.Error as error:
            waiting = error.message
    if waiting:
        return _waiting(waiting), "", "", ""
    return answer_html(told, lang), seen_html(told, lang), views_html(told, lang), foot(told, lang)


def unanswered(request: gr.Request) -> tuple:
    """After an error: no answer, no picture, instead of those before it."""
    return _waiting(say("classify_waiting", language(request))), *[""] * 5


def _waiting(sentence: str) -> str:
    return f'<p class="classify-waiting">{escape(sentence)}</p>'


def classify(
    image: Image.Image | Refused | None, model: str, top_k: int = TOP_K
) -> dict[str, float]:
    """Classify a photo.

    Args:
        image: the photo.
        model: name of the weights, such as "googlenet.cifar10".
        top_k: how many classes to return.

    Returns:
        The likeliest classes by their English names, each with its probability.
    """
    image = required(image, say("classify_no_photo"))
    best = _answer(image, model).predictions[: max(1, int(top_k or TOP_K))]
    return {prediction.label: prediction.probability for prediction in best}


def _answer(image: Image.Image, net, ten_views: bool = False, lang: str = "en"):
    from cnn_space.inference import classification

    try:
        return classification.answer(image, net, ten_views=ten_views)
    except ValueError as error:
        title = net if isinstance(net, str) else net.record.title
        told = say("net_trouble", lang, title=title, why=error)
        raise gr.Error(told, print_exception=False) from None


# HTML


def answer_html(told, lang: str = "en") -> str:
    """The answer in large type (both, with ten views), the ranked bars, and what the net knows."""
    one, ten = told.predictions[0], told.averaged[0] if told.averaged else None
    heads = [(one, say("classify_one_view", lang))] if ten else [(one, "")]
    heads += [(ten, say("classify_ten_average", lang))] if ten else []
    big = "".join(
        f'<div class="classify-head">{f"<small>{escape(note)}</small>" if note else ""}'
        f'<strong class="classify-label">{escape(label(top.label, lang))}</strong>'
        f'<span class="classify-percent">{percent(top.probability)}</span></div>'
        for top, note in heads
    )
    single = {p.label: p.probability for p in told.predictions}
    rows = "".join(
        f'<li data-label="{escape(p.label)}" tabindex="0" role="button" aria-pressed="false">'
        f"<span>{escape(label(p.label, lang))}</span>"
        f'<span class="classify-bar"><i style="width:{p.probability:.2%}"></i>'
        + (f'<b style="left:{single[p.label]:.2%}"></b>' if ten else "")
        + f"</span><span>{percent(p.probability)}</span></li>"
        for p in told.best[:TOP_K]
    )
    bars = f'<ol role="group" aria-label="{escape(say("classify_ranked", lang))}">{rows}</ol>'
    if ten:
        bars += f'<p class="small classify-legend"><b></b>{escape(say("classify_tick", lang))}</p>'
    return f'<div class="classify-heads">{big}</div>{bars}{_knows(told, lang)}'


def _knows(told, lang: str) -> str:
    labels = [label(name, lang) for name in told.record.labels]
    names = ", ".join(labels[:NAMED])
    if len(labels) > NAMED:
        names = say("classify_and_more", lang, names=", ".join(labels[:4]), count=len(labels) - 4)
    count = say("classify_count", lang, count=f"{len(labels):,}")
    key = "classify_unsure" if told.unsure else "classify_knows"
    sentence = escape(say(key, lang, count=count, names=names))
    return f'<p class="{"classify-unsure" if told.unsure else "small"}">{sentence}</p>'


def seen_html(told, lang: str = "en") -> str:
    """The very pixels that go into the net, enlarged without smoothing."""
    side = told.seen.width
    return _figure(
        say("classify_seen", lang),
        say("classify_seen_note", lang, side=side),
        f'<img class="classify-pixels" src="{data_uri(told.seen, exact=True)}" '
        f'alt="{escape(say("classify_seen_alt", lang, side=side))}">',
    )


def views_html(told, lang: str = "en") -> str:
    """The ten crops, each with its own answer; empty unless they were asked for."""
    if not told.views:
        return ""
    winner = told.averaged[0].label
    tiles = ""
    for view in told.views:
        position = say(f"classify_view_{view.position}", lang)
        if view.mirrored:
            position = say("classify_mirrored", lang, position=position)
        name, value = label(view.top.label, lang), percent(view.top.probability)
        tiles += (
            f'<li{"" if view.top.label == winner else " class=odd"} title="{escape(position)}">'
            f'<img class="classify-pixels" src="{data_uri(view.image, exact=True)}" '
            f'alt="{escape(position)}">'
            f"<span>{escape(name)}</span><span>{value}</span></li>"
        )
    agree = sum(view.top.label == winner for view in told.views)
    note = say("classify_views_note", lang, agree=agree, label=label(winner, lang))
    return _figure(say("classify_views", lang), note, f'<ul class="classify-views">{tiles}</ul>')


def foot(told, lang: str = "en") -> str:
    """Time, engine and threads, in one small line."""
    key = "classify_thread" if told.threads == 1 else "classify_threads"
    line = say(
        "classify_foot",
        lang,
        milliseconds=f"{told.seconds * 1000:.1f}",
        engine=told.engine,
        threads=say(key, lang, count=told.threads),
    )
    return f'<p class="small">{escape(line)}</p>'


def _figure(title: str, note: str, inside: str) -> str:
    return (
        f'<figure class="classify-figure"><figcaption>{escape(title)}'
        f'<span class="small">{escape(note)}</span></figcaption>{inside}</figure>'
    )

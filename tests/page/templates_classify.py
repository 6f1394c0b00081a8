"""Values for the templates of the Classify tab: see test_templates.py."""

from types import SimpleNamespace

from PIL import Image

from cnn_space.models import registry

PICTURE = Image.new("RGB", (8, 8))


def answer(text: str, averaged: bool = True) -> dict:
    best = [SimpleNamespace(label=text, probability=0.4)]
    return {
        "answer": SimpleNamespace(
            predictions=best, averaged=best if averaged else (), unsure=averaged
        ),
        "ranked": best,
        "sheet": [[text]],
        "one_view": {text: 0.3},
        "names": text,
        "wider": SimpleNamespace(name=text, title=text),
        "is_here": not averaged,
        "megabytes": text,
        "count": text,
    }


def examples(text: str) -> dict:
    shown = [(SimpleNamespace(name=text), True), (SimpleNamespace(name=text), False)]
    return {"examples": shown, "source": lambda _: text, "thumbnail": lambda _: PICTURE}


def facts(text: str) -> dict:
    stage = SimpleNamespace(channels=text, side=(text, text))
    sizes = {"x": 1.0, "y": 1.0, "middle": 1.0, "width": 1.0, "height": 1.0, "shade": 0.5}
    net = registry.facts("vgg16")
    paper = SimpleNamespace(title=text, link="https://example.org")
    return {
        "net": SimpleNamespace(year=text, family=net.family, arch=text, title=text, paper=paper),
        "title": text,
        "blocks": [SimpleNamespace(stage=stage, about=text, **sizes)],
        "width": 336,
        "height": 96,
        "trained": "classify_facts_here",
        "data": text,
        "accuracy": text,
        "parameters": text,
        "macs": text,
    }


def views(text: str) -> dict:
    top = SimpleNamespace(label=text, probability=0.4)
    crop = SimpleNamespace(image=PICTURE, top=top)
    return {"views": [(crop, text)], "winner": text, "agree": text}


def inside(text: str) -> dict:
    branch = {
        "name": text,
        "title": text,
        "width": text,
        "share": 0.5,
        "picture": PICTURE,
        "channels": [(text, 0.5, PICTURE)],
    }
    return {"branches": [branch], "height": text, "width": text}


def board(text: str) -> dict:
    part = {"cut": text, "off": True, "name": text, "channels": text}
    tile = {"cut": text, "off": False, "name": text, "number": text, "effect": 0.5}
    tiles = [tile | {"picture": PICTURE}]
    return {"kind": "branch", "parts": [part], "best": tiles, "worst": tiles, "name": text}


def outcome(text: str) -> dict:
    answer = SimpleNamespace(label=text)
    return {
        "cuts": [{"cut": text, "name": text}],
        "more": 2,
        "first": answer,
        "last": answer,
        "flips": True,
        "rows": [{"label": text, "before": 0.5, "after": 0.4}],
        "before": {text: 0.5},
        "after": {text: 0.4},
        "heat": [(text, text, PICTURE, False), (text, text, PICTURE, True)],
        "layer": text,
        "height": 8,
        "width": 8,
        "needs": [("MACs", 100, 90)],
    }


CASES = {
    "classify/templates/waiting.html": lambda text: {"sentence": text},
    "classify/templates/examples.html": examples,
    "classify/templates/facts.html": facts,
    "classify/templates/answer.html": answer,
    "classify/templates/seen.html": lambda text: {"picture": PICTURE},
    "classify/templates/views.html": views,
    "classify/templates/foot.html": lambda text: {
        "answer": SimpleNamespace(
            threads=text,
            seconds=0.01,
            engine=text,
            record=SimpleNamespace(repo=text, license=text),
        ),
        "notes": [text],
    },
    "classify/templates/looked.html": lambda text: {
        "picture": PICTURE,
        "name": text,
        "nothing": False,
        "where": text,
        "legend": PICTURE,
        "layer": text,
        "height": text,
        "width": text,
    },
    "classify/templates/inside.html": inside,
    "classify/templates/board.html": board,
    "classify/templates/outcome.html": outcome,
    "classify/templates/filters.html": lambda text: {
        "pictures": [PICTURE],
        "count": text,
        "kernel": text,
    },
}

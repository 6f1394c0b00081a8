"""Values for the templates of "Check your net": see test_templates.py."""

from cnn_space.checking.report import ClassEntry, Difference, Finding, LayerEntry, Nearest, Report
from cnn_space.page.check.view import Shown


def report(text: str) -> Report:
    return Report(
        classes=(ClassEntry(text, 1),),
        output_shape=(10,),
        layers=(LayerEntry(text, text, text, (1,), 1, 1, (1, 2), 1, 1),),
    )


def verdict(text: str) -> dict:
    return {"state": "wrong", "headline": text, "remarks": [text], "totals": text}


def findings(text: str) -> dict:
    finding = Finding(1, "kind", "wrong", text, also=(2,))
    return {"problems": [Shown(1, text, text, text, finding)], "unknown": [(1, text, text)]}


def identity(text: str) -> dict:
    difference = Difference("kind", text, section=text)
    return {
        "found": report(text),
        "nearest": Nearest(text, text, {}, False, 0.5, paper=text),
        "title": text,
        "call": text,
        "differences": [Shown(1, text, text, text, difference)],
        "notes": [text],
    }


def layers(text: str) -> dict:
    found = report(text)
    return {"found": found, "rows": found.layers, "titles": [text], "sheet": [[text]]}


CASES = {
    "check/templates/verdict.html": verdict,
    "check/templates/findings.html": findings,
    "check/templates/mended.html": lambda text: {
        "lines": ["@@", "+" + text, "-" + text, text],
        "mended": text,
    },
    "check/templates/opened.html": lambda text: {"text": text},
    "check/templates/identity.html": identity,
    "check/templates/layers.html": layers,
}

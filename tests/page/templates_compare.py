"""Values for the templates of the Compare tab: see test_templates.py."""

from types import SimpleNamespace


def cards(text: str) -> dict:
    card = {
        "name": text,
        "caption": text,
        "colour": text,
        "data": text,
        "accuracy": text,
        "problem": "",
        "state": "odd",
        "answer": text,
        "ranked": [SimpleNamespace(label=text, probability=0.5)],
        "empty_rows": 1,
        "picture": text,
        "note": text,
        "alt": text,
    }
    return {"cards": [card, card | {"problem": text}], "flag": text}


def net(text: str) -> SimpleNamespace:
    return SimpleNamespace(title=text, colour=text)


def classes(text: str) -> dict:
    row = {"label": text, "rates": [(net(text), 90.0, 10), (net(text), None, None)], "best": 90.0}
    return {"tables": [{"data": text, "nets": [net(text)], "rows": [row], "sheet": [[text]]}]}


def table(text: str) -> dict:
    cell = {"value": text, "text": text}
    return {
        "title": text,
        "columns": [{"head": text, "kind": text}] * 2,
        "rows": [[cell, cell]],
        "sheet": [[text]],
        "shown": [[text]],
    }


def robustness(text: str) -> dict:
    net = {"name": text, "caption": text, "colour": text, "note": text, "alt": text}
    net |= {"state": "changed", "problem": "", "answer": text, "first": text, "picture": text}
    others = [net | {"state": "kept"}, net | {"problem": text}, net | {"picture": ""}]
    return {
        "name": "shift",
        "finding": text,
        "chart": text,
        "strip": [{"picture": text, "level": text}],
        "axis": text,
        "nets": [net, *others],
        "notes": [text],
        "sheet": [[text]],
    }


def experiment(text: str) -> dict:
    paper = SimpleNamespace(link=text, title=text)
    return {"about": text, "paper": paper, "section": text, "finding": text, "notes": [text]}


def costs(text: str) -> dict:
    return {"costs": [(text, text, 5_000_000, theirs) for theirs in (5_000_000, 6_000_000)]}


def intro(text: str) -> dict:
    numbers = {
        "nets": 9,
        "runs": 27,
        "small": 16,
        "side": 32,
        "images": 5000,
        "held_out": 2000,
        "epochs": 3,
    }
    return numbers | {"data": text, "left_out": text}


CASES = {
    "compare/templates/robustness.html": robustness,
    "compare/templates/finding.html": lambda text: {"finding": text, "notes": [text]},
    "compare/templates/table.html": table,
    "compare/templates/cards.html": cards,
    "compare/templates/work.html": lambda text: {"charts": [text]},
    "compare/templates/learned.html": lambda text: {
        "nets": [net(text)],
        "notes": [text],
        "loss": text,
        "accuracy": text,
    },
    "compare/templates/classes.html": classes,
    "compare/templates/experiment.html": experiment,
    "compare/templates/experiment_repeat.html": lambda text: {
        "seed": 0,
        "data": text,
        "note": text,
    },
    "compare/templates/experiment_costs.html": costs,
    "compare/templates/experiment_curves.html": lambda text: {
        "nets": [(text, text, text)],
        "chart": text,
    },
    "compare/templates/experiment_time.html": lambda text: {"ours": text, "theirs": text},
    "compare/templates/experiments_intro.html": intro,
    "compare/templates/experiments_table.html": lambda text: table(text) | {"chart": text},
}

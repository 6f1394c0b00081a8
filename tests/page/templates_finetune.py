"""Values for the templates of the Fine-tune tab: see test_templates.py."""

from types import SimpleNamespace

import numpy as np
from markupsafe import Markup
from PIL import Image

from cnn_space.images.visitor_set import LeftOut, Note
from cnn_space.inference.classification import Prediction
from cnn_space.page.finetune.trials import Trial

PICTURE = np.zeros((8, 8, 3), np.uint8)


def images(text: str) -> dict:
    return {
        "name": text,
        "images": 20,
        "held": 4,
        "classes": 15,
        "counts": [(text, 12), (text, 8)],
        "most": 12,
        "left_out": (LeftOut("bomb", 2, text),),
        "notes": (Note("unreached", {"names": text}),),
    }


def left_out(text: str) -> dict:
    return {"left_out": (LeftOut("bomb", 2, text),)}


def samples(text: str) -> dict:
    return {"samples": [(text, PICTURE)], "columns": 8, "side": text, "augment": "shift"}


def state(text: str) -> dict:
    return {"phase": "all", "note": text, "done": 0.5, "figures": text}


def curves(text: str) -> dict:
    chart = Markup("<svg></svg>")
    return {"loss": chart, "accuracy": chart, "parts": [(text, text)]}


def result(text: str) -> dict:
    return {
        "recorded": True,
        "device": text,
        "title": text,
        "data": text,
        "classes": text,
        "train": 20,
        "held": 4,
        "few": True,
        "judged": "_folds_few",
        "folds": 5,
        "right": text,
        "seconds": 2.5,
        "before": 10.0,
        "after": 90.0,
        "head": 50.0,
        "baseline": 25.0,
        "commonest": text,
        "weighted": {"most": 20, "largest": text, "fewest": 2, "smallest": text},
    }


def matrix(text: str) -> dict:
    rows = [(text, [3, 1], 75.0), ("other", [0, 4], 100.0)]
    return {"names": [text, "other"], "rows": rows, "sheet": [[text]]}


def mistakes(text: str) -> dict:
    mistake = {"image": PICTURE, "answer": text, "actual": text, "confidence": 0.5}
    return {"mistakes": [mistake]}


def suspects(text: str) -> dict:
    shown = {"image": PICTURE, "name": text, "given": text, "likely": text, "confidence": 0.5}
    return {"count": 3, "judged": 40, "suspects": [shown]}


def cell(text: str) -> dict:
    return {"actual": text, "answer": "other", "count": 30, "pictures": [(PICTURE, 0.5)]}


def runs(text: str) -> dict:
    report = SimpleNamespace(
        title=text, data=text, images=9, targets=(0, 1), after=50.0, seconds=12.3
    )
    return {
        "runs": [{"name": text, "title": text, "report": report}],
        "shown": text,
        "sheet": [[text]],
    }


def tried(text: str) -> dict:
    ranked = (Prediction(text, 0.75), Prediction(text, 0.25))
    photos = [Trial(text, Image.new("RGB", (4, 4)), ranked), Trial(text, why=text)]
    return {"photos": photos, "name": text, "more": True}


def forged(text: str) -> dict:
    return {"grids": [("forged", PICTURE, text, text)]}


def forged_curve(text: str) -> dict:
    return {"chart": Markup("<svg></svg>"), "keys": [(text, text)], "sheet": [[text]]}


CASES = {
    "finetune/templates/note.html": lambda text: {"text": text},
    "finetune/templates/wrong.html": lambda text: {"name": "lr", "text": text},
    "finetune/templates/lost.html": lambda text: {"text": text},
    "finetune/templates/left_out.html": left_out,
    "finetune/templates/problem.html": lambda text: {"text": text} | left_out(text),
    "finetune/templates/board.html": lambda text: {"most": 2000, "side": 512, "dropped": text},
    "finetune/templates/images.html": images,
    "finetune/templates/samples.html": samples,
    "finetune/templates/forged.html": forged,
    "finetune/templates/forged_curve.html": forged_curve,
    "finetune/templates/state.html": state,
    "finetune/templates/curves.html": curves,
    "finetune/templates/result.html": result,
    "finetune/templates/own_net.html": lambda text: {"name": text, "file": text, "minutes": 60},
    "finetune/templates/runs.html": runs,
    "finetune/templates/tried.html": tried,
    "finetune/templates/matrix.html": matrix,
    "finetune/templates/mistakes.html": mistakes,
    "finetune/templates/suspects.html": suspects,
    "finetune/templates/cell.html": cell,
}

"""Visits to the Fine-tune tab without a page: requests, sessions with images, a run."""

from types import SimpleNamespace

import numpy as np
import torch
from visitors import by_name

from cnn_space.images.image_set import ImageSet
from cnn_space.images.visitor_set import VisitorSet
from cnn_space.page.common.nets import OwnNets
from cnn_space.page.finetune.handlers import Tab
from cnn_space.page.finetune.session import Session

TAB = by_name(Tab)
EVIL = "<img src=x onerror=alert(1)>'\""
LENET = "lenet5.cifar10"
# A run of a second.
CONTROLS = {
    "optimizer": "sgd",
    "lr": 0,
    "lower": 0.1,
    "head_epochs": 3,
    "top_epochs": 1,
    "epochs": 1,
    "augment": "shift",
    "aux": False,
    "frozen_norm": False,
    "holdout": 20,
    "seed": 0,
    "class_weights": "auto",
}


def visitor(lang="en", host="127.0.0.1", session="s", **headers):
    return SimpleNamespace(
        headers={"accept-language": lang, "host": "localhost:7860"} | headers,
        session_hash=session,
        client=SimpleNamespace(host=host),
    )


def bars(names=("left", "right"), count=12):
    """Noise with a light bar at the left or at the right: any net learns it."""
    labels = np.arange(count * len(names)) % len(names)
    pixels = np.random.default_rng(0).integers(0, 60, (len(labels), 3, 32, 32))
    for image, label in zip(pixels, labels, strict=True):
        image[:, :, 16 * (label % 2) : 16 * (label % 2) + 16] += 150
    return ImageSet(
        torch.from_numpy(pixels.astype(np.uint8)), torch.from_numpy(labels), tuple(names), "Bars"
    )


def with_bars(names=("left", "right"), count=12):
    """A session with images read from a zip."""
    session = Session()
    session.images_arrive(session.read("zip"), VisitorSet(bars(names, count)))
    return session


def start(session, base=LENET, request=None, **controls):
    """A click on Train, up to its turn: the reports of the run."""
    request = request or visitor()
    TAB.begin(session, session.source, request)
    session.net_arrives(session.run.number)
    return TAB.run({"session": session, "base": base, **CONTROLS, **controls}, request)


def trained(session, own_nets=None, request=None, **controls):
    """A run to its end: (its reports, what the page shows then)."""
    own_nets = OwnNets() if own_nets is None else own_nets
    reports = list(start(session, request=request, **controls))
    return reports, TAB.finish(session, own_nets, request or visitor())


def training_all_layers(session):
    """The reports of a long run, up to the first of all layers."""
    reports = start(session, epochs=200)
    for report in reports:
        if 'data-phase="all"' in report["state"]:
            return reports
    raise AssertionError("all layers were never trained")

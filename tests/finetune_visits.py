"""Visits to the Fine-tune tab without a page: requests, sessions with images, a run."""

import time
from types import SimpleNamespace

import numpy as np
import torch
from visitors import by_name

from cnn_space.images.image_set import ImageSet
from cnn_space.images.visitor_set import VisitorSet
from cnn_space.page.finetune.handlers import Tab
from cnn_space.page.finetune.session import Session
from cnn_space.page.finetune.visitors import VISITORS

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
    "cross_validate": "off",
}


def visitor(lang="en", host="127.0.0.1", session="s", **headers):
    return SimpleNamespace(
        headers={"accept-language": lang, "host": "localhost:7860"} | headers,
        query_params={},
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
    """A click on Train: what the page shows then. The run goes on by itself."""
    values = {
        "session": session,
        "source": session.source,
        "age": 1,
        "base": base,
        **CONTROLS,
        **controls,
    }
    return TAB.begin(values, request or visitor())


def look(session, request=None):
    """What the page shows at its next look: how far the run is, or how it ended."""
    return TAB.watch(session, None, request or visitor())


def halt(session, request=None):
    """A click on Stop."""
    return TAB.halt(session, None, request or visitor())


def arrive(session=None, request=None, key=None, had=None):
    """A page is opened, by the visitor of ``session``, one whose browser has kept ``key`` and
    ``had``, or a new one: what it shows."""
    key = VISITORS.admit(session).key if session else key
    shown = ("classify_net", "base", "augment", "holdout")
    values = dict(zip(shown, (None, LENET, "shift", 20), strict=True))
    return TAB.arrive({"key": key, "had": had} | values, request or visitor())


def until(reached, seconds=60):
    """Wait for what another thread brings about."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def trained(session, request=None, **controls):
    """A run to its end: (what the page shows at each report, what it shows then)."""
    reports, tell = [], session.tell

    def told(number, **progress):
        tell(number, **progress)
        reports.append(look(session, request))

    session.tell = told
    start(session, request=request, **controls)
    until(lambda: not session.is_under_way)
    session.tell = tell
    return reports, look(session, request)


def training_all_layers(session):
    """A long run, up to the first report of all layers: it goes on."""
    start(session, epochs=200)
    until(lambda: 'data-phase="all"' in look(session)["state"])

"""A fine-tuning run as the page and its endpoint make it."""

import contextlib
from collections.abc import Iterator

from cnn_space import weights
from cnn_space.models.heads import can_have_aux
from cnn_space.page.common.texts import say
from cnn_space.page.finetune.session import Session
from cnn_space.settings import Settings
from cnn_space.training.finetuning import Run, Update
from cnn_space.training.recipes import Plan

# The controls of a run: the fields of Plan except batch size, label smoothing and clipping.
CONTROLS = (
    "optimizer",
    "lr",
    "lower",
    "head_epochs",
    "top_epochs",
    "epochs",
    "augment",
    "aux",
    "frozen_norm",
    "holdout",
    "seed",
    "class_weights",
)


def plan_from(controls: dict) -> Plan:
    """The Plan of the page's controls, by their names. An empty number counts as 0, and the
    held-out share is in percent. Raises ValueError for what is out of range."""
    return Plan(
        optimizer=controls["optimizer"],
        lr=float(controls["lr"] or 0),
        lower=float(controls["lower"]),
        head_epochs=int(controls["head_epochs"]),
        top_epochs=int(controls["top_epochs"]),
        epochs=int(controls["epochs"]),
        augment=controls["augment"],
        aux=bool(controls["aux"]),
        frozen_norm=bool(controls["frozen_norm"]),
        holdout=float(controls["holdout"]) / 100,
        seed=int(controls["seed"] or 0),
        class_weights=controls["class_weights"],
    )


def updates(
    session: Session, number: int, base: str | None, controls: dict, lang: str
) -> Iterator[Update]:
    """Train the net ``base`` on a session's images; yields what the run is doing.

    The session holds the run from its start, so that its result can be collected whether it ends
    by itself or is stopped; ``number`` is its number there. Raises ValueError with a sentence in
    the visitor's language that says why the run cannot begin.
    """
    visitor_set = session.visitor_set
    if visitor_set is None:
        raise ValueError(say("finetune_no_data", lang))
    if not base:
        raise ValueError(say("finetune_no_base", lang))
    with explained("finetune_wrong_plan", lang):
        plan = plan_from(controls)
    if weights.is_known(base) and not weights.is_local(base):
        # The download failed and the page said why; there is no second attempt here.
        raise ValueError(say("net_not_here", lang, title=weights.record(base).title))
    with explained("net_trouble", lang, title=base):
        loaded = weights.load(base)
    if plan.aux and not can_have_aux(loaded.net):
        raise ValueError(say("finetune_no_aux", lang, title=loaded.record.title))
    run = Run(loaded, visitor_set.images, plan, seconds=Settings.read().run_seconds)
    if not session.train(number, run):  # stopped meanwhile
        return
    with contextlib.closing(iter(run)) as reports:
        for update in reports:
            if not session.is_training(number):  # stopped, and its result is on the page already
                return
            yield update


@contextlib.contextmanager
def explained(key: str, lang: str, **values) -> Iterator[None]:
    """Turns an English ValueError into one with a sentence in the visitor's language."""
    try:
        yield
    except ValueError as error:
        raise ValueError(say(key, lang, why=error, **values)) from error

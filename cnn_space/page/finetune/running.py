"""A fine-tuning run as the page makes it: in a thread of its own, whatever becomes of the page.

The run belongs to a session. It goes on while its page is reloaded or the line is cut, and is given
up when the page has not been heard of for some time.
"""

import contextlib
import contextvars
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from cnn_space import weights
from cnn_space.images.decoder_pool import VISITOR
from cnn_space.images.image_set import ImageSet
from cnn_space.inference.threads import give_way
from cnn_space.models.heads import can_have_aux
from cnn_space.page.common.texts import say
from cnn_space.page.finetune import export, view
from cnn_space.page.finetune.line import LINE
from cnn_space.page.finetune.session import Session
from cnn_space.page.finetune.states import ImagesState
from cnn_space.settings import Settings
from cnn_space.training.finetuning import Run
from cnn_space.training.recipes import Plan
from cnn_space.weights.transfer import Unreachable

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
    "cross_validate",
)
MOST = 5  # runs under way: one trains, the others wait
# And of one address: a whole class may sit behind it, or one visitor with any number of sessions;
# either leaves a place for others.
MOST_OF_ONE = MOST - 1


class Places:
    """Whose runs are under way, by visitors' addresses."""

    def __init__(self):
        self._taken: list[str] = []
        self._lock = threading.Lock()

    def take(self, visitor: str, lang: str) -> None:
        """Raise ValueError with a sentence where too many are under way. What comes from nowhere
        (visitor "": no request) is bounded in all only."""
        with self._lock:
            own = self._taken.count(visitor) if visitor else 0
            if len(self._taken) >= MOST or own >= MOST_OF_ONE:
                raise ValueError(say("finetune_too_many", lang))
            self._taken.append(visitor)

    def leave(self, visitor: str) -> None:
        with self._lock:
            self._taken.remove(visitor)


_PLACES = Places()


@dataclass(frozen=True)
class Order:
    """What a visitor asked for: a net, images and a plan; ``lang`` is the visitor's language."""

    base: str
    images: ImageSet
    plan: Plan
    lang: str


def plan_from(controls: dict) -> Plan:
    """The Plan of the page's controls, by their names. An empty number counts as 0, and the
    held-out share is in percent. Raises ValueError for what is out of range."""
    return Plan(
        optimizer=controls["optimizer"],
        lr=float(controls["lr"] or 0),
        lower=float(controls["lower"]),
        head_epochs=controls["head_epochs"],
        top_epochs=controls["top_epochs"],
        epochs=controls["epochs"],
        augment=controls["augment"],
        aux=bool(controls["aux"]),
        frozen_norm=bool(controls["frozen_norm"]),
        holdout=float(controls["holdout"]) / 100,
        seed=controls["seed"] or 0,
        class_weights=controls["class_weights"],
        cross_validate=controls["cross_validate"],
    )


def order(session: Session, base: str | None, controls: dict, lang: str) -> Order:
    """What is asked for. Raises ValueError with a sentence in the visitor's language where that
    cannot be a run."""
    if session.visitor_set is None:
        raise ValueError(_why_no_images(session, lang))
    if not base:
        raise ValueError(say("finetune_no_base", lang))
    with explained("finetune_wrong_plan", lang):
        plan = plan_from(controls)
    return Order(base, session.visitor_set.images, plan, lang)


def _why_no_images(session: Session, lang: str) -> str:
    if session.images.state is ImagesState.READING:
        return say("finetune_still_reading", lang)
    if session.lost in ("all", "images"):
        return view.why_lost(session.lost, lang)
    return say("finetune_no_data", lang)


def begin(session: Session, number: int, asked: Order) -> None:
    """Start the run with this number of ``session``. Raises ValueError with a sentence where too
    many are under way."""
    _PLACES.take(VISITOR.get(), asked.lang)
    here = contextvars.copy_context()  # the run's net is kept for the same visitor
    threading.Thread(target=here.run, args=(_run, session, number, asked), name="fine-tune").start()


def keeper(session: Session, lang: str) -> partial:
    """What makes the best net of a run one of the visitor's results."""
    return partial(export.keep, own_nets=session.own_nets, lang=lang)


def _run(session: Session, number: int, asked: Order) -> None:
    give_way()
    try:
        _fetch(session, number, asked)
        if not session.net_arrives(number):
            return
        with LINE.ticket() as ticket:
            while not ticket.wait(1):
                session.tell(number, ahead=ticket.ahead)
                if not _is_wanted(session, number):
                    return
            if session.take_turn(number):
                _train(session, number, asked)
        session.finish(number, keeper(session, asked.lang))
    except ValueError as error:
        session.refuse(number, str(error))
    except Exception:
        logging.getLogger(__name__).exception("a fine-tuning run broke off")
        session.refuse(number, say("finetune_broke", asked.lang))
    finally:
        _PLACES.leave(VISITOR.get())


def _is_wanted(session: Session, number: int) -> bool:
    if not threading.main_thread().is_alive():  # the page's process ends, and waits for this thread
        return False
    return session.is_wanted(number, Settings.read().away_seconds)


def _fetch(session: Session, number: int, asked: Order) -> None:
    """The net to start from may have to come over the network; no other run waits for that."""
    base, lang = asked.base, asked.lang
    if not weights.is_known(base) or weights.is_local(base):
        return
    title = weights.record(base).title

    def report(done: int, total: int | None) -> None:
        session.tell(number, done=done, total=total)
        if not _is_wanted(session, number):
            raise ValueError("stopped")

    try:
        weights.fetch(base, report)
    except Unreachable:
        raise ValueError(say("net_not_here", lang, title=title)) from None
    except ValueError as error:
        raise ValueError(say("net_trouble", lang, title=title, why=error)) from None


def _train(session: Session, number: int, asked: Order) -> None:
    """From the run's turn to its end, or until it is stopped or given up."""
    with explained("net_trouble", asked.lang, title=asked.base):
        loaded = weights.load(asked.base)
    if asked.plan.aux and not can_have_aux(loaded.net):
        raise ValueError(say("finetune_no_aux", asked.lang, title=loaded.record.title))
    export.check_room(loaded, asked.lang)
    run = Run(loaded, asked.images, asked.plan, seconds=Settings.read().run_seconds)
    if not session.train(number, run):
        return
    with contextlib.closing(iter(run)) as updates:
        for update in updates:
            session.tell(number, update=update)
            if not _is_wanted(session, number):
                return


@contextlib.contextmanager
def explained(key: str, lang: str, **values) -> Iterator[None]:
    """Turns an English ValueError into one with a sentence in the visitor's language."""
    try:
        yield
    except ValueError as error:
        raise ValueError(say(key, lang, why=error, **values)) from error

"""One visitor's session on the Fine-tune tab: their images, their run, its results.

Handlers of one visitor run at the same time as their run, and some come late: a reading ends after
other images were chosen, Stop and the end of a run both ask for its result, a run reports once more
after Stop. So the tables in ``states`` decide whether an event is allowed. A reading and a run have
a number, which their later events pass on: an event with an old number belongs to a reading or a
run that was given up, and changes nothing.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cnn_space.images.visitor_set import VisitorSet
from cnn_space.page.common.nets import OwnNets
from cnn_space.page.finetune.loose import NOTHING
from cnn_space.page.finetune.recorded import recorded_run
from cnn_space.page.finetune.results import Kept
from cnn_space.page.finetune.sources import AT_ONCE, at_once
from cnn_space.page.finetune.states import (
    IMAGES_MOVES,
    RUN_MOVES,
    UNDER_WAY,
    ImagesEvent,
    ImagesState,
    Machine,
    RunEvent,
    RunState,
)
from cnn_space.training.finetuning import Result, Run, Suspect, Update


@dataclass(frozen=True)
class Progress:
    """How far a run has come: in the state it is in, what there is to tell."""

    done: int = 0  # bytes of the net to start from that have come over the network,
    total: int | None = None  # of so many, where that is known
    ahead: int = 0  # runs that are before this one
    update: Update | None = None  # the last report of the training


class Session:
    """One visitor's images, run and results; never shared between visitors.

    The methods are the events. Each is atomic: other handlers see it done or not begun.
    """

    def __init__(self):
        self.images = Machine(IMAGES_MOVES, ImagesState.READY)
        self.run = Machine(RUN_MOVES, RunState.IDLE)
        self.source = "digits"
        self.age = 1  # of the generator, where forged digits are learnt
        self.dropped = NOTHING  # photos class by class, on the page until it is closed
        self.chosen: dict[str, object] = {}  # what the last run was begun with, by component
        self.progress = Progress()  # of the run under way
        self.training: Run | None = None  # while it is TRAINING
        self.ended = ""  # how the last run ended ("finished", "left", …), or why it was REFUSED
        self.own_nets = OwnNets()  # and the results they are of, until those are forgotten
        self.shows = ""  # the name of the result that the page shows
        self.shows_recorded = False  # whether the page shows the recorded run
        self.key = ""  # by which the visitor comes back (see ``visitors``)
        self.seen = time.monotonic()  # when the visitor's page was last heard of
        self._lost = ""  # "all" or "images": see ``lost``
        self._visitor_set: VisitorSet | None = None
        self._lock = threading.RLock()
        self._collecting = threading.Lock()

    def __deepcopy__(self, memo) -> "Session":
        """Gradio copies the first value of a state for every visitor."""
        return Session()

    @property
    def visitor_set(self) -> VisitorSet | None:
        """The images to learn from; None before they are READY."""
        if self.images.state is not ImagesState.READY:
            return None
        return self._visitor_set or at_once(self.source, self.age)

    @property
    def bytes(self) -> int:
        """Memory of the visitor's own images. Their nets are counted one by one."""
        visitor_set = self._visitor_set
        return visitor_set.images.images.nbytes if visitor_set else 0

    @property
    def results(self) -> list[Kept]:
        """The visitor's results that are still kept, oldest first."""
        return list(self.own_nets.results.values())

    @property
    def kept(self) -> Kept | None:
        """The visitor's result that the page shows; None where there is none, or not any more."""
        return self.own_nets.results.get(self.shows)

    @property
    def shown(self) -> Result | None:
        """The result that the page shows: the visitor's own or the recorded one; None where the
        visitor's has been forgotten."""
        kept = self.kept
        if kept:
            return kept.result
        return recorded_run() if self.shows_recorded else None

    @property
    def is_under_way(self) -> bool:
        """Whether there is a run that has not ended."""
        return self.run.state in (*UNDER_WAY, RunState.COLLECTING)

    @property
    def is_empty(self) -> bool:
        """Whether nothing would be lost with this session."""
        return not (self.is_under_way or self.own_nets or self._has_images)

    @property
    def _has_images(self) -> bool:
        """Whether there are images of the visitor's own: read, or dropped class by class."""
        was_read = self._visitor_set is not None and self.source not in AT_ONCE
        return was_read or any(offered.files for offered in self.dropped.classes)

    @property
    def lost(self) -> str:
        """What the visitor had and is no longer kept, until something new takes its place: "all"
        of it, "images", or the "net" whose result was shown last; else empty."""
        return self._lost or ("net" if self.shows and not self.kept else "")

    def lose(self, what: str) -> None:
        """Something of the visitor's is no longer kept: see ``lost``."""
        self._lost = what

    def begin_anew(self) -> None:
        """Something new takes the place of what was lost."""
        self._lost, self.shows = "", self.shows if self.kept else ""

    # Images

    def choose(self, source: str, age: int = 1) -> None:
        """Another source of images, or the digits that are forged at another age: digits are there
        at once, other images wait to be read."""
        with self._lock:
            is_there = source in AT_ONCE
            self.images.move(ImagesEvent.CHOOSE_DIGITS if is_there else ImagesEvent.CHOOSE_OTHER)
            self.source, self.age, self._visitor_set = source, age, None

    def read(self, source: str) -> int:
        """Images of ``source`` are about to be read; returns the number of this reading."""
        with self._lock:
            self.images.move(ImagesEvent.READ)
            self.source, self._visitor_set = source, None
            return self.images.number

    def images_arrive(self, number: int, visitor_set: VisitorSet) -> bool:
        """A reading has ended; False where other images were chosen meanwhile."""
        with self._lock:
            if not self.images.move(ImagesEvent.ARRIVE, number):
                return False
            self._visitor_set = visitor_set
            self.begin_anew()
            return True

    def images_refused(self, number: int) -> bool:
        """A reading failed; False where other images were chosen meanwhile."""
        with self._lock:
            return self.images.move(ImagesEvent.REFUSE, number)

    def leave_out(self, suspects: Sequence[Suspect]) -> bool:
        """Leave images with likely wrong labels out of the set; False where they are not in it any
        more, because others were chosen since."""
        with self._lock:
            visitor_set, shown = self.visitor_set, self.shown
            if visitor_set is None or not shown or not shown.has_suspects_in(visitor_set.images):
                return False
            self._visitor_set = visitor_set.without([suspect.number for suspect in suspects])
            return True

    def forget(self) -> None:
        """Forget the images; a reading and a run under way continue."""
        with self._lock:
            if self._has_images:
                self.lose("images")
            if self.source not in AT_ONCE:
                self.images.move(ImagesEvent.FORGET)
            self._visitor_set, self.dropped = None, NOTHING

    # The run

    def start(self, source: str, age: int = 1) -> int | None:
        """A visitor asks for a run; returns its number, None while another is under way.

        ``source`` and ``age`` are what the page shows as chosen: a forgotten session begins with
        the digits.
        """
        with self._lock:
            if not self.run.move(RunEvent.START):
                return None
            self.progress, self.ended = Progress(), ""
            if source != self.source or (source == "forged" and age != self.age):
                self.choose(source, age)
            return self.run.number

    def is_wanted(self, number: int, patience: float) -> bool:
        """Whether the run with this number is under way: not stopped, not collected, and its
        visitor has been here within the last ``patience`` seconds; else it is given up."""
        with self._lock:
            if self.run.number != number or self.run.state not in UNDER_WAY:
                return False
            if time.monotonic() - self.seen <= patience:
                return True
            self.run.move(RunEvent.LEAVE)
            self.training, self.ended = None, "left"
            return False

    def tell(self, number: int, **progress) -> None:
        """How far the run has come: fields of ``Progress``."""
        with self._lock:
            if self.run.number == number:
                self.progress = Progress(**progress)

    def net_arrives(self, number: int) -> bool:
        """The net to start from is here."""
        with self._lock:
            return self.run.move(RunEvent.ARRIVE, number)

    def take_turn(self, number: int) -> bool:
        """The run's turn has come."""
        with self._lock:
            return self.run.move(RunEvent.TURN, number)

    def train(self, number: int, training: Run) -> bool:
        """``training`` begins; False where the run was stopped meanwhile."""
        with self._lock:
            if not self.run.move(RunEvent.TRAIN, number):
                return False
            self.training = training
            return True

    def refuse(self, number: int, why: str) -> bool:
        """The run cannot begin, or not go on; ``why`` is a sentence for the visitor."""
        with self._lock:
            if not self.run.move(RunEvent.REFUSE, number):
                return False
            self.training, self.ended = None, why
            return True

    def stop(self, keep: Callable[[Run], Kept]) -> bool:
        """End the run; ``keep`` makes its best net a result. False where there is no such net."""
        return self._collect(RunEvent.STOP, None, keep)

    def finish(self, number: int, keep: Callable[[Run], Kept]) -> bool:
        """The same for a run that has come to its end."""
        return self._collect(RunEvent.FINISH, number, keep)

    def _collect(self, event: RunEvent, number: int | None, keep: Callable[[Run], Kept]) -> bool:
        # A second caller waits here, and then finds the result collected.
        with self._collecting:
            with self._lock:
                if not self.run.move(event, number):
                    return False
                training, self.training = self.training, None
                self.ended = training.ended if training else "stopped"
            if training is None:
                return False
            if not training.has_best:
                self.run.move(RunEvent.DROP)
                return False
            try:
                kept = keep(training)
            except BaseException:
                with self._lock:
                    self.ended = ""
                    self.run.move(RunEvent.FAIL)
                raise
            with self._lock:
                self.shows, self.shows_recorded = kept.name, False
                self.run.move(RunEvent.KEEP)
            return True

    # The visitor

    def see(self) -> None:
        """The visitor's page was heard of."""
        self.seen = time.monotonic()

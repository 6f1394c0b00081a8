"""One visitor's session on the Fine-tune tab: their images, their run, its result.

Handlers of one visitor run at the same time, and some come late: a reading ends after other images
were chosen, Stop and the end of a run both ask for its result, a run reports once more after Stop.
So the tables in ``states`` decide whether an event is allowed. A reading and a run have a number,
which their later events pass on: an event with an old number belongs to a reading or a run that was
given up, and changes nothing.
"""

import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass

from cnn_space.images.visitor_set import VisitorSet
from cnn_space.page.finetune.recorded import digits, recorded_run
from cnn_space.page.finetune.states import (
    IMAGES_MOVES,
    RUN_MOVES,
    ImagesEvent,
    ImagesState,
    Machine,
    RunEvent,
    RunState,
)
from cnn_space.training.finetuning import Result, Run


@dataclass(frozen=True, eq=False)
class Kept:
    """A visitor's result: net and report of a run, its name in the lists of nets, and the zip to
    download, which is deleted with its folder."""

    result: Result
    name: str
    folder: tempfile.TemporaryDirectory
    file: str


class Session:
    """One visitor's images, run and result. Lives in a ``gr.State``; never shared.

    The methods are the events. Each is atomic: other handlers see it done or not begun.
    """

    def __init__(self):
        self.images = Machine(IMAGES_MOVES, ImagesState.READY)
        self.run = Machine(RUN_MOVES, RunState.IDLE)
        self.source = "digits"
        self.training: Run | None = None  # from TRAINING until it is collected
        self.ended = ""  # how the last run ended, from COLLECTING on: "finished", "stopped", …
        self.kept: Kept | None = None  # stays until another run has a result
        self.shows_recorded = False  # whether the page shows the recorded run
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
        return digits() if self.source == "digits" else self._visitor_set

    @property
    def bytes(self) -> int:
        """Memory of the visitor's own images, of the result's net and held-out images, and of the
        net of a run that nobody has collected."""
        visitor_set, training, kept = self._visitor_set, self.training, self.kept
        size = visitor_set.images.images.nbytes if visitor_set else 0
        size += training.bytes if training else 0
        if kept:
            size += kept.result.loaded.bytes + kept.result.checked.images.nbytes
        return size

    @property
    def shown(self) -> Result | None:
        """The result that the page shows: the visitor's own or the recorded one; None where the
        visitor's has been forgotten."""
        kept = self.kept
        if kept:
            return kept.result
        return recorded_run() if self.shows_recorded else None

    # Images

    def choose(self, source: str) -> None:
        """Another source of images: the digits are there at once, others wait to be read."""
        with self._lock:
            is_digits = source == "digits"
            self.images.move(ImagesEvent.CHOOSE_DIGITS if is_digits else ImagesEvent.CHOOSE_OTHER)
            self.source, self._visitor_set = source, None

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
            return True

    def images_refused(self, number: int) -> bool:
        """A reading failed; False where other images were chosen meanwhile."""
        with self._lock:
            return self.images.move(ImagesEvent.REFUSE, number)

    # The run

    def start(self, source: str) -> bool:
        """A visitor asks for a run; False while another is under way.

        ``source`` is what the page shows as chosen: a forgotten session begins with the digits.
        """
        with self._lock:
            if not self.run.move(RunEvent.START):
                return False
            self.training = None
            if source != self.source:
                self.choose(source)
            return True

    def net_arrives(self, number: int) -> bool:
        """The net to start from is here, or could not be fetched."""
        with self._lock:
            return self.run.move(RunEvent.ARRIVE, number)

    def take_turn(self) -> int | None:
        """A run's turn in the queue has come; returns its number, None where none waits."""
        with self._lock:
            return self.run.number if self.run.move(RunEvent.TURN) else None

    def train(self, number: int, training: Run) -> bool:
        """``training`` begins; False where the run was stopped meanwhile."""
        with self._lock:
            if not self.run.move(RunEvent.TRAIN, number):
                return False
            self.training = training
            return True

    def is_training(self, number: int) -> bool:
        """Whether the run with this number is under way: not stopped, not collected."""
        with self._lock:
            return self.run.state is RunState.TRAINING and self.run.number == number

    def refuse(self, number: int) -> bool:
        """The run cannot begin, because its settings are wrong."""
        with self._lock:
            if not self.run.move(RunEvent.REFUSE, number):
                return False
            self.training = None
            return True

    def end(self, number: int) -> bool:
        """The run is over, because it is done or was cut off."""
        with self._lock:
            return self.run.move(RunEvent.END, number)

    def stop(self, keep: Callable[[Run], Kept]) -> bool:
        """End the run; ``keep`` makes its best net the result. False where there is no such net."""
        return self._collect(RunEvent.STOP, keep)

    def finish(self, keep: Callable[[Run], Kept]) -> bool:
        """The same for a run that has ended."""
        return self._collect(RunEvent.FINISH, keep)

    def _collect(self, event: RunEvent, keep: Callable[[Run], Kept]) -> bool:
        # A second caller waits here, and then finds the result collected.
        with self._collecting:
            with self._lock:
                if not self.run.move(event):
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
                self.run.move(RunEvent.FAIL)
                raise
            with self._lock:
                before, self.kept = self.kept, kept
                self.shows_recorded = False
                self.run.move(RunEvent.KEEP)
            if before:
                before.folder.cleanup()
            return True

    # The end of the session

    def forget(self) -> None:
        """Forget the images and the result; a reading and a run under way continue."""
        with self._lock:
            if self.source != "digits":
                self.images.move(ImagesEvent.FORGET)
            self._visitor_set = None
            if self.run.move(RunEvent.FORGET):
                self.training = None
            kept, self.kept = self.kept, None
        if kept:
            kept.folder.cleanup()

    def leave(self) -> None:
        """The page was closed: a run under way and its best net are released."""
        with self._lock:
            if self.run.move(RunEvent.LEAVE):
                self.training = None

"""The states of a visitor's images and of their run, and the moves that are allowed.

    images: EMPTY ── READ ──► READING ── ARRIVE ──► READY

    run: IDLE ── START ──► FETCHING ── ARRIVE ──► QUEUED ── TURN ──► LOADING ── TRAIN ──► TRAINING
         KEPT or NOTHING ◄── KEEP or DROP ── COLLECTING ◄── FINISH or STOP ──────────────────┘

A move that is not in the tables below is refused and changes nothing.
"""

from enum import StrEnum


class ImagesState(StrEnum):
    """States of a visitor's images."""

    EMPTY = "empty"  # the chosen source has not been read
    READING = "reading"
    READY = "ready"


class ImagesEvent(StrEnum):
    """What moves a visitor's images."""

    CHOOSE_DIGITS = "choose digits"  # forged ones, too: they need no reading
    CHOOSE_OTHER = "choose other"
    READ = "read"
    ARRIVE = "arrive"
    REFUSE = "refuse"  # they cannot be used
    FORGET = "forget"  # the time they are kept for is over


class RunState(StrEnum):
    """States of a visitor's run."""

    IDLE = "idle"  # no run yet, or the last one was forgotten
    FETCHING = "fetching"  # the net to start from may come over the network
    QUEUED = "queued"  # another visitor's run may be before it
    LOADING = "loading"  # its turn has come
    TRAINING = "training"
    COLLECTING = "collecting"  # its best net becomes a result
    KEPT = "kept"  # its best net is one of the visitor's results
    NOTHING = "nothing"  # it ended without a net to keep
    REFUSED = "refused"  # it could not begin, or its result could not be made


class RunEvent(StrEnum):
    """What moves a visitor's run."""

    START = "start"
    ARRIVE = "arrive"  # the net to start from is here, or could not be fetched
    TURN = "turn"
    TRAIN = "train"
    REFUSE = "refuse"  # its net, its images or its settings cannot be used
    STOP = "stop"
    FINISH = "finish"  # it has come to its end
    KEEP = "keep"
    DROP = "drop"  # there is no net to keep
    FAIL = "fail"  # the result could not be made
    LEAVE = "leave"  # the visitor has been away for too long


# {event: {state before it: state after it}}
Moves = dict[StrEnum, dict[StrEnum, StrEnum]]

_I, _R = ImagesState, RunState
IMAGES_MOVES: Moves = {
    ImagesEvent.CHOOSE_DIGITS: dict.fromkeys(ImagesState, _I.READY),
    ImagesEvent.CHOOSE_OTHER: dict.fromkeys(ImagesState, _I.EMPTY),
    ImagesEvent.READ: dict.fromkeys(ImagesState, _I.READING),
    ImagesEvent.ARRIVE: {_I.READING: _I.READY},
    ImagesEvent.REFUSE: {_I.READING: _I.EMPTY},
    ImagesEvent.FORGET: {_I.READY: _I.EMPTY},
}
_BEFORE_TRAINING = (_R.FETCHING, _R.QUEUED, _R.LOADING)
UNDER_WAY = (*_BEFORE_TRAINING, _R.TRAINING)
RUN_MOVES: Moves = {
    RunEvent.START: dict.fromkeys((_R.IDLE, _R.KEPT, _R.NOTHING, _R.REFUSED), _R.FETCHING),
    RunEvent.ARRIVE: {_R.FETCHING: _R.QUEUED},
    RunEvent.TURN: {_R.QUEUED: _R.LOADING},
    RunEvent.TRAIN: {_R.LOADING: _R.TRAINING},
    RunEvent.REFUSE: dict.fromkeys(UNDER_WAY, _R.REFUSED),
    RunEvent.STOP: dict.fromkeys(_BEFORE_TRAINING, _R.NOTHING) | {_R.TRAINING: _R.COLLECTING},
    RunEvent.FINISH: {_R.TRAINING: _R.COLLECTING},
    RunEvent.KEEP: {_R.COLLECTING: _R.KEPT},
    RunEvent.DROP: {_R.COLLECTING: _R.NOTHING},
    RunEvent.FAIL: {_R.COLLECTING: _R.REFUSED},
    RunEvent.LEAVE: dict.fromkeys(UNDER_WAY, _R.NOTHING),
}
# These begin a new reading or run, with a new number: the one under way is given up.
_BEGINNINGS = (
    ImagesEvent.CHOOSE_DIGITS,
    ImagesEvent.CHOOSE_OTHER,
    ImagesEvent.READ,
    RunEvent.START,
)


class Machine:
    """A state, the moves that are allowed, and the number of the present reading or run."""

    def __init__(self, moves: Moves, state: StrEnum):
        self.state, self.number = state, 0
        self._moves = moves

    def move(self, event: StrEnum, number: int | None = None) -> bool:
        """Make a move. False, and nothing changes, where it is not allowed from this state, or
        where ``number`` is that of a reading or run that has been given up."""
        if self.state not in self._moves[event] or number not in (None, self.number):
            return False
        self.state = self._moves[event][self.state]
        self.number += event in _BEGINNINGS
        return True

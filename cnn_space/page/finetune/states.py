"""The states of a visitor's images and of their run, and the moves that are allowed.

    images: EMPTY ── READ ──► READING ── ARRIVE ──► READY

    run: IDLE ── START ──► FETCHING ── ARRIVE ──► QUEUED ── TURN ──► LOADING ── TRAIN ──► TRAINING
         KEPT or NOTHING ◄── KEEP or DROP ── COLLECTING ◄── FINISH ── ENDED ◄── END ─────────┘

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

    CHOOSE_DIGITS = "choose digits"  # they need no reading
    CHOOSE_OTHER = "choose other"
    READ = "read"
    ARRIVE = "arrive"
    REFUSE = "refuse"  # they cannot be used
    FORGET = "forget"  # the time they are kept for is over


class RunState(StrEnum):
    """States of a visitor's run."""

    IDLE = "idle"  # no run yet, or the last one was refused or forgotten
    FETCHING = "fetching"  # the net to start from may come over the network
    QUEUED = "queued"  # another visitor's run may be before it
    LOADING = "loading"  # its turn has come
    TRAINING = "training"
    ENDED = "ended"  # its best net has not been collected
    COLLECTING = "collecting"
    KEPT = "kept"  # its best net is the visitor's result
    NOTHING = "nothing"  # it ended before a net was checked


class RunEvent(StrEnum):
    """What moves a visitor's run."""

    START = "start"
    ARRIVE = "arrive"  # the net to start from is here, or could not be fetched
    TURN = "turn"
    TRAIN = "train"
    REFUSE = "refuse"  # its settings are wrong
    END = "end"  # done, or cut off
    STOP = "stop"
    FINISH = "finish"  # the page asks for the result of a run that has ended
    KEEP = "keep"
    DROP = "drop"  # there is no net to keep
    FAIL = "fail"  # the result could not be made
    FORGET = "forget"  # the time the result is kept for is over
    LEAVE = "leave"  # the page was closed


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
RUN_MOVES: Moves = {
    RunEvent.START: dict.fromkeys((_R.IDLE, _R.ENDED, _R.KEPT, _R.NOTHING), _R.FETCHING),
    RunEvent.ARRIVE: {_R.FETCHING: _R.QUEUED},
    RunEvent.TURN: {_R.QUEUED: _R.LOADING},
    RunEvent.TRAIN: {_R.LOADING: _R.TRAINING},
    RunEvent.REFUSE: {_R.LOADING: _R.IDLE, _R.TRAINING: _R.IDLE},
    RunEvent.END: {_R.LOADING: _R.IDLE, _R.TRAINING: _R.ENDED},
    RunEvent.STOP: dict.fromkeys((_R.IDLE, *_BEFORE_TRAINING), _R.NOTHING)
    | dict.fromkeys((_R.TRAINING, _R.ENDED), _R.COLLECTING),
    RunEvent.FINISH: {_R.ENDED: _R.COLLECTING},
    RunEvent.KEEP: {_R.COLLECTING: _R.KEPT},
    RunEvent.DROP: {_R.COLLECTING: _R.NOTHING},
    RunEvent.FAIL: {_R.COLLECTING: _R.IDLE},
    RunEvent.FORGET: dict.fromkeys((_R.ENDED, _R.KEPT, _R.NOTHING), _R.IDLE),
    RunEvent.LEAVE: dict.fromkeys((*_BEFORE_TRAINING, _R.TRAINING, _R.ENDED), _R.IDLE),
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

"""Whose turn it is."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

FAVOURS = 8  # so many go in a row before one that wants it for long

Line = deque[tuple[int, threading.Lock]]  # each thread that waits, and its turn


class InTurn:
    """A lock that goes to whoever has waited longest, and that its owner may take again. Those that
    want it for long let others go first, FAVOURS at most.

    Python's own often goes to a thread that has just given it back: while twenty asked one net
    without a pause, the answer of another waited until they were done.
    """

    def __init__(self):
        self._lock = threading.Lock()  # of what follows
        self._waiting: Line = deque()
        self._for_long: Line = deque()
        self._favours = 0
        self._owner: int | None = None
        self._depth = 0

    def __enter__(self) -> None:
        self._take(self._waiting)

    @contextmanager
    def for_long(self) -> Iterator[None]:
        """The lock for who wants it for long, or again and again."""
        self._take(self._for_long)
        try:
            yield
        finally:
            self.__exit__()

    def _take(self, line: Line) -> None:
        me = threading.get_ident()
        with self._lock:
            if self._owner in (None, me):
                self._owner = me
                self._depth += 1
                return
            turn = threading.Lock()
            turn.acquire()
            place = me, turn
            line.append(place)
        try:
            turn.acquire()  # until ``__exit__`` of the one before gives it
        except BaseException:  # Ctrl-C
            self._leave(place, line)
            raise

    def __exit__(self, *_) -> None:
        with self._lock:
            self._depth -= 1
            if not self._depth:
                self._pass_on()

    def _pass_on(self) -> None:
        self._owner = None
        is_long = self._for_long and (self._favours == FAVOURS or not self._waiting)
        self._favours = self._favours + 1 if self._for_long and not is_long else 0
        line = self._for_long if is_long else self._waiting
        if line:
            self._owner, turn = line.popleft()
            self._depth = 1
            turn.release()

    def _leave(self, place: tuple[int, threading.Lock], line: Line) -> None:
        with self._lock:
            if place in line:
                line.remove(place)
            else:  # it was given in that very moment
                self._depth = 0
                self._pass_on()

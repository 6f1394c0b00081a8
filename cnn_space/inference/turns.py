"""Whose turn it is."""

import threading
from collections import deque


class InTurn:
    """A lock that goes to whoever has waited longest, and that its owner may take again.

    Python's own often goes to a thread that has just given it back: while twenty asked one net
    without a pause, the answer of another waited until they were done.
    """

    def __init__(self):
        self._lock = threading.Lock()  # of what follows
        self._waiting: deque[tuple[int, threading.Lock]] = deque()  # each thread, and its turn
        self._owner: int | None = None
        self._depth = 0

    def __enter__(self) -> None:
        me = threading.get_ident()
        with self._lock:
            if self._owner in (None, me):
                self._owner = me
                self._depth += 1
                return
            turn = threading.Lock()
            turn.acquire()
            place = me, turn
            self._waiting.append(place)
        try:
            turn.acquire()  # until ``__exit__`` of the one before gives it
        except BaseException:  # Ctrl-C
            self._leave(place)
            raise

    def __exit__(self, *_) -> None:
        with self._lock:
            self._depth -= 1
            if not self._depth:
                self._pass_on()

    def _pass_on(self) -> None:
        self._owner = None
        if self._waiting:
            self._owner, turn = self._waiting.popleft()
            self._depth = 1
            turn.release()

    def _leave(self, place: tuple[int, threading.Lock]) -> None:
        with self._lock:
            if place in self._waiting:
                self._waiting.remove(place)
            else:  # it was given in that very moment
                self._depth = 0
                self._pass_on()

"""The line in which runs wait: one trains at a time, whoever came first."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Ticket:
    """A place in a line."""

    def __init__(self, line: "Line"):
        self._line = line

    @property
    def ahead(self) -> int:
        """How many are before this one."""
        return self._line.place(self)

    def wait(self, seconds: float) -> bool:
        """Wait for at most so long; whether the turn has come."""
        return self._line.wait(self, seconds)


class Line:
    """First come, first served."""

    def __init__(self):
        self._tickets: deque[Ticket] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def ticket(self) -> Iterator[Ticket]:
        """A place at the end of the line, left at the end of the ``with``, in turn or not."""
        ticket = Ticket(self)
        with self._changed:
            self._tickets.append(ticket)
        try:
            yield ticket
        finally:
            with self._changed:
                self._tickets.remove(ticket)
                self._changed.notify_all()

    def place(self, ticket: Ticket) -> int:
        """How many are before ``ticket``."""
        with self._changed:
            return self._tickets.index(ticket)

    def wait(self, ticket: Ticket, seconds: float) -> bool:
        """Wait for at most so long; whether the turn of ``ticket`` has come."""
        with self._changed:
            return self._changed.wait_for(lambda: self._tickets[0] is ticket, seconds)


LINE = Line()  # of the page's runs and of those of programs

"""Visitors who come back: after a reload or a cut line their session is theirs again.

A session belongs to a visitor, not to a page: the browser keeps its key (``gr.BrowserState``), and
a page that brings it gets the session. So do two pages of one browser, which share it. A key is
made here, from 32 random bytes; it travels in the body of requests alone, never in an address, and
one that is not known here opens nothing.
"""

import secrets
import threading
import time
from collections import OrderedDict

from cnn_space.page.finetune.session import Session
from cnn_space.settings import Settings

MOST = 1000  # sessions; their images and nets, which are what is large, have bounds of their own


class Visitors:
    """The sessions of visitors by their keys, those heard of last at the end."""

    def __init__(self, most: int = MOST):
        self._most = most
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._lock = threading.Lock()

    def welcome(self, key: object, had: bool = False) -> Session:
        """The session of a visitor who brings ``key``; a new one where it is not known. It is new
        to a visitor who ``had`` something in the one before, too: that is lost."""
        with self._lock:
            session = self._sessions.get(key) if isinstance(key, str) else None
            if session is not None and self._is_over(session):
                session = None
        if session is None:
            session = Session()
            session.lose("all" if had else "")
        return self.admit(session)

    def admit(self, session: Session) -> Session:
        """``session`` may come back by its ``key``, which it gets where it has none."""
        session.see()
        with self._lock:
            session.key = session.key or secrets.token_urlsafe(32)
            self._sessions[session.key] = session
            self._sessions.move_to_end(session.key)
            self._tidy()
        return session

    def _tidy(self) -> None:
        for key in [key for key, session in self._sessions.items() if self._is_over(session)]:
            del self._sessions[key]
        while len(self._sessions) > self._most:
            # One that loses nothing goes first: a flood of new visitors drives out no one's run.
            empty = (key for key, session in self._sessions.items() if session.is_empty)
            del self._sessions[next(empty, next(iter(self._sessions)))]

    @staticmethod
    def _is_over(session: Session) -> bool:
        """Whether a visitor has been away for as long as anything of theirs is kept."""
        away = time.monotonic() - session.seen
        return not session.is_under_way and away > 60 * Settings.read().keep_minutes

    def __len__(self) -> int:
        return len(self._sessions)


VISITORS = Visitors()

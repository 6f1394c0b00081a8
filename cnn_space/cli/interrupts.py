"""Ctrl-C ends a command, whatever the packages that it meets make of it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interrupts() -> Iterator[None]:
    """Raise KeyboardInterrupt where a package swallowed one and failed for it later: torch, cut
    short while it loads a part of itself, lacks it from then on. Sentences (ValueError, OSError)
    stay."""
    if threading.current_thread() is not threading.main_thread():  # it alone hears signals
        yield
        return
    came = []

    def interrupt(number, frame):
        came.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    except (ValueError, OSError):
        raise
    except Exception as error:
        if came:
            raise KeyboardInterrupt from error
        raise
    finally:
        signal.signal(signal.SIGINT, before)

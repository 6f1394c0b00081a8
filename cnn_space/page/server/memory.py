"""What is done about memory, beside limits: Python's collector holds nobody up, and what was freed
goes back to the system. The C library keeps it for the next request, in pieces of each thread's
own: after ten minutes of load half a gigabyte of nothing."""

import ctypes
import gc
import threading
import time
from collections.abc import Callable

PAUSE = 30  # seconds between two times; each takes some tens of milliseconds


def settle() -> None:
    """Have Python's collector pass over all that is there by now, which stays as long as this
    process: to look at it takes a quarter of a second, in which no thread goes on."""
    gc.collect()
    gc.freeze()


def give_back() -> None:
    """Begin to return freed memory, as long as this process lives; nothing where the C library
    does not know how (glibc does)."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # macOS, musl; Windows
        return
    threading.Thread(target=_again_and_again, args=(trim,), daemon=True).start()


def _again_and_again(trim: Callable[[int], int]) -> None:
    while True:
        time.sleep(PAUSE)
        trim(0)

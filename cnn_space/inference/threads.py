"""How many CPU threads a net may use, and which go first."""

import functools
import os
import sys
import threading

from cnn_space.settings import Settings

STEPS_BACK = 5  # of niceness: a third as much of a core where answers want it, too


def thread_count() -> int:
    """``CNN_SPACE_THREADS``; else ``CPU_CORES``, which a Space sets, rounded down; else the cores
    that this process may use: its affinity, cut by the container's quota.

    Raises ValueError where one of the two variables is not a number from 1 to 1024.
    """
    settings = Settings.read()
    if settings.threads or settings.cpu_cores:
        return settings.threads or int(settings.cpu_cores)
    from joblib import cpu_count  # a quarter of a second

    return cpu_count()


def give_way() -> None:
    """Let the threads of answers go before the calling one and those that it starts from now on.

    Only Linux has priorities of single threads; nothing raises this one again, so it must be a
    thread that ends with its work."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        niceness = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, min(niceness + STEPS_BACK, 19))


@functools.cache
def set_torch_threads() -> None:
    """Give torch ``thread_count()`` threads, once: it would count the cores of the whole host."""
    import torch

    torch.set_num_threads(thread_count())

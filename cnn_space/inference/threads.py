"""How many CPU threads a net may use."""

import functools

from cnn_space.settings import Settings


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


@functools.cache
def set_torch_threads() -> None:
    """Give torch ``thread_count()`` threads, once: it would count the cores of the whole host."""
    import torch

    torch.set_num_threads(thread_count())

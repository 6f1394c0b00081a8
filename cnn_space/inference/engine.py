"""Runs loaded nets, fast enough for a page: one call, ``Engine.logits``.

PyTorch eager with batch norm folded into the convolutions and channels_last memory, in
inference mode: 0.6 to 0.7 of the time of the plain net. Engines are shared by all visitors and
kept in a cache bounded by bytes.
"""

import functools
import math
import os
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from cnn_space import weights
from cnn_space.models.heads import sharing_copy

CACHE_BYTES = 2 * 1024**3
# One net runs at a time and has all threads; two at once would both be slower than in turn.
_RUN = threading.Lock()


class Engine:
    """A net ready to answer. ``loaded`` is the net as it runs (folded) and its record."""

    name = "PyTorch"  # for the foot line of the page

    def __init__(self, loaded: weights.Loaded):
        set_threads()
        self.record = loaded.record
        self.loaded = weights.Loaded(fold(loaded.net), loaded.record)
        # The first run of a net sets its kernels up; no one's photo should pay for that.
        size = loaded.record.preprocessing.size
        self.logits(torch.zeros(1, 3, size, size))

    def logits(self, batch: torch.Tensor | np.ndarray) -> np.ndarray:
        """Logits [N, K] float32 for a prepared batch [N, 3, H, W] float32. Thread-safe."""
        return self.timed(batch)[0]

    @torch.inference_mode()
    def timed(self, batch: torch.Tensor | np.ndarray) -> tuple[np.ndarray, float]:
        """``logits``, and the seconds that the net took: the wait for its turn is not its own."""
        batch = torch.as_tensor(batch).contiguous(memory_format=torch.channels_last)
        with _RUN:
            start = time.perf_counter()
            logits = self.loaded.net(batch).numpy()
            return logits, time.perf_counter() - start

    @property
    def bytes(self) -> int:
        """Memory its parameters and buffers take."""
        return self.loaded.bytes


def get(name: str | Path | weights.Loaded) -> Engine:
    """The engine of a weights name, of a path to a weights file, or of a visitor's own net.

    Named ones come from the cache that all share; however many ask at once, each is loaded
    once. A visitor's own lives as long as the visitor's net does. Raises ValueError as
    ``weights.load`` does.
    """
    if isinstance(name, weights.Loaded):
        with _OWN_LOCK:
            if name not in _OWN:
                _OWN[name] = Engine(name)
            return _OWN[name]
    item = weights.identify(name)
    where = str(Path(name).resolve()) if item.source == "file" else item.name
    # The hash is part of the key: a net that is trained again is loaded again.
    key = (where, item.sha256, item.revision)
    return CACHE.get(key, lambda: Engine(weights.load(name)))


# Folding


def fold(net: nn.Module) -> nn.Module:
    """A copy of ``net`` (in eval mode) that gives the same logits with fewer steps.

    Every batch norm that directly follows a convolution among its parent's children becomes
    part of that convolution; others, such as DenseNet's pre-activation norms, stay as they are.
    Convolution weights of the copy are channels_last; all other tensors are shared with ``net``.
    """
    if net.training:
        raise ValueError("only a net in eval mode can be folded: call net.eval() first")
    folded = sharing_copy(net)
    with torch.no_grad():
        for parent in list(folded.modules()):
            children = list(parent.named_children())
            for (name, child), (after, follower) in zip(
                children, [*children, ("", None)][1:], strict=True
            ):
                if not isinstance(child, nn.Conv2d):
                    continue
                if _follows(child, follower):
                    child = fuse_conv_bn_eval(child, follower)
                    setattr(parent, name, child)
                    setattr(parent, after, nn.Identity())
                child.weight = nn.Parameter(
                    child.weight.contiguous(memory_format=torch.channels_last),
                    requires_grad=child.weight.requires_grad,
                )
    return folded


def _follows(conv: nn.Conv2d, norm: nn.Module | None) -> bool:
    return (
        isinstance(norm, nn.BatchNorm2d)
        and norm.track_running_stats
        and norm.num_features == conv.out_channels
    )


# Threads


def threads() -> int:
    """CPU threads a net may use: ``CNN_SPACE_THREADS``, else what this machine lets us have."""
    return max(1, int(_number("CNN_SPACE_THREADS") or _number("CPU_CORES") or _quota()))


@functools.cache
def set_threads() -> None:
    """Gives torch its threads, once. Without this it would count the cores of the whole host."""
    torch.set_num_threads(threads())


def _number(variable: str) -> float:
    try:
        value = float(os.environ.get(variable, ""))
    except ValueError:
        return 0.0
    return value if 1 <= value <= 1024 else 0.0


def _quota(cgroup: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Cores of this process: its affinity, cut by the container's quota where there is one."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        quota, period = cgroup.read_text().split()
        return max(1, min(cores, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):  # no cgroup v2, or "max"
        return cores


# The cache


class Cache:
    """Engines by key, the longest unused thrown out first when their bytes exceed ``limit``.

    The one just asked for always stays. ``get`` builds outside the lock: another net can be
    used while one is loading, and whoever wants the loading one waits for that load.
    """

    def __init__(self, limit: int):
        self.limit = limit
        self._entries: OrderedDict[Hashable, Future] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, build: Callable[[], Engine]) -> Engine:
        """The engine under ``key``, built if need be. What ``build`` raises, every waiter gets,
        and the next call tries again."""
        with self._lock:
            future = self._entries.get(key)
            mine = future is None
            if mine:
                future = self._entries[key] = Future()
            self._entries.move_to_end(key)
        if mine:
            try:
                future.set_result(build())
            except BaseException as error:
                with self._lock:
                    self._entries.pop(key, None)
                future.set_exception(error)
            self._trim(key)
        return future.result()

    def _trim(self, keep: Hashable) -> None:
        with self._lock:
            ready = {
                key: future.result().bytes
                for key, future in self._entries.items()
                if future.done() and future.exception() is None
            }
            total = sum(ready.values())
            for key, size in ready.items():
                if total <= self.limit:
                    break
                if key != keep:
                    del self._entries[key]
                    total -= size


CACHE = Cache(CACHE_BYTES)
_OWN: "weakref.WeakKeyDictionary[weights.Loaded, Engine]" = weakref.WeakKeyDictionary()
_OWN_LOCK = threading.Lock()

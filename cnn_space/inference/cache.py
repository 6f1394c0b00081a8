"""A cache bounded by bytes that many threads share."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Protocol


class Sized(Protocol):
    """What can be cached: anything that says how many bytes it takes."""

    bytes: int


class Cache:
    """Values by key. When their bytes exceed ``limit``, the least recently used are dropped.

    The value just asked for always stays. ``get`` builds outside the lock: other values can be
    used while one is being built, and whoever wants that one waits for the same build.
    """

    def __init__(self, limit: int):
        self.limit = limit
        self._entries: OrderedDict[Hashable, Future] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, build: Callable[[], Sized]) -> Sized:
        """The value under ``key``, built if need be. What ``build`` raises, everyone who waits
        for it gets, and the next call tries again."""
        with self._lock:
            future = self._entries.get(key)
            is_new = future is None
            if is_new:
                future = self._entries[key] = Future()
            self._entries.move_to_end(key)
        if is_new:
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

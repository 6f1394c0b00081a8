"""The collector passes over what stays, and freed memory goes back to the system."""

import ctypes
import gc
import sys
import threading
from types import SimpleNamespace

import pytest

from cnn_space.page.server import memory


@pytest.mark.skipif(sys.platform != "linux", reason="needs glibc, and /proc")
def test_what_was_freed_goes_back_to_the_system(monkeypatch):
    if not hasattr(ctypes.CDLL(None), "malloc_trim"):
        pytest.skip("the C library has no malloc_trim")
    pieces = [bytearray(60_000) for _ in range(2000)]  # too small for a mapping of their own
    kept = pieces[::50]  # between what is freed, so that the heap does not end earlier
    del pieces
    before, slept, trimmed = resident(), [], threading.Event()

    def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 2:
            trimmed.set()
            threading.Event().wait()

    monkeypatch.setattr(memory, "time", SimpleNamespace(sleep=sleep))
    memory.give_back()
    assert trimmed.wait(10)
    assert resident() < before - 50 * 2**20 and kept


def test_the_collector_looks_only_at_what_came_since():
    class Node:
        pass

    there = [Node() for _ in range(1000)]
    try:
        memory.settle()
        assert gc.get_freeze_count() > len(there)
        assert not any(isinstance(found, Node) for found in gc.get_objects())
        there.append(Node())
        assert sum(isinstance(found, Node) for found in gc.get_objects()) == 1
    finally:
        gc.unfreeze()


def resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096

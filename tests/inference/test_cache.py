"""The cache: built once, bounded by bytes, the least recently used dropped first."""

import threading

import pytest

from cnn_space.inference.cache import Cache


class Stub:
    def __init__(self, size: int):
        self.bytes = size


def test_concurrent_first_use_builds_once_and_holds_nobody_else_up():
    cache = Cache(100)
    builds, started, go = [], threading.Event(), threading.Event()

    def slow():
        builds.append(1)
        started.set()
        assert go.wait(10)
        return Stub(1)

    results = []
    askers = [
        threading.Thread(target=lambda: results.append(cache.get("slow", slow))) for _ in range(8)
    ]
    for asker in askers:
        asker.start()
    assert started.wait(10)
    cache.get("other", lambda: Stub(1))  # while the slow one is still being built
    assert not results
    go.set()
    for asker in askers:
        asker.join(10)
    assert len(builds) == 1 and len(results) == 8 and len(set(map(id, results))) == 1


def test_a_failed_build_reaches_the_caller_and_is_tried_again():
    cache = Cache(100)
    with pytest.raises(ValueError, match="damaged"):
        cache.get("net", lambda: (_ for _ in ()).throw(ValueError("damaged")))
    assert cache.get("net", lambda: Stub(1)).bytes == 1


def test_the_longest_unused_leaves_first_and_the_newest_stays():
    cache, built = Cache(10), []

    def get(key, size):
        return cache.get(key, lambda: built.append(key) or Stub(size))

    get("a", 4), get("b", 4), get("a", 4)
    get("c", 4)  # 12 > 10: b was used longest ago
    get("a", 4), get("c", 4)
    assert built == ["a", "b", "c"]
    get("b", 4)
    assert built == ["a", "b", "c", "b"]
    get("huge", 50)  # alone above the limit, and still served
    assert get("huge", 50).bytes == 50 and built.count("huge") == 1

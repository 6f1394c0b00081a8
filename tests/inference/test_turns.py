import threading
import time

import pytest

from cnn_space.inference.turns import FAVOURS, InTurn


def until_waiting(lock: InTurn, count: int) -> None:
    deadline = time.monotonic() + 30
    while len(lock._waiting) + len(lock._for_long) != count:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_who_gives_it_back_and_wants_it_again_waits_behind_the_others():
    lock, order = InTurn(), []

    def take(name):
        with lock:
            order.append(name)

    with lock, lock:  # again, by its owner
        others = [threading.Thread(target=take, args=(name,)) for name in range(8)]
        for count, other in enumerate(others, 1):
            other.start()
            until_waiting(lock, count)
    take("again")
    for other in others:
        other.join(30)
    assert order == [*range(8), "again"]


def test_who_wants_it_for_long_lets_others_go_first_but_not_for_ever():
    lock, order = InTurn(), []

    def take(name, way):
        with way:
            order.append(name)

    short, long = FAVOURS + 3, 2
    names = [*(f"long {n}" for n in range(long)), *(f"short {n}" for n in range(short))]
    ways = [*(lock.for_long() for _ in range(long)), *short * [lock]]
    others = [threading.Thread(target=take, args=pair) for pair in zip(names, ways, strict=True)]
    with lock:
        for count, other in enumerate(others, 1):
            other.start()
            until_waiting(lock, count)
    for other in others:
        other.join(30)
    first, later = names[long : long + FAVOURS], names[long + FAVOURS :]
    assert order == [*first, "long 0", *later, "long 1"]


def test_an_error_gives_it_back():
    lock = InTurn()
    with pytest.raises(ValueError, match="odd"), lock, lock:
        raise ValueError("odd")
    other = threading.Thread(target=lock.__enter__)
    other.start()
    other.join(30)
    assert not other.is_alive() and lock._owner == other.ident


@pytest.mark.parametrize("was_given", [False, True])
def test_who_is_interrupted_as_it_waits_gives_up_its_place(was_given, monkeypatch):
    lock, made = InTurn(), threading.Lock

    class Interrupted:
        """A turn whose wait is interrupted, also just after it came."""

        def __init__(self):
            self._turn, self._is_new = made(), True

        def acquire(self):
            if self._is_new:
                self._is_new = False
                return self._turn.acquire()
            if was_given:
                go_on.set()
                self._turn.acquire()
            raise KeyboardInterrupt

        def release(self):
            self._turn.release()

    def wait():
        with pytest.raises(KeyboardInterrupt), lock:
            pass

    go_on = threading.Event()
    waiting = threading.Thread(target=wait)
    with lock:
        monkeypatch.setattr("cnn_space.inference.turns.threading.Lock", Interrupted)
        waiting.start()
        if was_given:
            assert go_on.wait(30)
        else:
            waiting.join(30)
        monkeypatch.undo()
    waiting.join(30)
    with lock:
        assert not (waiting.is_alive() or lock._waiting)
    assert lock._owner is None

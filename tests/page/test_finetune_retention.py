"""How many visitors' nets and images are kept, and for how long."""

import copy
import gc
import time
import weakref
from types import SimpleNamespace

from cnn_space.page.common import retention
from cnn_space.page.common.nets import OwnNets
from cnn_space.page.common.retention import Bounds, Shelf
from cnn_space.page.finetune.session import Session


def shelf(*most):
    """A shelf with these bounds, and what it has taken away."""
    taken = []
    return Shelf(lambda owner, key: taken.append((owner, key)), lambda: Bounds(*most)), taken


def test_a_shelf_is_bounded_in_number():
    kept, taken = shelf(3, 100, 100)
    first, second = OwnNets(), OwnNets()
    for owner, key in ((first, "a"), (second, "a"), (first, "b"), (first, "a"), (second, "b")):
        kept.keep(owner, key, size=1)
    # first's "a" was kept anew, so second's "a" was the oldest of four.
    assert [(owner is second, key) for owner, key in taken] == [(True, "a")]
    assert len(kept) == 3


def test_a_shelf_is_bounded_in_bytes():
    kept, taken = shelf(10, 100, 100)
    owner = OwnNets()
    for key, size in (("a", 40), ("b", 60), ("c", 30), ("d", 10)):
        kept.keep(owner, key, size=size)
    assert [key for _, key in taken] == ["a"]  # 40 + 60 + 30 are too many; 60 + 30 + 10 just fit
    kept.keep(owner, "c", size=31)
    assert [key for _, key in taken] == ["a", "b"]
    kept.keep(owner, "e", size=1000)  # its owner has just made it
    assert [key for _, key in taken] == ["a", "b", "d", "c"] and len(kept) == 1


def test_nobody_drives_out_what_another_visitor_keeps(monkeypatch):
    kept, taken = shelf(4, 100, 100)
    mine, theirs = OwnNets(), OwnNets()

    def keep(visitor, owner, key, size=1):
        monkeypatch.setattr(retention, "VISITOR", SimpleNamespace(get=lambda: visitor))
        kept.keep(owner, key, size=size)

    keep("honest", mine, "old")
    for number in range(6):
        keep("greedy", theirs, str(number))
    assert [key for _, key in taken] == ["0", "1", "2"]
    keep("greedy", theirs, "large", size=99)
    assert "old" not in [key for _, key in taken] and len(kept) == 2


def test_a_shelf_is_bounded_in_time(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    kept, taken = shelf(10, 9, 60)
    owner = OwnNets()
    kept.keep(owner, "old", size=1)
    now[0] = 50
    kept.keep(owner, "new", size=1)
    now[0] = 70
    kept.tidy()
    assert [key for _, key in taken] == ["old"] and len(kept) == 1


def test_what_is_too_old_goes_by_itself(monkeypatch):
    monkeypatch.setattr(retention, "SWEEP", 0.01)
    kept, taken = shelf(10, 9, 0.05)
    first, second = OwnNets(), OwnNets()
    for owner in (first, second):  # the thread ends with the first, and another begins
        kept.keep(owner, "mine", size=1)
        deadline = time.monotonic() + 30
        while (kept._sweeps or len(kept)) and time.monotonic() < deadline:
            time.sleep(0.01)
    assert [key for _, key in taken] == ["mine", "mine"] and len(kept) == 0


def test_the_environment_sets_the_bounds(monkeypatch):
    taken, owner, now = [], OwnNets(), [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    kept = Shelf(lambda owner, key: taken.append(key))
    monkeypatch.setenv("CNN_SPACE_FINETUNE_KEEP", "2")
    for key in "abc":
        kept.keep(owner, key, size=1)
    assert taken == ["a"]
    monkeypatch.setenv("CNN_SPACE_FINETUNE_KEEP_MB", "1")
    kept.keep(owner, "d", size=1 << 20)
    assert taken == ["a", "b", "c"]
    monkeypatch.setenv("CNN_SPACE_FINETUNE_KEEP_MINUTES", "5")
    now[0] = 301
    kept.tidy()
    assert taken == ["a", "b", "c", "d"]


def test_a_shelf_does_not_keep_its_owners():
    kept, _ = shelf(10, 9, 60)
    owner = Session()
    kept.keep(owner, size=owner.bytes)
    gone = weakref.ref(owner)
    del owner
    gc.collect()
    kept.tidy()
    assert gone() is None and len(kept) == 0


def test_every_session_gets_nets_of_its_own():
    first = OwnNets()
    second = copy.deepcopy(first)
    first["mine"] = "net"
    assert second == second and first != second and not second

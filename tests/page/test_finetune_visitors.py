"""Visitors who come back: whose session a key opens, and for how long."""

import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from cnn_space.page.finetune.session import Session
from cnn_space.page.finetune.visitors import Visitors


def with_images():
    session = Session()
    array = SimpleNamespace(nbytes=1)
    images = SimpleNamespace(images=SimpleNamespace(images=array))
    session.images_arrive(session.read("zip"), images)
    return session


def test_a_key_opens_its_own_session_and_no_other():
    visitors = Visitors()
    first, second = visitors.welcome(None), visitors.welcome(None)
    assert first is not second and first.key != second.key
    for session in (first, second, first):
        assert visitors.welcome(session.key) is session
    assert len(visitors) == 2


@pytest.mark.parametrize(
    "key", ["", "guess", "A" * 43, None, 0, [], {}, ["x"], {"key": "x"}, True, "key\n", "é" * 43]
)
def test_what_is_no_key_opens_nothing(key):
    visitors = Visitors()
    own = visitors.welcome(None)
    session = visitors.welcome(key)
    assert session is not own and session.key not in (own.key, key)


def test_keys_cannot_be_guessed():
    visitors = Visitors()
    keys = [visitors.welcome(None).key for _ in range(500)]
    assert len(set(keys)) == 500 and all(len(key) >= 43 for key in keys)  # 32 bytes in base 64


def test_a_key_expires(monkeypatch):
    monkeypatch.setenv("CNN_SPACE_FINETUNE_KEEP_MINUTES", "5")
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    visitors = Visitors()
    session = visitors.welcome(None)
    now[0] = 299
    assert visitors.welcome(session.key) is session
    now[0] = 299 + 299
    assert visitors.welcome(session.key) is session  # it has been used
    now[0] += 301
    assert visitors.welcome(session.key) is not session and len(visitors) == 1


def test_a_session_with_a_run_under_way_does_not_expire(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    visitors = Visitors()
    session = visitors.welcome(None)
    session.start("digits")
    now[0] = 1e6  # who gives a run up is the run itself
    assert visitors.welcome(session.key) is session


def test_sessions_are_bounded_and_those_with_something_in_them_go_last():
    visitors = Visitors(most=3)
    busy, idle = visitors.admit(with_images()), visitors.welcome(None)
    flood = [visitors.welcome(None) for _ in range(20)]
    assert len(visitors) == 3 and visitors.welcome(busy.key) is busy
    assert visitors.welcome(idle.key) is not idle
    kept = [visitors.admit(with_images()) for _ in range(3)]
    assert len(visitors) == 3 and visitors.welcome(busy.key) is not busy
    assert visitors.welcome(kept[-1].key) is kept[-1] and flood


def test_a_page_that_was_open_for_long_gets_its_key_back():
    visitors = Visitors(most=1)
    session = visitors.welcome(None)
    key = session.key
    visitors.welcome(None)
    assert len(visitors) == 1
    assert visitors.admit(session).key == key and visitors.welcome(key) is session


def test_two_pages_of_one_browser_share_a_session():
    visitors = Visitors()
    key = visitors.welcome(None).key
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(visitors.welcome, [key] * 50))) == 1

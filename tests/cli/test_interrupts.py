"""Ctrl-C that a package swallows."""

import signal
from contextlib import suppress

import pytest

from cnn_space.cli.interrupts import interrupts


def swallowed() -> None:
    with suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_what_fails_after_a_swallowed_one_was_stopped():
    with pytest.raises(KeyboardInterrupt), interrupts():
        swallowed()
        raise AttributeError("a module that was half loaded")


@pytest.mark.parametrize("error", [ValueError, OSError])
def test_sentences_are_still_said(error):
    with pytest.raises(error), interrupts():
        swallowed()
        raise error("what is wrong")


def test_without_one_nothing_changes():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(AttributeError), interrupts():
        raise AttributeError
    assert signal.getsignal(signal.SIGINT) is before

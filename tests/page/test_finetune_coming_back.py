"""Visitors who come back and no longer find what they had: they are told, and why."""

import gradio as gr
import pytest
from finetune_visits import arrive, look, start, trained, until, visitor, with_bars
from markup import parse, text

from cnn_space.page.finetune.session import Session

UNKNOWN = "a key that the server gave out before it was started anew"


def said(shown):
    """The sentence on what is no longer here; None where none is shown."""
    lost = shown["lost"]
    return text(parse(lost.value)) if lost.visible else None


def test_who_had_something_before_the_server_was_started_anew_is_told(checkpoints):
    korean = said(arrive(key=UNKNOWN, had="something", request=visitor("ko")))
    assert korean.startswith("여기에 있던") and "60분" in korean
    shown = arrive(key=UNKNOWN, had="something")
    assert said(shown).startswith("What you had here") and "60 minutes" in said(shown)
    assert shown["had"] == "nothing"
    session = shown["session"]
    assert said(arrive(session))  # a second reload tells it again
    assert said(start(session)) is None  # a run takes its place
    until(lambda: not session.is_under_way)
    shown = look(session)
    assert shown["had"] == "something" and said(shown) is None and said(arrive(session)) is None


def test_who_had_nothing_is_told_nothing(checkpoints):
    assert said(arrive()) is None  # a first visit
    shown = arrive(key=UNKNOWN)
    assert said(shown) is None and shown["had"] == "nothing"
    assert said(arrive(Session())) is None


def test_images_that_were_forgotten_are_missed(checkpoints):
    session = with_bars()
    assert arrive(session)["had"] == "something"
    session.forget()
    shown = arrive(session)
    assert said(shown).startswith("Your images are gone") and shown["had"] == "nothing"
    # A page that was open all the time learns it at a click on Train.
    with pytest.raises(gr.Error, match="Your images are gone"):
        start(session)
    reading = session.read("zip")
    with pytest.raises(gr.Error, match="still being read"):
        start(session)
    session.images_arrive(reading, with_bars().visitor_set)
    assert said(arrive(session)) is None


def test_a_net_that_was_forgotten_is_missed(checkpoints):
    session = with_bars()
    trained(session)
    session.own_nets.forget(session.shows)
    assert said(arrive(session)).startswith("Your net is gone")
    assert said(start(session)) is None
    until(lambda: not session.is_under_way)
    assert said(look(session)) is None

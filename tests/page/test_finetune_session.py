"""A visitor's session on the Fine-tune tab: its states, and every move between them."""

import copy
import re
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace

import pytest

from cnn_space.page.finetune.results import Kept
from cnn_space.page.finetune.session import Session
from cnn_space.page.finetune.states import (
    IMAGES_MOVES,
    RUN_MOVES,
    ImagesEvent,
    ImagesState,
    Machine,
    RunEvent,
    RunState,
)

# Every allowed move: the state before, the event, the state after.
IMAGES = """
empty    choose-digits  ready     empty    choose-other  empty     empty    read    reading
reading  choose-digits  ready     reading  choose-other  empty     reading  read    reading
ready    choose-digits  ready     ready    choose-other  empty     ready    read    reading
reading  arrive         ready     reading  refuse        empty     ready    forget  empty
"""
RUN = """
idle        start  fetching    fetching  arrive  queued      queued    turn    loading
loading     train  training    training  finish  collecting  collecting  keep  kept
collecting  drop   nothing     collecting  fail  refused
kept        start  fetching    nothing   start   fetching    refused   start   fetching
fetching    refuse refused     queued    refuse  refused     loading   refuse  refused
training    refuse refused
fetching    stop   nothing     queued    stop    nothing     loading   stop    nothing
training    stop   collecting
fetching    leave  nothing     queued    leave   nothing     loading   leave   nothing
training    leave  nothing
"""


def moves(text):
    triples = re.findall(r"(\S+)\s+(\S+)\s+(\S+)", text)
    return {(before, event.replace("-", " ")): after for before, event, after in triples}


@pytest.mark.parametrize("event", ImagesEvent)
@pytest.mark.parametrize("state", ImagesState)
def test_every_move_of_the_images(state, event):
    machine = Machine(IMAGES_MOVES, state)
    after = moves(IMAGES).get((state, event))
    assert machine.move(event) == (after is not None)
    assert machine.state == (after or state)


@pytest.mark.parametrize("event", RunEvent)
@pytest.mark.parametrize("state", RunState)
def test_every_move_of_a_run(state, event):
    machine = Machine(RUN_MOVES, state)
    after = moves(RUN).get((state, event))
    assert machine.move(event) == (after is not None)
    assert machine.state == (after or state)


def test_what_was_given_up_moves_nothing():
    machine = Machine(RUN_MOVES, RunState.IDLE)
    machine.move(RunEvent.START)
    given_up = machine.number
    machine.move(RunEvent.STOP)
    machine.move(RunEvent.START)
    assert not machine.move(RunEvent.ARRIVE, given_up) and machine.state == "fetching"
    assert machine.move(RunEvent.ARRIVE, machine.number) and machine.state == "queued"


# The session: the same moves by its methods


class Training:
    """Stands in for a run of the training room."""

    def __init__(self, has_best=True, ended="finished", size=7):
        self.has_best, self.ended, self.bytes = has_best, ended, size


class Folder:
    def __init__(self):
        self.is_there = True

    def cleanup(self):
        self.is_there = False


def keep_in(session):
    """What makes a result of a stand-in for a run, as ``export.keep`` does."""

    def keep(training):
        result = SimpleNamespace(
            training=training,
            loaded=SimpleNamespace(),
        )
        name = f"mine {len(session.own_nets)}"
        kept = Kept(result, name, Folder(), "mine.zip")
        session.own_nets[name], session.own_nets.results[name] = result.loaded, kept
        return kept

    return keep


def images(size=1000):
    return SimpleNamespace(images=SimpleNamespace(images=SimpleNamespace(nbytes=size)))


def session_at(state, has_best=True):
    """A session whose run has come to a state."""
    session = Session()
    if state == RunState.IDLE:
        return session
    number = session.start("digits")
    if state == RunState.NOTHING:
        session.stop(keep_in(session))
    if state == RunState.REFUSED:
        session.refuse(number, "why")
    steps = [
        lambda: None,
        lambda: session.net_arrives(number),
        lambda: session.take_turn(number),
        lambda: session.train(number, Training(has_best)),
        lambda: session.finish(number, keep_in(session)),
    ]
    for step in steps:
        step()
        if session.run.state == state:
            return session
    raise AssertionError(state)


def go_away(session):
    """The visitor's page is not heard of any more."""
    session.seen -= 100


# What a method of the session does from each state where it may; elsewhere it changes nothing.
METHODS = {
    "start": lambda session, number: session.start("digits") is not None,
    "arrive": lambda session, number: session.net_arrives(number),
    "turn": lambda session, number: session.take_turn(number),
    "train": lambda session, number: session.train(number, Training()),
    "refuse": lambda session, number: session.refuse(number, "why"),
    "stop": lambda session, number: session.stop(keep_in(session)),
    "finish": lambda session, number: session.finish(number, keep_in(session)),
    "leave": lambda session, number: go_away(session) or not session.is_wanted(number, 99),
}
STATES = [state for state in RunState if state != "collecting"]  # only while a result is made


@pytest.mark.parametrize("event", METHODS)
@pytest.mark.parametrize("state", STATES)
def test_every_event_of_a_run_in_every_state(state, event):
    session = session_at(state)
    after = moves(RUN).get((state, event), state)
    answer = METHODS[event](session, session.run.number)
    assert session.run.state == ("kept" if after == "collecting" else after)
    if event in ("stop", "finish"):
        assert answer == (after == "collecting")
    elif event != "leave":  # a run that is not under way is not wanted either
        assert answer == ((state, event) in moves(RUN))
    assert (session.training is not None) == (session.run.state == "training")


@pytest.mark.parametrize("event", ["arrive", "turn", "train", "refuse", "finish", "leave"])
@pytest.mark.parametrize("state", STATES)
def test_a_run_that_was_given_up_moves_nothing(state, event):
    session = session_at(state)
    training = session.training
    METHODS[event](session, session.run.number - 1)
    session.tell(session.run.number - 1, ahead=5)
    assert session.run.state == state and session.training is training
    assert session.progress.ahead == 0


def test_while_a_result_is_made_nothing_else_moves_the_run():
    session, seen = session_at(RunState.TRAINING), {}
    number = session.run.number

    def keep(training):
        for event in METHODS.keys() - {"stop", "finish"}:  # those wait
            METHODS[event](session, number)
            seen[event] = session.run.state
        assert session.is_under_way
        return keep_in(session)(training)

    session.stop(keep)
    assert set(seen.values()) == {"collecting"} and session.run.state == "kept"


def test_a_result_that_cannot_be_made_leaves_the_way_free():
    def keep(training):
        raise OSError("the disk is full")

    session = session_at(RunState.TRAINING)
    with pytest.raises(OSError):
        session.finish(session.run.number, keep)
    assert session.run.state == "refused" and session.ended == "" and session.training is None
    assert session.start("digits")


@pytest.mark.parametrize("ended", ["stopped", "time", "not_a_number"])
def test_without_a_checked_net_nothing_is_kept(ended):
    session = session_at(RunState.LOADING)
    session.train(session.run.number, Training(has_best=False, ended=ended))
    session.finish(session.run.number, keep_in(session))
    assert session.run.state == "nothing" and session.ended == ended and session.kept is None


def test_stop_before_a_run_is_a_run_that_was_stopped():
    session = session_at(RunState.QUEUED)
    session.stop(keep_in(session))
    assert session.ended == "stopped" and session.kept is None


def another_run(session):
    number = session.start("digits")
    session.net_arrives(number)
    session.take_turn(number)
    session.train(number, Training())
    session.finish(number, keep_in(session))


def test_a_result_is_shown_until_the_next_and_both_are_kept():
    session = session_at(RunState.KEPT)
    first = session.kept
    session.start("digits")
    assert session.shown is first.result
    session.stop(keep_in(session))  # nothing came of the second run
    assert session.kept is first and session.results == [first]
    another_run(session)
    assert session.kept is not first and session.shown is session.kept.result
    assert session.results == [first, session.kept] and first.folder.is_there


def test_a_forgotten_result_goes_with_its_net_and_its_file():
    session = session_at(RunState.KEPT)
    another_run(session)
    first, second = session.results
    session.own_nets.forget(second.name)
    assert not second.folder.is_there and second.name not in session.own_nets
    assert session.results == [first] and session.kept is None and session.shown is None
    session.own_nets.forget(second.name)


def test_stop_and_the_end_at_once_make_one_result():
    session, made, both = session_at(RunState.TRAINING), [], threading.Barrier(8)
    number = session.run.number

    def keep(training):
        made.append(training)
        return keep_in(session)(training)

    def collect(method):
        both.wait()
        method(keep)
        return session.run.state, session.kept

    finish = partial(session.finish, number)
    with ThreadPoolExecutor(8) as pool:
        outcomes = set(pool.map(collect, [session.stop, finish] * 4))
    assert len(made) == 1 and outcomes == {("kept", session.kept)}


# A visitor who is away


def test_a_run_waits_for_its_visitor_and_then_no_longer():
    session = session_at(RunState.TRAINING)
    number, run = session.run.number, weakref.ref(session.training)
    session.seen -= 50
    assert session.is_wanted(number, 60)
    session.see()
    session.seen -= 50
    assert session.is_wanted(number, 60)  # 50 seconds since the visitor was back
    session.seen -= 50
    assert not session.is_wanted(number, 60)
    assert session.run.state == "nothing" and session.ended == "left" and run() is None
    session.see()
    assert not session.is_wanted(number, 60) and session.run.state == "nothing"


# Images


@pytest.mark.parametrize("source", ["digits", "zip", "hub", "folder"])
def test_a_chosen_source_is_empty_but_for_the_digits(source):
    session = Session()
    session.images_arrive(session.read("zip"), images())
    session.choose(source)
    assert session.source == source
    assert session.images.state == ("ready" if source == "digits" else "empty")
    assert (session.visitor_set is not None) == (source == "digits")


def test_images_are_there_once_they_arrive():
    session, mine = Session(), images()
    number = session.read("zip")
    assert session.images.state == "reading" and session.visitor_set is None and session.bytes == 0
    assert session.images_arrive(number, mine)
    assert session.images.state == "ready" and session.visitor_set is mine and session.bytes == 1000


def test_of_two_readings_the_later_counts():
    session, mine = Session(), images()
    first, second = session.read("hub"), session.read("hub")
    assert not session.images_arrive(first, images()) and session.visitor_set is None
    assert not session.images_refused(first) and session.images.state == "reading"
    assert session.images_arrive(second, mine) and session.visitor_set is mine
    assert not session.images_arrive(first, images()) and session.visitor_set is mine


def test_a_reading_after_which_other_images_were_chosen_changes_nothing():
    session = Session()
    number = session.read("hub")
    session.choose("digits")
    assert not session.images_arrive(number, images())
    assert session.source == "digits" and session.images.state == "ready"


def test_refused_images_are_no_images():
    session = Session()
    assert session.images_refused(session.read("zip"))
    assert session.images.state == "empty" and session.visitor_set is None


def test_a_reading_goes_on_while_the_rest_is_forgotten():
    session, mine = Session(), images()
    number = session.read("zip")
    session.forget()
    assert session.images_arrive(number, mine) and session.visitor_set is mine
    session.forget()
    assert session.images.state == "empty" and session.visitor_set is None and session.bytes == 0


# A session as a whole


def test_memory_is_counted():
    session = Session()
    assert session.bytes == 0
    session.images_arrive(session.read("zip"), images())
    assert session.bytes == 1000
    session.forget()
    assert session.bytes == 0


@pytest.mark.parametrize("state", RunState)
def test_a_session_is_empty_where_nothing_would_be_lost(state):
    if state == RunState.COLLECTING:
        return
    session = session_at(state)
    assert session.is_empty == (state in ("idle", "nothing", "refused"))
    session = Session()
    session.images_arrive(session.read("zip"), images())
    assert not session.is_empty


def test_a_forgotten_result_is_not_shown_as_the_recorded_run():
    session = Session()
    assert session.shown is None
    session.shows_recorded = True
    recorded = session.shown
    assert recorded.loaded is None
    session = session_at(RunState.KEPT)
    session.own_nets.forget(session.kept.name)
    assert session.shown is None


def test_forgetting_leaves_a_run_under_way_alone():
    session = session_at(RunState.TRAINING)
    session.forget()
    assert session.run.state == "training" and session.training is not None


def test_a_forgotten_session_does_not_train_on_other_images():
    session = Session()
    session.start("zip")  # what the page shows as chosen
    assert session.source == "zip" and session.visitor_set is None


def test_every_visitor_gets_a_session_of_their_own():
    first = Session()
    first.choose("zip")
    second = copy.deepcopy(first)
    assert second is not first and second.source == "digits"

"""A visitor's session on the Fine-tune tab: its states, and every move between them."""

import copy
import re
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from cnn_space.page.finetune.session import Kept, Session
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
loading     train  training    training  end     ended       ended     finish  collecting
collecting  keep   kept        kept      start   fetching    nothing   start   fetching
ended       start  fetching
collecting  drop   nothing     collecting  fail  idle
loading     refuse idle        training  refuse  idle        loading   end     idle
idle        stop   nothing     fetching  stop    nothing     queued    stop    nothing
loading     stop   nothing     training  stop    collecting  ended     stop    collecting
ended       forget idle        kept      forget  idle        nothing   forget  idle
fetching    leave  idle        queued    leave   idle        loading   leave   idle
training    leave  idle        ended     leave   idle
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


def kept(training, size=100):
    result = SimpleNamespace(
        training=training,
        loaded=SimpleNamespace(bytes=size),
        checked=SimpleNamespace(images=SimpleNamespace(nbytes=10)),
    )
    return Kept(result, "mine", Folder(), "mine.zip")


def images(size=1000):
    return SimpleNamespace(images=SimpleNamespace(images=SimpleNamespace(nbytes=size)))


def session_at(state, has_best=True):
    """A session whose run has come to a state."""
    session = Session()
    if state == RunState.NOTHING:
        session.stop(kept)
    if state in (RunState.IDLE, RunState.NOTHING):
        return session
    steps = [
        lambda: session.start("digits"),
        lambda: session.net_arrives(session.run.number),
        lambda: session.take_turn(),
        lambda: session.train(session.run.number, Training(has_best)),
        lambda: session.end(session.run.number),
        lambda: session.finish(kept),
    ]
    for step in steps:
        step()
        if session.run.state == state:
            return session
    raise AssertionError(state)


# What a method of the session does from each state where it may; elsewhere it changes nothing.
METHODS = {
    "start": lambda session, number: session.start("digits"),
    "arrive": lambda session, number: session.net_arrives(number),
    "turn": lambda session, number: session.take_turn() is not None,
    "train": lambda session, number: session.train(number, Training()),
    "refuse": lambda session, number: session.refuse(number),
    "end": lambda session, number: session.end(number),
    "stop": lambda session, number: session.stop(kept),
    "finish": lambda session, number: session.finish(kept),
    "forget": lambda session, number: session.forget(),
    "leave": lambda session, number: session.leave(),
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
    elif answer is not None:
        assert answer == ((state, event) in moves(RUN))
    under_way = session.run.state in ("training", "ended")
    assert (session.training is not None) == under_way


@pytest.mark.parametrize("event", ["arrive", "train", "refuse", "end"])
@pytest.mark.parametrize("state", STATES)
def test_a_run_that_was_given_up_moves_nothing(state, event):
    session = session_at(state)
    training = session.training
    assert not METHODS[event](session, session.run.number - 1)
    assert session.run.state == state and session.training is training


def test_while_a_result_is_made_nothing_else_moves_the_run():
    session, seen = session_at(RunState.TRAINING), {}
    number = session.run.number

    def keep(training):
        for event in METHODS.keys() - {"stop", "finish"}:  # those wait
            METHODS[event](session, number)
            seen[event] = session.run.state
        assert not session.is_training(number)
        return kept(training)

    session.stop(keep)
    assert set(seen.values()) == {"collecting"} and session.run.state == "kept"


def test_a_result_that_cannot_be_made_leaves_the_way_free():
    def keep(training):
        raise OSError("the disk is full")

    session = session_at(RunState.ENDED)
    with pytest.raises(OSError):
        session.finish(keep)
    assert session.run.state == "idle" and session.training is None and session.start("digits")


@pytest.mark.parametrize("ended", ["stopped", "time", "not_a_number"])
def test_without_a_checked_net_nothing_is_kept(ended):
    session = session_at(RunState.LOADING)
    session.train(session.run.number, Training(has_best=False, ended=ended))
    session.end(session.run.number)
    session.finish(kept)
    assert session.run.state == "nothing" and session.ended == ended and session.kept is None


def test_stop_before_a_run_is_a_run_that_was_stopped():
    session = session_at(RunState.QUEUED)
    session.stop(kept)
    assert session.ended == "stopped" and session.kept is None


def test_a_result_stays_until_the_next_and_its_file_goes_with_it():
    session = session_at(RunState.KEPT)
    first = session.kept
    session.start("digits")
    assert session.shown is first.result
    session.stop(kept)  # nothing came of the second run
    assert session.kept is first and first.folder.is_there
    session.start("digits")
    session.net_arrives(session.run.number)
    session.train(session.take_turn(), Training())
    session.stop(kept)
    assert session.kept is not first and not first.folder.is_there
    assert session.kept.folder.is_there and session.shown is session.kept.result


def test_stop_and_the_end_at_once_make_one_result():
    session, made, both = session_at(RunState.ENDED), [], threading.Barrier(8)

    def keep(training):
        made.append(training)
        return kept(training)

    def collect(method):
        both.wait()
        method(keep)
        return session.run.state, session.kept

    with ThreadPoolExecutor(8) as pool:
        outcomes = set(pool.map(collect, [session.stop, session.finish] * 4))
    assert len(made) == 1 and outcomes == {("kept", session.kept)}


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
    session, mine = session_at(RunState.KEPT), images()
    number = session.read("zip")
    session.forget()
    assert session.images_arrive(number, mine) and session.visitor_set is mine
    session.forget()
    assert session.images.state == "empty" and session.visitor_set is None and session.bytes == 0


# A session as a whole


def test_memory_is_counted():
    session = session_at(RunState.TRAINING)
    session.images_arrive(session.read("zip"), images())
    assert session.bytes == 1000 + 7
    session.stop(kept)
    assert session.bytes == 1000 + 100 + 10
    session.forget()
    assert session.bytes == 0


def test_a_forgotten_result_is_not_shown_as_the_recorded_run():
    session = Session()
    assert session.shown is None  # a page left open for longer than its session is kept
    session.shows_recorded = True
    recorded = session.shown
    assert recorded.loaded is None
    session = session_at(RunState.KEPT)
    folder = session.kept.folder
    session.forget()
    assert session.shown is None and not folder.is_there


def test_forgetting_leaves_a_run_under_way_alone():
    session = session_at(RunState.TRAINING)
    session.forget()
    assert session.run.state == "training" and session.training is not None


def test_a_forgotten_session_does_not_train_on_other_images():
    session = Session()
    session.start("zip")  # what the page shows as chosen
    assert session.source == "zip" and session.visitor_set is None


def test_a_page_closed_lets_its_run_go():
    session = session_at(RunState.TRAINING)
    run = weakref.ref(session.training)
    session.leave()
    assert run() is None and session.run.state == "idle"


def test_every_visitor_gets_a_session_of_their_own():
    first = Session()
    first.choose("zip")
    second = copy.deepcopy(first)
    assert second is not first and second.source == "digits"

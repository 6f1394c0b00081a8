"""The Fine-tune tab's runs, from a click on Train to a net in the visitor's lists, whatever becomes
of the page meanwhile."""

import gc
import os
import threading
import weakref
import zipfile
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import gradio as gr
import pytest
from finetune_visits import (
    LENET,
    TAB,
    arrive,
    halt,
    look,
    start,
    trained,
    training_all_layers,
    until,
    visitor,
    with_bars,
)
from markup import parse, sheet, text, with_class

from cnn_space import weights
from cnn_space.images.decoder_pool import VISITOR
from cnn_space.page.common import visitor_nets
from cnn_space.page.common.retention import Bounds, Shelf
from cnn_space.page.finetune import export, running
from cnn_space.page.finetune.line import LINE, Line
from cnn_space.page.finetune.session import Session
from cnn_space.weights.transfer import Unreachable


def phase(state):
    return with_class(state, "ft-state")[0].get("data-phase")


def points(curves):
    return "".join(line.get("points") for line in parse(curves).iter("polyline"))


def over(session):
    """Wait for the end of a run, and for its thread to be through."""
    until(lambda: not session.is_under_way)
    until(lambda: "fine-tune" not in [thread.name for thread in threading.enumerate()])


@pytest.fixture
def loading(monkeypatch):
    """Runs wait here for their net to be loaded until ``go_on.set()``."""
    load, go_on = weights.load, threading.Event()

    def slowly(name):
        assert go_on.wait(60)
        return load(name)

    monkeypatch.setattr(weights, "load", slowly)
    yield go_on
    go_on.set()


def test_a_run_from_start_to_its_result(checkpoints):
    session = with_bars()
    reports, shown = trained(session)
    phases = [phase(report["state"]) for report in reports]
    assert list(dict.fromkeys(phases)) == ["preparing", "features", "head", "top", "all"]
    assert sum(1 for _ in parse(reports[-1]["curves"]).iter("polyline")) == 4
    [(name, loaded)] = session.own_nets.items()
    assert name == session.kept.name and loaded is session.kept.result.loaded
    assert loaded.record.source == "session" and loaded.record.labels == ("left", "right")
    assert phase(shown["state"]) == "finished" and shown["own_nets"] is session.own_nets
    assert "learned 2 classes of Bars from 20 images" in shown["result"]
    assert name in text(parse(shown["own_net"])) and "60 minutes" in shown["own_net"]
    assert shown["download"].interactive and shown["use"].interactive
    assert shown["as_onnx"].interactive
    assert shown["train"].interactive and not shown["stop"].interactive
    assert name in [value for _, value in shown["classify_net"].choices]
    assert not shown["clock"].active
    cells = [cell for cell in parse(shown["matrix"]).iter("button") if cell.get("data-cell")]
    assert sum(int(text(cell)) for cell in cells) == 4
    head, *counts = sheet(shown["matrix"])  # what the visitor takes home of it
    assert head == ["true class", "left", "right", "recall"]
    assert sum(int(count) for row in counts for count in row[1:3] if count) == 4
    with zipfile.ZipFile(session.kept.file) as archive:
        assert sorted(archive.namelist()) == ["lenet5.bars.json", "lenet5.bars.safetensors"]
        archive.extractall(session.kept.folder.name)
    home = weights.load(os.path.join(session.kept.folder.name, "lenet5.bars.safetensors"))
    assert home.record.accuracy == round(session.kept.result.report.after, 2)
    trained(session)
    assert len(session.own_nets) == 2 and len(session.results) == 2


def test_the_same_from_a_visitor_who_reads_korean(checkpoints):
    reports, shown = trained(with_bars(), request=visitor("ko-KR,ko;q=0.9"))
    assert "준비 중" in reports[0]["state"]
    assert "완료" in shown["state"] and "배웠습니다" in shown["result"]


def test_the_visitors_nets_are_bounded(checkpoints, monkeypatch):
    most = [Bounds(2, 1 << 30, 600)]
    shelf = Shelf(lambda nets, name: nets.forget(name), lambda: most[0])
    monkeypatch.setattr(visitor_nets, "NETS", shelf)
    sessions = [with_bars() for _ in range(3)]
    for session in sessions:
        trained(session)
    result = session.kept.result
    net = [*result.loaded.net.parameters()]  # LeNet-5 has no buffers
    size = 2 * sum(tensor.nbytes for tensor in net) + result.checked.images.nbytes
    files = [result.file for session in sessions for result in session.results]
    assert [len(session.own_nets) for session in sessions] == [0, 1, 1]
    # A net counts twice, its held-out images once: a byte is missing for two.
    most[0] = Bounds(2, 2 * size - 1, 600)
    trained(sessions[0])
    assert [len(session.own_nets) for session in sessions] == [1, 0, 0]
    assert [len(session.results) for session in sessions] == [1, 0, 0]
    assert not any(map(os.path.exists, files))


# Away, and back again


def test_a_page_that_comes_back_finds_its_run_where_it_is(checkpoints):
    session = with_bars()
    training_all_layers(session)
    shown = arrive(session)
    assert shown["session"] is session and shown["key"] == session.key
    assert phase(shown["state"]) == "all" and shown["clock"].active
    assert not shown["train"].interactive and shown["stop"].interactive
    assert sum(1 for _ in parse(shown["curves"]).iter("polyline")) == 4
    assert "24 images in 2 classes" in shown["contents"] and shown["source"] == "zip"
    # As it was begun, not as a new page has it.
    assert shown["base"].value == LENET and shown["epochs"] == 200
    assert not shown["result"] and not shown["matrix"]  # nothing of the recorded run
    halt(session)
    over(session)


def test_a_page_that_comes_back_finds_its_result(checkpoints):
    session = with_bars()
    _, before = trained(session)
    shown = arrive(session)
    same = ("result", "matrix", "mistakes", "own_net", "curves", "state")
    assert {place: shown[place] for place in same} == {place: before[place] for place in same}
    assert list(shown["own_nets"]) == [session.kept.name]
    assert session.kept.name in [value for _, value in shown["classify_net"].choices]
    assert shown["download"].value["orig_name"] == os.path.basename(session.kept.file)
    assert shown["use"].interactive
    stranger = arrive()
    assert stranger["session"] is not session and stranger["key"] != session.key
    assert not stranger["own_nets"] and "Recorded run" in stranger["result"]


def test_while_its_net_is_stored_a_run_is_still_under_way(checkpoints, monkeypatch):
    session, go_on, bundle = with_bars(), threading.Event(), export.bundle

    def slowly(*asked):
        assert go_on.wait(60)
        return bundle(*asked)

    monkeypatch.setattr(export, "bundle", slowly)
    start(session)
    until(lambda: session.run.state == "collecting")
    for shown in (look(session), arrive(session)):
        assert phase(shown["state"]) == "collecting" and "finished" not in shown["state"]
    assert shown["clock"].active and not shown["train"].interactive
    go_on.set()
    over(session)
    assert phase(look(session)["state"]) == "finished"


def test_without_its_page_a_run_ends_by_itself_after_a_while(checkpoints, monkeypatch):
    monkeypatch.setenv("CNN_SPACE_FINETUNE_AWAY_SECONDS", "90")
    session = with_bars()
    training_all_layers(session)
    run = weakref.ref(session.training)
    session.seen -= 80  # nobody looks any more
    until(lambda: session.progress.update.epoch > 2)
    assert session.is_under_way
    session.seen -= 20
    over(session)
    gc.collect()
    assert run() is None and not session.own_nets
    shown = arrive(session)
    assert phase(shown["state"]) == "left" and "closed for more than 90 s" in text(
        parse(shown["state"])
    )
    assert shown["train"].interactive and not shown["clock"].active


def test_a_run_whose_visitor_left_does_not_wait_for_its_turn(checkpoints, monkeypatch):
    session = with_bars()
    with LINE.ticket():
        start(session)
        until(lambda: session.run.state == "queued")
        session.seen -= 1000
        over(session)
    assert session.ended == "left"


# One at a time


def test_train_waits_for_its_turn(checkpoints):
    session = with_bars()
    with LINE.ticket(), LINE.ticket():
        shown = start(session)
        assert shown["session"] is session and shown["key"] == session.key
        assert shown["stop"].interactive and not shown["train"].interactive
        assert shown["clock"].active
        until(lambda: session.progress.ahead == 2)
        shown = look(session)
        assert phase(shown["state"]) == "queued" and "ahead of yours: 2" in shown["state"]
        number = session.run.number
        # A second click, or one on another page of this visitor's.
        assert phase(start(session)["state"]) == "queued" and session.run.number == number
    over(session)
    assert session.run.state == "kept"


def test_first_come_first_served():
    line, served = Line(), []

    def run(number):
        with line.ticket() as ticket:
            came.set()
            assert ticket.wait(30)
            served.append(number)

    with ThreadPoolExecutor(4) as pool, line.ticket() as first:
        assert first.wait(0)
        for number in range(4):
            came = threading.Event()
            pool.submit(run, number)
            assert came.wait(30)
        with line.ticket() as last:
            assert last.ahead == 5 and not last.wait(0.01) and not served
    assert served == [0, 1, 2, 3]


def test_too_many_runs_are_refused(checkpoints, monkeypatch):
    monkeypatch.setattr(running, "MOST", 1)
    first, second = with_bars(), with_bars()
    with LINE.ticket():
        start(first)
        with pytest.raises(gr.Error, match="Too many runs are waiting"):
            start(second)
        halt(first)
    over(first)
    assert not second.is_under_way
    start(second)  # there is a place again
    over(second)
    assert second.run.state == "kept"


def test_one_visitor_leaves_a_place_for_others(checkpoints, monkeypatch):
    """Sessions are free: one visitor with five of them had all the places."""
    monkeypatch.setattr(running, "MOST", 3)
    monkeypatch.setattr(running, "MOST_OF_ONE", 2)
    sessions = [with_bars() for _ in range(4)]
    here = VISITOR.set("198.51.100.1")
    try:
        with LINE.ticket():
            start(sessions[0])
            start(sessions[1])
            with pytest.raises(gr.Error, match="Too many runs are waiting"):
                start(sessions[2])
            VISITOR.set("198.51.100.2")
            start(sessions[3])
            for session in (sessions[0], sessions[1], sessions[3]):
                halt(session)
        for session in (sessions[0], sessions[1], sessions[3]):
            over(session)
        assert not running._PLACES._taken
    finally:
        VISITOR.reset(here)


def test_a_full_disk_is_said_before_a_run_and_takes_no_net_after_it(checkpoints, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    session = with_bars()
    with monkeypatch.context() as patch:
        patch.setattr(export.shutil, "disk_usage", lambda place: SimpleNamespace(free=2**16))
        start(session)
        over(session)
    assert "There is no room for the net" in look(session)["state"]
    assert not session.own_nets
    monkeypatch.setattr(export, "save", full)
    start(session)
    over(session)
    shown = look(session)
    assert phase(shown["state"]) == "finished" and len(session.own_nets) == 1
    assert "the disk is full" in shown["own_net"]
    assert not shown["download"].interactive and shown["use"].interactive


# Stop


def test_stop_keeps_the_best_net_so_far(checkpoints):
    session = with_bars()
    training_all_layers(session)
    shown = halt(session)
    assert phase(shown["state"]) == "stopped" and len(session.own_nets) == 1
    # Whatever comes after that shows the same, and keeps no second net.
    for again in (look, halt):
        late = again(session)
        assert late["state"] == shown["state"] and late["result"] == shown["result"]
    over(session)
    assert len(session.own_nets) == 1 and session.run.state == "kept"


def test_stop_and_the_end_at_once_keep_one_net(checkpoints):
    session = with_bars()
    training_all_layers(session)
    with ThreadPoolExecutor(8) as pool:
        shown = list(pool.map(lambda event: event(session), [halt, look] * 4))
    assert len(session.own_nets) == 1
    stopped = [outcome["state"] for outcome in shown[::2]]
    assert len(set(stopped)) == 1 and phase(stopped[0]) == "stopped"
    over(session)


def test_stop_before_there_is_anything(checkpoints, loading):
    session = with_bars()
    start(session)
    shown = halt(session)
    assert "no net to keep" in shown["state"] and not session.own_nets
    assert shown["train"].interactive
    loading.set()
    over(session)
    assert session.run.state == "nothing" and session.training is None


def test_a_stopped_run_that_comes_to_its_end_late_leaves_the_next_alone(checkpoints, loading):
    session = with_bars()
    start(session)
    until(lambda: session.run.state == "loading")
    halt(session)
    start(session, epochs=200)  # waits behind the first, which is still loading
    until(lambda: session.run.state == "queued")
    loading.set()
    until(lambda: session.training is not None)
    run = session.training
    assert len(session.own_nets) == 0 and session.training is run
    halt(session)
    over(session)


def test_a_net_that_comes_after_stop_starts_nothing(checkpoints, monkeypatch):
    """Nor does it while the next run waits for its own net."""
    session, come = with_bars(), [threading.Event(), threading.Event()]
    coming = iter(come)
    monkeypatch.setattr(weights, "is_local", lambda name: False)
    monkeypatch.setattr(weights, "fetch", lambda name, progress: next(coming).wait(60))
    start(session)
    halt(session)
    start(session)
    number = session.run.number
    come[0].set()
    threads = [thread for thread in threading.enumerate() if thread.name == "fine-tune"]
    threads[0].join(60)
    assert session.run.state == "fetching" and session.run.number == number
    come[1].set()
    over(session)
    assert session.run.state == "kept"


# What cannot be a run


def test_the_download_of_a_net_is_shown_and_a_failure_told(checkpoints, monkeypatch):
    session, go_on = with_bars(), threading.Event()

    def fetch(name, progress):
        progress(250_000_000, 528_000_000)
        assert go_on.wait(60)
        raise Unreachable("no host answers")

    monkeypatch.setattr(weights, "fetch", fetch)
    start(session, "vgg16.tv_in1k")
    until(lambda: session.progress.done)
    shown = look(session)
    assert phase(shown["state"]) == "fetching"
    assert "250 of 528 MB" in text(parse(shown["state"]))
    go_on.set()
    over(session)
    shown = look(session)
    assert phase(shown["state"]) == "refused" and shown["train"].interactive
    assert "VGG-16 is not on this machine and could not be fetched" in shown["state"]


def test_controls_out_of_range_are_a_sentence_at_once(checkpoints):
    session = with_bars()
    with pytest.raises(gr.Error, match="augment"):
        start(session, augment="twirl")
    assert session.training is None and session.run.state == "refused"
    with pytest.raises(gr.Error, match="고급 설정"):
        start(session, request=visitor("ko"), augment="twirl")


@pytest.mark.parametrize(
    ("name", "wrong", "right", "words"),
    [
        ("lr", (-1, 10.1, 99), (0, None, 1e-5, 10), "Learning rate must be 0 (default) to 10."),
        ("seed", (-1, 1.5, 2**31), (0, 7.0, None, 2**31 - 1), "whole number from 0 to 2147483647"),
    ],
)
def test_a_number_out_of_range_is_said_at_its_field(checkpoints, name, wrong, right, words):
    session, other = with_bars(), {"lr": "seed", "seed": "lr"}[name]
    for value in wrong:
        shown = start(session, **{name: value})
        assert shown.keys() == {"advanced", "lr_wrong", "seed_wrong"} and shown["advanced"].open
        assert words in shown[f"{name}_wrong"] and shown[f"{other}_wrong"] == ""
        assert session.run.state == "idle" and session.training is None
        typed = TAB.check_fields(*({name: value, other: 0}[n] for n in ("lr", "seed")), visitor())
        assert typed[f"{name}_wrong"] == shown[f"{name}_wrong"]
    for value in right:
        typed = TAB.check_fields(*({name: value, other: 0}[n] for n in ("lr", "seed")), visitor())
        assert set(typed.values()) == {""}
    assert "학습률은 0" in start(session, request=visitor("ko"), lr=99)["lr_wrong"]


@pytest.mark.parametrize(
    ("base", "change", "words"),
    [(LENET, {"aux": True}, "no auxiliary heads"), ("lenet5.cifar11", {}, "unknown weights")],
)
def test_what_turns_out_in_its_turn_is_a_sentence(checkpoints, base, change, words):
    session = with_bars()
    start(session, base, **change)
    over(session)
    assert words in look(session)["state"]
    start(session, "lenet5.cifar11", visitor("ko"))
    over(session)
    assert "불러오지 못했습니다" in look(session)["state"]


def test_a_run_that_breaks_off_says_so_and_leaves_the_way_free(checkpoints, monkeypatch, caplog):
    session = with_bars()

    def faulty(*_, **__):
        raise RuntimeError("a fault of ours")

    with monkeypatch.context() as patch:
        patch.setattr(export, "bundle", faulty)
        start(session)
        over(session)
    shown = look(session)
    assert "broke off" in shown["state"] and shown["train"].interactive
    assert "a fault of ours" in caplog.text and "a fault of ours" not in shown["state"]
    trained(session)
    assert len(session.own_nets) == 1


def test_a_refused_start_loses_nothing(checkpoints):
    session = with_bars()
    _, before = trained(session)
    kept = session.kept
    with pytest.raises(gr.Error):
        start(session, augment="twirl")
    start(session, seed=-1)
    shown = look(session)
    assert shown["result"] == before["result"] and shown["curves"] == before["curves"]
    assert session.kept is kept and list(session.own_nets) == [kept.name]


def test_no_images_and_no_net_are_sentences(checkpoints):
    session = Session()
    session.choose("zip")
    with pytest.raises(gr.Error, match="no images to learn from yet"):
        start(session)
    with pytest.raises(gr.Error, match="no net to start from"):
        start(with_bars(), None)


def test_time_is_up(checkpoints, monkeypatch):
    monkeypatch.setenv("CNN_SPACE_FINETUNE_SECONDS", "1")
    session = with_bars()
    start(session, head_epochs=200, top_epochs=200)
    over(session)
    assert phase(look(session)["state"]) == "time" and len(session.own_nets) == 1


def test_the_recorded_result_goes_while_an_own_run_trains(checkpoints):
    session = Session()
    session.shows_recorded = True
    with LINE.ticket():
        begun = start(session)
        places = ("result", "matrix", "mistakes", "cell")
        assert not any(begun[place] for place in places)
        assert not any(arrive(session)[place] for place in places)  # nor after a reload
        assert not points(begun["curves"])
        stopped = halt(session)  # before a net was checked
    over(session)
    assert "Recorded run" in stopped["result"] and stopped["matrix"]
    assert points(stopped["curves"])

"""The Fine-tune tab's runs: from a click on Train to a net in the visitor's lists."""

import functools
import gc
import os
import weakref
import zipfile
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import gradio as gr
import onnx
import pytest
from finetune_visits import (
    CONTROLS,
    EVIL,
    LENET,
    TAB,
    bars,
    start,
    trained,
    training_all_layers,
    visitor,
    with_bars,
)
from markup import parse, sheet, text, with_class

from cnn_space import weights
from cnn_space.images import readers
from cnn_space.images.visitor_set import VisitorSet
from cnn_space.page.common import nets, visitor_nets
from cnn_space.page.common.nets import OwnNets
from cnn_space.page.common.retention import Bounds, Shelf
from cnn_space.page.finetune import endpoint, export, handlers, result_view, view
from cnn_space.page.finetune.recorded import recorded_run
from cnn_space.page.finetune.session import Session
from cnn_space.training import finetuning


def phase(state):
    return with_class(state, "ft-state")[0].get("data-phase")


def count(html, tag):
    return len(list(parse(html).iter(tag)))


def test_the_visitors_nets_are_bounded(checkpoints, monkeypatch):
    most = [Bounds(2, 1 << 30, 600)]
    shelf = Shelf(lambda nets, name: nets.pop(name, None), lambda: most[0])
    monkeypatch.setattr(visitor_nets, "NETS", shelf)
    visits = [(with_bars(), OwnNets()) for _ in range(3)]
    for session, own_nets in visits:
        trained(session, own_nets)
        assert len(own_nets) == 1
        result = session.kept.result
        kept = [*result.loaded.net.parameters()]  # LeNet-5 has no buffers
        kept += [session.visitor_set.images.images, result.checked.images]
        assert session.bytes == sum(tensor.nbytes for tensor in kept)
    assert [len(own_nets) for _, own_nets in visits] == [0, 1, 1]
    # A net counts twice, and two of them are too many for the room of one.
    most[0] = Bounds(2, 3 * visits[0][0].kept.result.loaded.bytes, 600)
    trained(*visits[0])
    assert [len(own_nets) for _, own_nets in visits] == [1, 0, 0]


# The run


def test_a_run_from_start_to_its_result(checkpoints):
    session, own_nets = with_bars(), OwnNets()
    reports, shown = trained(session, own_nets)
    phases = [phase(report["state"]) for report in reports]
    assert list(dict.fromkeys(phases)) == ["preparing", "features", "head", "top", "all"]
    assert count(reports[-1]["curves"], "polyline") == 4
    [(name, loaded)] = own_nets.items()
    assert name == session.kept.name and loaded is session.kept.result.loaded
    assert loaded.record.source == "session" and loaded.record.labels == ("left", "right")
    assert phase(shown["state"]) == "finished" and shown["own_nets"] is own_nets
    assert "learned 2 classes of Bars from 20 images" in shown["result"]
    assert name in text(parse(shown["own_net"])) and "60 minutes" in shown["own_net"]
    assert shown["download"].interactive and shown["use"].interactive
    assert shown["as_onnx"].interactive
    file = TAB.write_onnx(session, visitor())["onnx_file"].value
    model = onnx.load(file if isinstance(file, str) else file["path"])
    assert model.graph.name == "lenet5.bars" and model.graph.input[0].name == "photo"
    with pytest.raises(gr.Error, match="Train one first"):
        TAB.write_onnx(Session(), visitor())
    assert shown["train"].interactive and not shown["stop"].interactive
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
    trained(session, own_nets)
    assert len(own_nets) == 2 and len(set(own_nets)) == 2


def test_the_same_from_a_visitor_who_reads_korean(checkpoints):
    reports, shown = trained(with_bars(), request=visitor("ko-KR,ko;q=0.9"))
    assert "준비 중" in reports[0]["state"]
    assert "완료" in shown["state"] and "배웠습니다" in shown["result"]


@pytest.mark.parametrize(
    "lang, said",
    [
        ("en", "held-out images right; too few for a percentage."),
        ("ko", "백분율로 나타내기에는 너무 적"),
    ],
)
def test_few_held_out_images_make_no_percentage(checkpoints, lang, said):
    """Nor in the lists of nets, nor for a class: 4 images are held out, 2 of each."""
    session, own_nets = with_bars(), OwnNets()
    _, shown = trained(session, own_nets, request=visitor(lang))
    right = sum(a == b for a, b in zip(*vars_of(session), strict=True))
    of_four = {"en": f"{right} of 4", "ko": f"4장 중 {right}장"}[lang]
    assert of_four in shown["result"] and said in shown["result"]
    assert "%" not in shown["result"] and "%" not in text(parse(shown["matrix"]))
    assert of_four in text(parse(shown["own_net"]))
    assert of_four in nets.choices(own_nets, lang)[0][0]
    # As a file it is the same: in the card, and in Compare.
    with zipfile.ZipFile(session.kept.file) as archive:
        archive.extractall(session.kept.folder.name)
    home = weights.load(os.path.join(session.kept.folder.name, "lenet5.bars.safetensors"))
    assert home.record.eval_images == session.kept.result.loaded.record.eval_images == 4


@pytest.mark.parametrize("choice, said", [("on", True), ("auto", False)])
def test_that_classes_were_weighted_is_said(checkpoints, choice, said):
    _, shown = trained(with_bars(), class_weights=choice)
    assert ("Rare classes weighed more in training: 10 images of" in shown["result"]) == said


def vars_of(session):
    report = session.kept.result.report
    return report.targets, report.answers


def test_train_waits_for_its_turn():
    session = with_bars()
    shown = TAB.begin(session, "zip", visitor())
    assert phase(shown["state"]) == "queued" and shown["session"] is session
    assert shown["stop"].interactive and not shown["train"].interactive
    assert TAB.begin(session, "zip", visitor()) == gr.skip()  # a second click


def test_the_recorded_result_goes_while_an_own_run_trains(checkpoints):
    session = Session()
    assert TAB.arrive(session, LENET, visitor())["result"]
    begun = TAB.begin(session, "digits", visitor())
    assert not any(begun[place] for place in ("result", "matrix", "mistakes", "cell"))
    stopped = TAB.halt(session, OwnNets(), visitor())  # before a net was checked
    assert stopped["result"] and stopped["matrix"]


def test_stop_keeps_the_best_net_so_far(checkpoints):
    session, own_nets = with_bars(), OwnNets()
    reports = training_all_layers(session)
    reports.close()  # what Gradio does for cancels=
    shown = TAB.halt(session, own_nets, visitor())
    assert phase(shown["state"]) == "stopped" and len(own_nets) == 1
    # Whatever comes after that shows the same, and keeps no second net.
    for again in (TAB.finish, TAB.halt):
        late = again(session, own_nets, visitor())
        assert late["state"] == shown["state"] and late["result"] == shown["result"]
        assert len(own_nets) == 1


def test_a_report_after_stop_is_not_shown(checkpoints):
    session = with_bars()
    reports = training_all_layers(session)
    TAB.halt(session, OwnNets(), visitor())  # before Gradio closes the generator
    assert list(reports) == []


def test_stop_and_the_end_at_once_keep_one_net(checkpoints):
    session, own_nets = with_bars(), OwnNets()
    list(start(session))
    events = [TAB.halt, TAB.finish] * 4
    with ThreadPoolExecutor(len(events)) as pool:
        shown = list(pool.map(lambda event: event(session, own_nets, visitor()), events))
    assert len({outcome["state"] for outcome in shown}) == 1 and len(own_nets) == 1
    assert phase(shown[0]["state"]) == "finished"


def test_stop_before_there_is_anything(checkpoints):
    session, own_nets = with_bars(), OwnNets()
    assert "no net to keep" in TAB.halt(session, own_nets, visitor())["state"]
    reports = start(session)
    next(reports)
    next(reports)
    reports.close()
    shown = TAB.halt(session, own_nets, visitor())
    assert "no net to keep" in shown["state"] and "result" not in shown and not own_nets


def test_a_run_stopped_while_its_net_is_loaded_never_begins(checkpoints, monkeypatch):
    session, load = with_bars(), weights.load

    def slow(name):
        loaded = load(name)
        TAB.halt(session, OwnNets(), visitor())
        TAB.begin(session, session.source, visitor())  # the next run
        return loaded

    monkeypatch.setattr(weights, "load", slow)
    assert len(list(start(session))) == 1
    assert session.run.state == "fetching" and session.training is None


def test_a_run_stopped_before_its_turn_never_begins(checkpoints):
    session = with_bars()
    reports = start(session)
    TAB.halt(session, OwnNets(), visitor())
    assert list(reports) == [] and session.training is None


def test_a_net_that_comes_after_stop_starts_nothing(checkpoints, monkeypatch):
    """Nor does it while the next run waits for its own net."""
    session, own_nets, meanwhile = with_bars(), OwnNets(), []
    monkeypatch.setattr(nets, "fetch", lambda *_: [event() for event in meanwhile])
    values = {"session": session, "base": LENET, **CONTROLS}
    begin = functools.partial(TAB.begin, session, session.source, visitor())
    begin()
    meanwhile[:] = [lambda: TAB.halt(session, own_nets, visitor()), begin]
    TAB.fetch(session, "vgg16.tv_in1k", own_nets, visitor())
    assert list(TAB.run(values, visitor())) == []
    assert session.run.state == "fetching"  # the second run, whose net has not come
    meanwhile.clear()
    TAB.fetch(session, LENET, own_nets, visitor())
    assert list(TAB.run(values, visitor()))
    assert list(TAB.run(values, visitor())) == []


def test_the_late_end_of_a_stopped_run_leaves_the_next_alone(checkpoints):
    session, own_nets = with_bars(), OwnNets()
    TAB.halt(session, own_nets, visitor())
    reports = training_all_layers(session)
    run = session.training
    assert TAB.finish(session, own_nets, visitor()) == gr.skip()
    assert session.training is run is not None and not own_nets
    reports.close()


def test_a_net_that_could_not_be_fetched_is_not_waited_for_again(checkpoints, monkeypatch):
    monkeypatch.setattr(weights, "load", None)  # would ask the network once more
    with pytest.raises(gr.Error, match="VGG-16 is not on this machine and could not be fetched"):
        list(start(with_bars(), "vgg16.tv_in1k"))


def test_a_run_that_nobody_collects_is_counted_and_let_go(checkpoints):
    session = with_bars()
    idle = session.bytes
    list(start(session))
    assert session.bytes - idle == session.training.bytes > 4 * 61_000  # LeNet-5's parameters
    session.forget()
    assert session.training is None and session.bytes == 0


def test_leaving_the_page_lets_the_run_go(checkpoints):
    session = with_bars()
    reports = start(session, request=visitor(session="one"))
    for _ in range(4):
        next(reports)
    run = weakref.ref(session.training)
    handlers.leave(visitor(session="another"))
    assert session.training is not None
    reports.close()
    handlers.leave(visitor(session="one"))
    del reports
    gc.collect()
    assert session.training is None and run() is None


@pytest.mark.parametrize(
    ("change", "words"),
    [({"augment": "twirl"}, "augment"), ({"lr": 99}, "lr is 99"),
     ({"aux": True}, "no auxiliary heads"), ({"seed": -1}, "seed is -1")],
)  # fmt: skip
def test_controls_out_of_range_are_a_sentence(checkpoints, change, words):
    session = with_bars()
    with pytest.raises(gr.Error, match=words):
        list(start(session, **change))
    assert session.training is None and session.run.state == "idle"


def test_a_refused_start_loses_nothing(checkpoints):
    session, own_nets = with_bars(), OwnNets()
    trained(session, own_nets)
    kept = session.kept
    reports = start(session, seed=-1)
    assert phase(next(reports)["state"]) == "preparing"
    assert phase(next(reports)["state"]) == "idle"
    with pytest.raises(gr.Error):
        next(reports)
    shown = TAB.finish(session, own_nets, visitor())
    assert shown.keys() == {"session", "own_nets", "train", "stop"} and shown["train"].interactive
    assert session.kept is kept and list(own_nets) == [kept.name]


def test_no_images_and_no_net_are_sentences(checkpoints):
    session = Session()
    session.choose("zip")
    with pytest.raises(gr.Error, match="Read your images first"):
        list(start(session))
    with pytest.raises(gr.Error, match="no net to start from"):
        list(start(with_bars(), None))
    with pytest.raises(gr.Error, match="unknown weights"):
        list(start(with_bars(), "lenet5.cifar11"))


def test_english_reasons_have_a_korean_sentence_before_them(checkpoints):
    korean = visitor("ko")
    with pytest.raises(gr.Error, match=r"불러오지 못했습니다.*unknown weights"):
        list(start(with_bars(), "lenet5.cifar11", korean))
    with pytest.raises(gr.Error, match=r"고급 설정.*seed is -1"):
        list(start(with_bars(), request=korean, seed=-1))


def test_time_is_up(checkpoints, monkeypatch):
    monkeypatch.setenv("CNN_SPACE_FINETUNE_SECONDS", "1")
    session, own_nets = with_bars(), OwnNets()
    _, shown = trained(session, own_nets, head_epochs=200, top_epochs=200)
    assert phase(shown["state"]) == "time" and len(own_nets) == 1


def test_a_forgotten_session_does_not_train_on_other_images(checkpoints):
    session = Session()
    TAB.begin(session, "zip", visitor())  # what the page shows as chosen
    session.net_arrives(session.run.number)
    with pytest.raises(gr.Error, match="Read your images first"):
        list(TAB.run({"session": session, "base": LENET, **CONTROLS}, visitor()))


def test_a_preset_sets_the_epochs_of_all_stages():
    assert TAB.choose_preset("quick") == {"head_epochs": 30, "top_epochs": 6, "epochs": 0}


# The result


def test_names_of_classes_are_text_everywhere(checkpoints):
    session = with_bars((EVIL, "plain"))
    _, shown = trained(session)
    parts = [part for part in shown.values() if isinstance(part, str)]
    parts += [result_view.cell(session.shown, f"{i},{j}", "en") for i in (0, 1) for j in (0, 1)]
    pages = [parse(part) for part in parts]
    assert any(EVIL in text(page) for page in pages)
    pictures = [picture for page in pages for picture in page.iter("img")]
    assert pictures and all(picture.keys() == ["src", "alt"] for picture in pictures)


def test_a_cell_opens_its_images_and_nothing_else(checkpoints):
    session = with_bars()
    trained(session)
    confusion = session.kept.result.report.confusion
    for i in (0, 1):
        for j in (0, 1):
            event = gr.EventData(None, {"cell": f"{i},{j}"})
            opened = TAB.open_cell(session, event, visitor())["cell"]
            assert count(opened, "img") == confusion[i][j]
    for wrong in ("", "5,5", "a,b", "1", "1,2,3", "-9,0"):
        assert result_view.cell(session.shown, wrong, "en") == ""


def test_the_result_is_told_with_its_figures(checkpoints):
    session = with_bars(count=50)  # 20 are held out
    _, shown = trained(session)
    report = session.kept.result.report
    figures = [text(figure) for figure in with_class(shown["result"], "figure")]
    assert figures[:2] == [f"{report.before:.1f} %", f"{report.after:.1f} %"]
    assert figures[-1] == "50.0 %"  # always the same class
    assert count(shown["mistakes"], "img") == len(report.mistakes)
    assert ("No held-out image was misjudged" in shown["mistakes"]) == (not report.mistakes)


def test_what_was_forgotten_is_not_shown_as_the_recorded_run(checkpoints):
    session = with_bars()
    trained(session)
    session.forget()
    event = gr.EventData(None, {"cell": "0,0"})
    assert TAB.open_cell(session, event, visitor()) == {"cell": ""}
    fresh = Session()
    assert fresh.shown is None  # a page left open for longer than its session is kept
    TAB.arrive(fresh, LENET, visitor())
    assert fresh.shown is recorded_run() is not None


def test_on_arrival_the_recorded_run_is_shown():
    shown = TAB.arrive(Session(), LENET, visitor("ko"))
    assert text(with_class(shown["result"], "ft-badge")[0]) == "기록된 학습"
    assert "CPU, 스레드 2개" in shown["result"] and phase(shown["state"]) == "idle"
    assert "이미지 1,797장" in shown["contents"] and count(shown["samples"], "img") == 50
    assert count(shown["curves"], "polyline") == 4 and count(shown["mistakes"], "img") >= 1


def test_curves_show_both_parts_and_where_stages_begin():
    point = finetuning.Point
    history = [point(s, "head", "train", 2.5 - s / 10, 10 * s) for s in range(5)]
    history += [point(4.0, "all", "validation", 0.5, 75.0)]
    curves = parse(view.curves(history, "en"))
    lines = list(curves.iter("polyline"))
    counts = [(line.get("data-name"), len(line.get("points").split())) for line in lines]
    assert counts == 2 * [("training", 5), ("validation", 1)]
    captions = [text(caption) for caption in curves.iter("text")]
    assert captions.count("all layers") == 2 and "upper layers" not in captions
    assert count(view.curves((), "en"), "svg") == 2


def test_use_it_goes_to_classify(checkpoints):
    session, own_nets = with_bars(), OwnNets()
    with pytest.raises(gr.Error, match="Train one first"):
        TAB.go_to_classify(session, own_nets, visitor())
    trained(session, own_nets)
    shown = TAB.go_to_classify(session, own_nets, visitor())
    name = session.kept.name
    assert shown["tabs"].selected == "classify" and shown["classify_net"].value == name
    assert name in [value for _, value in shown["classify_net"].choices]
    own_nets.clear()  # it is no longer kept
    with pytest.raises(gr.Error, match="Train one first"):
        TAB.go_to_classify(session, own_nets, visitor())


def test_a_net_is_pushed_to_the_visitors_own_account(checkpoints, monkeypatch):
    session, pushed = with_bars(), []
    token = gr.OAuthToken("secret", "", 0)
    with pytest.raises(gr.Error, match="Train one first"):
        TAB.push_own(session, "", visitor(), token)
    trained(session)
    with pytest.raises(gr.Error, match="Log in first"):
        TAB.push_own(session, "", visitor(), None)
    monkeypatch.setattr(export, "push", lambda *asked: pushed.append(asked) or "me/<b>")
    shown = TAB.push_own(session, " ", visitor(), token)
    assert pushed == [(session.kept.result, "lenet5.bars", "secret")]
    assert text(parse(shown["own_net"])) == "Pushed to me/<b>."

    def refused(*_):
        raise ValueError("no such user")

    monkeypatch.setattr(export, "push", refused)
    with pytest.raises(gr.Error, match="The Hub refused: no such user"):
        TAB.push_own(session, "mine", visitor(), token)


def test_a_pushed_repository_holds_the_net_and_its_card(checkpoints, monkeypatch):
    session, uploaded = with_bars(), {}
    trained(session)
    result = session.kept.result

    class Hub:
        def __init__(self, token):
            self.token = token

        def create_repo(self, name, exist_ok):
            if self.token != "secret":
                raise RuntimeError("401: unauthorised\nand more")
            return SimpleNamespace(repo_id=f"me/{name}")

        def upload_folder(self, *, repo_id, folder_path, commit_message):
            uploaded[repo_id] = sorted(os.listdir(folder_path))

    monkeypatch.setattr(export, "HfApi", Hub)
    assert export.push(result, "bars", "secret") == "me/bars"
    assert uploaded == {"me/bars": ["lenet5.bars.json", "lenet5.bars.safetensors"]}
    with pytest.raises(ValueError, match=r"^401: unauthorised$"):
        export.push(result, "bars", "wrong")


def test_the_recorded_run_is_true_to_itself():
    """The example on arrival is a report of the digits: its images are the ones it judged."""
    result = recorded_run()
    report = result.report
    digits = readers.read_digits().images
    checked = finetuning.split(digits, report.plan.holdout, seed=report.plan.seed)[1]
    assert tuple(checked.labels.tolist()) == report.targets
    assert report.data == digits.name and report.ended == "finished"
    finding = text(parse(result_view.finding(result, "en")))
    assert "Recorded run" in finding and f"{report.after:.1f} %" in finding


def test_the_endpoint_gives_progress_a_report_and_a_net(checkpoints, monkeypatch):
    monkeypatch.setattr(endpoint, "digits", lambda: VisitorSet(bars()))

    def answers(model=LENET, **changes):
        return list(endpoint.finetune(None, model, *(CONTROLS | changes).values()))

    *progress, (report, file) = answers()
    assert {update["phase"] for update, _ in progress} >= {"features", "head", "all"}
    assert report["phase"] == "done" and sum(map(sum, report["confusion"])) == 4
    assert not os.path.exists(file)  # ours is gone; Gradio's copy is the client's
    with pytest.raises(gr.Error, match="unknown weights"):
        answers("nothing.here")
    with pytest.raises(gr.Error, match="seed is 1000"):
        answers(seed=10**16)
    monkeypatch.setattr(finetuning.Run, "has_best", False)
    with pytest.raises(gr.Error, match="before the first validation"):
        answers()

"""The Fine-tune tab's runs: from a click on Train to a net in the visitor's lists."""

import os
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import onnx
import pytest
from finetune_visits import (
    CONTROLS,
    EVIL,
    LENET,
    TAB,
    arrive,
    bars,
    look,
    trained,
    visitor,
    with_bars,
)
from markup import parse, text, with_class

from cnn_space import weights
from cnn_space.images import readers
from cnn_space.images.visitor_set import VisitorSet
from cnn_space.page.common import nets
from cnn_space.page.finetune import endpoint, export, result_view, view
from cnn_space.page.finetune.recorded import recorded_run
from cnn_space.page.finetune.session import Session
from cnn_space.training import finetuning
from cnn_space.training.finetuning import Update


def phase(state):
    return with_class(state, "ft-state")[0].get("data-phase")


def count(html, tag):
    return len(list(parse(html).iter(tag)))


def test_a_preset_sets_the_epochs_of_all_stages():
    assert TAB.choose_preset("quick") == {"head_epochs": 30, "top_epochs": 6, "epochs": 0}


# The result


@pytest.mark.parametrize(
    "lang, said",
    [
        ("en", "held-out images right; too few for a percentage."),
        ("ko", "백분율로 나타내기에는 너무 적"),
    ],
)
def test_few_held_out_images_make_no_percentage(checkpoints, lang, said):
    """Nor in the lists of nets, nor for a class: 4 images are held out, 2 of each."""
    session = with_bars()
    _, shown = trained(session, request=visitor(lang))
    right = sum(a == b for a, b in zip(*vars_of(session), strict=True))
    of_four = {"en": f"{right} of 4", "ko": f"4장 중 {right}장"}[lang]
    assert of_four in shown["result"] and said in shown["result"]
    assert "%" not in shown["result"] and "%" not in text(parse(shown["matrix"]))
    assert of_four in text(parse(shown["own_net"]))
    assert of_four in nets.choices(session.own_nets, lang)[0][0]
    # As a file it is the same: in the card, and in Compare.
    home = weights.load(session.kept.file)
    assert home.record.eval_images == session.kept.result.loaded.record.eval_images == 4


@pytest.mark.parametrize(
    "lang, said",
    [
        ("en", "of 24 images are right, each judged by a net that did not learn from it."),
        ("ko", "이미지마다 그 이미지를 배우지 않은 신경망으로 검증했고"),
    ],
)
def test_few_images_are_cross_validated(checkpoints, lang, said):
    session = with_bars()
    reports, shown = trained(session, request=visitor(lang), cross_validate="auto")
    assert said in shown["result"] and session.kept.result.report.folds == 5
    assert any({"en": "Round 2 of 6", "ko": "6회 중 2회"}[lang] in r["state"] for r in reports)
    cells = [cell for cell in parse(shown["matrix"]).iter("button") if cell.get("data-cell")]
    assert sum(int(text(cell)) for cell in cells) == 24


@pytest.mark.parametrize("choice, said", [("on", True), ("auto", False)])
def test_that_classes_were_weighted_is_said(checkpoints, choice, said):
    _, shown = trained(with_bars(), class_weights=choice)
    assert ("Rare classes weighed more in training: 10 images of" in shown["result"]) == said


def test_likely_wrong_labels_are_shown_and_left_out(checkpoints):
    images = bars()
    labels, planted = images.labels.clone(), [3, 8]
    labels[planted] = 1 - labels[planted]
    names = tuple(f"bars/{EVIL}{i}.png" for i in range(24))
    session = Session()
    images = replace(images, labels=labels, names=names)
    session.images_arrive(session.read("zip"), VisitorSet(images))
    _, shown = trained(session, cross_validate="auto")
    report = session.kept.result.report
    assert sorted(suspect.number for suspect in report.suspects) == planted
    found = parse(shown["suspects"])
    assert {image.get("alt") for image in found.iter("img")} == {names[i] for i in planted}
    captions = sorted(text(caption) for caption in found.iter("figcaption"))
    assert captions[0].startswith("labelled leftrather right") and shown["again"].visible
    fewer = TAB.leave_out(session, LENET, "none", 20, visitor())
    assert "22 images in 2 classes" in fewer["contents"] and "2 left out" in fewer["contents"]
    assert not {names[i] for i in planted} & set(session.visitor_set.images.names)
    # Those that are not in the set any more cannot be left out.
    with pytest.raises(gr.Error, match="not in the set any more"):
        TAB.leave_out(session, LENET, "none", 20, visitor())
    _, shown = trained(session, cross_validate="auto")
    assert session.kept.result.report.train_counts == (11, 11)
    assert not shown["suspects"] and not shown["again"].visible


def test_two_images_of_a_class_stay(checkpoints):
    fewer = VisitorSet(bars(count=4)).without([0, 2, 4, 6, 1])
    assert fewer.images.counts == [2, 3] and fewer.left_out[0].count == 3


def vars_of(session):
    report = session.kept.result.report
    return report.targets, report.answers


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
    assert ("No image was misclassified" in shown["mistakes"]) == (not report.mistakes)


def test_the_net_as_onnx(checkpoints, monkeypatch):
    session = with_bars()
    with pytest.raises(gr.Error, match="Train one first"):
        TAB.write_onnx(session, visitor())
    trained(session)
    with monkeypatch.context() as patch:
        patch.setattr(export.shutil, "disk_usage", lambda place: SimpleNamespace(free=2**16))
        with pytest.raises(gr.Error, match="There is no room for the net"):
            TAB.write_onnx(session, visitor())
    file = TAB.write_onnx(session, visitor())["onnx_file"].value
    model = onnx.load(file if isinstance(file, str) else file["path"])
    assert model.graph.name == "lenet5.bars" and model.graph.input[0].name == "photo"


def test_what_was_forgotten_is_not_shown_as_the_recorded_run(checkpoints):
    session = with_bars()
    trained(session)
    session.own_nets.forget(session.kept.name)
    event = gr.EventData(None, {"cell": "0,0"})
    assert TAB.open_cell(session, event, visitor()) == {"cell": ""}
    assert not look(session)["result"]
    shown = arrive(session)  # a page that is opened anew
    assert session.shown is recorded_run() is not None and "Recorded run" in shown["result"]


def test_on_arrival_the_recorded_run_is_shown():
    shown = arrive(request=visitor("ko"))
    assert text(with_class(shown["result"], "ft-badge")[0]) == "기록된 학습"
    assert "CPU, 스레드 2개" in shown["result"] and phase(shown["state"]) == "idle"
    assert "이미지 1,797장" in shown["contents"] and count(shown["samples"], "img") == 50
    assert count(shown["curves"], "polyline") == 4 and count(shown["mistakes"], "img") >= 1


@pytest.mark.parametrize(("phase", "words"), [("preparing", "scaling"), ("features", "1 of 18")])
def test_before_the_first_epoch_what_is_left_is_said_too(phase, words):
    update = Update(phase, step=1, steps=18, seconds_left=16.2)
    html = view.progress(update, "en")
    assert words in html and "about 17 s left" in text(parse(html)) and "width:5.6%" in html
    assert "17초" in view.progress(update, "ko")
    assert "left" not in view.progress(Update(phase), "en")


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
    session = with_bars()
    with pytest.raises(gr.Error, match="Train one first"):
        TAB.go_to_classify(session, visitor())
    trained(session)
    shown = TAB.go_to_classify(session, visitor())
    name = session.kept.name
    assert shown["tabs"].selected == "classify" and shown["classify_net"].value == name
    assert name in [value for _, value in shown["classify_net"].choices]
    session.own_nets.forget(name)  # it is no longer kept
    with pytest.raises(gr.Error, match="Train one first"):
        TAB.go_to_classify(session, visitor())


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

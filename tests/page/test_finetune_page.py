"""The Fine-tune tab's handlers: what they say, how long they keep things, and for whom."""

import copy
import gc
import io
import math
import os
import re
import time
import weakref
import zipfile
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image

from cnn_space import weights
from cnn_space.images import readers
from cnn_space.images.image_set import ImageSet
from cnn_space.images.visitor_set import LEFT_OUT, REASONS, LeftOut, VisitorSet
from cnn_space.page.common.bench import (
    BENCHES,
    Bench,
    Shelf,
    budget,
    digits,
    example,
    keep_minutes,
    shown,
)
from cnn_space.page.common.nets import OwnNets
from cnn_space.page.common.texts import TEXTS
from cnn_space.page.finetune import handlers as finetune
from cnn_space.page.finetune.view import (
    _round_up,
    cell_html,
    curves_html,
    data_html,
    idle_html,
    limits_html,
    result_html,
)
from cnn_space.training import finetuning

# optimizer, lr, lower, head_epochs, top_epochs, epochs, augment, aux, frozen_norm, holdout, seed
CONTROLS = ("sgd", 0, 0.1, 3, 1, 1, "shift", False, False, 20, 0)
EVIL = "<img src=x onerror=alert(1)>'\""


def visitor(lang="en", host="127.0.0.1", session="s", **headers):
    return SimpleNamespace(
        headers={"accept-language": lang, "host": "localhost:7860"} | headers,
        session_hash=session,
        client=SimpleNamespace(host=host),
    )


def bars(names=("left", "right"), count=12):
    labels = np.arange(count * len(names)) % len(names)
    pixels = np.random.default_rng(0).integers(0, 60, (len(labels), 3, 32, 32))
    for image, label in zip(pixels, labels, strict=True):
        image[:, :, 16 * (label % 2) : 16 * (label % 2) + 16] += 150
    return ImageSet(
        torch.from_numpy(pixels.astype(np.uint8)), torch.from_numpy(labels), tuple(names), "Bars"
    )


def table(names=("left", "right")):
    """A bench with images read from a zip."""
    bench = Bench()
    bench.source, bench.intake = "zip", VisitorSet(bars(names))
    return bench


def start(bench, *controls_and_request):
    """A click on Train, as the page does it."""
    finetune.begin(bench, bench.source, controls_and_request[-1])
    bench.ready = bench.starting  # its net is here
    return finetune.start(bench, *controls_and_request)


def trained(bench, own, request=None, base="lenet5.cifar10"):
    request = request or visitor()
    updates = list(start(bench, base, *CONTROLS, request))
    return updates, finetune.finish(bench, own, request)


# How long, and how many


def test_a_shelf_is_bounded_in_number():
    taken = []
    shelf = Shelf(3, 100, 100, lambda owner, key: taken.append((owner, key)))
    first, second = OwnNets(), OwnNets()
    for owner, key in ((first, "a"), (second, "a"), (first, "b"), (first, "a"), (second, "b")):
        shelf.keep(owner, key, size=1)
    # first's "a" was kept anew, so second's "a" was the oldest of four.
    assert [(owner is second, key) for owner, key in taken] == [(True, "a")]
    assert len(shelf) == 3


def test_a_shelf_is_bounded_in_bytes():
    taken = []
    shelf, owner = Shelf(10, 100, 100, lambda owner, key: taken.append(key)), OwnNets()
    for key, size in (("a", 40), ("b", 60), ("c", 30), ("d", 10)):
        shelf.keep(owner, key, size=size)
    assert taken == ["a"]  # 40 + 60 + 30 are too many; 60 + 30 + 10 just fit
    shelf.keep(owner, "c", size=31)
    assert taken == ["a", "b"]
    shelf.keep(owner, "e", size=1000)  # its owner has just made it
    assert taken == ["a", "b", "d", "c"] and len(shelf) == 1


def test_a_shelf_is_bounded_in_time(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    taken = []
    shelf, owner = Shelf(10, 9, 60, lambda owner, key: taken.append(key)), OwnNets()
    shelf.keep(owner, "old", size=1)
    now[0] = 50
    shelf.keep(owner, "new", size=1)
    now[0] = 70
    shelf.tidy()
    assert taken == ["old"] and len(shelf) == 1


def test_a_shelf_does_not_keep_its_owners():
    shelf, owner = Shelf(10, 9, 60, lambda *_: None), Bench()
    shelf.keep(owner, size=owner.bytes)
    gone = weakref.ref(owner)
    del owner
    gc.collect()
    shelf.tidy()
    assert gone() is None and len(shelf) == 0


def test_every_session_gets_nets_of_its_own():
    first = OwnNets()
    second = copy.deepcopy(first)
    first["mine"] = "net"
    assert second == second and first != second and not second


def test_the_visitors_nets_are_bounded(checkpoints, monkeypatch):
    shelf = Shelf(2, 1 << 30, 600, lambda nets, name: nets.pop(name, None))
    monkeypatch.setattr(finetune, "NETS", shelf)
    visitors = [(table(), OwnNets()) for _ in range(3)]
    for bench, own in visitors:
        trained(bench, own)
        assert len(own) == 1
        kept = [*bench.result.loaded.net.parameters()]  # LeNet-5 has no buffers
        kept += [bench.intake.images.images, bench.result.checked.images]
        assert bench.bytes == sum(tensor.nbytes for tensor in kept)
    assert [len(own) for _, own in visitors] == [0, 1, 1]
    # A net counts twice, and two of them are too many for the room of one.
    shelf.most_bytes = 3 * visitors[0][0].result.loaded.bytes
    trained(*visitors[0])
    assert [len(own) for _, own in visitors] == [1, 0, 0]


def test_settings_come_from_the_environment(monkeypatch):
    monkeypatch.delenv("SPACE_ID", raising=False)
    assert budget() is None and keep_minutes() == 60
    assert "folder" in finetune.sources()
    monkeypatch.setenv("SPACE_ID", "me/space")
    assert budget() == 180 and "folder" not in finetune.sources()
    monkeypatch.setenv("CNN_SPACE_FINETUNE_SECONDS", "30")
    monkeypatch.setenv("CNN_SPACE_FINETUNE_KEEP_MINUTES", "5")
    monkeypatch.setenv("CNN_SPACE_FINETUNE_IMAGES", "123")
    assert budget() == 30 and keep_minutes() == 5
    assert "30 s" in idle_html("en") and "123 images" in limits_html("en")


# Images


def test_a_zip_is_read_and_shown(checkpoints, tmp_path):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(buffer, "PNG")
    path = tmp_path / "pets.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for k, name in enumerate(("고양이", EVIL.replace("/", ""))):
            for i in range(3):
                noise = np.random.default_rng(10 * k + i).integers(0, 255, (20, 20, 3))
                buffer = io.BytesIO()
                Image.fromarray(noise.astype(np.uint8)).save(buffer, "PNG")
                archive.writestr(f"{name}/{i}.png", buffer.getvalue())
        archive.writestr("고양이/<b>.txt", "x")
    bench = Bench()
    bench, *told = finetune.read_images(bench, "zip", str(path), "", "", visitor())
    assert all(part == gr.skip() for part in told)
    base, data, samples = finetune.suit(bench, "lenet5.cifar10", "none", 40, visitor())
    assert base == "lenet5.cifar10" and "4 to learn from, 2 to check on" in data
    assert bench.images.images.classes[1] == "고양이"
    assert "6 images in 2 classes" in data and "1 × not an image" in data
    for html in (data, samples):
        assert "<img src=x" not in html and "<b>.txt" not in html and "onerror" in html
    assert samples.count("<img ") == 6


def test_photos_start_from_the_net_trained_on_photos(monkeypatch):
    small, large = finetune.BASES
    known = [small, large, "lenet5.cifar10"]
    monkeypatch.setattr(finetune.weights, "is_known", known.__contains__)

    def intake(side):
        images = torch.zeros(4, 3, side, side, dtype=torch.uint8)
        return VisitorSet(ImageSet(images, torch.tensor([0, 0, 1, 1]), ("a", "b")))

    assert finetune.suited_base(intake(64), large) == small
    assert finetune.suited_base(intake(65), small) == large
    assert finetune.suited_base(intake(65), "lenet5.cifar10") == "lenet5.cifar10"
    assert finetune.suited_base(None, large) == large
    known.remove(large)
    assert finetune.suited_base(intake(65), small) == small


def test_images_that_come_too_late_change_nothing(checkpoints, monkeypatch):
    bench = Bench()

    def slow(name):
        finetune.choose_source(bench, "digits", "lenet5.cifar10", 20, visitor())
        return digits()

    monkeypatch.setattr(readers, "read_hub", slow)
    _, *rest = finetune.read_images(bench, "hub", None, "me/set", "", visitor())
    assert bench.source == "digits" and bench.intake is None
    rest += finetune.suit(bench, "lenet5.cifar10", "shift", 20, visitor())
    assert all(part == gr.skip() for part in rest)


def test_what_is_chosen_while_images_are_read_stays(checkpoints, monkeypatch):
    bench, shown = Bench(), []
    finetune.choose_source(bench, "hub", "lenet5.cifar10", 20, visitor())

    def slow(name):
        shown.extend(finetune.show_images(bench, "lenet5.cifar10", "none", 20, visitor()))
        return VisitorSet(bars())

    monkeypatch.setattr(readers, "read_hub", slow)
    finetune.read_images(bench, "hub", None, "me/set", "", visitor())
    assert shown == [gr.skip()] * 2  # that images are read stays on the page
    base, data, samples = finetune.suit(bench, "lenet5.cifar10", "none", 50, visitor())
    assert base == "lenet5.cifar10" and "12 to learn from, 12 to check on" in data and samples


def test_what_cannot_be_read_is_said_in_the_visitors_language(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(b"no zip")
    for lang, words in (("en", "not a zip"), ("ko", "zip 파일이 아니거나")):
        told = finetune.read_images(Bench(), "zip", str(path), "", "", visitor(lang))
        assert words in told[1] and "2,000" in told[1] and told[0].images is None
    told = finetune.read_images(Bench(), "zip", None, "", "", visitor())
    assert "Choose a zip first" in told[1]
    deleted = str(tmp_path / "deleted.zip")
    assert "no longer here" in finetune.read_images(Bench(), "zip", deleted, "", "", visitor())[1]
    told = finetune.read_images(Bench(), "hub", None, EVIL, "", visitor())
    assert "not the name of a dataset" in told[1] and "<img" not in told[1]


def test_only_a_visitor_at_this_machine_may_name_a_folder(checkpoints, tmp_path, monkeypatch):
    monkeypatch.delenv("SPACE_ID", raising=False)
    for name in "ab":
        (tmp_path / "pets" / name).mkdir(parents=True)
        for i in range(2):
            noise = np.random.default_rng(2 * ord(name) + i).integers(0, 255, (20, 20, 3))
            Image.fromarray(noise.astype(np.uint8)).save(tmp_path / "pets" / name / f"{i}.png")
    where = (None, "", str(tmp_path / "pets"))
    assert finetune.read_images(Bench(), "folder", *where, visitor())[0].images
    for name, value in (("SPACE_ID", "me/s"), ("CNN_SPACE_FINETUNE_FOLDERS", "0"), ("X", "")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            request = visitor(host="10.0.0.7" if name == "X" else "127.0.0.1")
            told = finetune.read_images(Bench(), "folder", *where, request)
            assert "no folder" in told[1] and told[0].images is None
    # Through a proxy on this machine: it says so, or the address is the one the visitor asked for.
    for header, value in (("x-forwarded-for", "10.0.0.7"), ("host", "192.168.0.2:7860")):
        told = finetune.read_images(Bench(), "folder", *where, visitor(**{header: value}))
        assert "no folder" in told[1] and told[0].images is None


def test_every_reason_has_words_in_both_languages():
    for lang in ("en", "ko"):
        assert {f"finetune_left_{reason}" for reason in LEFT_OUT} <= set(TEXTS[lang])
        assert {f"finetune_error_{reason}" for reason in REASONS} <= set(TEXTS[lang])


def test_left_out_files_are_told_with_their_example():
    intake = VisitorSet(bars(), (LeftOut("bomb", 2, EVIL), LeftOut("time", 1, "b")))
    html = data_html(intake, 0.2, "en")
    assert "3 left out" in html and "2 × unpacks to far more" in html and "<img src=x" not in html
    assert "20 to learn from, 4 to check on" in html


# The run


def test_a_run_from_start_to_its_result(checkpoints):
    bench, own = table(), OwnNets()
    updates, outcome = trained(bench, own)
    phases = [re.search(r"data-phase='(\w+)'", state).group(1) for _, state, _ in updates]
    assert list(dict.fromkeys(phases)) == ["preparing", "features", "head", "top", "all"]
    assert updates[-1][2].count("<polyline") == 4
    [loaded] = own.values()
    assert bench.run is None and loaded.record.source == "session" and loaded is bench.result.loaded
    assert loaded.record.labels == ("left", "right")
    state, result, matrix = outcome[2], outcome[4], outcome[6]
    assert "data-phase='finished'" in state and "learned 2 classes of Bars" in result
    assert matrix.count("data-cell=") >= 2
    with zipfile.ZipFile(bench.file) as archive:
        assert sorted(archive.namelist()) == ["lenet5.bars.json", "lenet5.bars.safetensors"]
        archive.extractall(bench.folder.name)
    home = weights.load(os.path.join(bench.folder.name, "lenet5.bars.safetensors"))
    assert home.record.accuracy == round(bench.result.report.after, 2)
    again = trained(bench, own)[1]
    assert len(own) == 2 and again[1] is own


def test_the_same_from_a_visitor_who_reads_korean(checkpoints):
    updates, outcome = trained(table(), OwnNets(), visitor("ko-KR,ko;q=0.9"))
    assert "준비 중" in updates[0][1] and "완료" in outcome[2] and "맞혔습니다" in outcome[4]


def training_all_layers(bench):
    """The updates of a long run, up to the first of all layers."""
    controls = (*CONTROLS[:5], 200, *CONTROLS[6:])
    updates = start(bench, "lenet5.cifar10", *controls, visitor())
    for _, state, _ in updates:
        if "data-phase='all'" in state:
            return updates


def test_stop_keeps_the_best_net_so_far(checkpoints):
    bench, own = table(), OwnNets()
    updates = training_all_layers(bench)
    updates.close()  # what Gradio does for cancels=
    outcome = finetune.stop(bench, own, visitor())
    assert "data-phase='stopped'" in outcome[2] and len(own) == 1
    # Whatever comes after that shows the same, and keeps no second net.
    for again in (finetune.finish, finetune.stop):
        late = again(bench, own, visitor())
        assert late[2] == outcome[2] and late[4] == outcome[4] and len(own) == 1


def test_an_update_after_stop_is_not_shown(checkpoints):
    bench, own = table(), OwnNets()
    updates = training_all_layers(bench)
    finetune.stop(bench, own, visitor())  # before Gradio closes the generator
    assert list(updates) == []


def test_stop_and_the_end_at_once_keep_one_net(checkpoints):
    bench, own = table(), OwnNets()
    list(start(bench, "lenet5.cifar10", *CONTROLS, visitor()))
    handlers = [finetune.stop, finetune.finish] * 4
    with ThreadPoolExecutor(len(handlers)) as pool:
        states = list(pool.map(lambda handler: handler(bench, own, visitor())[2], handlers))
    assert len(set(states)) == 1 and "data-phase='finished'" in states[0] and len(own) == 1


def test_stop_before_there_is_anything(checkpoints):
    bench, own = table(), OwnNets()
    outcome = finetune.stop(bench, own, visitor())
    assert "no net to keep" in outcome[2] and not own
    updates = start(bench, "lenet5.cifar10", *CONTROLS, visitor())
    next(updates)
    next(updates)
    updates.close()
    assert "no net to keep" in finetune.stop(bench, own, visitor())[2] and not own


def test_a_run_stopped_while_its_net_is_loaded_never_begins(checkpoints, monkeypatch):
    bench, own = table(), OwnNets()
    load = finetune.weights.load

    def slow(name):
        loaded = load(name)
        finetune.stop(bench, own, visitor())
        bench.run = "the next run"
        return loaded

    monkeypatch.setattr(finetune.weights, "load", slow)
    updates = list(start(bench, "lenet5.cifar10", *CONTROLS, visitor()))
    assert len(updates) == 1 and bench.run == "the next run"


def test_a_run_stopped_before_its_turn_never_begins(checkpoints):
    bench, own = table(), OwnNets()
    updates = start(bench, "lenet5.cifar10", *CONTROLS, visitor())
    finetune.stop(bench, own, visitor())
    assert list(updates) == [] and bench.run is None


def test_a_net_that_comes_after_stop_starts_nothing(checkpoints, monkeypatch):
    """Nor does it while the next run waits for its own net."""
    bench, own, arrivals = table(), OwnNets(), []
    monkeypatch.setattr(finetune.nets, "fetch", lambda *_: [arrive() for arrive in arrivals])
    finetune.begin(bench, bench.source, visitor())
    arrivals[:] = [
        lambda: finetune.stop(bench, own, visitor()),
        lambda: finetune.begin(bench, bench.source, visitor()),
    ]
    finetune.fetch(bench, "vgg16.tv_in1k", own, visitor())
    assert list(finetune.start(bench, "lenet5.cifar10", *CONTROLS, visitor())) == []
    assert bench.starting is not None  # the second run, whose net has not come
    arrivals.clear()
    finetune.fetch(bench, "lenet5.cifar10", own, visitor())
    assert list(finetune.start(bench, "lenet5.cifar10", *CONTROLS, visitor()))
    assert list(finetune.start(bench, "lenet5.cifar10", *CONTROLS, visitor())) == []


def test_the_late_end_of_a_stopped_run_leaves_the_next_alone(checkpoints):
    bench, own = table(), OwnNets()
    finetune.stop(bench, own, visitor())
    updates = training_all_layers(bench)
    run = bench.run
    late = finetune.finish(bench, own, visitor())
    assert all(part == gr.skip() for part in late) and bench.run is run is not None and not own
    assert len(late) == len(finetune.stop(bench, own, visitor()))
    updates.close()


def test_a_net_that_could_not_be_fetched_is_not_waited_for_again(checkpoints, monkeypatch):
    monkeypatch.setattr(finetune.weights, "load", None)  # would ask the network once more
    bench = table()
    with pytest.raises(gr.Error, match="VGG-16 is not on this machine and could not be fetched"):
        list(start(bench, "vgg16.tv_in1k", *CONTROLS, visitor()))


def test_a_run_that_nobody_collects_is_counted_and_let_go(checkpoints):
    bench = table()
    idle = bench.bytes
    list(start(bench, "lenet5.cifar10", *CONTROLS, visitor()))
    assert bench.bytes - idle == bench.run.bytes > 4 * 61_000  # LeNet-5's parameters
    BENCHES._take(bench, "")
    assert bench.run is None
    bench = table()
    updates = training_all_layers(bench)
    BENCHES._take(bench, "")
    assert bench.run is not None  # under way
    updates.close()


def test_leaving_the_page_lets_the_run_go(checkpoints):
    bench = table()
    updates = start(bench, "lenet5.cifar10", *CONTROLS, visitor(session="one"))
    for _ in range(4):
        next(updates)
    run = weakref.ref(bench.run)
    finetune.leave(visitor(session="another"))
    assert bench.run is not None
    updates.close()
    finetune.leave(visitor(session="one"))
    del updates
    gc.collect()
    assert bench.run is None and run() is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({6: "twirl"}, "augment"),
        ({1: 99}, "learning rate"),
        ({7: True}, "no auxiliary heads"),
    ],
)
def test_controls_out_of_range_are_a_sentence(checkpoints, change, words):
    controls = [change.get(i, value) for i, value in enumerate(CONTROLS)]
    bench = table()
    with pytest.raises(gr.Error, match=words):
        list(start(bench, "lenet5.cifar10", *controls, visitor()))
    assert bench.run is None


def test_no_images_and_no_net_are_sentences(checkpoints):
    bench = Bench()
    bench.source = "zip"
    with pytest.raises(gr.Error, match="Read your images first"):
        list(start(bench, "lenet5.cifar10", *CONTROLS, visitor()))
    with pytest.raises(gr.Error, match="no net to start from"):
        list(start(table(), None, *CONTROLS, visitor()))
    with pytest.raises(gr.Error, match="unknown weights"):
        list(start(table(), "lenet5.cifar11", *CONTROLS, visitor()))


def test_english_reasons_have_a_korean_sentence_before_them(checkpoints):
    korean = visitor("ko")
    with pytest.raises(gr.Error, match=r"불러오지 못했습니다.*unknown weights"):
        list(start(table(), "lenet5.cifar11", *CONTROLS, korean))
    with pytest.raises(gr.Error, match=r"고급 설정.*seed is 0 to"):
        list(start(table(), "lenet5.cifar10", *CONTROLS[:-1], -1, korean))


def test_time_is_up(checkpoints, monkeypatch):
    monkeypatch.setenv("CNN_SPACE_FINETUNE_SECONDS", "1")
    bench, own = table(), OwnNets()
    controls = (*CONTROLS[:3], 200, 200, *CONTROLS[5:])
    list(start(bench, "lenet5.cifar10", *controls, visitor()))
    outcome = finetune.finish(bench, own, visitor())
    assert "data-phase='time'" in outcome[2] and len(own) == 1


# The result


def test_names_of_classes_are_escaped_everywhere(checkpoints):
    bench, own = table((EVIL, "plain")), OwnNets()
    _, outcome = trained(bench, own)
    pages = [part for part in outcome if isinstance(part, str)]
    pages += [cell_html(shown(bench), f"{i},{j}", "en") for i in (0, 1) for j in (0, 1)]
    assert any("onerror" in page for page in pages)
    assert not any("<img src=x" in page for page in pages)


def test_a_cell_opens_its_images_and_nothing_else(checkpoints):
    bench = table()
    trained(bench, OwnNets())
    confusion = bench.result.report.confusion
    for i in (0, 1):
        for j in (0, 1):
            html = cell_html(shown(bench), f"{i},{j}", "en")
            assert html.count("<img ") == confusion[i][j]
    for wrong in ("", "5,5", "a,b", "1", "1,2,3", "-9,0"):
        assert cell_html(shown(bench), wrong, "en") == ""


def test_what_was_forgotten_is_not_shown_as_the_recorded_run(checkpoints):
    bench = table()
    trained(bench, OwnNets())
    BENCHES._take(bench, "")
    assert cell_html(shown(bench), "0,0", "en") == "" and shown(bench) is None
    fresh = Bench()
    assert shown(fresh) is None  # a page left open for longer than the bench lives
    finetune.arrive(fresh, "lenet5.cifar10", visitor())
    assert shown(fresh) is example() is not None


def test_a_forgotten_bench_does_not_train_on_other_images(checkpoints):
    bench = Bench()
    finetune.begin(bench, "zip", visitor())  # what the page shows as chosen
    with pytest.raises(gr.Error, match="Read your images first"):
        list(start(bench, "lenet5.cifar10", *CONTROLS, visitor()))


def test_curves_end_where_the_history_does():
    point = finetuning.Point
    history = [point(s, "head", "train", 2.5 - s / 10, 10 * s) for s in range(5)]
    history += [point(4.0, "all", "validation", 0.5, 75.0), point(9.0, "all", "train", math.nan, 1)]
    html = curves_html(history, "en")
    lines = re.findall(r"<polyline class='ft-train' points='([^']*)'", html)
    assert [len(line.split()) for line in lines] == [5, 6]
    assert "nan" not in html and html.count("<circle") == 2
    empty = curves_html((), "en")
    assert empty.count("<svg") == 2 and "nan" not in empty


@pytest.mark.parametrize("value", [0.003, 0.99, 1, 7.3, 10, 11, 180, 999])
def test_axes_end_at_round_numbers(value):
    rounded = _round_up(value)
    assert 0.99 * value <= rounded <= 2 * value
    assert len(f"{rounded / 4:g}".replace(".", "").strip("0")) <= 2


def test_use_it_goes_to_classify(checkpoints):
    bench, own = table(), OwnNets()
    with pytest.raises(gr.Error, match="Train one first"):
        finetune.use(bench, own, visitor())
    trained(bench, own)
    tabs, nets = finetune.use(bench, own, visitor())
    assert tabs.selected == "classify" and nets.value == bench.name
    assert bench.name in [value for _, value in nets.choices]


def test_the_recorded_run_is_true_to_itself():
    """The example on arrival is a report of the digits: its images are the ones it judged."""
    result = example()
    report = result.report
    digits = readers.read_digits().images
    checked = finetuning.split(digits, report.plan.holdout, seed=report.plan.seed)[1]
    assert tuple(checked.labels.tolist()) == report.targets
    assert report.data == digits.name and report.ended == "finished"
    assert f"{report.after:.1f} %" in result_html(result, "en")
    assert "Recorded run" in result_html(result, "en")


def test_the_endpoint_gives_progress_a_report_and_a_net(checkpoints, tmp_path, monkeypatch):
    monkeypatch.setattr(finetune, "digits", lambda: VisitorSet(bars()))
    answers = list(finetune.finetune(None, "lenet5.cifar10", *CONTROLS))
    *progress, (report, file) = answers
    assert {answer["phase"] for answer, _ in progress} >= {"features", "head", "all"}
    assert report["phase"] == "done" and sum(map(sum, report["confusion"])) == 4
    assert not os.path.exists(file)  # ours is gone; Gradio's copy is the client's
    with pytest.raises(gr.Error, match="unknown weights"):
        list(finetune.finetune(None, "nothing.here", *CONTROLS))
    with pytest.raises(gr.Error, match="seed is"):
        list(finetune.finetune(None, "lenet5.cifar10", *CONTROLS[:-1], 10**16))
    monkeypatch.setattr(finetune, "budget", lambda: 1e-6)
    with pytest.raises(gr.Error, match="before the first validation"):
        list(finetune.finetune(None, "lenet5.cifar10", *CONTROLS))

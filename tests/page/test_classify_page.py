"""The Classify tab without a browser: its handlers, its words, and the endpoint for clients."""

import base64
import json
from types import SimpleNamespace

import gradio as gr
import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from markup import parse, pictures, text, with_class
from PIL import Image
from throwaway import CIFAR10, write_weights
from visitors import ENGLISH, KOREAN, by_name

from cnn_space import load, weights
from cnn_space.formats import probability
from cnn_space.images.photo_error import PhotoError
from cnn_space.images.preprocessing import Preprocessing
from cnn_space.inference.classification import Answer, Prediction, View, answer
from cnn_space.page.classify import view
from cnn_space.page.classify.handlers import Tab, classify
from cnn_space.page.common import nets
from cnn_space.page.common.photo_input import Refused
from cnn_space.page.common.texts import TEXTS
from cnn_space.weights.transfer import Unreachable

REFUSED = Refused(PhotoError("unreadable"))
tab = by_name(Tab)


@pytest.fixture
def photo() -> Image.Image:
    pixels = np.random.default_rng(1).integers(0, 256, (50, 60, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def answer_with(probabilities, labels, views=()) -> Answer:
    record = weights.WeightsRecord(
        name="own.mine",
        title="Own",
        arch="lenet5",
        num_classes=len(labels),
        labels=tuple(labels),
        preprocessing=Preprocessing(32, 32),
    )
    ranked = tuple(Prediction(*pair) for pair in zip(labels, probabilities, strict=True))
    seen = Image.new("RGB", (32, 32))
    return Answer(record, ranked, seen, 0.0123, "PyTorch", 1, ranked if views else (), views)


def rows(html: str) -> list[tuple[str, str]]:
    """The ranked classes: (English name, what stands at the end of the row)."""
    return [
        (row.get("data-label"), text(row.findall("span")[-1])) for row in parse(html).iter("li")
    ]


def only_says(shown: dict) -> str:
    """The sentence in place of an answer, with nothing else beside it."""
    sentence = text(parse(shown.pop("answer")))
    assert set(shown.values()) == {""}
    return sentence


# The list of nets


def test_net_list_reads_well(checkpoints):
    folder, _ = checkpoints
    caption, name = nets.choices()[0]
    assert caption == "Lenet5 · CIFAR-10 · 10.0\u00a0% · 0.06\u00a0M parameters"
    assert name == "lenet5.cifar10"
    assert nets.choices(short=True)[0] == ("Lenet5 · CIFAR-10", "lenet5.cifar10")
    assert nets.choices({"my cats": None}, "ko")[0] == ("my cats · 내가 학습시킨 신경망", "my cats")
    assert nets.first_net() == "lenet5.cifar10"
    write_weights(folder, "googlenet.cifar10", "lenet5")
    assert nets.first_net() == "googlenet.cifar10"
    remote = [caption for caption, name in nets.choices() if not weights.is_local(name)]
    assert all(caption.endswith("needs the network") for caption in remote)


def test_nets_with_1000_classes_come_first_where_they_are_here(checkpoints, monkeypatch):
    here = {"lenet5.cifar10", "resnet18.tv_in1k", "resnet50.tv_in1k", "densenet161.tv_in1k"}
    monkeypatch.setattr(weights, "is_local", here.__contains__)
    famous, *others = nets.local_nets()
    assert famous == nets.first_net() == "resnet50.tv_in1k"
    assert others == ["densenet161.tv_in1k", "resnet18.tv_in1k", "lenet5.cifar10"]
    assert [name for _, name in nets.choices()][:4] == [famous, *others]
    assert sorted(nets.offered()) == sorted(weights.list_weights())
    assert nets.first_base() == "lenet5.cifar10"  # what a visitor's own net starts from stays small


def test_entries_differ_and_two_trainings_are_named():
    captions = [nets.entry(name, short=True) for name in weights.list_weights()]
    assert len(set(captions)) == len(captions)
    assert weights.record("resnet50.tv2_in1k").title == "ResNet-50 (weights V2)"
    assert weights.record("resnet18.tv_in1k").title == "ResNet-18"


def test_a_net_that_has_expired_is_named(checkpoints, photo):
    gone = "LeNet-5 · <mine> · 90 %"
    for request, words in ((ENGLISH, "not kept any more"), (KOREAN, "보관되어 있지 않습니다")):
        sentence = only_says(tab.show(photo, gone, False, {}, request))
        assert words in sentence and gone in sentence
    assert nets.fetch(gone, {}, ENGLISH) is None
    # The list keeps it, or Gradio would refuse every event that hands the choice on.
    assert gone in [name for _, name in nets.refresh(gone, {}, ENGLISH).choices]
    assert gone not in [name for _, name in nets.refresh(None, {}, ENGLISH).choices]


@pytest.mark.parametrize("request_, words", [(ENGLISH, "Choose another net"), (KOREAN, "신경망")])
def test_without_the_network_a_plain_sentence(monkeypatch, request_, words):
    warnings = []

    def fetch(name, progress):
        raise Unreachable("nothing is fetched under HF_HUB_OFFLINE")

    monkeypatch.setattr(weights, "fetch", fetch)
    monkeypatch.setattr(nets, "is_here", lambda name, own_nets: False)
    monkeypatch.setattr(gr, "Warning", lambda sentence, title: warnings.append(sentence))
    nets.fetch("resnet18.tv_in1k", {}, request_)
    (said,) = warnings
    assert words in said and "HF_HUB" not in said


# Answers


def test_show_says_what_classify_says(checkpoints, photo):
    shown = tab.show(photo, "lenet5.cifar10", False, {}, ENGLISH)
    best = answer(photo, "lenet5.cifar10").predictions
    assert rows(shown["answer"]) == [(p.label, probability(p.probability)) for p in best[:5]]
    assert text(with_class(shown["answer"], "classify-label")[0]) == best[0].label
    widths = [bar.find("i").get("style") for bar in with_class(shown["answer"], "bar-track")]
    assert widths == [f"width:{100 * p.probability:.2f}%" for p in best[:5]]
    assert "10 classes" in shown["answer"] and shown["views"] == ""
    foot = text(parse(shown["foot"]))
    assert "ms for one view" in foot and "PyTorch" in foot and "thread" in foot

    (seen,) = pictures(shown["seen"])
    assert np.array_equal(np.asarray(seen), np.asarray(answer(photo, "lenet5.cifar10").seen))


def test_what_is_shown_says_of_which_photo_and_net_it_is(checkpoints, photo):
    photo.info["path"] = "/uploads/a photo.png"
    shown = tab.show(photo, "lenet5.cifar10", True, {}, ENGLISH)
    shown |= tab.look(photo, "lenet5.cifar10", {}, ENGLISH)
    for place in ("answer", "seen", "views", "foot", "looked"):
        (part,) = [div for div in parse(shown[place]).iter("div") if div.get("data-of")]
        assert part.get("data-of").split("\n") == ["/uploads/a photo.png", "lenet5.cifar10"]


def test_published_weights_name_their_licence_and_slow_nets_no_time():
    record = weights.record("resnet18.tv_in1k")
    slow = Answer(record, (), Image.new("RGB", (8, 8)), None, "PyTorch", 2)
    foot = text(parse(view.foot(slow)))
    weights_line = "Weights: timm/resnet18.tv_in1k, licence bsd-3-clause"
    assert foot == f"{weights_line} PyTorch on the CPU · 2 threads"


def test_ten_views_show_both_answers(checkpoints, photo):
    shown = tab.show(photo, "lenet5.cifar10", True, {}, ENGLISH)
    both = answer(photo, "lenet5.cifar10", ten_views=True)
    heads = [text(head) for head in with_class(shown["answer"], "classify-head")]
    for head, note, top in zip(
        heads,
        ("One view", "Average of ten views"),
        (both.predictions[0], both.averaged[0]),
        strict=True,
    ):
        assert head == f"{note} {top.label} {probability(top.probability)}"
    assert len(pictures(shown["views"])) == 10 and " of 10" in shown["views"]
    odd = [view.top.label for view in both.views if view.top.label != both.averaged[0].label]
    assert [text(tile.find("span")) for tile in with_class(shown["views"], "odd")] == odd


def test_korean_on_the_page_alone(checkpoints, photo):
    shown = tab.show(photo, "lenet5.cifar10", True, {}, KOREAN)
    labels = [text(row.find("span")) for row in parse(shown["answer"]).iter("li")]
    assert set(labels) <= {TEXTS["ko"][f"label_{name}"] for name in CIFAR10}
    assert {name for name, _ in rows(shown["answer"])} <= set(CIFAR10)  # for the click
    assert "스레드" in shown["foot"]
    assert set(classify(photo, "lenet5.cifar10", 10)) == set(CIFAR10)


def test_an_uncertain_answer_says_what_the_net_knows():
    names = ["cat", "dog", "ship"]
    for probabilities, unsure in (([0.8, 0.1, 0.1], False), ([0.4, 0.35, 0.25], True)):
        html = view.answer(answer_with(probabilities, names))
        assert bool(with_class(html, "classify-unsure")) is unsure
        assert ("Far from certain" in html) is unsure
        assert "3 classes (cat, dog, ship)" in html
    many = [f"n{i}" for i in range(1000)]
    html = view.answer(answer_with([0.3] + [0.7 / 999] * 999, many))
    assert "1,000 classes (n0, n1, n2, n3 and 996 more)" in html


def test_a_net_with_1000_classes_is_offered(checkpoints, photo, monkeypatch):
    def offer(lang=ENGLISH):
        html = tab.show(photo, "lenet5.cifar10", False, {}, lang)["answer"]
        return [(b.get("data-net"), text(b)) for b in with_class(html, "classify-wider")]

    # Where no network is allowed nothing is offered that would not come.
    monkeypatch.setattr(nets, "is_offline_mode", lambda: True)
    assert offer() == []
    # The smallest file, with what it takes.
    monkeypatch.setattr(nets, "is_offline_mode", lambda: False)
    ((name, said),) = offer()
    assert name == "resnet18.tv_in1k" and "1,000 classes (ResNet-18, 47 MB" in said
    assert "47 MB 내려받기" in offer(KOREAN)[0][1]
    # One that is here, at no cost; it is offered no other.
    here = {"lenet5.cifar10", "resnet50.tv_in1k"}
    monkeypatch.setattr(weights, "is_local", here.__contains__)
    monkeypatch.setattr(nets, "is_offline_mode", lambda: True)
    assert offer() == [
        ("resnet50.tv_in1k", "Ask a net with 1,000 classes (ResNet-50 (weights V1))")
    ]
    assert nets.wider(weights.record("vgg16.tv_in1k")) is None
    # A click chooses it.
    assert tab.ask_wider(SimpleNamespace(_data={"net": name})) == {"net": name}
    assert tab.ask_wider(SimpleNamespace(_data={"net": "no.such"})) == gr.skip()


def test_names_stay_text():
    evil = "<img src=x onerror=alert(1)>\"'"
    crop = View("center", True, Image.new("RGB", (32, 32)), Prediction(evil, 0.9))
    for lang in ("en", "ko"):
        parts = answer_with([0.9, 0.1], [evil, "b"], views=(crop,))
        html = view.answer(parts, lang)
        assert rows(html)[0][0] == evil and not list(parse(html).iter("img"))
        (tile,) = parse(view.views(parts, lang)).iter("li")
        assert text(tile.find("span")) == evil and len(tile.findall("img")) == 1


def test_nothing_to_show_is_said_kindly(checkpoints, photo):
    assert tab.show(None, "lenet5.cifar10", False, {}, ENGLISH) == gr.skip()  # the browser says so
    for request, words in ((ENGLISH, "not a picture"), (KOREAN, "이미지")):
        assert words in only_says(tab.show(REFUSED, "lenet5.cifar10", False, {}, request))
    assert "python -m cnn_space train" in only_says(tab.show(photo, None, False, {}, ENGLISH))
    assert "Choose a photo" in only_says(tab.unanswered(ENGLISH))
    with pytest.raises(gr.Error, match="Choose a photo first"):
        classify(None, "lenet5.cifar10")
    with pytest.raises(gr.Error, match="not a picture"):
        classify(REFUSED, "lenet5.cifar10")


def test_a_net_that_is_elsewhere_is_not_waited_for(checkpoints, photo, monkeypatch):
    folder, _ = checkpoints
    (folder / "lenet5.cifar10.safetensors").unlink()
    monkeypatch.setenv("CNN_SPACE_REPO", "someone/nets")
    sentence = only_says(tab.show(photo, "lenet5.cifar10", False, {}, ENGLISH))
    assert "not on this machine" in sentence
    monkeypatch.setattr(weights, "is_coming", lambda name: name == "lenet5.cifar10")
    sentence = only_says(tab.show(photo, "lenet5.cifar10", False, {}, ENGLISH))
    assert "on its way" in sentence
    assert only_says(tab.coming("lenet5.cifar10", {}, ENGLISH)) == sentence


def test_a_net_that_is_here_leaves_the_answer_before_it_until_its_own(checkpoints):
    assert tab.coming("lenet5.cifar10", {}, ENGLISH) == gr.skip()
    assert tab.coming("mine, but expired", {}, ENGLISH) == gr.skip()


def test_a_visitors_own_net(checkpoints, photo):
    own = {"my cats": load("lenet5.cifar10")}
    mine = tab.show(photo, "my cats", False, own, ENGLISH)
    theirs = tab.show(photo, "lenet5.cifar10", False, {}, ENGLISH)
    assert mine.pop("foot") and theirs.pop("foot")  # another run, another time
    assert rows(mine["answer"]) == rows(theirs["answer"])
    assert nets.fetch("my cats", own, ENGLISH) is None


def test_damaged_weights_are_a_sentence(checkpoints, photo):
    folder, _ = checkpoints
    (folder / "lenet5.cifar10.safetensors").write_bytes(b"x")
    with pytest.raises(gr.Error, match="damaged") as caught:
        classify(photo, "lenet5.cifar10")
    assert caught.value.print_exception is False
    assert "damaged" in only_says(tab.show(photo, "lenet5.cifar10", False, {}, ENGLISH))
    sentence = only_says(tab.show(photo, "lenet5.cifar10", False, {}, KOREAN))
    assert sentence.startswith("lenet5.cifar10: 신경망을 불러오지 못했습니다")
    assert "damaged" in sentence


# The page


@pytest.fixture
def client(checkpoints, monkeypatch, tmp_path):
    """A client of the real page, served on throw-away weights."""
    import socket

    import app

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    demo = app.build()
    options = app.launch_options() | {"server_port": port, "quiet": True}
    _, url, _ = demo.launch(prevent_thread_lock=True, **options)
    yield Client(url, verbose=False, analytics_enabled=False)
    demo.close()


def test_the_endpoint_for_clients(client, photo, tmp_path):
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert set(endpoints) == {
        "/classify", "/surgery", "/compare", "/robustness", "/experiments", "/inception", "/check",
        "/finetune",
    }  # fmt: skip
    names = [p["parameter_name"] for p in endpoints["/classify"]["parameters"]]
    assert names == ["image", "model", "top_k"]
    names = [p["parameter_name"] for p in endpoints["/surgery"]["parameters"]]
    assert names == ["image", "model", "off", "top_k"]

    path = tmp_path / "photo.png"
    photo.save(path)
    got = client.predict(
        image=handle_file(path), model="lenet5.cifar10", top_k=3, api_name="/classify"
    )
    best = answer(path, "lenet5.cifar10").predictions
    assert got["label"] == best[0].label
    assert [(c["label"], pytest.approx(c["confidence"])) for c in got["confidences"]] == [
        (p.label, p.probability) for p in best[:3]
    ]

    # A picture inside the request passes no upload: the same answer, the same sentences.
    def send(url: str) -> str:
        data = {"data": [{"url": url}, "lenet5.cifar10", 3]}
        base = f"{client.src.rstrip('/')}/gradio_api/call/classify"
        event = httpx.post(base, json=data).json()["event_id"]
        return httpx.get(f"{base}/{event}", timeout=60).text

    inline = base64.b64encode(path.read_bytes()).decode()
    reply = json.loads(send(f"data:image/png;base64,{inline}").split("data: ")[1])
    assert reply == [got]
    assert "not a picture" in send("data:image/png;base64,bm8gcGljdHVyZQ==")

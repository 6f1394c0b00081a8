"""The Classify tab without a browser: its handlers, its words, and the endpoint for clients."""

import base64
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image
from throwaway import CIFAR10, write_weights

from cnn_space import load, weights
from cnn_space.formats import probability
from cnn_space.images.photo import PhotoError
from cnn_space.images.preprocessing import Preprocessing
from cnn_space.inference.classification import Answer, Prediction, View, answer
from cnn_space.page.classify import handlers as page
from cnn_space.page.common import nets
from cnn_space.page.common.photo_input import Refused
from cnn_space.page.common.texts import TEXTS
from cnn_space.weights import download as hub

ROOT = Path(__file__).parents[2]
ENGLISH = SimpleNamespace(headers={"accept-language": "en-US,en"})
KOREAN = SimpleNamespace(headers={"accept-language": "ko-KR,ko;q=0.9,en;q=0.8"})
REFUSED = Refused(PhotoError("unreadable"))


@pytest.fixture
def photo() -> Image.Image:
    pixels = np.random.default_rng(1).integers(0, 256, (50, 60, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def told(probabilities, labels, views=()) -> Answer:
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


def test_a_net_that_has_expired_is_named(checkpoints, photo):
    gone = "LeNet-5 · <mine> · 90 %"
    for request, words in ((ENGLISH, "not kept any more"), (KOREAN, "보관되어 있지 않습니다")):
        answer_, *rest = page.show(photo, gone, False, {}, request)
        assert words in answer_ and "LeNet-5 · &lt;mine&gt;" in answer_ and rest == [""] * 3
    assert nets.fetch(gone, {}, ENGLISH) is None
    # The list keeps it, or Gradio would refuse every event that hands the choice on.
    assert gone in [name for _, name in nets.refresh(gone, {}, ENGLISH).choices]
    assert gone not in [name for _, name in nets.refresh(None, {}, ENGLISH).choices]


def test_examples_are_pictures_from_installed_packages():
    paths = page.examples()
    assert [path.rsplit("/")[-1] for path in paths] == [
        "chelsea.png",
        "rocket.jpg",
        "coffee.png",
        "lion.jpg",
        "cheetah1.jpg",
    ]
    for path in paths:
        Image.open(path).verify()


def test_net_list_reads_well(checkpoints):
    folder, _ = checkpoints
    assert nets.choices()[0] == ("Lenet5 · CIFAR-10 · 10.0 % · 0.06 M parameters", "lenet5.cifar10")
    assert nets.choices({"my cats": None}, "ko")[0] == ("my cats · 내가 학습시킨 신경망", "my cats")
    assert nets.first_net() == "lenet5.cifar10"
    write_weights(folder, "googlenet.cifar10", "lenet5")
    assert nets.first_net() == "googlenet.cifar10"
    remote = [label for label, name in nets.choices() if not weights.is_local(name)]
    assert all(label.endswith("needs the network") for label in remote)


def test_show_says_what_classify_says(checkpoints, photo):
    answer_html, seen, views, foot = page.show(photo, "lenet5.cifar10", False, {}, ENGLISH)
    best = answer(photo, "lenet5.cifar10").predictions
    assert re.findall(r'<li data-label="(\w+)"', answer_html) == [p.label for p in best[:5]]
    widths = [float(w) for w in re.findall(r"width:([\d.]+)%", answer_html)]
    assert widths == pytest.approx([100 * p.probability for p in best[:5]], abs=0.006)
    assert "10 classes" in answer_html and views == ""
    assert re.search(r"\d ms .*PyTorch.* threads?", foot)

    data = re.search(r"base64,([^\"]+)", seen)[1]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert np.array_equal(pixels, np.asarray(answer(photo, "lenet5.cifar10").seen))


def test_ten_views_show_both_answers(checkpoints, photo):
    answer_html, _, views, _ = page.show(photo, "lenet5.cifar10", True, {}, ENGLISH)
    both = answer(photo, "lenet5.cifar10", ten_views=True)
    assert "One view" in answer_html and "Average of ten views" in answer_html
    for top in (both.predictions[0], both.averaged[0]):
        assert probability(top.probability) in answer_html
    assert views.count("<img") == 10 and " of 10" in views
    assert views.count("class=odd") == sum(
        view.top.label != both.averaged[0].label for view in both.views
    )


def test_korean_on_the_page_alone(checkpoints, photo):
    html = page.show(photo, "lenet5.cifar10", True, {}, KOREAN)
    korean = {TEXTS["ko"][f"label_{name}"] for name in CIFAR10}
    assert sum(name in html[0] for name in korean) >= 5
    assert "data-label" in html[0] and "스레드" in html[3]
    assert set(page.classify(photo, "lenet5.cifar10", 10)) == set(CIFAR10)


def test_an_uncertain_answer_says_what_the_net_knows():
    names = ["cat", "dog", "ship"]
    sure, unsure = (told(p, names) for p in ([0.8, 0.1, 0.1], [0.4, 0.35, 0.25]))
    assert "classify-unsure" not in page.answer_html(sure)
    assert "3 classes (cat, dog, ship)" in page.answer_html(sure)
    html = page.answer_html(unsure)
    assert "classify-unsure" in html and "3 classes (cat, dog, ship)" in html
    many = [f"n{i}" for i in range(1000)]
    assert "1,000 classes (n0, n1, n2, n3 and 996 more)" in page.answer_html(
        told([0.3] + [0.7 / 999] * 999, many)
    )


def test_names_are_escaped():
    evil = "<img src=x onerror=alert(1)>\"'"
    view = View("center", True, Image.new("RGB", (32, 32)), Prediction(evil, 0.9))
    for lang in ("en", "ko"):
        parts = told([0.9, 0.1], [evil, "b"], views=(view,))
        html = page.answer_html(parts, lang) + page.views_html(parts, lang)
        assert "<img src=x" not in html and "&lt;img src=x" in html
        assert re.findall(r'data-label="([^"]*)"', html)[0].count("&quot;") == 1


def test_nothing_to_show_is_said_kindly(checkpoints, photo):
    assert "Choose a photo" in page.show(None, "lenet5.cifar10", False, {}, ENGLISH)[0]
    for request, words in ((ENGLISH, "not a picture"), (KOREAN, "이미지")):
        told = page.show(REFUSED, "lenet5.cifar10", False, {}, request)
        assert words in told[0] and told[1:] == ("", "", "")
    assert "python -m cnn_space train" in page.show(photo, None, False, {}, ENGLISH)[0]
    with pytest.raises(gr.Error, match="Choose a photo first"):
        page.classify(None, "lenet5.cifar10")
    with pytest.raises(gr.Error, match="not a picture"):
        page.classify(REFUSED, "lenet5.cifar10")


def test_a_net_that_is_elsewhere_is_not_waited_for(checkpoints, photo, monkeypatch):
    folder, _ = checkpoints
    (folder / "lenet5.cifar10.safetensors").unlink()
    monkeypatch.setenv("CNN_SPACE_REPO", "someone/nets")
    html = page.show(photo, "lenet5.cifar10", False, {}, ENGLISH)[0]
    assert "not on this machine" in html
    monkeypatch.setattr(hub, "_running", {hub._key(weights.record("lenet5.cifar10")): None})
    html = page.show(photo, "lenet5.cifar10", False, {}, ENGLISH)[0]
    assert "on its way" in html and html in page.coming("lenet5.cifar10", {}, ENGLISH)


def test_a_visitors_own_net(checkpoints, photo):
    own = {"my cats": load("lenet5.cifar10")}
    assert (
        page.show(photo, "my cats", False, own, ENGLISH)[:3]
        == (page.show(photo, "lenet5.cifar10", False, {}, ENGLISH)[:3])
    )
    assert nets.fetch("my cats", own, ENGLISH) is None


def test_damaged_weights_are_a_sentence(checkpoints, photo):
    folder, _ = checkpoints
    (folder / "lenet5.cifar10.safetensors").write_bytes(b"x")
    with pytest.raises(gr.Error, match="damaged") as caught:
        page.classify(photo, "lenet5.cifar10")
    assert caught.value.print_exception is False
    answer, *others = page.show(photo, "lenet5.cifar10", False, {}, ENGLISH)
    assert "classify-waiting" in answer and "damaged" in answer and others == ["", "", ""]
    answer, *_ = page.show(photo, "lenet5.cifar10", False, {}, KOREAN)
    assert re.search(r"lenet5\.cifar10: 신경망을 불러오지 못했습니다.*damaged", answer)


def test_events_of_one_queue_agree_on_its_limit():
    """Gradio takes the smallest that it meets: one event without it would hold up all others."""
    import app

    limits = {}
    for event in app.build().fns.values():
        limits.setdefault(event.concurrency_id, set()).add(event.concurrency_limit)
    assert limits["fetch"] == {24} and limits["infer"] == limits["train"] == {1}


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
    names = [p["parameter_name"] for p in endpoints["/classify"]["parameters"]]
    assert names == ["image", "model", "top_k"]
    assert not [name for name in endpoints if re.search(r"_\d+$", name)]

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
        import httpx

        data = {"data": [{"url": url}, "lenet5.cifar10", 3]}
        base = f"{client.src.rstrip('/')}/gradio_api/call/classify"
        event = httpx.post(base, json=data).json()["event_id"]
        return httpx.get(f"{base}/{event}", timeout=60).text

    text = base64.b64encode(path.read_bytes()).decode()
    reply = json.loads(send(f"data:image/png;base64,{text}").split("data: ")[1])
    assert reply == [got]
    assert "not a picture" in send("data:image/png;base64,bm8gcGljdHVyZQ==")


def test_the_command_line(checkpoints, photo, tmp_path, capsys):
    from cnn_space.__main__ import main

    path = tmp_path / "my photo.png"
    photo.save(path)
    best = answer(photo, "lenet5.cifar10").predictions
    assert main(["classify", str(path), "--top-k", "2"]) == 0
    line = capsys.readouterr().out
    assert "my photo.png" in line and f"{best[0].label} {best[0].probability:6.1%}" in line

    assert main(["classify", str(path), str(path), "--net", "lenet5.cifar10", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 2 and rows[0]["net"] == "lenet5.cifar10"
    assert rows[1]["classes"] == [vars(p) for p in best[:3]]

    assert main(["classify", str(tmp_path / "absent.png"), str(path)]) == 1
    got = capsys.readouterr()
    assert "absent.png" in got.err and "my photo.png" in got.out

    assert main(["classify", str(path), "--net", "lenet6.cifar10"]) == 2
    assert "did you mean lenet5.cifar10" in capsys.readouterr().err


def test_nothing_slow_stands_between_start_and_first_page():
    code = "import sys, app; app.build(); print({'torchvision', 'datasets'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.splitlines()[-1] == "set()", done.stdout

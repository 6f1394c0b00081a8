"""The example pictures: each bundled net is right about those that it is said to know."""

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from markup import parse, pictures, text
from visitors import ENGLISH, KOREAN, by_name

from cnn_space import classify, weights
from cnn_space.images.photo import open_photo
from cnn_space.page.classify import drawings, examples, view
from cnn_space.page.classify.examples import EXAMPLES
from cnn_space.page.classify.handlers import Tab
from cnn_space.page.server.quota import Quota

tab = by_name(Tab)
BUNDLED = [name for name in weights.list_weights() if weights.record(name).source == "bundled"]


@pytest.mark.parametrize("name", BUNDLED)
def test_a_net_is_right_about_its_examples_and_one_shows_its_limit(name):
    record = weights.record(name)
    shown = examples.suited(record)
    assert [known for _, known in shown] == [True] * (len(shown) - 1) + [False]
    assert len(shown) > 3
    for example, known in shown:
        if known:
            assert classify(example.path, name, 1)[0].label in example.classes
        else:
            assert set(example.classes).isdisjoint(record.labels)


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.missed_by], ids=lambda e: e.name)
def test_what_a_net_is_said_to_miss_it_misses(example):
    for name in example.missed_by:
        assert example.is_known(weights.record(name).labels)
        assert classify(example.path, name, 1)[0].label not in example.classes


def test_a_net_with_1000_classes_gets_photos_and_a_limit():
    record = weights.record("resnet50.tv_in1k")
    classes = {name for e in EXAMPLES for name in e.classes}
    assert classes - set(weights.record("googlenet.cifar10").labels) <= set(record.labels)
    shown = examples.suited(record)
    assert [e.name for e, known in shown] == ["cat", "coffee", "rocket", "airplane", "dahlia"]
    assert [known for _, known in shown] == [True] * 4 + [False]


def test_a_net_that_knows_none_of_them_is_promised_nothing():
    own = SimpleNamespace(labels=("my left shoe", "my right shoe"), name="shoes.mine")
    for record in (own, None):
        assert [known for _, known in examples.suited(record)] == [False] * 4


def test_without_its_package_a_picture_is_left_out(monkeypatch):
    monkeypatch.setattr(examples, "find_spec", lambda name: None)
    assert examples.named("cat") is None and examples.first().name == "airplane"
    shown = [e for e, _ in examples.suited(weights.record("googlenet.cifar10"))]
    assert {e.author for e in shown} == {""} and len(shown) > 3


@pytest.mark.parametrize("draw", drawings.DRAWINGS, ids=lambda draw: draw.__name__)
def test_the_stored_drawings_are_what_the_code_draws(draw):
    (example,) = [e for e in EXAMPLES if e.file == f"{draw.__name__}.webp"]
    stored, drawn = (np.asarray(p).astype(float) for p in (open_photo(example.path), draw()))
    assert np.abs(stored - drawn).mean() < 12  # WebP is not exact
    assert not example.author and example.path.stat().st_size < 20_000


def test_each_says_its_source_and_whether_the_net_knows_it(checkpoints):
    html = tab.show_examples("lenet5.cifar10", {}, ENGLISH)["examples"]
    buttons = {b.get("data-example"): b for b in parse(html).iter("button")}
    assert "not one of its classes" in text(buttons["coffee"])
    assert text(buttons["ship"]) == "ship" and len(pictures(html)) == len(buttons) == 5
    assert buttons["horse"].get("title") == "Andreas Preuss, CC0, from scikit-image"
    assert buttons["ship"].get("title") == "drawn for this page"
    sources = [text(item) for item in next(iter(parse(html).iter("details"))).iter("li")]
    assert len(sources) == 5 and "coffee: Rachel Michetti, CC0, from scikit-image" in sources
    korean = tab.show_examples("lenet5.cifar10", {}, KOREAN)["examples"]
    assert "모르는 클래스" in korean and "커피" in korean


def test_a_click_brings_the_picture():
    click = SimpleNamespace(_data={"name": "cat"})
    copy = Path(tab.take_example(click)["photo"])
    assert copy.read_bytes() == EXAMPLES[0].path.read_bytes() and copy != EXAMPLES[0].path
    assert "photo" not in (tab.take_example(SimpleNamespace(_data={"name": "../secret"})) or {})


def test_a_thumbnail_is_the_middle_of_its_picture():
    small = examples.thumbnail(EXAMPLES[0])
    assert small.size == (examples.SIDE, examples.SIDE)
    record = replace(weights.record("googlenet.cifar10"), labels=("cat",), name="cats.mine")
    assert len(pictures(view.examples(record))) == 2


def test_its_copy_stays_when_uploads_are_deleted(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    copy = Path(EXAMPLES[0].upload())
    upload = tmp_path / ("0" * 64) / "photo.png"
    upload.parent.mkdir()
    upload.write_bytes(b"gone")
    for file in (copy, upload):
        os.utime(file, (0, 0))
    Quota(tmp_path, most=2**30, largest=2**20).tidy()
    assert copy.is_file() and not upload.exists()
    assert examples.copies()["cat"] == str(copy)

"""Photos that are dropped class by class: what the browser offers, and the set it becomes."""

import json

import gradio as gr
import numpy as np
import pillow_heif
import pytest
from finetune_visits import LENET, TAB, visitor
from markup import parse, text
from PIL import Image

from cnn_space.images.visitor_set import DataError
from cnn_space.page.finetune import loose, view
from cnn_space.page.finetune.session import Session
from cnn_space.page.finetune.states import ImagesState


@pytest.fixture
def uploads(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    return tmp_path


def noise(seed, height=30, width=40):
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3))
    return Image.fromarray(pixels.astype(np.uint8))


def offered(uploads, classes):
    """{folders of a class: {name of a photo: its seed}} as the browser offers it."""
    offer = []
    for folders, photos in classes.items():
        files = []
        for name, seed in photos.items():
            path = uploads / f"{seed}-upload"
            noise(seed).save(path, "PNG")
            files.append({"name": name, "path": str(path)})
        offer.append({"folders": list(folders), "files": files})
    return {"classes": offer}


def read(offer):
    return loose.read(loose.parse(offer))


def test_classes_are_those_the_visitor_named(uploads):
    two = {"1.jpg": 1, "no suffix": 2}, {"1.jpg": 3, "x.txt": 4}
    found = read(offered(uploads, dict(zip([("나 / 비",), ("..cat.",)], two, strict=True))))
    assert found.images.classes == ("cat", "나 ∕ 비") and found.images.counts == [2, 2]
    assert found.images.name == "My photos" and found.split == "drawn" and not found.left_out


def test_photos_are_judged_by_content_and_what_is_none_is_said(uploads):
    offer = offered(uploads, {("a",): {"IMG_1": 1, "IMG_2.doc": 2}, ("b",): {"IMG_1": 3, "4": 4}})
    heic, text = uploads / "x", uploads / "y.jpg"
    pillow_heif.from_pillow(noise(5)).save(heic)
    text.write_bytes(b"no photo at all")
    offer["classes"][0]["files"] += [
        {"name": "IMG_1", "path": str(heic)},  # another camera's, of the same name
        {"name": "y.jpg", "path": str(text)},
        {"name": "z.png", "path": offer["classes"][0]["files"][0]["path"]},
        {"name": ".DS_Store", "path": str(text)},
    ]
    found = read(offer)
    assert found.images.counts == [3, 2]
    said = {(left.reason, left.count, left.example) for left in found.left_out}
    assert said == {("not_image", 1, "a/y.jpg"), ("duplicate", 1, "a/z.png")}


def test_parts_of_a_split_that_were_dropped_are_kept(uploads):
    offer = {
        ("train", "cat"): {"1": 1, "2": 2},
        ("train", "dog"): {"1": 3, "2": 4},
        ("val", "cat"): {"1": 5},
        ("val", "dog"): {"1": 6},
    }
    found = read(offered(uploads, offer))
    assert found.images.classes == ("cat", "dog") and found.split == "given"
    assert int(found.images.held_out.sum()) == 2


def test_uploads_that_were_deleted_are_left_out_and_said(uploads):
    offer = offered(uploads, {("a",): {"1": 1, "2": 2, "3": 3}, ("b",): {"1": 4, "2": 5}})
    (uploads / "2-upload").unlink()
    found = read(offer)
    assert found.images.counts == [2, 2]
    assert [(left.reason, left.example) for left in found.left_out] == [("gone", "a/2")]


def test_only_uploads_are_read(uploads, tmp_path_factory):
    offer = offered(uploads, {("a",): {"1": 1, "2": 2}, ("b",): {"1": 3, "2": 4}})
    elsewhere = tmp_path_factory.mktemp("private") / "photo.png"
    noise(9).save(elsewhere)
    first = offer["classes"][0]["files"][0]
    for path in (str(elsewhere), f"{uploads}/../{elsewhere.parent.name}/photo.png", "/"):
        first["path"] = path
        with pytest.raises(DataError, match="no longer here"):
            read(offer)


@pytest.mark.parametrize(
    "event",
    [
        None,
        "x",
        {"classes": 3},
        {"classes": [{"folders": [], "files": []}]},
        {"classes": [{"folders": ["a"], "files": [{"name": "b"}]}]},
        {"classes": [{"folders": ["a" * 2000], "files": []}]},
        {"classes": [{"folders": ["a"], "files": []}] * 1001},
    ],
)
def test_nonsense_offers_nothing(event):
    assert loose.parse(event) is loose.NOTHING


def dropped(session, offer):
    return list(TAB.read_photos(session, gr.EventData(None, offer), visitor()))


def test_a_drop_is_read_and_shown(checkpoints, uploads):
    session = Session()
    offer = offered(uploads, {("a",): {str(i): i for i in range(5)}, ("b",): {"1": 8, "2": 9}})
    reading, done = dropped(session, offer)
    assert "Reading the images" in reading["contents"] and done["session"] is session
    assert done["had"] == "something" and "contents" not in done
    shown = TAB.suit(session, LENET, "none", 20, visitor())
    assert "7 images in 2 classes. So few are all learnt from" in shown["contents"]
    assert shown["contents"].count("<b>My photos</b>") == 1
    assert "내 사진" in TAB.suit(session, LENET, "none", 20, visitor("ko"))["contents"]


def test_a_page_that_comes_back_has_its_classes(checkpoints, uploads):
    session = Session()
    offer = offered(uploads, {("a&<b>",): {"1": 1, '"2"': 2}, ("b",): {"1": 3, "2": 4}})
    dropped(session, offer)
    board = next(parse(view.board(session.dropped, "en")).iter("div"))
    assert json.loads(board.get("data-dropped")) == offer
    session.forget()
    board = next(parse(view.board(session.dropped, "en")).iter("div"))
    assert json.loads(board.get("data-dropped")) == {"classes": []}


def test_one_class_alone_is_no_mistake(checkpoints, uploads):
    session = Session()
    both = offered(uploads, {("a",): {"1": 1, "2": 2}, ("b",): {"1": 3, "2": 4}})
    dropped(session, both)
    assert session.visitor_set is not None
    both["classes"][1]["files"].clear()  # its photos were taken out again
    (shown,) = dropped(session, both)
    assert "At most 2,000 images" in shown["contents"] and "problem" not in shown["contents"]
    assert session.images.state is ImagesState.EMPTY and session.source == "photos"
    assert TAB.suit(session, LENET, "none", 20, visitor()) == gr.skip()


def test_a_drop_that_cannot_be_used_says_why(checkpoints, uploads):
    session = Session()
    *_, shown = dropped(session, offered(uploads, {("a",): {"1": 1}, ("b",): {"1": 2}}))
    said = text(parse(shown["contents"]))
    assert "Too few images can be used of a, b." in said and 'role="alert"' in shown["contents"]
    assert "2 × the only image of its class first: a" in said


def test_two_classes_of_one_name_are_refused(checkpoints, uploads):
    session = Session()
    offer = offered(uploads, {("dog",): {"1": 1, "2": 2}, (" dog. ",): {"1": 3}, ("b",): {}})
    *_, shown = dropped(session, offer)
    assert "Several classes are called dog." in shown["contents"]
    assert session.visitor_set is None and session.dropped == loose.parse(offer)


def test_a_class_without_photos_is_named(uploads):
    offer = {("a",): {"1": 1, "2": 2}, ("b",): {"1": 3, "2": 4}, ("c",): {}, ("a ",): {}}
    left = read(offered(uploads, offer)).left_out
    assert [(one.reason, one.count, one.example) for one in left] == [("empty", 1, "c")]

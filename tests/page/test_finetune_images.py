"""The Fine-tune tab's first step: whose images are read, and what is said of them."""

import io
import zipfile

import gradio as gr
import numpy as np
import pytest
import torch
from finetune_visits import EVIL, LENET, TAB, bars, visitor
from markup import parse, text, with_class
from PIL import Image

from cnn_space import weights
from cnn_space.images import readers
from cnn_space.images.image_set import ImageSet
from cnn_space.images.visitor_set import LEFT_OUT, REASONS, DataError, LeftOut, VisitorSet
from cnn_space.page.common.texts import TEXTS
from cnn_space.page.finetune import sources, view
from cnn_space.page.finetune.recorded import digits
from cnn_space.page.finetune.session import Session


def photo(seed: int) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 255, (20, 20, 3))
    return Image.fromarray(noise.astype(np.uint8))


def read_images(source, file=None, hub="", folder="", session=None, request=None):
    return TAB.read_images(session or Session(), source, file, hub, folder, request or visitor())


def test_settings_come_from_the_environment(monkeypatch):
    monkeypatch.delenv("SPACE_ID", raising=False)
    monkeypatch.delenv("CNN_SPACE_FINETUNE_FOLDERS", raising=False)
    assert "folder" not in sources.available()
    monkeypatch.setenv("CNN_SPACE_FINETUNE_FOLDERS", "1")
    assert "folder" in sources.available()
    assert "Stop keeps the best" in view.idle("en") and " s a run" not in text(
        parse(view.idle("en"))
    )
    monkeypatch.setenv("SPACE_ID", "me/space")
    assert "folder" not in sources.available()
    assert "At most 180 s a run" in text(parse(view.idle("en")))
    monkeypatch.setenv("CNN_SPACE_FINETUNE_SECONDS", "30")
    monkeypatch.setenv("CNN_SPACE_FINETUNE_KEEP_MINUTES", "5")
    monkeypatch.setenv("CNN_SPACE_FINETUNE_IMAGES", "1234")
    assert "At most 30 s a run" in text(parse(view.idle("en")))
    assert "1,234 images" in view.limits("en") and "after 5 minutes" in view.limits("en")


def test_a_zip_is_read_and_shown(checkpoints, tmp_path):
    path = tmp_path / "pets.zip"
    names = ("고양이", EVIL.replace("/", ""))
    with zipfile.ZipFile(path, "w") as archive:
        for k, name in enumerate(names):
            for i in range(3):
                buffer = io.BytesIO()
                photo(10 * k + i).save(buffer, "PNG")
                archive.writestr(f"{name}/{i}.png", buffer.getvalue())
        archive.writestr("고양이/<b>.txt", "x")
    session = Session()
    read = read_images("zip", str(path), session=session)
    assert read["session"] is session and read["had"] == "something" and not read["lost"].visible
    shown = TAB.suit(session, LENET, "none", 40, visitor())
    assert shown["base"] == LENET and session.visitor_set.images.classes[1] == "고양이"
    contents, samples = parse(shown["contents"]), parse(shown["samples"])
    assert "6 images in 2 classes. So few are all learnt from" in text(contents)
    rows = [text(row) for row in contents.iter("li")]
    assert rows == [f"{names[1]}3", "고양이3", "1 × not a readable image first: 고양이/<b>.txt"]
    assert [text(figure) for figure in samples.iter("figure")] == [names[1], "고양이"] * 3
    assert [image.keys() for image in samples.iter("img")] == [["src", "alt"]] * 6
    assert not list(contents.iter("img"))


def test_photos_start_from_the_net_trained_on_photos(monkeypatch):
    small, large = sources.BASES
    known = [small, large, LENET]
    monkeypatch.setattr(weights, "is_known", known.__contains__)

    def visitor_set(side):
        images = torch.zeros(4, 3, side, side, dtype=torch.uint8)
        return VisitorSet(ImageSet(images, torch.tensor([0, 0, 1, 1]), ("a", "b")))

    assert sources.suited_base(visitor_set(64), large) == small
    assert sources.suited_base(visitor_set(65), small) == large
    assert sources.suited_base(visitor_set(65), LENET) == LENET
    assert sources.suited_base(None, large) == large
    known.remove(large)
    assert sources.suited_base(visitor_set(65), small) == small


def test_a_source_shows_its_own_input(checkpoints):
    session = Session()
    for source in ("zip", "photos", "hub", "folder", "digits"):
        shown = TAB.choose_source(session, source, 1, LENET, 20, visitor())
        inputs = {"zip": "archive", "hub": "hub", "folder": "folder"}
        visible = {name: shown[field]["visible"] for name, field in inputs.items()}
        assert visible == {name: name == source for name in inputs}
        # Never False, which would forget the photos that were dropped.
        assert shown["photos"]["visible"] == (True if source == "photos" else "hidden")
        assert shown["read"]["visible"] == (source in inputs)
        assert shown["augment"] == ("shift" if source == "digits" else "mirror")
        assert ("1,797 images in 10 classes" in shown["contents"]) == (source == "digits")
        assert ("At most 2,000 images" in shown["contents"]) == (source != "digits")


def test_images_that_come_too_late_change_nothing(checkpoints, monkeypatch):
    session = Session()

    def slow(name):
        TAB.choose_source(session, "digits", 1, LENET, 20, visitor())
        return VisitorSet(bars())

    monkeypatch.setattr(readers, "read_hub", slow)
    shown = read_images("hub", hub="me/set", session=session)
    assert shown["session"] is session and "contents" not in shown
    assert session.source == "digits" and session.visitor_set is digits()


def test_what_cannot_be_read_any_more_is_not_reported(monkeypatch):
    session = Session()

    def slow(name):
        session.choose("digits")
        raise DataError("hub_unknown", name=name)

    monkeypatch.setattr(readers, "read_hub", slow)
    assert read_images("hub", hub="me/set", session=session) == {"session": session}


def test_what_is_chosen_while_images_are_read_stays(checkpoints, monkeypatch):
    session, shown = Session(), []
    TAB.choose_source(session, "hub", 1, LENET, 20, visitor())

    def slow(name):
        shown.append(TAB.show_images(session, LENET, "none", 20, visitor()))
        shown.append(TAB.suit(session, LENET, "none", 20, visitor()))
        return VisitorSet(bars(count=20))

    monkeypatch.setattr(readers, "read_hub", slow)
    read_images("hub", hub="me/set", session=session)
    assert shown == [gr.skip()] * 2  # that images are read stays on the page
    shown = TAB.suit(session, LENET, "none", 50, visitor())
    assert shown["base"] == LENET and shown["samples"]
    assert "20 to learn from, 20 to check on" in shown["contents"]


def test_what_cannot_be_read_is_said_in_the_visitors_language(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(b"no zip")
    for lang, words in (("en", "not a zip"), ("ko", "zip 파일이 아니거나")):
        session = Session()
        shown = read_images("zip", str(path), session=session, request=visitor(lang))
        [problem] = with_class(shown["contents"], "problem")
        assert words in text(problem) and "2,000" in shown["contents"]
        assert shown["samples"] == "" and session.visitor_set is None
    assert "Choose a zip first" in read_images("zip")["contents"]
    assert "Type the path of a folder first" in read_images("folder")["contents"]
    deleted = read_images("zip", str(tmp_path / "deleted.zip"))
    assert "no longer here" in deleted["contents"]
    shown = parse(read_images("hub", hub=EVIL)["contents"])
    assert f"{EVIL} is not the name of a dataset" in text(shown) and not list(shown.iter("img"))


def test_only_a_visitor_at_this_machine_may_name_a_folder(checkpoints, tmp_path, monkeypatch):
    monkeypatch.delenv("SPACE_ID", raising=False)
    monkeypatch.setenv("CNN_SPACE_FINETUNE_FOLDERS", "1")
    for name in "ab":
        (tmp_path / "pets" / name).mkdir(parents=True)
        for i in range(2):
            photo(2 * ord(name) + i).save(tmp_path / "pets" / name / f"{i}.png")

    def allowed(request):
        session = Session()
        folder = str(tmp_path / "pets")
        shown = read_images("folder", folder=folder, session=session, request=request)
        if session.visitor_set is None:
            assert "no folder" in shown["contents"]
        return session.visitor_set is not None

    assert allowed(visitor())
    for name, value in (("SPACE_ID", "me/s"), ("CNN_SPACE_FINETUNE_FOLDERS", "0")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            assert not allowed(visitor())
    assert not allowed(visitor(host="10.0.0.7"))
    # Through a proxy on this machine: it says so, or the address is the one the visitor asked for.
    assert not allowed(visitor(**{"x-forwarded-for": "10.0.0.7"}))
    assert not allowed(visitor(**{"host": "192.168.0.2:7860"}))


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_every_reason_has_words_in_both_languages(lang):
    visitor_set = VisitorSet(bars(), tuple(LeftOut(reason, 2, EVIL) for reason in LEFT_OUT))
    [details] = parse(view.contents(visitor_set, 0.2, lang)).iter("details")
    rows = [text(row) for row in details.iter("li")]
    assert len(set(rows)) == len(LEFT_OUT)
    assert all(row.startswith("2 × ") and EVIL in row for row in rows)
    assert {f"finetune_error_{reason}" for reason in REASONS} <= set(TEXTS[lang])


def test_left_out_files_are_listed_with_an_example():
    visitor_set = VisitorSet(bars(), (LeftOut("bomb", 2, EVIL), LeftOut("time", 1, "b")))
    contents = parse(view.contents(visitor_set, 0.2, "en"))
    assert text(next(contents.iter("summary"))) == "3 left out"
    assert "2 × unpacks to far more than it is" in text(contents)
    assert "24 images in 2 classes. So few are all learnt from" in text(contents)


def test_of_many_classes_the_first_are_shown():
    names = tuple(f"class {i:02}" for i in range(15))
    contents = parse(view.contents(VisitorSet(bars(names, count=2)), 0.2, "en"))
    assert len(list(contents.iter("li"))) == 12 and "and 3 more" in text(contents)

"""Whatever a visitor sends: the right pixels, or one clear sentence."""

import base64
import re

import gradio as gr
import numpy as np
import pytest
from odd_photos import CASES, GREY, JPEG, PNG, REFUSED, RGB, encoded
from PIL import Image

from cnn_space.images.photo_error import REASONS
from cnn_space.page.common.photo_input import PhotoInput, Picture, notes, required, shown
from cnn_space.page.common.texts import TEXTS


@pytest.fixture(params=["file", "data url"])
def send(request, tmp_path, monkeypatch):
    """Hands bytes to a PhotoInput as the browser or an API client does."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    widget = PhotoInput()

    def deliver(data: bytes, name: str = "photo.png"):
        if request.param == "data url":
            text = base64.b64encode(data).decode()
            return widget.preprocess(Picture(url=f"data:image/png;base64,{text}"))
        path = tmp_path / "upload"
        path.write_bytes(data)
        return widget.preprocess(Picture(path=str(path), orig_name=name))

    return deliver


@pytest.mark.parametrize("case", CASES)
def test_every_kind_arrives_as_it_looks(send, case):
    data, expected, tolerance = CASES[case]
    photo = send(data)
    assert photo.mode == "RGB" and photo.size == (expected.shape[1], expected.shape[0])
    difference = np.abs(np.asarray(photo).astype(int) - expected)
    assert difference.max() <= tolerance
    assert not photo.getexif().get(0x0112), "still marked as turned: the next reader turns it again"


def test_a_photo_keeps_the_path_by_which_the_browser_knows_it(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    path = tmp_path / "upload"
    Image.new("RGB", (8, 8)).save(path, "PNG")
    assert PhotoInput().preprocess(Picture(path=str(path))).info["path"] == str(path)


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_gets_one_sentence(send, case):
    data, words = REFUSED[case]
    refused = send(data)
    why = refused.why()
    assert re.search(words, why) and "/" not in why and "Traceback" not in why
    assert re.search("[가-힣]", refused.why("ko"))
    with pytest.raises(gr.Error, match=words) as caught:  # for programs
        required(refused, "missing")
    assert caught.value.print_exception is False


@pytest.mark.parametrize("url", ["data:", "data:image/png;base64,", "data:image/png;base64,%%%"])
def test_data_urls_with_nothing_in_them(url):
    assert re.search("empty|not a picture", PhotoInput().preprocess(Picture(url=url)).why())


def test_pictures_inside_requests_are_not_kept():
    """Gradio keeps with the session what ``model_dump`` gives of every input."""
    assert PhotoInput().data_model is Picture
    for url, kept in (("data:image/png;base64,AAAA", None), ("https://x/y.png", "https://x/y.png")):
        picture = Picture(url=url)
        assert picture.url == url and picture.model_dump()["url"] == kept


def test_data_urls_are_bounded_before_they_are_decoded(monkeypatch):
    monkeypatch.setattr("cnn_space.page.common.photo_input.MAX_BYTES", 1000)
    text = base64.b64encode(JPEG * 3).decode()
    refused = PhotoInput().preprocess(Picture(url=f"data:image/jpeg;base64,{text}"))
    assert "larger than" in refused.why()


def test_only_uploads_are_opened(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    secret = tmp_path / "secret.png"
    RGB.save(secret)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "link.png").symlink_to(secret)
    for path in (secret, tmp_path / "cache" / ".." / "secret.png", tmp_path / "cache" / "link.png"):
        assert "not a picture" in PhotoInput().preprocess(Picture(path=str(path))).why()
    elsewhere = Picture(url="http://127.0.0.1/photo.png")
    assert "not a picture" in PhotoInput().preprocess(elsewhere).why()


def test_nothing_is_nothing():
    assert PhotoInput().preprocess(None) is None
    with pytest.raises(gr.Error, match="missing"):
        required(None, "missing")


def test_reasons_have_words_in_both_languages():
    for reason, sentence in REASONS.items():
        key = f"photo_{reason}"
        assert TEXTS["en"][key] == sentence and TEXTS["ko"][key] != sentence


@pytest.fixture
def upload(tmp_path, monkeypatch):
    """Puts a file where uploads lie, and gives what the widget makes of it."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    widget = PhotoInput(format="png")

    def deliver(data: bytes, name: str):
        (tmp_path / name).write_bytes(data)
        return widget, widget.preprocess(Picture(path=str(tmp_path / name)))

    return deliver


def test_what_browsers_cannot_show_is_converted(upload):
    """The widget then shows a PNG in place of the file, which is the same photo to a net."""
    deep = Image.fromarray(GREY.astype(np.uint16) * 16)
    widget, photo = upload(encoded(deep, "TIFF"), "deep.tif")
    converted = widget.postprocess(shown(photo))
    with Image.open(converted.path) as file:
        assert file.format == "PNG" and np.array_equal(file, photo)
    again = widget.preprocess(Picture(path=converted.path))
    assert np.array_equal(again, photo)
    assert notes(again) == notes(photo) and len(notes(photo)) == 1
    assert "12 bits" in notes(photo)[0] and "12비트" in notes(photo, "ko")[0]
    assert shown(again) == gr.skip(), "it would be converted without end"


def test_what_browsers_can_show_is_left_alone(upload):
    for data, name in ((JPEG, "photo"), (PNG, "photo.bmp")):
        _, photo = upload(data, name)
        assert shown(photo) == gr.skip() and notes(photo) == []
    assert shown(None) == gr.skip()
    assert shown(upload(b"text", "photo.heic")[1]) == gr.skip()


def test_a_file_that_changes_is_decoded_again(upload):
    _, first = upload(JPEG, "photo")
    _, second = upload(PNG, "photo")
    assert first.size == (600, 400) and second.size == RGB.size


def test_the_webcam_is_not_mirrored():
    """What a net gets of a visitor is not the visitor's mirror image."""
    import app

    inputs = [block for block in app.build().blocks.values() if isinstance(block, PhotoInput)]
    assert len(inputs) == 2
    assert not any(block.webcam_options.mirror for block in inputs)

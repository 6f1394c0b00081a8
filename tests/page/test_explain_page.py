"""The heatmap and GoogLeNet's inside as the page writes them."""

import re
from base64 import b64decode
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
from oracles import enlarged
from PIL import Image
from throwaway import CIFAR10, write_weights

from cnn_space import load
from cnn_space.images.photo import PhotoError
from cnn_space.images.preprocessing import Preprocessing, prepare
from cnn_space.inference import classification, engine, explain
from cnn_space.page.classify import explain as page
from cnn_space.page.classify import handlers as classify
from cnn_space.page.common.photo_input import Refused
from cnn_space.page.common.pictures import heat_over, seen

ENGLISH = SimpleNamespace(headers={"accept-language": "en"})


@pytest.fixture
def photo():
    pixels = np.random.default_rng(3).integers(0, 255, (40, 64, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture
def googlenet(checkpoints):
    folder, _ = checkpoints
    write_weights(folder, "googlenet.cifar10", "googlenet", small_input=True, aux=False)
    return "googlenet.cifar10"


def pictures(html: str) -> list[Image.Image]:
    found = re.findall(r"data:image/webp;base64,([^\"]+)", html)
    return [Image.open(BytesIO(b64decode(data))) for data in found]


def test_the_heatmap_is_of_the_answer_and_of_any_class_on_request(googlenet, photo):
    own = page.look(photo, googlenet, {}, ENGLISH)
    best = classification.classify(photo, googlenet, top_k=1)[0].label
    assert f"speaks for {best}" in own and "Grad-CAM at inception4e, 8 × 8" in own
    (drawn,) = pictures(own)
    assert drawn.size == (page.SIDE, page.SIDE)

    told = []
    for name in CIFAR10:
        event = SimpleNamespace(_data={"label": name})
        html = page.look_for(photo, googlenet, {}, ENGLISH, event)
        assert f"for {name}" in html
        told.append(html)
    assert told[CIFAR10.index(best)] == own
    assert len(set(told)) == len(CIFAR10)
    # What is no class of the net is not looked up.
    stray = SimpleNamespace(_data={"label": "unicorn"})
    assert page.look_for(photo, googlenet, {}, ENGLISH, stray) == own


def test_the_picture_is_warm_where_the_net_looked(googlenet, photo):
    runner = engine.get(googlenet)
    x, _ = prepare(photo, runner.record.preprocessing)
    heat = enlarged(explain.grad_cam(runner.loaded.net, x).values, page.SIDE)
    (drawn,) = pictures(page.look(photo, googlenet, {}, ENGLISH))
    red, green, blue = np.moveaxis(np.asarray(drawn.convert("RGB"), dtype=float), 2, 0)
    yellow = (red + green) / 2 - blue
    assert np.corrcoef(heat.ravel(), yellow.ravel())[0, 1] > 0.8
    assert np.corrcoef(heat[:, ::-1].ravel(), yellow.ravel())[0, 1] < 0.8


def test_nothing_to_look_at_is_nothing_to_show(googlenet, photo):
    assert page.look(None, googlenet, {}, ENGLISH) == ""
    assert page.look(Refused(PhotoError("damaged")), googlenet, {}, ENGLISH) == ""
    assert page.look(photo, None, {}, ENGLISH) == ""
    assert page.look(photo, "mine, but expired", {}, ENGLISH) == ""
    assert page.look_inside(None, googlenet, {}, "3a", ENGLISH) == ""
    assert page.look_inside(photo, "lenet5.cifar10", {}, "3a", ENGLISH) == ""


def test_a_net_that_cannot_be_had_is_left_to_the_answer(checkpoints, photo):
    folder, _ = checkpoints
    (folder / "lenet5.cifar10.safetensors").write_bytes(b"cut off")
    assert page.look(photo, "lenet5.cifar10", {}, ENGLISH) == ""


def test_only_googlenets_have_an_inside(googlenet, photo):
    own = {"mine": load(googlenet)}
    assert page.has_inside(googlenet, {}) and page.has_inside("mine", own)
    assert not page.has_inside("lenet5.cifar10", {}) and not page.has_inside(None, {})
    assert not page.has_inside("mine, but expired", {})
    shut, empty = page.fold(photo, googlenet, {}, "3a", False, ENGLISH)
    assert shut["visible"] is True and empty == ""
    _, drawn = page.fold(photo, "mine", own, "3a", True, ENGLISH)
    assert drawn == page.look_inside(photo, googlenet, {}, "3a", ENGLISH)
    assert page.fold(photo, "lenet5.cifar10", {}, "3a", True, ENGLISH)[0]["visible"] is False


@pytest.mark.parametrize(
    ("options", "third"),
    [
        ({}, "3×3, in place of the 5×5"),
        ({"form": "paper"}, "5×5"),
        ({"kernel5x5": "3+3"}, "3×3, 3×3, in place of the 5×5"),
        ({"form": "paper", "reduction": False}, "5×5"),
    ],
    ids=["torchvision", "paper", "3+3", "naive"],
)
def test_the_inside_of_every_form(checkpoints, photo, options, third):
    folder, _ = checkpoints
    write_weights(
        folder, "googlenet_x.cifar10", "googlenet", small_input=True, aux=False, **options
    )
    for module in ("3a", "5b"):
        html = page.look_inside(photo, "googlenet_x.cifar10", {}, module, ENGLISH)
        assert re.findall(r"<h4>(.*?)</h4>", html) == ["1×1", "3×3", third, "pool"]
        shares = [int(share) for share in re.findall(r"<b>(\d+) %</b>", html)]
        assert len(shares) == 4 and abs(sum(shares) - 100) <= 2
        assert len(pictures(html)) == 4 * (1 + 4)
    assert "Maps are 4 × 4" in html


def test_every_module_of_the_page_is_one_of_the_net(googlenet):
    net = load(googlenet).net
    assert [f"inception{m}" for m in page.MODULES] == explain.inception_modules(net)
    assert page.FIRST_MODULE in page.MODULES


def test_every_class_in_the_answer_can_be_clicked(googlenet, photo):
    told = classification.answer(photo, googlenet)
    html = classify.answer_html(told)
    rows = re.findall(r'<li data-label="(\w+)" tabindex="0" role="button"', html)
    assert rows == [p.label for p in told.predictions[: classify.TOP_K]]
    assert 'closest("li[data-label]")' in page.PICK_JS


def test_the_card_shows_what_the_net_gets():
    pixels = np.zeros((100, 200, 3), dtype=np.uint8)
    pixels[:, 50:150] = (200, 30, 30)  # the centre square
    whole = np.asarray(seen(Image.fromarray(pixels), Preprocessing(32, 32), 64))
    assert whole.shape == (64, 64, 3)
    # The filter reaches a pixel over the edge.
    assert np.abs(whole.astype(int) - (200, 30, 30)).max() <= 20
    # 224 of 256: the square's middle seven eighths
    pixels[:, 50:56], pixels[:, 144:150], pixels[:6], pixels[94:] = 0, 0, 0, 0
    cut = np.asarray(seen(Image.fromarray(pixels), Preprocessing(256, 224), 64))
    assert np.abs(cut.astype(int) - (200, 30, 30)).max() <= 20


def test_heat_lies_where_the_map_is_high():
    grey = Image.new("RGB", (64, 64), (128, 128, 128))
    values = np.zeros((4, 4), dtype=np.float32)
    values[0, 3] = 1  # top right
    changed = np.abs(np.asarray(heat_over(grey, values)).astype(int) - 128).sum(axis=2)
    assert changed[:24, 40:].sum() > 0.95 * changed.sum() > 0
    assert np.array_equal(np.asarray(heat_over(grey, 0 * values)), np.asarray(grey))

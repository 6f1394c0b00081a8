"""The heatmap and GoogLeNet's inside as the Classify tab shows them."""

from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from markup import parse, pictures, text, with_class
from oracles import enlarged
from PIL import Image
from throwaway import CIFAR10, write_weights
from visitors import ENGLISH, by_name

from cnn_space import load
from cnn_space.images.photo_error import PhotoError
from cnn_space.images.preprocessing import Preprocessing, prepare
from cnn_space.inference import classification, engine, explain
from cnn_space.page.classify import view
from cnn_space.page.classify.handlers import Tab
from cnn_space.page.classify.inside import Inside, has_inside
from cnn_space.page.common.photo_input import Refused
from cnn_space.page.common.pictures import data_uri, heat_legend, heat_over, seen

tab, fold = by_name(Tab), by_name(Inside)


@pytest.fixture
def photo():
    pixels = np.random.default_rng(3).integers(0, 255, (40, 64, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture
def googlenet(checkpoints):
    folder, _ = checkpoints
    write_weights(folder, "googlenet.cifar10", "googlenet", small_input=True, aux=False)
    return "googlenet.cifar10"


def look(photo, net, own_nets=None) -> str:
    return tab.look(photo, net, own_nets or {}, ENGLISH)["looked"]


def click(label: str) -> SimpleNamespace:
    return SimpleNamespace(_data={"label": label})


def test_the_heatmap_is_of_the_answer_and_of_any_class_on_request(googlenet, photo):
    own = look(photo, googlenet)
    best = classification.classify(photo, googlenet, top_k=1)[0].label
    assert f"speaks for {best}" in own
    assert "at inception4e, 8 × 8" in own
    (drawn,) = pictures(own)
    assert drawn.size == (view.SIDE, view.SIDE)

    shown = []
    for name in CIFAR10:
        html = tab.look_for(photo, googlenet, {}, ENGLISH, click(name))["looked"]
        assert f"for {name}" in html
        shown.append(html)
    assert shown[CIFAR10.index(best)] == own
    assert len(set(shown)) == len(CIFAR10)
    # What is no class of the net is not looked up.
    assert tab.look_for(photo, googlenet, {}, ENGLISH, click("unicorn"))["looked"] == own


def test_the_legend_is_coloured_as_a_heatmap_is(googlenet, photo):
    (strip,) = with_class(look(photo, googlenet), "heat-legend")
    assert text(strip) == "nothing most"
    assert data_uri(heat_legend(), exact=True) in strip.find("i").get("style")
    left, right = (np.asarray(heat_legend())[4, place].astype(int) for place in (0, -1))
    assert np.ptp(left) == 0 and right[0] - right[2] > 100  # from grey to the hottest spot


def test_the_picture_is_warm_where_the_net_looked(googlenet, photo):
    runner = engine.get(googlenet)
    x, _ = prepare(photo, runner.record.preprocessing)
    heat = enlarged(explain.grad_cam(runner.loaded.net, x).values, view.SIDE)
    (drawn,) = pictures(look(photo, googlenet))
    red, green, blue = np.moveaxis(np.asarray(drawn.convert("RGB"), dtype=float), 2, 0)
    yellow = (red + green) / 2 - blue
    assert np.corrcoef(heat.ravel(), yellow.ravel())[0, 1] > 0.8
    assert np.corrcoef(heat[:, ::-1].ravel(), yellow.ravel())[0, 1] < 0.8


def test_nothing_to_look_at_is_nothing_to_show(googlenet, photo):
    assert tab.look(None, googlenet, {}, ENGLISH) == gr.skip()  # the browser hides what was there
    assert look(Refused(PhotoError("damaged")), googlenet) == ""
    assert look(photo, None) == ""
    assert look(photo, "mine, but expired") == ""
    nothing = fold.choose(None, googlenet, {}, "inception3a", "", ENGLISH)
    assert nothing == {"board": "", "branches": ""}
    assert fold.choose(photo, "lenet5.cifar10", {}, None, "", ENGLISH)["branches"] == ""


def test_a_net_that_cannot_be_loaded_is_left_to_the_answer(checkpoints, photo):
    folder, _ = checkpoints
    (folder / "lenet5.cifar10.safetensors").write_bytes(b"cut off")
    assert look(photo, "lenet5.cifar10") == ""


def test_every_net_has_an_inside_which_is_filled_once_it_is_open(googlenet, photo):
    own = {"mine": load(googlenet)}
    assert has_inside(googlenet, {}) and has_inside("mine", own)
    assert has_inside("lenet5.cifar10", {})
    assert not has_inside(None, {}) and not has_inside("mine, but expired", {})
    parts = ("board", "outcome", "branches", "filters")
    shut = fold.refill(photo, googlenet, {}, None, "", False, ENGLISH)
    assert shut["fold"].visible is True and not any(shut[part] for part in parts)
    opened = fold.refill(photo, "mine", own, None, "", True, ENGLISH)
    assert all(opened[part] for part in parts)
    assert opened["stage"].value == "inception4c"
    other = fold.refill(photo, "lenet5.cifar10", {}, "inception4c", "", True, ENGLISH)
    assert other["stage"].value.startswith("features.") and other["branches"] == ""
    gone = fold.refill(photo, "mine, but expired", {}, None, "", True, ENGLISH)
    assert gone["fold"].visible is False and not any(gone[part] for part in parts)


@pytest.mark.parametrize(
    "options, third",
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
    for module in ("inception3a", "inception5b"):
        html = fold.choose(photo, "googlenet_x.cifar10", {}, module, "", ENGLISH)["branches"]
        assert [text(title) for title in parse(html).iter("h3")] == ["1×1", "3×3", third, "pool"]
        shares = [int(text(share).removesuffix(" %")) for share in parse(html).iter("b")]
        assert len(shares) == 4 and abs(sum(shares) - 100) <= 2
        assert len(pictures(html)) == 4 * (1 + 4)
    assert "Maps are 4 × 4" in html


def test_every_class_in_the_answer_can_be_clicked(googlenet, photo):
    answer = classification.answer(photo, googlenet)
    (ranking,) = parse(view.answer(answer)).iter("ol")
    assert [row.get("data-label") for row in ranking] == [
        p.label for p in answer.predictions[: view.BARS]
    ]
    assert {(row.get("role"), row.get("tabindex")) for row in ranking} == {("button", "0")}


def test_a_class_that_nothing_speaks_for_is_said():
    nothing = explain.Heatmap(np.zeros((8, 8), dtype=np.float32), "layer4", 0)
    html = view.looked(Image.new("RGB", (40, 40)), Preprocessing(32, 32), nothing, "a <ship>")
    assert "nothing in this photo that speaks for a <ship>" in text(
        with_class(html, "classify-figure")[0]
    )


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

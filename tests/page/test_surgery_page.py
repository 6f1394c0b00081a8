"""Net surgery as the Classify tab shows it, and its endpoint, on throw-away weights."""

import gradio as gr
import numpy as np
import pytest
from markup import parse, pictures, text, with_class
from PIL import Image
from throwaway import write_weights
from visitors import ENGLISH, KOREAN, by_name

from cnn_space import create_model, load
from cnn_space.formats import probability
from cnn_space.images.preprocessing import prepare
from cnn_space.inference import classification, engine, explain, surgery
from cnn_space.page.classify import inside_endpoint
from cnn_space.page.classify.inside import Inside
from cnn_space.page.classify.inside_view import NAMED
from cnn_space.weights import Loaded

fold = by_name(Inside)
LENET, RESNET = "lenet5.cifar10", "resnet18.cifar10"


@pytest.fixture
def photo():
    pixels = np.random.default_rng(3).integers(0, 255, (40, 64, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture
def resnet(checkpoints):
    folder, _ = checkpoints
    write_weights(folder, RESNET, "resnet18", small_input=True)
    return RESNET


def refill(photo, net, stage=None, cuts="", own_nets=None, request=ENGLISH) -> dict:
    return fold.refill(photo, net, own_nets or {}, stage, cuts, True, request)


def buttons(html: str) -> dict[str, str]:
    """Which buttons of a board are pressed."""
    return {
        button.get("data-cut"): button.get("aria-pressed")
        for button in parse(html).iter("button")
        if button.get("data-cut")
    }


def cut_probability(photo, net: str, cuts: str) -> tuple[str, float]:
    """The answer after the cuts, by the core."""
    runner = engine.get(net)
    on = surgery.of(runner)
    x = prepare(photo, runner.record.preprocessing)[0]
    logits = on.outcome(x, on.read(cuts)).logits
    best = classification.ranked(classification.softmax(logits[None])[0], runner.record.labels)[0]
    return best.label, best.probability


def test_the_board_offers_the_parts_of_a_stage_and_its_strongest_channels(resnet, photo):
    html = refill(photo, resnet, "layer2.0", "layer2.0/skip layer2.0/5")["board"]
    shown = buttons(html)
    assert shown["layer2.0/skip"] == "true" and shown["layer2.0/residual"] == "false"
    channels = [cut for cut in shown if cut.rpartition("/")[2].isdigit()]
    assert 0 < len(channels) <= 12 and len(pictures(html)) == len(channels)
    runner = engine.get(resnet)
    on, x = surgery.of(runner), prepare(photo, runner.record.preprocessing)[0]
    best = on.strengths(x, on.stage("layer2.0"), int(on.intact(x).logits.argmax()))[0]
    assert channels[0] == f"layer2.0/{best.channel}"
    other = fold.choose(photo, resnet, {}, "layer3.1", "", ENGLISH)["board"]
    assert set(buttons(other).values()) == {"false"} and "layer3.1/skip" in buttons(other)


def test_the_answer_before_and_after_and_what_is_saved(resnet, photo):
    cuts = "layer1.0/residual layer1.1/skip conv1/3"
    html = refill(photo, resnet, "layer1.0", cuts)["outcome"]
    label, chance = cut_probability(photo, resnet, cuts)
    before = classification.classify(photo, resnet, top_k=1)[0]
    sentence = text(with_class(html, "finding")[0])
    for part in (label, probability(chance), before.label, probability(before.probability)):
        assert part in sentence
    assert list(buttons(html)) == cuts.split()
    # two 3×3 convolutions of 64 channels with their norms; then the stem's channel
    gone = 2 * (64 * 64 * 9 + 2 * 64) + (27 + 2)
    cells = [text(cell) for cell in parse(html).iter("td")]
    whole = sum(p.numel() for p in create_model("resnet18", 10, small_input=True).parameters())
    assert cells[0] == f"{whole:,}"
    assert int(cells[2].partition(" ")[0].replace(",", "")) >= gone
    assert len(pictures(html)) == 2


def test_without_cuts_the_outcome_is_the_answer(photo, checkpoints):
    html = refill(photo, LENET)["outcome"]
    best = classification.classify(photo, LENET, top_k=1)[0]
    sentence = text(with_class(html, "finding")[0])
    assert "Nothing is switched off" in sentence and best.label in sentence
    assert probability(best.probability) in sentence
    cells = [text(cell) for cell in parse(html).iter("td")]
    assert cells[:3] == ["62,006", "62,006", "0 (0.0 %)"]


def test_an_empty_heatmap_is_said_to_be_empty(photo, checkpoints):
    assert "finds nothing" not in refill(photo, LENET)["outcome"]
    cuts = "features.3/0-15"  # all maps that the heatmap is made of
    html = refill(photo, LENET, None, cuts)["outcome"]
    label, _ = cut_probability(photo, LENET, cuts)
    assert f"finds nothing in this photo that speaks for {label}" in text(parse(html))


def test_cuts_of_another_net_are_dropped(resnet, photo):
    shown = refill(photo, LENET, "layer1.0", "layer1.0/skip features.0/3 nonsense")
    assert shown["cuts"] == "features.0/3"
    assert shown["stage"].value == "features.0"  # a link opens the stage of its last cut


def test_an_address_with_a_cut_opens_the_fold(photo, checkpoints):
    shown = fold.operate(photo, LENET, {}, None, "features.3/2", False, ENGLISH)
    assert shown["fold"].open is True and shown["is_open"] is True
    assert "features.3: channel 2" in shown["outcome"]
    assert fold.operate(photo, LENET, {}, None, "", False, ENGLISH) == gr.skip()
    later = fold.operate(photo, LENET, {}, "features.3", "features.0/1", True, ENGLISH)
    assert set(later) == {"outcome"} and "features.0: channel 1" in later["outcome"]


def test_channels_by_number(photo, checkpoints, monkeypatch):
    def add(numbers: str, cuts: str = "features.0/1", stage: str = "features.3"):
        return fold.add_numbers(photo, LENET, {}, stage, cuts, numbers, ENGLISH)

    assert add("3, 7-8") == {
        "cuts": "features.0/1 features.3/3 features.3/7 features.3/8",
        "numbers": "",
    }
    warnings = []
    monkeypatch.setattr(gr, "Warning", lambda sentence, title: warnings.append(sentence))
    for wrong in ("16", "3-", "skip", "a b", "5-2", "1 " * 30_000):
        assert add(wrong) == gr.skip()
    assert len(warnings) == 6 and "channels 0 to 15" in warnings[0]
    assert add("  ") == gr.skip() and len(warnings) == 6


def test_a_net_with_everything_switched_off_still_answers(resnet, photo):
    runner = engine.get(resnet)
    on, x = surgery.of(runner), prepare(photo, runner.record.preprocessing)[0]
    cuts = [f"{s.name}/{part.key}" for s in on.stages for part in s.parts]
    cuts += [f"{s.name}/{channel}" for s in on.stages for channel in range(s.channels)]
    everything = " ".join(cuts)
    shown = fold.operate(photo, resnet, {}, "layer2.0", everything, True, ENGLISH)["outcome"]
    assert f"and {len(cuts) - NAMED} more" in text(parse(shown))
    bias = load(resnet).net.fc.bias.detach().numpy()
    assert on.outcome(x, on.read(everything)).logits == pytest.approx(bias, abs=1e-5)
    assert on.intact(x).logits != pytest.approx(bias, abs=1e-3)


def test_a_net_of_the_visitors_own_can_be_operated_on(checkpoints, photo):
    loaded = load(LENET)
    own = {"mine": Loaded(loaded.net, loaded.record)}
    html = refill(photo, "mine", "features.0", "features.0/2", own)["outcome"]
    label, chance = cut_probability(photo, LENET, "features.0/2")
    assert label in html and probability(chance) in text(parse(html))


def test_the_filters_are_those_of_the_first_convolution(checkpoints, photo):
    drawn = pictures(refill(photo, LENET)["filters"])
    weight = load(LENET).net.features[0].weight
    assert len(drawn) == len(weight) == 6
    ours = explain.first_filters(load(LENET).net)
    assert ours.shape == (6, 5, 5, 3)
    first = weight[0] / weight[0].abs().max()
    expected = np.moveaxis(first.detach().numpy(), 0, 2)
    assert np.abs(ours[0] / 127.5 - 1 - expected).max() < 0.01
    assert np.array_equal(np.asarray(drawn[0].convert("RGB")), ours[0])


def test_korean(resnet, photo):
    shown = refill(photo, resnet, "layer1.0", "layer1.0/skip", request=KOREAN)
    assert "지름길 연결" in shown["board"] and "끄기 전" in shown["outcome"]


def test_the_endpoint_gives_the_figures(resnet, photo):
    listed = inside_endpoint.surgery(photo, LENET)
    assert listed["off"] == [] and listed["before"] == listed["after"]
    assert listed["stages"][0] == {
        "name": "features.0", "kind": "convolution", "channels": 6, "parts": []
    }  # fmt: skip
    got = inside_endpoint.surgery(photo, LENET, "features.0/2-3 features.3/1", 2)
    assert got["off"] == ["features.0/2", "features.0/3", "features.3/1"]
    label, chance = cut_probability(photo, LENET, "features.0/2-3 features.3/1")
    assert next(iter(got["after"]["classes"].items())) == (label, pytest.approx(chance))
    assert len(got["after"]["classes"]) == 2 and "stages" not in got
    # 4 and 15 channels are left: 5×5 kernels, then 15 maps of 5 × 5 into 120
    assert got["before"]["parameters"] - got["after"]["parameters"] == (
        2 * (75 + 1) + (16 * 6 - 15 * 4) * 25 + 1 + 25 * 120
    )


@pytest.mark.parametrize(
    ("model", "off", "why"),
    [
        ("no.net", "", "no.net"),
        (LENET, "features.0/6", "channels 0 to 5"),
        (LENET, "x" * 300_000, "up to 250,000 letters"),
    ],
)
def test_the_endpoint_refuses_in_a_sentence(checkpoints, photo, model, off, why):
    with pytest.raises(gr.Error, match=why):
        inside_endpoint.surgery(photo, model, off)
    with pytest.raises(gr.Error, match="photo"):
        inside_endpoint.surgery(None, LENET)

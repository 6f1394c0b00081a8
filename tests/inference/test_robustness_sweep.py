"""Nets on a photo that is changed in steps, against each picture changed and classified by hand."""

import io

import numpy as np
import pytest
from PIL import Image
from throwaway import write_weights

from cnn_space import classify, load, weights
from cnn_space.inference import engine, robustness
from cnn_space.weights import download as hub

NETS = ["lenet5.cifar10", "alexnet.other"]


@pytest.fixture
def nets(checkpoints):
    folder, _ = checkpoints
    write_weights(folder, "alexnet.other", "alexnet", size=40, form="cifar")
    return folder


@pytest.fixture
def photo():
    """120 × 80 pixels, smooth, with a square in it."""
    coarse = np.random.default_rng(3).integers(0, 255, (4, 6, 3), dtype=np.uint8)
    photo = Image.fromarray(coarse).resize((120, 80), Image.Resampling.BICUBIC)
    photo.paste((250, 250, 250), (40, 20, 70, 50))
    return photo


def final(*arguments, **options) -> robustness.Sweep:
    *_, last = robustness.sweep(*arguments, **options)
    return last


def by_hand(photo: Image.Image, side: int, change: str, step: int) -> Image.Image:
    """The photo at a step of four, in other words than those of the package."""
    square = photo.resize((side * 3 // 2, side), Image.Resampling.BICUBIC)
    left = round((square.width - side) / 2)
    seen = square.crop((left, 0, left + side, side))
    if change == "shift":  # 5 of 32 parts of 80 pixels a step
        pixels = np.asarray(photo)
        columns = np.clip(np.arange(120) - round(12.5 * step), 0, 119)
        return Image.fromarray(pixels[:, columns])
    if change == "darken":
        return photo.point([round(v * (100 - 22.5 * step) / 100) for v in range(256)] * 3)
    if change == "jpeg":
        file = io.BytesIO()
        seen.save(file, "JPEG", quality=round((10 - 2.25 * step) ** 2))
        return Image.open(file).convert("RGB")
    noise = np.random.default_rng(0).standard_normal((side, side, 3), np.float32)
    noisy = np.rint(np.asarray(seen, np.float32) + noise * 25.5 * step)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("change", ["shift", "darken", "jpeg", "noise"])
def test_probabilities_are_those_of_pictures_changed_by_hand(nets, photo, change):
    found = final(photo, NETS, change, steps=4)
    assert found.is_done and [curve.entry.name for curve in found.curves] == NETS
    for curve, side in zip(found.curves, (32, 40), strict=True):
        name = curve.entry.name
        plain = classify(photo, name, top_k=10)
        assert curve.answers[0].label == plain[0].label
        assert curve.probabilities[0] == pytest.approx(plain[0].probability, abs=1e-6)
        for step in range(1, 5):
            alone = classify(by_hand(photo, side, change, step), name, top_k=10)
            same = {p.label: p.probability for p in alone}
            assert curve.answers[step].label == alone[0].label
            assert curve.answers[step].probability == pytest.approx(alone[0].probability, abs=1e-5)
            assert curve.probabilities[step] == pytest.approx(same[plain[0].label], abs=1e-5)
        others = [i for i, answer in enumerate(curve.answers) if answer.label != plain[0].label]
        assert curve.flip == (others[0] if others else None)
        assert [picture.size for picture in curve.seen] == [(side, side)] * 5


def test_something_flips_here(nets, photo):
    """So that the test above sees both kinds of curves."""
    flips = [c.flip for c in final(photo, NETS, "noise", steps=4).curves]
    flips += [c.flip for c in final(photo, NETS, "darken", steps=4).curves]
    assert None in flips and any(flips)


def test_it_comes_in_batches_and_each_picture_is_made_once(nets, photo, monkeypatch):
    write_weights(nets, "nin.cifar10", "nin")
    made = []
    change = robustness.CHANGES["rotate"]
    counted = {"rotate": robustness.replace(change, apply=lambda p, d: made.append(d) or p)}
    monkeypatch.setattr(robustness, "CHANGES", counted)
    monkeypatch.setattr(robustness, "BATCH_MACS", 10.5 * weights.record("nin.cifar10").macs)
    names = ["lenet5.cifar10", "nin.cifar10"]
    come = list(robustness.sweep(photo, names, "rotate"))
    counts = [tuple(len(curve.answers) for curve in sweep.curves) for sweep in come]
    assert counts == [(21, 0), (21, 10), (21, 20), (21, 21)]  # LeNet-5 is done at once
    assert [sweep.is_done for sweep in come] == [False] * 3 + [True]
    assert made == list(change.levels(20)[1:])


def test_a_net_that_cannot_be_loaded_stops_no_other(nets, photo, monkeypatch):
    (nets / "alexnet.other.safetensors").write_bytes(b"cut off")
    last = final(photo, [*reversed(NETS)], "shift", steps=2)
    assert "damaged" in last.curves[0].entry.problem and last.is_done
    assert len(last.curves[1].answers) == 3
    monkeypatch.setattr(hub, "fetch", lambda *a, **k: pytest.fail("asked for the network"))
    monkeypatch.setattr(hub, "cached", lambda record: None)
    last = final(photo, ["resnet50.tv_in1k"], "shift", steps=2, fetch=False)
    assert "not on this machine" in last.curves[0].entry.problem


def test_a_net_that_is_not_among_the_weights_takes_part(nets, photo):
    own = load("lenet5.cifar10")
    last = final(photo, {"my net": own, "lenet5.cifar10": "lenet5.cifar10"}, "blur", steps=3)
    mine, published = last.curves
    assert mine.entry.name == "my net" and mine.probabilities == published.probabilities


@pytest.mark.parametrize(
    ("nets_asked", "change", "steps", "why"),
    [
        ([], "shift", 20, "1 to 8 different nets, not 0"),
        ([f"n{i}" for i in range(9)], "shift", 20, "not 9"),
        (NETS, "melt", 20, "'melt' is no change: it is one of shift, rotate"),
        (NETS, "shift", 0, "from 1 to 40, got 0"),
        (NETS, "shift", 41, "from 1 to 40, got 41"),
        (NETS, "shift", 2.5, "whole number"),
        (["lenet6.cifar10"], "shift", 20, "lenet6"),
    ],
)
def test_what_is_asked_wrongly_is_said(nets, photo, nets_asked, change, steps, why):
    with pytest.raises(ValueError, match=why):
        final(photo, nets_asked, change, steps=steps)


def test_a_batch_keeps_others_waiting_no_longer_for_more_steps(nets, photo, monkeypatch):
    sizes = []
    logits = engine.Engine.logits
    monkeypatch.setattr(
        engine.Engine,
        "logits",
        lambda self, batch: sizes.append(len(batch)) or logits(self, batch),
    )
    macs = weights.record("alexnet.other").macs
    for most, expected in ((7.5 * macs, 7), (0.3 * macs, 1)):
        monkeypatch.setattr(robustness, "BATCH_MACS", most)
        final(photo, ["alexnet.other"], "cover", steps=40)
        assert max(sizes) == expected and sum(sizes) == 41
        sizes.clear()

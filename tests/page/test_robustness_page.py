"""Compare, "What throws it off": the finding, what is shown, and what its events do."""

from dataclasses import replace

import gradio as gr
import numpy as np
import pytest
from markup import files, parse, pictures, sheet, text, with_class
from PIL import Image
from throwaway import write_weights
from visitors import ENGLISH, KOREAN, by_name

from cnn_space import load, weights
from cnn_space.images.preprocessing import Preprocessing
from cnn_space.inference import robustness as core
from cnn_space.inference.classification import Prediction
from cnn_space.inference.comparison import Entry
from cnn_space.inference.robustness import Curve, Sweep
from cnn_space.page.compare import robustness_view as view
from cnn_space.page.compare.robustness import Part, robustness

part = by_name(Part)
LABELS = ("ship", "truck", "cat")


def curve(title: str, answers: list[str], size: int = 32) -> Curve:
    shape = Preprocessing(size, size)
    record = weights.WeightsRecord(f"{title}.x", title, "lenet5", 3, LABELS, shape)
    return Curve(
        Entry(record.name, title, record),
        tuple(Prediction(answer, 0.6) for answer in answers),
        tuple(0.6 if answer == answers[0] else 0.25 for answer in answers),
        tuple(Image.new("RGB", (size, size), (40 * i, 0, 0)) for i in range(len(answers))),
    )


def swept(name: str, *curves: Curve, steps: int = 4) -> Sweep:
    return Sweep(name, core.CHANGES[name].levels(steps), curves)


def words(found: Sweep, lang: str = "en") -> str:
    return view.finding(found, lang).striptags()


FIRM = ["ship"] * 5
LATE = ["ship", "ship", "ship", "truck", "ship"]
SOON = ["truck", "cat", "truck", "cat", "cat"]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            swept("shift", curve("A", LATE), curve("B", SOON), curve("C", FIRM)),
            "When the photo moves to the right, two of three nets change their answer: B at 5 of "
            "32 pixels (truck → cat); A at 15 of 32 pixels (ship → truck). No change up to 20 of "
            "32 pixels: C (ship).",
        ),
        (
            swept("shift", curve("A", LATE), curve("B", FIRM, size=64)),
            "When the photo moves to the right, one of two nets changes its answer: A at 15/32 of "
            "the side (ship → truck). No change up to 20/32 of the side: B (ship).",
        ),
        (
            swept("darken", curve("A", FIRM), curve("B", FIRM)),
            "When the photo gets darker, none of two nets changes its answer down to 10 % of its "
            "brightness: A (ship), B (ship).",
        ),
        (
            swept("rotate", curve("A", SOON), curve("B", LATE)),
            "When the photo is turned clockwise, each of the two nets changes its answer: A "
            "at 45° (truck → cat); B at 135° (ship → truck).",
        ),
        (
            swept("blur", curve("A", FIRM)),
            "When the photo is blurred, the answer stays up to σ = 10 % of the side: A (ship).",
        ),
        (
            swept("jpeg", curve("A", SOON)),
            "When it is saved as ever worse JPEG, the answer changes: A at quality 60 (truck → "
            "cat).",
        ),
        (swept("noise", curve("A", FIRM), curve("B", FIRM[:3])), "1 of 2 nets asked …"),
    ],
)
def test_the_finding_in_words(found, said):
    assert words(found) == said


@pytest.mark.parametrize("name", core.CHANGES)
def test_every_change_has_its_words_in_both_languages(name):
    found = swept(name, curve("A", LATE), curve("B", FIRM, size=64))
    for lang, answer in (("en", "truck"), ("ko", "트럭")):
        html = view.shown(found, lang)
        assert answer in words(found, lang) and "A" in words(found, lang)
        small = [text(p) for p in with_class(html, "small")]
        assert len(small) >= 4 and all(small) and "{" not in "".join(small)


def test_curves_pictures_and_table():
    found = swept("shrink", curve("A", LATE), curve("B", FIRM))
    html = view.shown(found)
    root = parse(html)
    lines = {line.get("data-name"): line.get("points").split() for line in root.iter("polyline")}
    assert {name: len(points) for name, points in lines.items()} == {"A": 5, "B": 5}
    (ring,) = with_class(root, "ring")
    assert f"{ring.get('cx')},{ring.get('cy')}" == lines["A"][3]
    shares = ("100 %", "80 %", "60 %", "40 %", "20 %")
    ticks = [text(t) for t in root.iter("text")]
    assert all(share in ticks for share in shares)
    tips = [text(tip) for tip in root.iter("title")]
    assert "A, 40 % of its size: truck 60.0 %, ship 25.0 %" in tips and len(tips) == 10
    nets = [e for e in root.iter("article")]
    assert [text(with_class(net, "robust-answer")[0]) for net in nets] == ["ship → truck", "ship"]
    shown = [Image.open(p.fp).convert("RGB").getpixel((0, 0))[0] for p in pictures(html)]
    assert shown == [0, 40, 80, 120, 160, 120, 160]  # the axis; A at its flip, B at the end
    rows = sheet(html, "cnn-space-robustness-shrink.csv")
    assert rows[0] == ["net", "level", "answer", "answer_probability", "first_probability"]
    assert rows[4] == ["A.x", "40", "truck", "0.600000", "0.250000"] and len(rows) == 11


def test_a_net_that_does_not_answer_says_why_and_is_not_counted():
    gone = curve("C", [])
    gone = replace(gone, entry=replace(gone.entry, problem="its file is damaged"))
    found = swept("cover", curve("A", FIRM), curve("B", LATE), gone)
    assert "one of two nets changes" in words(found)
    problems = [text(p) for p in with_class(view.shown(found), "problem")]
    assert len(problems) == 1 and "damaged" in problems[0]
    assert words(swept("cover", gone)) == ""


# Events


@pytest.fixture
def two(checkpoints):
    write_weights(checkpoints[0], "nin.cifar10", "nin")
    return ["lenet5.cifar10", "nin.cifar10"]


@pytest.fixture
def photo():
    coarse = np.random.default_rng(3).integers(0, 255, (4, 6, 3), dtype=np.uint8)
    photo = Image.fromarray(coarse).resize((60, 40), Image.Resampling.BICUBIC)
    photo.info["path"] = "/upload/a.png"
    return photo


def test_curves_come_one_by_one_and_once(two, photo):
    come = list(part.run(photo, two, "darken", {}, None, ENGLISH))
    assert len(come) == 2
    assert [shown["done"] is None for shown in come] == [True, False]
    assert not files(come[0]["shown"]) and files(come[1]["shown"])
    lines = [len(list(parse(shown["shown"]).iter("polyline"))) for shown in come]
    assert lines == [1, 2]
    # The browser hides what is of another photo, of other nets or of another change.
    (marked,) = [e for e in parse(come[1]["shown"]).iter() if e.get("data-of")]
    assert marked.get("data-of") == "\n".join(["/upload/a.png", *two, "darken"])
    assert marked.get("data-tab") == "robustness"
    done = come[1]["done"]
    assert list(part.run(photo, two, "darken", {}, done, ENGLISH)) == [gr.skip()]
    assert len(list(part.run(photo, two, "cover", {}, done, ENGLISH))) == 2
    assert len(list(part.run(photo, two, "darken", {}, done, KOREAN))) == 2


@pytest.mark.parametrize("lacking", ["photo", "nets", "change"])
def test_nothing_is_shown_where_something_lacks(two, photo, lacking):
    given = {"photo": photo, "nets": two, "change": "blur"}
    given |= {lacking: two[:1] if lacking == "nets" else None}
    assert list(part.run(*given.values(), {}, "x", ENGLISH)) == [part.nothing()]
    assert part.nothing() == {"shown": "", "done": None}


def test_a_visitors_own_net_takes_part_under_its_name(two, photo):
    own = {"<b>mine": load("lenet5.cifar10")}
    *_, last = part.run(photo, [*two, "<b>mine"], "shift", own, None, ENGLISH)
    names = [text(h) for h in parse(last["shown"]).iter("h3")]
    assert names[2] == "<b>mine" and len(names) == 3


def test_the_endpoint_gives_figures_and_the_finding(two, photo):
    figures, said = robustness(photo, two, "rotate", 3)
    assert figures["levels"] == [0, 60, 120, 180] and figures["change"] == "rotate"
    assert [net["net"] for net in figures["nets"]] == two
    assert all(len(net["probabilities"]) == 4 for net in figures["nets"])
    assert said.startswith("When the photo is turned clockwise, ")
    assert len(robustness(photo, two, "rotate", None)[0]["levels"]) == core.STEPS + 1
    for wrong in (
        (photo, [], "shift", 20),
        (photo, two, "shift", 0),
        (photo, two, "melt", 20),
        (photo, two, "blur", 41),
    ):
        with pytest.raises(gr.Error):
            robustness(*wrong)
    with pytest.raises(gr.Error, match="Choose a photo"):
        robustness(None, two)

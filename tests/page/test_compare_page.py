"""What the Compare tab shows: the finding in words, cards, table, charts."""

import csv
import io
import json
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from markup import files, parse, pictures, text, with_class
from PIL import Image
from throwaway import CIFAR10, write_weights
from visitors import ENGLISH, KOREAN, by_name

from cnn_space import load, weights
from cnn_space.formats import percent
from cnn_space.images.photo_error import PhotoError
from cnn_space.images.preprocessing import Preprocessing
from cnn_space.inference.classification import Prediction
from cnn_space.inference.comparison import Entry, with_agreement
from cnn_space.inference.explain import Heatmap
from cnn_space.page.common import nets
from cnn_space.page.common.photo_input import Refused
from cnn_space.page.compare import figures, view
from cnn_space.page.compare.finding import captions, finding
from cnn_space.page.compare.handlers import Tab, compare
from cnn_space.page.compare.table import DECIMALS, SHOWN, table, table_html

tab = by_name(Tab)
COLUMNS = list(DECIMALS)
VEHICLES = ("ship", "truck", "cat")


def entry(title, answer, *, labels=VEHICLES, macs=None, data="CIFAR-10", **fields):
    shape = Preprocessing(32, 32)
    record = weights.WeightsRecord(
        f"{title}.x", title, "lenet5", len(labels), labels, shape, macs=macs, data=data
    )
    ranked = (Prediction(answer, 0.75), Prediction("cat", 0.2)) if answer else ()
    return Entry(record.name, title, record, ranked, **fields)


def voted(*entries):
    return with_agreement(entries)


def words(entries, lang="en") -> str:
    """The finding as a program gets it."""
    return finding(entries, lang).striptags()


def rows(html: str) -> list[list[str]]:
    """The table's text, its head first."""
    return [list(map(text, row)) for row in parse(html).iter("tr")]


@pytest.fixture
def photo():
    pixels = np.random.default_rng(1).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture
def three(checkpoints):
    folder, _ = checkpoints
    write_weights(folder, "nin.cifar10", "nin")
    write_weights(folder, "resnet18.cifar10", "resnet18", small_input=True)
    for name, accuracy, macs in (
        ("lenet5", 70.0, 650_000), ("nin", 90.5, 200_000_000), ("resnet18", 94.0, 555_000_000),
    ):  # fmt: skip
        path = folder / f"{name}.cifar10.json"
        card = json.loads(path.read_text()) | {"accuracy": accuracy, "macs": macs}
        card["history"] = [
            {"epoch": e, "train_loss": 4.0 - e, "train_accuracy": 60.0, "val_accuracy": 50.0 + e}
            for e in (1, 2, 3)
        ]
        card["per_class"] = {label: accuracy for label in CIFAR10} | {"ship": 99.0}
        path.write_text(json.dumps(card))
    return ["lenet5.cifar10", "nin.cifar10", "resnet18.cifar10"]


# The finding


def test_the_odd_one_out_is_named_and_work_compared():
    entries = voted(
        entry("GoogLeNet", "ship", macs=100),
        entry("VGG-16", "ship", macs=4000),
        entry("ResNet-18", "ship", macs=500),
        entry("LeNet-5", "truck", macs=1),
    )
    assert words(entries) == (
        "Three of four say ship; LeNet-5 says truck. "
        "GoogLeNet needs 40× fewer MACs than VGG-16 for the same answer."
    )
    bold = [text(part) for part in parse(view.finding_paragraph(entries)).iter("b")]
    assert bold == ["ship", "truck"]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (["ship", "ship"], "Both say ship."),
        (["ship", "ship", "ship"], "All three say ship."),
        (["ship", "truck"], "They do not agree: N0 says ship; N1 says truck."),
        (["ship", "ship", "truck", "cat"], "Two of four say ship; N2 says truck; N3 says cat."),
    ],
)
def test_agreement_in_words(answers, expected):
    entries = [entry(f"N{i}", answer, macs=7) for i, answer in enumerate(answers)]
    assert words(voted(*entries)) == expected


def test_nets_that_know_other_classes_are_told_apart():
    entries = voted(
        entry("A", "ship"), entry("B", "ship"),
        entry("C", "church", labels=("church", "cat"), data="Imagenette"),
    )  # fmt: skip
    assert words(entries) == "CIFAR-10: Both say ship. Imagenette: C says church."


def test_while_answers_are_missing_it_counts_them():
    assert "1 of 2" in words([entry("A", "ship"), entry("B", None)])
    # One that failed is not waited for.
    done = words([entry("A", "ship"), entry("B", None, problem="gone")])
    assert done == "A says ship."


def test_in_korean_classes_are_translated_and_names_are_not():
    korean = words(voted(entry("A", "ship"), entry("B", "ship")), "ko")
    assert "배" in korean and "ship" not in korean


def test_in_korean_a_net_of_the_digits_says_so(photo):
    entries = voted(
        entry("A", "ship"), entry("B", "1", labels=("1", "7"), data="Handwritten digits")
    )
    shown = words(entries, "ko") + str(table(entries, "ko")["data"])
    shown += view.cards(entries, view.Pictures(photo), "ko")
    assert shown.count("손글씨 숫자") == 3 and "Handwritten" not in shown


def test_names_from_visitors_stay_text(photo):
    evil = "<img src=x onerror=alert(1)>"
    entries = voted(entry(evil, evil, labels=(evil, "cat")), entry("B", "ship"))
    assert evil in words(entries)
    paragraph = view.finding_paragraph(entries)
    assert evil in text(parse(paragraph)) and not list(parse(paragraph).iter("img"))
    cards = view.cards(entries, view.Pictures(photo))
    assert evil in text(parse(cards)) and len(list(parse(cards).iter("img"))) == 2
    own = {evil: SimpleNamespace(record=entries[0].record)}
    for html in tab.figures([evil], own, ENGLISH).values():
        assert not list(parse(html).iter("img"))


# Cards and table


def test_only_those_who_differ_are_marked(photo):
    heat = Heatmap(np.eye(4, dtype=np.float32), "layer4", 0)
    entries = voted(
        entry("A", "ship", heatmap=heat), entry("B", "ship"), entry("C", "truck"), entry("D", None)
    )
    html = view.cards(entries, view.Pictures(photo))
    names = [card.get("data-net") for card in with_class(html, "compare-card")]
    assert names == ["A.x", "B.x", "C.x", "D.x"]
    assert [card.get("data-net") for card in with_class(html, "odd")] == ["C.x"]
    assert [card.get("data-net") for card in with_class(html, "waiting")] == ["D.x"]
    assert [text(flag) for flag in with_class(html, "compare-flag")] == ["odd one out"]
    assert text(next(parse(html).iter("figcaption"))) == "Grad-CAM at layer4, 4 × 4"
    # A card that waits takes the room of one that has answered.
    assert [len(list(card.iter("li"))) for card in with_class(html, "compare-card")] == [2, 2, 2, 3]


def test_a_map_without_heat_says_so(photo):
    heat = Heatmap(np.zeros((4, 4), dtype=np.float32), "layer4", 0)
    html = view.cards([entry("A", "ship", heatmap=heat)], view.Pictures(photo))
    assert "Grad-CAM finds nothing in this photo that speaks for ship" in html


def test_a_net_that_failed_says_why(photo):
    html = view.cards([entry("A", None, problem="it is <gone>")], view.Pictures(photo))
    assert [text(p) for p in with_class(html, "problem")] == ["it is <gone>"]
    assert not list(parse(html).iter("img"))


def test_the_table_keeps_numbers_for_sorting_and_shows_them_alike():
    shown = table(voted(entry("A", "ship", macs=650_000, milliseconds=1.23456)))
    (row,) = shown["data"]
    named = dict(zip(COLUMNS, row, strict=True))
    assert named["sure"] == 75.0 and named["macs"] == 0.65 and named["time"] == 1.23
    assert named["second"] == "cat" and named["accuracy"] is None
    assert len(shown["headers"]) == len(row) == len(set(shown["headers"]))
    # The page has the same columns in another order, and every number as it is and as it reads.
    assert sorted(SHOWN) == sorted(COLUMNS)
    html = table_html(voted(entry("A", "ship", macs=650_000_000)))
    heads, cells = parse(html).iter("tr")
    assert set(map(text, heads)) == set(shown["headers"]) and len(list(heads.iter("button"))) == 13
    named = dict(zip(SHOWN, cells, strict=True))
    assert (text(named["macs"]), named["macs"].get("data-value")) == ("650.00", "650.0")
    assert (text(named["accuracy"]), named["accuracy"].get("data-value")) == ("", "")


@pytest.mark.parametrize("lang, of_six", [("en", "5 of 6"), ("ko", "6장 중 5장")])
def test_an_accuracy_of_few_images_is_no_percentage(photo, lang, of_six):
    one = entry("A", "ship", macs=1000)
    one = replace(one, record=replace(one.record, accuracy=100 * 5 / 6, eval_images=6))
    cell = list(parse(table_html([one], lang)).iter("td"))[SHOWN.index("accuracy") - 1]
    assert text(cell) == of_six and cell.get("data-value") == "83.33"  # the number sorts
    card = text(parse(view.cards([one], view.Pictures(photo), lang)))
    assert of_six in card and "83" not in card
    dots = figures.work([chosen_as(one), chosen_as(replace(one, name="B.x"))], lang)
    assert of_six in dots and "83.3 %" not in dots


def chosen_as(entry):
    return figures.Chosen(entry.name, entry.title, "#000000", entry.record, None)


def test_titles_that_are_alike_get_their_data():
    same = [entry("A", "ship"), Entry("other", "A", entry("A", None, data="Imagenette").record)]
    assert list(captions(same).values()) == ["A · CIFAR-10", "A · Imagenette"]
    twice = [same[0], Entry("other", "A", same[0].record)]
    assert len(set(captions(twice).values())) == 2


# Handlers


def test_a_chosen_net_that_expired_stays_in_the_list(three):
    """Gradio refuses a value that is not in the list, and with it the whole event."""

    def listed(chosen) -> list[str]:
        return [name for _, name in tab.refresh(chosen, {}, ENGLISH)["nets"]["choices"]]

    assert listed([three[0], "my cats"]).count("my cats") == 1
    assert len(listed(three)) == len(listed([three[0], "my cats"])) - 1


def test_run_ends_with_everything_and_does_not_repeat_itself(three, photo):
    steps = list(tab.run(photo, three, {}, None, ENGLISH))
    assert len(steps) == 7  # three answers, three heatmaps, the times
    assert all(step["done"] is None and not files(step["table"]) for step in steps[:-1])
    last = steps[-1]
    assert len(pictures(last["cards"])) == 3 and len(rows(last["table"])) == 4
    file = files(last["table"])["cnn-space-comparison.csv"]
    assert [line["net"] for line in csv.DictReader(io.StringIO(file))] == three
    again = list(tab.run(photo, three * 5, {}, last["done"], ENGLISH))
    assert again == [gr.skip()]
    assert len(list(tab.run(photo, three[:2], {}, last["done"], ENGLISH))) > 1
    assert len(list(tab.run(photo, three, {}, last["done"], KOREAN))) > 1


def test_how_the_photo_was_read_is_said(three, photo):
    photo.info["notes"] = {"stretched": 12, "profile_converted": True}
    for request, said in (
        (ENGLISH, ("12 bits", "converted to sRGB")),
        (KOREAN, ("12비트", "sRGB")),
    ):
        *_, last = tab.run(photo, three, {}, None, request)
        small = [text(p) for p in with_class(parse(last["finding"]), "small")]
        assert len(small) == 2 and all(w in line for w, line in zip(said, small, strict=True))


def test_what_is_shown_says_of_which_photo_and_nets_it_is(three, photo):
    """By it the browser dims what is of others: see current.js."""
    photo.info["path"] = "/upload/cat.png"
    *_, last = tab.run(photo, three, {}, None, ENGLISH)
    for part in ("finding", "cards", "table"):
        marked = [e for e in parse(last[part]).iter() if e.get("data-of")]
        assert [e.get("data-of") for e in marked] == ["\n".join(["/upload/cat.png", *three])]
        assert marked[0].get("data-tab") == "compare"
    photo.info["path"] = "/upload/same picture.png"  # or it would stay dimmed
    assert len(list(tab.run(photo, three, {}, last["done"], ENGLISH))) > 1


def only_says(shown: dict) -> str:
    """The sentence in place of a comparison, with nothing else beside it."""
    assert not (shown["cards"] or shown["table"] or shown["done"])
    return text(parse(shown["finding"]))


def test_without_photo_or_nets_it_says_what_to_do(three, photo):
    for image, names in ((None, three), (photo, three[:1]), (photo, None)):
        (shown,) = tab.run(image, names, {}, "x", ENGLISH)
        assert "Choose" in only_says(shown)
    assert "Choose a photo" in only_says(tab.unanswered(ENGLISH))
    refused = Refused(PhotoError("unreadable"))
    (shown,) = tab.run(refused, three, {}, "x", ENGLISH)
    assert "not a picture" in only_says(shown)


def test_a_net_that_could_not_be_loaded_is_tried_again(three, photo, checkpoints):
    file = checkpoints[0] / f"{three[0]}.safetensors"
    whole = file.read_bytes()
    file.write_bytes(b"cut off")
    *_, last = tab.run(photo, three, {}, None, ENGLISH)
    assert "damaged" in last["cards"] and last["done"] is None
    file.write_bytes(whole)
    *_, last = tab.run(photo, three, {}, last["done"], ENGLISH)
    assert "damaged" not in last["cards"] and last["done"]


def test_the_client_gets_the_numbers_of_the_page(three, photo):
    *_, last = tab.run(photo, three, {}, None, ENGLISH)
    answer, sentence = compare(photo, three)
    for ours, theirs, name in zip(rows(last["table"])[1:], answer["data"], three, strict=True):
        ours, theirs = dict(zip(SHOWN, ours, strict=True)), dict(zip(COLUMNS, theirs, strict=True))
        assert theirs.pop("net") == name and ours.pop("net")
        assert theirs.pop("time") > 0 and float(ours.pop("time")) > 0  # another run, another time
        for column, value in theirs.items():
            shown = ours[column].replace(",", "")
            assert value == (float(shown) if isinstance(value, float) else shown), column
    assert sentence == text(parse(last["finding"]))
    with pytest.raises(gr.Error, match="2 to 8"):
        compare(photo, three[:1])
    with pytest.raises(gr.Error, match="photo"):
        compare(None, three)
    with pytest.raises(gr.Error, match="did you mean"):
        compare(photo, [*three, "lenet.cifar10"])


def test_a_visitors_own_net_is_offered_and_compared(three, photo):
    own = {"my <cats>": load("nin.cifar10")}
    assert nets.choices(own)[0][1] == "my <cats>"
    arrived = tab.arrive(["my <cats>", "gone"], own, ENGLISH)["nets"]
    assert arrived["value"] == ["my <cats>"]
    *_, last = tab.run(photo, ["my <cats>", three[0]], own, None, ENGLISH)
    assert rows(last["table"])[1][0] == "my <cats>"
    assert text(next(parse(last["cards"]).iter("h2"))) == "my <cats>"
    (shown,) = tab.run(photo, ["gone", *three], own, None, ENGLISH)
    assert "gone is not kept any more" in only_says(shown)


# Charts


def lines(html: str) -> list[list[str]]:
    """The names of the lines of each chart."""
    charts = parse(html).iter("svg")
    return [[line.get("data-name") for line in chart.iter("polyline")] for chart in charts]


def test_charts_tell_chosen_from_others(three):
    shown = tab.figures(three[:2], {}, ENGLISH)
    circles = list(parse(shown["work"]).iter("circle"))
    assert len({circle.get("cx") for circle in circles}) == 3
    strong = [text(circle) for circle in circles if circle.get("class") == "chosen"]
    assert {tip.partition(":")[0] for tip in strong} == {"Lenet5", "Nin"}
    assert "Lenet5: 70.0 %, 650 k MACs, 0.06 M parameters" in strong

    legend = [text(name) for name in with_class(shown["learned"], "compare-legend")[0]]
    assert legend == ["Lenet5", "Nin"]
    loss, accuracy = parse(shown["learned"]).iter("svg")
    for chart in (loss, accuracy):
        assert [line.get("data-name") for line in chart.iter("polyline")] == legend
        assert all(len(line.get("points").split()) == 3 for line in chart.iter("polyline"))
    assert "Loss" in loss.get("aria-label") and "held-out" in accuracy.get("aria-label")

    cells = [[text(cell) for cell in row] for row in parse(shown["classes"]).iter("tr")]
    assert cells[0] == ["", "Lenet5", "Nin"]
    assert cells[1] == ["airplane", "70.0 %", "90.5 %"] and len(cells) == 1 + len(CIFAR10)
    best = [text(cell) for cell in with_class(shown["classes"], "best")]
    assert best == [percent(90.5)] * 8 + ["99.0 %", "99.0 %", "90.5 %"]


def test_a_net_just_added_gets_its_curve_at_once(three):
    """Also beside a net that has no record of its training."""
    own = {"my cats": SimpleNamespace(record=entry("mine", "ship", data="cats").record)}
    assert lines(tab.figures(three[:1], own, ENGLISH)["learned"]) == [["Lenet5"]] * 2
    chosen = ["my cats", *three]
    learned = tab.figures(chosen, own, ENGLISH)["learned"]
    assert lines(learned) == [["Lenet5", "Nin", "Resnet18"]] * 2
    assert "No training record here: my cats." in learned


def test_a_net_that_another_name_sets_apart_keeps_its_curve(three, checkpoints):
    """A second net of one title renames the first: on the chart as in the legend."""
    path = checkpoints[0] / "nin.cifar10.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"title": "Lenet5"}))
    learned = tab.figures(three[:2], {}, ENGLISH)["learned"]
    legend = [text(name) for name in with_class(learned, "compare-legend")[0]]
    assert len(set(legend)) == 2 and lines(learned) == [legend] * 2


def test_an_own_net_shows_how_it_learned(three):
    """Its card is in memory: curves, accuracy per class, the size of its file."""
    published = load("nin.cifar10")
    card = published.record.read_card()
    record = replace(published.record, source="session", card=card, data="my cats", bytes=2_500_000)
    own = {"my cats · 90.5 %": weights.Loaded(published.net, record)}
    shown = tab.figures(["my cats · 90.5 %", three[0]], own, ENGLISH)
    assert lines(shown["learned"]) == [["my cats · 90.5 %", "Lenet5"]] * 2
    assert "No training record" not in shown["learned"]
    assert "my cats · 90.5 %" in text(parse(shown["classes"]))
    (row,) = table([Entry("my cats · 90.5 %", "my cats · 90.5 %", record)])["data"]
    assert row[COLUMNS.index("file")] == 2.5


def test_without_held_out_images_the_curves_say_so(three, checkpoints):
    path = checkpoints[0] / "nin.cifar10.json"
    card = json.loads(path.read_text())
    for step in card["history"]:
        step["val_accuracy"] = None
    path.write_text(json.dumps(card))
    _, accuracy = parse(tab.figures(three, {}, ENGLISH)["learned"]).iter("svg")
    assert "training batches" in accuracy.get("aria-label")
    # 60 % in every epoch, on an axis from 0 to 100.
    heights = {
        p.split(",")[1] for line in accuracy.iter("polyline") for p in line.get("points").split()
    }
    assert len(heights) == 1


def test_who_learned_from_other_nets_is_named(three, checkpoints):
    assert "distillation" not in tab.figures(three, {}, ENGLISH)["learned"]
    lesson = {"teachers": [{"name": "googlenet.cifar10"}]}
    for name, more in ((three[0], lesson), (three[2], {"continues": {"continues": lesson}})):
        path = checkpoints[0] / f"{name}.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | more))
    learned = text(parse(tab.figures(three, {}, ENGLISH)["learned"]))
    assert "answers of other nets (distillation): Lenet5, Resnet18." in learned


def test_a_chosen_net_that_has_expired_is_left_out(three):
    shown = tab.figures([*three[:2], "mine, but expired"], {}, ENGLISH)
    assert shown == tab.figures(three[:2], {}, ENGLISH)


def test_nets_without_a_card_leave_the_curves_out(three):
    hub = [n for n in weights.list_weights() if weights.record(n).source == "hub"][:2]
    shown = tab.figures(hub, {}, ENGLISH)
    assert "No training record here" in shown["learned"] and lines(shown["learned"]) == []
    assert shown["classes"] == "" and len(with_class(shown["work"], "chosen")) == 2
    assert set(tab.figures([], {}, ENGLISH).values()) == {""}

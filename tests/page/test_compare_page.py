"""What the Compare tab writes: the finding in words, cards, table, charts."""

import csv
import io
import json
from base64 import b64decode
from html import unescape
from html.parser import HTMLParser
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from PIL import Image
from throwaway import CIFAR10, write_weights

from cnn_space import load, weights
from cnn_space.images.photo import PhotoError
from cnn_space.images.preprocessing import Preprocessing
from cnn_space.inference.classification import Prediction
from cnn_space.inference.comparison import Entry, with_agreement
from cnn_space.inference.explain import Heatmap
from cnn_space.page.common import nets
from cnn_space.page.common.photo_input import Refused
from cnn_space.page.compare import handlers as compare
from cnn_space.weights import catalogue

ENGLISH = SimpleNamespace(headers={"accept-language": "en"})
KOREAN = SimpleNamespace(headers={"accept-language": "ko-KR,ko;q=0.9,en;q=0.5"})
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
    found = compare.finding(
        voted(
            entry("GoogLeNet", "ship", macs=100),
            entry("VGG-16", "ship", macs=4000),
            entry("ResNet-18", "ship", macs=500),
            entry("LeNet-5", "truck", macs=1),
        )
    )
    assert found == (
        "Three of four say ship; LeNet-5 says truck. "
        "GoogLeNet does it with 40 times less work than VGG-16."
    )


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        (["ship", "ship"], "Both say ship."),
        (["ship", "ship", "ship"], "All three say ship."),
        (["ship", "truck"], "They do not agree: N0 says ship; N1 says truck."),
        (["ship", "ship", "truck", "cat"], "Two of four say ship; N2 says truck; N3 says cat."),
    ],
)
def test_agreement_in_words(answers, found):
    entries = [entry(f"N{i}", answer, macs=7) for i, answer in enumerate(answers)]
    assert compare.finding(voted(*entries)) == found


def test_label_sets_are_told_apart():
    other = ("church", "cat")
    found = compare.finding(
        voted(
            entry("A", "ship"), entry("B", "ship"),
            entry("C", "church", labels=other, data="Imagenette"),
        )
    )  # fmt: skip
    assert found == "CIFAR-10: Both say ship. Imagenette: C says church."


def test_while_answers_are_missing_it_counts_them():
    assert "1 of 2" in compare.finding([entry("A", "ship"), entry("B", None)])
    # One that failed is not waited for.
    done = compare.finding([entry("A", "ship"), entry("B", None, problem="gone")])
    assert done == "A says ship."


def test_in_korean_classes_are_translated_and_names_are_not():
    found = compare.finding(voted(entry("A", "ship"), entry("B", "ship")), "ko")
    assert "배" in found and "ship" not in found


def test_in_korean_a_net_of_the_digits_says_so(photo):
    entries = voted(
        entry("A", "ship"), entry("B", "1", labels=("1", "7"), data="Handwritten digits")
    )
    told = compare.finding(entries, "ko") + str(compare.table(entries, "ko")["data"])
    told += compare.cards_html(entries, compare._Pictures(photo), "ko")
    assert told.count("손글씨 숫자") == 3 and "Handwritten" not in told


def test_names_from_visitors_are_escaped(photo):
    evil = "<img src=x onerror=alert(1)>"
    entries = voted(entry(evil, evil, labels=(evil, "cat")), entry("B", "ship"))
    pictures = compare._Pictures(photo)
    for html in (compare.finding_html(entries), compare.cards_html(entries, pictures)):
        assert "<img src=x" not in html and "&lt;img" in html
    own = {evil: SimpleNamespace(record=entries[0].record)}
    assert "<img src=x" not in "".join(map(str, compare.figures([evil], own, ENGLISH)))


# Cards and table


class Tags(HTMLParser):
    def __init__(self, html: str):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def classes(self, tag):
        return [a.get("class", "").split() for t, a in self.found if t == tag]


def test_only_those_who_differ_are_marked(photo):
    heat = Heatmap(np.eye(4, dtype=np.float32), "layer4", 0)
    entries = voted(
        entry("A", "ship", heatmap=heat), entry("B", "ship"), entry("C", "truck"), entry("D", None)
    )
    html = compare.cards_html(entries, compare._Pictures(photo))
    cards = Tags(html).classes("article")
    assert ["odd" in card for card in cards] == [False, False, True, False]
    assert ["waiting" in card for card in cards] == [False, False, False, True]
    assert html.count("odd one out") == 1
    assert "Grad-CAM at layer4, 4 × 4" in html


def test_a_map_without_heat_says_so(photo):
    heat = Heatmap(np.zeros((4, 4), dtype=np.float32), "layer4", 0)
    html = compare.cards_html([entry("A", "ship", heatmap=heat)], compare._Pictures(photo))
    assert "Grad-CAM finds nothing in this photo that speaks for ship" in html


def test_a_net_that_failed_says_why(photo):
    html = compare.cards_html([entry("A", None, problem="it is <gone>")], compare._Pictures(photo))
    assert "it is &lt;gone&gt;" in html and "<img" not in html


def test_the_table_keeps_numbers_for_sorting_and_shows_them_alike():
    table = compare.table(voted(entry("A", "ship", macs=650_000, milliseconds=1.23456)))
    (row,), (shown,) = table["data"], table["metadata"]["display_value"]
    named = dict(zip(compare.HEADERS, row, strict=True))
    assert named["sure"] == 75.0 and named["macs"] == 0.65 and named["time"] == 1.23
    assert named["second"] == "cat" and named["accuracy"] is None
    assert dict(zip(compare.HEADERS, shown, strict=True))["sure"] == "75.0"
    assert len(table["headers"]) == len(compare.KINDS) == len(row) == len(set(table["headers"]))


def test_titles_that_are_alike_get_their_data():
    same = [entry("A", "ship"), Entry("other", "A", entry("A", None, data="Imagenette").record)]
    assert list(compare.captions(same).values()) == ["A · CIFAR-10", "A · Imagenette"]
    twice = [same[0], Entry("other", "A", same[0].record)]
    assert len(set(compare.captions(twice).values())) == 2


# Handlers


def test_a_chosen_net_that_expired_stays_in_the_list(three):
    """Gradio refuses a value that is not in the list, and with it the whole event."""
    entries = compare.relist([three[0], "my cats"], {}, ENGLISH)["choices"]
    assert [value for _, value in entries].count("my cats") == 1
    assert len(compare.relist(three, {}, ENGLISH)["choices"]) == len(entries) - 1


def test_run_ends_with_everything_and_does_not_repeat_itself(three, photo):
    steps = list(compare.run(photo, three, {}, None, ENGLISH))
    assert len(steps) == 7  # three answers, three heatmaps, the times
    assert all(step[3] == "" and step[4] is None for step in steps[:-1])
    _, cards, table, link, done = steps[-1]
    assert cards.count("data:image/webp") == 3 and len(table["data"]) == 3
    encoded = link.partition("base64,")[2].partition('"')[0]
    sheet = list(csv.DictReader(io.StringIO(b64decode(encoded).decode("utf-8-sig"))))
    assert [line["net"] for line in sheet] == three
    again = list(compare.run(photo, three * 5, {}, done, ENGLISH))
    assert again == [(gr.skip(),) * 5]
    assert len(list(compare.run(photo, three[:2], {}, done, ENGLISH))) > 1
    assert len(list(compare.run(photo, three, {}, done, KOREAN))) > 1


def test_without_photo_or_nets_it_says_what_to_do(three, photo):
    for image, names in ((None, three), (photo, three[:1]), (photo, None)):
        ((finding, cards, table, link, done),) = compare.run(image, names, {}, "x", ENGLISH)
        assert "Choose" in finding and not (cards or table["data"] or link or done)
    refused = Refused(PhotoError("unreadable"))
    ((finding, *others),) = compare.run(refused, three, {}, "x", ENGLISH)
    assert "not a picture" in finding and others[-1] is None


def test_a_net_that_could_not_be_had_is_tried_again(three, photo, checkpoints):
    file = checkpoints[0] / f"{three[0]}.safetensors"
    whole = file.read_bytes()
    file.write_bytes(b"cut off")
    *_, (_, cards, _, _, done) = compare.run(photo, three, {}, None, ENGLISH)
    assert "damaged" in cards and done is None
    file.write_bytes(whole)
    *_, (_, cards, _, _, done) = compare.run(photo, three, {}, done, ENGLISH)
    assert "damaged" not in cards and done


def test_the_client_gets_the_numbers_of_the_page(three, photo):
    *_, (_, _, shown, _, _) = compare.run(photo, three, {}, None, ENGLISH)
    table, sentence = compare.compare(photo, three)
    time = compare.HEADERS.index("time")
    for ours, theirs, name in zip(shown["data"], table["data"], three, strict=True):
        assert theirs[0] == name
        assert ours[1:time] == theirs[1:time] and ours[time + 1 :] == theirs[time + 1 :]
    assert sentence == compare.finding(list(compare._compare(photo, three, {}))[-1])
    with pytest.raises(gr.Error, match="2 to 8"):
        compare.compare(photo, three[:1])
    with pytest.raises(gr.Error, match="photo"):
        compare.compare(None, three)
    with pytest.raises(gr.Error, match="did you mean"):
        compare.compare(photo, [*three, "lenet.cifar10"])


def test_a_visitors_own_net_is_offered_and_compared(three, photo):
    own = {"my <cats>": load("nin.cifar10")}
    assert ("my <cats>" in [value for _, value in nets.choices(own)][:1]) is True
    update = compare.arrive(["my <cats>", "gone"], own, ENGLISH)
    assert update["value"] == ["my <cats>"]
    *_, (_, cards, table, _, _) = compare.run(photo, ["my <cats>", three[0]], own, None, ENGLISH)
    assert table["data"][0][0] == "my <cats>" and "my &lt;cats&gt;" in cards
    [(said, *others)] = compare.run(photo, ["gone", *three], own, None, ENGLISH)
    assert "gone is not kept any more" in said and others[0] == "" and others[1]["data"] == []


# Charts


def test_charts_tell_chosen_from_others(three):
    work, learned, loss, accuracy, classes = compare.figures(three[:2], {}, ENGLISH)
    circles = [a for tag, a in Tags(work).found if tag == "circle"]
    assert len(circles) == 3 and sum(a.get("class") == "chosen" for a in circles) == 2
    x = {a["cx"]: a for a in circles}
    assert len(x) == 3
    assert "Lenet5" in learned and "Nin" in learned
    assert [list(row) for row in loss.value["data"]][:3] == [
        ["Lenet5", 1, 3.0], ["Lenet5", 2, 2.0], ["Lenet5", 3, 1.0],
    ]  # fmt: skip
    assert {row[2] for row in accuracy.value["data"]} == {51.0, 52.0, 53.0}
    assert set(loss.color_map) == {"Lenet5", "Nin"}
    assert classes.count("<tr>") == 1 + len(CIFAR10) and "90.5" in classes


def test_without_held_out_images_the_curves_say_so(three):
    path = catalogue.CHECKPOINTS / "nin.cifar10.json"
    card = json.loads(path.read_text())
    for step in card["history"]:
        step["val_accuracy"] = None
    path.write_text(json.dumps(card))
    _, _, _, accuracy, _ = compare.figures(three, {}, ENGLISH)
    assert {row[2] for row in accuracy.value["data"]} == {60.0}
    assert "training batches" in accuracy.title


def test_who_learned_from_other_nets_is_named(three):
    assert "other nets" not in compare.figures(three, {}, ENGLISH)[1]
    lesson = {"teachers": [{"name": "googlenet.cifar10"}]}
    for name, more in ((three[0], lesson), (three[2], {"continues": {"continues": lesson}})):
        path = catalogue.CHECKPOINTS / f"{name}.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | more))
    learned = compare.figures(three, {}, ENGLISH)[1]
    assert "answers beside the labels: Lenet5, Resnet18." in unescape(learned)


def test_a_chosen_net_that_has_expired_is_left_out(three):
    classes = compare.figures([*three[:2], "mine, but expired"], {}, ENGLISH)[-1]
    assert classes == compare.figures(three[:2], {}, ENGLISH)[-1]


def test_nets_without_a_card_leave_the_curves_out(three):
    hub = [n for n in weights.list_weights() if weights.record(n).source == "hub"][:2]
    work, learned, loss, _, classes = compare.figures(hub, {}, ENGLISH)
    assert "No training record here" in learned and loss.visible == "hidden" and classes == ""
    assert work.count("chosen") == 2

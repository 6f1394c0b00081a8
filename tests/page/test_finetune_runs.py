"""A visitor's runs: the list of them, the names they get, and photos to try their nets on."""

import io
import unicodedata
import zipfile
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from finetune_visits import (
    EVIL,
    LENET,
    TAB,
    arrive,
    bars,
    look,
    trained,
    visitor,
    with_bars,
)
from markup import parse, sheet, text, with_class
from PIL import Image

from cnn_space import weights
from cnn_space.inference import classification
from cnn_space.page.common import nets, visitor_nets
from cnn_space.page.common.nets import OwnNets
from cnn_space.page.compare import figures
from cnn_space.page.compare import handlers as compare


@pytest.fixture
def twice(checkpoints):
    """A visitor with two runs: (session, name of the first net, name of the second)."""
    session = with_bars()
    trained(session)
    trained(session, seed=1)
    return session, *session.own_nets


def rows(shown):
    """The list of runs: [[net, base, images, held-out, time], …]."""
    body = next(parse(shown["runs"]).iter("tbody"))
    return [[text(cell) for cell in row][:5] for row in body.iter("tr")]


def click(session, name, want, compared=()):
    event = gr.EventData(None, {"run": name, "want": want})
    return TAB.open_run(session, list(compared), event, visitor())


def rename(session, name):
    return TAB.rename_net(session, name, None, visitor())


# The list


def test_the_list_tells_of_every_run_the_last_first(twice):
    session, first, second = twice
    shown = look(session)
    seconds = [f"{result.report.seconds:.0f} s" for result in session.results]
    right = [
        sum(map(int.__eq__, result.report.targets, result.report.answers))
        for result in session.results
    ]
    assert rows(shown) == [
        [second, session.kept.report.title, "Bars · 24", f"{right[1]} of 4", seconds[1]],
        [first, session.kept.report.title, "Bars · 24", f"{right[0]} of 4", seconds[0]],
    ]
    head, *lines = sheet(shown["runs"])  # what the visitor takes home of it
    lines = [dict(zip(head, line, strict=True)) for line in lines]
    assert [line["net"] for line in lines] == [second, first]
    assert [line["right"] for line in lines] == [str(count) for count in reversed(right)]
    assert {(line["data"], line["images"], line["held out"]) for line in lines} == {
        ("Bars", "24", "4")
    }
    current = [row.get("aria-current") for row in parse(shown["runs"]).iter("tr")]
    assert current == [None, "true", None]
    assert arrive(session)["runs"] == shown["runs"] and not arrive()["runs"]


def test_any_of_them_is_shown_again_whole(twice):
    session, first, second = twice
    one, other = (session.own_nets.results[name] for name in (first, second))
    shown = click(session, first, "show")
    assert session.kept is one and shown["download"].value["orig_name"] == Path(one.file).name
    assert f"<b>{first}" not in shown["own_net"] and first in text(parse(shown["own_net"]))
    assert shown["curves"] != look(session)["curves"] or one.report.history != other.report.history
    assert click(session, second, "show")["name"] == second and session.kept is other


def test_any_of_them_goes_to_classify_and_compare(twice):
    session, first, second = twice
    shown = click(session, first, "classify")
    assert shown["tabs"].selected == "classify" and shown["classify_net"].value == first
    assert {first, second} <= {value for _, value in shown["classify_net"].choices}
    shown = click(session, first, "compare", [LENET, second])
    assert shown["tabs"].selected == "compare"
    assert shown["compare_nets"].value == [LENET, second, first]
    assert click(session, first, "compare", [first])["compare_nets"].value == [first]
    most = [f"net {number}" for number in range(8)]
    assert click(session, first, "compare", most)["compare_nets"].value == [*most[:7], first]
    assert session.kept.name == second  # what the tab shows is as it was


@pytest.mark.parametrize("name", ["another's net", None, [], {}, 3])
def test_what_is_not_there_any_more_is_a_sentence(twice, name):
    session, first, _ = twice
    with pytest.raises(gr.Error):
        click(session, name, "show")
    session.own_nets.forget(first)
    with pytest.raises(gr.Error):
        click(session, first, "classify")
    assert len(rows(look(session))) == 1


def test_a_run_of_another_visitor_cannot_be_opened(twice):
    _, first, _ = twice
    stranger = with_bars()
    with pytest.raises(gr.Error):
        click(stranger, first, "show")


# Names


def test_a_new_name_is_everywhere_and_the_net_stays_chosen(twice):
    session, first, second = twice
    shown = rename(session, "  My\tfirst   birds ")
    title = "My first birds"
    assert shown["name"] == title and title in shown["own_net"]
    assert rows(shown)[0][0] == title and rows(shown)[1][0] == first
    lists = [shown["classify_net"].choices, nets.choices(session.own_nets, short=True)]
    assert all((f"{title} · yours", second) in choices for choices in lists)  # the same value
    chosen = figures.choose([second, first], session.own_nets)
    assert [net.title for net in chosen] == [title, first]
    file = session.kept.file
    assert Path(file).name == "lenet5.my_first_birds.zip"
    assert shown["download"].value["orig_name"] == Path(file).name
    with zipfile.ZipFile(file) as archive:
        assert sorted(archive.namelist()) == [
            "lenet5.my_first_birds.json",
            "lenet5.my_first_birds.safetensors",
        ]
    home = weights.load(file)
    assert home.record.title == title and home.record.name == "lenet5.my_first_birds"
    assert [path.name for path in Path(session.kept.folder.name).iterdir()] == [Path(file).name]
    assert rename(session, "")["name"] == second  # its first name is back


def test_a_renamed_net_is_compared_under_its_name(twice):
    session, first, second = twice
    rename(session, "Birds")
    photo = Image.new("RGB", (32, 32), "grey")
    *_, entries = compare._compare(photo, [second, first], session.own_nets, heatmaps=False)
    assert [entry.title for entry in entries] == ["Birds", first]
    assert [entry.name for entry in entries] == [second, first]


def test_two_nets_are_never_called_the_same(twice):
    session, first, _ = twice
    assert rename(session, first)["name"] == f"{first} (2)"
    rename(session, "Birds")
    click(session, first, "show")
    assert rename(session, "Birds")["name"] == "Birds (2)"
    assert rename(session, "Birds (2)")["name"] == "Birds (2)"  # it is called so already
    own_nets, loaded = OwnNets(), session.own_nets[first]
    visitor_nets.keep(own_nets, "a", loaded)
    visitor_nets.rename(own_nets, "a", "b")
    assert visitor_nets.keep(own_nets, "b", loaded) == "b (2)"


@pytest.mark.parametrize(
    ("given", "clean"),
    [
        ("새 분류기", "새 분류기"),
        (unicodedata.normalize("NFD", "새"), "새"),
        ("a\nb\x00c\x1b[31m", "a bc[31m"),
        ("abc\u202etxt\u200b\u2066", "abctxt"),  # what turns the writing, and what cannot be seen
        ("x" * 500, "x" * 40),
        (" \n\t", ""),
        (EVIL, EVIL[:40].strip()),
        (None, "None"),
    ],
)
def test_names_are_cleaned(given, clean):
    assert visitor_nets.clean(given) == clean


@pytest.mark.parametrize("name", [EVIL, "../../etc/passwd", "한글", "a/b\\c:d", "…", "."])
def test_any_name_is_text_on_the_page_and_safe_in_a_file(twice, name):
    session, *_ = twice
    shown = rename(session, name)
    places = ("own_net", "runs", "result", "matrix")
    pages = [parse(shown[place]) for place in places]
    assert not [image for page in pages for image in page.iter("img") if image.get("onerror")]
    assert visitor_nets.clean(name) in rows(shown)[0][0]
    file = Path(session.kept.file)
    assert file.parent == Path(session.kept.folder.name) and file.name.isascii()
    assert weights.load(file).record.title == visitor_nets.clean(name)


def test_without_a_result_there_is_nothing_to_name():
    with pytest.raises(gr.Error, match="Train one first"):
        rename(with_bars(), "Birds")


# Test photos


def photos(folder):
    """One photo of each class that the bars are about, and a file that is no photo."""
    images = bars().images
    for number, name in enumerate(("left", "right")):
        pixels = images[number].permute(1, 2, 0).numpy().astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    (folder / "no.jpg").write_text("no photo")
    return [str(folder / name) for name in ("left.png", "right.png", "no.jpg")]


def test_photos_beside_the_result_are_answered_one_by_one(twice, tmp_path):
    session, *_ = twice
    rename(session, EVIL)
    files = photos(tmp_path)
    shown = parse(TAB.try_photos(session, files, visitor())["tried"])
    assert EVIL[:30] in text(next(shown.iter("h4")))
    left, right, no = shown.iter("li")
    for item, file in ((left, files[0]), (right, files[1])):
        best = classification.answer(file, session.kept.result.loaded).predictions[0]
        assert text(next(item.iter("b"))) == best.label and Path(file).name in text(item)
        assert len(list(item.iter("img"))) == 1
    assert "not a picture that can be read" in text(no) and "no.jpg" in text(no)
    assert "읽을 수 없는" in TAB.try_photos(session, files, visitor("ko"))["tried"]


def test_each_net_answers_for_itself(twice, tmp_path):
    """The answers are those of the result that is shown, never those of the run before."""
    session, first, second = twice
    files = photos(tmp_path)[:1]
    for name in (first, second):
        click(session, name, "show")
        shown = TAB.try_photos(session, files, visitor())["tried"]
        best = classification.answer(files[0], session.own_nets[name]).predictions[0]
        assert name in text(parse(shown)) and f"{100 * best.probability:.0f}" in shown
    session.own_nets.forget(second)
    assert TAB.try_photos(session, files, visitor()) == {"tried": ""}
    assert TAB.try_photos(session, None, visitor()) == {"tried": ""}


def test_too_many_photos_are_answered_in_part(twice, tmp_path):
    session, *_ = twice
    [file, *_] = photos(tmp_path)
    shown = parse(TAB.try_photos(session, [file] * 30, visitor())["tried"])
    assert len(list(shown.iter("li"))) == 24 and "first 24" in text(shown)


def test_a_sideways_photo_and_a_name_that_is_markup(twice, tmp_path):
    session, *_ = twice
    image = Image.new("RGB", (40, 20))
    exif = image.getexif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif)
    path = tmp_path / "<img src=x onerror=alert(1)>.jpg"
    path.write_bytes(buffer.getvalue())
    shown = TAB.try_photos(session, [str(path)], visitor())["tried"]
    [picture] = parse(shown).iter("img")
    assert picture.get("onerror") is None and path.name in text(with_class(shown, "ft-tried")[0])

"""The source "Real or forged digits": what it shows, what is learnt, and the curve of a visitor."""

import re
import shutil
from types import SimpleNamespace

import pytest
from finetune_visits import LENET, TAB, arrive, trained, visitor
from markup import parse, text

from cnn_space.cli.finetune import read
from cnn_space.inference.forging import real_or_forged, set_name
from cnn_space.page.finetune import endpoint, forged_view, sources
from cnn_space.page.finetune.session import Session
from cnn_space.weights import catalogue

BUNDLED = catalogue.CHECKPOINTS / "generators"


@pytest.fixture
def forger(checkpoints):
    """Random nets, and the bundled generator beside them."""
    shutil.copytree(BUNDLED, checkpoints[0] / "generators")


def pictures(shown) -> list[str]:
    """The grids of forged and of real digits."""
    return re.findall(r'<img src="([^"]+)"', shown["samples"])


def test_the_source_shows_both_grids_and_a_slider(forger):
    session = Session()
    shown = TAB.choose_source(session, "forged", 1, LENET, 20, visitor())
    assert shown["age"]["visible"] and not shown["read"]["visible"]
    assert shown["augment"] == "shift"
    assert "learnt from 899" in shown["contents"] and "the other 898" in shown["contents"]
    assert "1,796 images in 2 classes" in shown["contents"]
    young, real = pictures(shown)
    assert "at age 1, after 5 epochs" in shown["samples"]

    older = TAB.choose_age(session, 4, LENET, "shift", 20, visitor())
    assert "at age 4, after 300 epochs" in older["samples"]
    old, same = pictures(older)
    assert same == real and old != young and session.age == 4
    assert session.visitor_set is real_or_forged(4)

    TAB.choose_source(session, "digits", 4, LENET, 20, visitor())
    assert "samples" not in (TAB.choose_age(session, 2, LENET, "shift", 20, visitor()) or {})
    assert "1,797 images" in TAB.show_images(session, LENET, "shift", 20, visitor())["contents"]


def test_a_run_says_how_many_are_told_and_adds_to_the_curve(forger):
    session = Session()
    session.choose("forged", 1)
    _, shown = trained(session)
    report = session.kept.report
    assert report.data == set_name(1) and report.classes == ("real", "forged")
    assert sum(report.train_counts) == 1436 and len(report.targets) == 360
    assert report.after > 95  # noise is told by any net
    assert not report.suspects  # who forged is known
    runs = text(parse(shown["runs"]))
    assert "guessing: 50 %" in runs and f"age 1: {report.after:.3g} %" in runs
    assert "나이" in TAB.result_of(session, "ko")["runs"]


def test_the_curve_has_a_line_a_net_and_its_last_run_of_each_age():
    def report(title, age, after):
        return SimpleNamespace(title=title, data=set_name(age), after=after)

    runs = [report("NIN", 3, 80.0), report("VGG", 1, 99.0), report("NIN", 1, 100.0)]
    drawn = forged_view.by_age([*runs, report("NIN", 3, 70.0)], "en")
    assert re.findall(r'data-name="([^"]+)"', drawn) == ["guessing: 50 %", "NIN", "VGG"]
    assert re.findall(r"<title>([^<]+)</title>", drawn) == [
        "age 1: 100\u00a0%", "age 3: 70\u00a0%", "age 1: 99\u00a0%",
    ]  # fmt: skip
    assert not forged_view.by_age([SimpleNamespace(data="Handwritten digits")], "en")


@pytest.mark.parametrize(
    ("asked", "source", "age"),
    [
        ({"images": "forged", "age": "3"}, "forged", 3),
        ({"images": "forged", "age": "9"}, "forged", 1),
        ({"images": "forged", "age": "x"}, "forged", 1),
        ({"images": "nowhere", "age": "3"}, "digits", 1),
        ({}, "digits", 1),
    ],
)
def test_a_link_opens_the_images_that_it_names(forger, asked, source, age):
    request = visitor()
    request.query_params = asked
    shown = arrive(request=request)
    assert shown["source"] == source and shown["age"]["value"] == age
    assert shown["age"]["visible"] == (source == "forged")
    assert f"at age {age}" in shown["samples"] or source == "digits"


def test_without_a_generator_nothing_is_offered(checkpoints):
    assert "forged" not in sources.available() and sources.oldest() == 1
    assert arrive()["source"] == "digits"


def test_a_generator_that_is_damaged_under_an_open_page_is_refused(forger):
    session, path = Session(), catalogue.CHECKPOINTS / "generators" / "dcgan.digits.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    for lang, why in (("en", "cannot be used: its file or its card"), ("ko", "쓸 수 없습니다")):
        shown = TAB.choose_source(session, "forged", 1, LENET, 20, visitor(lang))
        shown |= TAB.choose_age(session, 3, LENET, "shift", 20, visitor(lang))
        assert why in shown["contents"] and not shown["samples"]
        TAB.choose_source(session, "digits", 1, LENET, 20, visitor(lang))
    assert "1,797 images" in TAB.show_images(session, LENET, "shift", 20, visitor())["contents"]


def test_programs_ask_by_age():
    assert endpoint._images(None, 2) is real_or_forged(2).images
    assert len(endpoint._images(None, 0)) == 1797
    with pytest.raises(ValueError, match="age is 1 to 4, not 9"):
        endpoint._images(None, 9)
    assert read("forged:2") is real_or_forged(2)
    for wrong in ("forged", "forged:old"):
        with pytest.raises(ValueError, match="forged digits are of an age: forged:1"):
            read(wrong)
    with pytest.raises(ValueError, match="age is 1 to 4, not 0"):
        read("forged:0")

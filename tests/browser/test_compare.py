"""Compare, heatmaps and GoogLeNet's inside in a browser, on the nets of the repository."""

import csv
import io
import re

import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image

from cnn_space import weights
from cnn_space.page.compare.layout import defaults
from cnn_space.page.compare.table import SHOWN


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """A picture of no example: a bright disc on dark stripes, twice as wide as high."""
    y, x = np.mgrid[0:120, 0:240]
    pixels = np.stack([40 + 30 * (x // 12 % 2)] * 3, axis=-1).astype(np.uint8)
    pixels[(x - 120) ** 2 + (y - 60) ** 2 < 1600] = (230, 90, 40)
    path = tmp_path_factory.mktemp("photo") / "disc.png"
    Image.fromarray(pixels).save(path)
    return path


def open_tab(page, name: str):
    page.get_by_role("tab", name=name, exact=True).click()


def finished(page):
    """Wait for the comparison under way: its links come with the times."""
    page.locator("#compare-table [data-of]:not(.stale) a.csv").wait_for(timeout=60_000)


def upload(page, photo):
    page.locator("#compare-photo button[aria-label='Remove Image']").click()
    page.locator("#compare-photo input[type=file]").wait_for(state="attached")
    page.locator("#compare-table a.csv").wait_for(state="detached")
    page.locator("#compare-photo input[type=file]").set_input_files(str(photo))
    finished(page)


def rows(page) -> list[list[str]]:
    """The table's body as text."""
    found = page.locator("#compare-table tbody tr").all()
    return [row.locator("th, td").all_inner_texts() for row in found]


@pytest.fixture(scope="module")
def compared(desktop, page_url, photo):
    """A page that has compared the default nets on the photo. The tests go on from each other."""
    page = desktop.new_page()
    page.goto(page_url)
    page.locator(".classify-label").wait_for()
    page.get_by_role("button", name="Remove Image", exact=True).click()
    page.locator("#classify-photo input[type=file]").set_input_files(photo)
    page.locator("#classify-photo img").wait_for()
    open_tab(page, "Compare")
    finished(page)
    yield page
    page.close()


def test_four_nets_on_a_photo_and_their_table(compared, page_url, photo):
    page = compared
    cards = page.locator(".compare-card")
    assert cards.count() == 4
    names = [card.get_attribute("data-net") for card in cards.all()]
    assert names == defaults()

    client = Client(page_url, verbose=False, analytics_enabled=False)
    table, sentence = client.predict(
        image=handle_file(str(photo)), models=names, api_name="/compare"
    )
    shown = rows(page)
    assert len(shown) == len(table["data"]) == 4
    timed, answer, agrees = (SHOWN.index(column) for column in ("time", "answer", "agrees"))
    heads = page.locator("#compare-table thead th").all_inner_texts()
    for name, card, seen, sent in zip(names, cards.all(), shown, table["data"], strict=True):
        record = weights.record(name)
        assert sent[0] == name and seen[0] == record.title
        sent_to = dict(zip(table["headers"], sent, strict=True))
        for column, ours in list(enumerate(seen))[1:]:
            theirs = sent_to[heads[column]]
            if column == timed:  # another run, another time
                assert float(ours) > 0 and theirs > 0
            elif isinstance(theirs, str):
                assert ours == theirs
            else:
                assert float(ours.replace(",", "")) == pytest.approx(theirs, abs=0.051)
        assert sent_to["Params, M"] == round(record.parameters / 1e6, 3)
        assert sent_to["Accuracy, %"] == round(record.accuracy, 2)
        assert card.locator(".compare-answer").inner_text() == seen[answer]
        assert card.locator("li").count() == 3
        assert card.locator("img").get_attribute("src").startswith("data:image/webp;base64,")
        assert re.search(r"Grad-CAM at \S+, \d+ × \d+", card.inner_text())
        assert ("odd" in card.get_attribute("class")) == (seen[agrees] == "no")
    assert page.locator("#compare-finding").inner_text().strip() == sentence

    link = page.locator("#compare-table a.csv")
    with page.expect_download() as download:
        link.click()
    text = download.value.path().read_text(encoding="utf-8-sig")
    sheet = list(csv.DictReader(io.StringIO(text)))
    assert [line["net"] for line in sheet] == names
    assert [line["answer"] for line in sheet] == [row[answer] for row in shown]


def test_a_heading_sorts_by_number_with_mouse_and_keyboard(compared):
    page, column = compared, SHOWN.index("parameters")
    box = page.locator("#compare-table .scroll")
    assert box.evaluate("(box) => box.scrollWidth <= box.clientWidth")  # every column in sight

    def numbers() -> list[float]:
        return [float(row[column].replace(",", "")) for row in rows(page)]

    head = page.locator("#compare-table thead th").nth(column)
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert numbers() == sorted(numbers(), reverse=True)
    page.keyboard.press("Enter")  # the heading keeps the focus
    assert head.get_attribute("aria-sort") == "ascending"
    assert numbers() == sorted(numbers())
    page.locator("#compare-table thead button").first.click()
    assert page.locator("#compare-table [aria-sort]").count() == 1
    names = [row[0] for row in rows(page)]
    assert names == sorted(names, key=str.lower)


def test_both_tabs_share_one_photo(page, photo):
    answer = page.locator("#classify-answer .classify-label").first
    answer.wait_for()
    first = page.locator("#classify-photo img").get_attribute("src")
    open_tab(page, "Compare")
    page.locator(f"#compare-photo img[src='{first}']").wait_for()
    upload(page, photo)  # while the nets still look at the first
    second = page.locator("#compare-photo img").get_attribute("src")
    assert second != first

    open_tab(page, "Classify")
    page.locator(f"#classify-photo img[src='{second}']").wait_for()
    page.locator("#classify-examples button").nth(1).click()
    page.locator(f"#classify-photo img:not([src='{second}'])").wait_for()
    third = page.locator("#classify-photo img").get_attribute("src")
    open_tab(page, "Compare")
    page.locator(f"#compare-photo img[src='{third}']").wait_for()
    finished(page)
    assert page.locator(".compare-card .compare-answer").count() == 4


# It may last a few milliseconds.
NOTE_STALE = """() => {
    window.parts = new Set();
    const note = () => document.querySelectorAll("[data-of].stale").forEach(
        (part) => window.parts.add(part.closest("[id^=compare-]").id));
    new MutationObserver(note).observe(document.body, { subtree: true, attributes: true });
}"""


def test_nets_come_and_go(compared):
    page = compared
    last = defaults()[-1]
    page.evaluate(NOTE_STALE)
    page.locator("#compare-nets").get_by_title("Remove").last.click()
    page.locator(f".compare-card[data-net='{last}']").wait_for(state="detached")
    finished(page)
    # What was still there of four nets was dimmed until three had answered.
    parts = {f"compare-{part}" for part in ("finding", "cards", "table")}
    assert parts <= {*page.evaluate("[...window.parts]")}
    assert page.locator("#compare-said .stale, #compare-cards .stale").count() == 0
    assert len(rows(page)) == 3
    assert page.locator("#compare-work circle.chosen").count() == 3
    curves = page.locator("#compare-loss polyline")
    assert curves.count() == 3
    # Two changes at once: the second is not lost while the first is still running.
    page.locator("#compare-nets").get_by_title("Remove").last.click()
    page.locator("#compare-nets input").click()
    page.get_by_role("option", name=weights.record(last).title).first.click()
    page.locator(f".compare-card[data-net='{last}']").wait_for()
    finished(page)
    assert len(rows(page)) == 3
    # A net that has just been added has its curves at once, and so has the one that it renames.
    page.locator("#compare-nets input").click()
    page.get_by_role("option", name=f"{weights.record(last).title} · Imagenette").first.click()
    page.locator("#compare-loss polyline").nth(3).wait_for()
    for chart in ("loss", "accuracy"):
        names = page.locator(f"#compare-{chart} polyline").all()
        names = [curve.get_attribute("data-name") for curve in names]
        legend = page.locator(".compare-legend span").all_inner_texts()
        assert names == [name.strip() for name in legend] and len(set(names)) == 4
    # All at once, which Gradio tells as a change and not as input.
    page.locator("#compare-nets .remove-all").click()
    page.get_by_text("Choose at least 2 nets.").wait_for()
    assert page.locator(".compare-card").count() == 0


def test_a_phone_needs_no_sideways_scrolling(visit, phone, page_url):
    page = visit(phone, page_url)
    open_tab(page, "비교")
    page.locator(".compare-card:not(.waiting)").nth(3).wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert "CIFAR-10" in page.locator(".compare-card").first.inner_text()
    # Of the table, what matters is in sight; the rest by scrolling, with keys too.
    heads = page.locator("#compare-table thead th")
    for column in ("net", "answer", "sure", "accuracy", "parameters"):
        box = heads.nth(SHOWN.index(column)).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390, column
    heads.last.get_by_role("button").focus()
    box = heads.last.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    for part in ("#compare-work svg", "#compare-loss svg", "#compare-classes table"):
        assert page.locator(part).first.bounding_box()["width"] > 250, part


def test_a_click_on_a_class_shows_what_speaks_for_it(page):
    heat = page.locator("#classify-looked img")
    heat.wait_for()
    first = heat.get_attribute("src")
    answer = page.locator("#classify-answer .classify-label").first.inner_text()
    assert f"speaks for {answer}" in page.locator("#classify-looked").inner_text()
    second = page.locator("#classify-answer li").nth(1)
    name = second.get_attribute("data-label")
    second.click()
    page.locator("#classify-looked figcaption", has_text=f"for {name}").wait_for()
    assert heat.get_attribute("src") != first
    page.locator("#classify-answer li").first.press("Enter")
    page.locator("#classify-looked figcaption", has_text=f"for {answer}").wait_for()
    assert heat.get_attribute("src") == first

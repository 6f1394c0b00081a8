"""What each tab gives to take home: drawings as SVG and PNG, tables as CSV and Markdown."""

import csv
import io
import re
from xml.etree import ElementTree

import pytest
from PIL import Image

SVG = "{http://www.w3.org/2000/svg}"
TABS = ("classify", "compare", "inception", "finetune")


@pytest.fixture(scope="module")
def dark(desktop, page_url):
    """A page in dark colours: files are light all the same."""
    page = desktop.new_page()
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{page_url}/?__theme=dark")
    page.locator("#classify-looked img").wait_for()
    yield page
    page.close()
    assert not problems, problems


def show(page, tab: str):
    number = TABS.index(tab)
    page.locator("#tabs > .tab-wrapper").first.get_by_role("tab").nth(number).click()


def taken(page, button) -> tuple[str, bytes]:
    """The file that a click, or here Enter, gives: (name, content)."""
    with page.expect_download() as download:
        button.press("Enter")
    return download.value.suggested_filename, download.value.path().read_bytes()


def is_light_picture(content: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    assert len(picture.getcolors(2**24)) > 10
    assert picture.getpixel((0, 0)) == (255, 255, 255)
    return picture


@pytest.mark.parametrize(
    ("tab", "place", "words"),
    [
        ("classify", "#classify-answer", None),
        ("classify", "#classify-looked", "Where it looked"),
        ("compare", "#compare-work", "Accuracy against work"),
        ("compare", "#compare-learned", "Loss on training batches"),
        ("compare", "#compare-classes", "airplane"),
        ("inception", "#inception-figure", "output"),
        ("finetune", "#ft-curves", "Loss"),
        ("finetune", "#ft-matrix", "Confusion matrix"),
    ],
)
def test_a_drawing_goes_home(dark, tab, place, words):
    page = dark
    show(page, tab)
    box = page.locator(f"{place} [data-picture]").first
    name, content = taken(page, box.locator("[data-take=svg]"))
    assert re.fullmatch(r"cnn-space-[\w-]+\.svg", name)
    drawing = ElementTree.fromstring(content)
    # It stands for itself: no style sheet, no script, no other file, no colour by name of ours.
    text = content.decode()
    assert not re.search(r'var\(|class="|href="(?!data:image/png)|<style|<script|color-mix', text)
    said = " ".join(" ".join(part.itertext()) for part in drawing.iter(f"{SVG}text"))
    shown = words or box.locator(".classify-label").inner_text()
    assert shown in said
    # Dark words on a light ground: none in the light ink of the page.
    assert page.evaluate("document.body.classList.contains('dark')")
    assert "rgb(232,236,238)" not in text

    name, content = taken(page, box.locator("[data-take=png]"))
    assert name.endswith(".png")
    picture = is_light_picture(content)
    assert picture.width >= 2 * float(drawing.get("width")) - 2


def test_a_comparison_is_one_picture_for_a_slide(dark):
    page = dark
    show(page, "compare")
    button = page.get_by_role("button", name="PNG for a slide")
    button.wait_for(timeout=60_000)
    before = page.locator(".compare-card").count()
    size = page.viewport_size
    page.set_viewport_size({"width": 390, "height": 844})
    name, content = taken(page, button)
    page.set_viewport_size(size)
    picture = is_light_picture(content)
    assert name == "cnn-space-compare.png"
    # As wide as a slide whatever the window, and no trace of it stays on the page.
    assert 2200 < picture.width < 2400 and 1 < picture.width / picture.height < 2
    assert page.locator(".compare-card").count() == before


def test_a_table_goes_home(dark):
    page = dark
    show(page, "compare")
    box = page.locator("#compare-classes")
    rows = [row.locator("th, td").all_inner_texts() for row in box.locator("tr").all()]
    with page.expect_download() as download:
        box.locator("a.csv").first.press("Enter")
    text = download.value.path().read_text(encoding="utf-8-sig")
    head, *body = csv.reader(io.StringIO(text))
    assert head == [cell.strip() for cell in rows[0]]
    for sent, shown in zip(body, rows[1:], strict=True):
        assert sent[0] == shown[0].strip()
        figures = [" ".join(cell.split()) for cell in shown[1:]]
        assert [f"{float(cell):.1f} %" for cell in sent[1:]] == figures
    with page.expect_download() as download:
        box.locator("a.markdown").first.press("Enter")
    first, rule, *lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert [cell.strip() for cell in first.split("|")[1:-1]] == head
    assert rule.count("---:") == len(head) - 1 and len(lines) == len(body)

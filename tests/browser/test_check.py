"""Check your net on the real page: a faulty net is pasted, its faults read, and mended."""

import json
import re
import threading

import pytest

from cnn_space.__main__ import main
from cnn_space.page.check import checks
from cnn_space.page.check.handlers import Checker

expect = pytest.importorskip("playwright.sync_api").expect
SAME = "Same as GoogLeNet (torchvision form, no auxiliary heads), for 10 classes"
# The example with its number of channels put right and another fault: all have a sure correction.
FAULTY = (
    checks.example()
    .replace("inception4e = Inception(512", "inception4e = Inception(528")
    .replace("def forward(self, x):\n        branches", "def foward(self, x):\n        branches")
)


@pytest.fixture
def place(page):
    page.get_by_role("tab", name="Inception", exact=True).click()
    page.get_by_role("tab", name="Check your net", exact=True).click()
    expect(headline(page)).to_have_text("3 faults in GoogLeNet")
    return page


def headline(page):
    return page.locator("#check-verdict .headline")


def paste(page, text):
    """Replace what the editor holds, as a visitor does."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("text => navigator.clipboard.writeText(text)", text)
    page.locator("#check-code .cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.press("Control+V")


def test_a_faulty_net_is_pasted_and_mended(place):
    page = place
    paste(page, FAULTY)
    page.get_by_role("button", name="Check", exact=True).click()
    findings = page.locator("#check-findings")
    misspelt = findings.locator("li", has_text="def foward(self, x):")
    expect(misspelt.locator(".instead")).to_have_text("Write def forward.")
    expect(findings.locator("li")).to_have_count(3)

    number = misspelt.locator("button.line").get_attribute("data-line")
    assert FAULTY.split("\n")[int(number) - 1].strip() == "def foward(self, x):"
    misspelt.locator("button.line").click()
    chosen = "() => getSelection().toString().trim()"
    page.wait_for_function(f"({chosen})() === 'def foward(self, x):'")

    page.locator("#check-mend").click()
    expect(headline(page)).to_have_text(SAME)
    expect(findings.locator("li")).to_have_count(0)
    expect(page.locator("#check-mend")).to_be_hidden()
    expect(page.locator("#check-verdict")).to_contain_text("5,610,154 parameters")
    with page.expect_download() as download:
        page.locator("#check-layers a.csv").click()
    assert download.value.path().read_text("utf-8-sig").startswith("layer,kind,detail,output")


@pytest.fixture
def held(monkeypatch):
    """Answers of checks wait: (an event that the first began, one that lets it go)."""
    began, late, answer = threading.Event(), threading.Event(), Checker._answer

    def slowly(self, *asked):
        if not began.is_set():
            began.set()
            assert late.wait(60)
        return answer(self, *asked)

    monkeypatch.setattr(Checker, "_answer", slowly)
    yield began, late
    late.set()


@pytest.fixture
def own_place(visit, desktop, module_url):
    """The tab on a page whose server runs here."""
    page = visit(desktop, f"{module_url}?tab=check")
    expect(headline(page)).to_have_text("3 faults in GoogLeNet")
    return page


def test_of_two_checks_the_later_one_stands(own_place, held):
    page, (began, late) = own_place, held
    page.get_by_role("button", name="Check", exact=True).click()
    assert began.wait(30)
    paste(page, FAULTY)
    page.get_by_role("button", name="Check", exact=True).click()
    late.set()
    expect(page.locator("#check-findings")).to_contain_text("def foward(self, x):")
    page.wait_for_timeout(1500)
    expect(page.locator("#check-findings")).to_contain_text("def foward(self, x):")
    expect(page.locator("[data-tab=check].stale")).to_have_count(0)


def test_what_is_of_older_code_is_dimmed_at_once_and_mends_nothing(own_place, held):
    page, (began, late) = own_place, held
    outdated = page.locator("#check-verdict .stale, #check-findings .stale, #check-mended .stale")
    expect(outdated).to_have_count(0)
    paste(page, "x = 1")
    expect(outdated).to_have_count(3)
    page.locator("#check-mend").click()
    assert began.wait(30)
    expect(outdated).to_have_count(3)
    expect(page.locator("#check-code .cm-content")).to_have_text("x = 1")
    late.set()
    expect(headline(page)).to_have_text("This cannot be read")
    expect(outdated).to_have_count(0)


def test_what_is_typed_is_checked_by_itself(place):
    page = place
    paste(page, checks.example().replace("Inception(512, 256", "Inception(528, 256"))
    expect(headline(page)).to_have_text("2 faults in GoogLeNet")
    page.get_by_label("Arguments", exact=True).press_sequentially("num_classes=33")
    expect(page.locator("#check-verdict .stale")).to_have_count(1)
    expect(page.locator("#check-verdict")).to_contain_text("→ 33")


def test_a_file_that_comes_late_does_not_replace_what_is_typed_meanwhile(own_place, held, tmp_path):
    page, (began, late) = own_place, held
    file = tmp_path / "net.py"
    file.write_text(FAULTY)
    page.locator("#check-file input[type=file]").set_input_files(file)
    assert began.wait(30)
    paste(page, "x = 1")
    late.set()
    expect(headline(page)).to_have_text("This cannot be read")
    expect(page.locator("#check-code .cm-content")).to_have_text("x = 1")


def test_choices_reach_the_net_and_a_wrong_one_is_said(place):
    page = place
    page.get_by_label("Arguments", exact=True).fill("num_classes=7")
    page.get_by_label("Arguments", exact=True).press("Enter")
    expect(page.locator("#check-verdict")).to_contain_text("3 × 224 × 224 → 7")
    page.locator("#check-shape input, #check-shape textarea").fill("nonsense")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator("#check-shape")).to_contain_text("Must be channels, height, width")
    page.locator("#check-shape input, #check-shape textarea").fill("3, 96, 96")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator("#check-verdict")).to_contain_text("3 × 96 × 96 → 7")
    page.locator("#check-net").get_by_label("Net").click()
    page.get_by_role("option", name="Inception", exact=True).click()
    expect(page.locator("#check-verdict")).to_contain_text("Inception")


def test_a_file_comes_into_the_editor(place, tmp_path):
    page = place
    file = tmp_path / "net.ipynb"
    file.write_text(json.dumps({"cells": [{"cell_type": "code", "source": FAULTY}]}))
    page.locator("#check-file input[type=file]").set_input_files(file)
    expect(page.locator("#check-findings")).to_contain_text("def foward")
    expect(page.locator("#check-code .cm-content")).to_contain_text("GoogLeNet for ten classes")

    # Of a file that holds no text it is said, in the visitor's language; the text stays.
    (tmp_path / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99))
    page.locator("#check-file input[type=file]").set_input_files(tmp_path / "photo.png")
    expect(page.locator("#check-verdict")).to_contain_text("This is not text.")
    expect(page.get_by_test_id("toast-body")).to_have_count(0)
    expect(page.locator("#check-code .cm-content")).to_contain_text("GoogLeNet for ten classes")


def test_a_phone_opens_it_by_its_link_without_scrolling_sideways(browser, page_url):
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="ko-KR")
    page = context.new_page()
    for theme in ("light", "dark"):
        page.goto(f"{page_url}?tab=check&__theme={theme}")
        expect(headline(page)).to_have_text("GoogLeNet: 오류 3개")
        expect(page.locator("#check-code .cm-content")).to_be_visible()
        expect(page).to_have_url(re.compile("tab=check"))
        page.locator("#check-mended summary").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_back_at_the_module_the_address_names_it(place):
    page = place
    expect(page).to_have_url(re.compile("tab=check"))
    page.get_by_role("tab", name="The module", exact=True).click()
    expect(page.locator("#inception-figure")).to_be_visible()
    expect(page).not_to_have_url(re.compile("tab=check"))


def test_clients_get_what_the_command_prints(page_url, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    client = pytest.importorskip("gradio_client").Client(page_url, verbose=False)
    answer = client.predict(FAULTY, input_shape="3,96,96", api_name="/check")
    file = tmp_path / "net.py"
    file.write_text(FAULTY)
    assert main(["check", str(file), "--input", "3,96,96", "--json"]) == 1
    assert answer == json.loads(capsys.readouterr().out)
    with pytest.raises(ValueError, match="no net called 'Nothing'"):
        client.predict(FAULTY, "Nothing", api_name="/check")

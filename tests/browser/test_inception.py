"""The calculator on the real page: move a value, share a link, copy the code.

One page serves all tests; each begins with module 3a of the paper, whatever the one before left.
"""

import re
import runpy

import pytest
import torch

from cnn_space.costs.inception import NUMBERS, PRESETS, InceptionCosts

expect = pytest.importorskip("playwright.sync_api").expect
PAPER_3A = dict(zip(NUMBERS, PRESETS["3a"], strict=True))
SWITCHES = {"5×5 (paper)": True, "1×1 reductions (off: naive)": True, "Batch norm": False,
            "Biases": False}  # fmt: skip


def figure(page, name):
    return page.locator(f'#inception-figure [data-figure="{name}"] .figure')


def field(page, name):
    return page.locator(f"#inception-{name} input")


def preset(page, name):
    page.locator("#inception-preset").get_by_text(name, exact=True).click()


def unfold(page, name):
    fold = page.locator(f"#inception-{name}")
    if not fold.locator(".html-container").first.is_visible():
        fold.locator("> button").click()
    return fold


@pytest.fixture
def calculator(shared_page):
    page = shared_page
    page.get_by_role("tab", name="Inception", exact=True).click()
    for label, checked in SWITCHES.items():
        page.get_by_label(label, exact=True).set_checked(checked)
    preset(page, "5b")  # so that the click on 3a is a change
    expect(figure(page, "parameters")).to_have_text("1,442,816")
    preset(page, "3a")
    expect(figure(page, "parameters")).to_have_text("163,328")
    return page


@pytest.fixture
def clipboard(calculator):
    """Reads what the page has copied."""
    calculator.context.grant_permissions(["clipboard-read", "clipboard-write"])
    return lambda: calculator.evaluate("navigator.clipboard.readText()")


def test_a_value_moves_the_totals_and_stands_in_the_address(calculator):
    page = calculator
    field(page, "ch3x3").fill("200")
    module = InceptionCosts(**PAPER_3A | {"ch3x3": 200})
    expect(figure(page, "parameters")).to_have_text(f"{module.parameters:,}")
    expect(page.locator("#inception-figure .big").nth(1)).to_contain_text(f"{module.macs:,}")
    page.get_by_label("Batch norm", exact=True).check()
    page.get_by_label("two 3×3 (Inception v2)", exact=True).check()
    module = InceptionCosts(**PAPER_3A | {"ch3x3": 200}, kernel5x5="3+3", batch_norm=True)
    expect(figure(page, "parameters")).to_have_text(f"{module.parameters:,}")
    for part in ("ch3x3=200", r"kernel5x5=3%2B3", "batch_norm=true"):
        expect(page).to_have_url(re.compile(part))


def test_presets_naive_and_chain(calculator):
    page = calculator
    preset(page, "5a")
    expect(figure(page, "parameters")).to_have_text("1,042,432")
    expect(field(page, "in_channels")).to_have_value("832")
    page.locator("#inception-reduction input").uncheck()
    naive = InceptionCosts(*PRESETS["5a"]).naive
    expect(figure(page, "parameters")).to_have_text(f"{naive.parameters:,}")
    preset(page, "all nine in a row")
    expect(page.locator("#inception-figure .chain")).to_contain_text("4,048 → 4,944")


def test_the_code_copied_and_downloaded_builds_the_module_shown(calculator, clipboard, tmp_path):
    page = calculator
    field(page, "ch1x1").fill("80")
    expect(figure(page, "parameters")).to_have_text("166,400")
    fold = unfold(page, "code")
    fold.get_by_label("Copy").first.click()
    with page.expect_download() as download:
        fold.get_by_text("Download inception_module.py").click()
    assert download.value.suggested_filename == "inception_module.py"
    file = tmp_path / "inception_module.py"
    download.value.save_as(file)
    assert file.read_text().strip() == clipboard()
    module = runpy.run_path(str(file))["module"]
    assert sum(parameter.numel() for parameter in module.parameters()) == 166_400
    assert module(torch.zeros(1, 192, 28, 28)).shape == (1, 272, 28, 28)


def test_an_impossible_number_gets_a_sentence_and_can_be_put_right(calculator):
    page = calculator
    below = page.locator("#inception-kernel")
    place = below.bounding_box()
    field(page, "height").fill("0")
    expect(page.locator("#inception-height")).to_contain_text("between 1 and 4,096")
    expect(page.locator("#inception-height").get_by_text("between")).to_be_visible()
    assert below.bounding_box() == place  # nothing moves
    expect(figure(page, "parameters")).to_have_text("163,328")
    expect(page.get_by_test_id("toast-body")).to_have_count(0)
    field(page, "height").fill("14")
    expect(page.locator("#inception-height")).not_to_contain_text("between")
    expect(figure(page, "macs")).to_have_text("64.02 M")


def test_a_number_unfolds_and_the_csv_comes_down(calculator):
    page = calculator
    fold = unfold(page, "table")
    row = fold.locator("tr").filter(has_text="5×5 reduce").first
    row.locator("summary").first.click()
    expect(row.locator("code").first).to_have_text("16·192 = 3,072")
    with page.expect_download() as download:
        fold.locator("a.csv").click()
    text = download.value.path().read_text("utf-8-sig")
    assert download.value.suggested_filename == "inception_module.csv"
    assert "128049152" in text.splitlines()[-1]


def test_a_module_of_the_map_opens_in_the_calculator_by_key(calculator):
    page = calculator
    fold = unfold(page, "map")
    fold.locator("[data-module='4e']").press("Enter")
    expect(figure(page, "parameters")).to_have_text("867,328")
    expect(page).to_have_url(re.compile("preset=4e"))
    expect(fold.locator(".head")).to_have_count(2)


def test_claims_and_whole_nets(calculator):
    page = calculator
    claims = unfold(page, "claims")
    expect(claims.locator('[data-claim="mult"]')).to_contain_text("14·14·48·5·5·480 = 112,896,000")
    fold = unfold(page, "net")
    totals = fold.locator('[data-figure="net-totals"]')
    expect(totals).to_contain_text("138,357,544 parameters · 15.47 G MACs")
    side = page.get_by_label("Image side, pixels", exact=True)
    side.fill("16")
    expect(fold).to_contain_text("too small for this net")
    expect(fold).to_contain_text("features.30")
    fold.get_by_label("Net", exact=True).click()
    page.get_by_role("option", name="googlenet", exact=True).click()
    expect(totals).to_contain_text("6,624,904 parameters")
    expect(side).to_have_value("224")
    search = page.get_by_label("Find layers", exact=True)
    search.fill("inception4c.branch3")
    expect(fold.locator(".tall tbody tr").last).to_contain_text("inception4c.branch3")
    search.fill("aux")
    expect(fold.locator(".tall tbody tr").last).to_contain_text("aux2.fc2")


def test_a_phone_reads_it_without_scrolling_sideways(browser, page_url):
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="ko-KR")
    page = context.new_page()
    for theme in ("light", "dark"):
        page.goto(f"{page_url}?ch1x1=64&__theme={theme}")
        expect(figure(page, "parameters")).to_have_text("163,328")
        drawing = page.locator("#inception-figure svg.module-narrow")
        expect(drawing).to_be_visible()
        expect(page.locator("#inception-figure svg.module-wide")).to_be_hidden()
        expect(drawing).to_contain_text("파라미터")
        smallest = drawing.evaluate(
            """svg => Math.min(...[...svg.querySelectorAll("text")].map(
                text => parseFloat(getComputedStyle(text).fontSize)))
                * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width"""
        )
        assert smallest >= 10.5
        # What the numbers come to is on the first screen, above the numbers.
        totals = page.locator("#inception-figure .figures").bounding_box()
        assert totals["y"] + totals["height"] < 844
        drawn = drawing.bounding_box()
        assert drawn["y"] + drawn["height"] <= page.locator("#inception-form").bounding_box()["y"]
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_clients_get_the_table_first(page_url, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    client = pytest.importorskip("gradio_client").Client(page_url, verbose=False)
    widths = dict(zip(NUMBERS[3:], PRESETS["4a"][3:], strict=True))
    table, totals = client.predict(
        height=14, width=14, in_channels=480, **widths, api_name="/inception"
    )
    assert table["headers"][:2] == ["branch", "layer"]
    assert totals["parameters"] == 375_552
    with pytest.raises(ValueError, match="ch1x1 must be a whole number"):
        client.predict(ch1x1=-1, api_name="/inception")

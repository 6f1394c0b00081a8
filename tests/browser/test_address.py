"""The page's address: links open what they name, Back and Forward lead through what was chosen, and
the switches at the top are kept."""

import re

import pytest
from PIL import Image

from cnn_space.costs.inception import NUMBERS, PRESETS, InceptionCosts

expect = pytest.importorskip("playwright.sync_api").expect


def tab(page, name):
    return page.get_by_role("tab", name=name, exact=True)


def photo(page, where="classify"):
    return page.locator(f"#{where}-photo img").first


def example(page, name):
    page.locator(f"#classify-examples [data-example='{name}']").click()


def parameters(page):
    return page.locator('#inception-figure [data-figure="parameters"] .figure')


def test_back_and_forward_lead_through_what_was_chosen(page, tmp_path):
    expect(page.locator("#classify-answer li").first).to_be_visible()
    # What follows an opened address at once is no step of its own.
    page.wait_for_function("Date.now() - window.address.opened > 2000")
    example(page, "coffee")
    expect(page).to_have_url(re.compile(r"\?photo=coffee&tab=classify$"))
    page.locator("#classify-ten input").check()  # else one photo takes the other's place
    expect(page).to_have_url(re.compile("ten_views=true"))
    Image.new("RGB", (40, 40), "red").save(tmp_path / "mine.png")
    page.locator("#classify-photo").get_by_label("Remove Image").click()
    page.locator("#classify-photo input[type=file]").set_input_files(tmp_path / "mine.png")
    expect(photo(page)).to_have_attribute("src", re.compile("mine"))
    expect(page).not_to_have_url(re.compile("photo="))  # one's own is no part of a link
    tab(page, "Inception").click()
    expect(page).to_have_url(re.compile("tab=inception"))  # what comes at once is one step
    page.locator("#inception-preset").get_by_text("4c", exact=True).click()
    expect(parameters(page)).to_have_text("509,440")
    expect(page).to_have_url(re.compile("preset=4c"))
    page.locator("#inception-ch1x1 input").fill("10")
    expect(page).to_have_url(re.compile("ch1x1=10&"))
    page.locator("#inception-ch1x1 input").fill("100")
    expect(page).to_have_url(re.compile("ch1x1=100"))
    tab(page, "Check your net").click()
    expect(page).to_have_url(re.compile("tab=check"))

    page.go_back()
    expect(tab(page, "The module")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#inception-ch1x1 input")).to_have_value("100")
    page.go_back()
    expect(parameters(page)).to_have_text("509,440")  # not every digit typed is a step
    page.go_back()
    expect(parameters(page)).to_have_text("163,328")
    page.go_back()
    expect(tab(page, "Classify")).to_have_attribute("aria-selected", "true")
    expect(photo(page)).to_have_attribute("src", re.compile("mine"))
    page.go_back()
    expect(photo(page)).to_have_attribute("src", re.compile("coffee"))
    expect(page.locator("#classify-answer [data-of]")).to_have_attribute(
        "data-of", re.compile("coffee")
    )
    page.go_forward()
    expect(photo(page)).to_have_attribute("src", re.compile("mine"))
    page.reload()  # what has no name in the address is in the history
    expect(photo(page)).to_have_attribute("src", re.compile("mine"))


def test_links_open_what_they_name_and_leave_out_nonsense(visit, desktop, page_url, tmp_path):
    page = visit(
        desktop, f"{page_url}?tab=compare&photo=coffee&nets=nin.cifar10,nowhere,lenet5.cifar10"
    )
    expect(page.locator("#compare-finding")).to_contain_text("NIN")
    expect(page.locator("#compare-cards figure")).to_have_count(2)
    expect(photo(page, "compare")).to_have_attribute("src", re.compile("coffee"))
    # Back to the photo before, in the open tab.
    Image.new("RGB", (40, 40), "red").save(tmp_path / "mine.png")
    page.locator("#compare-photo").get_by_label("Remove Image").click()
    page.locator("#compare-photo input[type=file]").set_input_files(tmp_path / "mine.png")
    cards = page.locator("#compare-cards [data-of]")
    expect(cards).to_have_attribute("data-of", re.compile("mine"))
    expect(page).not_to_have_url(re.compile("photo="))
    page.go_back()
    expect(cards).to_have_attribute("data-of", re.compile("coffee"))

    page.goto(f"{page_url}?net=lenet5.cifar10&ten_views=true&tab=nowhere")
    expect(page.locator("#classify-answer [data-of]")).to_have_attribute(
        "data-of", re.compile("lenet5")
    )
    expect(page.locator("#classify-views img").first).to_be_visible()

    # As links were before: numbers alone open the calculator, a bare + is a space.
    page.goto(f"{page_url}?ch3x3=200&kernel5x5=3+3&batch_norm=1&in_channels=abc&ch1x1=-4&ch5x5=1e9")
    numbers = dict(zip(NUMBERS, PRESETS["3a"], strict=True)) | {"ch3x3": 200}
    module = InceptionCosts(**numbers, kernel5x5="3+3", batch_norm=True)
    expect(parameters(page)).to_have_text(f"{module.parameters:,}")
    expect(parameters(page)).to_be_visible()
    expect(page.locator("#inception-ch1x1 input")).to_have_value("64")
    expect(page.locator("#inception .bad")).to_have_count(0)

    page.goto(f"{page_url}?tab=inception&net_open=true&whole_net=lenet5&size=32&classes=10")
    expect(page.locator('[data-figure="net-totals"]')).to_contain_text("62,006 parameters")

    page.goto(
        f"{page_url}?tab=finetune&base=nin.cifar10&teach=quick&photo=__proto__&ten_views=maybe"
    )
    expect(page.locator("#ft-base input")).to_have_value(re.compile("NIN"))
    expect(page.get_by_test_id("toast-body")).to_have_count(0)


def test_the_switches_at_the_top_are_kept(browser, page_url):
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, locale="en-US", color_scheme="light"
    )
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(f"{page_url}?tab=inception&preset=4a")
    expect(parameters(page)).to_have_text("375,552")
    page.locator("#switch-dark").click()
    expect(page.locator("body")).to_have_class(re.compile("dark"))
    page.locator("#switch-language").click()
    expect(tab(page, "인셉션")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#inception-figure svg").first).to_contain_text("합성곱")
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    expect(page.locator("body")).to_have_class(re.compile("dark"))
    page.locator("#copy-link").click()
    expect(page.locator("#copy-link")).to_have_class(re.compile("copied"))
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "tab=inception" in copied and "preset=4a" in copied and "theme" not in copied

    again = context.new_page()  # another day
    again.goto(page_url)
    expect(tab(again, "분류")).to_be_visible()
    expect(again.locator("body")).to_have_class(re.compile("dark"))
    again.locator("#switch-language").click()
    again.locator("#switch-light").click()
    expect(tab(again, "Classify")).to_be_visible()
    expect(again.locator("#classify-answer li").first).to_contain_text(re.compile("[a-z]"))
    context.close()

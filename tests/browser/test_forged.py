"""Real or forged digits in a browser: the slider of the generator's age, and a short run."""

import re

import pytest

expect = pytest.importorskip("playwright.sync_api").expect


def grids(page):
    images = page.locator(".ft-forged img")
    expect(images).to_have_count(2)
    return [image.get_attribute("src") for image in images.all()]


def test_a_link_the_slider_and_a_run(visit, desktop, page_url):
    page = visit(desktop, f"{page_url}?tab=finetune&images=forged&base=lenet5.cifar10&teach=quick")
    expect(page.locator("#ft-samples")).to_contain_text("at age 1, after 5 epochs")
    page.get_by_text("1,796 images in 2 classes").wait_for()
    page.get_by_text("learnt from 899 handwritten digits").wait_for()
    young, real = grids(page)
    page.get_by_role("slider", name=re.compile("Age of the generator")).press("End")
    expect(page.locator("#ft-samples")).to_contain_text("at age 4, after 300 epochs")
    old, same = grids(page)
    assert same == real and old != young
    expect(page).to_have_url(re.compile("images=forged.*age=4"))

    expect(page.locator("#ft-base input")).to_have_value(re.compile("LeNet-5"))
    page.get_by_role("button", name="Train", exact=True).click()
    page.locator("[data-phase=finished]").wait_for(timeout=120_000)
    expect(page.locator("#ft-result")).to_contain_text(
        "2 classes of Real or forged digits at age 4"
    )
    accuracy = float(page.locator(".ft-after .figure").inner_text().rstrip(" %"))
    assert 40 < accuracy < 75  # theory: 50
    curve = page.locator("#ft-runs .ft-forged-curve")
    expect(curve).to_contain_text("LeNet-5")
    tips = curve.locator("circle title").all_text_contents()
    assert len(tips) == 1 and tips[0].startswith("age 4: ")
    assert float(tips[0].removeprefix("age 4: ").rstrip(" %")) == pytest.approx(accuracy, abs=0.06)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280

"""What the page says of the network: files on their way, a press that never left the browser."""

import re

import numpy as np
import pytest
from PIL import Image

expect = pytest.importorskip("playwright.sync_api").expect


def held_by(page, routes):
    """The next upload that was held up on its way."""
    while not routes:
        page.wait_for_timeout(50)
    return routes.pop()


def test_while_a_photo_is_on_its_way_no_answer_of_another_stands(page, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    (tmp_path / "net.zip").write_bytes(b"no net")
    held, sending = [], page.locator("html[data-sending]")
    page.locator("#classify-looked [data-of] img").wait_for()
    page.route(re.compile(r"/gradio_api/upload(\?|$)"), lambda route: held.append(route))
    photo, shown = page.locator("#classify-photo"), page.locator("#classify-result [data-of]")
    photo.locator("input[type=file]").set_input_files(tmp_path / "noise.png")
    photo.get_by_text("noise.png").wait_for()  # Gradio's own sign
    expect(shown.locator(":scope:not(.stale)")).to_have_count(0)
    expect(page.locator("#classify-answer li").first).not_to_be_visible()
    expect(sending).to_have_count(1)
    held_by(page, held).continue_()
    expect(shown.locator(":scope.stale")).to_have_count(0)
    page.locator("#classify-looked [data-of]:not(.stale) img").wait_for()
    expect(sending).to_have_count(0)

    # Of a net's zip Gradio shows nothing.
    page.locator("input[type=file]:has(+ #classify-zip)").set_input_files(tmp_path / "net.zip")
    expect(sending).to_have_count(1)
    held_by(page, held).abort()
    expect(sending).to_have_count(0)


def test_a_press_that_could_not_be_sent_is_said_once_the_page_is_back(page):
    page.locator("#classify-looked [data-of] img").wait_for()
    unsent = page.locator("#unsent")
    expect(unsent).not_to_be_visible()
    page.context.set_offline(True)
    page.locator("#classify-examples button").nth(2).click()
    page.locator(".toast-body").get_by_text("Connection to the server was lost").wait_for()
    with page.expect_navigation():  # Gradio loads the page anew once the server answers
        page.context.set_offline(False)
    expect(unsent).to_have_text(
        "The connection was lost for a moment. If your last click did nothing, click again."
    )
    expect(unsent).to_be_visible()
    page.locator("#classify-examples button").nth(2).click()
    expect(unsent).not_to_be_visible()
    page.reload()
    page.locator("#classify-looked [data-of] img").wait_for()
    expect(unsent).not_to_be_visible()

"""A walk through every tab by keyboard alone: what has the focus is outlined and can be left."""

import re

import pytest

from cnn_space.costs.inception import NUMBERS, PRESETS, InceptionCosts

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
MOST = 150  # stops on the way to anything
# What has the focus, whether an outline shows it, and whether it is what was looked for.
STOP = """(wanted) => {
  const here = document.activeElement;
  const frames = [here, ...["label", ".wrap", ".cm-editor"].map((frame) => here.closest(frame))];
  const isOutlined = frames.some((frame) => {
    if (!frame) return false;
    const { outlineStyle, outlineWidth } = getComputedStyle(frame);
    return outlineStyle === "solid" && parseFloat(outlineWidth) >= 2;
  });
  window.before = window.here;
  window.here = here;
  return {
    html: here.outerHTML.slice(0, 160),
    isOutlined,
    isNowhere: here === document.body,
    isStuck: here === window.before,
    isLast: Boolean(here.closest("footer")),
    isThere: here.matches(wanted),
  };
}"""


class Walker:
    """Goes over a page by Tab and judges each stop."""

    def __init__(self, page):
        self.page = page

    def to(self, wanted: str, key: str = "Tab"):
        """Tab (or Shift+Tab) until what matches the selector ``wanted`` has the focus."""
        may_leave = True  # from the end of the page the focus goes round by the browser's own
        for _ in range(MOST):
            self.page.keyboard.press(key)
            stop = self.page.evaluate(STOP, wanted)
            if stop["isNowhere"]:
                assert may_leave, f"the focus is lost on the way to {wanted}"
            else:
                assert stop["isOutlined"], f"no outline: {stop['html']}"
                assert not stop["isStuck"], f"trapped: {stop['html']}"
            if stop["isThere"]:
                return
            may_leave = stop["isLast"]
        raise AssertionError(f"{wanted} was not reached; the last stop: {stop['html']}")

    def press(self, wanted: str, *keys: str):
        self.to(wanted)
        for key in keys:
            self.page.keyboard.press(key)

    def open_tab(self, name: str):
        self.to(f"[data-tab-id='{name}']", "Shift+Tab")
        self.page.keyboard.press("Enter")


def walk_classify(walker):
    page, answer = walker.page, walker.page.locator("#classify-answer [data-of]:not(.stale)")
    expect(answer).to_be_visible()
    walker.press("[data-example='ship']", "Enter")
    expect(answer).to_have_attribute("data-of", re.compile("ship"))
    net = page.locator("#classify-net input").input_value()
    walker.press("#classify-net input", "ArrowDown", "Enter")
    expect(page.locator("#classify-net input")).not_to_have_value(net)
    expect(answer).to_have_attribute("data-of", re.compile("ship"))
    walker.to("#classify-zip")
    expect(page.get_by_role("listbox")).to_have_count(0)  # the list of nets has closed
    walker.press("#classify-answer li:nth-child(2)", "Enter")
    expect(page.locator("#classify-answer li").nth(1)).to_have_attribute("aria-pressed", "true")


def walk_compare(walker):
    page = walker.page
    walker.open_tab("compare")
    page.locator("#compare-table [data-of]:not(.stale) a.csv").wait_for()
    walker.press("#compare-table thead button", "Enter")
    expect(page.locator("#compare-table thead th").first).to_have_attribute(
        "aria-sort", re.compile("ending")
    )


def walk_inception(walker):
    page = walker.page
    parameters = page.locator('#inception-figure [data-figure="parameters"] .figure')
    walker.open_tab("inception")
    walker.press("#inception-preset input:checked", *4 * ["ArrowRight"])  # from 3a to 4c
    expect(parameters).to_have_text("509,440")
    walker.press("#inception-ch1x1 input", "ArrowUp")
    numbers = dict(zip(NUMBERS, PRESETS["4c"], strict=True))
    more = InceptionCosts(**numbers | {"ch1x1": numbers["ch1x1"] + 8})
    expect(parameters).to_have_text(f"{more.parameters:,}")
    walker.press("#inception-map > button", "Enter")
    page.locator("#inception-map [data-module]").first.wait_for()
    walker.press("[data-module='4e']", "Enter")
    expect(parameters).to_have_text("867,328")


def walk_check(walker):
    page, headline = walker.page, walker.page.locator("#check-verdict .headline")
    walker.open_tab("check")
    expect(headline).to_contain_text("3")
    walker.press("#check-code .cm-content", "Control+A")
    page.keyboard.type("x = 1")
    page.keyboard.press("Escape")  # Tab indents, until Esc
    walker.press("#check-run", "Enter")
    expect(headline).not_to_contain_text("3")
    expect(page.locator("#check-layers table")).to_have_count(0)


def walk_finetune(walker):
    page = walker.page
    walker.open_tab("finetune")
    page.locator("#ft-samples img").first.wait_for()
    walker.press("#ft-preset input:checked", "ArrowRight")
    expect(page.locator("#ft-preset input[value='thorough']")).to_be_checked()
    walker.press("#ft-train", "Enter")
    expect(page.locator("#ft-stop")).to_be_enabled()
    walker.press("#ft-stop", "Enter")
    expect(page.locator("#ft-state [data-phase='stopped']")).to_be_visible()


# Each width, language and light once.
@pytest.mark.parametrize(
    ("width", "locale", "light"),
    [(1280, "en-US", "light"), (390, "ko-KR", "dark")],
)
def test_every_tab_is_used_by_keyboard_alone(browser, page_url, width, locale, light):
    context = browser.new_context(
        viewport={"width": width, "height": 844}, locale=locale, color_scheme=light
    )
    page, wrong = context.new_page(), []
    page.on("pageerror", lambda error: wrong.append(error.stack))
    page.on("console", lambda line: line.type == "error" and wrong.append(line.text))
    page.on("request", lambda sent: sent.url.startswith(("http", "ws")) and wrong.append(sent.url)
            if page_url.split("//")[1] not in sent.url else None)  # fmt: skip
    page.goto(page_url)
    walker = Walker(page)
    for walk in (walk_classify, walk_compare, walk_inception, walk_check, walk_finetune):
        walk(walker)
    context.close()
    assert not wrong, "\n".join(wrong)

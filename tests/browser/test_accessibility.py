"""axe-core over every tab, with all that can be unfolded: English at 1280 px, in light and dark,
and Korean at 390 px, where the colours, which are the same, are not looked at again. No serious or
critical finding, no heading out of order, no target under 24 px."""

from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python")
SCRIPT = (Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
# What opens a tab, and what has to be there before it is looked at.
ROW, ROW_INSIDE = "#tabs > .tab-wrapper [role=tab]", "#inception-places .tab-wrapper [role=tab]"
TABS = {
    "classify": (f"{ROW} >> nth=0", "#classify-looked img"),
    "compare": (f"{ROW} >> nth=1", "#compare-cards figure >> nth=1"),
    "inception": (f"{ROW} >> nth=2", "#inception-figure svg:visible >> nth=0"),
    "check": (f"{ROW_INSIDE} >> nth=1", "#check-layers table >> nth=0"),
    "finetune": (f"{ROW} >> nth=3", "#ft-matrix table"),
}
OTHER_SOURCES = {"forged": ".ft-forged img", "photos": ".ft-board input"}
UNFOLD = """() => {
    for (const fold of document.querySelectorAll("[role=tabpanel] button.label-wrap:not(.open)"))
        if (fold.offsetParent) fold.click();
}"""
RUN = """async ([where, options]) => {
    const { violations } = await axe.run(where ?? document, options);
    return violations.flatMap(({ id, impact, nodes }) =>
        nodes.map(({ html, failureSummary }) => [id, impact, html.slice(0, 200), failureSummary]));
}"""


# Colours take most of the time.
COLOURS = {"runOnly": "color-contrast"}
ALL_ELSE = {"rules": {"target-size": {"enabled": True}, "color-contrast": {"enabled": False}}}


def wrong(page, options: dict, where: str | None = None) -> list:
    """What axe-core finds on the page as it is, or in ``where`` alone, but for trifles."""
    return [
        finding
        for finding in page.evaluate(RUN, [where, options])
        if finding[1] in ("serious", "critical") or finding[0] in ("heading-order", "target-size")
    ]


def wrong_in(page, lights: tuple[str, ...], where: str | None = None) -> dict[str, list]:
    """The same of all rules; of colours in each of ``lights``, the last of which stays on."""
    found = {"": wrong(page, ALL_ELSE, where)}
    for light in lights:
        switch = page.locator(f"#switch-{light}")
        if switch.is_visible():
            switch.click()
            page.wait_for_timeout(700)
        found[light] = wrong(page, COLOURS, where)
    return found


@pytest.mark.parametrize(
    ("width", "locale", "lights"), [(1280, "en-US", ("light", "dark")), (390, "ko-KR", ())]
)
def test_axe_finds_nothing_that_keeps_people_out(browser, page_url, width, locale, lights):
    context = browser.new_context(viewport={"width": width, "height": 900}, locale=locale)
    page, found = context.new_page(), {}
    page.set_default_timeout(30_000)
    page.goto(f"{page_url}?__theme=light")
    page.locator("#about button.label-wrap").press("Enter")  # at the foot of all tabs
    page.locator("#about-told pre").wait_for()
    for tab, (opener, finished) in TABS.items():
        page.locator(opener).click()
        page.locator(finished).wait_for()
        page.evaluate(UNFOLD)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if tab == "compare":
            page.locator("#experiments-about .finding").wait_for()
        if tab == "inception":
            page.locator('[data-figure="net-totals"]').wait_for()
            page.locator("#inception-map [data-module]").last.wait_for()
        page.wait_for_timeout(700)  # folds open and bars fade for a moment
        page.evaluate(SCRIPT)
        found[tab] = wrong_in(page, lights)
        if tab == "finetune":  # forged digits; then, as samples, a board of one's own classes
            for source, there in OTHER_SOURCES.items():
                page.locator(f"#ft-source input[value={source}]").check()
                page.locator(there).first.wait_for()
                page.wait_for_timeout(700)
                found[source] = wrong_in(page, lights, "#ft-images")
    context.close()
    wrongs = [
        (place, light, *finding)
        for place, lit in found.items()
        for light, findings in lit.items()
        for finding in findings
    ]
    assert not wrongs, "\n".join(map(str, wrongs))

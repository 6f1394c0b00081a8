"""axe-core over every tab, with all that can be unfolded: English and Korean, light and dark, at
1280 and 390 px. No serious or critical finding, no heading out of order, no target under 24 px."""

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
RUN = """async ([where, only]) => {
    const options = only ? { runOnly: only } : { rules: { "target-size": { enabled: true } } };
    const { violations } = await axe.run(where ?? document, options);
    return violations.flatMap(({ id, impact, nodes }) =>
        nodes.map(({ html, failureSummary }) => [id, impact, html.slice(0, 200), failureSummary]));
}"""


def wrong(page, where: str | None = None, only: str | None = None) -> list:
    """What axe-core finds on the page as it is, or in ``where`` alone, or by one rule, but for
    trifles."""
    return [
        finding
        for finding in page.evaluate(RUN, [where, only])
        if finding[1] in ("serious", "critical") or finding[0] in ("heading-order", "target-size")
    ]


@pytest.mark.parametrize(("width", "locale"), [(1280, "en-US"), (390, "ko-KR")])
def test_axe_finds_nothing_that_keeps_people_out(browser, page_url, width, locale):
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
        found[tab, "light"] = wrong(page)
        page.locator("#switch-dark").click()
        page.wait_for_timeout(700)
        found[tab, "dark"] = wrong(page, only="color-contrast")  # nothing else has changed
        if tab == "finetune":  # forged digits; then, as samples, a board of one's own classes
            for source, there in OTHER_SOURCES.items():
                page.locator(f"#ft-source input[value={source}]").check()
                page.locator(there).first.wait_for()
                page.wait_for_timeout(700)
                for only in (None, "color-contrast"):  # in one light, and in the other
                    found[source, only] = wrong(page, "#ft-images", only)
                    page.locator("#switch-light:visible, #switch-dark:visible").click()
                    page.wait_for_timeout(700)
        page.locator("#switch-light").click()
    context.close()
    wrongs = [(*where, *finding) for where, findings in found.items() for finding in findings]
    assert not wrongs, "\n".join(map(str, wrongs))


def test_a_screen_reader_is_told_of_an_answer_in_words(visit, phone, page_url):
    """Gradio has no sentence of its own for this: it would read out the key."""
    page = visit(phone, f"{page_url}?tab=compare")
    page.locator(".sr-only").get_by_text("완료", exact=True).wait_for(state="attached")

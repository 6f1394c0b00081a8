"""Inside the net, in a browser: a cut is made, its figures are read, and it is put back."""

import re

from playwright.sync_api import Page, expect

from cnn_space.formats import probability
from cnn_space.images.photo import open_photo
from cnn_space.images.preprocessing import prepare
from cnn_space.inference import engine, surgery
from cnn_space.inference.classification import ranked, softmax
from cnn_space.page.classify.examples import named

NET, CUT = "googlenet.cifar10", "inception5a/branch4"


def by_the_core(cuts: str):
    """The answer (label, probability) about the first example, and what the net needs."""
    runner = engine.get(NET)
    on = surgery.of(runner)
    x = prepare(open_photo(named("cat").path), runner.record.preprocessing)[0]
    outcome = on.outcome(x, on.read(cuts))
    best = ranked(softmax(outcome.logits[None])[0], runner.record.labels)[0]
    return best.label, best.probability, outcome.needs


def test_a_cut_changes_the_answer_and_can_be_put_back(page: Page, page_url):
    page.goto(f"{page_url}/?net={NET}")
    before, chance, whole = by_the_core("")
    after, other_chance, left = by_the_core(CUT)
    page.get_by_role("button", name="Inside the net").click()
    outcome = page.locator("#surgery-outcome")
    expect(outcome.locator(".finding")).to_contain_text(f"{before}, {probability(chance)}")
    expect(page.locator("#explain-branches article")).to_have_count(4)
    expect(page.locator("#surgery-filters img")).to_have_count(64)

    page.get_by_label("Stage of the net", exact=True).click()
    page.get_by_role("option", name=re.compile("^inception5a")).click()
    branch = page.locator(f"#surgery-board button[data-cut='{CUT}']")
    branch.press("Enter")
    assert after != before
    expect(outcome.locator(".finding")).to_contain_text(f"{after} ({probability(other_chance)})")
    expect(branch).to_have_attribute("aria-pressed", "true")
    expect(branch).to_be_focused()
    expect(outcome.locator("td")).to_contain_text(
        [f"{whole.parameters:,}", f"{left.parameters:,}", "", f"{whole.macs:,}", f"{left.macs:,}"]
    )
    expect(page).to_have_url(re.compile(r"off=inception5a%2Fbranch4"))

    # Who opens the address finds the cut made.
    page.reload()
    expect(outcome.locator(".finding")).to_contain_text(f"{after} ({probability(other_chance)})")
    expect(branch).to_have_attribute("aria-pressed", "true")

    numbers = page.get_by_label("Other channels of this stage, by number", exact=True)
    numbers.fill("5000")
    numbers.press("Enter")
    expect(page.get_by_test_id("toast-body")).to_contain_text("channels 0 to 831")
    expect(numbers).to_have_value("5000")
    numbers.fill("0-2")
    numbers.press("Enter")
    expect(outcome.locator(".surgery-off li")).to_have_count(4)
    page.get_by_role("button", name="Put everything back", exact=True).click()
    expect(outcome.locator(".finding")).to_contain_text("Nothing is switched off")
    expect(branch).to_have_attribute("aria-pressed", "false")

"""What each idea is worth, in a browser: a switch is picked, and every figure follows it."""

import re

import pytest
import short_trainings

expect = pytest.importorskip("playwright.sync_api").expect


@pytest.fixture
def trainings(checkpoints):
    """Made-up cards, so that the figures are known."""
    short_trainings.write_all(checkpoints[0] / "experiments")


def test_an_idea_is_picked_and_its_figures_follow(trainings, own_url, visit, desktop):
    # The address opens the fold at its idea. This process serves the page: the first time is slow.
    page = visit(desktop, f"{own_url}?tab=compare&experiments=true&idea=googlenet-3x3-twice")
    finding, command = (page.locator(f"#experiments-{part}") for part in ("about", "command"))
    finding.locator(".finding").wait_for(timeout=60_000)
    expect(finding).to_contain_text("This training cannot tell them apart.")
    expect(finding).to_contain_text("+0.50 points is smaller than its own uncertainty, ± 2.74")
    expect(command).to_contain_text("kernel5x5=3+3")
    expect(page.locator("#experiments-costs")).to_contain_text("instead of 5 M, +20.0 %")

    page.wait_for_timeout(2100)  # what changes sooner after a link was opened is no step of Back
    page.locator("#experiments-idea label", has_text="Auxiliary heads").click()
    expect(finding).to_contain_text("+7.00 points")
    expect(command).not_to_contain_text("kernel5x5")
    expect(page.locator("#experiments-costs")).to_contain_text("as the base")
    curves = page.locator("#experiments-curves polyline")
    expect(curves).to_have_count(8)  # three seeds and their mean, on both sides
    expect(curves.last).to_have_attribute("data-name", "GoogLeNet with auxiliary heads")
    expect(page).to_have_url(re.compile("experiments=true(?!.*idea=)"))
    expect(page.locator("#experiments-time .figure")).to_have_text(re.compile(r"^\d.* ms$"))

    page.locator("#experiments-table thead button", has_text="Accuracy").click()
    best_first = (" with auxiliary heads", " with two 3×3 kernels", "", " without 1×1 reductions")
    expect(page.locator("#experiments-table tbody th")).to_have_text(
        ["ResNet-18", *(f"GoogLeNet{rest}" for rest in best_first)]
    )
    page.go_back()
    expect(finding).to_contain_text("cannot tell them apart")

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
    page = visit(desktop, f"{own_url}?tab=compare")
    fold, finding = page.locator("#experiments"), page.locator("#experiments-about .finding")
    fold.wait_for(timeout=60_000)  # the page is served, and first drawn, by this process
    fold.locator("button.label-wrap").press("Enter")
    expect(finding).to_contain_text("+7.00 points")
    expect(page.locator("#experiments-costs")).to_contain_text("as the base")
    expect(page.locator("#experiments-command")).not_to_contain_text("kernel5x5")

    page.get_by_label("Two 3×3 kernels").check()
    expect(finding).to_contain_text("This training cannot tell them apart.")
    expect(finding).to_contain_text("+0.50 points is smaller than its own uncertainty, ± 2.74")
    curves = page.locator("#experiments-curves polyline")
    expect(curves).to_have_count(8)  # three seeds and their mean, on both sides
    expect(curves.last).to_have_attribute("data-name", "GoogLeNet with two 3×3 kernels")
    expect(page.locator("#experiments-command")).to_contain_text("kernel5x5=3+3")
    expect(page.locator("#experiments-costs")).to_contain_text("instead of 5 M, +20.0 %")
    expect(page.locator("#experiments-time .figure")).to_have_text(re.compile(r"^\d.* ms$"))
    expect(page).to_have_url(re.compile(r"experiments=true&idea=googlenet-3x3-twice"))

    page.locator("#experiments-table thead button", has_text="Accuracy").click()
    expect(page.locator("#experiments-table tbody th")).to_have_text(
        ["ResNet-18", *(f"GoogLeNet{rest}" for rest in (
            " with auxiliary heads", " with two 3×3 kernels", "", " without 1×1 reductions",
        ))]
    )  # fmt: skip

    # A link opens the fold at its idea; Back leads to the one before.
    linked = visit(desktop, page.url)
    said = linked.locator("#experiments-about .finding")
    expect(said).to_contain_text("cannot tell them apart")
    page.go_back()
    expect(finding).to_contain_text("+7.00 points")

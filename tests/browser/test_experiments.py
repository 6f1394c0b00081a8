"""What each idea is worth, in a browser: a switch is picked, and every figure follows it."""

import re

import pytest

from cnn_space.formats import percent, short, signed
from cnn_space.publishing import experiments
from cnn_space.weights import catalogue

expect = pytest.importorskip("playwright.sync_api").expect


@pytest.fixture(scope="module")
def recorded():
    return experiments.read(catalogue.CHECKPOINTS / "experiments").runs


def test_an_idea_is_picked_and_its_figures_follow(recorded, visit, desktop, page_url):
    def says(variant: str) -> None:
        """Every figure of the variant, as its cards have it, is on the page."""
        runs, base = recorded[variant], experiments.base_of(variant, recorded)
        for figure in (
            percent(runs.mean, 2),
            percent(base.mean, 2),
            signed(experiments.difference(runs, base).points, 2),
        ):
            expect(finding).to_contain_text(figure)
        expect(costs).to_contain_text(short(runs.card.parameters))
        expect(costs).to_contain_text(short(runs.card.macs))
        expect(command).to_contain_text(runs.card.name)
        curves = page.locator("#experiments-curves polyline")
        expect(curves).to_have_count(len(runs.cards) + len(base.cards) + 2)  # and both means

    # The address opens the fold at its idea.
    page = visit(desktop, f"{page_url}?tab=compare&experiments=true&idea=resnet18-plain")
    finding, costs, command = (
        page.locator(f"#experiments-{part}") for part in ("about .finding", "costs", "command")
    )
    finding.wait_for(timeout=60_000)
    says("resnet18-plain")
    page.wait_for_timeout(2100)  # what changes sooner after a link was opened is no step of Back
    page.locator("#experiments-idea label", has_text="Two 3×3 kernels").click()
    says("googlenet-3x3-twice")
    expect(command).to_contain_text("kernel5x5=3+3")
    expect(page).to_have_url(re.compile("idea=googlenet-3x3-twice"))
    expect(page.locator("#experiments-time .figure")).to_have_text(re.compile(r"^\d.*\sms$"))

    page.locator("#experiments-table thead button", has_text="Accuracy").click()
    means = sorted((round(runs.mean, 2) for runs in recorded.values()), reverse=True)
    shown = page.locator("#experiments-table tbody td:nth-child(2)")
    expect(shown).to_have_text([f"{mean:.2f}" for mean in means])
    page.go_back()
    says("resnet18-plain")

"""Compare, "What throws it off", in a browser: the curves tell the endpoint's figures, and go with
the photo that they are of."""

import csv
import io
import re

import pytest
from gradio_client import Client, handle_file

from cnn_space.page.compare.layout import defaults

expect = pytest.importorskip("playwright.sync_api").expect
TRUCK = "cnn_space/page/classify/pictures/truck.webp"


def test_a_photo_is_shifted_until_nets_change_their_answer(visit, desktop, page_url):
    page = visit(desktop, f"{page_url}?tab=compare&photo=truck")
    page.locator("#compare-table a.csv").wait_for(timeout=60_000)  # the nets are loaded
    page.locator("#robust-change label", has_text="Shift").click()
    shown = page.locator("#robust-shown [data-of]:not(.stale)")
    link = shown.locator("a.csv")
    link.wait_for()

    client = Client(page_url, verbose=False, analytics_enabled=False)
    figures, said = client.predict(
        handle_file(TRUCK), defaults(), "shift", 20, api_name="/robustness"
    )
    assert page.locator(".robust-finding").inner_text().strip() == said
    assert any(net["flips_at"] for net in figures["nets"])
    lines = shown.locator("polyline")
    assert lines.count() == len(figures["nets"]) == 4
    for line, card, net in zip(
        lines.all(), shown.locator("article").all(), figures["nets"], strict=True
    ):
        heights = [float(point.split(",")[1]) for point in line.get_attribute("points").split()]
        # 168 is the height of 0 % and 20 that of 100 %.
        expected = [168 - 148 * share for share in net["probabilities"]]
        assert max(abs(a - b) for a, b in zip(heights, expected, strict=True)) < 0.2
        assert card.get_attribute("data-net") == net["net"]
        answer = card.locator(".robust-answer").inner_text()
        wanted = [net["answer"], net["flips_to"]] if net["flips_at"] else [net["answer"]]
        assert answer == " → ".join(wanted)
        assert card.locator("img").get_attribute("src").startswith("data:image/png")
    rings = shown.locator("circle.ring").count()
    assert rings == sum(net["flips_at"] is not None for net in figures["nets"])
    chart, first, last = (
        box.bounding_box()
        for box in (shown.locator("svg"), *shown.locator(".robust-strip img").all()[::4])
    )
    margins = first["x"] - chart["x"], chart["x"] + chart["width"] - last["x"] - last["width"]
    assert margins[0] == pytest.approx(margins[1], abs=1) and margins[0] > 0
    with page.expect_download() as download:
        link.click()
    text = download.value.path().read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    sent = [p for net in figures["nets"] for p in net["probabilities"]]
    # ONNX Runtime may have taken a net over meanwhile.
    assert [float(row["first_probability"]) for row in rows] == pytest.approx(sent, abs=1e-4)

    # Another change, by the keyboard; then no photo: what was shown goes.
    page.locator("#robust-change input:checked").press("ArrowRight")
    shown.locator("a.csv[download*=rotate]").wait_for()
    expect(page).to_have_url(re.compile("change=rotate"))
    page.locator("#compare-photo button[aria-label='Remove Image']").click()
    expect(page.locator("#robust-shown article")).to_have_count(0)

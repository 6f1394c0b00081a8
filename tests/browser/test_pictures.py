"""The README's pictures, one of each tab as a first visitor meets it.

The test takes them into a folder of its own; this command takes them into docs/:
``CNN_SPACE_PICTURES=docs python -m pytest -n 0 tests/browser/test_pictures.py``
"""

import io
import os
from pathlib import Path

import pytest
from PIL import Image

# What has to be there before a tab's picture is taken: nothing on it is still loading.
FINISHED = {
    "Classify": "#classify-facts svg >> nth=0",
    "Compare": "#compare-cards figure >> nth=3",
    "Inception": "#inception-figure svg >> nth=0",
    "Fine-tune": "#ft-matrix table",
}


@pytest.mark.parametrize("tab", FINISHED)
def test_a_picture_of_the_tab(shared_page, tab, tmp_path):
    page = shared_page
    page.get_by_role("tab", name=tab, exact=True).click()
    page.locator(FINISHED[tab]).wait_for()
    page.wait_for_timeout(1000)  # bars and progress lines fade for a moment
    page.set_viewport_size({"width": 1280, "height": 1000})
    folder = Path(os.environ.get("CNN_SPACE_PICTURES") or tmp_path)
    file = folder / f"{tab.lower().replace('-', '')}.webp"
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(file, quality=80, method=6)
    picture = Image.open(file)
    assert picture.size == (1280, 1000)
    assert len(picture.getcolors(1_500_000)) > 500  # drawn, not blank

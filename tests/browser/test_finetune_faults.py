"""What people did on the Fine-tune tab that it once passed over without a word."""

import re

import pytest
from test_photos import photos_of

from cnn_space.page.finetune.visitors import VISITORS

expect = pytest.importorskip("playwright.sync_api").expect
# A drop of a folder with one photo, a file of the system's, and an empty folder.
DROP_FOLDER = """(board, bytes) => {
  const file = (name) => ({ name, isFile: true,
    file: (done) => done(new File([new Uint8Array(bytes)], name)) });
  const folder = (name, entries) => ({ name, isFile: false, createReader: () => {
    const parts = [entries, []];
    return { readEntries: (done) => done(parts.shift()) };
  } });
  const pets = folder("pets", [folder("emu", [file("Thumbs.db")]), folder("ox", [file("1.png")])]);
  const drop = new DragEvent("drop", { bubbles: true });
  const items = [{ kind: "file", webkitGetAsEntry: () => pets }];
  Object.defineProperty(drop, "dataTransfer", { value: { items } });
  board.dispatchEvent(drop);
}"""


def open_photos(page, url):
    page.goto(f"{url}?tab=finetune&images=photos")
    page.locator(".ft-classes .ft-class").nth(1).wait_for()


def test_names_in_the_making_files_of_the_system_and_what_a_restart_takes(
    visit, desktop, own_url, tmp_path
):
    for channel, name in enumerate(("one", "two")):
        photos_of(tmp_path / name, channel, count=4)
    for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
        (tmp_path / "one" / name).write_bytes(b"x")
    page = visit(desktop, own_url)
    open_photos(page, own_url)
    lost, data = page.locator("#ft-lost"), page.locator("#ft-data")
    classes = page.locator(".ft-classes .ft-class")
    assert lost.count() == 0  # a first visit

    # Names are taken although their fields still have the focus; the system's files are no photos.
    for number, (folder, name) in enumerate((("one", "red"), ("two", "green"))):
        card = classes.nth(number)
        card.locator("[type=text]").click()
        page.keyboard.type(name)
        card.locator("[data-kind=files]").set_input_files(sorted((tmp_path / folder).iterdir()))
        card.get_by_text("4 photos", exact=True).wait_for()
    data.get_by_text("8 images in 2 classes").wait_for()
    names = data.locator(".ft-name")
    assert names.all_inner_texts() == ["green", "red"]
    assert data.get_by_text("left out").count() == 0

    # Two classes of one name are refused; an empty folder is named.
    second = classes.nth(1).locator("[type=text]")
    second.fill("red")
    second.blur()
    data.get_by_text("Several classes are called red.").wait_for()
    second.fill("green")
    second.blur()
    data.get_by_text("8 images in 2 classes").wait_for()
    page.locator(".ft-board").evaluate(DROP_FOLDER, list((tmp_path / "one/IMG_0.png").read_bytes()))
    data.get_by_text("a class or a folder without any file first: emu").wait_for()
    expect(classes).to_have_count(4)

    # The server is started anew: it knows no visitor any more.
    VISITORS._sessions.clear()
    page.reload()
    expect(lost).to_have_text(re.compile("What you had here .* is gone: .* 60 minutes"))
    expect(classes).to_have_count(2)
    # Once more: now there was nothing to be lost.
    VISITORS._sessions.clear()
    page.reload()
    page.locator("#ft-matrix button").first.wait_for()
    expect(classes).to_have_count(2)
    assert lost.count() == 0

"""The Fine-tune tab in a browser: to the end, to Stop, two visitors, and a page closed mid-run."""

import gc
import io
import re
import threading
import time
import weakref
import zipfile
from dataclasses import replace

import numpy as np
import onnx
import pytest
from PIL import Image

from cnn_space import weights
from cnn_space.images import readers
from cnn_space.images.visitor_set import VisitorSet
from cnn_space.training import finetuning
from cnn_space.training.loop import TrainingRun

expect = pytest.importorskip("playwright.sync_api").expect
MINUTE = 60_000


def open_tab(page):
    page.get_by_role("tab", name="Fine-tune", exact=True).click()
    page.locator("#ft-samples img").first.wait_for()


def net_names(page, elem_id):
    """What the net list of a tab offers."""
    page.locator(f"#{elem_id} input").click()
    names = page.get_by_role("option").all_inner_texts()
    page.keyboard.press("Escape")
    return names


def choose_fastest(page):
    """LeNet-5: a few seconds for a run."""
    page.locator("#ft-base input").click()
    page.get_by_role("option", name=re.compile("LeNet-5")).first.click()


def set_advanced(page, values):
    """Fill in fields of "Advanced", again while they are being built: that sets first values."""
    page.get_by_role("button", name="Advanced").click()
    boxes = {page.get_by_label(name, exact=True): value for name, value in values.items()}
    for _ in range(20):
        for box, value in boxes.items():
            box.fill(value)
            box.blur()
        page.wait_for_timeout(250)
        if all(box.input_value() == value for box, value in boxes.items()):
            return
    raise AssertionError(f"Advanced does not take {values}")


def set_epochs(page, head, top, all_layers):
    """The epochs of a run: a few for a short one, many so that there is time to stop."""
    stages = {"head": head, "upper layers": top, "all layers": all_layers}
    set_advanced(
        page, {f"number input for Epochs, {name}": str(count) for name, count in stages.items()}
    )


def visit(browser, url):
    """Another visitor, on the Fine-tune tab with LeNet-5 chosen."""
    tab = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US").new_page()
    tab.goto(url)
    open_tab(tab)
    choose_fastest(tab)
    return tab


def test_on_arrival_there_is_a_finished_example(page):
    open_tab(page)
    assert page.locator("#ft-samples img").count() == 50
    page.get_by_text("1,797 images in 10 classes").wait_for()
    page.get_by_text("Recorded run", exact=True).wait_for()
    assert page.locator("#ft-matrix td button").count() >= 10
    page.locator("#ft-matrix button.ft-hit").first.click()
    page.locator("#ft-cell img").first.wait_for()


def test_a_preset_sets_the_epochs(page):
    open_tab(page)
    page.get_by_role("button", name="Advanced").click()
    epochs = page.get_by_label("number input for Epochs, all layers", exact=True)
    for preset, count in (("Thorough", "8"), ("Quick", "0")):
        page.get_by_role("radio", name=re.compile(f"^{preset}")).click()
        expect(epochs).to_have_value(count)


def test_a_number_out_of_range_marks_its_field_and_loses_nothing(page):
    open_tab(page)
    set_advanced(page, {"Seed": "-1"})
    seed, rate = page.locator("#ft-seed input"), page.locator("#ft-lr input")
    sentence = page.get_by_text("Seed must be a whole number from 0 to 2147483647.")
    sentence.wait_for()
    expect(seed).to_have_attribute("aria-invalid", "true")
    expect(seed).to_have_accessible_description(re.compile("^Seed must be"))
    plain, red = (box.evaluate("box => getComputedStyle(box).borderColor") for box in (rate, seed))
    assert plain != red
    # Folded away, it is opened again by a click on Train, which leads to the field.
    page.get_by_role("button", name="Advanced").click()
    expect(seed).not_to_be_visible()
    page.get_by_role("button", name="Train", exact=True).click()
    expect(sentence).to_be_visible()
    expect(seed).to_be_focused()
    assert page.locator("#ft-curves polyline").first.get_attribute("points")  # the example's
    assert page.locator("#ft-matrix button.ft-hit").count() >= 10
    seed.fill("1")
    expect(seed).not_to_have_attribute("aria-invalid", "true")
    expect(sentence).to_have_count(0)
    assert page.locator(".toast-body").count() == 0


def test_a_share_may_be_typed(page):
    open_tab(page)
    page.get_by_role("button", name="Advanced").click()
    box = page.get_by_label("number input for Held-out share, %", exact=True)
    for typed in ("3", "", "40"):  # on the way there it is out of range, and nothing
        box.fill(typed)
        page.wait_for_timeout(300)
    page.locator("#ft-data").get_by_text("1,078 to learn from, 719 to check on").wait_for()
    assert page.locator(".toast-body").count() == 0


# At each frame: an answer in words, of the net before, that can be read beside the net of digits.
WATCH = """() => {
  window.beside = new Set();
  const look = () => {
    const answer = document.querySelector(".classify-label");
    const isRead = answer?.checkVisibility({ visibilityProperty: true });
    const net = document.querySelector("#classify-net input").value;
    if (isRead && net.includes("Handwritten") && !/^\\d$/.test(answer.innerText))
      window.beside.add(answer.innerText);
    requestAnimationFrame(look);
  };
  look();
}"""


def test_a_run_to_its_end_and_its_net_in_classify(page):
    open_tab(page)
    choose_fastest(page)
    set_epochs(page, 5, 2, 1)
    page.get_by_role("button", name="Train", exact=True).click()
    # Its stages are not waited for: on a fast CPU the last of them is over in 0.2 s.
    page.locator("[data-phase=finished]").wait_for(timeout=2 * MINUTE)
    assert page.locator("#ft-curves polyline").count() == 4
    points = page.locator("#ft-curves polyline[data-name=validation]").first.get_attribute("points")
    assert len(points.split()) == 8  # every epoch of all stages was checked
    page.get_by_text(re.compile("learned 10 classes of Handwritten digits")).wait_for()
    shown = page.locator("#ft-matrix [data-cell]").all()
    assert sum(int(cell.inner_text()) for cell in shown) == 359
    cell = page.locator("#ft-matrix [data-cell='3,3']")
    count = int(cell.inner_text())
    cell.click()
    page.locator("#ft-cell h4").get_by_text(f"3, recognised: {count}").wait_for()
    assert page.locator("#ft-cell img").count() == min(count, 24)

    with page.expect_download() as started:
        page.locator("#ft-download").click()
    with zipfile.ZipFile(started.value.path()) as archive:
        assert {name.rsplit(".")[-1] for name in archive.namelist()} == {"json", "safetensors"}
    with page.expect_download() as started:
        page.locator("#ft-onnx").click()
    assert started.value.suggested_filename.endswith(".handwritten_digits.onnx")
    assert onnx.load(started.value.path()).graph.output[0].name == "probabilities"

    page.evaluate(WATCH)
    page.get_by_role("button", name="Use it in Classify", exact=True).click()
    page.locator("#classify-net").wait_for()
    assert "Handwritten digits" in page.locator("#classify-net input").input_value()
    # The net that is chosen knows the digits and nothing else.
    page.locator("#classify-answer").get_by_text(re.compile(r"^\d$")).first.wait_for()
    assert page.evaluate("[...window.beside]") == []


def test_a_run_outlives_a_reload_and_a_cut_line(page, tmp_path):
    open_tab(page)
    choose_fastest(page)
    set_epochs(page, 1, 0, 50)
    page.get_by_role("button", name="Train", exact=True).click()
    page.locator("[data-phase=all]").wait_for(timeout=2 * MINUTE)
    assert page.locator("#ft-result .finding").count() == 0  # the recorded result is gone

    def epoch():
        return int(re.search(r"Epoch (\d+)", page.locator("#ft-state").inner_text())[1])

    before = epoch()
    page.reload()  # the address says which tab is open
    page.locator("[data-phase=all]").wait_for()
    assert epoch() >= before and "LeNet-5" in page.locator("#ft-base input").input_value()
    assert page.get_by_role("button", name="Train", exact=True).is_disabled()
    assert page.locator("#ft-result .finding").count() == 0

    page.context.set_offline(True)
    page.locator(".toast-body").get_by_text("Connection to the server was lost").wait_for()
    with page.expect_navigation():  # Gradio loads the page anew once the server answers
        page.context.set_offline(False)
    page.locator("[data-phase=all]").wait_for()
    before = epoch()
    page.locator("#ft-stop").click()
    page.locator("[data-phase=stopped]").wait_for(timeout=2 * MINUTE)
    finding = page.locator("#ft-result .finding").inner_text()
    assert "learned 10 classes of Handwritten digits" in finding
    points = page.locator("#ft-curves polyline[data-name=validation]").first.get_attribute("points")
    # No epoch is missing but the one that was stopped, nor the point before the first.
    assert len(points.split()) >= before

    name = page.locator("#ft-name input, #ft-name textarea")
    name.fill("My <b>digits</b>")
    page.get_by_role("button", name="Rename", exact=True).click()
    page.locator("#ft-own").get_by_text("My <b>digits</b>").wait_for()
    with page.expect_download() as started:
        page.locator("#ft-download").click()
    assert started.value.suggested_filename == "lenet5.my_b_digits_b.zip"

    page.reload()  # all of it is still there
    page.locator("#ft-result .finding").get_by_text(finding).wait_for()
    expect(name).to_have_value("My <b>digits</b>")
    page.locator("#ft-matrix button.ft-hit").first.click()
    page.locator("#ft-cell img").first.wait_for()
    try_photos(page, tmp_path)

    run = page.locator("#ft-runs tbody tr")
    assert run.count() == 1 and "Handwritten digits · 1,797" in run.inner_text()
    run.get_by_role("button", name="Compare", exact=True).click()
    page.locator("#compare-cards").get_by_text("My <b>digits</b>").first.wait_for()
    open_tab(page)
    run.get_by_role("button", name="Classify", exact=True).click()
    expect(page.locator("#classify-net input")).to_have_value("My <b>digits</b> · yours")


def try_photos(page, folder):
    """Two files beside the result: each gets its answer, or a sentence."""
    digits = readers.read_digits().images
    zero = digits.images[digits.labels.tolist().index(0)].permute(1, 2, 0).numpy()
    Image.fromarray(zero).resize((64, 64)).save(folder / "zero.png")
    (folder / "no.png").write_text("no photo")
    files = [folder / "zero.png", folder / "no.png"]
    page.locator("#ft-try input[type=file]").set_input_files(files)
    answers = page.locator("#ft-tried li")
    answers.nth(0).get_by_text("0", exact=True).wait_for()
    answers.nth(1).get_by_text("This is not a picture that can be read").wait_for()


def test_stop_keeps_the_best_net(page):
    open_tab(page)
    choose_fastest(page)
    set_epochs(page, 1, 0, 50)
    page.get_by_role("button", name="Train", exact=True).click()
    page.locator("[data-phase=all]").wait_for(timeout=2 * MINUTE)
    page.locator("#ft-stop").click()
    page.locator("[data-phase=stopped]").wait_for()
    points = page.locator("#ft-curves polyline[data-name=validation]").first.get_attribute("points")
    assert len(points.split()) < 51  # not all of its epochs
    page.get_by_text(re.compile("learned 10 classes")).wait_for()
    page.get_by_role("button", name="Use it in Classify", exact=True).wait_for()
    assert page.locator("#ft-train").is_enabled()


# A browser that keeps nothing: Gradio alone would show a page on which nothing works.
KEEPS_NOTHING = """
Object.defineProperty(window, "localStorage", {
  configurable: true,
  get() { throw new DOMException("denied", "SecurityError"); },
});
"""


def test_two_visitors_do_not_see_each_others_nets(page, browser, page_url):
    open_tab(page)
    choose_fastest(page)
    set_epochs(page, 1, 1, 0)
    page.get_by_role("button", name="Train", exact=True).click()
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    context.add_init_script(KEEPS_NOTHING)
    other = context.new_page()
    other.goto(page_url)
    open_tab(other)
    page.locator("[data-phase=finished]").wait_for(timeout=2 * MINUTE)
    second = page.context.new_page()  # of the same visitor
    second.goto(page_url)
    open_tab(second)
    second.locator("#ft-runs tbody tr").wait_for()
    second.close()
    assert other.get_by_text("Recorded run", exact=True).is_visible()
    for visitor, expected in ((page, True), (other, False)):
        visitor.get_by_role("tab", name="Classify", exact=True).click()
        own = [name for name in net_names(visitor, "classify-net") if "yours" in name]
        assert bool(own) == expected
    context.close()


def test_a_zip_with_troubles(page, tmp_path):
    path = tmp_path / "꽃.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for k, name in enumerate(("장미", "tulip & co")):
            for i in range(4):
                noise = np.random.default_rng(10 * k + i).integers(0, 255, (40, 30, 3))
                buffer = io.BytesIO()
                Image.fromarray(noise.astype(np.uint8)).save(buffer, "PNG")
                archive.writestr(f"flowers/{name}/{i}.png", buffer.getvalue())
        archive.writestr("flowers/장미/notes.txt", "x")
        archive.writestr("../../evil.png", "x")
    bad = tmp_path / "photo.png"
    bad.write_bytes(b"this is no zip")
    open_tab(page)
    page.get_by_role("radio", name="My zip", exact=True).click()
    page.get_by_text(re.compile("At most 2,?000 images")).wait_for()
    page.locator("#ft-zip input[type=file]").set_input_files(path)
    page.get_by_text("8 images in 2 classes").wait_for()
    page.get_by_text("2 left out").wait_for()
    page.get_by_text("tulip & co").first.wait_for()
    page.reload()
    open_tab(page)
    page.get_by_role("radio", name="My zip", exact=True).click()
    page.locator("#ft-zip input[type=file]").set_input_files(bad)
    page.locator("#ft-data .problem").get_by_text("This is not a zip file").wait_for()


def test_train_again_right_after_stop(browser, own_url, monkeypatch):
    load, go_on = weights.load, threading.Event()

    def slowly(name):
        assert go_on.wait(60)
        return load(name)

    tab = visit(browser, own_url)
    set_epochs(tab, 1, 0, 0)
    monkeypatch.setattr(weights, "load", slowly)
    train = tab.get_by_role("button", name="Train", exact=True)
    train.click()
    tab.locator("[data-phase=preparing]").wait_for()
    tab.get_by_role("button", name="Stop and keep the best", exact=True).click()
    train.click()
    tab.locator("[data-phase=queued]").wait_for()
    go_on.set()  # the first run, which was stopped, and then the second
    tab.locator("[data-phase=finished]").wait_for(timeout=2 * MINUTE)
    expect(train).to_be_enabled()
    tab.context.close()


def test_of_two_readings_the_later_counts(browser, own_url, monkeypatch):
    later, read_late = threading.Event(), threading.Event()

    def read_hub(name):
        if name == "me/slow":
            assert later.wait(60)
            read_late.set()
        images = replace(readers.read_digits().images, name=name)
        return VisitorSet(images)

    monkeypatch.setattr(readers, "read_hub", read_hub)
    page = visit(browser, own_url)
    page.get_by_role("radio", name="Hugging Face dataset", exact=True).click()
    box = page.locator("#ft-hub textarea, #ft-hub input")
    for name in ("me/slow", "me/quick"):
        box.fill(name)
        box.press("Enter")
        page.get_by_text("Reading the images").wait_for()
    page.locator("#ft-data").get_by_text("me/quick").wait_for()
    later.set()
    assert read_late.wait(60)
    page.wait_for_timeout(1000)
    assert page.locator("#ft-data").get_by_text("me/quick").is_visible()
    page.context.close()


def made(monkeypatch, kind):
    """The instances of a class that are made from now on, for as long as anyone keeps them."""
    instances, init = weakref.WeakSet(), kind.__init__

    def noted(self, *args, **options):
        instances.add(self)
        init(self, *args, **options)

    monkeypatch.setattr(kind, "__init__", noted)
    return instances


def test_a_page_closed_in_mid_run_leaves_nothing_behind(browser, own_url, tmp_path, monkeypatch):
    runs, stages = made(monkeypatch, finetuning.Run), made(monkeypatch, TrainingRun)
    tab = visit(browser, own_url)
    set_epochs(tab, 1, 0, 50)
    threads = {thread.name for thread in threading.enumerate()}
    files = {path for path in tmp_path.rglob("*") if path.is_file()}
    tab.get_by_role("button", name="Train", exact=True).click()
    tab.locator("[data-phase=all]").wait_for(timeout=2 * MINUTE)
    assert len(runs) == 1 and len(stages) >= 1
    monkeypatch.setenv("CNN_SPACE_FINETUNE_AWAY_SECONDS", "1")
    tab.context.close()
    deadline = time.monotonic() + 60
    while (runs or stages) and time.monotonic() < deadline:
        time.sleep(0.2)
        gc.collect()
    assert not runs and not stages
    assert {path for path in tmp_path.rglob("*") if path.is_file()} <= files
    new = {thread.name for thread in threading.enumerate()} - threads
    # anyio's pool, which the server keeps for its next request, is no one's run.
    assert not [name for name in new if not name.startswith(("AnyIO", "asyncio"))]

"""The Classify tab in a browser: arrive, upload, read, change the net, in two languages."""

import re
import threading
import time
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from cnn_space import classify, create_model, list_weights, weights
from cnn_space.formats import probability
from cnn_space.inference import explain
from cnn_space.page.classify import handlers
from cnn_space.page.classify.examples import named, suited
from cnn_space.page.common import nets
from cnn_space.page.common.nets import entry

PATIENCE = 30_000  # ms
FIRST, ROCKET = (named(name).path for name in ("cat", "rocket"))
ANSWER = "#classify-answer .classify-label"


def local() -> list[str]:
    return [name for name in list_weights() if weights.record(name).source == "bundled"]


def chosen_net(page: Page) -> str:
    shown = page.get_by_label("Net", exact=True).input_value()
    return next(name for name in local() if entry(name) == shown)


def first_answer(page: Page) -> str:
    expect(page.locator(ANSWER).first).to_be_visible()
    return page.locator(ANSWER).first.inner_text()


def disagreeing(answer: str) -> tuple[str, str]:
    """A net that says something else about the first example, and what it says."""
    answers = ((name, classify(FIRST, name)[0].label) for name in local())
    return next((name, label) for name, label in answers if label != answer)


def choose(page: Page, name: str) -> None:
    page.get_by_label("Net", exact=True).click()
    page.get_by_role("option", name=entry(name), exact=True).click()


def upload(page: Page, path: Path) -> None:
    page.get_by_role("button", name="Remove Image", exact=True).click()
    page.locator("#classify-photo input[type=file]").set_input_files(path)


def test_an_example_is_classified_on_arrival(page: Page):
    name = chosen_net(page)
    best = classify(FIRST, name)[0]
    assert first_answer(page) == best.label
    expect(page.locator("#classify-answer .classify-percent")).to_have_text(
        probability(best.probability)
    )
    expect(page.locator("#classify-seen img")).to_be_visible()
    expect(page.locator("#classify-foot")).to_contain_text("PyTorch")


def test_the_list_opens_at_the_chosen_net(page: Page):
    first_answer(page)
    page.get_by_label("Net", exact=True).click()
    expect(page.get_by_role("option", selected=True)).to_be_in_viewport()


def test_a_screen_reader_hears_the_answers(page: Page):
    """The live region stays when the answer in it is replaced: only then is it read out."""
    first = first_answer(page)
    live = page.locator("#classify-answer [aria-live=polite]")
    live.evaluate("element => element.dataset.mine = 'yes'")
    other, _ = disagreeing(first)
    choose(page, other)
    expect(page.locator(ANSWER)).not_to_have_text(first)
    expect(live).to_have_attribute("data-mine", "yes")
    expect(live.locator(".classify-label")).not_to_have_text(first)
    for tab, place in (("Compare", "#compare-finding"), ("Fine-tune", "#ft-result")):
        page.get_by_role("tab", name=tab, exact=True).click()
        expect(page.locator(f"{place} [aria-live=polite] p").first).to_be_visible(timeout=30_000)


def test_upload_and_change_the_net(page: Page, tmp_path):
    first_answer(page)
    path = tmp_path / "rocket &amp; <b>co.png"
    Image.open(ROCKET).crop((200, 0, 500, 300)).save(path)
    upload(page, path)
    chosen = chosen_net(page)
    for name in [chosen, *[name for name in local() if name != chosen][:2]]:
        if name != chosen:
            choose(page, name)
        best = classify(path, name)
        values = page.locator("#classify-answer li > span:last-child")
        expect(values).to_have_text([probability(p.probability) for p in best])
        expect(page.locator(ANSWER)).to_have_text(best[0].label)


def test_a_photo_of_a_phone_is_shown_and_classified(page: Page, tmp_path):
    """Chromium shows no HEIC: a converted picture stands in its place."""
    pytest.importorskip("pillow_heif").register_heif_opener()
    first_answer(page)
    path = tmp_path / "photo.heic"
    Image.open(ROCKET).crop((200, 0, 500, 300)).save(path)
    upload(page, path)
    best = classify(path, chosen_net(page))
    values = page.locator("#classify-answer li > span:last-child")
    expect(values).to_have_text([probability(p.probability) for p in best])
    page.wait_for_function(
        "() => document.querySelector('#classify-photo img')?.naturalWidth === 300",
        timeout=PATIENCE,
    )


def test_without_its_photo_no_answer_stays(visit, desktop, own_url, tmp_path):
    page = visit(desktop, own_url)
    page.locator(ANSWER).first.wait_for()  # the first answer of a server takes its time
    photo = tmp_path / "photo.png"
    Image.open(ROCKET).crop((200, 0, 500, 300)).save(photo)
    upload(page, photo)
    first_answer(page)
    for kept in (tmp_path / "gradio").rglob("photo.png"):
        kept.unlink()
    choose(page, next(name for name in local() if name != chosen_net(page)))
    expect(page.locator("#classify-answer")).to_contain_text("no longer here")
    expect(page.locator("#classify-result img")).to_have_count(0)


def test_a_choice_does_not_wait_for_the_download_before_it(visit, desktop, own_url, monkeypatch):
    arrived = threading.Event()

    def fetch(name, progress):
        while not arrived.wait(0.2):
            progress(30_000_000, 100_000_000)

    monkeypatch.setattr(weights, "fetch", fetch)
    page = visit(desktop, own_url)
    first = first_answer(page)
    other, answer = disagreeing(first)
    choose(page, next(name for name in list_weights() if not weights.is_local(name)))
    expect(page.locator("#classify-result .progress-level-inner")).to_contain_text("30 MB")
    expect(page.locator("#classify-answer")).to_contain_text("on its way")
    expect(page.locator("#classify-result img")).to_have_count(0)
    choose(page, other)
    expect(page.locator(ANSWER)).to_have_text(answer)
    dimmed = 0
    for _ in range(10):
        dimmed += page.locator("#classify-answer .pending").count()
        page.wait_for_timeout(100)
    arrived.set()
    assert dimmed == 0  # by the progress of a net that is no longer chosen
    page.wait_for_timeout(1000)
    expect(page.locator(ANSWER)).to_have_text(answer)


def top_of_the_foot(page: Page) -> float:
    return page.locator("#classify-foot").bounding_box()["y"]


def test_a_wider_net_is_asked_in_one_click(visit, desktop, own_url, monkeypatch):
    """It is fetched with its progress below the answer's place, then it answers."""
    arrived, name = threading.Event(), "resnet18.tv_in1k"

    def fetch(asked, progress):
        assert asked == name
        while not arrived.wait(0.2):
            progress(23_000_000, 46_000_000)

    loaded = weights.Loaded(create_model("resnet18", 1000).eval(), weights.record(name))
    monkeypatch.setattr(weights, "fetch", fetch)
    monkeypatch.setattr(nets, "is_offline_mode", lambda: False)
    load, is_local = weights.load, weights.is_local
    page = visit(desktop, own_url)
    first_answer(page)
    page.get_by_role("button", name="Ask a net with 1,000 classes").click()
    expect(page.locator("#classify-result .progress-level-inner")).to_contain_text("23 MB")
    expect(page.locator("#classify-answer")).to_contain_text("on its way")
    monkeypatch.setattr(weights, "is_local", lambda asked: asked == name or is_local(asked))
    monkeypatch.setattr(weights, "load", lambda asked: loaded if asked == name else load(asked))
    arrived.set()
    expect(page.locator("#classify-answer")).to_contain_text("1,000 classes")
    expect(page.locator("#classify-facts")).to_contain_text("ResNet-18, 2015")
    expect(page.locator("#classify-examples button")).to_have_count(5)
    expect(page.locator("button[data-example=dahlia]")).to_contain_text("not one of its classes")
    expect(page.locator(".classify-wider")).to_have_count(0)


def test_no_answer_of_another_net_or_photo_is_to_be_read(visit, desktop, own_url, monkeypatch):
    free, answer_of = threading.Event(), handlers.answer_of

    def slowly(*arguments, **options):
        assert free.wait(PATIENCE / 1000)
        return answer_of(*arguments, **options)

    page = visit(desktop, own_url)
    first = first_answer(page)
    expect(page.locator("#classify-looked img")).to_be_visible()
    height = top_of_the_foot(page)
    monkeypatch.setattr(handlers, "answer_of", slowly)
    other, _ = disagreeing(first)
    for change in (
        lambda: choose(page, other),
        lambda: page.locator("button[data-example=ship]").click(),
        lambda: page.locator("button[data-example=horse]").click(),
    ):
        free.clear()
        change()
        expect(page.locator("#classify-result [data-of]:not(.stale)")).to_have_count(0)
        expect(page.locator("#classify-result .stale img")).to_have_count(2)
        for old in (ANSWER, "#classify-looked img", "#classify-seen img", "#classify-foot p"):
            expect(page.locator(old).first).not_to_be_visible()
        assert top_of_the_foot(page) == height
        free.set()
        expect(page.locator("#classify-result .stale")).to_have_count(0)
        expect(page.locator("#classify-looked img")).to_be_visible()
        height = top_of_the_foot(page)
    answer = classify(named("horse").path, other, 1)[0].label
    expect(page.locator(ANSWER)).to_have_text(answer)


# At each frame: whether "Choose a photo" stands beside an answer, and where the page's foot is.
WATCH = """() => {
  window.seen = new Set();
  const isShown = (place) =>
    !!document.querySelector(place)?.checkVisibility({ visibilityProperty: true });
  const look = () => {
    const asked = isShown("#classify-hint") || isShown(".classify-waiting");
    const answered = isShown("#classify-looked img") || isShown(".classify-label");
    const foot = document.querySelector("#classify-foot").getBoundingClientRect().top;
    window.seen.add([asked && answered, foot].join());
    requestAnimationFrame(look);
  };
  look();
}"""


def test_a_photo_is_replaced_without_a_flash_and_nothing_moves(page: Page, tmp_path):
    first = first_answer(page)
    expect(page.locator("#classify-looked img")).to_be_visible()
    path = tmp_path / "ship.webp"
    path.write_bytes(named("ship").path.read_bytes())
    page.evaluate(WATCH)
    page.get_by_role("button", name="Remove Image", exact=True).click()
    page.locator("#classify-photo input[type=file]").set_input_files(path)
    expect(page.locator(ANSWER)).to_have_text("ship")
    expect(page.locator("#classify-looked figcaption")).to_contain_text("ship")
    assert first != "ship"
    assert page.evaluate("[...window.seen]") == [f"false,{top_of_the_foot(page)}"]
    # Without another photo the page asks for one, in the same place.
    page.get_by_role("button", name="Remove Image", exact=True).click()
    expect(page.locator("#classify-hint")).to_be_visible()
    expect(page.locator("#classify-result img").first).not_to_be_visible()


def test_of_two_quick_clicks_the_second_counts(visit, desktop, own_url, monkeypatch):
    grad_cam = explain.grad_cam

    def slowly(*arguments):
        time.sleep(0.5)
        return grad_cam(*arguments)

    page = visit(desktop, own_url)
    expect(page.locator("#classify-looked img")).to_be_visible()
    monkeypatch.setattr(explain, "grad_cam", slowly)
    rows = page.locator("#classify-answer li")
    for place in (1, 2):
        rows.nth(place).click()
    name = rows.nth(2).get_attribute("data-label")
    expect(page.locator("#classify-looked figcaption")).to_contain_text(f"for {name}")


def test_example_thumbnails_and_ten_views(page: Page):
    first_answer(page)
    chosen = chosen_net(page)
    page.locator("#classify-examples button").nth(2).click()
    example, known = suited(weights.record(chosen))[2]
    best = classify(example.path, chosen)[0]
    assert known and best.label in example.classes
    expect(page.locator("#classify-answer .classify-percent")).to_have_text(
        probability(best.probability)
    )
    page.get_by_label("Average over crops and flips", exact=True).check()
    expect(page.locator("#classify-views li")).to_have_count(10)
    expect(page.locator(ANSWER)).to_have_count(2)
    page.get_by_label("Average over crops and flips", exact=True).uncheck()
    expect(page.locator(ANSWER)).to_have_count(1)
    expect(page.locator("#classify-views")).not_to_be_visible()


def test_what_is_no_picture_is_told_so(page: Page, tmp_path):
    first_answer(page)
    path = tmp_path / "broken.png"
    for content, words in (
        (b"no picture at all", "not a picture"),
        (b"\x89PNG\r\n\x1a\n", "not a picture|damaged"),
    ):
        path.write_bytes(content)
        upload(page, path)
        expect(page.locator("#classify-answer")).to_contain_text(re.compile(words))
        expect(page.locator(ANSWER)).to_have_count(0)
        page.wait_for_timeout(500)  # a second telling would come late
        expect(page.get_by_test_id("toast-body")).to_have_count(0)


def test_no_request_leaves_the_machine(browser, page_url):
    context = browser.new_context(locale="en-US")
    tab = context.new_page()
    hosts = set()
    tab.on("request", lambda request: hosts.add(re.sub(r"^\w+:(//)?|[:/].*$", "", request.url)))
    tab.goto(page_url)
    first_answer(tab)
    context.close()
    assert hosts - {"image", "blob", ""} == {"127.0.0.1"}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_narrow_and_korean(visit, phone, page_url, theme):
    tab = visit(phone, f"{page_url}/?__theme={theme}")
    expect(tab.get_by_label("신경망", exact=True)).to_be_visible()
    assert re.search("[가-힣]", first_answer(tab))
    top = {
        place: tab.locator(f"#classify-{place}").bounding_box()["y"]
        for place in ("photo", "answer", "examples", "net")
    }
    assert list(top) == sorted(top, key=top.get) and top["answer"] < 500
    assert "·" not in tab.locator("footer").inner_text()
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390


def test_an_example_tapped_on_a_phone_brings_its_answer_into_view(visit, phone, page, page_url):
    tab = visit(phone, page_url)
    first = first_answer(tab)
    for narrow, on in ((True, tab), (False, page)):
        first_answer(on)
        ship = on.locator("#classify-examples button[data-example=ship]")
        ship.scroll_into_view_if_needed()
        before = on.evaluate("scrollY")
        assert not narrow or before > 0
        ship.click()
        expect(on.locator(ANSWER)).not_to_have_text(first)
        expect(on.locator(ANSWER)).to_have_text("배" if narrow else "ship")
        if narrow:
            expect(on.locator(ANSWER)).to_be_in_viewport()
            on.wait_for_function(
                "document.querySelector('#classify-photo').getBoundingClientRect().top >= 0"
            )
        else:
            assert on.evaluate("scrollY") == before


def test_terms_open_by_click_key_and_touch(visit, phone, page, page_url):
    page.locator("#classify-facts a").first.wait_for()
    macs = page.locator("#classify-facts .term button", has_text="MACs").first
    meaning = macs.locator("xpath=following-sibling::*")
    macs.click()
    expect(meaning).to_be_visible()
    expect(macs).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Escape")
    expect(meaning).not_to_be_visible()
    macs.focus()
    page.keyboard.press("Enter")
    expect(meaning).to_contain_text("Multiply-accumulates")
    expect(macs).to_be_focused()
    macs.click()  # once more closes it
    expect(meaning).not_to_be_visible()
    tab = visit(phone, page_url)
    last = tab.locator("#classify-looked .term button").first
    last.click()
    box = tab.locator(":popover-open").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    expect(tab.locator(":popover-open")).to_contain_text("히트맵")
    tab.locator("#top h1").click()
    expect(tab.locator(":popover-open")).to_have_count(0)


def test_all_layers_of_the_net_are_a_click_away_and_the_photo_stays(page: Page, tmp_path):
    first_answer(page)
    path = tmp_path / "mine.png"
    Image.open(ROCKET).crop((200, 0, 500, 300)).save(path)
    upload(page, path)
    values = page.locator("#classify-answer li > span:last-child")
    mine = [probability(p.probability) for p in classify(path, chosen_net(page))]
    expect(values).to_have_text(mine)
    page.wait_for_function("history.state?.address.photo?.path.endsWith('mine.png')")
    page.get_by_role("link", name="All layers of GoogLeNet").click()
    expect(page.locator("#inception-net")).to_contain_text("inception3a")
    page.go_back()
    expect(page.locator(ANSWER)).to_be_visible()
    expect(values).to_have_text(mine)

"""A hostile visitor against the running server: what Gradio would take, this page does not."""

import asyncio
import json
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gradio as gr
import pytest
from gradio import state_holder
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from raw_requests import CUT, call, complete, error_of, file, from_address, inline, post, upload

from cnn_space.page.inception import whole_net
from cnn_space.page.server import bodies

PHOTO = Path(__file__).parents[3] / "docs" / "classify.webp"
INLINE = inline(PHOTO.read_bytes())["url"]
KOREAN = {"accept-language": "ko"}


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/a.png", "https://example.invalid/a.zip"])
def test_nothing_is_fetched_from_an_address(address, served, monkeypatch):
    from gradio import processing_utils

    fetched = []

    async def fetch(url, *_, **__):
        fetched.append(url)
        raise OSError

    monkeypatch.setattr(processing_utils, "async_ssrf_protected_get", fetch)
    said = error_of(call(served, "classify", [file(address), "lenet5.cifar10", 3]))
    assert said.startswith("Files are not fetched from addresses.")
    events = call(served, "compare", [file(address), ["lenet5.cifar10"]], KOREAN)
    assert json.loads(events.strip().split("\n")[-1].removeprefix("data: "))["title"] == "오류"
    said = error_of(events)
    assert said.startswith("주소에 있는 파일은 가져오지 않습니다.")
    assert "not fetched" in error_of(call(served, "finetune", [file(address)]))
    assert not fetched


def test_a_body_has_8_mb_at_most_however_it_comes(served):
    url = f"{served[0]}/gradio_api/call/classify"
    most = bodies.MOST
    numbers = b'{"data": [' + b"1," * (most // 2) + b"1]}"
    status, answer = post(url, numbers)
    assert status == 413 and answer["detail"].startswith("This is more than 8 MB")
    status, answer = post(url, b'{"data": [' + b"1," * (bodies.VALUES + 1) + b"1]}")
    assert status == 413 and answer["detail"] == "This call holds more than 100,000 values."
    # Streamed, without a length: counted while it comes, refused before its end.
    sent = []

    def chunks():
        for _ in range(100):
            sent.append(2**20)
            yield b" " * 2**20

    assert post(url, chunks())[0] in (413, CUT) and sum(sent) < 100 * 2**20
    photo = "data:image/png;base64," + "A" * (most + 1)
    assert post(url, {"data": [{"path": "", "url": photo}, "lenet5.cifar10", 3]})[0] == 413
    assert post(url, {"data": [None, "lenet5.cifar10", 3]})[0] == 200


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        (
            "classify",
            ["a photo", "lenet5.cifar10", 3],
            ["“image” takes an uploaded file, not 'a photo'."],
        ),
        ("classify", [None, "lenet5.cifar10", "x" * 10_000], ["top_k", "a number", "xxx…"]),
        ("classify", [None, "lenet5.cifar10", 10**400], ["top_k", "a number", "000…"]),
        ("classify", [file("a.png"), "lenet5.cifar10", 3], ["There is no upload with this path."]),
        ("classify", [None, {"a": 1}, 3], ["“model” takes text"]),
        ("classify", [None, ["lenet5.cifar10"], 3], ["“model” takes text"]),
        ("classify", [[], "lenet5.cifar10", 3], ["“image” takes an uploaded file, not []."]),
        ("classify", [None, "lenet5.cifar10"], ["needs 3 values and has 2"]),
        ("classify", [None, "x" * 600_000, 3], ["model", "too long"]),
        ("classify", [None, "lenet5.cifar10", 2.5], ["“top_k” takes a whole number, not 2.5."]),
        ("robustness", [None, [], "blur", 1.5], ["“steps” takes a whole number, not 1.5."]),
        ("finetune", [None, "lenet5.cifar10", "sgd", 0, 0.1, 1.5], ["head_epochs is 1.5"]),
        ("classify", [None, "lenet5.cifar10", [1] * 30_000], ["top_k", "too long"]),
        ("finetune", [None, "lenet5.cifar10", "sgd", "fast"], ["learning_rate"]),
        ("finetune", [None, "lenet5.cifar10", "sgd", 1e400], ["learning_rate"]),
        ("finetune", [None, "lenet5.cifar10", 5], ["not in the list"]),
        ("finetune", [None, "lenet5.cifar10", "sgd", 0, None], ["lowest_share", "a number"]),
        ("finetune", [None, "lenet5\x1b[31m\x00"], ["lenet5\ufffd[31m\ufffd"]),
    ],
)
def test_what_does_not_fit_is_one_sentence_and_a_short_line_in_the_log(
    name, values, words, served, caplog, capfd
):
    said = error_of(call(served, name, values))
    assert all(word in said for word in words), said
    assert len(said) < 400 and "\n" not in said
    printed = capfd.readouterr()
    assert "Traceback" not in printed.err + printed.out
    assert all(len(record.getMessage()) < 400 for record in caplog.records)


@pytest.mark.parametrize(
    ("age", "why"),
    [
        (-1, "the generator's age is 1 to 4, not -1"),
        (5, "the generator's age is 1 to 4, not 5"),
        (1e9, "the generator's age is 1 to 4, not 1000000000"),
        (1.5, "“forged_age” takes a whole number, not 1.5."),
        ("x", "“forged_age” takes a number, not 'x'."),
        (True, "“forged_age” takes a number, not True."),
        ([1], "“forged_age” takes a number, not [1]."),
        (None, "lr is 99"),  # none is the usual 0: it comes as far as the plan
    ],
)
def test_an_age_that_the_generator_has_not_is_a_sentence(age, why, served, capfd):
    values = complete(served[1], [None, "lenet5.cifar10", "sgd", 99])[:-1]
    said = error_of(call(served, "finetune", [*values, age]))
    assert why in said and len(said) < 400 and "\n" not in said
    printed = capfd.readouterr()
    assert "Traceback" not in printed.err + printed.out


@pytest.mark.parametrize("event_data", [None, [], "x", 5, {"label": [1]}])
def test_an_event_may_bring_anything(event_data, served, capfd):
    url, demo, _ = served
    for name in ("take_example", "ask_wider", "look_for"):
        number, fn = next((n, fn) for n, fn in demo.fns.items() if fn.api_name == name)
        values = [None] * len(fn.inputs)
        body = {"data": values, "session_hash": f"{name}-odd", "fn_index": number}
        assert post(f"{url}/gradio_api/queue/join", body | {"event_data": event_data})[0] == 200
        stream = f"{url}/gradio_api/queue/data?session_hash={name}-odd"
        with urllib.request.urlopen(stream, timeout=30) as events:
            assert '"success":true' in events.read().decode().replace(" ", "")
    assert post(f"{url}/gradio_api/queue/join", body | {"fn_index": 99_999})[0] == 404
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("name", ["add_numbers", "choose_preset"])
def test_a_field_may_be_empty(name, served, capfd):
    url, demo, _ = served
    number, fn = next((n, fn) for n, fn in demo.fns.items() if fn.api_name == name)
    filled = [None] * len(fn.inputs)
    if name == "add_numbers":
        filled[:2] = {"url": INLINE}, "lenet5.cifar10"
    body = {"data": filled, "session_hash": f"{name}-empty", "fn_index": number}
    assert post(f"{url}/gradio_api/queue/join", body)[0] == 200
    stream = f"{url}/gradio_api/queue/data?session_hash={name}-empty"
    with urllib.request.urlopen(stream, timeout=30) as events:
        assert '"success":true' in events.read().decode().replace(" ", "")
    assert "Traceback" not in capfd.readouterr().err


def test_an_empty_path_beside_a_picture_does_no_harm(served):
    photo = file("") | {"url": INLINE}
    assert "event: complete" in call(served, "classify", [photo, "lenet5.cifar10", 3])


def test_no_net_at_all_is_an_unknown_one(served, capfd):
    photo = {"url": INLINE, "meta": {"_type": "gradio.FileData"}}
    said = error_of(call(served, "classify", [photo, None, 3]))
    assert said.startswith("unknown weights None: known are ")
    assert "Traceback" not in capfd.readouterr().err


def test_who_leaves_amid_a_run_and_comes_back_gets_an_answer_that_ends(served):
    """The line stayed open for the answer of the run that was left, which nobody gives."""
    url, demo, _ = served

    def begin(name: str, values: list):
        place = f"{url}/gradio_api/call/{name}"
        status, answer = post(place, {"data": values, "session_hash": "comes-back"})
        assert status == 200
        return urllib.request.urlopen(f"{place}/{answer['event_id']}", timeout=10)

    with begin("finetune", complete(demo, [None, "lenet5.cifar10"])) as events:
        while not events.readline().startswith(b"event: generating"):
            pass
    with begin("check", ["x = 1", "", "", ""]) as events:
        assert events.read().decode().startswith("event: complete")


def test_waiting_runs_are_few_and_answers_keep_their_room(served, client):
    """65 fine-tunings that nobody listens to closed the page for all."""
    url, demo, _ = served
    queue = demo._queue
    run = {"data": complete(demo, [None, "lenet5.cifar10"])}
    fn = next(fn for fn in demo.fns.values() if fn.api_name == "finetune")
    queue.create_event_queue_for_fn(fn)
    runs = queue.event_queue_per_concurrency_id["train"]
    held, runs.concurrency_limit = runs.concurrency_limit, 0  # nothing begins
    try:
        answers = [post(f"{url}/gradio_api/call/finetune", run) for _ in range(3)]
        assert [status for status, _ in answers] == [200, 429, 429]
        assert answers[1][1]["detail"].startswith("One of your training runs is already waiting.")
        # Other visitors, by other addresses of this machine.
        place = "/gradio_api/call/finetune"
        for other in range(2, 5):
            assert from_address(f"127.0.0.{other}", url, place, run)[0] == 200
        assert from_address("127.0.0.5", url, place, run)[0] == 429
        status, answer = post(f"{url}/gradio_api/call/finetune", run, KOREAN)
        assert status == 429 and "기다리고 있습니다" in answer["detail"]
        answer = client.predict(handle_file(PHOTO), "lenet5.cifar10", 3, api_name="/classify")
        assert len(answer["confidences"]) == 3
        assert len(runs.queue) == 4
    finally:
        runs.queue.clear()
        runs.concurrency_limit = held


def test_uploads_have_a_share_and_the_oldest_go_first(served):
    """Of 100 MB a visitor gets what one largest upload takes, 65 MB."""
    url, _, folder = served
    kept = []
    for number in range(4):
        status, paths = upload(url, bytes([number]) * 20 * 2**20)
        assert status == 200
        kept += [Path(path) for path in paths]
    for _ in range(100):  # the answer comes before the room is made
        if not kept[0].exists():
            break
        time.sleep(0.1)
    assert [path.exists() for path in kept] == [False, True, True, True]
    taken = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert taken <= 65 * 2**20
    assert upload(url, *[bytes(15 * 2**20)] * 5)[0] in (413, CUT)


def test_what_a_session_sends_and_is_shown_does_not_stay(served, client):
    events = call(served, "classify", [{"path": "", "url": INLINE}, "lenet5.cifar10", 3])
    assert '"confidences"' in events
    with pytest.raises(AppError, match="not in the list"):
        client.predict(handle_file(PHOTO), "no.net", 3, api_name="/classify")
    sessions = [*served[1].app.state_holder.session_data.values()]
    assert sessions and not any(session.config_values for session in sessions)


def test_every_text_has_a_greatest_length(served):
    texts = [block for block in served[1].blocks.values() if isinstance(block, gr.Textbox)]
    asked = {block for fn in served[1].fns.values() for block in fn.inputs}
    assert all(text.max_length for text in texts if text in asked)


@pytest.mark.parametrize("path", ["deep_link", "deep_link/"])
def test_no_session_is_written_into_a_file_that_a_link_opens(served, path):
    """It would hold the key by which a visitor comes back, for whoever knows the session."""
    url, _, folder = served
    arrival = {"fn_index": arrive_of(served), "data": [None] * 5, "session_hash": "mine"}
    post(f"{url}/gradio_api/queue/join", arrival)  # the session is known to the server
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{url}/gradio_api/{path}?session_hash=mine", timeout=30)
    assert not list(folder.rglob("state.json"))


def arrive_of(served):
    names = {getattr(fn.fn, "__qualname__", ""): fn._id for fn in served[1].fns.values()}
    return names["Tab.arrive"]


def test_whole_nets_are_walked_one_at_a_time_however_many_ask(served, monkeypatch):
    """A walk takes up to a second of CPU: six at once were six threads of it."""
    url, demo, _ = served
    ways = [fn for fn in demo.fns.values() if "WholeNet" in getattr(fn.fn, "__qualname__", "")]
    at_once, most, walked = threading.Semaphore(1), [], []

    def walk(net, size, classes):
        most.append(at_once.acquire(blocking=False))
        time.sleep(0.05)
        walked.append(size)
        at_once.release()
        raise ValueError("no walk")

    monkeypatch.setattr(whole_net, "walk", walk)
    shown = next(fn for fn in ways if len(fn.inputs) == 4)
    for size in range(224, 230):
        body = {"fn_index": shown._id, "data": ["vgg16", size, 10, ""], "session_hash": f"s{size}"}
        assert post(f"{url}/gradio_api/queue/join", body)[0] == 200
    for _ in range(100):
        if len(walked) == 6:
            break
        time.sleep(0.05)
    assert len(walked) == 6 and all(most)
    assert {(fn.queue, fn.concurrency_id, fn.concurrency_limit) for fn in ways} == {
        (True, "walk", 1)
    }


def test_a_choice_of_a_session_that_is_gone_is_said_in_one_sentence(served):
    demo = served[1]
    event = next(
        event
        for event in demo.fns.values()
        if event.fn and event.inputs and event.inputs[0].elem_id == "classify-net"
    )
    given = ["My net", *(len(event.inputs) - 1) * [None]]
    state = state_holder.SessionState(demo)
    with (
        ThreadPoolExecutor(1) as aside,  # a browser's driver may have a loop in this thread
        pytest.raises(gr.Error, match="“My net” is no longer here: the server"),
    ):
        aside.submit(asyncio.run, demo.preprocess_data(event, given, state)).result()

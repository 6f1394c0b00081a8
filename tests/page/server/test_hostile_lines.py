"""What a running page serves, to whom, and how many lines and waiting events a visitor has."""

import json
import socket
import threading
import time
from asyncio import Queue
from contextlib import ExitStack, contextmanager, suppress

import pytest
from raw_requests import complete, from_address, post, upload

from cnn_space.page.server import bodies, closed, lines, waiting

# Every route that is served. What Gradio adds in a later version shows up here, and is closed
# until somebody opens it in ``closed.OPEN``.
SERVED = {
    "/",
    "/assets/{path:path}",
    "/config",
    "/config/",
    "/favicon.ico",
    "/logout",
    "/manifest.json",
    "/robots.txt",
    "/static/{path:path}",
    "/theme.css",
    "/gradio_api/app_id",
    "/gradio_api/app_id/",
    "/gradio_api/call/{api_name}",
    "/gradio_api/call/{api_name}/",
    "/gradio_api/call/{api_name}/{event_id}",
    "/gradio_api/call/v2/{api_name}",
    "/gradio_api/call/v2/{api_name}/",
    "/gradio_api/call/v2/{api_name}/{event_id}",
    "/gradio_api/cancel",
    "/gradio_api/file={path_or_url:path}",
    "/gradio_api/heartbeat/{session_hash}",
    "/gradio_api/info",
    "/gradio_api/info/",
    "/gradio_api/openapi.json",
    "/gradio_api/queue/data",
    "/gradio_api/queue/join",
    "/gradio_api/reset",
    "/gradio_api/reset/",
    "/gradio_api/run/{api_name}",
    "/gradio_api/run/{api_name}/",
    "/gradio_api/startup-events",
    "/gradio_api/theme.css",
    "/gradio_api/upload",
    "/gradio_api/upload_progress",
}
TOOLS = {"/gradio_api/mcp", "/gradio_api/mcp/schema"}
LENET = "lenet5.cifar10"
HEARTBEAT = "GET /gradio_api/heartbeat/{} HTTP/1.1\r\nhost: x\r\n\r\n"


def routes_of(routes, above="") -> dict[str, set[str]]:
    """The methods of each path, those of routers and mounted applications among them."""
    found: dict[str, set[str]] = {}
    for route in routes:
        inner = getattr(route, "original_router", route)  # a router that was included
        path = above + getattr(route, "path", "")
        if own := getattr(route, "methods", None):
            found[path] = found.get(path, set()) | own
        elif path != above:  # a mounted application answers at its own place, too
            found[path] = {"GET"}
        found |= routes_of(getattr(inner, "routes", None) or [], path)
    return found


def test_what_is_served_stands_in_one_list_and_nothing_else_is(served):
    url, demo, _ = served
    routes = routes_of(demo.app.routes)
    assert len(routes) > 70 and "/gradio_api/vibe-edit" in routes and "/monitoring" in routes
    example = {path: path.replace("{", "").replace("}", "").replace(":path", "") for path in routes}
    opened = {path for path in routes if closed.is_open(example[path])}
    assert opened - TOOLS == SERVED
    for path in routes.keys() - opened:
        answered = from_address(
            "127.0.0.1", url, example[path], {"a": 1} if "GET" not in routes[path] else None
        )
        assert answered == (404, "Not Found"), path
    assert from_address("127.0.0.1", url, "/config")[0] == 200


def test_no_file_of_another_server_is_handed_on(served, monkeypatch):
    import safehttpx

    asked = []
    monkeypatch.setattr(safehttpx, "async_validate_url", asked.append)
    for path in (
        "file=https://example.invalid/a",
        "file=HTTP://x/",
        "file/http://x/",
        "proxy=http://x/",
    ):
        assert from_address("127.0.0.1", served[0], f"/gradio_api/{path}")[0] == 404
    assert not asked


def test_no_session_is_written_into_a_file_that_a_link_opens(served):
    """It would hold the key by which a visitor comes back, for whoever knows the session."""
    url, demo, folder = served
    arrive = next(
        n for n, fn in demo.fns.items() if getattr(fn.fn, "__qualname__", "") == "Tab.arrive"
    )
    post(
        f"{url}/gradio_api/queue/join",
        {"fn_index": arrive, "data": [None] * 5, "session_hash": "mine"},
    )
    for path in ("deep_link", "deep_link/"):
        assert from_address("127.0.0.1", url, f"/gradio_api/{path}?session_hash=mine")[0] == 404
    assert not list(folder.rglob("state.json"))


def arrival_of(demo):
    return next(
        fn for fn in demo.fns.values() if getattr(fn.fn, "__qualname__", "") == "Tab.arrive"
    )


@pytest.mark.parametrize("place", ["call/none", "call/v2/none", "run/none", "run/predict"])
def test_an_endpoint_that_is_none_is_a_sentence_with_those_there_are(place, served, capfd):
    place = f"{served[0]}/gradio_api/{place}"
    status, answer = post(place, {"data": []})
    assert status == 404
    assert answer["detail"].startswith("There is no such endpoint here. There are: check, classif")
    status, answer = post(place, {"data": [], "fn_index": 10**6}, {"accept-language": "ko"})
    assert status == 404 and "엔드포인트" in answer["detail"]
    assert "Traceback" not in capfd.readouterr().err


def test_a_visitor_is_whom_the_proxy_names_and_not_whom_the_visitor_names(served):
    """One run of a visitor waits: a second one is refused, whatever its header says."""
    url, demo, _ = served
    run = {"data": complete(demo, [None, LENET])}
    with nothing_begins(demo, "finetune"):
        ask = lambda source, header: from_address(  # noqa: E731
            source, url, "/gradio_api/call/finetune", run, **{"x-forwarded-for": header}
        )[0]
        # 127.0.0.1 is a proxy, which writes whom it hears behind what it was sent.
        assert ask("127.0.0.1", "192.0.2.1, 203.0.113.7") == 200
        assert ask("127.0.0.1", "192.0.2.2, 203.0.113.7") == 429
        assert ask("127.0.0.1", "192.0.2.1, 203.0.113.8") == 200
        # Of IPv6 it is the network: each of its addresses is the same visitor's.
        assert ask("127.0.0.1", "2001:db8::1") == 200
        assert ask("127.0.0.1", "2001:db8::ffff:2") == 429
    with nothing_begins(demo, "finetune"):
        assert ask("127.0.0.2", "203.0.113.9") == 200  # no proxy of ours
        assert ask("127.0.0.2", "203.0.113.10") == 429


@contextmanager
def held(demo, fn):
    """Events of a function's queue, which is given, wait meanwhile."""
    demo._queue.create_event_queue_for_fn(fn)
    events = demo._queue.event_queue_per_concurrency_id[fn.concurrency_id]
    limit, events.concurrency_limit = events.concurrency_limit, 0
    try:
        yield events.queue
    finally:
        events.concurrency_limit = limit


@contextmanager
def nothing_begins(demo, name: str):
    """Events of an endpoint wait meanwhile; then they are forgotten."""
    with held(demo, next(fn for fn in demo.fns.values() if fn.api_name == name)) as queue:
        yield queue
        for event in queue:
            demo._queue.event_ids_to_events.pop(event._id)
        queue.clear()


def test_visitors_take_turns_so_that_a_flood_delays_itself_alone(served):
    url, demo, _ = served
    body = {"data": [None, LENET, 3]}
    with nothing_begins(demo, "classify") as queue:
        for source in ("127.0.0.8",) * 4 + ("127.0.0.9",) * 2 + ("127.0.0.7",):
            assert from_address(source, url, "/gradio_api/call/classify", body)[0] == 200
        order = "".join(event.request.client.host[-1] for event in queue)
    assert order == "8978988"


def test_who_has_enough_under_way_leaves_room_for_others(served, monkeypatch):
    """24 long calls of one visitor held up everyone else's."""
    url, demo, _ = served
    done = threading.Event()

    def slow(image, model, top_k):
        assert top_k == 1 or done.wait(30)
        return {"a": 1.0}

    fn = next(fn for fn in demo.fns.values() if fn.api_name == "classify")
    monkeypatch.setattr(fn, "fn", slow)
    place = "/gradio_api/call/classify"
    try:
        for _ in range(10):
            assert from_address("127.0.0.8", url, place, {"data": [None, LENET, 2]})[0] == 200
        under_way = demo._queue.event_queue_per_concurrency_id[fn.concurrency_id]
        wait_until(lambda: under_way.current_concurrency >= waiting.AT_ONCE)
        answer = from_address("127.0.0.9", url, place, {"data": [None, LENET, 1]})[1]
        answer = from_address("127.0.0.9", url, f"{place}/{json.loads(answer)['event_id']}")[1]
        assert "event: complete" in answer
        assert under_way.current_concurrency == waiting.AT_ONCE
    finally:
        done.set()
    wait_until(lambda: not demo._queue.event_ids_to_events)


def test_thirty_visitors_of_one_address_are_all_served(served):
    """A class behind one router opens the page at once: each browser keeps a line, and brings as
    many events as there are for a page that loads. The cheapest of them stands for all."""
    url, demo, _ = served
    loads = [
        fn for fn in demo.fns.values() if fn.fn and ("load" in {name for _, name in fn.targets})
    ]
    show = next(fn for fn in loads if fn.fn.__qualname__ == "Tab.show")
    values = [LENET if block.elem_id == "classify-net" else None for block in show.inputs]
    body = {"data": values, "fn_index": show._id}
    pupils = [f"pupil{number}" for number in range(30)]
    with ExitStack() as browsers:
        for pupil in pupils:
            line = browsers.enter_context(connected("127.0.0.30", url))
            line.sendall(HEARTBEAT.format(pupil).encode())
        join = "/gradio_api/queue/join"
        with held(demo, show) as queue:
            for pupil in pupils * (len(loads) + 2):  # two more follow the answer
                event = body | {"session_hash": pupil}
                assert from_address("127.0.0.30", url, join, event)[0] == 200
            assert len(queue) >= 180
        for pupil in pupils:
            place = f"/gradio_api/queue/data?session_hash={pupil}"
            events = from_address("127.0.0.30", url, place)[1]
            assert events.count('"process_completed"') == len(loads) + 2
            assert '"success":false' not in events


def test_answers_that_nobody_comes_for_are_forgotten_and_no_others(served, monkeypatch, capfd):
    url, demo, _ = served
    queue = demo._queue
    monkeypatch.setattr(waiting, "UNHEARD", 3)
    place = "/gradio_api/call/check"
    ids = [post(url + place, {"data": []})[1]["event_id"] for _ in range(8)]
    wait_until(lambda: not queue.event_ids_to_events)
    with nothing_begins(demo, "classify") as waits:
        post(f"{url}/gradio_api/call/classify", {"data": [None, LENET, 3]})
        # Gradio kept the last 2,000 sessions, and dropped those before, at work or not.
        queue.pending_messages_per_session.update({f"new{n}": Queue() for n in range(2500)})
        time.sleep(1)
        post(url + place, {"data": []})
        kept = queue.pending_messages_per_session
        assert waits[0].session_hash in kept and len(kept) <= 6
        assert queue.pending_event_ids_session.keys() <= kept.keys()
    first, last = (from_address("127.0.0.1", url, f"{place}/{ids[n]}")[1] for n in (0, -1))
    assert "needs 4 values" in last and "404" in first
    assert "Traceback" not in capfd.readouterr().err


def wait_until(true, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def connected(source: str, url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), 30, source_address=(source, 0))


def all_of(line: socket.socket) -> str:
    """All that the server says until it ends ``line``, or says no more."""
    line.settimeout(2)
    said = b""
    with suppress(TimeoutError):
        while more := line.recv(4000):
            said += more
    return said.decode()


def is_cut(line: socket.socket, seconds: float = 10) -> bool:
    """Whether the server ends ``line``, on which it has nothing to say."""
    line.settimeout(seconds)
    try:
        return line.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_a_line_that_says_nothing_or_drips_is_cut(served, monkeypatch):
    monkeypatch.setattr(lines, "HEAD", 0.4)
    monkeypatch.setattr(lines, "LOOK", 0.1)
    with connected("127.0.0.2", served[0]) as silent, connected("127.0.0.2", served[0]) as dripping:
        with pytest.raises(OSError):
            for letter in "GET / HTTP/1.1\r\n" + "x: y\r\n" * 30:
                dripping.sendall(letter.encode())
                time.sleep(0.05)
        assert is_cut(silent)
    with connected("127.0.0.2", served[0]) as kept, pytest.raises(OSError):
        kept.sendall(b"GET /robots.txt HTTP/1.1\r\nhost: x\r\n\r\n")
        assert kept.recv(1000).startswith(b"HTTP/1.1 200")
        for _ in range(60):
            kept.sendall(b"G")
            time.sleep(0.05)


def test_lines_of_one_address_are_bounded_and_those_of_others_not(served, monkeypatch):
    url = served[0]
    monkeypatch.setattr(lines, "MOST_OF_ONE", 3)
    monkeypatch.setattr(lines, "SPARE", 2)
    with ExitStack() as kept:
        held = [kept.enter_context(connected("127.0.0.2", url)) for _ in range(5)]
        for line in held[:3]:
            line.sendall(HEARTBEAT.format("held").encode())
            assert line.recv(100).startswith(b"HTTP/1.1 200")
        held[3].sendall(b"GET / HTTP/1.1\r\nhost: x\r\naccept-language: ko\r\n\r\n")
        refused = all_of(held[3])
        assert refused.startswith("HTTP/1.1 429") and "열어 둔 요청이 너무 많습니다" in refused
        with connected("127.0.0.2", url) as first, connected("127.0.0.2", url) as second:
            assert is_cut(second) or is_cut(first)
        assert from_address("127.0.0.3", url, "/robots.txt")[0] == 200
    wait_until(lambda: not lines_of("127.0.0.2", served))
    assert from_address("127.0.0.2", url, "/robots.txt")[0] == 200


def lines_of(source: str, served) -> list:
    held = [*served[1].server.server_state.connections]
    return [line for line in held if line.client[0] == source]


def test_a_request_that_does_not_come_is_given_up_with_a_sentence(served, monkeypatch):
    monkeypatch.setattr(bodies, "SECONDS", 0.3)
    monkeypatch.setattr(bodies, "UPLOAD_SECONDS", 0.3)
    for place, kind, status in (
        ("call/classify", "application/json", 408),
        ("upload", "multipart/form-data; boundary=x", 400),
    ):
        head = f"POST /gradio_api/{place} HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\n"
        with connected("127.0.0.2", served[0]) as line:
            line.sendall(f"{head}content-length: 1000\r\naccept-language: ko\r\n\r\n--x".encode())
            said = all_of(line)
            assert said.startswith(f"HTTP/1.1 {status}") and "도착하지 않았습니다" in said


def test_an_answer_that_is_not_read_is_given_up(served, monkeypatch):
    url = served[0]
    monkeypatch.setattr(lines, "STALLED", 0.3)
    monkeypatch.setattr(lines, "LOOK", 0.1)
    _, (path,) = upload(url, bytes(20 * 2**20))
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.bind(("127.0.0.2", 0))
        host, port = url.removeprefix("http://").split(":")
        line.connect((host, int(port)))
        line.sendall(f"GET /gradio_api/file={path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        assert line.recv(100).startswith(b"HTTP/1.1 200")
        assert lines_of("127.0.0.2", served)
        wait_until(lambda: not lines_of("127.0.0.2", served))

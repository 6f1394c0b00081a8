"""The endpoints as tools of an MCP server: listed and called through the running page."""

import ast
import asyncio
import base64
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import pytest
from gradio_client.utils import encode_file_path
from raw_requests import post

import app
from cnn_space.images.photo import NET_SIDE, open_photo
from cnn_space.page.classify.handlers import answer_of
from cnn_space.page.common.texts import TEXTS
from cnn_space.page.common.uploads import own_copy
from cnn_space.page.server import bodies, tools

PHOTO = Path(__file__).parents[3] / "docs" / "classify.webp"
LENET = "lenet5.cifar10"
NET = "import torch.nn as nn\nnet = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())\n"


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """The address of the tools of a page in this process."""
    pytest.importorskip("mcp")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("uploads")))
        patch.delenv("GRADIO_MCP_SERVER", raising=False)
        demo = app.build()
        _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, **app.launch_options())
        yield f"{url}gradio_api/mcp/"
        demo.close()


def run(task):
    """What a coroutine gives, in a thread of its own: browser tests leave a loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, task).result()


def ask(url: str, *calls: tuple[str, dict]) -> tuple[list, list]:
    """The tools that a client is told of, and for each call whether it failed, and its texts."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async def session():
        async with streamable_http_client(url) as (*line, _), ClientSession(*line) as on:
            await on.initialize()
            listed = (await on.list_tools()).tools
            results = [await on.call_tool(*call) for call in calls]
            return listed, [(r.isError, [part.text for part in r.content]) for r in results]

    return run(session())


def test_the_endpoints_are_tools_that_say_what_they_take(url):
    listed, _ = ask(url)
    names = {
        "classify", "surgery", "compare", "robustness", "experiments", "inception", "check",
        "finetune",
    }  # fmt: skip
    assert {t.name for t in listed} == names
    for tool in listed:
        assert len(tool.description) > 60
        assert all(p["description"] for p in tool.inputSchema["properties"].values()), tool.name
    needed = {tool.name: tool.inputSchema.get("required", []) for tool in listed}
    assert needed["check"] == ["source"] and needed["compare"] == ["image"]
    assert needed["classify"] == needed["inception"] == needed["finetune"] == []


def test_tools_answer_as_the_page_does(url):
    inline = f"data:image/webp;base64,{base64.b64encode(PHOTO.read_bytes()).decode()}"
    # As Gradio's helper for clients names a file that it has uploaded.
    uploaded = url.replace("mcp/", f"file={encode_file_path(own_copy(PHOTO))}")
    _, answers = ask(
        url,
        ("classify", {"image": inline, "model": LENET, "top_k": 2}),
        ("classify", {"image": uploaded, "model": LENET, "top_k": 2}),
        ("check", {"source": NET}),
        ("inception", {"ch1x1": 64}),
    )
    assert not any(failed for failed, _ in answers)
    classified, again, checked, (_, totals) = (list(map(ast.literal_eval, t)) for _, t in answers)
    best = answer_of(open_photo(PHOTO, NET_SIDE), LENET).predictions[:2]
    assert [c["label"] for c in classified[0]["confidences"]] == [p.label for p in best]
    assert again == classified
    assert checked[0]["parameters"] == 3 * 8 * 9 + 8
    assert totals["parameters"] == 163_328  # module 3a, without biases


def test_what_the_page_refuses_its_tools_refuse_in_a_sentence(url):
    elsewhere = "http://127.0.0.1:9/gradio_api/file=/etc/passwd"
    _, answers = ask(
        url,
        ("classify", {"image": "https://example.invalid/a.png", "model": LENET}),
        ("finetune", {"archive": elsewhere}),
        ("classify", {"image": "data:image/png;base64,AAAA", "model": LENET}),
        ("inception", {"ch1x1": -3}),
        ("classify", {"image": "/etc/passwd", "model": LENET}),
    )
    assert all(failed for failed, _ in answers)
    address, archive, unread, number, path = (texts[0] for _, texts in answers)
    assert address == archive == TEXTS["en"]["server_address"]
    assert unread.startswith("This is not a picture that can be read.")
    assert "ch1x1 must be a whole number from 1" in number and "Invalid file data" in path
    status, answer = post(url, b" " * (bodies.MOST + 1))
    assert status == 413 and answer["detail"].startswith("This is more than 8 MB")


def test_who_calls_a_tool_is_counted_by_the_own_address():
    seen = []

    async def gradio(scope, receive, send):
        seen.append(dict(scope["headers"]).get(b"x-forwarded-for"))

    scope = {"type": "http", "client": ("198.51.100.1", 5), "headers": [(b"x-forwarded-for", b"x")]}
    for path in ("/gradio_api/mcp/", "/shown/under/gradio_api/mcp", "/gradio_api/queue/join"):
        run(tools.Tools(gradio)(scope | {"path": path}, None, None))
    assert seen == [b"198.51.100.1", b"198.51.100.1", b"x"]


def test_without_the_package_there_are_no_tools(monkeypatch):
    monkeypatch.delenv("GRADIO_MCP_SERVER", raising=False)
    monkeypatch.delenv("GRADIO_SSR_MODE", raising=False)
    assert app.launch_options()["mcp_server"] is (find_spec("mcp") is not None)
    monkeypatch.setenv("GRADIO_SSR_MODE", "True")
    assert app.launch_options()["mcp_server"] is False
    monkeypatch.setenv("SPACE_ID", "someone/cnn")
    assert app.launch_options()["mcp_server"] is (find_spec("mcp") is not None)
    monkeypatch.setattr(tools, "find_spec", lambda name: None)
    assert app.launch_options()["mcp_server"] is False
    monkeypatch.setenv("GRADIO_MCP_SERVER", "False")
    assert app.launch_options()["mcp_server"] is None  # Gradio reads it

"""app.py: composes the page, and serves it as the command line says."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import gradio as gr
import pytest

import app
from cnn_space.page.common import nets
from cnn_space.settings import Settings

ROOT = Path(__file__).parents[1]


@pytest.fixture
def launched(monkeypatch) -> dict:
    """How ``main`` serves the page, without a server: its options, and the page as "demo"."""
    options = {}
    monkeypatch.setattr(gr.Blocks, "launch", lambda self, **given: options.update(given, demo=self))
    monkeypatch.setattr(gr.Blocks, "block_thread", lambda self: options.update(blocked=True))
    monkeypatch.setattr(nets, "warm", lambda: options.update(warmed="demo" in options))
    for variable in ("CNN_SPACE_FINETUNE_FOLDERS", "CNN_SPACE_FINETUNE_SECONDS", "SPACE_ID"):
        monkeypatch.setenv(variable, "")  # what main sets goes with the test
    return options


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def sources(demo: gr.Blocks) -> list[str]:
    """Where the Fine-tune tab offers to read images from."""
    (radio,) = [block for block in demo.blocks.values() if block.elem_id == "ft-source"]
    return [value for _, value in radio.choices]


def test_a_visitor_may_not_read_folders(launched):
    port = free_port()
    app.main(["--port", str(port)])
    assert launched["server_port"] == port and launched["server_name"] is None
    assert launched["share"] is False and launched["warmed"] and launched["blocked"]
    assert sources(launched["demo"]) == ["digits", "forged", "photos", "zip", "hub"]
    assert Settings.read().run_seconds is None


def test_folders_are_offered_where_they_are_switched_on(launched, monkeypatch):
    app.main(["--local-folders"])
    assert sources(launched["demo"]) == ["digits", "forged", "photos", "zip", "hub", "folder"]
    monkeypatch.setenv("CNN_SPACE_FINETUNE_FOLDERS", "1")
    app.main([])
    assert "folder" in sources(launched["demo"])


def test_a_shared_link_reads_no_folders_and_bounds_each_run(launched, monkeypatch, capsys):
    monkeypatch.delenv("CNN_SPACE_FINETUNE_SECONDS")
    monkeypatch.setenv("CNN_SPACE_FINETUNE_FOLDERS", "1")
    app.main(["--share"])
    assert launched["share"] is True
    assert sources(launched["demo"]) == ["digits", "forged", "photos", "zip", "hub"]
    assert Settings.read().run_seconds == 180
    with pytest.raises(SystemExit) as end:
        app.main(["--share", "--local-folders"])
    assert end.value.code == 2 and "not allowed with" in capsys.readouterr().err


def test_the_host_is_where_the_page_listens_and_needs_no_proxy(launched, monkeypatch):
    monkeypatch.setenv("no_proxy", "localhost")
    monkeypatch.setenv("NO_PROXY", "localhost")
    app.main(["--host", "127.0.0.2"])
    assert launched["server_name"] == "127.0.0.2" and launched["server_port"] is None
    assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == "localhost,127.0.0.2"


def test_a_taken_port_and_a_wrong_host_are_one_sentence(launched, capsys):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        for arguments, words in (
            (["--port", port], [f"127.0.0.1, port {port}", "in use"]),
            (["--port", "70000"], ["port 70000", "0-65535"]),
            (["--host", "203.0.113.7"], ["served at 203.0.113.7"]),  # no machine has it
        ):
            with pytest.raises(SystemExit) as end:
                app.main(arguments)
            told = capsys.readouterr().err
            assert end.value.code == 2 and told.count("\n") == 1
            assert all(word in told for word in words)
    assert not launched


def test_all_ports_taken_is_one_sentence(launched, monkeypatch, capsys):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("GRADIO_SERVER_PORT", str(port))
        monkeypatch.setenv("GRADIO_NUM_PORTS", "1")
        with pytest.raises(SystemExit) as end:
            app.main([])
        told = capsys.readouterr().err
        assert end.value.code == 2 and told.count("\n") == 1
        assert f"ports {port} to {port}: Address already in use" in told and not launched
        monkeypatch.setenv("GRADIO_SERVER_PORT", str(port - 1))
        monkeypatch.setenv("GRADIO_NUM_PORTS", "3")
        app.main([])  # another of them is free
        assert launched["blocked"]


def test_a_shared_link_keeps_the_time_limit_that_is_set(launched, monkeypatch):
    monkeypatch.setenv("CNN_SPACE_FINETUNE_SECONDS", "30")
    app.main(["--share"])
    assert Settings.read().run_seconds == 30


def test_uploads_may_be_as_large_as_the_environment_says(monkeypatch):
    assert app.launch_options()["max_file_size"] == 128 * 2**20  # a net's zip
    monkeypatch.setenv("CNN_SPACE_NET_MB", "1")
    assert app.launch_options()["max_file_size"] == 64 * 2**20
    monkeypatch.setenv("CNN_SPACE_FINETUNE_MB", "200")
    assert app.launch_options()["max_file_size"] == 200 * 2**20


def test_a_space_draws_the_page_in_the_browser_and_elsewhere_gradio_decides(monkeypatch):
    monkeypatch.delenv("SPACE_ID", raising=False)
    assert app.launch_options()["ssr_mode"] is None
    monkeypatch.setenv("SPACE_ID", "someone/cnn")
    assert app.launch_options()["ssr_mode"] is False


def test_events_of_one_queue_agree_on_its_limit():
    """Gradio takes the smallest that it meets: one event without it would hold up all others."""
    limits = {}
    for event in app.build().fns.values():
        limits.setdefault(event.concurrency_id, set()).add(event.concurrency_limit)
    assert limits["fetch"] == {24}
    assert limits["infer"] == limits["train"] == limits["check"] == {1}


def test_events_that_mark_nothing_tell_no_component_of_their_progress():
    """Else Gradio tells all of them at each step of every event."""
    events = [event for event in app.build().fns.values() if event.fn and event.targets]
    hidden = [event for event in events if event.show_progress == "hidden"]
    assert len(hidden) > 30 and all(event.show_progress_on == [] for event in hidden)


# What is slow to import, and not needed for the first page.
SLOW = {"torchvision", "datasets", "matplotlib", "sklearn"}
PROGRAM = f"""
import os, sys, app
app.build()
print(*({SLOW} & set(sys.modules)))
os.environ["CNN_SPACE_FINETUNE_KEEP"] = "lots"
app.main([])
"""


def test_nothing_slow_stands_between_start_and_first_page_and_nonsense_is_said():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.strip() == ""
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "CNN_SPACE_FINETUNE_KEEP is 'lots'; it should be a whole number" in done.stderr


def test_a_busy_machine_may_be_slow_to_answer_the_start(monkeypatch):
    """Gradio gives its own page three seconds, and else ends the process."""
    monkeypatch.setattr("gradio.networking.url_ok", lambda url: False)
    with gr.Blocks() as demo:
        gr.Markdown("A page.")
    demo.launch(prevent_thread_lock=True, quiet=True, **app.launch_options())
    demo.close()

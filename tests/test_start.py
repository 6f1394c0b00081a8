"""The page on machines with proxies, foreign folders and full disks."""

import contextlib
import http.client
import http.server
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import namedtuple
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from serving import ROOT, running, served

from cnn_space.page.common import start

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def plain(tmp_path, monkeypatch):
    """An environment without proxies, whose temporary files go to ``tmp_path``."""
    for name in (*PROXIES, *map(str.upper, PROXIES)):
        monkeypatch.setenv(name, "")  # so that what a test makes of it goes with the test
        monkeypatch.delenv(name)
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def ended(capsys) -> str:
    """What is printed where the page cannot start: one sentence, with exit code 2."""
    with pytest.raises(SystemExit) as end:
        start.prepare()
    told = capsys.readouterr().err
    assert end.value.code == 2 and told.count("\n") == 1
    return told


def test_this_machine_is_asked_without_a_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "example.org")
    start.prepare()
    expected = "example.org,localhost,127.0.0.1,::1"
    assert os.environ["NO_PROXY"] == os.environ["no_proxy"] == expected
    start.prepare()
    assert os.environ["NO_PROXY"] == expected


def test_threads_that_count_in_python_take_short_turns():
    before = sys.getswitchinterval()
    try:
        sys.setswitchinterval(0.005)
        start.prepare()
        assert sys.getswitchinterval() == pytest.approx(start.TURN) and start.TURN < 0.001
    finally:
        sys.setswitchinterval(before)


@pytest.mark.parametrize("name", ["ALL_PROXY", "https_proxy"])
def test_a_socks_proxy_needs_its_package(name, monkeypatch, capsys):
    monkeypatch.setenv(name, "socks5://me:secret@127.0.0.1:9")
    monkeypatch.setattr(start.importlib.util, "find_spec", lambda package: None)
    told = ended(capsys)
    assert f"{name.lower()} names a SOCKS proxy" in told and "httpx[socks]" in told
    assert "secret" not in told
    monkeypatch.setattr(start.importlib.util, "find_spec", lambda package: package == "socksio")
    start.prepare()


def test_a_proxy_that_no_client_speaks_to_is_named(monkeypatch, capsys):
    monkeypatch.setenv("ALL_PROXY", "socks4://127.0.0.1:9")
    assert "all_proxy names a proxy of the kind 'socks4'; http, https and socks5" in ended(capsys)
    monkeypatch.setenv("ALL_PROXY", "127.0.0.1:9")
    start.prepare()


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root gives away")
def test_uploads_do_not_go_where_another_user_could_read_them(tmp_path):
    (tmp_path / "cnn-space").mkdir(mode=0o777)
    os.chown(tmp_path / "cnn-space", 65534, -1)
    start.prepare()
    assert Path(os.environ["GRADIO_TEMP_DIR"]).name.startswith("cnn-space-")


def test_uploads_go_to_a_folder_of_our_own_where_the_usual_one_is_not_ours(tmp_path, monkeypatch):
    start.prepare()
    assert Path(os.environ["GRADIO_TEMP_DIR"]) == tmp_path.resolve() / "cnn-space"
    (tmp_path / "cnn-space").rmdir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    (tmp_path / "cnn-space").touch()  # root may write to every folder, but not into a file
    start.prepare()
    folder = Path(os.environ["GRADIO_TEMP_DIR"])
    assert folder.is_dir() and folder.parent == tmp_path.resolve()


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "file" / "uploads"))
    assert str(tmp_path / "file" / "uploads") in ended(capsys)


def test_a_small_disk_is_named_with_what_is_free(tmp_path, monkeypatch, capsys):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(2**23, 2**20, 7 * 2**20))
    assert f"{tmp_path / 'cnn-space'} has 7 MB free and uploads need 64" in ended(capsys)


def test_a_full_disk_is_named(tmp_path, monkeypatch, capsys):
    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "mkdtemp", full)
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    assert f"nothing can be written to {tmp_path} (No space left" in ended(capsys)


def test_no_place_for_temporary_files_is_named(monkeypatch, capsys):
    def none():
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    monkeypatch.setenv("TMPDIR", "/full")
    assert "nothing can be written to /full" in ended(capsys)


@contextlib.contextmanager
def proxied(url: str, path: str):
    """The address of a small proxy that shows ``url`` under ``path``."""

    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if not self.path.startswith(path + "/"):
                return self.send_error(404)
            length = int(self.headers.get("content-length", 0))
            request = urllib.request.Request(
                url + self.path.removeprefix(path),
                data=self.rfile.read(length) if length else None,
                headers={k: v for k, v in self.headers.items() if k.lower() != "connection"},
                method=self.command,
            )
            # The client may leave in the middle of a stream.
            left = contextlib.suppress(OSError, http.client.HTTPException)
            with left, urllib.request.urlopen(request, timeout=60) as answer:
                self.send_response(answer.status)
                for name in ("content-type", "content-encoding"):
                    if value := answer.headers[name]:
                        self.send_header(name, value)
                self.end_headers()
                while block := answer.read1():  # as they come: answers are streams of events
                    self.wfile.write(block)
                    self.wfile.flush()

        do_POST = do_GET

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}{path}/"
        server.shutdown()


def test_a_hostile_machine_serves_the_page_under_a_path(tmp_path, monkeypatch):
    """Proxies that lead nowhere, a home and a folder of uploads that cannot be written, a
    container's address, rendering by a Node that is not there, and a proxy in front."""
    (tmp_path / "cnn-space").touch()
    nowhere = "http://127.0.0.1:9"
    with (
        served(
            tmp_path,
            *("--host", "0.0.0.0"),
            http_proxy=nowhere,
            ALL_PROXY=nowhere,
            HOME="/proc",
            TMPDIR=str(tmp_path),
            GRADIO_ROOT_PATH="/cnn",
            GRADIO_SSR_MODE="True",
            GRADIO_NODE_PATH=str(tmp_path / "node"),
        ) as url,
        proxied(url, "/cnn") as shown,
    ):
        page = urllib.request.urlopen(shown, timeout=30).read().decode()
        assert '"root":"/cnn' in page.replace(" ", "") or "/cnn/" in page
        client = Client(shown, verbose=False)
        photo = ROOT / "docs" / "classify.webp"
        answer = client.predict(handle_file(str(photo)), "lenet5.cifar10", 3, api_name="/classify")
        assert len(answer["confidences"]) == 3
        [folder] = tmp_path.glob("cnn-space-*")
        assert any(path.is_file() for path in folder.rglob("*"))


# Ctrl-C

unix = pytest.mark.skipif(not hasattr(os, "killpg"), reason="signals of Unix")


def interrupted(program: str) -> tuple[int, str, str]:
    """Status, output and errors of a program that gets a Ctrl-C once it has printed "ready"."""
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, cwd=ROOT, stdout=-1, stderr=-1, text=True) as page:
        try:
            assert page.stdout.readline() == "ready\n"
            page.send_signal(signal.SIGINT)
            output, errors = page.communicate(timeout=30)
            return page.returncode, output, errors
        finally:
            page.kill()


@unix
def test_ctrl_c_while_the_page_starts_leaves_no_traceback():
    program = "from cnn_space.page.common import start; start.prepare(); print('ready', flush=True)"
    program += "\nwhile True: pass"
    assert interrupted(program) == (-signal.SIGINT, "", "")


@unix
def test_ctrl_c_in_a_destructor_ends_the_page():
    """Python prints what is raised there, and goes on; so did the page, while it started."""
    program = "import time; from cnn_space.page.common import start; start.end_when_interrupted()"
    program += "\nclass Odd:\n    def __del__(self): print('ready', flush=True); time.sleep(60)"
    assert interrupted(f"{program}\nOdd()\ntime.sleep(60)") == (0, "", "")


@unix
def test_ctrl_c_in_the_middle_of_a_training_ends_the_page(tmp_path):
    """PyTorch's threads aborted the process: "terminate called without an active exception"."""
    with running(tmp_path, GRADIO_TEMP_DIR=str(tmp_path / "uploads")) as (page, url):
        client = Client(url, verbose=False)
        job = client.submit(None, "googlenet.cifar10", api_name="/finetune")
        while not any(update["phase"] in ("features", "head") for update, _ in job.outputs()):
            assert not job.done(), job.result()
            time.sleep(0.1)
        page.send_signal(signal.SIGINT)
        assert page.wait(30) == 0
        log = (tmp_path / "log.txt").read_text()
    assert "Traceback" not in log and "terminate" not in log

"""The real page on a free port, and a headless Chromium to drive it.

Without a Chromium these tests skip and say so; with CNN_SPACE_BROWSER_TESTS=required
(set by .ci/run) a missing one is an error.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The first is Chromium without windows, which opens a page in two thirds of the time.
CHROMIUMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
PATIENCE = 30_000  # ms that an expectation waits: a busy, slow machine takes its time


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


def _missing(reason: str):
    if os.environ.get("CNN_SPACE_BROWSER_TESTS") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium from the system."""
    path = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if path is None:
        _missing("no Chromium on the PATH (Debian and Ubuntu: apt install chromium)")
    api = pytest.importorskip("playwright.sync_api")
    api.expect.set_options(timeout=PATIENCE)
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def page_url(browser, tmp_path_factory):
    """Address of the page, started for these tests without a network to lean on."""
    port = free_port()
    folder = tmp_path_factory.mktemp("server")
    environment = os.environ | {
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(folder / "hf"),
        "GRADIO_TEMP_DIR": str(folder / "gradio"),
        "GRADIO_IS_E2E_TEST": "1",
    }
    log = (folder / "log.txt").open("w+")
    server = subprocess.Popen(
        [sys.executable, "app.py", "--port", str(port)],
        cwd=ROOT,
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if server.poll() is not None:
            pytest.fail(f"app.py ended at once:\n{Path(log.name).read_text()}")
        try:
            urllib.request.urlopen(url, timeout=2).close()
            break
        except OSError:
            time.sleep(0.3)
    else:
        server.kill()
        pytest.fail(f"app.py did not answer:\n{Path(log.name).read_text()}")
    yield url
    server.terminate()
    server.wait(10)


@contextlib.contextmanager
def served_here(folder: Path):
    """The page served from this process; what it leaves behind goes to ``folder``."""
    import tempfile

    import app

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "gradio"))
        patch.setattr(tempfile, "tempdir", str(folder))
        demo = app.build()
        _, url, _ = demo.launch(
            server_port=free_port(), prevent_thread_lock=True, quiet=True, **app.launch_options()
        )
        yield url
        demo.close()


@pytest.fixture
def own_url(tmp_path):
    """The page served from this process, where what it reads and leaves behind is at hand."""
    with served_here(tmp_path) as url:
        yield url


@pytest.fixture(scope="module")
def module_url(tmp_path_factory):
    """The same for all tests of a file."""
    with served_here(tmp_path_factory.mktemp("served")) as url:
        yield url


# Contexts that the tests share: a page that opens in one finds the page's scripts in the cache,
# which halves its time. A visitor is known again by what a browser stores, so that is emptied when
# a test is done with its page.


@pytest.fixture(scope="session")
def desktop(browser):
    """1280 px, English."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture(scope="session")
def phone(browser):
    """390 px, Korean."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="ko-KR")
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture
def visit():
    """``visit(context, url)`` opens a page for a fresh visitor and closes it when the test ends.
    Errors of the page's scripts fail the test."""
    tabs, problems = [], []

    def open_page(context, url: str):
        tab = context.new_page()
        tabs.append(tab)
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.goto(url)
        return tab

    yield open_page
    for tab in tabs:
        if not tab.is_closed():
            tab.evaluate("localStorage.clear()")
            tab.close()
    assert not problems, problems


@pytest.fixture
def page(visit, desktop, page_url):
    """A fresh visitor at 1280 px, English."""
    tab = visit(desktop, page_url)
    tab.get_by_role("tab", name="Classify", exact=True).wait_for()
    return tab


@pytest.fixture(scope="module")
def shared_page(desktop, page_url):
    """One page at 1280 px for a whole file, whose tests take it as they find it."""
    tab, problems = desktop.new_page(), []
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.goto(page_url)
    tab.get_by_role("tab", name="Classify", exact=True).wait_for()
    yield tab
    tab.close()
    assert not problems, problems

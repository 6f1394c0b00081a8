"""The page in a process of its own."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[1]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextlib.contextmanager
def served(folder: Path, *options: str, **environment: str):
    """The address of ``app.py`` in such an environment."""
    with running(folder, *options, **environment) as (_, url):
        yield url


@contextlib.contextmanager
def running(folder: Path, *options: str, **environment: str):
    """The process of ``app.py``, and its address; what it prints goes to ``folder``/log.txt."""
    port = free_port()
    environment = os.environ | {"HF_HUB_OFFLINE": "1"} | environment
    with (folder / "log.txt").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "app.py", "--port", str(port), *options],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(3000):
            assert server.poll() is None, (folder / "log.txt").read_text()
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{url}/gradio_api/startup-events", timeout=5).close()
                break
            time.sleep(0.2)
        yield server, url
    finally:
        server.terminate()
        server.wait(20)

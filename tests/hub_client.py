"""Fetching from a small Hub in a process of its own: huggingface_hub reads HF_ENDPOINT and HF_HOME
once, when it is imported."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

CLIENT = """
import json, os, sys, threading, time, urllib.request
from types import SimpleNamespace
from cnn_space.weights import download as hub, transfer

record = SimpleNamespace(**json.loads(sys.argv[2]))

def mend():
    urllib.request.urlopen(os.environ["HF_ENDPOINT"] + "/mend").close()

def fetch():
    seen, since = [], time.monotonic()
    try:
        path = hub.fetch(record, lambda done, total: seen.append((done, total)))
        answer = {"content": path.read_bytes().hex() if path.stat().st_size < 10**6 else ""}
    except hub.FetchError as error:
        answer = {"error": str(error), "kind": type(error).__name__}
    return answer | {
        "seconds": time.monotonic() - since, "seen": seen, "cached": hub.cached(record) is not None
    }

exec(sys.argv[1])
"""


def environment(url: str, home: Path, **more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "CNN_SPACE"))}
    return kept | {
        "HF_ENDPOINT": url,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
        "no_proxy": "*",
        **more,
    }


def run(code: str, record: dict, url: str, home: Path, **more: str):
    """What ``code`` prints last in a client process, read as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, code, json.dumps(record)],
        env=environment(url, home, **more),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])

"""From ``python app.py`` to the first page, against an empty Gradio page that imports torch.

    python benchmarks/startup.py [--runs 5] [--target 1.3] [--quick]

Prints the median seconds of both and their ratio, and ends with 1 when it exceeds the target.
``--quick`` only shows that both start: one run each, whatever their times.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[1]
EMPTY = """
import sys
import gradio as gr
import torch
with gr.Blocks() as demo:
    pass
demo.launch(server_port=int(sys.argv[-1]))
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def seconds_to_first_page(command: list[str], folder: str) -> float:
    """Seconds from starting ``command`` to its first answer with status 200."""
    port = free_port()
    environment = os.environ | {
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_OFFLINE": "1",
        "GRADIO_TEMP_DIR": folder,
    }
    start = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, *command, "--port", str(port)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while time.perf_counter() - start < 120:
            if server.poll() is not None:
                raise SystemExit(f"{command} ended with {server.returncode} before it answered")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as page:
                    if page.status == 200:
                        return time.perf_counter() - start
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.02)
        raise SystemExit(f"{command} did not answer within two minutes")
    finally:
        server.terminate()
        server.wait(20)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--target", type=float, default=1.3)
    parser.add_argument("--quick", action="store_true", help="only see that it runs")
    args = parser.parse_args(argv)
    runs = [True] if args.quick else [False] + args.runs * [True]
    commands = {"python app.py": ["app.py"], "empty Blocks, gradio and torch": ["-c", EMPTY]}
    times = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as folder:
        for counts in runs:  # the first run only fills the disk cache
            for name, command in commands.items():
                seconds = seconds_to_first_page(command, folder)
                if counts:
                    times[name].append(seconds)
    for name, values in times.items():
        print(f"{name:32} {statistics.median(values):5.2f} s  (median of {len(values)})")
    app, empty = (statistics.median(values) for values in times.values())
    print(f"{'ratio':32} {app / empty:5.2f}    (target: at most {args.target})")
    return int(not args.quick and app / empty > args.target)


if __name__ == "__main__":
    sys.exit(main())

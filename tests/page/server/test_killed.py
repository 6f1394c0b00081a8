"""A page that is killed amid everything leaves nothing over which the next one trips."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from hub_server import HubServer
from raw_requests import inline
from serving import running

from cnn_space.page.common import scratch
from cnn_space.weights.abandoned import LONG

PHOTO = Path(__file__).parents[3] / "docs" / "classify.webp"
INLINE = inline(PHOTO.read_bytes())
LENET, REMOTE = "lenet5.cifar10", "googlenet.tv_in1k"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def begin(url: str, name: str, values: list):
    """Ask, and open the stream of the answer."""
    place = f"{url}/gradio_api/call/{name}"
    body = json.dumps({"data": values}).encode()
    request = urllib.request.Request(place, body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        event = json.load(answer)["event_id"]
    return urllib.request.urlopen(f"{place}/{event}", timeout=120)


def answer(url: str, net: str = LENET) -> str:
    with begin(url, "classify", [INLINE, net, 3]) as events:
        return events.read().decode()


def training(url: str):
    """The stream of a fine-tuning that has begun to learn; it ends when its stream is closed."""
    with urllib.request.urlopen(f"{url}/gradio_api/info", timeout=60) as answer:
        run = json.load(answer)["named_endpoints"]["/finetune"]
    values = {p["parameter_name"]: p.get("parameter_default") for p in run["parameters"]}
    events = begin(url, "finetune", [*(values | {"model": LENET}).values()])
    while line := events.readline().decode():
        assert not line.startswith("event: error"), events.readline()
        if line.startswith("data: ") and '"step": ' in line and '"step": 0' not in line:
            return events
    raise AssertionError("it ended")


def upload_half(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    line = socket.create_connection((host, int(port)))
    part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.zip"\r\n\r\n'
    head = f"POST /gradio_api/upload HTTP/1.1\r\nHost: {host}\r\nContent-Length: 9000000\r\n"
    head += "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    line.sendall(head.encode() + part + bytes(3_000_000))
    return line


def until(reached, seconds: float = 60):
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def test_the_next_start_finds_a_clean_house(tmp_path):
    places = {name: tmp_path / name for name in ("tmp", "uploads", "cache", "home")}
    for place in places.values():
        place.mkdir()

    def unfinished() -> list[Path]:
        patterns = ("uploads/tmp????????", "home/**/*.incomplete", "cache/onnx/*.part")
        return [path for pattern in patterns for path in tmp_path.glob(pattern)]

    with HubServer() as hub:
        hub.plain["googlenet-1378be20.pth"] = bytes(2_000_000)
        hub.fault("stall", path="googlenet", times=1, seconds=60)
        environment = {
            "TMPDIR": str(places["tmp"]),
            "GRADIO_TEMP_DIR": str(places["uploads"]),
            "CNN_SPACE_CACHE": str(places["cache"]),
            "CNN_SPACE_ENGINE": "auto",
            "CNN_SPACE_TORCHVISION_URL": f"{hub.url}/plain",
            "HF_HOME": str(places["home"]),
            "HF_HUB_OFFLINE": "0",
            "HF_ENDPOINT": hub.url,
        }
        with running(tmp_path, **environment) as (server, url):
            first = answer(url)
            assert "event: complete" in first
            run = training(url)
            upload = upload_half(url)
            until(unfinished)
            decoders = children(server.pid)
            download = begin(url, "classify", [INLINE, REMOTE, 3])
            until(lambda: len(unfinished()) == 2)
            server.kill()
            server.wait()
            assert decoders
            until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in decoders))
            for line in (run, download, upload):
                line.close()
        hub.mend()
        # A conversion is written in a moment: what a kill leaves in that one is put here.
        places["cache"].joinpath("onnx").mkdir(exist_ok=True)
        places["cache"].joinpath("onnx", "tmpabcd1234.part").write_bytes(b"half of a net")
        assert len(unfinished()) == 3
        for path in tmp_path.rglob("*"):
            os.utime(path, (time.time() - LONG - 1,) * 2, follow_symlinks=False)
        with running(tmp_path, **environment) as (_, url):
            assert answer(url) == answer(url) == first
            assert "arrived damaged" in answer(url, REMOTE)  # it is fetched anew, to its end
            training(url).close()
            until(lambda: [*places["cache"].glob("onnx/*.net")])
            assert not unfinished()


def test_what_a_killed_process_made_for_visitors_goes(tmp_path, monkeypatch):
    code = (
        "from cnn_space.page.common import scratch; kept = scratch.folder();"
        "open(kept.name + '/net.zip', 'w').close(); print(kept.name, flush=True); input()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, **pipes) as process:
        made = Path(process.stdout.readline().strip(), "net.zip")
        foreign = tmp_path / f"{scratch.PREFIX}foreign"
        foreign.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        scratch.tidy()
        assert made.exists(), "its process lives"
        process.kill()
        process.wait()
        scratch.tidy()
    assert not made.parents[1].exists() and foreign.exists()

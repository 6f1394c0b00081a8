"""The page in a process of its own, and visitors that ask it over plain HTTP."""

import base64
import contextlib
import http.client
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
TIMEOUT = 120  # seconds for one answer; what takes longer is lost


class Refused(OSError):
    """The page answered, and not with a result."""


class Visitor:
    """Someone with an address of this machine, 127.0.0.``number``: the page's limits are counted by
    addresses. Who ``stays`` has one session and one connection, as browsers do; others a new one of
    each for every question, as programs do."""

    def __init__(self, url: str, number: int, *, stays: bool):
        host = url.removeprefix("http://")
        source = (f"127.0.0.{number}", 0)
        self._line = http.client.HTTPConnection(host, timeout=TIMEOUT, source_address=source)
        self._session = {"session_hash": uuid.uuid4().hex} if stays else {}

    def ask(self, name: str, values: list) -> list:
        """What an endpoint answers. Raises OSError and http.client.HTTPException where it does
        not."""
        text = self.send("GET", self.begin(name, values))
        if not self._session:
            self.leave()
        kind, _, data = text.rpartition("event: ")[2].partition("\ndata: ")
        if kind != "complete":
            raise Refused(text[-200:])
        return json.loads(data)

    def begin(self, name: str, values: list) -> str:
        """Ask without hearing the answer; gives the place where it will be."""
        place = f"/gradio_api/call/{name}"
        body = json.dumps({"data": values} | self._session)
        return f"{place}/{json.loads(self.send('POST', place, body))['event_id']}"

    def send(
        self, method: str, place: str, body: str | bytes | Iterable[bytes] | None = None, **headers
    ) -> str:
        """The text that answers one request."""
        self._line.request(method, place, body, {"content-type": "application/json"} | headers)
        answer = self._line.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            raise Refused(f"{answer.status}: {text[:200]}")
        return text

    def defaults(self, name: str) -> dict[str, object]:
        """What an endpoint takes where nothing else is said, by the names of its parameters."""
        described = json.loads(self.send("GET", "/gradio_api/info"))["named_endpoints"][f"/{name}"]
        return {p["parameter_name"]: p.get("parameter_default") for p in described["parameters"]}

    def listen(self, place: str) -> http.client.HTTPResponse:
        """The events of an answer, line by line while they come."""
        self._line.request("GET", place)
        return self._line.getresponse()

    def upload(self, name: str, data: bytes) -> str:
        """The path by which the page knows a file from now on."""
        head = f'--x\r\ncontent-disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        body = head.encode() + data + b"\r\n--x--\r\n"
        kind = {"content-type": "multipart/form-data; boundary=x"}
        return json.loads(self.send("POST", "/gradio_api/upload", body, **kind))[0]

    def leave(self) -> None:
        """Hang up. Whoever stays comes back with the next question, into the same session."""
        self._line.close()


@contextlib.contextmanager
def served(*command: str, **environment: str) -> Iterator[tuple[str, int]]:
    """The address of a page that ``command`` serves (by default ours), which gets its port as the
    last argument, and the number of its process. Uploads go to a folder that is deleted."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"HF_HUB_OFFLINE": "1", "GRADIO_TEMP_DIR": folder} | environment
        command = [sys.executable, *(command or ("app.py", "--port")), str(port)]
        page = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=-3, stderr=-3)
        url = f"http://127.0.0.1:{port}"
        try:
            while not _answers(url):
                if page.poll() is not None:
                    raise RuntimeError(f"{' '.join(command)} ended with {page.returncode}")
                time.sleep(0.2)
            yield url, page.pid
        finally:
            page.terminate()
            page.wait()


def _answers(url: str) -> bool:
    with contextlib.suppress(OSError):
        urllib.request.urlopen(url, timeout=30).close()
        return True
    return False


def inline(data: bytes) -> dict:
    """A picture as programs send it inside of a request."""
    return {"path": "", "url": f"data:image/x;base64,{base64.b64encode(data).decode()}"}


def picture(value: dict) -> bytes:
    """The file that ``inline`` was given."""
    return base64.b64decode(value["url"].partition(",")[2])


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def resident(pid: int) -> float:
    """Megabytes of memory that a process has; not a number once it has ended, or without /proc."""
    with contextlib.suppress(OSError, IndexError):
        status = Path(f"/proc/{pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024
    return float("nan")

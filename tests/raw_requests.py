"""What programs, and hostile visitors, send to a served page: raw requests."""

import base64
import http.client
import json
import urllib.error
import urllib.request

CUT = 0


def post(url: str, body, headers=None, timeout: float = 30) -> tuple[int, dict]:
    """Status and answer of a request with a JSON ``body``, which may be an iterable of bytes."""
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    headers = {"content-type": "application/json"} | (headers or {})
    try:
        request = urllib.request.Request(url, data, headers)
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        text = error.read().decode()
        return error.code, json.loads(text) if text.startswith("{") else {"detail": text}
    except (urllib.error.URLError, ConnectionError):  # cut off while it sent
        return CUT, {}


def call(served, name: str, values: list, headers=None) -> str:
    """What the server says to a call of an endpoint, the raw events of its answer."""
    url = f"{served[0]}/gradio_api/call/{name}"
    if name == "finetune":
        values = complete(served[1], values)
    status, answer = post(url, {"data": values}, headers)
    assert status == 200, answer
    with urllib.request.urlopen(f"{url}/{answer['event_id']}", timeout=60) as events:
        return events.read().decode()


def complete(demo, values: list) -> list:
    """The values of a fine-tuning, the last ones as they are on the page."""
    blocks = next(fn for fn in demo.fns.values() if fn.api_name == "finetune").inputs
    return [*values, *(block.value for block in blocks[len(values) :])]


def error_of(events: str) -> str:
    event, data = events.strip().split("\n")[-2:]
    assert event == "event: error", events
    return json.loads(data.removeprefix("data: "))["error"]


def file(path: str) -> dict:
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def inline(data: bytes) -> dict:
    """A picture inside of the request."""
    return {"path": "", "url": f"data:image/x;base64,{base64.b64encode(data).decode()}"}


def from_address(source: str, url: str, place: str, body: dict | None = None, **headers: str):
    """Status and text of the answer to a visitor at another address of this machine."""
    host = url.removeprefix("http://")
    line = http.client.HTTPConnection(host, timeout=30, source_address=(source, 0))
    data, kind = (json.dumps(body), {"content-type": "application/json"}) if body else (None, {})
    line.request("POST" if body else "GET", place, data, kind | headers)
    answer = line.getresponse()
    text = answer.read().decode()
    line.close()
    return answer.status, text


def upload(url: str, *contents: bytes) -> tuple[int, list | dict]:
    parts = b"".join(
        b'--x\r\ncontent-disposition: form-data; name="files"; filename="a.zip"\r\n\r\n'
        + content
        + b"\r\n"
        for content in contents
    )
    return post(
        f"{url}/gradio_api/upload",
        parts + b"--x--\r\n",
        {"content-type": "multipart/form-data; boundary=x"},
        timeout=60,
    )

"""What hostile visitors bring as files, and a disk that fills up, at the running server."""

import io
import json
import os
import sys
import threading
import urllib.request
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from odd_photos import JPEG, REFUSED, encoded, flood, many_scans
from PIL import Image
from raw_requests import call, error_of, file, inline, post, upload
from throwaway import write_zip

from cnn_space.page.finetune import export
from cnn_space.page.inception import claims

NET = "lenet5.cifar10"
# A run of a second.
RUN = [None, NET, "sgd", 0, 0.1, 1, 0, 0, "none", False, False, 20, 0, "off", "off", 0]


SLOW = {
    "scans": many_scans(4000, side=3000),
    "a comment": flood(b"P6 #", b"x", megabytes=2),
    "segments": flood(JPEG[:2], b"\xff\xfe\0\2", megabytes=2),
    "100 megapixels": REFUSED["100 megapixels"][0],
}


def step(served, name: str, *values) -> str:
    """The error, or "", of one of the page's own steps, which have no endpoint."""
    url, demo, _ = served
    number = next(n for n, fn in demo.fns.items() if fn.api_name == name)
    session = f"{name}-{threading.get_ident()}"
    body = {"data": list(values), "session_hash": session, "fn_index": number}
    assert post(f"{url}/gradio_api/queue/join", body)[0] == 200
    with urllib.request.urlopen(
        f"{url}/gradio_api/queue/data?session_hash={session}", timeout=60
    ) as events:
        lines = [line.removeprefix(b"data: ") for line in events if line.startswith(b"data: ")]
    ends = [event for event in map(json.loads, lines) if event["msg"] == "process_completed"]
    return "" if ends[0]["success"] else ends[0]["output"]["error"]


def test_pictures_that_keep_decoders_busy_are_given_up_and_others_are_answered(served):
    said = {}

    def bring(name: str, data: bytes) -> None:
        said[name] = error_of(call(served, "classify", [inline(data), NET, 3]))

    hostile = [threading.Thread(target=bring, args=one) for one in SLOW.items()]
    for visitor in hostile:
        visitor.start()
    honest = encoded(Image.effect_noise((60, 40), 60), "PNG")
    assert '"confidences"' in call(served, "classify", [inline(honest), NET, 3])
    for visitor in hostile:
        visitor.join(60)
    assert set(said) == set(SLOW)
    assert all(len(sentence) < 200 and sentence.endswith(".") for sentence in said.values()), said


def test_pictures_in_a_zip_are_given_up_as_photos_are(served):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in SLOW.items():
            archive.writestr(f"slow/{name}.jpg", data)
        archive.writestr("quick/1.png", encoded(Image.effect_noise((60, 40), 60), "PNG"))
    _, (path,) = upload(served[0], packed.getvalue())
    said = error_of(call(served, "finetune", [file(path), *RUN[1:]]))
    assert said.startswith("Only one class has images that can be used (quick).")


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_memory_of_large_pictures_is_given_back(served):
    """24 of them left 3.9 GB."""
    large = inline(encoded(Image.new("RGB", (7000, 7000), "blue"), "PNG"))

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    call(served, "classify", [large, NET, 3])
    before = resident()
    for _ in range(2):
        assert '"confidences"' in call(served, "classify", [large, NET, 3])
    assert resident() - before < 100 * 2**20  # one is 147 MB as RGB


@pytest.mark.parametrize(
    ("change", "card", "words"),
    [
        (lambda state: state["features.0.weight"].view(-1)[0].fill_(float("nan")), "", "NaN"),
        (None, "1" * 100_000, "number out of range"),
        (None, '{"parameters": ' + "9" * 100_000 + "}", "number out of range"),
        (None, "[" * 100_000, "not a card"),
    ],
)
def test_a_hostile_net_is_refused_by_name(change, card, words, served, tmp_path):
    status, (path,) = upload(served[0], write_zip(tmp_path, change, card).read_bytes())
    assert status == 200
    said = step(served, "take_zip", {"path": path, "meta": {"_type": "gradio.FileData"}}, None)
    assert "a.zip" in said and words in said and len(said) < 400


def test_a_full_disk_is_said_before_a_run_and_takes_no_report_after_it(served, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(export.shutil, "disk_usage", lambda place: SimpleNamespace(free=2**16))
        said = error_of(call(served, "finetune", RUN))
        assert said.startswith("There is no room for the net")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export, "save", full)
    events = call(served, "finetune", RUN)
    assert "event: complete" in events
    last = events.strip().rpartition("data: ")[2]
    report, file = json.loads(last)
    assert report["phase"] == "done" and report["accuracy"] > 0 and file is None


def test_claims_are_worked_out_once_however_many_ask(served, monkeypatch):
    worked = []
    counted = {name: lambda f=f: worked.append(1) or f() for name, f in claims._CLAIMS.items()}
    monkeypatch.setattr(claims, "_CLAIMS", counted)
    claims.claims.cache_clear()
    askers = [threading.Thread(target=step, args=(served, "claims")) for _ in range(6)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(60)
    assert len(worked) == len(counted)

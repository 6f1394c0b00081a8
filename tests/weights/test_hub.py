"""hub.fetch against a small Hub on this machine: the real huggingface_hub, in a process of its own
(it reads HF_ENDPOINT and HF_HOME once, when imported), and a fault of every kind."""

import hashlib
import os
import random
from pathlib import Path

import pytest
from hub_client import run
from hub_server import HubServer

ROOT = Path(__file__).parents[2]
REPO = "tester/little"
CONTENT = random.Random(0).randbytes(400_000)
SMALL = b"not stored as LFS" * 10


def little(**changes) -> dict:
    return {
        "name": "little.tv_in1k",
        "repo": REPO,
        "file": "model.safetensors",
        "revision": None,
        "sha256": None,
        "bytes": None,
    } | changes


@pytest.fixture
def server():
    with HubServer({REPO: {"model.safetensors": CONTENT, "small.safetensors": SMALL}}) as server:
        yield server


def leftovers(home: Path) -> list[str]:
    """Files in the cache that hold anything but what was asked for."""
    blobs = [p for p in home.rglob("*") if p.is_file() and not p.is_symlink()]
    ours = [p for p in blobs if p.parent.name == "blobs" or "cnn-space" in p.parts]
    return [str(p) for p in ours if p.read_bytes() not in (CONTENT, SMALL)]


def test_pull_shows_progress_and_a_second_start_needs_no_server(server, tmp_path):
    got = run("print(json.dumps(fetch()))", little(), server.url, tmp_path)
    assert bytes.fromhex(got["content"]) == CONTENT
    assert got["seen"][-1] == [len(CONTENT), len(CONTENT)]
    gone = run("print(json.dumps(fetch()))", little(), "http://127.0.0.1:9", tmp_path)
    assert bytes.fromhex(gone["content"]) == CONTENT
    assert gone["seen"] == [] and gone["seconds"] < 1


def test_a_pinned_file_is_pulled_by_its_commit(server, tmp_path):
    pinned = little(
        revision=server.commit_of(REPO),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        bytes=len(CONTENT),
    )
    got = run("print(json.dumps(fetch()))", pinned, server.url, tmp_path)
    assert bytes.fromhex(got["content"]) == CONTENT
    assert all(pinned["revision"] in line for line in server.requests if "/resolve/" in line)
    # what the cache knows under another hash or size is not taken for it
    code = "print(json.dumps(hub.cached(record) is not None))"
    for wrong in ({"sha256": "0" * 64}, {"bytes": 1}, {"revision": "0" * 40}):
        assert run(code, pinned | wrong, server.url, tmp_path) is False
    assert run(code, pinned, server.url, tmp_path) is True
    # a file cut short later, by a full disk say, is fetched again
    (blob,) = (path for path in tmp_path.rglob("blobs/*") if path.is_file())
    blob.write_bytes(CONTENT[:10])
    got = run("print(json.dumps(fetch()))", pinned, server.url, tmp_path)
    assert bytes.fromhex(got["content"]) == CONTENT


def test_a_small_file_is_checked_by_its_git_hash(server, tmp_path):
    server.fault("damage", method="GET", path="small", times=1)
    code = "first = fetch(); print(json.dumps([first, fetch()]))"
    first, second = run(code, little(file="small.safetensors"), server.url, tmp_path)
    assert "arrived damaged" in first["error"] and not first["cached"]
    assert bytes.fromhex(second["content"]) == SMALL


def test_two_who_ask_at_once_share_one_download(server, tmp_path):
    server.fault("pause", method="GET", path="/cdn/", seconds=0.5)
    code = """
answers = []
threads = [threading.Thread(target=lambda: answers.append(fetch())) for _ in range(3)]
[t.start() for t in threads]; [t.join() for t in threads]
print(json.dumps(answers))
"""
    answers = run(code, little(), server.url, tmp_path)
    assert [bytes.fromhex(a["content"]) == CONTENT for a in answers] == [True] * 3
    assert all(any(0 < done < total for done, total in a["seen"] if total) for a in answers)
    assert len([line for line in server.requests if line.startswith("GET /cdn/")]) == 1


def test_a_download_goes_on_when_nobody_follows_it(server, tmp_path):
    server.fault("pause", method="GET", path="/cdn/", seconds=0.5)
    code = """
follower = hub.follow(record); next(follower); follower.close()
print(json.dumps(fetch()))
"""
    got = run(code, little(), server.url, tmp_path)
    assert bytes.fromhex(got["content"]) == CONTENT
    assert len([line for line in server.requests if line.startswith("GET /cdn/")]) == 1


HUB = {"path": "/resolve/", "method": "HEAD"}
CDN = {"path": "/cdn/", "method": "GET"}
FAULTS = {
    "401": ("401", HUB, "(401)", "set HF_TOKEN", 1),
    "403": ("403", HUB, "(403)", "set HF_TOKEN", 1),
    "404": ("404", HUB, "has no model.safetensors", "(404)", 1),
    "429": ("429", HUB | {"headers": {"Retry-After": "7"}}, "(429)", "in 7 seconds", 1),
    "500": ("500", HUB, "(500)", "try again later", 1),
    "503": ("503", HUB, "(503)", "try again later", 1),
    "503 in the middle": ("503", CDN, "(503)", "try again later", 1),
    "429 in the middle": ("429", CDN, "(429)", "in a few minutes", 1),
    "a host that never answers": ("silent", HUB, "did not answer", "again later", 4),
    "silence where the bytes should be": ("silent", CDN, "did not answer", "again later", 3),
    "a host that falls silent": ("stall", CDN, "fell silent", "again later", 3),
    "a host that drips": ("drip", CDN, "almost nothing", "again later", 5),
    "interrupted": ("cut", CDN, "broke off", "try again", 1),
    "one byte short": ("shorter", CDN, "399,999 of 400,000", "try again", 1),
    "one byte long": ("longer", CDN, "longer than announced", "", 1),
    "one byte wrong": ("damage", CDN, "arrived damaged", "try again", 1),
    "not a hub at all": ("foreign", HUB, "does not answer as the Hub does", "HF_ENDPOINT", 1),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_a_clear_sentence_in_bounded_time_and_the_next_try_works(name, server, tmp_path):
    kind, details, what, way_out, seconds = FAULTS[name]
    server.fault(kind, **details)
    code = """
transfer.ANSWER_S, transfer.SLOW_S = 1, 2
first = fetch(); mend(); print(json.dumps([first, fetch()]))
"""
    first, second = run(code, little(), server.url, tmp_path)
    assert what in first["error"] and way_out in first["error"]
    assert "little" in first["error"] and "\n" not in first["error"]
    assert first["seconds"] < seconds and not first["cached"]
    assert bytes.fromhex(second.get("content", "")) == CONTENT, second
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("wrong", [{"bytes": 17}, {"sha256": "0" * 64}])
def test_another_file_than_the_one_known_is_not_even_downloaded(wrong, server, tmp_path):
    got = run("print(json.dumps(fetch()))", little(**wrong), server.url, tmp_path)
    assert "holds another model.safetensors" in got["error"]
    assert not [line for line in server.requests if "/cdn/" in line]


def test_what_is_missing_or_no_repository_is_said(server, tmp_path):
    code = """
answers = []
none, invalid = {"repo": "tester/none"}, {"repo": "no repo"}
for change in (none, {"revision": "0" * 40}, invalid, {"repo": None}):
    record.__dict__.update({"repo": "tester/little", "revision": None} | change)
    answers.append(fetch())
print(json.dumps(answers))
"""
    none, revision, invalid, unset = run(code, little(), server.url, tmp_path)
    assert "(404)" in none["error"] and "(404)" in revision["error"]
    assert "USER/NAME" in invalid["error"] and "CNN_SPACE_REPO" in unset["error"]


def test_without_a_network_the_sentence_comes_at_once(tmp_path):
    code = "print(json.dumps(fetch()))"
    refused = run(code, little(), "http://127.0.0.1:9", tmp_path)
    unknown = run(code, little(), "http://no-such-host.invalid", tmp_path)
    offline = run(code, little(), "http://127.0.0.1:9", tmp_path, HF_HUB_OFFLINE="1")
    for answer in (refused, unknown, offline):
        assert answer["kind"] == "Unreachable" and answer["seconds"] < 1
        assert "not on this machine" in answer["error"]
    assert "HF_HUB_OFFLINE" in offline["error"]


# torchvision's .pth


def pth(tmp_path: Path, value) -> tuple[bytes, dict]:
    """A .pth of ``value`` named as torchvision names them, and its record."""
    import torch

    path = tmp_path / "made.pth"
    torch.save(value, path)
    content = path.read_bytes()
    name = f"little-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    return content, little(repo="download.pytorch.org", file=name)


def torchvision(code, record, server, home):
    base = f"{server.url}/plain"
    return run(code, record, server.url, home, CNN_SPACE_TORCHVISION_URL=base)


def test_a_pth_is_converted_once(server, tmp_path):
    import torch
    from safetensors.torch import load

    shared = torch.arange(6.0).reshape(2, 3)
    state = {"a": shared, "b": shared.t(), "count": torch.tensor(3)}
    content, record = pth(tmp_path, state)
    server.plain[record["file"]] = content
    got = torchvision("print(json.dumps(fetch()))", record, server, tmp_path / "home")
    found = load(bytes.fromhex(got["content"]))
    assert {k: v.tolist() for k, v in found.items()} == {k: v.tolist() for k, v in state.items()}
    assert got["seen"][-1] == [len(content), len(content)]
    again = run("print(json.dumps(fetch()))", record, "http://127.0.0.1:9", tmp_path / "home")
    assert again["content"] == got["content"]


def test_faults_of_torchvisions_host(server, tmp_path):
    import torch

    content, record = pth(tmp_path, {"a": torch.arange(50_000)})
    server.plain[record["file"]] = content
    faults = {
        "404": "(404)",
        "503": "try again later",
        "silent": "did not answer",
        "stall": "fell silent",
        "cut": "broke off",
        "shorter": "arrived damaged",
        "damage": "arrived damaged",
    }
    for kind in faults:
        server.fault(kind, path="/plain/", times=1)
    code = """
usual, (transfer.ANSWER_S, transfer.SLOW_S) = (transfer.ANSWER_S, transfer.SLOW_S), (1, 2)
failed = [fetch() for _ in range(7)]
transfer.ANSWER_S, transfer.SLOW_S = usual  # a slow machine takes seconds to import torch
print(json.dumps([*failed, fetch()]))
"""
    *failed, last = torchvision(code, record, server, tmp_path / "home")
    for answer, said in zip(failed, faults.values(), strict=True):
        assert said in answer["error"] and "little" in answer["error"]
        assert answer["seconds"] < 3 and not answer["cached"]
    assert last["cached"]
    folder = tmp_path / "home" / "assets" / "cnn-space"
    assert [p.suffix for p in folder.iterdir()] == [".safetensors"]


class Evil:
    def __reduce__(self):
        return (os.mkdir, ("was-here",))


def test_a_pth_that_wants_to_run_code_is_refused(server, tmp_path):
    content, record = pth(tmp_path, {"a": Evil()})
    server.plain[record["file"]] = content
    code = f"os.chdir({str(tmp_path)!r}); print(json.dumps(fetch()))"
    got = torchvision(code, record, server, tmp_path / "home")
    assert "is no file of weights" in got["error"] and not got["cached"]
    assert not (tmp_path / "was-here").exists()


def test_what_is_no_state_dict_is_refused(tmp_path):
    from cnn_space.weights.convert import to_safetensors

    for value in ([1, 2], {"a": 1}):
        content, _ = pth(tmp_path, value)
        with pytest.raises(ValueError, match="holds no state dict"):
            to_safetensors(tmp_path / "made.pth", tmp_path / "out.safetensors")
    (tmp_path / "made.pth").write_bytes(content[:40])
    with pytest.raises(ValueError, match="is no file of weights"):
        to_safetensors(tmp_path / "made.pth", tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()

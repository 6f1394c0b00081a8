"""hub.fetch against a small Hub on this machine: the real huggingface_hub, in a process of its own
(it reads HF_ENDPOINT and HF_HOME once, when imported), and a fault of every kind."""

import hashlib
import os
import random
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
from hub_client import (
    are_cached,
    damage_and_load,
    fetch,
    fetch_at_once,
    fetch_each,
    fetch_impatiently,
    fetch_unfollowed,
    run,
)
from hub_server import HubServer

ROOT = Path(__file__).parents[2]
REPO = "tester/little"
NO_SERVER = "http://127.0.0.1:9"
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
    got = run(fetch, little(), url=server.url, home=tmp_path)
    assert got["content"] == CONTENT
    assert got["seen"][-1] == (len(CONTENT), len(CONTENT))
    gone = run(fetch, little(), url=NO_SERVER, home=tmp_path)
    assert gone["content"] == CONTENT and gone["seen"] == []


def test_a_pinned_file_is_pulled_by_its_commit(server, tmp_path):
    pinned = little(
        revision=server.commit_of(REPO),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        bytes=len(CONTENT),
    )
    got = run(fetch, pinned, url=server.url, home=tmp_path)
    assert got["content"] == CONTENT
    assert all(pinned["revision"] in line for line in server.requests if "/resolve/" in line)
    # what the cache knows under another hash or size is not taken for it
    wrong = ({"sha256": "0" * 64}, {"bytes": 1}, {"revision": "0" * 40}, {})
    known = run(are_cached, *[pinned | change for change in wrong], url=server.url, home=tmp_path)
    assert known == [False, False, False, True]
    # a file cut short later, by a full disk say, is fetched again
    (blob,) = (path for path in tmp_path.rglob("blobs/*") if path.is_file())
    blob.write_bytes(CONTENT[:10])
    got = run(fetch, pinned, url=server.url, home=tmp_path)
    assert got["content"] == CONTENT


def test_a_small_file_is_checked_by_its_git_hash(server, tmp_path):
    server.fault("damage", method="GET", path="small", times=1)
    small = little(file="small.safetensors")
    first, second = run(fetch_each, small, small, url=server.url, home=tmp_path)
    assert "arrived damaged" in first["error"] and not first["cached"]
    assert second["content"] == SMALL


def test_two_who_ask_at_once_share_one_download(server, tmp_path):
    server.fault("pause", method="GET", path="/cdn/", seconds=0.5)
    answers = run(fetch_at_once, little(), 3, url=server.url, home=tmp_path)
    assert [answer["content"] == CONTENT for answer in answers] == [True] * 3
    assert all(any(0 < done < total for done, total in a["seen"] if total) for a in answers)
    assert len([line for line in server.requests if line.startswith("GET /cdn/")]) == 1


def test_a_download_goes_on_when_nobody_follows_it(server, tmp_path):
    server.fault("pause", method="GET", path="/cdn/", seconds=0.5)
    got = run(fetch_unfollowed, little(), url=server.url, home=tmp_path)
    assert got["content"] == CONTENT
    assert len([line for line in server.requests if line.startswith("GET /cdn/")]) == 1


HUB = {"path": "/resolve/", "method": "HEAD"}
CDN = {"path": "/cdn/", "method": "GET"}
FAULTS = {
    "401": ("401", HUB, "(401)", "set HF_TOKEN"),
    "403": ("403", HUB, "(403)", "set HF_TOKEN"),
    "404": ("404", HUB, "has no model.safetensors", "(404)"),
    "429": ("429", HUB | {"headers": {"Retry-After": "7"}}, "(429)", "in 7 seconds"),
    "500": ("500", HUB, "(500)", "try again later"),
    "503": ("503", HUB, "(503)", "try again later"),
    "503 in the middle": ("503", CDN, "(503)", "try again later"),
    "429 in the middle": ("429", CDN, "(429)", "in a few minutes"),
    "a host that never answers": ("silent", HUB, "did not answer", "again later"),
    "silence where the bytes should be": ("silent", CDN, "did not answer", "again later"),
    "a host that falls silent": ("stall", CDN, "fell silent", "again later"),
    "a host that drips": ("drip", CDN, "almost nothing", "again later"),
    "interrupted": ("cut", CDN, "broke off", "try again"),
    "one byte short": ("shorter", CDN, "399,999 of 400,000", "try again"),
    "one byte long": ("longer", CDN, "longer than announced", ""),
    "one byte wrong": ("damage", CDN, "arrived damaged", "try again"),
    "not a hub at all": ("foreign", HUB, "does not answer as the Hub does", "HF_ENDPOINT"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_a_clear_sentence_and_the_next_try_works(name, server, tmp_path):
    """Without bounds on the waits, the sentence of a slow server would be another one."""
    kind, details, what, way_out = FAULTS[name]
    server.fault(kind, **details)
    first, second = run(fetch_impatiently, little(), 1, url=server.url, home=tmp_path)
    assert what in first["error"] and way_out in first["error"]
    assert "little" in first["error"] and "\n" not in first["error"]
    assert not first["cached"]
    assert second.get("content") == CONTENT, second
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("wrong", [{"bytes": 17}, {"sha256": "0" * 64}])
def test_another_file_than_the_one_known_is_not_even_downloaded(wrong, server, tmp_path):
    got = run(fetch, little(**wrong), url=server.url, home=tmp_path)
    assert "holds another model.safetensors" in got["error"]
    assert not [line for line in server.requests if "/cdn/" in line]


def test_what_is_missing_or_no_repository_is_said(server, tmp_path):
    records = [
        little(repo="tester/none"),
        little(revision="0" * 40),
        little(repo="no repo"),
        little(repo=None),
    ]
    none, revision, invalid, unset = run(fetch_each, *records, url=server.url, home=tmp_path)
    assert "(404)" in none["error"] and "(404)" in revision["error"]
    assert "USER/NAME" in invalid["error"] and "CNN_SPACE_REPO" in unset["error"]


@pytest.mark.parametrize(
    ("url", "variables", "reason"),
    [
        (NO_SERVER, {}, "cannot be reached"),
        ("http://no-such-host.invalid", {}, "cannot be reached"),
        (NO_SERVER, {"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE"),
    ],
)
def test_without_a_network_the_sentence_comes_soon(url, variables, reason, tmp_path):
    """huggingface_hub alone would try again for 23 seconds."""
    answer = run(fetch, little(), url=url, home=tmp_path, timeout=15, **variables)
    assert answer["kind"] == "Unreachable" and reason in answer["error"]
    assert "not on this machine" in answer["error"]


# A cache that is damaged, and hosts that are no Hub


@pytest.mark.parametrize("file", ["model.safetensors", "small.safetensors"])
def test_a_damaged_file_is_noticed_and_fetch_repairs_it(file, server, tmp_path):
    """Its size is right and the record knows no hash: the name of the blob is the hash."""
    got = run(damage_and_load, little(file=file), 7, url=server.url, home=tmp_path)
    assert f"{file} is damaged: its " in got["error"]
    assert "python -m cnn_space fetch little.tv_in1k" in got["error"]
    assert got["content"] in (CONTENT, SMALL) and leftovers(tmp_path) == []


def test_a_damaged_blob_without_its_link_is_not_linked_again(server, tmp_path):
    run(fetch, little(), url=server.url, home=tmp_path)
    (blob,) = (path for path in tmp_path.rglob("blobs/*") if path.is_file())
    blob.write_bytes(CONTENT[::-1])
    for link in tmp_path.rglob("snapshots/*/*"):
        link.unlink()
    assert run(fetch, little(), url=server.url, home=tmp_path)["content"] == CONTENT


@pytest.mark.parametrize("kind", ["no headers", "weak ETag", "308"])
def test_from_a_mirror_the_hash_of_the_record_suffices(kind, server, tmp_path):
    server.plain["model"] = CONTENT
    elsewhere = f"http://localhost:{server.port}/plain/model"
    if kind == "308":
        server.fault("308", path="/resolve/", headers={"Location": elsewhere})
    else:
        headers = {} if kind == "no headers" else {"ETag": 'W/"61-a80"'}
        server.fault("mirror", path="/resolve/", headers=headers)
    known = little(sha256=hashlib.sha256(CONTENT).hexdigest())
    unknown, wrong, got = run(
        fetch_each, little(), little(sha256="0" * 64), known, url=server.url, home=tmp_path
    )
    assert "does not answer as the Hub does" in unknown["error"]
    assert "what it sends is not little.tv_in1k" in wrong["error"] and not wrong["cached"]
    assert got["content"] == CONTENT and got["seen"][-1] == (len(CONTENT), len(CONTENT))
    assert run(fetch, known, url=NO_SERVER, home=tmp_path)["content"] == CONTENT
    repaired = run(damage_and_load, known, 7, url=server.url, home=tmp_path)
    assert "is damaged: its sha256 is" in repaired["error"] and repaired["content"] == CONTENT


@pytest.mark.skipif(not shutil.which("openssl"), reason="makes the certificate")
def test_a_certificate_of_the_company_is_named_with_the_way_out(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "company.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=company"
    words += f" -addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {certificate}"
    subprocess.run(["openssl", *words.split()], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with HubServer({REPO: {"small.safetensors": SMALL}}, tls) as server:
        client = {"url": server.url, "home": tmp_path / "home"}
        small = little(file="small.safetensors")
        refused = run(fetch, small, **client)
        assert "certificate of tester/little on the Hub is not trusted" in refused["error"]
        assert "self-signed" in refused["error"] and "set SSL_CERT_FILE" in refused["error"]
        got = run(fetch, small, **client, SSL_CERT_FILE=str(certificate))
    assert got["content"] == SMALL


# torchvision's .pth


def pth(tmp_path: Path, value) -> tuple[bytes, dict]:
    """A .pth of ``value`` named as torchvision names them, and its record."""
    import torch

    path = tmp_path / "made.pth"
    torch.save(value, path)
    content = path.read_bytes()
    name = f"little-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    return content, little(repo="download.pytorch.org", file=name)


def torchvision(server) -> dict:
    """The settings of a client for which ``server`` stands in for torchvision's."""
    return {"url": server.url, "CNN_SPACE_TORCHVISION_URL": f"{server.url}/plain"}


def test_a_pth_is_converted_once(server, tmp_path):
    import torch
    from safetensors.torch import load

    shared = torch.arange(6.0).reshape(2, 3)
    state = {"a": shared, "b": shared.t(), "count": torch.tensor(3)}
    content, record = pth(tmp_path, state)
    server.plain[record["file"]] = content
    got = run(fetch, record, home=tmp_path / "home", **torchvision(server))
    found = load(got["content"])
    assert {k: v.tolist() for k, v in found.items()} == {k: v.tolist() for k, v in state.items()}
    assert got["seen"][-1] == (len(content), len(content))
    again = run(fetch, record, url=NO_SERVER, home=tmp_path / "home")
    assert again["content"] == got["content"]
    damaged = run(damage_and_load, record, -1, home=tmp_path / "home", **torchvision(server))
    assert "is damaged: its sha256 is" in damaged["error"]
    assert damaged["content"] == got["content"]


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
    settings = torchvision(server)
    *failed, last = run(fetch_impatiently, record, 7, home=tmp_path / "home", **settings)
    for answer, said in zip(failed, faults.values(), strict=True):
        assert said in answer["error"] and "little" in answer["error"]
        assert not answer["cached"]
    assert last["cached"]
    folder = tmp_path / "home" / "assets" / "cnn-space"
    assert [p.suffix for p in folder.glob("*/*")] == [".safetensors"]


class Evil:
    """What makes a folder when it is unpickled."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __reduce__(self):
        return (os.mkdir, (str(self.folder),))


def test_a_pth_that_wants_to_run_code_is_refused(server, tmp_path):
    content, record = pth(tmp_path, {"a": Evil(tmp_path / "was-here")})
    server.plain[record["file"]] = content
    got = run(fetch, record, home=tmp_path / "home", **torchvision(server))
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

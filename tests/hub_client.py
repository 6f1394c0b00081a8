"""Clients of a small Hub, each in a process of its own: huggingface_hub reads HF_ENDPOINT and
HF_HOME once, when it is imported.

``run`` calls one of the functions below in a new process. The processes are forked from one that
has imported torch already, so that a client is ready in a fraction of a second.
"""

import contextlib
import io
import multiprocessing
import os
import sys
import threading
import traceback
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType, SimpleNamespace

ROOT = Path(__file__).parents[1]
START_S = 120  # for the first client, torch has to be imported
TIMEOUT = 60  # seconds for the work of one client

_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload(
    ["torch", "safetensors.torch", "cnn_space.models.resnet", "cnn_space.publishing.upload"]
)


def run(work: Callable, *arguments, url: str, home: Path, timeout: float = TIMEOUT, **variables):
    """What ``work(*arguments)`` returns in a client of the Hub at ``url``, whose HF_HOME is
    ``home`` and whose other environment ``variables`` are these."""
    receiver, sender = _forking.Pipe(duplex=False)
    settings = environment(url, home, **variables)
    client = _forking.Process(target=_client, args=(sender, settings, work, arguments))
    client.start()
    sender.close()
    try:
        assert receiver.poll(START_S) and receiver.recv() == "ready"
        assert receiver.poll(timeout), f"no answer within {timeout} seconds"
        answer, failure = receiver.recv()
    finally:
        client.kill()
        client.join()
    assert not failure, failure
    return answer


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


def _client(sender, settings: dict[str, str], work: Callable, arguments: tuple) -> None:
    sender.send("ready")
    try:
        assert "huggingface_hub" not in sys.modules, "it has read its environment already"
        os.environ.clear()
        os.environ.update(settings)
        sender.send((work(*arguments), ""))
    except BaseException:
        sender.send((None, traceback.format_exc()))


# What clients do


def fetch(record: dict) -> dict:
    """The outcome of ``download.fetch`` for a record of these fields."""
    from cnn_space.weights import download

    item, seen = SimpleNamespace(**record), []
    try:
        path = download.fetch(item, lambda done, total: seen.append((done, total)))
        outcome = {"content": path.read_bytes()}
    except download.FetchError as error:
        outcome = {"error": str(error), "kind": type(error).__name__}
    return outcome | {"seen": seen, "cached": download.cached(item) is not None}


def damage_and_load(record: dict, at: int) -> dict:
    """What is said of a file with one wrong byte in the cache: by ``download.fetch``, by what reads
    a net, and by ``weights.fetch``, which repairs it."""
    from cnn_space import weights
    from cnn_space.weights import catalogue, download, loading

    item = SimpleNamespace(**record, source="hub", adapt=None)
    path = download.fetch(item)
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.resolve().write_bytes(content)
    outcome = {"believed": fetch(record)["cached"]}
    try:
        loading.read_net(item, path)
    except ValueError as error:
        outcome["error"] = str(error)
    catalogue.record = lambda name: item
    outcome["content"] = weights.fetch(item.name).read_bytes()
    return outcome


def fetch_each(*records: dict) -> list[dict]:
    """One after the other."""
    return [fetch(record) for record in records]


def fetch_at_once(record: dict, count: int) -> list[dict]:
    """The same file for several who ask at the same time."""
    outcomes = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(fetch(record))) for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def fetch_unfollowed(record: dict) -> dict:
    """A first download is left alone once it has begun."""
    from cnn_space.weights import download

    follower = download.follow(SimpleNamespace(**record))
    next(follower)
    follower.close()
    return fetch(record)


def fetch_impatiently(record: dict, count: int) -> list[dict]:
    """``count`` times from a faulty server, waiting a second or two; then from one without fault,
    as patiently as always."""
    from cnn_space.weights import transfer

    usual = transfer.ANSWER_S, transfer.SLOW_S
    transfer.ANSWER_S, transfer.SLOW_S = 1, 2
    outcomes = fetch_each(*[record] * count)
    transfer.ANSWER_S, transfer.SLOW_S = usual
    urllib.request.urlopen(os.environ["HF_ENDPOINT"] + "/mend").close()
    return [*outcomes, fetch(record)]


def are_cached(*records: dict) -> list[bool]:
    from cnn_space.weights import download

    return [download.cached(SimpleNamespace(**record)) is not None for record in records]


def load(name: str, folder: Path | None = None, changes: Mapping = MappingProxyType({})) -> dict:
    """The outcome of ``weights.load``, with a ``folder`` of bundled weights and with ``changes`` in
    the record of a published net."""
    import torch

    from cnn_space import weights
    from cnn_space.weights import catalogue, published

    catalogue.CHECKPOINTS = folder or catalogue.CHECKPOINTS
    items = [replace(i, **changes) if i.name == name else i for i in published.records()]
    published.records = lambda: items
    first, was_local = weights.list_weights()[0], weights.is_local(name)
    try:
        loaded = weights.load(name)
        side = loaded.record.preprocessing.size
        torch.manual_seed(1)
        with torch.inference_mode():
            logits = loaded.net(torch.randn(1, 3, min(side, 64), min(side, 64)))
        outcome = {
            "logits": logits[0, :5].tolist(),
            "label": loaded.record.labels[0],
            "eval": not loaded.net.training,
            "sha256": loaded.record.sha256,
        }
    except ValueError as error:
        outcome = {"error": str(error), "kind": type(error).__name__}
    local = {"first": first, "was_local": was_local, "is_local": weights.is_local(name)}
    return outcome | local


def ask_a_wider_net(name: str, folder: Path, changes: Mapping, photo: Path) -> dict:
    """A visitor of Classify whose machine holds the nets in ``folder`` alone takes up the offer of
    the published net ``name``, in whose record ``changes`` are made."""
    from PIL import Image
    from visitors import ENGLISH, by_name

    from cnn_space.page.classify.handlers import Tab
    from cnn_space.page.common import nets
    from cnn_space.weights import catalogue, published

    catalogue.CHECKPOINTS = folder
    items = [replace(i, **changes) if i.name == name else i for i in published.records()]
    published.records = lambda: items
    tab, picture, said = by_name(Tab), Image.open(photo), []

    def answer(net: str) -> str:
        return str(tab.show(picture, net, False, {}, ENGLISH)["answer"])

    first = nets.first_net()
    outcome = {"first": first, "answer": answer(first)}
    outcome["coming"] = str(tab.coming(name, {}, ENGLISH)["answer"])
    nets.fetch(name, {}, ENGLISH, progress=lambda done, desc: said.append(desc))
    return outcome | {
        "progress": said,
        "then_first": nets.first_net(),
        "then_offered": nets.offered()[:2],
        "then_answer": answer(name),
    }


def list_local() -> tuple[list[str], list[str]]:
    """All weights, and those that need no network."""
    from cnn_space import weights

    names = weights.list_weights()
    return names, [name for name in names if weights.is_local(name)]


def publish_weights(repo: str, folder: Path, root: Path, times: int) -> list[str] | str:
    """The answers to publishing ``times`` times, or the error."""
    from cnn_space.publishing import upload
    from cnn_space.weights import catalogue

    catalogue.CHECKPOINTS, upload.ROOT = folder, root
    try:
        return [upload.publish_weights(repo) for _ in range(times)]
    except upload.PublishError as error:
        return str(error)


def publish_space(repo: str, root: Path, weights_repo: str) -> str:
    from cnn_space.publishing import upload

    files = upload.space_files(root)
    upload.space_files = lambda: files
    return upload.publish_space(repo, weights_repo=weights_repo)


def commands(lines: list[str], folder: Path, root: Path) -> str:
    """What the command line prints, errors among it, and each exit status."""
    from cnn_space.__main__ import main
    from cnn_space.publishing import upload
    from cnn_space.weights import catalogue

    catalogue.CHECKPOINTS, upload.ROOT = folder, root
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        for line in lines:
            print("exit", main(line.split()))
    return printed.getvalue()

"""One file of weights over the network, into the cache of this machine.

Every wait is bounded, and nothing enters a cache before its size and hash are right. This is why
the bytes are read here: hf_hub_download (tried with huggingface_hub 2.4) stores a damaged file
without a complaint, takes a minute to give up a silent host, and reports its progress every 10 MB;
torch.hub.download_url_to_file knows no timeout.

huggingface_hub is imported where it is used: it takes a quarter of a second, and most visitors and
commands use no network.
"""

import hashlib
import os
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from cnn_space.settings import Settings
from cnn_space.weights import convert
from cnn_space.weights.digest import sha256
from cnn_space.weights.records import WeightsRecord

ANSWER_S = 10  # a host that is silent for so long is taken for down
SLOW_S = 30  # and a download that brings less than LITTLE in so long is given up
LITTLE = 1 << 16  # bytes
MAX_BYTES = 1_000_000_000  # the largest file here, VGG-19's, has 575 million


class FetchError(ValueError):
    """The file did not come; the message says in one sentence why, and what to do."""


class Unreachable(FetchError):
    """There is no network, or the host does not answer."""


@dataclass
class Progress:
    """Bytes received, ``done`` of ``total`` (None: unknown)."""

    done: int = 0
    total: int | None = None


def is_torchvision(record: WeightsRecord) -> bool:
    """Whether the file is one of torchvision's ``.pth``, which are not on the Hub."""
    return record.file.endswith(".pth")


def host(record: WeightsRecord) -> str:
    """Where the file comes from, as messages name it."""
    return record.repo if is_torchvision(record) else f"{record.repo} on the Hub"


def converted(record: WeightsRecord) -> Path:
    """The place of torchvision's file on this machine, once it is a safetensors file."""
    from huggingface_hub.constants import HF_ASSETS_CACHE

    return Path(HF_ASSETS_CACHE, "cnn-space", Path(record.file).stem + ".safetensors")


def from_hub(record: WeightsRecord, progress: Progress) -> None:
    """Put the file into huggingface_hub's own cache, so that other programs find it too.

    Raises FetchError, and whatever else ``explain`` explains.
    """
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.file_download import repo_folder_name
    from huggingface_hub.utils import build_hf_headers

    url = hf_hub_url(record.repo, record.file, revision=record.revision)
    there = get_hf_file_metadata(url, timeout=ANSWER_S)
    etag = there.etag or ""
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", etag) or not there.commit_hash:
        raise FetchError(f"{host(record)} does not answer as the Hub does; check HF_ENDPOINT.")
    _check_announced(record, there.size, etag)
    folder = repo_folder_name(repo_id=record.repo, repo_type="model")
    blob = Path(constants.HF_HUB_CACHE, folder, "blobs", etag)
    whole = blob.exists() and there.size in (None, blob.stat().st_size)
    if not whole:
        blob.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=blob.parent, suffix=".incomplete") as scratch:
            arrived = Path(scratch, record.file)
            url = hf_hub_url(record.repo, record.file, revision=there.commit_hash)
            _stream(url, build_hf_headers(), arrived, record, progress, there.size)
            if not all(_has_hash(arrived, hash_) for hash_ in {etag, record.sha256 or etag}):
                raise FetchError(f"{record.file} of {host(record)} arrived damaged; try again.")
            os.replace(arrived, blob)
    # It finds the blob and only makes the links that lead to it.
    hf_hub_download(record.repo, record.file, revision=record.revision, etag_timeout=ANSWER_S)


def from_torchvision(record: WeightsRecord, progress: Progress) -> None:
    """Store torchvision's ``.pth`` as a safetensors file. Raises as ``from_hub`` does."""
    target = converted(record)
    target.parent.mkdir(parents=True, exist_ok=True)
    url = f"{Settings.read().torchvision_url.rstrip('/')}/{record.file}"
    with tempfile.TemporaryDirectory(dir=target.parent, suffix=".incomplete") as scratch:
        arrived, ready = Path(scratch, record.file), Path(scratch, target.name)
        _stream(url, {}, arrived, record, progress)
        # torchvision's file names end with the first 8 digits of their sha256
        if not record.file.endswith(f"-{sha256(arrived)[:8]}.pth"):
            raise FetchError(f"{record.file} of {host(record)} arrived damaged; try again.")
        convert.to_safetensors(arrived, ready)
        os.replace(ready, target)


def _check_announced(record: WeightsRecord, size: int | None, etag: str) -> None:
    """Raise FetchError where the Hub announces another file than the record knows."""
    for what, known, announced in (
        ("bytes", record.bytes, size),
        ("sha256", record.sha256, etag if len(etag) == 64 else None),
    ):
        if known is not None and announced is not None and known != announced:
            raise FetchError(
                f"{host(record)} holds another {record.file} than the one known here "
                f"({what} {announced}, not {known}); update CNN Space."
            )
    if (size or 0) > MAX_BYTES:
        raise FetchError(f"{record.file} of {host(record)} is too large: {size:,} bytes.")


def _stream(
    url: str,
    headers: dict[str, str],
    target: Path,
    record: WeightsRecord,
    progress: Progress,
    size: int | None = None,
) -> None:
    """Write what ``url`` gives to ``target``: exactly ``size`` bytes, or what is announced."""
    from huggingface_hub import get_session
    from huggingface_hub.utils import hf_raise_for_status

    headers = headers | {"Accept-Encoding": "identity"}
    with get_session().stream("GET", url, headers=headers, timeout=ANSWER_S) as response:
        hf_raise_for_status(response)
        announced = int(response.headers.get("Content-Length", 0)) or None
        progress.total = size or announced
        seen, since = 0, time.monotonic()
        with target.open("wb") as file:
            for chunk in response.iter_raw():
                file.write(chunk)
                progress.done += len(chunk)
                if progress.done > (progress.total or MAX_BYTES):
                    raise FetchError(f"{record.file} of {host(record)} is longer than announced.")
                if progress.done - seen >= LITTLE:
                    seen, since = progress.done, time.monotonic()
                elif time.monotonic() - since > SLOW_S:
                    raise Unreachable(
                        f"{host(record)} sends almost nothing; try {record.name} again later."
                    )
    if progress.total is not None and progress.done != progress.total:
        raise FetchError(
            f"The download of {record.name} broke off after {progress.done:,} of "
            f"{progress.total:,} bytes; try again."
        )


def _has_hash(path: Path, expected: str) -> bool:
    """Whether ``expected`` is the file's sha256 (64 digits), or git's id of it (40 digits)."""
    if len(expected) == 64:
        return sha256(path) == expected
    start = hashlib.sha1(f"blob {path.stat().st_size}\0".encode())
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: start).hexdigest() == expected


def explain(error: Exception, record: WeightsRecord, *, begun: bool) -> FetchError:
    """The error of a transfer as one sentence for the user; ``begun``: some bytes had come."""
    from huggingface_hub.errors import (
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
    )
    from huggingface_hub.utils import httpx  # whichever version of it huggingface_hub stands on

    if isinstance(error, FetchError):
        return error
    if isinstance(error, LocalEntryNotFoundError) and error.__cause__ is not None:
        error = error.__cause__
    name, where = record.name, host(record)
    if isinstance(error, httpx.HTTPError) and getattr(error, "response", None) is not None:
        return FetchError(_explain_status(error.response, record))
    if isinstance(error, httpx.TimeoutException):
        silent = "fell silent" if begun else "did not answer"
        return Unreachable(f"{where} {silent} for {ANSWER_S} seconds; try {name} again later.")
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        return Unreachable(f"{name} is not on this machine, and {where} cannot be reached.")
    if isinstance(error, httpx.TransportError | OfflineModeIsEnabled):
        return FetchError(f"The download of {name} broke off; try again.")
    if isinstance(error, HFValidationError):
        return FetchError(f"{record.repo!r} is no Hub repository; it reads USER/NAME.")
    if isinstance(error, OSError):
        place = f" at {error.filename}" if error.filename else ""
        return FetchError(f"{name} cannot be stored{place}: {error.strerror or error}.")
    return FetchError(f"{name} cannot be fetched: {error}")


def _explain_status(response, record: WeightsRecord) -> str:
    """What an HTTP status that is no success means."""
    name, where, status = record.name, host(record), response.status_code
    if status in (401, 403):
        return (
            f"{where} refuses {name} ({status}): it does not exist or is private; "
            "set HF_TOKEN to a token that may read it."
        )
    if status == 404:
        return f"{where} has no {record.file} for {name} (404)."
    if status == 429:
        wait = response.headers.get("Retry-After", "")
        when = f"in {wait} seconds" if wait.isdigit() else "in a few minutes"
        return f"{where} asks for a pause (429); try {name} again {when}."
    return f"{where} fails to answer for {name} ({status}); try again later."

"""One file of weights over the network, into the cache of this machine.

Every wait is bounded, and nothing enters a cache before its size and hash are right. This is why
the bytes are read here: hf_hub_download (tried with huggingface_hub 2.4) stores a damaged file
without a complaint, takes a minute to give up a silent host, and reports its progress every 10 MB;
torch.hub.download_url_to_file knows no timeout.

huggingface_hub is imported where it is used: it takes a quarter of a second, and most visitors and
commands use no network.
"""

import os
import ssl
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from cnn_space.settings import Settings
from cnn_space.weights import convert
from cnn_space.weights.abandoned import drop_abandoned
from cnn_space.weights.digest import digest_like, is_digest, sha256
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


def own_folder(record: WeightsRecord) -> Path:
    """Where the file lies if it did not come as the Hub's cache wants it: torchvision's, and what a
    mirror sent. Its name there is its sha256, and ``.safetensors``."""
    from huggingface_hub.constants import HF_ASSETS_CACHE

    return Path(HF_ASSETS_CACHE, "cnn-space", record.name)


def from_hub(record: WeightsRecord, progress: Progress) -> None:
    """Put the file into huggingface_hub's own cache, so that other programs find it too. What a
    mirror sends without the Hub's headers goes into ``own_folder``.

    Raises FetchError, and whatever else ``explain`` explains.
    """
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.file_download import repo_folder_name
    from huggingface_hub.utils import build_hf_headers

    url = hf_hub_url(record.repo, record.file, revision=record.revision)
    there = get_hf_file_metadata(url, timeout=ANSWER_S)
    etag = there.etag or ""
    if not is_digest(etag) or not there.commit_hash:
        return _from_mirror(record, url, progress)
    _check_announced(record, there.size, etag)
    folder = repo_folder_name(repo_id=record.repo, repo_type="model")
    blob = Path(constants.HF_HUB_CACHE, folder, "blobs", etag)
    if not (blob.exists() and digest_like(etag, blob) == etag):
        with _scratch(blob.parent) as scratch:
            arrived = Path(scratch, record.file)
            url = hf_hub_url(record.repo, record.file, revision=there.commit_hash)
            _stream(url, build_hf_headers(), arrived, record, progress, there.size)
            if any(digest_like(known, arrived) != known for known in {etag, record.sha256 or etag}):
                raise FetchError(f"{record.file} of {host(record)} arrived damaged; try again.")
            os.replace(arrived, blob)
    # It finds the blob and only makes the links that lead to it.
    hf_hub_download(record.repo, record.file, revision=record.revision, etag_timeout=ANSWER_S)


def _from_mirror(record: WeightsRecord, url: str, progress: Progress) -> None:
    """Store what a host sends that does not say what it holds, if it has the record's sha256."""
    from huggingface_hub.utils import build_hf_headers

    strange = f"{host(record)} does not answer as the Hub does"
    if record.sha256 is None:
        raise FetchError(
            f"{strange}, and the hash of {record.name} is not known here; check HF_ENDPOINT."
        )
    with _scratch(own_folder(record)) as scratch:
        arrived = Path(scratch, record.file)
        _stream(url, build_hf_headers(), arrived, record, progress)
        if sha256(arrived) != record.sha256:
            raise FetchError(
                f"{strange}, and what it sends is not {record.name}; check HF_ENDPOINT."
            )
        _keep(arrived, record)


def from_torchvision(record: WeightsRecord, progress: Progress) -> None:
    """Store torchvision's ``.pth`` as a safetensors file. Raises as ``from_hub`` does."""
    url = f"{Settings.read().torchvision_url.rstrip('/')}/{record.file}"
    with _scratch(own_folder(record)) as scratch:
        arrived, ready = Path(scratch, record.file), Path(scratch, "ready.safetensors")
        _stream(url, {}, arrived, record, progress)
        # torchvision's file names end with the first 8 digits of their sha256
        if not record.file.endswith(f"-{sha256(arrived)[:8]}.pth"):
            raise FetchError(f"{record.file} of {host(record)} arrived damaged; try again.")
        convert.to_safetensors(arrived, ready)
        _keep(ready, record)


def _scratch(folder: Path) -> tempfile.TemporaryDirectory:
    """A folder inside of ``folder`` for what is not there as a whole yet."""
    folder.mkdir(parents=True, exist_ok=True)
    drop_abandoned(folder.glob("*.incomplete"))
    return tempfile.TemporaryDirectory(dir=folder, suffix=".incomplete")


def _keep(path: Path, record: WeightsRecord) -> None:
    """Move a file to its place in ``own_folder``; what else lies there is of an earlier record."""
    target = own_folder(record) / f"{sha256(path)}.safetensors"
    os.replace(path, target)
    for other in own_folder(record).glob("*.safetensors"):
        if other != target:
            other.unlink()


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
    if reason := _distrust(error):
        return Unreachable(
            f"{name} is not on this machine, and the certificate of {where} is not trusted "
            f"({reason}): behind a company's proxy, set SSL_CERT_FILE to a file with its "
            "certificate."
        )
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


def _distrust(error: BaseException | None) -> str:
    """What is wrong with the certificate of a host, where that is why it was left; else empty."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        error = error.__cause__ or error.__context__
    return ""


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

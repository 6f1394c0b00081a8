"""Fetch one file of weights: from the cache on this machine, else over the network.

Files of the Hub lie in huggingface_hub's own cache, so that other programs share them.
torchvision's two ``.pth`` files are converted on arrival and lie beside it, as safetensors.

Every wait is bounded, and nothing enters a cache before its size and hash are right. A download
runs in a thread of its own, which all who ask for the same file share.
"""

import hashlib
import logging
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ANSWER_S = 10  # a host that is silent for so long is taken for down
SLOW_S = 30  # and a download that brings less than LITTLE in so long is given up
LITTLE = 1 << 16  # bytes
MAX_BYTES = 1_000_000_000  # the largest file here, VGG-19's, has 575 million

TORCHVISION_URL = "https://download.pytorch.org/models"

_log = logging.getLogger(__name__)


class FetchError(ValueError):
    """The file did not come; the message says in one sentence why, and what to do."""


class Unreachable(FetchError):
    """There is no network, or the host does not answer."""


def cached(record) -> Path | None:
    """Where the file of ``record`` lies on this machine, or None. Never asks the network."""
    if _is_torchvision(record):
        path = _converted(record)
        return path if path.is_file() else None
    if not record.repo:
        return None
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.utils import HFValidationError

    try:
        found = try_to_load_from_cache(record.repo, record.file, revision=record.revision)
    except HFValidationError:
        return None
    path = Path(found) if isinstance(found, str) else None
    return path if path and _looks_right(path, record) else None


def fetch(record, progress: Callable[[int, int | None], None] | None = None) -> Path:
    """The path of the file of ``record``, from the cache or else downloaded.

    ``progress(done, total)`` is called in this thread about four times a second while bytes
    arrive; ``total`` is None where the host does not say. Raises FetchError, and its Unreachable
    where no host answers: within a second without a network, else in 40 seconds.
    """
    for done, total in follow(record):
        if progress is not None:
            progress(done, total)
    path = cached(record)
    if path is None:  # deleted at this very moment
        raise FetchError(f"{record.file} of {record.name} is gone again; try once more.")
    return path


def follow(record) -> Iterator[tuple[int, int | None]]:
    """Download the file of ``record``, yielding ``(done, total)`` in bytes; nothing if it is here.

    Closing the iterator does not stop the download, which serves the next who asks. Raises as
    ``fetch`` does.
    """
    if cached(record) is not None:
        return
    if not record.repo:
        raise FetchError(
            f"{record.name} is not bundled; set CNN_SPACE_REPO to the Hub repository that holds it."
        )
    if _is_offline():
        raise Unreachable(
            f"{record.name} is not on this machine, and HF_HUB_OFFLINE forbids to fetch it."
        )
    download = _start(record)
    seen, since = -1, time.monotonic()
    while not download.finished.wait(0.25):
        if download.done != seen:
            seen, since = download.done, time.monotonic()
            yield download.done, download.total
        elif time.monotonic() - since > ANSWER_S + SLOW_S:  # even the search for its address hangs
            raise Unreachable(f"{_host(record)} did not answer for {record.name}; try again later.")
    if download.error is not None:
        kind, sentence = download.error
        raise kind(sentence)
    yield download.done, download.total


def is_coming(record) -> bool:
    """Whether the file of ``record`` is on its way here at this moment."""
    return _key(record) in _running


# One download


class _Download(threading.Thread):
    """One file on its way: ``done`` bytes of ``total`` (None: unknown) have come."""

    def __init__(self, record, key):
        super().__init__(name=f"fetch {record.name}", daemon=True)
        self.record, self.key = record, key
        self.done, self.total = 0, None
        self.error: tuple[type[FetchError], str] | None = None
        self.finished = threading.Event()

    def run(self):
        try:
            if _is_torchvision(self.record):
                _from_torchvision(self.record, self)
            else:
                _from_hub(self.record, self)
        except Exception as error:
            _log.info("fetching %s: %r", self.record.name, error)
            self.error = _explain(error, self.record, begun=self.done > 0)
        finally:
            with _lock:
                _running.pop(self.key, None)
            self.finished.set()


_lock = threading.Lock()
_running: dict[tuple, _Download] = {}


def _key(record) -> tuple:
    return record.repo, record.revision, record.file


def _start(record) -> _Download:
    key = _key(record)
    with _lock:
        if key not in _running:
            _running[key] = _Download(record, key)
            _running[key].start()
        return _running[key]


def _from_hub(record, download: _Download) -> None:
    """Put the file into the Hub's cache.

    hf_hub_download alone reports every 10 MB, and retries for 23 s without a network and for
    minutes where a host is silent. So the bytes are fetched here, and it files them.
    """
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.file_download import repo_folder_name
    from huggingface_hub.utils import build_hf_headers

    url = hf_hub_url(record.repo, record.file, revision=record.revision)
    there = get_hf_file_metadata(url, timeout=ANSWER_S)
    etag = there.etag or ""
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", etag) or not there.commit_hash:
        raise FetchError(f"{_host(record)} does not answer as the Hub does; check HF_ENDPOINT.")
    _agree(record, there.size, etag)
    folder = repo_folder_name(repo_id=record.repo, repo_type="model")
    blob = Path(constants.HF_HUB_CACHE, folder, "blobs", etag)
    whole = blob.exists() and there.size in (None, blob.stat().st_size)
    if not whole:
        blob.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=blob.parent, suffix=".incomplete") as scratch:
            arrived = Path(scratch, record.file)
            url = hf_hub_url(record.repo, record.file, revision=there.commit_hash)
            _stream(url, build_hf_headers(), arrived, record, download, there.size)
            if not all(_has_hash(arrived, hash_) for hash_ in {etag, record.sha256 or etag}):
                raise FetchError(f"{record.file} of {_host(record)} arrived damaged; try again.")
            os.replace(arrived, blob)
    hf_hub_download(record.repo, record.file, revision=record.revision, etag_timeout=ANSWER_S)


def _agree(record, size: int | None, etag: str) -> None:
    """Raise FetchError where the Hub announces another file than the record knows."""
    for what, known, found in (
        ("bytes", record.bytes, size),
        ("sha256", record.sha256, etag if len(etag) == 64 else None),
    ):
        if known is not None and found is not None and known != found:
            raise FetchError(
                f"{_host(record)} holds another {record.file} than the one known here "
                f"({what} {found}, not {known}); update CNN Space."
            )
    if (size or 0) > MAX_BYTES:
        raise FetchError(f"{record.file} of {_host(record)} is too large: {size:,} bytes.")


def _from_torchvision(record, download: _Download) -> None:
    from cnn_space.weights import convert

    target = _converted(record)
    target.parent.mkdir(parents=True, exist_ok=True)
    base = os.environ.get("CNN_SPACE_TORCHVISION_URL") or TORCHVISION_URL
    with tempfile.TemporaryDirectory(dir=target.parent, suffix=".incomplete") as scratch:
        arrived, ready = Path(scratch, record.file), Path(scratch, target.name)
        _stream(f"{base.rstrip('/')}/{record.file}", {}, arrived, record, download)
        # torchvision's file names end with the first 8 digits of their sha256
        with arrived.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if not record.file.endswith(f"-{digest[:8]}.pth"):
            raise FetchError(f"{record.file} of {_host(record)} arrived damaged; try again.")
        convert.to_safetensors(arrived, ready)
        os.replace(ready, target)


def _stream(
    url: str, headers: dict, target: Path, record, download: _Download, size: int | None = None
) -> None:
    """Write what ``url`` gives to ``target``: exactly ``size`` bytes, or what is announced."""
    from huggingface_hub import get_session
    from huggingface_hub.utils import hf_raise_for_status

    headers = headers | {"Accept-Encoding": "identity"}
    with get_session().stream("GET", url, headers=headers, timeout=ANSWER_S) as response:
        hf_raise_for_status(response)
        announced = int(response.headers.get("Content-Length", 0)) or None
        download.total = size or announced
        seen, since = 0, time.monotonic()
        with target.open("wb") as file:
            for chunk in response.iter_raw():
                file.write(chunk)
                download.done += len(chunk)
                if download.done > (download.total or MAX_BYTES):
                    raise FetchError(f"{record.file} of {_host(record)} is longer than announced.")
                if download.done - seen >= LITTLE:
                    seen, since = download.done, time.monotonic()
                elif time.monotonic() - since > SLOW_S:
                    raise Unreachable(
                        f"{_host(record)} sends almost nothing; try {record.name} again later."
                    )
    if download.total is not None and download.done != download.total:
        raise FetchError(
            f"The download of {record.name} broke off after {download.done:,} of "
            f"{download.total:,} bytes; try again."
        )


# Files


def _is_torchvision(record) -> bool:
    return record.file.endswith(".pth")


def _converted(record) -> Path:
    from huggingface_hub.constants import HF_ASSETS_CACHE

    return Path(HF_ASSETS_CACHE, "cnn-space", Path(record.file).stem + ".safetensors")


def _looks_right(path: Path, record) -> bool:
    """What can be told without reading the file: its size, and the hash it is filed under."""
    if record.bytes is not None and path.stat().st_size != record.bytes:
        return False
    blob = Path(os.readlink(path)).name if path.is_symlink() else ""
    return not (record.sha256 and len(blob) == 64 and blob != record.sha256)


def _has_hash(path: Path, expected: str) -> bool:
    """Whether ``expected`` is the file's sha256 (64 digits), or git's id of it (40 digits)."""
    if len(expected) == 64:
        digest = hashlib.sha256()
    else:
        digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode())
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest() == expected


# Words


def _is_offline() -> bool:
    from huggingface_hub import constants

    return constants.is_offline_mode()


def _host(record) -> str:
    return record.repo if _is_torchvision(record) else f"{record.repo} on the Hub"


def _explain(error: Exception, record, *, begun: bool) -> tuple[type[FetchError], str]:
    """What went wrong, as the kind of error and one sentence for whoever waits.

    huggingface_hub stands on httpx or on its successor, so the network's errors are told by name.
    """
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    if isinstance(error, FetchError):
        return type(error), str(error)
    if isinstance(error, LocalEntryNotFoundError) and error.__cause__ is not None:
        error = error.__cause__
    kinds = {kind.__name__ for kind in type(error).__mro__}
    name, host = record.name, _host(record)
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    if status in (401, 403):
        return FetchError, (
            f"{host} refuses {name} ({status}): it does not exist or is private; "
            "set HF_TOKEN to a token that may read it."
        )
    if status == 404:
        return FetchError, f"{host} has no {record.file} for {name} (404)."
    if status == 429:
        wait = response.headers.get("Retry-After", "")
        when = f"in {wait} seconds" if wait.isdigit() else "in a few minutes"
        return FetchError, f"{host} asks for a pause (429); try {name} again {when}."
    if status is not None:
        return FetchError, f"{host} fails to answer for {name} ({status}); try again later."
    if "TimeoutException" in kinds:
        silent = "fell silent" if begun else "did not answer"
        return Unreachable, f"{host} {silent} for {ANSWER_S} seconds; try {name} again later."
    if kinds & {"ConnectError", "ProxyError"}:
        return Unreachable, f"{name} is not on this machine, and {host} cannot be reached."
    if kinds & {"TransportError", "OfflineModeIsEnabled"}:
        return FetchError, f"The download of {name} broke off; try again."
    if isinstance(error, HFValidationError):
        return FetchError, f"{record.repo!r} is no Hub repository; it reads USER/NAME."
    if isinstance(error, OSError):
        return FetchError, f"{name} cannot be stored: {error.strerror or error}."
    return FetchError, f"{name} cannot be fetched: {error}"

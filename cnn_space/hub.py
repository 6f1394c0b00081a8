"""Fetch one file of weights: from the cache on this machine, else over the network.

Files of the Hub go through huggingface_hub into its own cache, so that other programs share them.
torchvision's two ``.pth`` files are converted on arrival and lie beside it, as safetensors.

Every wait is bounded: the download runs in a thread of its own, which all who ask for the same
file share, and whoever waits gives up when nothing arrives any more.
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

ANSWER_S = 10  # a host that has not answered by then is taken for down
SILENCE_S = 30  # so long may a download bring less than LITTLE
LITTLE = 1 << 16  # bytes
RESTARTS = 3  # of a download from its beginning
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
    where no host answers: within a second without a network, else within SILENCE_S.
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
    seen, since = 0, time.monotonic()
    while not download.finished.wait(0.25):
        yield download.done, download.total
        if download.moved - seen >= LITTLE:
            seen, since = download.moved, time.monotonic()
        elif time.monotonic() - since > SILENCE_S:
            download.stop = True
            raise Unreachable(
                f"{_host(record)} fell silent: hardly a byte of {record.name} came in "
                f"{SILENCE_S} seconds. Try again later."
            )
    if download.error is not None:
        kind, sentence = download.error
        raise kind(sentence)
    yield download.done, download.total


# One download


class _Download(threading.Thread):
    """One file on its way. ``done`` counts its bytes here, ``moved`` those that came at all."""

    def __init__(self, record, key):
        super().__init__(name=f"fetch {record.name}", daemon=True)
        self.record, self.key = record, key
        self.done, self.moved, self.restarts = 0, 0, 0
        self.total: int | None = None
        self.stop = False
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
            self.error = _explain(error, self.record)
        finally:
            with _lock:
                _running.pop(self.key, None)
            self.finished.set()

    def advance(self, count: int):
        """Count bytes that came, or, below 0, bytes that are thrown away to begin again."""
        self.done += count
        self.moved += max(count, 0)
        self.restarts += count < 0
        if self.restarts > RESTARTS:
            raise FetchError(f"the download of {self.record.name} breaks off again and again.")
        if self.stop:
            raise FetchError(f"the download of {self.record.name} was given up as too slow.")


_lock = threading.Lock()
_running: dict[tuple, _Download] = {}


def _start(record) -> _Download:
    key = (record.repo, record.revision, record.file)
    with _lock:
        if key not in _running:
            _running[key] = _Download(record, key)
            _running[key].start()
        return _running[key]


def _from_hub(record, download: _Download) -> None:
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url

    # Asked once and without retries: hf_hub_download alone takes 23 s to say there is no network.
    url = hf_hub_url(record.repo, record.file, revision=record.revision)
    there = get_hf_file_metadata(url, timeout=ANSWER_S)
    etag = there.etag or ""
    if record.bytes is not None and there.size is not None and there.size != record.bytes:
        raise FetchError(
            f"{_host(record)} holds another {record.file} than the one known here: "
            f"{there.size:,} bytes, not {record.bytes:,}. Update CNN Space."
        )
    if record.sha256 and len(etag) == 64 and etag != record.sha256:
        raise FetchError(
            f"{_host(record)} holds another {record.file} than the one known here: "
            f"sha256 {etag[:12]}…, not {record.sha256[:12]}…. Update CNN Space."
        )
    if there.size is not None and there.size > MAX_BYTES:
        raise FetchError(f"{record.file} of {_host(record)} is too large: {there.size:,} bytes.")
    download.total = there.size
    path = Path(
        hf_hub_download(
            record.repo,
            record.file,
            revision=record.revision,
            etag_timeout=ANSWER_S,
            tqdm_class=_meter(download),
        )
    )
    if not _is_intact(path, record.sha256 or etag):
        _forget(path)
        raise FetchError(f"{record.file} of {_host(record)} arrived damaged; try again.")


def _from_torchvision(record, download: _Download) -> None:
    from huggingface_hub import get_session
    from huggingface_hub.utils import hf_raise_for_status

    from cnn_space import convert

    target = _converted(record)
    target.parent.mkdir(parents=True, exist_ok=True)
    base = os.environ.get("CNN_SPACE_TORCHVISION_URL") or TORCHVISION_URL
    digest = hashlib.sha256()
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=target.parent) as folder:
        arrived, ready = Path(folder, record.file), Path(folder, target.name)
        request = get_session().stream(
            "GET",
            f"{base.rstrip('/')}/{record.file}",
            headers={"Accept-Encoding": "identity"},
            timeout=ANSWER_S,
        )
        with request as response, arrived.open("wb") as file:
            hf_raise_for_status(response)
            download.total = int(response.headers.get("Content-Length", 0)) or None
            for chunk in response.iter_bytes(1 << 20):
                download.advance(len(chunk))
                if download.done > MAX_BYTES:
                    raise FetchError(f"{record.file} of {_host(record)} does not end.")
                digest.update(chunk)
                file.write(chunk)
        # torchvision's file names end with the first 8 digits of their sha256
        if not record.file.endswith(f"-{digest.hexdigest()[:8]}.pth"):
            raise FetchError(f"{record.file} of {_host(record)} arrived damaged; try again.")
        convert.to_safetensors(arrived, ready)
        os.replace(ready, target)


def _meter(download: _Download) -> type:
    """A progress bar that shows nothing and tells the download what came."""
    from tqdm.auto import tqdm

    class Meter(tqdm):
        def __init__(self, *args, **options):
            super().__init__(*args, **{**options, "disable": True})

        def update(self, n: float | None = 1):
            download.advance(int(n or 0))

        def update_transfer(self, n: float):
            """Xet reports what the network brought apart from what is written."""
            download.moved += max(int(n), 0)

    return Meter


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


def _is_intact(path: Path, expected: str) -> bool:
    """Whether the file has the hash ``expected``: a sha256, or git's id of a small file."""
    if re.fullmatch(r"[0-9a-f]{64}", expected):
        digest = hashlib.sha256()
    elif re.fullmatch(r"[0-9a-f]{40}", expected):
        digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode())
    else:
        return True
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest() == expected


def _forget(path: Path) -> None:
    """Take a file out of the cache: the name it has there, and the blob behind it."""
    chain = [path]
    while chain[-1].is_symlink():
        chain.append(chain[-1].parent / os.readlink(chain[-1]))
    for link in chain:
        link.unlink(missing_ok=True)


# Words


def _is_offline() -> bool:
    from huggingface_hub import constants

    return constants.is_offline_mode()


def _host(record) -> str:
    return "torchvision's host" if _is_torchvision(record) else f"the Hub repository {record.repo}"


def _explain(error: Exception, record) -> tuple[type[FetchError], str]:
    """What went wrong, as the kind of error and one sentence for whoever waits.

    huggingface_hub stands on httpx or on its successor, so the network's errors are told by name.
    """
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    if isinstance(error, FetchError):
        sentence = str(error)
        return type(error), sentence[:1].upper() + sentence[1:]
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
        return Unreachable, f"{host} did not answer for {name} within {ANSWER_S} seconds."
    if kinds & {"ConnectError", "ProxyError"}:
        return Unreachable, f"{name} is not on this machine, and {host} cannot be reached."
    if kinds & {"TransportError", "OfflineModeIsEnabled"} or "Consistency check" in str(error):
        return FetchError, f"the download of {name} broke off; try again."
    if isinstance(error, HFValidationError):
        return FetchError, f"{record.repo!r} is no Hub repository; it reads USER/NAME."
    if isinstance(error, OSError):
        return FetchError, f"{name} cannot be stored: {error.strerror or error}."
    return FetchError, f"{name} cannot be fetched: {error}"

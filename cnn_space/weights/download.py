"""The file of a record: from the cache on this machine, else over the network.

Files of the Hub lie in huggingface_hub's own cache, under the hash of their content. torchvision's
two ``.pth`` files are converted on arrival and lie beside it, as safetensors, and so does what a
mirror sends that is no Hub; they too are named by their hash. A download runs in a thread of its
own, which everyone who asks for the same file shares.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from cnn_space.weights import transfer
from cnn_space.weights.digest import digest_like, is_digest
from cnn_space.weights.records import WeightsRecord
from cnn_space.weights.transfer import FetchError, Progress, Unreachable

_log = logging.getLogger(__name__)


def cached(record: WeightsRecord) -> Path | None:
    """Where the file of ``record`` lies on this machine, or None. Never asks the network. The file
    is not read: ``expected_digest`` says what it should be."""
    return next((path for path in _found(record) if _looks_right(path, record)), None)


def expected_digest(record: WeightsRecord, path: Path) -> str | None:
    """The hash that the file ``path`` in the cache should have: a sha256, or a git id; None where
    neither the record nor the name of the file says."""
    return record.sha256 or _named_digest(path)


def drop_damaged(record: WeightsRecord) -> None:
    """Delete the file of ``record`` from the cache where its content is wrong: the snapshot's link
    and the blob behind it, which would be linked again."""
    for path in _found(record):
        # Under its name's hash it may be right, and only of another revision than the record's.
        expected = _named_digest(path) or record.sha256
        if expected and digest_like(expected, path) != expected:
            _log.warning("%s is damaged: deleted", path)
            for file in (path.resolve(), path):
                file.unlink(missing_ok=True)


def fetch(record: WeightsRecord, progress: Callable[[int, int | None], None] | None = None) -> Path:
    """The path of the file of ``record``, from the cache or else downloaded.

    ``progress(done, total)`` is called in this thread about four times a second while bytes
    arrive; ``total`` is None where the host does not say. Raises FetchError, and its subclass
    Unreachable where no host answers: within a second without a network, else in 40 seconds.
    """
    for done, total in follow(record):
        if progress is not None:
            progress(done, total)
    path = cached(record)
    if path is None:  # deleted at this very moment
        raise FetchError(f"{record.file} of {record.name} is gone again; try once more.")
    return path


def follow(record: WeightsRecord) -> Iterator[tuple[int, int | None]]:
    """Download the file of ``record``, yielding ``(done, total)`` in bytes; nothing if it is here.

    Closing the iterator does not stop the download, which serves the next who asks. Raises as
    ``fetch`` does.
    """
    if cached(record) is not None:
        return
    from huggingface_hub import constants

    if not record.repo:
        raise FetchError(
            f"{record.name} is not bundled; set CNN_SPACE_REPO to the Hub repository that holds it."
        )
    if constants.is_offline_mode():
        raise Unreachable(
            f"{record.name} is not on this machine, and nothing is fetched under HF_HUB_OFFLINE."
        )
    download = _start(record)
    progress, longest = download.progress, transfer.ANSWER_S + transfer.SLOW_S
    seen, since = -1, time.monotonic()
    while not download.finished.wait(0.25):
        if progress.done != seen:
            seen, since = progress.done, time.monotonic()
            yield progress.done, progress.total
        elif time.monotonic() - since > longest:  # even the search for its address hangs
            raise Unreachable(
                f"{transfer.host(record)} did not answer for {record.name}; try again later."
            )
    if download.error is not None:
        raise download.error
    yield progress.done, progress.total


def is_coming(record: WeightsRecord) -> bool:
    """Whether the file of ``record`` is on its way here at this moment."""
    return _key(record) in _running


class _Download(threading.Thread):
    """One file on its way."""

    def __init__(self, record: WeightsRecord):
        super().__init__(name=f"fetch {record.name}", daemon=True)
        self.record = record
        self.progress = Progress()
        self.error: FetchError | None = None
        self.finished = threading.Event()

    def run(self):
        bring = transfer.from_hub
        if transfer.is_torchvision(self.record):
            bring = transfer.from_torchvision
        try:
            drop_damaged(self.record)
            bring(self.record, self.progress)
        except Exception as error:
            _log.info("fetching %s: %r", self.record.name, error)
            self.error = transfer.explain(error, self.record, begun=self.progress.done > 0)
        finally:
            with _lock:
                _running.pop(_key(self.record), None)
            self.finished.set()


_lock = threading.Lock()
_running: dict[tuple[str | None, str | None, str], _Download] = {}


def _key(record: WeightsRecord) -> tuple[str | None, str | None, str]:
    return record.repo, record.revision, record.file


def _start(record: WeightsRecord) -> _Download:
    """The download of this file: the one that runs, or a new one."""
    with _lock:
        if _key(record) not in _running:
            _running[_key(record)] = download = _Download(record)
            download.start()
        return _running[_key(record)]


def _found(record: WeightsRecord) -> list[Path]:
    """Files on this machine under the names that the record's file may have."""
    if not record.repo:
        return []
    found = list(transfer.own_folder(record).glob("*.safetensors"))
    if transfer.is_torchvision(record):
        return found
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        path = try_to_load_from_cache(record.repo, record.file, revision=record.revision)
    except HFValidationError:
        return []
    return [Path(path), *found] if isinstance(path, str) else found


def _named_digest(path: Path) -> str | None:
    """The hash that the name of a file in a cache says, or None; a snapshot links to its blob."""
    name = path.resolve().name.removesuffix(".safetensors")
    return name if is_digest(name) else None


def _looks_right(path: Path, record: WeightsRecord) -> bool:
    """Whether the file has the record's size, and lies under the record's hash where it lies under
    one. The file is not read."""
    if record.bytes is not None and path.stat().st_size != record.bytes:
        return False
    named = _named_digest(path) or ""
    return not (record.sha256 and len(named) == 64 and named != record.sha256)

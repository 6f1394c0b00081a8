"""The catalogue: everything that ``load`` takes by name. First the nets of ``CHECKPOINTS``, then
those that others published."""

import contextlib
import difflib
import functools
import logging
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cnn_space.settings import Settings
from cnn_space.weights import download, published, records
from cnn_space.weights.records import WeightsRecord

# The folder of the bundled weights and their cards. Tests set this variable to a folder of theirs.
CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"

DEFAULT = "googlenet.cifar10"

# ``pip install .`` copies the package alone.
_WAY_OUT = (
    "Install with pip install -e . in the folder of the repository, whose checkpoints/ has them, "
    "or fetch others: python -m cnn_space fetch resnet18.tv_in1k"
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Catalogue:
    """The weights of one moment, by name, in the order in which they are listed.

    ``errors`` holds a sentence for each card that is wrong, and for each file that is missing
    and has no repository to come from.
    """

    records: Mapping[str, WeightsRecord]
    errors: Mapping[str, str]

    def find(self, name: str) -> WeightsRecord:
        """The record of ``name``. Raises ValueError as ``record`` does."""
        if name in self.records:
            return self.records[name]
        if name in self.errors:
            raise ValueError(self.errors[name])
        nearest = _nearest(str(name), list(self.records))
        if not CHECKPOINTS.is_dir():
            nearest += f" The project's own nets are not here. {_WAY_OUT}"
        raise ValueError(f"unknown weights {name!r}: {nearest}")


def current() -> Catalogue:
    """The catalogue as the folder is now; cards are read again only where something changed."""
    return _read(CHECKPOINTS, tuple(_files(CHECKPOINTS)), Settings.read().repo)


def list_weights() -> list[str]:
    """Names that ``load`` takes: bundled first, by data and then from the best down; then those
    on the Hub."""
    return list(current().records)


def is_known(name: object) -> bool:
    """Whether ``list_weights`` holds ``name``."""
    return isinstance(name, str) and name in current().records


def record(name: str) -> WeightsRecord:
    """The record of ``name`` (``"arch.tag"``).

    Raises ValueError for an unknown name, with the nearest ones, for a card that is wrong, and for
    a bundled file that is missing and has no repository to come from.
    """
    return current().find(name)


def is_local(name: str) -> bool:
    """Whether ``load(name)`` needs no network: bundled, or in the Hub's cache."""
    item = record(name)
    return item.source == "bundled" or download.cached(item) is not None


def is_coming(name: str) -> bool:
    """Whether the named weights are being downloaded at this moment, whoever asked for them."""
    return download.is_coming(record(name))


def default() -> str:
    """The net that answers where none is asked for: one that needs no network.

    Raises ValueError where all nets need it.
    """
    local = [name for name in list_weights() if is_local(name)]
    if not local:
        raise ValueError(f"no net is here yet: {_nearest('', [])}")
    return DEFAULT if DEFAULT in local else local[0]


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    """The cards and weights files in ``folder`` by name; of a card also when it changed last."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:  # there is no such folder
        return
    for entry in entries:
        with contextlib.suppress(OSError):  # it was deleted a moment ago
            if entry.name.endswith(".json"):
                yield entry.name, entry.stat().st_mtime_ns
            elif entry.name.endswith(".safetensors") and entry.is_file():
                yield entry.name, 0


@functools.lru_cache(maxsize=4)
def _read(folder: Path, files: tuple[tuple[str, int], ...], repo: str | None) -> Catalogue:
    """The catalogue of a ``folder`` that holds ``files``; what it lacks comes from ``repo``."""
    names = {name for name, _ in files}
    items, errors = [], {}
    for path in (folder / name for name in names if name.endswith(".json")):
        try:
            items.append(_bundled(path, names, repo))
        except ValueError as error:
            _log.warning("%s", error)
            errors[path.stem] = str(error)
    items.sort(key=lambda i: (i.source != "bundled", i.data, -(i.accuracy or 0.0), i.name))
    bundled = {item.name: item for item in items}
    taken = {*bundled, *errors}
    others = {item.name: item for item in published.records() if item.name not in taken}
    return Catalogue(bundled | others, errors)


def _bundled(path: Path, names: Collection[str], repo: str | None) -> WeightsRecord:
    """The record of the card at ``path``, whose folder holds ``names``."""
    item = records.from_card(path, "bundled")
    if item.name != path.stem:
        raise ValueError(f"{path}: it calls itself {item.name!r}; name and file must agree")
    if item.file in names:
        return item
    if repo:
        return replace(item, source="hub", repo=repo)
    raise ValueError(
        f"{path.with_name(item.file)} is missing. Restore it (git checkout -- checkpoints), "
        "or set CNN_SPACE_REPO to the Hub repository that holds it."
    )


def _nearest(name: str, names: list[str]) -> str:
    if not names:
        return f"there are none in {CHECKPOINTS}. {_WAY_OUT}"
    lowered = {known.lower(): known for known in names}
    near = difflib.get_close_matches(name.lower(), lowered, n=3, cutoff=0.5)
    near = near or [known for known in lowered if known.startswith(name.lower().split(".")[0])][:3]
    if near:
        return "did you mean " + " or ".join(lowered[known] for known in near) + "?"
    return "known are " + ", ".join(names)

"""Image sets on the Hugging Face Hub: a public one streamed for a visitor, who may be anybody, or
one downloaded whole for training."""

import json
import math
import re
import threading
from collections import Counter
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_space.images.collector import Collector, clean_name, display_name
from cnn_space.images.limits import Limits
from cnn_space.images.readers.columns import Columns, find_columns
from cnn_space.images.readers.parquet import Table, split_names
from cnn_space.images.visitor_set import DataError, VisitorSet

if TYPE_CHECKING:
    import datasets

    from cnn_space.images.sources import Source


FINISH_SECONDS = 20  # to stop reading and make a set of what came
STRETCHES = 16  # of a stream that rows are taken from


def open_builder(repo: str, config: str | None, **options) -> "datasets.DatasetBuilder":
    """What reads a set on the Hub. Raises what ``datasets`` raises, of many families.

    ``datasets`` runs no scripts any more. A set that comes as one (``frgfm/imagenette`` did) is
    read from the Parquet files that the Hub has made of it, a folder for each configuration.
    """
    import datasets

    try:
        return datasets.load_dataset_builder(repo, config, **options)
    except RuntimeError as error:
        folder = config or "default"
        if "no longer supported" not in str(error) or not re.fullmatch(r"\w[\w.-]*", folder):
            raise
        converted = {"data_dir": folder, "revision": "refs/convert/parquet"}
        return datasets.load_dataset_builder(repo, **converted, **options)


def download(source: "Source", split: str) -> Table:
    """One split of a set on the Hub, all of it, kept in the cache of ``datasets``.

    Raises ValueError where the set or the split cannot be had.
    """
    try:
        builder = open_builder(source.hub, source.config)
        builder.download_and_prepare()
        splits = builder.as_dataset()
        split_name = next((name for name in split_names(split) if name in splits), None)
        if split_name is None:
            raise ValueError(f"no {split} split among {', '.join(splits)}")
        rows = splits[split_name]
    except Exception as error:  # not one family: OSError, DatasetsError, httpx errors
        raise ValueError(
            f"{source.hub} cannot be read as an image set from the Hub ({error}): check its name "
            "and the network, or give a folder of Parquet files (--data-dir)"
        ) from error
    return Table(rows.with_format("arrow")[:], rows.features.to_dict(), split_name)


def read_hub(name: str, limits: Limits | None = None) -> VisitorSet:
    """Images of a public set on the Hub, ``"owner/name"`` or ``"owner/name:config"``, streamed.

    Reads the train split (or the first), from across it and the classes evenly, until there are
    enough or the time is over. No token is used: a visitor sees what the public sees. Raises
    DataError.
    """
    limits = limits or Limits.read()
    repo, _, config = name.strip().partition(":")
    if not _is_hub_name(repo):
        raise DataError("hub_name", name=display_name(name) or "“”")
    outcome: list[VisitorSet | BaseException] = []

    def work() -> None:
        try:
            outcome.append(read_rows(_open_public(repo, config or None), repo, limits))
        except BaseException as error:
            outcome.append(error)

    # In a thread, since a silent host would hold the caller for minutes.
    thread = threading.Thread(target=work, name="hub-reader", daemon=True)
    thread.start()
    thread.join(limits.reading_seconds + FINISH_SECONDS)
    if not outcome:
        raise DataError("hub_slow", seconds=limits.reading_seconds)
    if isinstance(outcome[0], DataError):
        raise outcome[0]
    if isinstance(outcome[0], BaseException):
        raise DataError("hub_unreadable", name=repo) from outcome[0]
    return outcome[0]


def read_rows(rows: "datasets.IterableDataset", name: str, limits: Limits) -> VisitorSet:
    """Images of a streamed set; stops as soon as there are enough.

    Raises DataError for a set without images and labels, or with too few of either.
    """
    features = rows.features or {}
    columns = find_columns(list(features), features.to_dict() if features else {})
    if columns is None:
        found = display_name(", ".join(features)) or "none"
        raise DataError("hub_columns", name=name, columns=found)
    classes = columns.classes
    if classes and len(classes) > limits.classes:
        raise DataError("too_many_classes", count=len(classes), limit=limits.classes)
    order = list(dict.fromkeys(map(clean_name, classes))) if classes else None
    with Collector(limits) as collector:
        collector.expect(limits.images)
        is_whole = _collect_rows(rows, columns, collector, limits)
        visitor_set = collector.finish(name, order)
    if is_whole or not order:
        return visitor_set
    unreached = (label for label in order if label not in visitor_set.images.classes)
    return replace(visitor_set, unreached=tuple(unreached))


def _collect_rows(
    rows: "datasets.IterableDataset", columns: Columns, collector: Collector, limits: Limits
) -> bool:
    """Offer rows from across the set to the collector, of each class only its share of
    ``limits.images``; tells whether no row was left."""
    import datasets

    image, label, classes = columns
    share = math.ceil(limits.images / max(2, len(classes or ())))
    most_bytes = limits.image_mb * 2**20
    taken: Counter = Counter()  # by label
    stretches = _stretches(rows)
    most_rows = math.ceil(10 * limits.images / len(stretches))
    most_photos = math.ceil(limits.images / len(stretches))
    is_whole = True
    for place, stretch in stretches:
        stretch = stretch.select_columns([image, label])
        before = len(collector)
        for number, row in enumerate(stretch.cast_column(image, datasets.Image(decode=False))):
            value, name = row[label], f"row {place}{number}"
            is_full = len(collector) >= min(limits.images, before + most_photos)
            if is_full or number >= most_rows or collector.is_late:
                is_whole = False
                break
            if value is None or (classes and not 0 <= value < len(classes)):
                collector.leave_out("no_class", name)
            elif taken[value] >= share:
                collector.leave_out("over_limit", name)
            elif (data := _encoded_image(row[image], most_bytes)) is None:
                collector.leave_out("not_image", name)
            elif len(data) > most_bytes:
                collector.leave_out("image_too_big", name)
            elif collector.add(name, clean_name(str(classes[value] if classes else value)), data):
                taken[value] += 1
    return is_whole


def _stretches(rows: "datasets.IterableDataset") -> list[tuple[str, "datasets.IterableDataset"]]:
    """Up to STRETCHES parts of a stream, each with what goes before the number of its rows. Those
    far from one another come first: a set may be sorted by class, and the time may not suffice."""
    if rows.num_shards < STRETCHES:
        rows = rows.reshard()  # a Parquet file's groups of rows
    count = min(rows.num_shards, STRETCHES)
    if count == 1:
        return [("", rows)]
    bits = (count - 1).bit_length()
    order = sorted(range(count), key=lambda number: f"{number:0{bits}b}"[::-1])
    return [(f"{k + 1}/{count}:", rows.shard(count, k)) for k in order]


def _encoded_image(value: dict | None, most_bytes: int) -> bytes | None:
    """The encoded image of a row. A row may name a file instead: only one on the Hub, or in an
    archive there, is opened, and no more of it read than shows that it is above ``most_bytes``."""
    if not value:
        return None
    if value.get("bytes"):
        return value["bytes"]
    path = value.get("path") or ""
    # fsspec's chain: each part is a member of the archive that the next part names.
    *members, last = path.split("::")
    in_archives = all(member.startswith(("zip://", "tar://")) for member in members)
    if not (in_archives and last.startswith("hf://")):
        return None
    import fsspec

    try:
        with fsspec.open(path, "rb", hf={"token": False}) as file:
            return file.read(most_bytes + 1)
    except Exception:  # as many kinds as fsspec has hosts and archives: this row alone is lost
        return None


def _is_hub_name(repo: str) -> bool:
    from huggingface_hub.utils import HFValidationError, validate_repo_id

    try:
        validate_repo_id(repo)
    except HFValidationError:
        return False
    # A name that is also a path here would make ``datasets`` read this machine's disk.
    return repo.count("/") == 1 and not Path(repo).exists()


def _open_public(repo: str, config: str | None) -> "datasets.IterableDataset":
    """The train split (or the first) of a public set, whose files all lie on the Hub."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    try:
        info = HfApi(token=False).dataset_info(repo, timeout=10)
    except RepositoryNotFoundError as error:
        raise DataError("hub_unknown", name=repo) from error
    except HfHubHTTPError as error:  # too many requests (429), or down (500 and above)
        raise DataError("hub_fails", status=error.response.status_code) from error
    except Exception as error:  # not one family: OSError, httpx errors
        raise DataError("hub_offline") from error
    import datasets

    # A set's own description of its files may name some of this machine, or of one that this
    # machine reaches: refused before ``datasets`` looks for them, and again once it has.
    if _names_other_places(info):
        raise DataError("hub_unreadable", name=repo)
    if config is None:
        configs = datasets.get_dataset_config_names(repo, token=False)
        if len(configs) > 1 and "default" not in configs:
            raise DataError("hub_configs", name=repo, first=configs[0])
    builder = open_builder(repo, config, token=False)
    files = [str(file) for file in chain.from_iterable((builder.config.data_files or {}).values())]
    # "::" would chain another place behind it.
    on_hub = [file for file in files if file.startswith("hf://datasets/") and "::" not in file]
    if not files or on_hub != files:
        raise DataError("hub_unreadable", name=repo)
    splits = builder.as_streaming_dataset()
    return splits["train"] if "train" in splits else next(iter(splits.values()))


def _names_other_places(info) -> bool:
    """Whether a set's card (``huggingface_hub.DatasetInfo``) names files by an absolute path or an
    address, or a second card may, which only ``datasets`` reads."""
    configs = json.dumps((info.card_data or {}).get("configs"), default=str)
    files = {item.rfilename for item in info.siblings or ()}
    return "://" in configs or '"/' in configs or ".huggingface.yaml" in files

"""Image sets as Parquet files in a folder, laid out as on the Hugging Face Hub."""

import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cnn_space.images.sources import find_source

if TYPE_CHECKING:
    import pyarrow


class Table(NamedTuple):
    """One split of a set, all its rows, not decoded."""

    rows: "pyarrow.Table"
    features: dict[str, object]  # what Hugging Face's metadata says of the columns; may be empty
    split_name: str  # as the set's publisher calls the split


def split_names(split: str) -> tuple[str, ...]:
    """What publishers call a split: ``"train"``, or ``"eval"`` for the one to measure on."""
    return ("train",) if split == "train" else ("test", "validation", "valid", "val")


def read_parquet(folder: Path, name: str, split: str) -> Table:
    """The rows of the set ``name`` in ``folder``, in ``folder/name``, or in the folders below
    either that the Hub uses. Raises ValueError where there are no files of that split."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not folder.exists():
        raise ValueError(f"there is no file or folder {folder}")
    short = Path(name).name
    root = next((folder / part for part in (name, short) if (folder / part).is_dir()), folder)
    # Any other folder may hold another set.
    inside = (find_source(name).config, "data", "default", "plain_text", short)
    places = [root, *(root / part for part in inside if part)]
    for split_name, place in itertools.product(split_names(split), places):
        # train.parquet, train-00000-of-00002.parquet, or train/0000.parquet
        patterns = (f"{split_name}.parquet", f"{split_name}-*.parquet", f"{split_name}/*.parquet")
        files = sorted(path for pattern in patterns for path in place.glob(pattern))
        if files:
            break
    else:
        names = " or ".join(f"{split_name}*.parquet" for split_name in split_names(split))
        raise ValueError(f"no {names} in {root}: give the folder that holds the set's files")
    rows = pa.concat_tables([pq.read_table(path) for path in files])
    metadata = json.loads((rows.schema.metadata or {}).get(b"huggingface", b"{}"))
    return Table(rows, metadata.get("info", {}).get("features", {}), split_name)

"""Photos in one folder a class, or in a zip, to train a net on or to measure one on."""

from pathlib import Path

from cnn_space.images.limits import Limits
from cnn_space.images.preprocessing import Preprocessing
from cnn_space.images.purpose import Purpose
from cnn_space.images.readers.folder import read_folder
from cnn_space.images.readers.zip import read_zip
from cnn_space.images.visitor_set import VisitorSet
from cnn_space.settings import MOST

# Pixels a side that photos are trained at where nothing else is asked for: smaller ones keep their
# size. A net from scratch has little to gain from more, and costs grow with the square.
SIDE = 96

# The photos are the operator's own: nothing is left out because there is much of it.
_UNBOUNDED = dict.fromkeys(
    ("images", "classes", "mb", "unpacked_mb", "entries", "memory_mb", "reading_seconds"), MOST
)


def holds_photos(path: Path) -> bool:
    """Whether ``path`` is a zip, or a folder without Parquet files: photos, if anything."""
    return path.is_file() or (path.is_dir() and next(path.rglob("*.parquet"), None) is None)


def read_photos(
    path: Path, *, preprocessing: Preprocessing | None = None, to_measure: bool = False
) -> VisitorSet:
    """The photos in the zip or folder ``path``, with one folder a class.

    What the set's maker holds out stays so: the test part, or else the validation part. With
    ``to_measure`` that part alone is read, or all where there is none. Each image is what a net
    with ``preprocessing`` sees of a photo; without it, the central square of at most SIDE pixels.
    Raises DataError (a ValueError) for what cannot be used.
    """
    limits = Limits(**_UNBOUNDED, side=SIDE)
    purpose = Purpose(test_first=True, to_measure=to_measure, preprocessing=preprocessing)
    read = read_zip if path.is_file() else read_folder
    return read(path, limits, purpose)

"""One split of an image set for training or measuring, read whole and decoded once.

It is kept as ``uint8 [N, 3, side, side]``: a batch is then one gather on the device that trains,
and no Python loop touches an image again.
"""

import io
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from cnn_space.images.image_set import ImageSet
from cnn_space.images.photo import NET_SIDE, open_trusted
from cnn_space.images.preprocessing import MAX_SIDE, Preprocessing, center_crop
from cnn_space.images.readers.columns import find_columns
from cnn_space.images.readers.hub import download
from cnn_space.images.readers.parquet import Table, read_parquet
from cnn_space.images.sources import find_source


def read_split(
    name: str,
    split: str,
    *,
    folder: str | Path | None = None,
    side: int | None = None,
    preprocessing: Preprocessing | None = None,
) -> ImageSet:
    """The images of one split (``"train"``, or ``"eval"`` for the set's test or validation split).

    ``name`` is a key of SOURCES or any image set on the Hub; with ``folder`` its Parquet files are
    read from there (or from ``folder/name``) and nothing is asked of the network. ``preprocessing``
    gives each image as a net with it sees a photo; ``side`` scales the shorter side to that many
    pixels and keeps the centre square. Raises ValueError for a picture that ``photo.open_photo``
    refuses (damaged, above 50 million pixels or below 8 a side), for a folder without such files,
    a set without image and label columns, or mixed sizes and neither of the two.
    """
    source = find_source(name)
    table = download(source, split) if folder is None else read_parquet(Path(folder), name, split)
    encoded, labels, classes = _columns(table, name)
    side = side or source.side
    if preprocessing is None and side is not None:
        preprocessing = Preprocessing(side, side)
    images = decode(encoded, preprocessing)
    note = _encoding(encoded[0]) if source.lossless else f"{images.shape[-1]} px"
    return ImageSet(images, torch.tensor(labels), classes, source.title, note, table.split_name)


def decode(encoded: Sequence[bytes], preprocessing: Preprocessing | None = None) -> torch.Tensor:
    """Encoded images as ``uint8 [N, 3, size, size]``: what a net with this ``preprocessing`` sees
    of each (upright RGB, scaled and cut), or without one the images as they are stored.

    Raises ValueError for one that cannot be decoded, and when ``preprocessing`` is None and the
    images are not all of one square size.
    """
    if not encoded:
        raise ValueError("no images to decode")
    if preprocessing is None:
        side = _common_side(encoded)
        preprocessing = Preprocessing(side, side)
    size = preprocessing.size
    images = np.empty((len(encoded), 3, size, size), np.uint8)

    def work(start: int) -> None:
        for i in range(start, min(start + 256, len(encoded))):
            with _naming(i):
                # Reduced as a photo on the page is, so that a net sees the same pixels.
                image = open_trusted(encoded[i], max(NET_SIDE, preprocessing.resize))
                image = center_crop(image, preprocessing)
            images[i] = np.asarray(image).transpose(2, 0, 1)

    # PIL decodes without the GIL, but for thumbnails handing it over costs more than the decoding.
    is_large = sum(map(len, encoded)) > 4096 * len(encoded)
    with ThreadPoolExecutor(min(16, os.cpu_count() or 1) if is_large else 1) as pool:
        list(pool.map(work, range(0, len(encoded), 256)))
    return torch.from_numpy(images)


def _columns(table: Table, name: str) -> tuple[list[bytes], list[int], tuple[str, ...]]:
    """The encoded images, their class numbers, and the names of the classes."""
    columns = find_columns(table.rows.column_names, table.features)
    if columns is None:
        raise ValueError(
            f"{name} needs an image and a label column; it has {', '.join(table.rows.column_names)}"
        )
    labels = table.rows.column(columns.label).to_pylist()
    if any(isinstance(value, (list, dict)) for value in labels):
        raise ValueError(f"{name} has more than one label for an image ({columns.label})")
    if None in labels:
        raise ValueError(f"{name} has images without a label (null) in this split")
    classes = columns.classes
    if classes is None:  # plain integers or strings: their own values are the names
        values = sorted(set(labels))
        classes = tuple(str(value) for value in values)
        labels = [values.index(value) for value in labels]
    if min(labels, default=0) < 0:
        raise ValueError(f"{name} has images without a label (negative) in this split")
    encoded = []
    for number, value in enumerate(table.rows.column(columns.image).to_pylist()):
        with _naming(number):
            encoded.append(_stored_bytes(value))
    return encoded, labels, classes


def _stored_bytes(value) -> bytes:
    """The bytes of an image column's value: themselves, or a dict of ``bytes`` or a ``path``."""
    if isinstance(value, dict):
        value = value["bytes"] or (value["path"] and Path(value["path"]).read_bytes())
    if not value:
        raise ValueError("there is none")
    return value


def _common_side(encoded: Sequence[bytes]) -> int:
    """The side that all images have, which are square. Raises ValueError where they are not."""
    sizes = set()
    for number, item in enumerate(encoded):
        with _naming(number):
            sizes.add(Image.open(io.BytesIO(item)).size)
    if len(sizes) > 1 or len(set(*sizes)) > 1:
        raise ValueError(f"the images are of {len(sizes)} sizes: give one (--image-size)")
    side = sizes.pop()[0]
    if side > MAX_SIDE:
        raise ValueError(f"the images have {side} pixels a side: give {MAX_SIDE} or less "
                         "(--image-size)")  # fmt: skip
    return side


def _encoding(encoded: bytes) -> str:
    """How the pixels were stored: ``"original pixels"``, or ``"JPEG-75 copy"``."""
    image = Image.open(io.BytesIO(encoded))
    if image.format != "JPEG":
        return "original pixels"
    # Which quality makes libjpeg write this luminance table? Ask it.
    for quality in range(100, 0, -1):
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8)).save(buffer, "JPEG", quality=quality)
        if Image.open(buffer).quantization[0] == image.quantization[0]:
            return f"JPEG-{quality} copy"
    return "JPEG copy"


@contextmanager
def _naming(number: int) -> Iterator[None]:
    """What is raised for a broken or missing image as a ValueError that says which one it is."""
    try:
        yield
    except Exception as error:  # Pillow's decoders raise whatever broken bytes lead them to
        raise ValueError(f"image {number} of the set cannot be decoded: {error}") from error

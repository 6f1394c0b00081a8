"""Image sets as tensors in memory, their split, and augmentation of whole batches.

A set is read from Parquet files as the Hugging Face Hub lays them out (an image column of
``{bytes, path}``, an integer label whose class names travel in the file's metadata), from a folder
or from the Hub itself. It is decoded once and kept as ``uint8 [N, 3, side, side]``: a batch is then
one gather on the device that trains, and no image is ever touched by a Python loop again.
"""

import functools
import io
import itertools
import json
import math
import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from cnn_space.images.photo import BROKEN, to_rgb
from cnn_space.images.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing, center_crop

CIFAR_MEAN, CIFAR_STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


@dataclass(frozen=True)
class ImageSet:
    """Labelled images in memory.

    ``images`` is ``uint8 [N, 3, H, W]``, or float of any shape ``[N, ...]`` for what needs no
    normalising any more (cached features); ``labels`` is ``int64 [N]``.
    """

    images: torch.Tensor
    labels: torch.Tensor
    classes: tuple[str, ...]
    name: str = ""
    note: str = ""
    split_name: str = ""  # as the set's publisher calls it

    def __post_init__(self):
        if len(self.images) != len(self.labels):
            raise ValueError(f"{len(self.images)} images but {len(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def side(self) -> int:
        """Height of the images in pixels (they are square)."""
        return self.images.shape[-2]

    def to(self, device) -> "ImageSet":
        return self._with(self.images.to(device), self.labels.to(device))

    def subset(self, index: torch.Tensor) -> "ImageSet":
        return self._with(self.images[index], self.labels[index])

    def split(self, holdout: int, *, seed: int = 0) -> tuple["ImageSet", "ImageSet"]:
        """``(rest, held out)``: ``holdout`` images drawn at random in the set's class proportions.

        The order of the images is kept, and what is held out of each class begins the same with
        every ``holdout``. Raises ValueError unless 0 <= holdout < len(self).
        """
        if not 0 <= holdout < len(self):
            raise ValueError(f"can hold out 0 to {len(self) - 1} images of {len(self)}: {holdout}")
        labels = self.labels.cpu()
        generator = torch.Generator().manual_seed(seed)
        # Largest remainders: the shares add up to `holdout` and none is off by a whole image.
        exact = torch.bincount(labels, minlength=len(self.classes)) * (holdout / len(self))
        share = exact.floor().long()
        share[(exact - share).argsort(descending=True)[: holdout - int(share.sum())]] += 1
        held = torch.zeros(len(self), dtype=torch.bool)
        for label, count in enumerate(share.tolist()):
            members = (labels == label).nonzero().flatten()
            held[members[torch.randperm(len(members), generator=generator)[:count]]] = True
        held = held.to(self.labels.device)
        return self.subset(~held), self.subset(held)

    def numbered_as(self, classes: Sequence[str]) -> "ImageSet":
        """The same images with the class numbers of ``classes``, matched by name: a set without
        metadata numbers what it happens to hold. Raises ValueError for a class not among them."""
        if tuple(classes) == self.classes:
            return self
        strange = [name for name in self.classes if name not in classes]
        if strange:
            raise ValueError(f"{self.name} has classes that the net does not know: "
                             f"{', '.join(strange[:5])}")  # fmt: skip
        number = torch.tensor([list(classes).index(name) for name in self.classes])
        labels = number.to(self.labels.device)[self.labels]
        return replace(self, labels=labels, classes=tuple(classes))

    def _with(self, images, labels) -> "ImageSet":
        return replace(self, images=images, labels=labels)


@dataclass(frozen=True)
class Source:
    """A set known by a short name: where the Hub has it, and how it is usually used."""

    title: str
    hub: str
    config: str | None = None
    side: int | None = None  # None: as stored
    holdout: int = 5000  # images of train kept for every choice
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    lossless: bool = True  # published as PNG: a JPEG of it is a copy, which its figures must say


SOURCES = {
    "cifar10": Source("CIFAR-10", "uoft-cs/cifar10", side=32, mean=CIFAR_MEAN, std=CIFAR_STD),
    "stl10": Source("STL-10", "tanganke/stl10", side=96, holdout=500),
    "imagenette": Source(
        "Imagenette",
        "frgfm/imagenette",
        config="160px",
        side=160,
        holdout=500,  # of 9,469: the set is small
        lossless=False,
    ),
}


def source(name: str) -> Source:
    """What is known of the set ``name``, a key of SOURCES or its Hub name; any other Hub name or
    folder gets plain defaults."""
    known = (one for key, one in SOURCES.items() if name in (key, one.hub))
    return next(known, None) or Source(Path(name).name, name, holdout=0, lossless=False)


def tag(name: str) -> str:
    """The short name that weights trained on this set carry: ``cifar10``, ``my_flowers``."""
    return "".join(c if c.isalnum() else "_" for c in Path(name).name.lower())


def origin(told: dict) -> str | None:
    """The Hub name of the set that the ``data`` of a card tells of: its ``source``, else that of
    its ``tag``, which is no name by itself, since another's set may have the same."""
    known = SOURCES.get(told.get("tag"))
    return told.get("source") or (known.hub if known else None)


def read(
    name: str,
    split: str,
    *,
    folder: str | Path | None = None,
    side: int | None = None,
    preprocessing: Preprocessing | None = None,
) -> ImageSet:
    """The images of one split (``"train"``, or ``"eval"`` for the set's test or validation split).

    ``name`` is a key of SOURCES or any image set on the Hub; with ``folder`` its Parquet files are
    read from there (or from ``folder/name``) and nothing is asked of the network. ``side`` resizes
    the shorter side to that many pixels and keeps the centre square; ``preprocessing`` makes of a
    picture what the net that has it sees. Raises ValueError for a picture that ``photo.to_rgb``
    refuses (damaged, above 50 million pixels or below 8 a side), for a folder
    without such files, a set without image and label columns, or mixed sizes and no side.
    """
    known = source(name)
    if folder is not None:
        table, features, found = _parquet(Path(folder), name, split)
    else:
        table, features, found = _hub(known, split)
    encoded, labels, classes = _columns(table, features, name)
    side = side or known.side
    if preprocessing is None and side is not None:
        preprocessing = Preprocessing(side, side)
    images = decode(encoded, preprocessing)
    note = _encoding(encoded[0]) if known.lossless else f"{images.shape[-1]} px"
    return ImageSet(images, torch.tensor(labels), classes, known.title, note, found)


def _split_names(split: str) -> tuple[str, ...]:
    return ("train",) if split == "train" else ("test", "validation", "valid", "val")


def _parquet(folder: Path, name: str, split: str):
    import pyarrow as pa
    import pyarrow.parquet as pq

    short = Path(name).name
    own = (folder / part for part in (name, short))
    root = next((place for place in own if place.is_dir()), folder)
    # as they are, or as the Hub lays them out; any other folder may hold another set
    inside = (source(name).config, "data", "default", "plain_text", short)
    places = [root, *(root / part for part in inside if part)]
    for wanted, place in itertools.product(_split_names(split), places):
        # train.parquet, train-00000-of-00002.parquet, or train/0000.parquet
        shapes = (f"{wanted}.parquet", f"{wanted}-*.parquet", f"{wanted}/*.parquet")
        files = sorted(path for shape in shapes for path in place.glob(shape))
        if files:
            break
    else:
        names = " or ".join(f"{wanted}*.parquet" for wanted in _split_names(split))
        raise ValueError(f"no {names} in {root}: give the folder that holds the set's files")
    table = pa.concat_tables([pq.read_table(path) for path in files])
    info = json.loads((table.schema.metadata or {}).get(b"huggingface", b"{}"))
    return table, info.get("info", {}).get("features", {}), wanted


def _hub(known: Source, split: str):
    try:
        builder = hub_builder(known.hub, known.config)
        builder.download_and_prepare()
        splits = builder.as_dataset()
        found = next((wanted for wanted in _split_names(split) if wanted in splits), None)
        if found is None:
            raise ValueError(f"no {split} split among {', '.join(splits)}")
        rows = splits[found]
    except Exception as error:  # not one family: OSError, DatasetsError, httpx errors
        raise ValueError(
            f"{known.hub} cannot be read as an image set from the Hub ({error}): check its name "
            "and the network, or give a folder of Parquet files (--data-dir)"
        ) from error
    return rows.with_format("arrow")[:], rows.features.to_dict(), found


def hub_builder(repo: str, config: str | None, **options):
    """What reads a set on the Hub, a ``datasets.DatasetBuilder``; raises what ``datasets`` raises.

    One that comes as a script, which ``datasets`` runs no more (``frgfm/imagenette`` did), is read
    from the Parquet files that the Hub has made of it, a folder for each configuration.
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


def _columns(table, features: dict, name: str):
    """``(list of bytes, list of int, class names)`` out of an Arrow table and its HF features."""
    kinds = {column: kind.get("_type") for column, kind in features.items() if type(kind) is dict}
    columns = table.column_names

    def choose(kind: str, *usual: str) -> str | None:
        typed = [column for column in columns if kinds.get(column) == kind]
        # A set may have several labels (fine, coarse): the usual name wins, then the first.
        return next((column for column in usual if column in (typed or columns)), None) or (
            typed[0] if typed else None
        )

    image, label = choose("Image", "img", "image"), choose("ClassLabel", "label", "labels", "fine")
    if image is None or label is None:
        raise ValueError(f"{name} needs an image and a label column; it has {', '.join(columns)}")
    labels = table.column(label).to_pylist()
    if any(isinstance(value, (list, dict)) for value in labels):
        raise ValueError(f"{name} has more than one label for an image ({label})")
    if None in labels:
        raise ValueError(f"{name} has images without a label (null) in this split")
    classes = features.get(label, {}).get("names")
    if classes is None:  # plain integers or strings: their own values are the names
        values = sorted(set(labels))
        classes, labels = [str(value) for value in values], [values.index(v) for v in labels]
    if min(labels, default=0) < 0:
        raise ValueError(f"{name} has images without a label (negative) in this split")
    encoded = []
    for number, value in enumerate(table.column(image).to_pylist()):
        with _telling(number):
            encoded.append(_bytes(value))
    return encoded, labels, tuple(classes)


def _bytes(value) -> bytes:
    if isinstance(value, dict):
        value = value["bytes"] or (value["path"] and Path(value["path"]).read_bytes())
    if not value:
        raise ValueError("there is none")
    return value


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
def _telling(number: int) -> Iterator[None]:
    """What is raised for a broken or missing image as a ValueError that says which one it is."""
    try:
        yield
    except (*BROKEN, Image.DecompressionBombError) as error:
        raise ValueError(f"image {number} of the set cannot be decoded: {error}") from error


def decode(encoded: Sequence[bytes], preprocessing: Preprocessing | None = None) -> torch.Tensor:
    """Encoded images to ``uint8 [N, 3, size, size]``: what a net with this ``preprocessing`` is
    shown of each (upright RGB, scaled and cut), or without one the images as they are stored.

    Raises ValueError when ``preprocessing`` is None and the images are not all of one square size,
    and for one that is no image.
    """
    if not encoded:
        raise ValueError("no images to decode")
    if preprocessing is None:
        sizes = set()
        for number, item in enumerate(encoded):
            with _telling(number):
                sizes.add(Image.open(io.BytesIO(item)).size)
        if len(sizes) > 1 or len(set(*sizes)) > 1:
            raise ValueError(f"the images are of {len(sizes)} sizes: give one (--image-size)")
        side = sizes.pop()[0]
        preprocessing = Preprocessing(side, side)
    side = preprocessing.size
    images = np.empty((len(encoded), 3, side, side), np.uint8)

    def work(start: int) -> None:
        for i in range(start, min(start + 256, len(encoded))):
            with _telling(i):
                image = center_crop(to_rgb(Image.open(io.BytesIO(encoded[i]))), preprocessing)
            images[i] = np.asarray(image).transpose(2, 0, 1)

    # PIL decodes without the GIL, but for thumbnails handing it over costs more than the decoding.
    large = sum(map(len, encoded)) > 4096 * len(encoded)
    with ThreadPoolExecutor(min(16, os.cpu_count() or 1) if large else 1) as pool:
        list(pool.map(work, range(0, len(encoded), 256)))
    return torch.from_numpy(images)


def normalize(images: torch.Tensor, mean: Sequence[float], std: Sequence[float]) -> torch.Tensor:
    """``uint8 [N, 3, H, W]`` to ``float32``, channels-last: ``(x / 255 - mean) / std``."""
    mean, std = _scale(tuple(mean), tuple(std), images.device)
    return images.to(torch.float32, memory_format=torch.channels_last).sub_(mean).div_(std)


@functools.cache
def _scale(mean: tuple, std: tuple, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Kept on the device: a copy from the host in every batch would stop a GPU each time."""
    with torch.inference_mode(False):
        return tuple(torch.tensor(v, device=device).view(1, -1, 1, 1) * 255 for v in (mean, std))


@dataclass(frozen=True)
class Draws:
    """Every random choice of one epoch, a row an image, in the order the images are used."""

    order: torch.Tensor  # int64 [N], indices into the set
    flip: torch.Tensor  # bool [N]
    place: torch.Tensor  # float [N, 2] in [0, 1): where the crop lies (y, x)
    shape: torch.Tensor  # float [N, 2]: height and width of a resized crop, parts of the side
    hole: torch.Tensor  # float [N, 2] in [0, 1): centre of the cutout (y, x)

    def part(self, index: slice) -> "Draws":
        return Draws(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    def to(self, device) -> "Draws":
        return Draws(*(getattr(self, name).to(device) for name in self.__dataclass_fields__))


def draw_epoch(
    count: int, *, epoch: int, seed: int = 0, flip: str = "alternate", min_area: float = 0.35
) -> Draws:
    """The random choices of epoch ``epoch`` (0, 1, ...) for a set of ``count`` images.

    They depend on seed and epoch alone, so a resumed run, and every process of a distributed one,
    draws the same. ``flip`` is "alternate" (each image is mirrored every second epoch, after a
    random start: Jordan, 94% on CIFAR-10 in 3.29 seconds, section 3.6), "random" or "none".
    A resized crop covers ``min_area`` to all of the image, its aspect 3:4 to 4:3 (Szegedy et al.,
    Going deeper with convolutions, section 6).
    """
    if flip not in ("alternate", "random", "none"):
        raise ValueError(f'flip is "alternate", "random" or "none", not {flip!r}')
    generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
    order = torch.randperm(count, generator=generator)
    coin = torch.rand(count, generator=generator) < 0.5
    if flip == "alternate":
        first = torch.rand(count, generator=torch.Generator().manual_seed(seed)) < 0.5
        coin = first[order] ^ bool(epoch % 2)
    elif flip == "none":
        coin = torch.zeros(count, dtype=torch.bool)
    area = min_area + (1 - min_area) * torch.rand(count, generator=generator)
    aspect = torch.exp((torch.rand(count, generator=generator) * 2 - 1) * math.log(4 / 3))
    shape = torch.stack(((area / aspect).sqrt(), (area * aspect).sqrt()), 1).clamp_(max=1)
    place, hole = torch.rand(2, count, 2, generator=generator)
    return Draws(order, coin, place, shape, hole)


def augment(
    images: torch.Tensor,
    draws: Draws,
    *,
    crop: str = "pad",
    pad: int = 4,
    cutout: int = 0,
    side: int | None = None,
    mean: Sequence[float],
    std: Sequence[float],
) -> torch.Tensor:
    """The batch ``images[draws.order]``, cropped, flipped, normalised: ``float32 [B, 3, S, S]``.

    ``images`` is the whole set, ``uint8 [N, 3, H, H]``. ``crop`` is "pad" (shift by up to ``pad``
    pixels, the border mirrored), "resized" (a random piece, resized to ``side``) or "none".
    ``cutout`` blanks a square of that many pixels (DeVries and Taylor, 2017).
    """
    height = images.shape[-2]
    side = side or height
    count, device = len(draws.order), images.device
    if crop == "resized":
        batch = _resized_crop(normalize(images[draws.order], mean, std), draws, side)
    elif crop in ("pad", "none"):
        shift = (draws.place * (2 * pad + 1)).long() - pad if crop == "pad" else 0
        line = torch.arange(height, device=device)
        rows, columns = (
            (torch.zeros(count, 2, dtype=torch.long, device=device) + shift)[:, :, None] + line
        ).unbind(1)
        columns = torch.where(draws.flip[:, None], columns.flip(1), columns)
        # Mirrored at the border (-1 is row 1, height is row height - 2): no padded copy is made.
        rows, columns = (
            (height - 1) - ((height - 1) - index.abs()).abs() for index in (rows, columns)
        )
        channels = torch.arange(images.shape[1], device=device)
        batch = images[
            draws.order[:, None, None, None],
            channels[:, None, None],
            rows[:, None, :, None],
            columns[:, None, None, :],
        ]
        batch = normalize(batch, mean, std)
        if side != height:
            batch = F.interpolate(batch, size=side, mode="bilinear", antialias=True)
    else:
        raise ValueError(f'crop is "pad", "resized" or "none", not {crop!r}')
    if cutout:
        line = torch.arange(side, device=device)
        start = (draws.hole * (side + 1) - cutout / 2).floor().long()[:, :, None]
        inside = (line >= start) & (line < start + cutout)
        batch.masked_fill_((inside[:, 0, :, None] & inside[:, 1, None, :])[:, None], 0)
    return batch


def _resized_crop(batch: torch.Tensor, draws: Draws, side: int) -> torch.Tensor:
    """One affine sampling grid an image; coordinates run from -1 to 1 over the source."""
    scale = draws.shape.flip(1)  # x, y, as affine_grid wants them
    centre = (2 * draws.place.flip(1) - 1) * (1 - scale)
    mirror = torch.where(draws.flip, -1.0, 1.0)
    theta = torch.zeros(len(batch), 2, 3, device=batch.device)
    theta[:, 0, 0], theta[:, 1, 1] = scale[:, 0] * mirror, scale[:, 1]
    theta[:, :, 2] = centre
    grid = F.affine_grid(theta, [len(batch), batch.shape[1], side, side], align_corners=False)
    return F.grid_sample(batch, grid, padding_mode="border", align_corners=False)

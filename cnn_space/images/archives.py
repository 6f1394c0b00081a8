"""The images of a visitor, as a set to learn from: a zip, a folder, a set on the Hub, or digits.

What comes in is judged, never trusted. Archives are read and never unpacked: nothing is written
to disk and no name from an archive is used as a path, so a hostile one can only waste time and
memory, and both are bounded by ``Limits``. What cannot be used is left out and counted by reason;
only when too little remains is it an error.
"""

import hashlib
import io
import json
import math
import os
import stat
import threading
import time
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from cnn_space.images import photo as photos

if TYPE_CHECKING:
    from cnn_space.images.data import ImageSet

SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif")
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst")
SPLITS = frozenset(("train", "training", "val", "valid", "validation", "test", "testing"))
ENV = "CNN_SPACE_FINETUNE_"


@dataclass(frozen=True)
class Limits:
    """How much of a visitor's data is taken. Every field can be set by the environment.

    ``CNN_SPACE_FINETUNE_IMAGES=500`` sets ``images``, and so on for each field.
    """

    images: int = 2000
    classes: int = 50
    mb: int = 64  # the file itself, in MB
    unpacked_mb: int = 1024  # what it says it unpacks to
    image_mb: int = 20  # one photo, unpacked
    megapixels: int = 50  # one photo, decoded
    entries: int = 20_000  # names in an archive
    ratio: int = 100  # unpacked size to packed size of one entry
    side: int = 256  # photos are kept as squares of at most this many pixels a side
    memory_mb: int = 256  # the whole set, decoded
    reading_seconds: int = 60

    @classmethod
    def from_environment(cls) -> "Limits":
        """The limits as the environment sets them. Raises ValueError for what is no number."""
        chosen = {}
        for field in fields(cls):
            text = os.environ.get(ENV + field.name.upper(), "").strip()
            if text:
                if not text.isdigit() or int(text) == 0:
                    raise ValueError(
                        f"{ENV}{field.name.upper()} must be a whole number above 0, not {text!r}"
                    )
                chosen[field.name] = int(text)
        most = photos.MAX_PIXELS // 1_000_000
        if chosen.get("megapixels", 0) > most:
            raise ValueError(f"{ENV}MEGAPIXELS is {most} at most: larger photos are never decoded")
        return cls(**chosen)


REASONS = {
    "too_big": "The file has {mb} MB; at most {limit} MB are taken.",
    "gone": "The file is no longer here. Choose it again.",
    "not_a_zip": "This is not a zip file, or it is damaged. Pack one folder per class as .zip.",
    "too_many_entries": "There are more than {limit} files; leave out what is not needed.",
    "unpacks_too_big": "The zip unpacks to {mb} MB; at most {limit} MB are taken.",
    "not_a_folder": "There is no folder {path}.",
    "no_images": "No usable image was found. Put the photos into one folder per class.",
    "one_class": "Only one class was found ({name}). Fine-tuning needs at least two folders.",
    "no_folders": "The photos lie in no folder. Put them into one folder per class.",
    "too_many_classes": "{count} classes were found; at most {limit} are taken.",
    "one_image_each": "A class needs at least two images, one to learn from and one to check.",
    "encrypted": "The zip is protected by a password. Pack it again without one.",
    "hub_name": "{name} is not the name of a dataset on the Hub. It reads owner/name, for example "
    "frgfm/imagenette:160px.",
    "hub_offline": "The Hub cannot be reached from here. Use the digits or a zip instead.",
    "hub_fails": "The Hub answers with error {status}. Try again in a few minutes, or use a zip.",
    "hub_unknown": "The Hub has no public dataset {name}.",
    "hub_slow": "The Hub did not answer within {seconds} seconds. Try again, or use a zip.",
    "hub_unreadable": "{name} cannot be read as a set of images.",
    "hub_configs": "{name} comes in several forms; add one: {name}:{first}.",
    "hub_columns": "{name} needs a column of images and one of labels; it has {columns}.",
}


class DataError(ValueError):
    """Data that cannot be used. ``reason`` is a key of ``REASONS``; the text is English."""

    def __init__(self, reason: str, **values):
        self.reason, self.values = reason, values
        super().__init__(REASONS[reason].format(**values))


@dataclass(frozen=True)
class LeftOut:
    """So many files were not taken, for one reason; ``example`` is the first one's name."""

    reason: str
    count: int
    example: str


@dataclass(frozen=True)
class Intake:
    """What was read: the photos as squares of one size, and what was left out."""

    images: "ImageSet"
    left_out: tuple[LeftOut, ...] = ()


class Basket:
    """Collects photos by class and keeps account of what was left out."""

    def __init__(self, limits: Limits):
        self.limits = limits
        self.side = limits.side
        self.photos: list[tuple[str, np.ndarray]] = []  # (class, uint8 [side, side, 3])
        self._left: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self._seen: set[bytes] = set()
        self._deadline = time.monotonic() + limits.reading_seconds

    def expect(self, count: int) -> None:
        """Say how many photos may come, so that all of them fit into the memory allowed."""
        room = math.isqrt(self.limits.memory_mb * 2**20 // (3 * max(count, 1)))
        self.side = max(8, min(self.limits.side, room))

    def leave_out(self, reason: str, name: str) -> bool:
        self._left[reason] += 1
        self._examples.setdefault(reason, name)
        return False

    @property
    def late(self) -> bool:
        return time.monotonic() > self._deadline

    def add(self, name: str, label: str, data: bytes) -> bool:
        """Take one encoded photo, or leave it out and say why."""
        if self.late:
            return self.leave_out("time", name)
        digest = hashlib.blake2b(data, digest_size=16).digest()
        if digest in self._seen:
            return self.leave_out("duplicate", name)
        try:
            photo = square(data, self.side, self.limits.megapixels)
        except _Refused as refused:
            return self.leave_out(str(refused), name)
        self._seen.add(digest)
        self.photos.append((label, photo))
        return True

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        return tuple(
            LeftOut(reason, count, self._examples[reason])
            for reason, count in self._left.most_common()
        )

    def image_set(self, name: str, classes: Iterable[str] | None = None) -> Intake:
        """Everything collected as one set. Raises DataError when it cannot be learned from."""
        import torch

        from cnn_space.images.data import ImageSet

        counts = Counter(label for label, _ in self.photos)
        for label, count in counts.items():
            if count == 1:
                self.leave_out("lonely", label)
        if not counts:
            raise DataError("encrypted" if self._left["encrypted"] else self._nothing())
        if len(counts) == 1:
            raise DataError("one_class", name=next(iter(counts)))
        kept = [label for label in (classes or sorted(counts)) if counts[label] > 1]
        if len(kept) < 2:
            raise DataError("one_image_each")
        if len(kept) > self.limits.classes:
            raise DataError("too_many_classes", count=len(kept), limit=self.limits.classes)
        photos = [(kept.index(label), photo) for label, photo in self.photos if label in kept]
        side = max(photo.shape[0] for _, photo in photos)
        images = torch.empty(len(photos), 3, side, side, dtype=torch.uint8)
        for place, (_, photo) in zip(images, photos, strict=True):
            if photo.shape[0] != side:
                resized = Image.fromarray(photo).resize((side, side), Image.Resampling.BICUBIC)
                photo = np.array(resized)
            place.copy_(torch.from_numpy(photo).permute(2, 0, 1))
        labels = torch.tensor([label for label, _ in photos], dtype=torch.int64)
        self.photos = []
        return Intake(ImageSet(images, labels, tuple(kept), name), self.left_out)

    def _nothing(self) -> str:
        return "no_folders" if self._left["no_class"] else "no_images"


class _Refused(Exception):
    """Why one photo is left out; the text is the reason's key."""


def square(data: bytes, side: int, megapixels: int) -> np.ndarray:
    """Decode a photo and keep its centre square, uint8 [s, s, 3] with s at most ``side``.

    Turned as its EXIF says, transparency on white, first frame of an animation.
    """
    try:
        Image.init()
        readable = [name for name in photos.FORMATS if name in Image.OPEN]
        photo = Image.open(io.BytesIO(data), formats=readable)
    except Image.DecompressionBombError as error:
        raise _Refused("too_many_pixels") from error
    except Exception as error:  # Pillow's decoders raise whatever hostile bytes lead them to
        raise _Refused("not_image") from error
    if photo.width * photo.height > megapixels * 1_000_000:
        raise _Refused("too_many_pixels")
    if min(photo.size) < photos.MIN_SIDE:
        raise _Refused("too_small")
    try:
        photo.draft("RGB", (2 * side, 2 * side))  # JPEGs decode at a fraction of their size
        photo = photos.to_rgb(photo)
    except Exception as error:
        raise _Refused("damaged") from error
    edge = min(photo.size)
    left, top = (photo.width - edge) // 2, (photo.height - edge) // 2
    photo = photo.crop((left, top, left + edge, top + edge))
    if edge > side:
        photo = photo.resize((side, side), Image.Resampling.BICUBIC, reducing_gap=3)
    return np.array(photo)


class _Bounded(io.FileIO):
    """A file whose single reads are bounded.

    ``zipfile`` takes a whole table of contents in one read, of the length that the file
    claims; millions of empty entries would fill the memory before any of them is looked at.
    """

    longest = 0

    def read(self, size: int = -1) -> bytes:
        if size is not None and size > self.longest:
            raise DataError("too_many_entries", limit=self.longest // 200)
        return super().read(size)


def read_zip(path: str | Path, limits: Limits | None = None) -> Intake:
    """Photos of a zip with one folder a class. Raises DataError when it cannot be used.

    A common top folder is looked through, ``train/`` and ``val/`` are merged, ``__MACOSX``
    and hidden files are passed over.
    """
    limits = limits or Limits.from_environment()
    path = Path(path)
    try:
        size = path.stat().st_size
    except OSError:
        raise DataError("gone") from None
    if size > limits.mb * 2**20:
        raise DataError("too_big", mb=math.ceil(size / 2**20), limit=limits.mb)
    basket = Basket(limits)
    with _Bounded(path) as file:
        file.longest = max(200 * limits.entries, 2**17)
        try:
            archive = zipfile.ZipFile(file)
        except DataError:
            raise
        except Exception as error:  # zipfile answers damage with six kinds of exception
            raise DataError("not_a_zip") from error
        file.longest = limits.image_mb * 2**20
        with archive:
            _take_entries(archive, basket, limits)
    return basket.image_set(clean(path.stem) or "images")


def _take_entries(archive: zipfile.ZipFile, basket: Basket, limits: Limits) -> None:
    # Not ``is_dir``: before Python 3.12 it fails for an entry whose name is empty.
    entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
    if len(entries) > limits.entries:
        raise DataError("too_many_entries", limit=limits.entries)
    candidates: dict[tuple[str, ...], zipfile.ZipInfo] = {}
    for entry in entries:
        name = _readable(entry)
        parts = _parts(name)
        if parts is None:
            basket.leave_out("unsafe_path", clean(name))
        elif not _is_hidden(parts):
            reason = _unfit(entry, limits)
            if reason:
                basket.leave_out(reason, clean(name))
            elif parts in candidates:
                basket.leave_out("duplicate", clean(name))
            else:
                candidates[parts] = entry
    chosen = _choose(candidates, basket, limits)
    basket.expect(len(chosen))
    unpacked = sum(candidates[parts].file_size for _, parts in chosen) / 2**20
    if unpacked > limits.unpacked_mb:
        raise DataError("unpacks_too_big", mb=math.ceil(unpacked), limit=limits.unpacked_mb)
    for label, parts in chosen:
        name = clean("/".join(parts))
        try:
            with archive.open(candidates[parts]) as stream:
                data = stream.read(candidates[parts].file_size)
        except DataError:
            raise
        except Exception:  # a damaged entry; the others may be sound
            basket.leave_out("damaged", name)
        else:
            basket.add(name, label, data)


def _unfit(entry: zipfile.ZipInfo, limits: Limits) -> str | None:
    """Why an entry is not even opened, or None."""
    suffix = os.path.splitext(entry.filename)[1].lower()
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "link"
    if suffix in ARCHIVES:
        return "archive"
    if suffix not in SUFFIXES:
        return "not_image"
    if entry.flag_bits & 0x1:
        return "encrypted"
    # bz2 and lzma let the archive choose how much memory to claim.
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "method"
    if entry.file_size > limits.image_mb * 2**20:
        return "image_too_big"
    if entry.file_size > limits.ratio * max(entry.compress_size, 1024):
        return "bomb"
    return None


def _readable(entry: zipfile.ZipInfo) -> str:
    """The entry's name as its maker wrote it.

    Without the UTF-8 flag ``zipfile`` reads code page 437; many tools write UTF-8 all the
    same, and Korean Windows writes code page 949.
    """
    name = entry.orig_filename
    if not entry.flag_bits & 0x800:
        try:
            raw = name.encode("cp437")
        except UnicodeEncodeError:
            return name
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            pass
        try:
            korean = raw.decode("cp949")
        except UnicodeDecodeError:
            return name
        if all(c.isascii() or "가" <= c <= "힣" for c in korean):
            return korean
    return name


def _parts(name: str) -> tuple[str, ...] | None:
    """A name's folders and file, or None when it points out of the archive."""
    name = name.replace("\\", "/")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if name.startswith("/") or ".." in parts or not parts or "\0" in name:
        return None
    return None if parts[0].endswith(":") else parts


def _is_hidden(parts: tuple[str, ...]) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in parts) or parts[-1] in (
        "Thumbs.db",
        "desktop.ini",
    )


def clean(name: str) -> str:
    """A name fit to be shown: composed, without control and direction signs, 60 characters."""
    name = unicodedata.normalize("NFC", name)
    turning = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    name = "".join(c for c in name if unicodedata.category(c) != "Cc" and c not in turning)
    name = name.encode("utf-8", "ignore").decode()  # lone surrogates
    name = " ".join(name.split())
    return name if len(name) <= 60 else name[:59] + "…"


def _choose(
    candidates: Iterable[tuple[str, ...]], basket: Basket, limits: Limits
) -> list[tuple[str, tuple[str, ...]]]:
    """(class, path) of the files to read, the classes evenly when there are too many."""
    paths = sorted(candidates)
    folders = {path: path[:-1] for path in paths}
    while True:
        tops = {folder[0] for folder in folders.values() if folder}
        deeper = any(len(folder) > 1 for folder in folders.values())
        if not (deeper and (len(tops) == 1 or {top.casefold() for top in tops} <= SPLITS)):
            break
        folders = {path: folder[1:] for path, folder in folders.items()}
    by_class: dict[str, list[tuple[str, ...]]] = {}
    for path, folder in folders.items():
        label = clean(folder[0]) if folder else ""
        if label:
            by_class.setdefault(label, []).append(path)
        else:
            basket.leave_out("no_class", clean("/".join(path)))
    if len(by_class) > limits.classes:
        raise DataError("too_many_classes", count=len(by_class), limit=limits.classes)
    chosen = list(_take_turns(by_class))
    for _, path in chosen[limits.images :]:
        basket.leave_out("over_limit", clean("/".join(path)))
    return chosen[: limits.images]


def _take_turns(by_class: dict[str, list]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """One of each class, then a second of each, and so on."""
    longest = max(map(len, by_class.values()), default=0)
    for turn in range(longest):
        for label, paths in by_class.items():
            if turn < len(paths):
                yield label, paths[turn]


def read_folder(path: str | Path, limits: Limits | None = None) -> Intake:
    """Photos of a folder on this machine, one folder a class; links are not followed.

    Raises DataError when it cannot be used.
    """
    limits = limits or Limits.from_environment()
    try:
        root = Path(path).expanduser()
        there = str(path).strip() and root.is_dir()
    except (OSError, RuntimeError):  # a name too long, a home that nobody has
        there = False
    if not there:
        raise DataError("not_a_folder", path=clean(str(path)))
    basket = Basket(limits)
    candidates: dict[tuple[str, ...], Path] = {}
    for folder, _, names in os.walk(root):
        for name in names:
            file = Path(folder, name)
            parts = file.relative_to(root).parts
            if _is_hidden(parts):
                continue
            try:
                about = file.lstat()
            except OSError:
                basket.leave_out("damaged", clean("/".join(parts)))
                continue
            if stat.S_ISLNK(about.st_mode):
                basket.leave_out("link", clean("/".join(parts)))
            elif file.suffix.lower() not in SUFFIXES or not stat.S_ISREG(about.st_mode):
                basket.leave_out("not_image", clean("/".join(parts)))
            elif about.st_size > limits.image_mb * 2**20:
                basket.leave_out("image_too_big", clean("/".join(parts)))
            else:
                candidates[parts] = file
            if len(candidates) > limits.entries:
                raise DataError("too_many_entries", limit=limits.entries)
    chosen = _choose(candidates, basket, limits)
    basket.expect(len(chosen))
    for label, parts in chosen:
        try:
            data = candidates[parts].read_bytes()
        except OSError:
            basket.leave_out("damaged", clean("/".join(parts)))
        else:
            basket.add(clean("/".join(parts)), label, data)
    return basket.image_set(clean(root.resolve().name) or "images")


def read_hub(name: str, limits: Limits | None = None) -> Intake:
    """Images of a public set on the Hub, ``"owner/name"`` or ``"owner/name:config"``, streamed.

    Reads the train split (or the first), the classes evenly, until there are enough or the time
    is over. No token is used: a visitor sees what the public sees. Raises DataError.
    """
    from huggingface_hub.utils import HFValidationError, validate_repo_id

    limits = limits or Limits.from_environment()
    repo, _, config = name.strip().partition(":")
    try:
        validate_repo_id(repo)
        # A name that is also a path here would make ``datasets`` read this machine's disk.
        right = repo.count("/") == 1 and not Path(repo).exists()
    except HFValidationError:
        right = False
    if not right:
        raise DataError("hub_name", name=clean(name) or "“”")
    answer: list[Intake | BaseException] = []

    def work() -> None:
        try:
            rows = _open_hub(repo, config or None)
            answer.append(read_rows(rows, repo, limits))
        except BaseException as error:
            answer.append(error)

    # In a thread, since a silent host would hold the caller for minutes.
    thread = threading.Thread(target=work, name="hub-reader", daemon=True)
    thread.start()
    thread.join(limits.reading_seconds + 5)
    if not answer:
        raise DataError("hub_slow", seconds=limits.reading_seconds)
    if isinstance(answer[0], DataError):
        raise answer[0]
    if isinstance(answer[0], BaseException):
        raise DataError("hub_unreadable", name=repo) from answer[0]
    return answer[0]


def _open_hub(repo: str, config: str | None):
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

    from cnn_space.images.data import hub_builder

    # What a set says of its files may name some of this machine, or of one that this machine
    # reaches: that is refused before ``datasets`` looks for them, and again once it has.
    if _names_other_places(info):
        raise DataError("hub_unreadable", name=repo)
    if config is None:
        configs = datasets.get_dataset_config_names(repo, token=False)
        if len(configs) > 1 and "default" not in configs:
            raise DataError("hub_configs", name=repo, first=configs[0])
    builder = hub_builder(repo, config, token=False)
    files = [*map(str, chain.from_iterable((builder.config.data_files or {}).values()))]
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


def read_rows(rows, name: str, limits: Limits) -> Intake:
    """Images of a streamed ``datasets.IterableDataset``; stops as soon as there are enough.

    Raises DataError for a set without images and labels, or with too few of either.
    """
    import datasets

    features = rows.features or {}
    image = next((c for c, kind in features.items() if isinstance(kind, datasets.Image)), None)
    named = [c for c, kind in features.items() if isinstance(kind, datasets.ClassLabel)]
    label = next((c for c in ("label", "labels", "class", *named) if c in features), None)
    if image is None or label is None:
        raise DataError("hub_columns", name=name, columns=clean(", ".join(features)) or "none")
    names = getattr(features[label], "names", None)
    if names and len(names) > limits.classes:
        raise DataError("too_many_classes", count=len(names), limit=limits.classes)
    share = math.ceil(limits.images / max(2, len(names or ())))
    basket = Basket(limits)
    basket.expect(limits.images)
    taken: Counter = Counter()
    rows = rows.select_columns([image, label]).cast_column(image, datasets.Image(decode=False))
    for number, row in enumerate(rows):
        value, place = row[label], f"row {number}"
        if len(basket.photos) >= limits.images or number >= 10 * limits.images:
            break
        if value is None or (names and not 0 <= value < len(names)):
            basket.leave_out("no_class", place)
        elif taken[value] >= share:
            basket.leave_out("over_limit", place)
        elif (data := _row_bytes(row[image], limits.image_mb * 2**20)) is None:
            basket.leave_out("not_image", place)
        elif len(data) > limits.image_mb * 2**20:
            basket.leave_out("image_too_big", place)
        else:
            taken[value] += basket.add(place, clean(str(names[value] if names else value)), data)
        if basket.late:
            break
    return basket.image_set(name, list(dict.fromkeys(map(clean, names))) if names else None)


def _row_bytes(value: dict | None, most: int) -> bytes | None:
    """The encoded image of a row. A row may name a file instead: only one on the Hub, or in an
    archive there, is opened, and no more of it read than tells that it is above ``most`` bytes."""
    if not value or value.get("bytes"):
        return value and value["bytes"]
    path = value.get("path") or ""
    *members, last = path.split("::")  # fsspec's chain: a member of what stands behind it
    inside = all(member.startswith(("zip://", "tar://")) for member in members)
    if not (inside and last.startswith("hf://")):
        return None
    import fsspec

    try:
        with fsspec.open(path, "rb", hf={"token": False}) as file:
            return file.read(most + 1)
    except Exception:  # as many kinds as fsspec has hosts and archives: this row alone is lost
        return None


def digits() -> Intake:
    """The 1,797 handwritten digits of scikit-learn, 8 × 8 pixels scaled to 32 × 32.

    Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998 (its test part).
    """
    import torch
    from sklearn.datasets import load_digits

    from cnn_space.images.data import ImageSet

    raw = load_digits()
    pixels = (raw.images * (255 / 16)).round().astype(np.uint8)
    large = [Image.fromarray(p).resize((32, 32), Image.Resampling.BICUBIC) for p in pixels]
    images = torch.from_numpy(np.stack([np.asarray(p) for p in large]))[:, None]
    labels = torch.from_numpy(raw.target.astype(np.int64))
    classes = tuple(str(name) for name in raw.target_names)
    return Intake(ImageSet(images.repeat(1, 3, 1, 1), labels, classes, "Handwritten digits"))

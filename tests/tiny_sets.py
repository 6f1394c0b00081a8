"""Small image sets: Parquet files as on the Hub, and photos in one folder a class."""

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

COLOURS = {"red": (200, 40, 40), "green": (40, 200, 40), "blue": (40, 40, 200)}


def coloured(count: int, side: int = 32, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noisy images ``uint8 [count, side, side, 3]`` of three colours, and their class numbers."""
    draw = np.random.default_rng(seed)
    labels = np.arange(count) % len(COLOURS)
    base = np.array(list(COLOURS.values()))[labels][:, None, None]
    images = base + draw.integers(-40, 41, (count, side, side, 3))
    return images.clip(0, 255).astype(np.uint8), labels


def encode(image: np.ndarray | Image.Image, **options) -> bytes:
    buffer = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(buffer, **{"format": "PNG"} | options)
    return buffer.getvalue()


def write_split(
    folder: Path,
    split: str,
    encoded: list[bytes],
    labels,
    *,
    image: str = "img",
    label: str = "label",
    names=tuple(COLOURS),
    shards: int = 1,
    typed: bool = True,
) -> None:
    """``typed`` False leaves out the Hub's metadata."""
    folder.mkdir(parents=True, exist_ok=True)
    features = {image: {"_type": "Image"}, label: {"names": list(names), "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})} if typed else None
    for shard in range(shards):
        part = slice(shard, None, shards)
        rows = [{"bytes": item, "path": None} for item in encoded[part]]
        kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        table = pa.table({image: pa.array(rows, kind), label: pa.array(list(labels[part]))})
        table = table.replace_schema_metadata(metadata)
        pq.write_table(table, folder / f"{split}-{shard:05}-of-{shards:05}.parquet")


def write_coloured(folder: Path, train: int = 120, test: int = 30, side: int = 32) -> Path:
    """A set in CIFAR-10's layout that any net can learn."""
    for split, count, seed in (("train", train, 0), ("test", test, 1)):
        images, labels = coloured(count, side, seed)
        write_split(folder, split, [encode(image) for image in images], labels)
    return folder


def picture(seed=0, size=(24, 16), mode="RGB", format="PNG", **options) -> bytes:
    """An encoded picture of noise, of (width, height) pixels."""
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return encode(Image.fromarray(noise).convert(mode), format=format, **options)


def class_folders(prefix="", start=0) -> dict[str, bytes]:
    """Six pictures by path, three a class."""
    return {
        f"{prefix}{label}/{i}.png": picture(start + 10 * k + i)
        for k, label in enumerate(("cat", "dog"))
        for i in range(3)
    }


def left_out(visitor_set) -> dict[str, int]:
    """How many files were left out, by reason."""
    return {left.reason: left.count for left in visitor_set.left_out}


def stripes(count=24, side=32, seed=0):
    """Three classes that differ in colour and in the direction of their stripes, with noise."""
    import torch

    from cnn_space.images.image_set import ImageSet

    rng = np.random.default_rng(seed)
    images = rng.integers(0, 90, (3 * count, 3, side, side))
    labels = np.arange(3 * count) % 3
    for image, label in zip(images, labels, strict=True):
        wave = 80 * (np.arange(side) // 4 % 2)
        image[label] += wave[:, None] if label == 1 else wave[None]
    return ImageSet(
        torch.from_numpy(images.astype(np.uint8)), torch.from_numpy(labels), ("a", "b", "c"), "Bars"
    )

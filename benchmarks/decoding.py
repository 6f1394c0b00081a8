"""What a phone's photo of 12 megapixels costs before a net sees it, beside the nets themselves.

    python benchmarks/decoding.py [--threads 2] [--photo FILE] [--quick]

Decoding: CPU time, which does not grow when other programs take the cores. "floor" is what libjpeg
needs for the smallest picture that it can give, 1/8 of each side: nearly all of it goes into
reading the compressed bits, which no smaller picture avoids. Nets: time of one answer.
"""

import argparse
import io
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from PIL import Image

from cnn_space.settings import wait_passively

SIZE, QUICK_SIZE = (4032, 3024), (400, 300)
SLOPE = 1.2  # files of the size that phones write: 3 to 5 MB at quality 85 to 90


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("nets", nargs="*", metavar="NET", help="default: those of checkpoints/")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: 2)")
    parser.add_argument("--photo", type=Path, help="a picture (default: a made-up one)")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--quick", action="store_true", help="only see that it runs")
    args = parser.parse_args(argv)
    wait_passively()
    os.environ["CNN_SPACE_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(args.threads)

    size = QUICK_SIZE if args.quick else SIZE
    photo = Image.open(args.photo).convert("RGB").resize(size) if args.photo else made_up(size)
    print(f"{args.threads} threads, {photo.width} × {photo.height} pixels; median milliseconds")
    for name, data in files(photo):
        decode_row(name, data, args.repeats)
    for name in args.nets or bundled():
        net_row(name, args.repeats)


def made_up(size: tuple[int, int]) -> Image.Image:
    """Noise of every size, the coarser the stronger, so that it compresses as a photo does."""
    rng, (width, height) = np.random.default_rng(0), size
    total = np.zeros((height, width, 3), np.float32)
    for octave in range(min(size).bit_length() - 2):
        grid = rng.normal(size=(height >> octave, width >> octave, 3)).astype(np.float32)
        for channel in range(3):
            layer = Image.fromarray(grid[:, :, channel]).resize(size, Image.Resampling.BICUBIC)
            total[:, :, channel] += np.asarray(layer) * SLOPE**octave
    scaled = (total - total.mean()) / total.std() * 50 + 120
    return Image.fromarray(scaled.clip(0, 255).astype(np.uint8))


def files(photo: Image.Image):
    """The photo as the files that cameras and phones write: (name, bytes)."""
    for name, options in {
        "JPEG, quality 85": {"quality": 85},
        "JPEG, quality 92, colours in full": {"quality": 92, "subsampling": 0},
        "JPEG, quality 85, progressive": {"quality": 85, "progressive": True},
    }.items():
        file = io.BytesIO()
        photo.save(file, "JPEG", **options)
        yield name, file.getvalue()


def decode_row(name: str, data: bytes, repeats: int) -> None:
    from cnn_space.images.decoding import decode
    from cnn_space.images.photo import MAX_PIXELS, NET_SIDE

    def smallest():
        image = Image.open(io.BytesIO(data))
        image.draft(None, tuple(side // 8 for side in image.size))
        image.load()

    ours = milliseconds(
        lambda: decode(data, side=NET_SIDE, max_pixels=MAX_PIXELS), repeats, time.process_time
    )
    floor = milliseconds(smallest, repeats, time.process_time)
    print(f"{name:36}{len(data) / 1e6:6.2f} MB  decoded {ours:7.1f}  floor {floor:7.1f}")


def bundled() -> list[str]:
    from cnn_space import weights

    return [n for n in weights.list_weights() if weights.record(n).source == "bundled"]


def net_row(name: str, repeats: int) -> None:
    import torch

    from cnn_space.inference import engine

    net = engine.get(name)
    side = net.record.preprocessing.size
    image = torch.zeros(1, 3, side, side)
    print(f"{name:36}{side:6} px  answer  {milliseconds(lambda: net.logits(image), repeats):7.1f}")


def milliseconds(
    work: Callable[[], object], repeats: int, clock: Callable[[], float] = time.perf_counter
) -> float:
    """The median of several runs, after one that does not count."""
    work()
    times = []
    for _ in range(repeats):
        start = clock()
        work()
        times.append(clock() - start)
    return 1000 * statistics.median(times)


if __name__ == "__main__":
    main()

"""How long a comparison of four CIFAR-10 nets takes on this machine, warm.

    python benchmarks/compare.py [--threads 2] [--photo FILE] [NET ...]

Each figure is the median of several whole comparisons as the Compare tab makes them: answers,
heatmaps, timing. The first one, which loads the nets, is shown apart. Then "What throws it off":
20 steps of each change, the time and the CPU time of all threads.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from cnn_space.settings import wait_passively


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nets", nargs="*", metavar="NET", help="two to eight names of weights")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: 2)")
    parser.add_argument("--photo", type=Path, help="a picture (default: 1600 × 1200 noise)")
    parser.add_argument("--repeats", type=int, default=7)
    args = parser.parse_args(argv)
    wait_passively()
    os.environ["CNN_SPACE_THREADS"] = str(args.threads)
    os.environ["OMP_NUM_THREADS"] = str(args.threads)

    import numpy as np
    from PIL import Image

    from cnn_space import weights
    from cnn_space.inference import comparison as compare
    from cnn_space.inference.robustness import sweep
    from cnn_space.inference.robustness_changes import CHANGES

    local = [name for name in weights.list_weights() if weights.is_local(name)]
    nets = args.nets or compare.default_nets([n for n in local if n.endswith(".cifar10")])
    if len(nets) < compare.LEAST:
        sys.exit("no trained nets in checkpoints/: python -m cnn_space train lenet5 --data cifar10")
    noise = np.random.default_rng(0).integers(0, 255, (1200, 1600, 3), dtype=np.uint8)
    photo = Image.open(args.photo).convert("RGB") if args.photo else Image.fromarray(noise)

    def once() -> tuple[float, float, tuple[compare.Entry, ...]]:
        """Seconds until all answers, seconds until all is there, and what is there."""
        start = time.perf_counter()
        for entries in compare.compare(photo, nets):
            if entries[-1].ranked and entries[0].heatmap is None:
                answers = time.perf_counter() - start
        return answers, time.perf_counter() - start, entries

    _, cold, _ = once()
    runs = [once() for _ in range(args.repeats)]
    entries = runs[-1][2]
    print(f"{args.threads} threads, {photo.width} × {photo.height} pixels, {len(nets)} nets")
    print(f"{'net':28}{'ms':>9}{'MACs, M':>11}{'parameters, M':>15}")
    for entry in entries:
        record, ms = entry.record, entry.milliseconds
        macs, parameters = (record.macs or 0) / 1e6, (record.parameters or 0) / 1e6
        print(f"{entry.name:28}{ms:9.2f}{macs:11.2f}{parameters:15.3f}")
    print(f"first comparison, loading the nets: {cold:.2f} s")
    print(f"warm, all answers: {statistics.median(run[0] for run in runs):.2f} s")
    print(f"warm, with heatmaps and times: {statistics.median(run[1] for run in runs):.2f} s")
    for change in CHANGES:
        start, cpu = time.perf_counter(), time.process_time()
        *_, _ = sweep(photo, nets, change)
        took, cpu = time.perf_counter() - start, time.process_time() - cpu
        print(f"warm, {change} in 20 steps: {took:.2f} s, {cpu:.2f} s of CPU time")


if __name__ == "__main__":
    main()

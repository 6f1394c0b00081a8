"""Net surgery as the page does it, for each bundled net: from a click to the HTML of its outcome.

    python benchmarks/surgery.py [--threads 2] [--repeats 7] [NET ...]

Each net has the first example photo that it knows, and one channel of its middle stage switched
off, another one each time. "cut": the answer, the heatmap, what is saved, and the pictures;
"stage": what can be switched off in a stage, with its strongest channels. Median milliseconds, and
in brackets those of the CPU, which others on the machine do not lengthen. Takes a minute.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from cnn_space.settings import wait_passively

wait_passively()  # before torch is imported


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("nets", nargs="*", metavar="NET", help="names of weights")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: 2)")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args(argv)
    os.environ["CNN_SPACE_THREADS"] = str(options.threads)

    from cnn_space import weights

    bundled = [n for n in weights.list_weights() if weights.record(n).source == "bundled"]
    print(f"{options.threads} threads, {options.repeats} repeats")
    print(f"{'net':28}{'cut, ms':>16}{'stage, ms':>16}")
    for name in options.nets or bundled:
        cut, stage = _times(name, options.repeats)
        print(f"{name:28}{cut:>16}{stage:>16}")


def _times(name: str, repeats: int) -> tuple[str, str]:
    from cnn_space import weights
    from cnn_space.images.photo import open_photo
    from cnn_space.inference.surgery_masks import Cut
    from cnn_space.page.classify.examples import suited
    from cnn_space.page.classify.inside import opened

    photo = open_photo(suited(weights.record(name))[0][0].path)
    stage = opened(photo, name, {}, "en").stage(None)
    channels = cycle(range(stage.channels))

    def cut() -> None:
        on = opened(photo, name, {}, "en")  # the photo is prepared at each click
        on.outcome((Cut(stage, next(channels)),))

    return _median(cut, repeats), _median(
        lambda: opened(photo, name, {}, "en").board(stage, ()), repeats
    )


def _median(run: Callable[[], object], repeats: int) -> str:
    run()  # the first run sets things up
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return f"{1000 * statistics.median(walls):.0f} ({1000 * statistics.median(cpus):.0f})"


if __name__ == "__main__":
    main()

"""One batch through a net: plain PyTorch, ours, ONNX Runtime and OpenVINO, in one run.

    python benchmarks/inference.py [--natural] [--threads 2] [--seconds 2] [--spins 0 50] [NET ...]

Default: the bundled nets; with ``--natural`` torchvision's architectures at their natural size with
random weights. Median milliseconds for 1 and for 8 images, all taking turns. "eager" is the plain
module in inference mode. "ONNX Runtime" and OpenVINO (where it is installed) run as fast as they
can on a machine of their own: with threads that spin, OpenVINO for a fixed size of batch and in
float32; "asleep" is ONNX Runtime whose threads never spin, as beside other programs. Then what ours
needs of eager's time, of the fastest other's and of "asleep"; below, the geometric means. "ready":
seconds from the ONNX file to the end of a first run of ONNX Runtime and of OpenVINO, and the
megabytes of memory that this took. ``--spins`` adds columns for ours with other microseconds of
spinning than ``onnx_session.SPIN_US``. Takes 3 minutes; ``--natural`` 4, and 6 GB of memory.
"""

import argparse
import contextlib
import gc
import math
import os
import statistics
import sys
import time
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from cnn_space.settings import wait_passively

wait_passively()  # before torch is imported

import numpy as np
import torch
from engines import Run, asleep, onnx_runtime, openvino

from cnn_space import create_model, weights
from cnn_space.images.preprocessing import Preprocessing
from cnn_space.inference import onnx_session
from cnn_space.inference.engine import ONNX_RUNTIME, Engine, fold
from cnn_space.inference.onnx_net import to_onnx

NATURAL = ("alexnet", "vgg16", "googlenet", "inception_v3", "resnet18", "resnet50", "densenet121")
BATCHES = (1, 8)
IN_A_ROW = 4  # runs of one engine before the next has its turn; the first of them is not counted
PAUSE = 0.03  # seconds between turns: threads of the one before spin for 16 ms
COLUMNS = ("eager", "ours", "ONNX Runtime", "asleep", "OpenVINO")
RATIOS = ("of eager", "of best", "of asleep")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("nets", nargs="*", metavar="NET", help="names of weights, or architectures")
    parser.add_argument("--natural", action="store_true", help=f"take {', '.join(NATURAL)}")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: 2)")
    parser.add_argument("--seconds", type=float, default=2, help="for each net and batch")
    parser.add_argument("--spins", type=int, nargs="*", default=[], metavar="US", help="see above")
    parser.add_argument("--quick", action="store_true", help="only see that it runs")
    options = parser.parse_args(argv)
    if options.quick:
        options.seconds = 0
    os.environ["CNN_SPACE_THREADS"] = str(options.threads)
    os.environ["CNN_SPACE_ENGINE"] = "auto"
    torch.set_num_threads(options.threads)
    bundled = [n for n in weights.list_weights() if weights.record(n).source == "bundled"]
    nets = options.nets or (NATURAL if options.natural else bundled)
    packages = ["torch", "onnxruntime", *(["openvino"] if find_spec("openvino") else [])]
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    spins = [f"{us} us" for us in options.spins]
    print(f"{options.threads} threads, {versions}; median milliseconds")
    print(f"{'net':26}  n {cells((*COLUMNS, *spins), 13)} {cells(RATIOS, 10)}   ready")
    rows = [row for net in nets for row in measure(net, options)]
    for batch in BATCHES:
        taken = [row for images, row in rows if images == batch]
        what = f"{batch} image{'s' if batch > 1 else ''}"
        for column in ("ours", *spins):
            means = map(
                statistics.geometric_mean, zip(*(ratios(row, column) for row in taken), strict=True)
            )
            figures = ", ".join(f"{m:.2f} {r}" for m, r in zip(means, RATIOS, strict=True))
            print(f"geometric mean, {what}, {column}: {figures}", flush=True)


def measure(name: str, options) -> list[tuple[int, dict[str, float]]]:
    """Print the rows of a net; gives of each (images, {column: milliseconds})."""
    loaded = load(name)
    size = loaded.record.preprocessing.size
    engines = {"ours": engine(loaded)}
    for us in options.spins:
        with spinning(us):
            engines[f"{us} us"] = engine(loaded)
    content = to_onnx(fold(loaded.net), size).SerializeToString()
    others = {"ONNX Runtime": onnx_runtime, "asleep": asleep, "OpenVINO": openvino}
    if not find_spec("openvino"):
        del others["OpenVINO"]
    rows = []
    for batch in BATCHES:
        draw = np.random.default_rng(0)
        images = draw.standard_normal((batch, 3, size, size), dtype=np.float32)
        runs: dict[str, Run] = {"eager": eager(loaded.net)}
        runs |= {column: one.logits for column, one in engines.items()}
        ready = []
        for column, make in others.items():
            before, start = resident(), time.perf_counter()
            runs[column] = make(content, images.shape, options.threads)
            runs[column](images)
            if column != "asleep":
                took = time.perf_counter() - start
                ready.append(f"{took:.2f} s {resident() - before:.0f} MB")
        taken = take_turns(runs, images, options.seconds)
        shown = [taken.get(column, math.nan) for column in (*COLUMNS, *list(engines)[1:])]
        print(f"{name:26} {batch:2} {cells(shown, 13)} {cells(ratios(taken, 'ours'), 10)}   "
              f"{', '.join(ready)}", flush=True)  # fmt: skip
        rows.append((batch, taken))
        del runs
        gc.collect()
    return rows


def ratios(taken: dict[str, float], column: str) -> list[float]:
    """What a column of ours takes of eager's time, of the fastest other's and of "asleep"."""
    others = {key: ms for key, ms in taken.items() if key in COLUMNS and key != "ours"}
    return [taken[column] / of for of in (taken["eager"], min(others.values()), taken["asleep"])]


def cells(values: Iterable, width: int) -> str:
    return "".join(f"{v:{width}.2f}" if isinstance(v, float) else f"{v:>{width}}" for v in values)


def engine(loaded: weights.Loaded) -> Engine:
    """Our engine, once ONNX Runtime has taken over. Ends the run where that does not happen."""
    made = Engine(loaded)
    made.convert(wait=True)
    if made.name != ONNX_RUNTIME:
        sys.exit(f"{loaded.record.name} stays in {made.name}")
    return made


@contextlib.contextmanager
def spinning(us: int) -> Iterator[None]:
    """New sessions whose threads spin for so many microseconds."""
    usual, onnx_session.SPIN_US = onnx_session.SPIN_US, us
    try:
        yield
    finally:
        onnx_session.SPIN_US = usual


def load(name: str) -> weights.Loaded:
    """Weights by their name, or an architecture with random ones."""
    if "." in name:
        return weights.load(name)
    torch.manual_seed(0)
    net = create_model(name, 1000).eval()
    record = weights.WeightsRecord(
        name=name,
        title=name,
        arch=name,
        num_classes=1000,
        labels=tuple(map(str, range(1000))),
        preprocessing=Preprocessing(net.input_size, net.input_size),
        source="file",
    )
    return weights.Loaded(net, record)


def eager(net: torch.nn.Module) -> Run:
    def run(images: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return net(torch.from_numpy(images)).numpy()

    return run


def take_turns(runs: dict[str, Run], images: np.ndarray, seconds: float) -> dict[str, float]:
    """Median milliseconds of each run, a few in a row."""
    taken: dict[str, list[float]] = {column: [] for column in runs}
    end = time.perf_counter() + seconds
    while True:
        for column, run in runs.items():
            time.sleep(PAUSE)
            times = [timed(run, images) for _ in range(IN_A_ROW)]
            taken[column] += times[1:]
        if time.perf_counter() >= end:
            break
    return {column: statistics.median(times) for column, times in taken.items()}


def timed(run: Run, images: np.ndarray) -> float:
    start = time.perf_counter()
    run(images)
    return 1e3 * (time.perf_counter() - start)


def resident() -> float:
    """Megabytes of memory of this process, on Linux."""
    path = Path("/proc/self/statm")
    pages = int(path.read_text().split()[1]) if path.exists() else 0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20 if pages else 0


if __name__ == "__main__":
    main()

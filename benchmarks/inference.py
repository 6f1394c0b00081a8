"""One batch through a net: plain PyTorch, ours, ONNX Runtime and OpenVINO, in one run.

    python benchmarks/inference.py [--threads 2] [--seconds 3] [--quick] [NET ...]

Default: the bundled nets, then torchvision's architectures at their natural size with random
weights. Median milliseconds for 1 and for 8 images, the four taking turns, and what ours needs of
eager's time and of the best other's; below each table the geometric means. "eager" is the plain
module in inference mode; ONNX Runtime and OpenVINO run as fast as they can: with spinning threads,
and OpenVINO (where it is installed) for a fixed size of batch, in float32. "ready": seconds from
the ONNX file to the end of a first run, and the megabytes of memory that this took. Takes 5
minutes.
"""

import argparse
import gc
import itertools
import os
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from cnn_space.settings import wait_passively

wait_passively()  # before torch is imported

import numpy as np
import torch

from cnn_space import create_model, weights
from cnn_space.images.preprocessing import Preprocessing
from cnn_space.inference.engine import Engine, fold
from cnn_space.inference.onnx_net import to_onnx

NATURAL = ("alexnet", "vgg16", "googlenet", "inception_v3", "resnet18", "resnet50", "densenet121")
BATCHES = (1, 8)
IN_A_ROW = 4  # runs of one engine before the next has its turn; the first of them is not counted
COLUMNS = ("eager", "ours", "ONNX Runtime", "OpenVINO")

Run = Callable[[np.ndarray], object]


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("nets", nargs="*", metavar="NET", help="names of weights, or architectures")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: 2)")
    parser.add_argument("--seconds", type=float, default=3, help="for each net and batch")
    parser.add_argument("--quick", action="store_true", help="only see that it runs")
    options = parser.parse_args(argv)
    if options.quick:
        options.seconds = 0
    os.environ["CNN_SPACE_THREADS"] = str(options.threads)
    os.environ["CNN_SPACE_ENGINE"] = "auto"
    torch.set_num_threads(options.threads)
    packages = ["torch", "onnxruntime", *(["openvino"] if find_spec("openvino") else [])]
    print(f"{options.threads} threads, {', '.join(f'{p} {version(p)}' for p in packages)}; "
          "median milliseconds")  # fmt: skip
    bundled = [n for n in weights.list_weights() if weights.record(n).source == "bundled"]
    tables = {"given": options.nets} if options.nets else {"bundled": bundled, "natural": NATURAL}
    for title, nets in tables.items():
        print(f"{title:26}  n {''.join(f'{c:>14}' for c in COLUMNS)}   of eager   of best   ready")
        rows = [row for net in nets for row in measure(net, options)]
        for batch in BATCHES:
            of_eager, of_best = (
                statistics.geometric_mean(row[i] for row in rows if row[0] == batch) for i in (1, 2)
            )
            what = f"{batch} image{'s' if batch > 1 else ''}"
            figures = f"{of_eager:.2f} of eager, {of_best:.2f} of the best other"
            print(f"geometric mean, {what}: {figures}", flush=True)


def measure(name: str, options) -> list[tuple[int, float, float]]:
    """Print the rows of a net; gives of each (images, ours / eager, ours / best other)."""
    loaded = load(name)
    size = loaded.record.preprocessing.size
    engine = Engine(loaded)
    engine.convert(wait=True)
    content = to_onnx(fold(loaded.net), size).SerializeToString()
    rows = []
    for batch in BATCHES:
        draw = np.random.default_rng(0)
        images = draw.standard_normal((batch, 3, size, size), dtype=np.float32)
        runs: dict[str, Run] = {"eager": eager(loaded.net), "ours": engine.logits}
        ready = []
        for column, make in (("ONNX Runtime", onnx_runtime), ("OpenVINO", openvino)):
            if column == "OpenVINO" and not find_spec("openvino"):
                continue
            before, start = resident(), time.perf_counter()
            runs[column] = make(content, images.shape, options.threads)
            runs[column](images)
            ready.append(f"{time.perf_counter() - start:.2f} s {resident() - before:.0f} MB")
        taken = take_turns(runs, images, options.seconds)
        best = min(ms for column, ms in taken.items() if column != "ours")
        row = (batch, taken["ours"] / taken["eager"], taken["ours"] / best)
        cells = "".join(f"{taken[c]:14.2f}" if c in taken else f"{'–':>14}" for c in COLUMNS)
        print(f"{name:26} {batch:2} {cells}   {row[1]:8.2f}  {row[2]:8.2f}   {', '.join(ready)}",
              flush=True)  # fmt: skip
        rows.append(row)
        del runs
        gc.collect()
    return rows


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


def onnx_runtime(content: bytes, shape: tuple[int, ...], threads: int) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    providers = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(content, options, providers=providers)
    return lambda images: session.run(None, {"images": images})[0]


def openvino(content: bytes, shape: tuple[int, ...], threads: int) -> Run:
    import openvino

    core = openvino.Core()
    model = core.read_model(content)
    model.reshape(list(shape))
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",
    }
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    return lambda images: request.infer({"images": images}, share_inputs=True)


def take_turns(runs: dict[str, Run], images: np.ndarray, seconds: float) -> dict[str, float]:
    """Median milliseconds of each run, a few in a row: threads of the one before may still spin."""
    taken: dict[str, list[float]] = {column: [] for column in runs}
    end = time.perf_counter() + seconds
    for turn in itertools.count():
        for column, run in runs.items():
            times = [timed(run, images) for _ in range(IN_A_ROW)]
            taken[column] += times[1:]
        if turn and time.perf_counter() >= end:
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

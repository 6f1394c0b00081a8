"""Many pictures one by one and in batches, in each engine: what `classify` of a folder, ten views,
`evaluate` and the robustness curves gain.

    python benchmarks/batches.py [--threads 2] [--images 64] [--rounds 3] [--quick] [NET ...]

Prints the milliseconds of one picture, the median of the rounds, all ways taking turns: the plain
module on 100 at a time (in which trainings measure themselves), PyTorch folded and ONNX Runtime
with 1, 8 and 32 at a time, and "ours", ``Engine.logits`` on all of them, which chooses. Default:
six bundled nets. Takes 2 minutes.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from cnn_space.settings import wait_passively

wait_passively()  # before torch is imported

import torch

from cnn_space import weights
from cnn_space.inference.engine import ONNX_RUNTIME, PYTORCH, Engine

NETS = (
    "lenet5.cifar10", "vgg16_bn.cifar10", "googlenet.cifar10", "resnet18.cifar10",
    "densenet_bc_100_12.cifar10", "googlenet.imagenette",
)  # fmt: skip
SIZES = (1, 8, 32)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("nets", nargs="*", metavar="NET", help="names of weights")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: 2)")
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="only see that it runs")
    options = parser.parse_args(argv)
    if options.quick:
        options.images, options.rounds = 2, 1
    os.environ["CNN_SPACE_THREADS"] = str(options.threads)
    os.environ["CNN_SPACE_ENGINE"] = "auto"
    print(f"{options.threads} threads, {options.images} pictures; milliseconds a picture")
    engines = [f"{name} {size}" for name in (PYTORCH, ONNX_RUNTIME) for size in SIZES]
    names = ["plain 100", *engines, "ours"]
    print(f"{'net':26} {''.join(f'{name:>16}' for name in names)}")
    for net in options.nets or NETS:
        ways = ways_to_run(weights.load(net))
        size = weights.record(net).preprocessing.size
        images = torch.randn(options.images, 3, size, size)
        taken = {name: [] for name in ways}
        for _ in range(options.rounds):
            for name, (run, at_once) in ways.items():
                run(images[:at_once])  # threads of the way before may still spin
                start = time.perf_counter()
                for part in images.split(at_once):
                    run(part)
                taken[name].append(1e3 * (time.perf_counter() - start) / len(images))
        medians = (statistics.median(taken[name]) for name in names)
        print(f"{net:26} {''.join(f'{ms:16.2f}' for ms in medians)}", flush=True)


def ways_to_run(loaded: weights.Loaded) -> dict:
    """How to run a batch, and how many pictures make one, by name."""
    in_pytorch, converted = Engine(loaded), Engine(loaded)
    converted.convert(wait=True)
    if converted.name != ONNX_RUNTIME:
        sys.exit(f"{loaded.record.name} stays in {converted.name}")

    @torch.inference_mode()
    def plain(batch: torch.Tensor) -> None:
        loaded.net(batch)

    ways = {"plain 100": (plain, 100), "ours": (converted.logits, sys.maxsize)}
    for size in SIZES:
        # ``timed`` counts single pictures, and would convert the net that is to stay in PyTorch.
        ways[f"{PYTORCH} {size}"] = (lambda batch: in_pytorch.timed(batch, in_pytorch=True), size)
        ways[f"{ONNX_RUNTIME} {size}"] = (converted.timed, size)
    return ways


if __name__ == "__main__":
    main()

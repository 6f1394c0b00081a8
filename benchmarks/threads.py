"""Trainings whose threads wait in different ways for each other: alone, and two side by side.

    python benchmarks/threads.py [--threads 2] [--seconds 4] [--rounds 3] [--spins 1000 10000]

Prints the images/s of GoogLeNet at 32 pixels, and the CPU time of one image, for threads that

- sleep at once (OMP_WAIT_POLICY=PASSIVE),
- spin for a while first, so many turns as GOMP_SPINCOUNT says,
- spin as long as OpenMP does where nobody says anything (300,000 turns),

and for processes of one thread each. All ways take turns, round by round; medians. Takes 4 minutes.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

VARIABLES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_NUM_THREADS")
BATCH = 32  # images of a step


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: 2)")
    parser.add_argument("--seconds", type=float, default=4, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--spins", type=int, nargs="*", default=[1000, 10_000], metavar="TURNS")
    parser.add_argument("--quick", action="store_true", help="only see that it runs")
    parser.add_argument("--worker", action="store_true", help="train in this process when asked to")
    options = parser.parse_args(argv)
    if options.worker:
        return work()
    if options.quick:
        options.seconds, options.rounds = 0.1, 1
    print(f"{options.threads} threads, GoogLeNet at 32 pixels, {options.seconds:g} s and "
          f"{options.rounds} rounds each")  # fmt: skip
    print(f"{'threads that wait':26} images/s: alone   two side by side   CPU, ms an image: alone "
          "  side by side")  # fmt: skip
    ways = ways_to_wait(options)
    rounds = [
        {
            name: measure(way, options.seconds, 1 if options.quick else 2)
            for name, way in ways.items()
        }
        for _ in range(options.rounds)
    ]
    for name in ways:
        alone, both, cpu_alone, cpu_both = (
            statistics.median(figures)
            for figures in zip(*(one[name] for one in rounds), strict=True)
        )
        print(f"{name:26} {alone:15.1f} {both:18.1f} {cpu_alone:25.1f} {cpu_both:14.1f}")


def ways_to_wait(options) -> dict[str, dict[str, str]]:
    """The environment variables of each way, by its name."""
    one = {"one thread": {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}}
    if options.quick:
        return one
    threads = {"OMP_NUM_THREADS": str(options.threads)}
    ways = {"asleep": threads | {"OMP_WAIT_POLICY": "PASSIVE"}}
    for turns in options.spins:
        ways[f"{turns} turns, then asleep"] = threads | {"GOMP_SPINCOUNT": str(turns)}
    ways["as OpenMP's do unasked"] = threads
    return ways | one


def measure(way: dict[str, str], seconds: float, count: int) -> tuple[float, float, float, float]:
    """Images/s of one training and of ``count`` at the same time, and the CPU time of an image in
    both, in milliseconds."""
    pair = [start(way) for _ in range(count)]
    try:
        for process in pair:
            process.stdout.readline()  # it is ready
        (alone, cpu_alone), (both, cpu_both) = train(pair[:1], seconds), train(pair, seconds)
    finally:
        for process in pair:
            process.stdin.close()
            process.wait()
    return alone, both, cpu_alone, cpu_both


def start(variables: dict[str, str]) -> subprocess.Popen:
    """A process that trains when it is asked to, once it has said that it is ready."""
    environment = {k: v for k, v in os.environ.items() if k not in VARIABLES} | variables
    return subprocess.Popen(
        [sys.executable, __file__, "--worker"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def train(processes: list[subprocess.Popen], seconds: float) -> tuple[float, float]:
    """Images/s of all processes together, training for so long at the same time, and the
    milliseconds of CPU that one image took."""
    for process in processes:
        print(seconds, file=process.stdin, flush=True)
    done = [json.loads(process.stdout.readline()) for process in processes]
    images = sum(one["images"] for one in done)
    rate = sum(one["images"] / one["seconds"] for one in done)
    return rate, 1e3 * sum(one["cpu"] for one in done) / images


def work() -> None:
    """For each number of seconds on standard input, train so long and print what was done."""
    import torch

    from cnn_space import create_model
    from cnn_space.images.image_set import ImageSet
    from cnn_space.training.loop import TrainingRun
    from cnn_space.training.recipes import Recipe

    pixels = torch.randint(0, 256, (128, 3, 32, 32), dtype=torch.uint8)
    images = ImageSet(pixels, torch.randint(0, 10, (128,)), tuple("0123456789"))
    net = create_model("googlenet", 10, small_input=True, aux=False)
    run = iter(TrainingRun(net, images, Recipe(epochs=10**6, batch_size=BATCH, lr=0.01)))
    next(run)  # kernels are chosen, memory is taken
    print("ready", flush=True)
    for line in sys.stdin:
        begun, cpu, steps = time.perf_counter(), time.process_time(), 0
        while not steps or time.perf_counter() - begun < float(line):
            next(run)
            steps += 1
        done = {"images": BATCH * steps, "seconds": time.perf_counter() - begun}
        print(json.dumps(done | {"cpu": time.process_time() - cpu}), flush=True)


if __name__ == "__main__":
    main()

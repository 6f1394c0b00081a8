"""Trainings whose threads wait in different ways for each other: alone, and two side by side.

    python benchmarks/threads.py [--threads 2] [--seconds 4] [--rounds 5] [--spins 1000 10000]

Prints the images/s of GoogLeNet at 32 pixels, and the CPU time of one image, for threads that

- sleep at once (OMP_WAIT_POLICY=PASSIVE),
- spin for a while first, so many turns as GOMP_SPINCOUNT says,
- spin as long as OpenMP does where nobody says anything (300,000 turns),

and for one thread in each process. All ways take turns, round by round; medians. Each has processes
of its own, which rest while others run. Takes 4 minutes with the defaults.
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
SETS = ("alone", "two side by side")
BATCH = 32  # images of a step


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: 2)")
    parser.add_argument("--seconds", type=float, default=4, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--spins", type=int, nargs="*", default=[1000, 10_000], metavar="TURNS")
    parser.add_argument("--quick", action="store_true", help="only see that it runs")
    parser.add_argument("--worker", action="store_true", help="train in this process when asked to")
    options = parser.parse_args(argv)
    if options.worker:
        return work()
    if options.quick:
        options.seconds, options.rounds, options.spins = 0.1, 1, []
    ways = {name: [start(way), start(way)] for name, way in ways_to_wait(options).items()}
    print(f"{options.threads} threads, GoogLeNet at 32 pixels, {options.seconds:g} s and "
          f"{options.rounds} rounds each")  # fmt: skip
    print(f"{'threads that wait':26} images/s {SETS[0]:>12} {SETS[1]:>18}    CPU, ms an image")
    try:
        rounds = [
            {name: (train(pair[:1], options.seconds), train(pair, options.seconds))
             for name, pair in ways.items()}
            for _ in range(options.rounds)
        ]  # fmt: skip
    finally:
        for process in (process for pair in ways.values() for process in pair):
            process.stdin.close()
            process.wait()
    for name in ways:
        sets = zip(*(one[name] for one in rounds), strict=True)
        rates, costs = zip(*([statistics.median(figures) for figures in zip(*one, strict=True)]
                             for one in sets), strict=True)  # fmt: skip
        print(f"{name:26}          {rates[0]:12.1f} {rates[1]:18.1f}    "
              f"{costs[0]:.1f} and {costs[1]:.1f}")  # fmt: skip


def ways_to_wait(options) -> dict[str, dict[str, str]]:
    """The environment variables of each way, by its name."""
    threads = {"OMP_NUM_THREADS": str(options.threads)}
    ways = {"asleep": threads | {"OMP_WAIT_POLICY": "PASSIVE"}}
    for turns in options.spins:
        ways[f"{turns} turns, then asleep"] = threads | {"GOMP_SPINCOUNT": str(turns)}
    ways["as OpenMP's do unasked"] = threads
    ways["one thread"] = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    return ways


def start(variables: dict[str, str]) -> subprocess.Popen:
    """A process that is ready to train."""
    environment = {k: v for k, v in os.environ.items() if k not in VARIABLES} | variables
    command = [sys.executable, __file__, "--worker"]
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    process.stdout.readline()
    return process


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

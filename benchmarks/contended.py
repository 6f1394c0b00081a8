"""Answers beside other work on the same cores, with and without the wait policy.

    python benchmarks/contended.py [--net googlenet.cifar10] [--threads 2] [--seconds 12]
                                   [--spin US] [--openvino] [--quick]

For OMP_WAIT_POLICY unset and PASSIVE, each in a process of its own: answers to a photo one after
another, alone, beside a fine-tune in the same process (as on the page), and beside two busy
programs. "CPU" is what the process of the answers uses an answer, without meaning beside a
fine-tune. Takes about 2 minutes. With CNN_SPACE_ENGINE=pytorch the answers are PyTorch's, which the
policy concerns; ONNX Runtime has threads of its own, which spin for ``onnx_session.SPIN_US``
microseconds, or for --spin. With --openvino they are OpenVINO's, which is not needed otherwise.
Trainings: ``threads.py``.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
POLICIES = {"unset": None, "PASSIVE": "PASSIVE"}
SITUATIONS = ("alone", "beside a fine-tune", "beside two busy programs")
BUSY = "while True: pass"


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--net", default="googlenet.cifar10")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: 2)")
    parser.add_argument("--seconds", type=float, default=12, help="of each measurement")
    parser.add_argument("--quick", action="store_true", help="only see that it runs: one policy")
    parser.add_argument("--spin", type=int, metavar="US", help="of ONNX Runtime's threads")
    parser.add_argument("--openvino", action="store_true", help="instead of ONNX Runtime")
    parser.add_argument("--part", action="store_true", help="measure in this process, print JSON")
    options = parser.parse_args(argv)
    if options.quick:
        options.seconds = 0.1
    if options.part:
        return answers(options)
    policies = ["PASSIVE"] if options.quick else list(POLICIES)
    print(f"{options.threads} threads, {options.net}; {options.seconds:g} s each; milliseconds")
    for policy in policies:
        rows = measure(policy, options)
        for situation, row in zip(SITUATIONS, rows, strict=True):
            cpu = f"{row['cpu']:7.1f}" if row["cpu"] else "      –"
            times = row["p50"] / rows[0]["p50"]
            print(f"{policy:8} {situation:26} p50 {row['p50']:7.1f}  p95 {row['p95']:7.1f}  "
                  f"CPU {cpu}  {times:5.2f} times alone", flush=True)  # fmt: skip
    return None


def measure(policy: str, options) -> list[dict[str, float]]:
    """What a process with this wait policy measures, situation by situation."""
    environment = {k: v for k, v in os.environ.items() if k not in WAITING}
    if POLICIES[policy]:
        environment["OMP_WAIT_POLICY"] = POLICIES[policy]
    for name in ("OMP_NUM_THREADS", "CNN_SPACE_THREADS"):
        environment[name] = str(options.threads)
    command = [sys.executable, __file__, "--part", "--net", options.net]
    command += ["--seconds", str(options.seconds)]
    if options.spin is not None:
        command += ["--spin", str(options.spin)]
    if options.openvino:
        command += ["--openvino"]
    return json.loads(subprocess.run(command, env=environment, stdout=subprocess.PIPE).stdout)


def answers(options) -> None:
    """Milliseconds of answers in each situation, as a JSON list."""
    from cnn_space.inference import engine, onnx_session
    from cnn_space.inference.classification import answer

    if options.spin is not None:
        onnx_session.SPIN_US = options.spin

    engine.get(options.net).convert(wait=True)
    if options.openvino:
        engine.get(options.net)._session = OpenVino(options)
    photo = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)

    def row(with_cpu: bool = True) -> dict[str, float]:
        for _ in range(3):
            answer(photo, options.net)
        times, cpu, end = [], time.process_time(), time.perf_counter() + options.seconds
        while not times or time.perf_counter() < end:
            start = time.perf_counter()
            answer(photo, options.net)
            times.append(1e3 * (time.perf_counter() - start))
        cpu = 1e3 * (time.process_time() - cpu) / len(times)
        p50, p95 = np.percentile(times, (50, 95))
        return {"p50": p50, "p95": p95, "cpu": cpu if with_cpu else 0}

    rows = [row()]
    with fine_tuning(options.net):
        rows.append(row(with_cpu=False))
    with busy_programs(2):
        rows.append(row())
    print(json.dumps(rows))


class OpenVino:
    """What stands in the place of ONNX Runtime's session."""

    def __init__(self, options):
        from engines import openvino

        from cnn_space import weights
        from cnn_space.inference.engine import fold
        from cnn_space.inference.onnx_net import to_onnx

        loaded = weights.load(options.net)
        size = loaded.record.preprocessing.size
        content = to_onnx(fold(loaded.net), size).SerializeToString()
        self._run = openvino(content, (1, 3, size, size), options.threads)

    def logits(self, batch) -> np.ndarray:
        return self._run(batch.numpy())


@contextlib.contextmanager
def fine_tuning(name: str) -> Iterator[None]:
    """One fine-tune after another in a thread of this process, from its first report on."""
    from cnn_space import weights
    from cnn_space.images.readers import read_digits
    from cnn_space.inference.threads import give_way
    from cnn_space.training import finetuning
    from cnn_space.training.recipes import PRESETS, Plan

    over, begun = threading.Event(), threading.Event()
    images = read_digits().images

    def work() -> None:
        give_way()
        while not over.is_set():
            for update in finetuning.Run(weights.load(name), images, Plan(**PRESETS["thorough"])):
                if update.step:
                    begun.set()
                if over.is_set():
                    break

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextlib.contextmanager
def busy_programs(count: int) -> Iterator[None]:
    programs = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


if __name__ == "__main__":
    main()

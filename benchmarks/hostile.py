"""What an honest visitor waits while hostile ones keep the page busy.

    python benchmarks/hostile.py [--seconds 40] [--attackers 4] [--target 2] [--quick]

One visitor classifies a photo every moment over HTTP, 100 times at least: alone; and beside
attackers, who have another address,

- pictures: that keep a decoder busy (a JPEG of thousands of scans, a header without an end, 49
  megapixels in a few kB);
- floods: bodies of 100 MB, texts of megabytes, fine-tunings that nobody listens to;
- checks: PyTorch source of 150 kB, a layer a line, for the checker to read;
- sweeps: one photo in 40 changes through eight nets, and comparisons of eight nets.

Prints the median and the 95th percentile of the visitor's seconds, and the memory of the server
after each; ends with 1 where the 95th percentile grows more than ``--target`` times.
"""

import argparse
import contextlib
import http.client
import itertools
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

from visits import Visitor, encoded, inline, resident, served  # noqa: E402

HONEST, HOSTILE = 1, 2  # their addresses: 127.0.0.1 and 127.0.0.2
LEAST = 100  # answers, for a 95th percentile
PAUSE = 0.1  # seconds between two questions, so that no limit of the page is met
NET = "lenet5.cifar10"  # answers in a millisecond: what is measured is everything around it


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=40, help="of each situation")
    parser.add_argument("--only", nargs="+", choices=ATTACKS, help="some kinds of attack")
    parser.add_argument("--attackers", type=int, default=4)
    parser.add_argument("--target", type=float, default=2)
    parser.add_argument("--quick", action="store_true", help="only see that it runs")
    options = parser.parse_args(argv)
    seconds, least = (1, 1) if options.quick else (options.seconds, LEAST)
    kinds = options.only or list(ATTACKS)
    with served() as (url, server):
        honest = Visitor(url, HONEST, stays=False)
        visit(honest)  # the net and the decoders are there
        alone, missed = None, False
        for name in ["alone", *kinds]:
            with attacked(url, ATTACKS.get(name, []), options.attackers) as sent:
                end = time.monotonic() + seconds
                times = sorted(until(end, lambda: visit(honest), least))
            median, p95 = statistics.median(times), times[int(0.95 * (len(times) - 1))]
            alone = alone or p95
            print(
                f"{name:9} {len(times):5} answers, median {median:6.3f} s, p95 {p95:6.3f} s, "
                f"{p95 / alone:5.2f} times; {sum(sent):5} attacks; {resident(server):5.0f} MB"
            )
            missed |= p95 / alone > options.target
    return int(missed and not options.quick)


def until(deadline: float, work: Callable[[], object], least: int) -> list[float]:
    """The seconds that ``work`` took, again and again until then, ``least`` times in any case."""
    times = []
    while len(times) < least or time.monotonic() < deadline:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
        time.sleep(PAUSE)
    return times


def visit(visitor: Visitor, data: bytes | None = None) -> None:
    """A picture, by default an honest one, and its answer read to the end."""
    visitor.ask("classify", [inline(data or PHOTO), NET, 3])


NETS = sorted(path.stem for path in (ROOT / "checkpoints").glob("*.safetensors"))[:8]


def many_scans() -> bytes:
    """A progressive JPEG whose last scan comes thousands of times."""
    data = encoded(Image.effect_noise((600, 600), 90), "JPEG", progressive=True)
    last = data.rfind(b"\xff\xda")
    return data[:-2] + data[last:-2] * (400_000 // (len(data) - last)) + data[-2:]


PHOTO = encoded(Image.effect_noise((80, 60), 60).convert("RGB").resize((640, 480)), "JPEG")


def large_body(visitor: Visitor) -> None:
    chunks = itertools.repeat(b"1," * 500_000, 100)
    visitor.send("POST", "/gradio_api/call/classify", chunks)


def large_text(visitor: Visitor) -> None:
    visitor.ask("classify", [None, "x" * 5_000_000, 3])


def unheard_run(visitor: Visitor) -> None:
    values = visitor.defaults("finetune") | {"model": NET}
    visitor.begin("finetune", [*values.values()])


def large_check(visitor: Visitor) -> None:
    first, layer = "    nn.Conv2d(3, 8, 3),\n", "    nn.Conv2d(8, 8, 3, padding=1),\n"
    text = f"from torch import nn\nnet = nn.Sequential(\n{first}{4000 * layer})\n"
    visitor.ask("check", [text, "", "", ""])


def sweep(visitor: Visitor) -> None:
    visitor.ask("robustness", [inline(PHOTO), NETS, "blur", 40])


def comparison(visitor: Visitor) -> None:
    visitor.ask("compare", [inline(PHOTO), NETS])


SLOW = [
    many_scans(),
    b"P6\n#" + b"x" * 2_000_000,
    encoded(Image.new("RGB", (7000, 7000)), "PNG"),
]
ATTACKS = {
    "pictures": [partial(visit, data=data) for data in SLOW],
    "floods": [large_body, large_text, unheard_run],
    "checks": [large_check],
    "sweeps": [sweep, comparison],
}


@contextlib.contextmanager
def attacked(url: str, attacks: list[Callable], count: int) -> Iterator[Sequence[int]]:
    """``count`` attackers, processes of their own, each with all of ``attacks`` in turn; yields how
    often each came."""
    own = multiprocessing.get_context("fork")
    sent, over = own.Array("i", count), own.Event()

    def attack(number: int) -> None:
        visitor = Visitor(url, HOSTILE, stays=False)
        for one in itertools.cycle(attacks[number % len(attacks) :] + attacks):
            if over.is_set():
                return
            with contextlib.suppress(OSError, http.client.HTTPException):  # refused
                one(visitor)
            visitor.leave()
            sent[number] += 1

    attackers = [own.Process(target=attack, args=(n,)) for n in range(count) if attacks]
    for attacker in attackers:
        attacker.start()
    try:
        yield sent
    finally:
        over.set()
        for attacker in attackers:
            attacker.join()


if __name__ == "__main__":
    sys.exit(main())

"""The page under thousands of mixed requests: whether all are answered, and whether memory stays.

    python benchmarks/soak.py [--requests 4000] [--clients 32] [--quick]

Clients, each with an address of its own, classify photos of their own by three nets, inside of the
request or uploaded before, and compare two nets; some hang up before their answer comes and go on
in a new session. Meanwhile one more client begins fine-tunings and leaves them after some steps.
Prints the memory of the server's process after every tenth of the requests, and its slope
behind the first fifth, in which nets are loaded and converted. Ends with 1 where an answer is lost
or another's. Takes 2 minutes.
"""

import argparse
import contextlib
import http.client
import itertools
import random
import sys
import threading
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from many_clients import TOP_K, confidences, is_same, questions  # noqa: E402
from visits import Visitor, picture, resident, served  # noqa: E402

NETS = ("lenet5.cifar10", "googlenet.cifar10", "resnet18.cifar10")
TUNED = "lenet5.cifar10"
WARM = 0.2  # of the requests
# What clients do, and how often of a hundred times.
WAYS = {"classify": 60, "classify_upload": 15, "compare": 15, "hang_up": 10}


class Soak:
    """All clients' requests, and what came of them."""

    def __init__(self, url: str, requests: int, asked: dict[str, tuple[list, list]]):
        self.url, self.asked = url, asked
        self.numbers = iter(range(requests))
        self.done, self.lost, self.wrong, self.left, self.runs = 0, [], 0, 0, 0
        self.over = threading.Event()
        self._lock = threading.Lock()

    def client(self, number: int) -> None:
        """One after another, until all requests are done."""
        draw = random.Random(number)
        visitor = Visitor(self.url, 2 + number, stays=True)
        while True:
            with self._lock:
                if next(self.numbers, None) is None:
                    return visitor.leave()
            way = draw.choices(list(WAYS), WAYS.values())[0]
            try:
                if way == "hang_up":
                    visitor = self._hang_up(visitor, number, draw)
                else:
                    getattr(self, f"_{way}")(visitor, number, draw.choice(NETS))
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.lost.append(f"{way}: {error!r}")
                visitor.leave()
            with self._lock:
                self.done += 1

    def _classify(self, visitor: Visitor, number: int, net: str) -> None:
        self._check(visitor, self.asked[net][0][number], number, net)

    def _classify_upload(self, visitor: Visitor, number: int, net: str) -> None:
        path = visitor.upload("photo.jpg", picture(self.asked[net][0][number]))
        file = {"path": path, "meta": {"_type": "gradio.FileData"}}
        self._check(visitor, file, number, net)

    def _check(self, visitor: Visitor, photo: dict, number: int, net: str) -> None:
        [answer] = visitor.ask("classify", [photo, net, TOP_K])
        self.wrong += not is_same(confidences(answer), self.asked[net][1][number])

    def _compare(self, visitor: Visitor, number: int, net: str) -> None:
        other = NETS[NETS.index(net) - 1]
        table, sentence = visitor.ask("compare", [self.asked[net][0][number], [net, other]])
        if len(table["data"]) != 2 or not sentence:
            raise ValueError(f"no comparison: {table}")

    def _hang_up(self, visitor: Visitor, number: int, draw: random.Random) -> Visitor:
        net = draw.choice(NETS)
        place = visitor.begin("classify", [self.asked[net][0][number], net, TOP_K])
        if draw.random() < 0.5:
            visitor.listen(place)
        visitor.leave()
        self.left += 1
        return Visitor(self.url, 2 + number, stays=True)

    def teacher(self, number: int) -> None:
        """Fine-tunings, of which some updates are heard before their visitor leaves."""
        while not self.over.is_set():
            visitor = Visitor(self.url, number, stays=False)
            with contextlib.suppress(OSError, http.client.HTTPException):
                values = visitor.defaults("finetune") | {"model": TUNED}
                answer = visitor.listen(visitor.begin("finetune", [*values.values()]))
                for line in itertools.islice(answer, 30):
                    if self.over.is_set() or b"event: complete" in line:
                        break
                self.runs += 1
            visitor.leave()


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--quick", action="store_true", help="only see that it runs")
    options = parser.parse_args(argv)
    if options.quick:
        options.requests, options.clients = 20, 4
    asked = {net: questions(options.clients, net) for net in NETS}
    with served() as (url, server):
        soak = Soak(url, options.requests, asked)
        clients = [threading.Thread(target=soak.client, args=(n,)) for n in range(options.clients)]
        teacher = threading.Thread(target=soak.teacher, args=(2 + options.clients,))
        start = time.monotonic()
        for thread in (*clients, teacher):
            thread.start()
        points = watch(soak, server, options.requests)
        for client in clients:
            client.join()
        seconds = time.monotonic() - start
        soak.over.set()
        teacher.join()
    print(
        f"{soak.done} requests of {options.clients} clients in {seconds:.0f} s, {soak.left} of "
        f"them left; {soak.runs} fine-tunings begun and left; {len(soak.lost)} lost, "
        f"{soak.wrong} answered with another's"
    )
    for reason in soak.lost[:5]:
        print(f"lost: {reason}")
    grows = slope(points, options.requests)
    print(f"memory behind the first fifth: {grows:+.1f} MB a hundred requests")
    return int(bool(soak.lost or soak.wrong))


def watch(soak: Soak, server: int, requests: int) -> list[tuple[int, float]]:
    """Print the memory at every tenth; gives (requests done, MB) each quarter of a second."""
    points, told = [], 0
    while not points or points[-1][0] < requests:
        points.append((soak.done, resident(server)))
        if points[-1][0] >= told * requests / 10:
            print(f"{points[-1][0]:6} requests {points[-1][1]:7.0f} MB", flush=True)
            told = 1 + int(10 * points[-1][0] / requests)
        time.sleep(0.25)
    return points


def slope(points: list[tuple[int, float]], requests: int) -> float:
    """MB that a hundred requests add, by least squares over the points that count."""
    late = np.array([point for point in points if point[0] >= WARM * requests])
    if len({*late[:, 0]}) < 2:
        return float("nan")
    return 100 * np.polyfit(late[:, 0], late[:, 1], 1)[0]


if __name__ == "__main__":
    sys.exit(main())

"""Answers to many clients at once over plain HTTP: the page beside apps that do nothing.

    python benchmarks/many_clients.py [--clients 16] [--net googlenet.cifar10] [--rounds 5] [...]

Each client has an address of its own, since the page's limits are counted by addresses, and a photo
of its own (a JPEG of 640 × 480 pixels, sent inside of the request), and checks that the answer is
the one that ``cnn_space.classify`` gives for it. "Kept" clients have one session and connection
each, as browsers do; "fresh" ones open both anew for every question, as programs do. The app
"nothing" gets the same requests and answers a constant at once: it has none of our code, and
Gradio's settings are the page's. "default" is the same with Gradio's own settings, by which it
makes a table of all events after each. Each is a process of its own; they are asked in turn, some
seconds each, so that other work on the machine meets all alike.

Prints requests a second, the median and the 95th percentile of their milliseconds, and the page's
rate as a share of the others'. Ends with 1 where a request is lost or an answer is another's. Takes
3 minutes.
"""

import argparse
import contextlib
import http.client
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from visits import Visitor, encoded, inline, served  # noqa: E402

KINDS = ("kept", "fresh")
APPS = ("page", "nothing", "default")
COMMANDS = ((), (__file__, "--serve-nothing"), (__file__, "--serve-default"))
TOP_K = 3
NEAR = 1e-3  # between probabilities of one photo from two engines; those of two photos differ more


@dataclass
class Load:
    """What came of the requests of one kind to one app."""

    times: list[float] = field(default_factory=list)  # seconds of each answer
    seconds: float = 0.0
    lost: int = 0
    wrong: int = 0

    @property
    def rate(self) -> float:
        return len(self.times) / self.seconds

    def __str__(self) -> str:
        p50, p95 = 1e3 * np.percentile(self.times or [np.nan], (50, 95))
        return (
            f"{self.rate:6.1f} requests/s, p50 {p50:5.0f} ms, p95 {p95:5.0f} ms, "
            f"{self.lost} lost, {self.wrong} of another"
        )


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--net", default="googlenet.cifar10")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4, help="of each kind in each round")
    parser.add_argument("--quick", action="store_true", help="only see that it runs")
    for name in ("--serve-nothing", "--serve-default"):
        parser.add_argument(name, type=int, metavar="PORT", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if port := options.serve_nothing or options.serve_default:
        return serve_nothing(port, as_the_page=bool(options.serve_nothing))
    if options.quick:
        options.rounds, options.seconds = 1, 0.5
    photos, answers = questions(options.clients, options.net)
    loads = measure(options, photos, answers)
    times = f"{options.rounds} × {options.seconds:g} s each"
    print(f"{options.clients} clients, {options.net}, {times}")
    for kind in KINDS:
        page, *others = (loads[app, kind] for app in APPS)
        print(f"{kind:6} page     {page}")
        for app, other in zip(APPS[1:], others, strict=True):
            print(
                f"{kind:6} {app:8} {other}; the page has {page.rate / other.rate:.2f} of its rate"
            )
    return int(any(load.lost or load.wrong for load in loads.values()))


def measure(options, photos: list, answers: list) -> dict[tuple[str, str], Load]:
    """What comes of each app's requests of each kind, by (app, kind)."""
    loads = {(app, kind): Load() for app in APPS for kind in KINDS}
    with contextlib.ExitStack() as stack:
        urls = [stack.enter_context(served(*command))[0] for command in COMMANDS]
        for number in range(-1, options.rounds):
            for kind in KINDS:
                for app, url in zip(APPS, urls, strict=True):
                    load = loads[app, kind] if number >= 0 else Load()  # the first warms up
                    expected = answers if app == "page" else None
                    press(load, url, options, photos, expected, stays=kind == "kept")
    return loads


def questions(count: int, net: str) -> tuple[list[dict], list[dict]]:
    """Photos as requests hold them, and the answer to each, {label: probability}, all different."""
    from cnn_space import classify, open_photo

    photos, answers = [], []
    for seed in range(10 * count):
        colours = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        photo = Image.fromarray(colours).resize((640, 480), Image.Resampling.BICUBIC)
        data = encoded(
            Image.blend(photo, Image.effect_noise((640, 480), 80).convert("RGB"), 0.2), "JPEG"
        )
        best = classify(open_photo(data), net, TOP_K)
        answer = {prediction.label: prediction.probability for prediction in best}
        if len(photos) < count and not any(is_same(answer, other, 4 * NEAR) for other in answers):
            photos.append(inline(data))
            answers.append(answer)
    return photos, answers


def is_same(one: dict[str, float], other: dict[str, float], near: float = NEAR) -> bool:
    return one.keys() == other.keys() and all(abs(one[key] - other[key]) < near for key in one)


def press(load: Load, url: str, options, photos: list, expected: list | None, *, stays: bool):
    """Let all clients ask again and again for some seconds; adds to ``load`` what came of it."""
    start = time.perf_counter()

    def ask(number: int) -> None:
        visitor = Visitor(url, 2 + number, stays=stays)
        while time.perf_counter() < start + options.seconds:
            asked = time.perf_counter()
            try:
                [answer] = visitor.ask("classify", [photos[number], options.net, TOP_K])
            except (OSError, http.client.HTTPException, ValueError):
                load.lost += 1
                continue
            load.times.append(time.perf_counter() - asked)
            load.wrong += bool(expected) and not is_same(confidences(answer), expected[number])
        visitor.leave()

    clients = [threading.Thread(target=ask, args=(n,)) for n in range(options.clients)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    load.seconds += time.perf_counter() - start


def confidences(answer: dict) -> dict[str, float]:
    return {row["label"]: row["confidence"] for row in answer["confidences"]}


def serve_nothing(port: int, *, as_the_page: bool) -> int:
    """Serve the app that answers at once, until this process is ended."""
    if as_the_page:
        from cnn_space.page.common import start

        start.prepare()
    import gradio as gr

    from cnn_space.page.common.components import FETCH

    with gr.Blocks() as demo:
        given = [gr.JSON(), gr.Textbox(), gr.Number()]
        gr.Button().click(lambda *values: {}, given, gr.JSON(), api_name="classify", **FETCH)
    settings = {"enable_monitoring": False, "state_session_capacity": 1000, "run_history": False}
    demo.queue(api_open=False)
    demo.launch(server_port=port, **(settings if as_the_page else {}))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The process that decodes strangers' pictures, one after the other: what a hostile file can take
is its time and memory, both limited. Its other end is ``decoder_pool``.

A message, in both directions: two numbers (uint32, little-endian), the lengths of what follows; a
JSON object; bytes. A request has ``side`` and ``max_pixels`` (see ``decoding.decode``),
``cpu_seconds`` (see SECONDS), and the file; an answer has ``size`` and ``info`` of the picture and
its pixels, or ``reason`` and ``values`` of a PhotoError.
"""

import json
import os
import signal
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from PIL import AvifImagePlugin, Image

from cnn_space.images.decoding import Opened
from cnn_space.images.photo_error import PhotoError

# Seconds of CPU time for one picture, plus as many for each pixel beyond 16 million: 50 million
# pixels of a PNG take 2.5 seconds of a slow core.
SECONDS, SECONDS_PER_PIXEL, FREE_PIXELS = 2.0, 0.12e-6, 16_000_000
# Bytes of address space; a picture of 50 million pixels takes 200 MB, and as much for its copies.
MEMORY = 1536 * 2**20

_LENGTHS = struct.Struct("<II")


def send(stream: BinaryIO, message: dict, data: bytes = b"") -> None:
    """Write one message."""
    text = json.dumps(message).encode()
    stream.write(_LENGTHS.pack(len(text), len(data)) + text)
    stream.write(data)
    stream.flush()


def receive(stream: BinaryIO) -> tuple[dict, bytes] | None:
    """Read one message; None where the other end is gone."""
    head = stream.read(_LENGTHS.size)
    if len(head) < _LENGTHS.size:
        return None
    text_length, data_length = _LENGTHS.unpack(head)
    text, data = stream.read(text_length), stream.read(data_length)
    if len(data) < data_length or len(text) < text_length:
        return None
    return json.loads(text), data


def main() -> None:
    """Answer requests until the other end is gone."""
    requests = sys.stdin.buffer
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the other end, and so this one
    _limit_resources()
    while (request := receive(requests)) is not None:
        send(answers, *_answer(*request))


def _answer(request: dict, data: bytes) -> tuple[dict, bytes]:
    try:
        with cpu_time(request["cpu_seconds"]):
            opened = Opened(data, side=request["side"], max_pixels=request["max_pixels"])
        beyond = max(0, opened.pixels - FREE_PIXELS)
        with cpu_time(request["cpu_seconds"] + SECONDS_PER_PIXEL * beyond):
            image = opened.decode()
            pixels = image.tobytes()
    except PhotoError as error:
        return {"reason": error.reason, "values": error.values}, b""
    except MemoryError:
        return {"reason": "too_much_memory", "values": {}}, b""
    return {"size": image.size, "info": image.info}, pixels


@contextmanager
def cpu_time(seconds: float) -> Iterator[None]:
    """End this process when it takes more CPU time than that, where the system can measure it."""
    can_measure = hasattr(signal, "setitimer")
    if can_measure:
        signal.setitimer(signal.ITIMER_PROF, seconds)  # then SIGPROF, which ends the process
    try:
        yield
    finally:
        if can_measure:
            signal.setitimer(signal.ITIMER_PROF, 0)


def _limit_resources() -> None:
    Image.MAX_IMAGE_PIXELS = None  # the request says how many
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    with suppress(ImportError):
        from pillow_heif import options

        options.DECODE_THREADS = 1
    with suppress(ImportError):
        from pillow_jxl import JpegXLImagePlugin

        JpegXLImagePlugin.DECODE_THREADS = 0
    with suppress(ImportError):  # Windows has none
        import resource

        for limit, most in (("AS", MEMORY), ("FSIZE", 0), ("CORE", 0)):
            # A system may know a limit and not let it be set.
            with suppress(AttributeError, ValueError, OSError):
                resource.setrlimit(getattr(resource, f"RLIMIT_{limit}"), (most, most))


if __name__ == "__main__":
    main()

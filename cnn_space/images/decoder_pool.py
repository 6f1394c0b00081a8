"""The processes that decode strangers' pictures: started when the first picture comes, two at
rest, replaced when they die. They are fresh Python processes, never forks of this one, whose
threads a fork would break; and they do not import the caller's script, as ``multiprocessing``
would."""

import atexit
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path

from PIL import Image

import cnn_space
from cnn_space.images.decoding_process import SECONDS, receive, send
from cnn_space.images.photo_error import PhotoError

PROGRAM = "cnn_space.images.decoding_process"
# Processes that stay when nothing is to do, and at most; those beyond KEPT end after REST seconds
# without work: to start one takes as long as ten pictures. One visitor gets as many as stay, so
# that slow pictures of one do not hold up another's; what takes more than PATIENCE seconds of a
# core goes on with low priority, in a process that ends with it.
KEPT, MOST, PATIENCE, REST = 2, 4, 0.5, 10.0
LOW_PRIORITY = 10
PIPE = 2**20  # bytes; a picture goes through in a few parts, not in dozens
# Whose pictures are decoded; who serves several visitors sets it.
VISITOR: ContextVar[str] = ContextVar("visitor", default="")
# Seconds for one picture by the clock. The process itself measures its CPU time, which does not
# grow when other programs take the cores; Windows has only this limit.
PATIENT_SECONDS = 20.0 if hasattr(signal, "setitimer") else 6.0


class DecoderDied(Exception):
    """A process ended in the middle of a picture, and not because of its limits: ``code`` is its
    exit status, or the negative number of a signal."""

    def __init__(self, code: int):
        super().__init__(f"the process that decodes pictures ended with status {code}")
        self.code = code


class Decoder:
    """One process. Raises OSError where it cannot be started."""

    def __init__(self):
        paths = [str(Path(cnn_space.__file__).parents[1]), *filter(None, sys.path)]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONSAFEPATH": "1",
            "OPENBLAS_NUM_THREADS": "1",
            # Large blocks go back to the system when they are freed.
            "MALLOC_MMAP_THRESHOLD_": str(2**20),
            "MALLOC_ARENA_MAX": "1",
        }
        self.is_slow = False
        self.rests_since = 0.0
        self._process = subprocess.Popen(
            [sys.executable, "-m", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pipesize=PIPE,
            env=environment,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def decode(self, request: dict, data: bytes, seconds: float) -> Image.Image:
        """Decode ``data`` within ``seconds``; ``decoding_process`` says what a ``request`` has.
        Raises PhotoError, and DecoderDied."""
        late, done = threading.Event(), threading.Event()
        watch = threading.Thread(target=self._watch, args=(seconds, late, done), daemon=True)
        watch.start()
        try:
            try:
                send(self._process.stdin, request, data)
                answer = receive(self._process.stdout)
            except OSError:  # a pipe without another end
                answer = None
            done.set()
            if answer is None:
                raise self._death(late.is_set())
        except BaseException as error:
            done.set()
            # An interrupted request would leave its answer for the next one.
            if not isinstance(error, PhotoError):
                self.close()
            raise
        message, pixels = answer
        if "reason" in message:
            raise PhotoError(message["reason"], **message["values"])
        image = Image.frombytes("RGB", tuple(message["size"]), pixels)
        image.info = message["info"]
        return image

    def _watch(self, seconds: float, late: threading.Event, done: threading.Event) -> None:
        end, begun = time.monotonic() + seconds, _cpu_seconds(self.pid)
        while not done.wait(max(0.0, min(PATIENCE, end - time.monotonic()))):
            if time.monotonic() >= end:
                late.set()
                self._process.kill()
                return
            if not self.is_slow and _cpu_seconds(self.pid) - begun >= PATIENCE:
                self.is_slow = True  # it stays so: only root may raise a priority again
                with suppress(OSError, AttributeError):  # it is gone; Windows has no priorities
                    os.setpriority(os.PRIO_PROCESS, self.pid, LOW_PRIORITY)

    def _death(self, is_late: bool) -> Exception:
        self.close()
        code = self._process.returncode
        out_of_time = hasattr(signal, "SIGPROF") and code == -signal.SIGPROF
        return PhotoError("too_slow") if is_late or out_of_time else DecoderDied(code)

    def close(self) -> None:
        """End the process, and wait until it is gone."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what was not written yet
                stream.close()


def _cpu_seconds(pid: int) -> float:
    """CPU time of a process; the time by the clock where the system does not say. A picture that
    only waits for a core is not slow."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError):
        return time.monotonic()


class DecoderPool:
    """Decoders for all threads of this process, with so much CPU time for a picture."""

    def __init__(self, cpu_seconds: float = SECONDS):
        self._cpu_seconds = cpu_seconds
        self._free = threading.Condition()
        self._idle: list[Decoder] = []
        self._busy: dict[Decoder, str] = {}  # for which visitor
        self._starting: list[str] = []
        self._tidying: threading.Timer | None = None

    def decode(
        self,
        data: bytes,
        *,
        side: int | None,
        max_pixels: int,
        seconds: float = PATIENT_SECONDS,
    ) -> Image.Image:
        """See ``decoding.decode``; takes at most ``seconds``. Raises PhotoError, and RuntimeError
        where no decoder can be started."""
        request = {"side": side, "max_pixels": max_pixels, "cpu_seconds": self._cpu_seconds}
        for _ in range(2):
            decoder = self._take(VISITOR.get())
            try:
                return decoder.decode(request, data, min(seconds, PATIENT_SECONDS))
            except DecoderDied as error:
                died = error  # a second try: it may have been ended from outside
            finally:
                self._give_back(decoder)
        if died.code < 0:  # a signal: twice the decoder itself failed
            raise PhotoError("damaged")
        raise RuntimeError(f"{died}; see what `python -m {PROGRAM}` says")

    @property
    def pids(self) -> list[int]:
        """The processes that are alive."""
        with self._free:
            return [d.pid for d in (*self._idle, *self._busy) if d.is_alive]

    def close(self) -> None:
        """End all processes."""
        with self._free:
            decoders = [*self._idle, *self._busy]
            self._idle.clear()
        for decoder in decoders:
            decoder.close()

    def _take(self, visitor: str) -> Decoder:
        """A decoder for one picture: an idle one, or a new one where there are few."""
        with self._free:
            while not self._may_take(visitor):
                self._free.wait(PATIENCE)
            while self._idle:
                decoder = self._idle.pop()
                if decoder.is_alive:
                    self._busy[decoder] = visitor
                    return decoder
                decoder.close()
            self._starting.append(visitor)
        decoder = None
        try:
            decoder = Decoder()
        finally:
            with self._free:
                self._starting.remove(visitor)
                if decoder is None:
                    self._free.notify_all()
                else:
                    self._busy[decoder] = visitor
        return decoder

    def _may_take(self, visitor: str) -> bool:
        working = [*self._busy.values(), *self._starting]
        return len(working) < MOST and working.count(visitor) < KEPT

    def _give_back(self, decoder: Decoder) -> None:
        with self._free:
            self._busy.pop(decoder, None)
            stays = decoder.is_alive and not decoder.is_slow
            if stays:
                decoder.rests_since = time.monotonic()
                self._idle.append(decoder)
                self._tidy_later()
            self._free.notify_all()
        if not stays:
            decoder.close()

    def _tidy_later(self) -> None:
        if len(self._idle) > KEPT and self._tidying is None:
            self._tidying = threading.Timer(REST, self._tidy)
            self._tidying.daemon = True
            self._tidying.start()

    def _tidy(self) -> None:
        """End what is more than KEPT and has rested; the last to rest are the first to work."""
        with self._free:
            self._tidying = None
            spare = self._idle[: max(0, len(self._idle) - KEPT)]
            ended = [d for d in spare if time.monotonic() - d.rests_since >= REST]
            self._idle = self._idle[len(ended) :]
            self._tidy_later()
        for decoder in ended:
            decoder.close()


POOL = DecoderPool()
atexit.register(lambda: POOL.close())


def _forget() -> None:
    """In a fork of this process: its decoders answer the parent."""
    global POOL
    POOL = DecoderPool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

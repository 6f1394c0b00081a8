"""Engines: loaded nets that answer fast enough for a page.

An engine runs PyTorch eager in inference mode, with batch norm folded into the convolutions and
channels_last memory: 0.6 to 0.7 of the time of the plain net. ONNX Runtime takes named nets over
as soon as it has them. All visitors share the engines of named weights, in a cache bounded by
bytes.
"""

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from cnn_space import weights
from cnn_space.inference import onnx_session
from cnn_space.inference.cache import Cache
from cnn_space.inference.onnx_session import Session
from cnn_space.inference.threads import set_torch_threads
from cnn_space.inference.turns import InTurn
from cnn_space.models.heads import sharing_copy

CACHE_BYTES = 2 * 1024**3
CACHE = Cache(CACHE_BYTES)  # engines of named weights
# Engines of visitors' own nets; each lives as long as its net.
_OWN: "weakref.WeakKeyDictionary[weights.Loaded, Engine]" = weakref.WeakKeyDictionary()
_OWN_LOCK = threading.Lock()
# One net runs at a time and has all threads; two at once would both be slower than in turn.
_RUN_LOCK = InTurn()
_CONVERTING = threading.Lock()  # one net at a time


# From so many runs of one picture on a net is worth being converted: a command that answers one
# photo is over by then, and one that answers a folder in batches would gain little.
WORTH_CONVERTING = 2


PYTORCH, ONNX_RUNTIME = "PyTorch", "ONNX Runtime"  # as the page names them
# So many pictures at once are the fastest for each of them.
AT_ONCE = {PYTORCH: 32, ONNX_RUNTIME: 8}


class Timed(NamedTuple):
    """Logits [N, K], the seconds that the net took without the wait for its turn (for all that went
    in together), and the name of the engine that it ran on."""

    logits: np.ndarray
    seconds: float
    engine: str


@dataclass(slots=True, eq=False)
class Turn:
    """A picture [1, 3, H, W] that waits for a net, and what came of it."""

    picture: torch.Tensor
    run: Timed | None = None
    error: BaseException | None = None


class Engine:
    """A net ready to answer. ``loaded`` is the net as PyTorch runs it (folded) and its record.

    PyTorch answers at once. A named net is converted for ONNX Runtime in the background, which
    takes over when its logits have been found equal; Grad-CAM stays with ``loaded``.
    """

    def __init__(self, loaded: weights.Loaded):
        set_torch_threads()
        self.record = loaded.record
        self.loaded = weights.Loaded(fold(loaded.net), loaded.record)
        self._session: Session | None = None
        self._runs = 0  # of one picture
        self._conversion: threading.Thread | None = None
        self._waiting: deque[Turn] = deque()
        # The first run of a net sets its kernels up; no one's photo should pay for that.
        size = loaded.record.preprocessing.size
        self._in_pytorch(torch.zeros(1, 3, size, size))

    def logits(self, batch: torch.Tensor | np.ndarray) -> np.ndarray:
        """Logits [N, K] float32 for prepared pictures [N, 3, H, W] float32. Thread-safe.

        Many go into the net AT_ONCE, so that they need little memory, and so that the answers of
        others come in between.
        """
        batch = torch.as_tensor(batch)
        if len(batch) == 1:
            return self.answer(batch).logits
        parts = batch.split(AT_ONCE[self.name])
        return np.concatenate([_after_others(self._run, part).logits for part in parts])

    def answer(self, picture: torch.Tensor) -> Timed:
        """Logits [1, K] of one prepared picture [1, 3, H, W], and how they came about. It goes into
        the net together with those of others that wait for it too, so that each takes less."""
        self._count_one()
        mine = Turn(picture)
        self._waiting.append(mine)
        while not (mine.run or mine.error):
            with _RUN_LOCK:  # between two batches others have their turn
                if not (mine.run or mine.error):
                    self._run_waiting()
        if mine.error:
            raise mine.error
        return mine.run

    def timed(self, batch: torch.Tensor | np.ndarray, *, in_pytorch: bool = False) -> Timed:
        """Logits of a batch that goes into the net as a whole and alone, the seconds that it took,
        and what it ran on: what is fastest, or, where asked for, PyTorch."""
        batch = torch.as_tensor(batch)
        if in_pytorch:
            return self._in_pytorch(batch)
        if len(batch) == 1:
            self._count_one()
        return _after_others(self._run, batch)

    def _count_one(self) -> None:
        self._runs += 1
        if self._runs == WORTH_CONVERTING:
            self.convert(wait=False)

    def _run_waiting(self) -> None:
        """Run those that wait, AT_ONCE at most: the first one and what is of its size behind it."""
        turns = [self._waiting.popleft()]
        shape = turns[0].picture.shape
        while self._waiting and self._waiting[0].picture.shape == shape:
            if len(turns) == AT_ONCE[self.name]:
                break
            turns.append(self._waiting.popleft())
        pictures = [turn.picture for turn in turns]
        try:
            run = self._run(torch.cat(pictures) if len(pictures) > 1 else pictures[0])
        except BaseException as error:
            for turn in turns:
                turn.error = error
        else:
            for turn, row in zip(turns, run.logits, strict=True):
                turn.run = run._replace(logits=row[None])

    def _run(self, batch: torch.Tensor) -> Timed:
        session = self._session
        return self._in_pytorch(batch) if session is None else self._in_onnx(session, batch)

    @torch.inference_mode()
    def _in_pytorch(self, batch: torch.Tensor) -> Timed:
        batch = batch.contiguous(memory_format=torch.channels_last)
        with _RUN_LOCK:
            start = time.perf_counter()
            logits = self.loaded.net(batch).numpy()
            return Timed(logits, time.perf_counter() - start, PYTORCH)

    def _in_onnx(self, session: Session, batch: torch.Tensor) -> Timed:
        with _RUN_LOCK:
            start = time.perf_counter()
            logits = session.logits(batch)
            return Timed(logits, time.perf_counter() - start, ONNX_RUNTIME)

    @property
    def name(self) -> str:
        """What one picture runs on now."""
        return PYTORCH if self._session is None else ONNX_RUNTIME

    def convert(self, *, wait: bool) -> None:
        """Begin to convert the net for ONNX Runtime, where that is possible and has not begun;
        with ``wait``, return when it is done."""
        is_named = self.record.source != "session"
        if is_named and self._conversion is None and onnx_session.is_available():
            # Whoever asked may be a daemon. This thread must not: Python would cut it down at its
            # end, in the middle of PyTorch, which aborts.
            self._conversion = threading.Thread(target=self._convert, daemon=False)
            self._conversion.start()
        if wait and self._conversion:
            self._conversion.join()

    def _convert(self) -> None:
        with _CONVERTING:
            if threading.main_thread().is_alive():  # else the program is about to end
                self._session = onnx_session.build(self.loaded, self._check)

    def _check(self, session: Session) -> bool:
        """Whether the session gives the net's logits."""
        return onnx_session.agree(
            lambda batch: _after_others(self._in_pytorch, batch).logits,
            lambda batch: _after_others(self._in_onnx, session, batch).logits,
            self.record.preprocessing.size,
        )

    @property
    def bytes(self) -> int:
        """Memory of its parameters and buffers, of both copies where there are two."""
        return self.loaded.bytes * (1 if self._session is None else 2)


def _after_others(run: Callable[..., Timed], *given) -> Timed:
    """A run of a batch, or one of many runs: single pictures that wait go first."""
    with _RUN_LOCK.for_long():
        return run(*given)


def get(name: str | Path | weights.Loaded) -> Engine:
    """The engine of a weights name, of a path to a weights file, or of a visitor's own net.

    Named ones come from the shared cache; however many ask at once, each is loaded once. The
    engine of a visitor's net lives as long as that net. Raises ValueError as ``weights.load``
    does.
    """
    if isinstance(name, weights.Loaded):
        with _OWN_LOCK:
            if name not in _OWN:
                _OWN[name] = Engine(name)
            return _OWN[name]
    record = weights.identify(name)
    place = str(Path(name).resolve()) if record.source == "file" else record.name
    # The hash is part of the key: a net that is trained again is loaded again.
    key = (place, record.sha256, record.revision)
    return CACHE.get(key, lambda: Engine(weights.load(name)))


def fold(net: nn.Module) -> nn.Module:
    """A copy of ``net`` (in eval mode) that gives the same logits with fewer steps.

    Every batch norm that directly follows a convolution among its parent's children becomes
    part of that convolution; others, such as DenseNet's pre-activation norms, stay as they are.
    Convolution weights of the copy are channels_last; all other tensors are shared with ``net``.
    Raises ValueError for a net in training mode.
    """
    if net.training:
        raise ValueError("only a net in eval mode can be folded: call net.eval() first")
    folded = sharing_copy(net)
    with torch.no_grad():
        for parent in list(folded.modules()):
            children = list(parent.named_children())
            for (name, child), (next_name, following) in zip(
                children, [*children, ("", None)][1:], strict=True
            ):
                if not isinstance(child, nn.Conv2d):
                    continue
                if _is_norm_of(child, following):
                    child = fuse_conv_bn_eval(child, following)
                    setattr(parent, name, child)
                    setattr(parent, next_name, nn.Identity())
                child.weight = nn.Parameter(
                    child.weight.contiguous(memory_format=torch.channels_last),
                    requires_grad=child.weight.requires_grad,
                )
    return folded


def _is_norm_of(conv: nn.Conv2d, module: nn.Module | None) -> bool:
    return (
        isinstance(module, nn.BatchNorm2d)
        and module.track_running_stats
        and module.num_features == conv.out_channels
    )

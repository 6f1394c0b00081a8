"""Engines: loaded nets that answer fast enough for a page.

An engine runs PyTorch eager in inference mode, with batch norm folded into the convolutions and
channels_last memory: 0.6 to 0.7 of the time of the plain net. All visitors share the engines of
named weights, in a cache bounded by bytes.
"""

import threading
import time
import weakref
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from cnn_space import weights
from cnn_space.inference.cache import Cache
from cnn_space.inference.threads import set_torch_threads
from cnn_space.models.heads import sharing_copy

CACHE_BYTES = 2 * 1024**3
CACHE = Cache(CACHE_BYTES)  # engines of named weights
# Engines of visitors' own nets; each lives as long as its net.
_OWN: "weakref.WeakKeyDictionary[weights.Loaded, Engine]" = weakref.WeakKeyDictionary()
_OWN_LOCK = threading.Lock()
# One net runs at a time and has all threads; two at once would both be slower than in turn.
_RUN_LOCK = threading.Lock()


class Engine:
    """A net ready to answer. ``loaded`` is the net as it runs (folded) and its record."""

    name = "PyTorch"  # for the foot line of the page

    def __init__(self, loaded: weights.Loaded):
        set_torch_threads()
        self.record = loaded.record
        self.loaded = weights.Loaded(fold(loaded.net), loaded.record)
        # The first run of a net sets its kernels up; no one's photo should pay for that.
        size = loaded.record.preprocessing.size
        self.logits(torch.zeros(1, 3, size, size))

    def logits(self, batch: torch.Tensor | np.ndarray) -> np.ndarray:
        """Logits [N, K] float32 for a prepared batch [N, 3, H, W] float32. Thread-safe."""
        return self.timed(batch)[0]

    @torch.inference_mode()
    def timed(self, batch: torch.Tensor | np.ndarray) -> tuple[np.ndarray, float]:
        """``logits``, and the seconds that the net took, without the wait for its turn."""
        batch = torch.as_tensor(batch).contiguous(memory_format=torch.channels_last)
        with _RUN_LOCK:
            start = time.perf_counter()
            logits = self.loaded.net(batch).numpy()
            return logits, time.perf_counter() - start

    @property
    def bytes(self) -> int:
        """Memory of its parameters and buffers."""
        return self.loaded.bytes


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

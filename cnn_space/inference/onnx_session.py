"""A net in ONNX Runtime: at one picture 2 to 3 times as fast as the folded net in PyTorch."""

import logging
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import torch

from cnn_space.inference import onnx_cache
from cnn_space.inference.threads import thread_count
from cnn_space.settings import Settings
from cnn_space.weights import Loaded

# A session is refused where its logits differ by more than this share of their spread on so many
# images, which are compared a few at a time, so that answers come in between.
TOLERANCE, IMAGES, AT_ONCE = 1e-4, 64, 4
# Threads that wait for each other spin for so many microseconds and then sleep; 0: they sleep at
# once. Left alone they spin for 16 ms on a Zen, which takes the cores from whatever else runs.
SPIN_US = 0

# Bytes of a batch, such as four pictures of 224 pixels, from which its memory is given back after
# it: the largest would stay taken for good. Smaller ones keep theirs: to take it anew costs a
# DenseNet a tenth of its time for 8 pictures.
LARGE = 2_000_000

Run = Callable[[torch.Tensor], np.ndarray]  # a batch [N, 3, size, size] to its logits [N, K]

_log = logging.getLogger(__name__)


def is_available() -> bool:
    """Whether nets may run in ONNX Runtime: it is installed, and ``CNN_SPACE_ENGINE`` allows it."""
    packages = all(find_spec(name) for name in ("onnx", "onnxruntime"))
    return Settings.read().engine == "auto" and packages


class Session:
    """A converted net, ready to run on as many threads as all engines."""

    def __init__(self, content: bytes):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = thread_count()
        options.add_session_config_entry("session.intra_op.allow_spinning", str(int(SPIN_US > 0)))
        options.add_session_config_entry("session.intra_op.spin_duration_us", str(SPIN_US))
        options.log_severity_level = 3  # errors alone
        providers = ["CPUExecutionProvider"]
        self._session = onnxruntime.InferenceSession(content, options, providers=providers)
        self._frugal = onnxruntime.RunOptions()
        self._frugal.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")

    def logits(self, batch: torch.Tensor) -> np.ndarray:
        """Logits [N, K] float32 of a prepared batch [N, 3, size, size] float32."""
        images = np.ascontiguousarray(batch.numpy())
        options = self._frugal if images.nbytes >= LARGE else None
        return self._session.run(None, {"images": images}, options)[0]


def build(loaded: Loaded, check: Callable[[Session], bool]) -> Session | None:
    """The net of ``loaded`` in ONNX Runtime, from the cache, or else converted and kept there;
    None where it cannot be converted or ``check`` refuses it."""
    sha256 = loaded.record.sha256
    kept = onnx_cache.read(sha256) if sha256 else None
    if kept and (session := _checked(kept, check, loaded.record.name)):
        return session
    from cnn_space.inference.onnx_net import to_onnx

    try:
        content = to_onnx(loaded.net, loaded.record.preprocessing.size).SerializeToString()
    except ValueError as error:  # a step without an operator; or 2 GB, more than one file holds
        _log.info("%s stays in PyTorch: %s", loaded.record.name, error)
        return None
    session = _checked(content, check, loaded.record.name)
    if session and sha256:
        onnx_cache.write(sha256, content)
    return session


def _checked(content: bytes, check: Callable[[Session], bool], name: str) -> Session | None:
    try:
        session = Session(content)
        if check(session):
            return session
        reason = "it gives other logits"
    except Exception as error:  # ONNX Runtime answers a damaged file with many kinds of exception
        reason = str(error)
    _log.warning("%s is not run in ONNX Runtime: %s", name, reason)
    return None


def agree(one: Run, other: Run, size: int) -> bool:
    """Whether both give the same logits for images of ``size`` pixels, but for rounding."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randn(IMAGES, 3, 6, 6, generator=generator)
    images = torch.nn.functional.interpolate(coarse, (size, size), mode="bilinear")
    images += 0.3 * torch.randn(images.shape, generator=generator)
    pairs = [(one(part), other(part)) for part in images.split(AT_ONCE)]
    wanted, found = (np.concatenate(side) for side in zip(*pairs, strict=True))
    return bool(abs(found - wanted).max() <= TOLERANCE * wanted.std())

"""Surgery on a net: parts and channels switched off, and what becomes of its answer.

Visitors share the nets, so that a cut is never made on them: each engine's net has one more copy,
of its modules alone, which shares all weights, and one operation at a time is done.
"""

import hashlib
import re
import reprlib
import threading
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import torch
from torch import Tensor, nn

from cnn_space.inference import explain
from cnn_space.inference.engine import Engine
from cnn_space.inference.explain import Heatmap
from cnn_space.inference.surgery_masks import Cut, gated, switched_off
from cnn_space.inference.surgery_savings import Ledger, Needs
from cnn_space.inference.surgery_stages import Stage, stages
from cnn_space.models.heads import sharing_copy
from cnn_space.models.registry import create_model

# Letters of a list of cuts: every part and every channel of DenseNet-201 are 224,000.
LONGEST = 250_000
# Parts and channels that a list names, one that it repeats counted each time: a net has 13,000.
MOST_NAMED = 100_000
_KEPT = 4  # photos whose answer without cuts is remembered, a net
# One net is operated on at a time: two at once would both be slower than in turn.
_OPERATING = threading.Lock()


@dataclass(frozen=True)
class Outcome:
    """What a net says after an operation: ``logits`` float32 [K], the heatmap of its own answer,
    and what the net needs that is left."""

    logits: np.ndarray
    heatmap: Heatmap
    needs: Needs


@dataclass(frozen=True)
class Strength:
    """What one channel does for a class on one photo.

    ``effect`` says how much the class's logit would fall, to first order, were the channel switched
    off: the sum over its map of activation × gradient (Molchanov et al., "Pruning convolutional
    neural networks for resource efficient inference", ICLR 2017, the criterion by Taylor expansion,
    here of the logit in place of the loss, and with its sign). Below 0 the channel speaks against
    the class. ``map`` float32 [h, w] is its response.
    """

    channel: int
    effect: float
    map: np.ndarray


class Surgery:
    """A net on which operations can be done.

    Args:
        net: in eval mode; it may be folded. It shares its weights and is never changed.
        plain: the same net as it was published, for the arithmetic; on the meta device if need be.
        size: side in pixels of the images that it takes.

    Raises ValueError for a net that is not of this registry.
    """

    def __init__(self, net: nn.Module, plain: nn.Module, size: int):
        self.stages = stages(net)
        self._by_name = {stage.name: stage for stage in self.stages}
        self._net = sharing_copy(net)
        self._ledger = Ledger(plain, size)
        self._intact: OrderedDict[bytes, Outcome] = OrderedDict()

    def stage(self, name: str) -> Stage:
        """The stage called ``name``; raises ValueError for any other name."""
        if name not in self._by_name:
            given = reprlib.repr(name)  # cut off where it is long
            raise ValueError(f"this net has no stage {given}; it has {', '.join(self._by_name)}")
        return self._by_name[name]

    def read(self, text: str, *, lenient: bool = False) -> tuple[Cut, ...]:
        """The cuts that ``text`` lists, each once: ``inception4c/branch2, features.0/17-20``.

        Raises ValueError for a stage, a part or a channel that the net does not have, which
        ``lenient`` passes over, and for a text of more than LONGEST letters or of more than
        MOST_NAMED parts and channels, which ``lenient`` reads as far as that.
        """
        if len(text) > LONGEST:
            raise ValueError(
                f"a list of cuts has up to {LONGEST:,} letters, this has {len(text):,}"
            )
        # As plain pairs, and counted: a text may name the same thousand channels many times.
        named: dict[tuple[Stage, str | int], None] = {}
        left = MOST_NAMED
        for item in filter(None, re.split(r"[,\s]+", text)):
            try:
                stage, what = self._named(item)
            except ValueError:
                if not lenient:
                    raise
                continue
            if (left := left - len(what)) < 0:
                if lenient:
                    break
                raise ValueError(f"a list of cuts names up to {MOST_NAMED:,} parts and channels")
            named.update(dict.fromkeys(zip(repeat(stage), what)))
        return tuple(Cut(stage, what) for stage, what in named)

    def _named(self, item: str) -> tuple[Stage, Sequence[str | int]]:
        """The stage of ``inception4c/branch2`` or ``features.0/17-20``, and what of it is named."""
        name, slash, what = item.rpartition("/")
        if not slash:
            given = reprlib.repr(item)
            raise ValueError(f"a cut is written stage/part or stage/channel, not {given}")
        stage = self.stage(name)
        return stage, _what(stage, what)

    def intact(self, x: Tensor) -> Outcome:
        """What the net says about ``x`` [1, 3, H, W] with nothing switched off; remembered for the
        last few photos."""
        key = hashlib.sha256(x.contiguous().numpy().tobytes()).digest()
        with _OPERATING:
            if key not in self._intact:
                logits, heatmap = explain.answered(self._net, x)
                self._intact[key] = Outcome(logits, heatmap, self._ledger.whole)
                if len(self._intact) > _KEPT:
                    self._intact.popitem(last=False)
            return self._intact[key]

    def outcome(self, x: Tensor, cuts: Sequence[Cut]) -> Outcome:
        """What the net says about ``x`` [1, 3, H, W] without what is switched off."""
        intact = self.intact(x)
        if not cuts:
            return intact
        with _OPERATING:
            with switched_off(self._net, cuts):
                logits, heatmap = explain.answered(self._net, x, layer=intact.heatmap.layer)
            return Outcome(logits, heatmap, self._ledger.without(cuts))

    def strengths(self, x: Tensor, stage: Stage, class_index: int) -> list[Strength]:
        """What each channel of a stage does for a class on the photo ``x`` [1, 3, H, W], the one
        with the largest effect first; empty for a stage without channels."""
        if not stage.channels:
            return []
        gate = torch.ones(stage.channels, requires_grad=True)
        with _OPERATING, torch.no_grad(), gated(self._net, stage, gate) as read:
            logits = self._net(x)
            (effects,) = torch.autograd.grad(logits[0, class_index], gate)
        maps = read[0][0].clamp(min=0)  # behind the batch norm of a block comes a ReLU
        maps = maps.reshape(len(maps), *(maps.shape[1:] or (1, 1)))
        return [
            Strength(channel, float(effects[channel]), maps[channel].numpy())
            for channel in effects.argsort(descending=True).tolist()
        ]


def _what(stage: Stage, text: str) -> Sequence[str | int]:
    """What ``branch2``, ``17`` or ``17-20`` names in a stage."""
    if stage.part(text):
        return [text]
    numbers = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", text)
    if numbers:
        first, last = int(numbers[1]), int(numbers[2] or numbers[1])
        if first <= last < stage.channels:
            return range(first, last + 1)
    known = [part.key for part in stage.parts]
    if stage.channels:
        known.append(f"channels 0 to {stage.channels - 1}")
    given = reprlib.repr(text)
    raise ValueError(f"{stage.name} has no {given} to switch off; it has {', '.join(known)}")


_OF_ENGINES: "weakref.WeakKeyDictionary[Engine, Surgery]" = weakref.WeakKeyDictionary()
_LOCK = threading.Lock()


def of(engine: Engine) -> Surgery:
    """The surgery of an engine's net, which lives as long as that engine. Raises ValueError for a
    net that is not of this registry."""
    with _LOCK:
        if engine not in _OF_ENGINES:
            record = engine.record
            with torch.device("meta"):
                plain = create_model(record.arch, record.num_classes, **record.options)
            _OF_ENGINES[engine] = Surgery(engine.loaded.net, plain, record.preprocessing.size)
        return _OF_ENGINES[engine]

"""What is switched off, put on a net for a while: hooks that make channels 0, on a net that no one
else runs meanwhile."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnn_space.inference.surgery_stages import Part, Reader, Stage

Slot = tuple[str, str]  # a module and its side: "input" or "output"


@dataclass(frozen=True)
class Cut:
    """What is switched off in a stage: the part called ``what``, or the channel of that number."""

    stage: Stage
    what: str | int

    @property
    def part(self) -> Part | None:
        return self.stage.part(self.what) if isinstance(self.what, str) else None

    def __str__(self) -> str:
        """``inception4c/branch2``, ``features.0/17``"""
        return f"{self.stage.name}/{self.what}"


class Nothing(nn.Module):
    """Stands for a shortcut that is switched off: whatever comes in, 0 is added."""

    def forward(self, x: Tensor) -> Tensor:
        return x.new_zeros(())


@contextmanager
def switched_off(net: nn.Module, cuts: Iterable[Cut]) -> Iterator[None]:
    """``net`` with all ``cuts`` made, as long as the block runs."""
    cuts = tuple(cuts)
    with ExitStack() as stack:
        for cut in cuts:
            if cut.part is not None and cut.part.kind == "skip":
                stack.enter_context(_without_shortcut(net.get_submodule(cut.stage.name)))
        for slot, channels in _channels(cuts).items():
            stack.enter_context(_changed(net, slot, _zero(sorted(channels))))
        yield


@contextmanager
def gated(net: nn.Module, stage: Stage, gate: Tensor) -> Iterator[list[Tensor]]:
    """``net`` with each channel of a stage multiplied by its value in ``gate`` [channels] wherever
    it is read. Gives a list that will hold the maps as they were read, [1, channels, h, w] each."""
    read: list[Tensor] = []
    with ExitStack() as stack:
        for reader in stage.readers:

            def through_gate(x: Tensor, first=reader.first) -> Tensor:
                torch.set_grad_enabled(True)  # what comes before needs no gradient
                last = first + len(gate)
                read.append(x[:, first:last].detach())
                factors = F.pad(gate, (first, x.shape[1] - last), value=1.0)
                return x * factors.reshape(1, -1, *[1] * (x.ndim - 2))

            stack.enter_context(_changed(net, _slot(reader), through_gate))
        yield read


def _channels(cuts: Iterable[Cut]) -> Mapping[Slot, set[int]]:
    """What is 0, by where."""
    off: dict[Slot, set[int]] = {}
    for cut in cuts:
        if cut.part is not None and cut.part.reader is not None:
            off.setdefault(_slot(cut.part.reader), set()).update(cut.part.channels)
        elif cut.part is None:
            for reader in cut.stage.readers:
                off.setdefault(_slot(reader), set()).add(reader.first + cut.what)
    return off


def _slot(reader: Reader) -> Slot:
    return reader.module, reader.side


def _zero(channels: list[int]):
    def zero(x: Tensor) -> Tensor:
        return x.index_fill(1, torch.tensor(channels), 0.0)

    return zero


@contextmanager
def _changed(net: nn.Module, slot: Slot, change) -> Iterator[None]:
    """``change(tensor)`` takes the place of what enters or leaves a module."""
    name, side = slot
    module = net.get_submodule(name)
    if side == "input":
        handle = module.register_forward_pre_hook(lambda _module, inputs: change(inputs[0]))
    else:
        handle = module.register_forward_hook(lambda _module, _inputs, output: change(output))
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _without_shortcut(block: nn.Module) -> Iterator[None]:
    shortcut = block.downsample
    block.downsample = Nothing()
    try:
        yield
    finally:
        block.downsample = shortcut

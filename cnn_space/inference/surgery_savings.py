"""What a net would need without the parts that are switched off.

A weight is gone when the channel that it reads is off, or when nothing reads the channel that it
makes. Which these are is found by running a skeleton of the net, which has the net's modules and
joins, but whose layers only tell what reaches them: forwards, off is 0 and all else is positive;
backwards, what no one reads has no gradient.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnn_space.costs.closed_forms import Layer
from cnn_space.costs.walk import describe
from cnn_space.inference.surgery_masks import Cut, switched_off
from cnn_space.models.heads import sharing_copy


@dataclass(frozen=True)
class Needs:
    """Parameters and MACs of a net for one image, auxiliary heads left out: they answer nothing."""

    parameters: int
    macs: int


class Ledger:
    """The needs of a net of the registry, whole and with cuts. It works on figures alone: ``net``
    may be on the meta device, and is left as it was.

    ``size`` is the side of the image in pixels. Raises what ``costs.walk.describe`` raises.
    Not for two threads at once.
    """

    def __init__(self, net: nn.Module, size: int):
        self._layers = [record.layer for record in describe(net, size)]
        self._channels = next(m for m in net.modules() if isinstance(m, nn.Conv2d)).in_channels
        self._skeleton = _skeleton(net)
        self.whole = self.without(())

    def without(self, cuts: Iterable[Cut]) -> Needs:
        """What the net needs without what is switched off."""
        for layer in self._skeleton.modules():
            layer.made = None  # what does not run this time is not needed
        with switched_off(self._skeleton, cuts), torch.enable_grad():
            image = torch.ones(1, self._channels, 1, 1, requires_grad=True)
            self._skeleton(image).sum().backward()
        parameters = macs = 0
        for layer in self._layers:
            stand_in = self._skeleton.get_submodule(layer.name)
            if not layer.parameters.products or stand_in.made is None:
                continue
            left = stand_in.left(layer)
            parameters += left.parameters
            macs += left.macs
        return Needs(parameters, macs)


class _Layer(nn.Module):
    """Stands for a convolution or a linear layer: what reaches one of its inputs reaches all the
    outputs of its group. It has a bias, so that its outputs are never off by themselves."""

    def __init__(self, inputs: int, outputs: int, groups: int = 1):
        super().__init__()
        self.inputs, self.outputs, self.groups = inputs, outputs, groups

    def forward(self, x: Tensor) -> Tensor:
        self.on = _any_where(x != 0)
        means = x.reshape(1, self.groups, -1).mean(dim=2)
        made = 1 + means.repeat_interleave(self.outputs // self.groups, dim=1)
        self.made = made if x.ndim == 2 else made[..., None, None]
        self.made.retain_grad()
        return self.made.clone()  # a ReLU in place must not touch what is kept

    def left(self, layer: Layer) -> Needs:
        """What is left of ``layer``, for which this one stands."""
        used = _used(self.made)
        pairs = self.on.reshape(self.groups, -1).sum(1) * used.reshape(self.groups, -1).sum(1)
        weights, of = int(pairs.sum()), self.inputs * self.outputs // self.groups
        return Needs(
            layer.weights.value * weights // of
            + layer.biases.value * int(used.sum()) // self.outputs,
            layer.macs.value * weights // of,
        )


class _Norm(nn.Module):
    """Stands for a batch norm: channels pass as they are."""

    def forward(self, x: Tensor) -> Tensor:
        self.on = _any_where(x != 0)
        self.made = x.clone()
        self.made.retain_grad()
        return self.made.clone()

    def left(self, layer: Layer) -> Needs:
        channels = int((self.on & _used(self.made)).sum())
        return Needs(layer.norm.value * channels // len(self.on), 0)


def _skeleton(net: nn.Module) -> nn.Module:
    skeleton = sharing_copy(net).eval()
    for name, module in list(skeleton.named_modules()):
        match module:
            case nn.Conv2d():
                stand_in = _Layer(module.in_channels, module.out_channels, module.groups)
            case nn.Linear():
                stand_in = _Layer(module.in_features, module.out_features)
            case nn.BatchNorm2d():
                stand_in = _Norm()
            case nn.MaxPool2d() | nn.AvgPool2d() | nn.LocalResponseNorm():
                stand_in = nn.Identity()
            case _:
                continue
        skeleton.set_submodule(name, stand_in)
    return skeleton


def _any_where(is_so: Tensor) -> Tensor:
    """[1, C, …] as [C]"""
    return is_so.reshape(is_so.shape[1], -1).any(dim=1)


def _used(made: Tensor) -> Tensor:
    """Whether anything reads each of the channels [1, C, …]: [C]"""
    return _any_where(torch.zeros_like(made) if made.grad is None else made.grad != 0)

"""What of a net can be switched off: its stages, the parts of each, and single channels.

All of it is read off the net's modules. What is switched off is 0 for whatever reads it; a
``Reader`` says where that is. Most channels are read from one place, the output of their stage. A
channel of a DenseNet is read by all later layers of its block, each through a batch norm of its
own, which would turn a 0 into something else: there it is the convolution behind that reads 0.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import nn

from cnn_space.models.blocks import ConvBlock
from cnn_space.models.densenet import DenseBlock, DenseNet, Transition
from cnn_space.models.googlenet import Inception
from cnn_space.models.inception_v3 import InceptionV3
from cnn_space.models.resnet import ResNet

Side = Literal["input", "output"]


@dataclass(frozen=True)
class Reader:
    """Where channels are read: at an ``input`` or ``output`` of a module, where the first of them
    has the number ``first``."""

    module: str
    side: Side = "output"
    first: int = 0


@dataclass(frozen=True)
class Part:
    """What is switched off as a whole.

    ``kind``: a "branch" of an Inception module, the "skip" connection or the "residual" function
    of a block, or the "connection" of a dense layer to what came before it, called by its source:
    "input" (of the block), "layer1", …. ``kernels`` tell branches apart: "3×3, 3×3", "pool".
    ``channels`` are those of ``reader`` that are 0 without the part; a skip connection is no
    channel of any module and has none.
    """

    key: str
    kind: Literal["branch", "skip", "residual", "connection"]
    kernels: str = ""
    channels: range = range(0)
    reader: Reader | None = None


@dataclass(frozen=True, eq=False)
class Stage:
    """A place in a net where something can be switched off: ``name`` is the module's dotted name.

    ``kind``: "convolution", "inception", "residual", "dense", "transition", or "head", what the
    last layer of a DenseNet reads. ``channels`` can be switched off one by one, numbered from 0;
    ``readers`` say where they are read; ``kernel`` is the kernel that they come from ("3×3").
    """

    name: str
    kind: str
    channels: int = 0
    readers: tuple[Reader, ...] = ()
    parts: tuple[Part, ...] = ()
    kernel: str = ""

    def part(self, key: str) -> Part | None:
        return next((part for part in self.parts if part.key == key), None)


def stages(net: nn.Module) -> tuple[Stage, ...]:
    """The stages of a net of this registry, in the order they run; a folded net has the same ones.

    Raises ValueError for a net of another make.
    """
    if isinstance(net, DenseNet):
        found = _densenet(net)
    elif isinstance(net, ResNet):
        found = _resnet(net)
    elif any(isinstance(module, ConvBlock) for module in net.children()):
        found = _inception(net)
    elif isinstance(getattr(net, "features", None), nn.Sequential):
        found = _plain(net)
    else:
        raise ValueError(f"a {type(net).__name__} has no stages that are known here")
    return tuple(found)


def _kernel(conv: nn.Conv2d) -> str:
    return "×".join(map(str, conv.kernel_size))


def _plain(net: nn.Module) -> Iterator[Stage]:
    """LeNet, AlexNet, NIN, VGG: each convolution, read behind its batch norm and ReLU."""
    layers = list(net.features)
    for place, layer in enumerate(layers):
        if not isinstance(layer, nn.Conv2d):
            continue
        last = place
        for follower in layers[place + 1 :]:
            if not isinstance(follower, nn.BatchNorm2d | nn.Identity | nn.ReLU):
                break
            last += 1
        yield Stage(
            f"features.{place}",
            "convolution",
            layer.out_channels,
            (Reader(f"features.{last}"),),
            kernel=_kernel(layer),
        )


def _inception(net: nn.Module) -> Iterator[Stage]:
    """GoogLeNet and Inception v3: convolutions before the modules, then the modules."""
    of_module = _v3_branches if isinstance(net, InceptionV3) else _googlenet_branches
    for name, module in net.named_children():
        if isinstance(module, ConvBlock):
            conv = module.conv
            yield Stage(
                name, "convolution", conv.out_channels, (Reader(name),), kernel=_kernel(conv)
            )
        elif isinstance(module, Inception) or name.startswith("Mixed_"):
            reader, first, parts = Reader(name), 0, []
            for key, text, width in of_module(module):
                own = range(first, first + width)
                parts.append(Part(key, "branch", text, own, reader))
                first += width
            yield Stage(name, "inception", first, (reader,), tuple(parts))


def _googlenet_branches(module: Inception) -> Iterator[tuple[str, str, int]]:
    """(key, kernels, channels) of each branch, in the order they are joined."""
    for key, branch in module.named_children():
        blocks = [block for block in branch.modules() if isinstance(block, ConvBlock)]
        width = blocks[-1].conv.out_channels if blocks else module.branch1.conv.in_channels
        is_pool = any(isinstance(m, nn.MaxPool2d) for m in branch.modules())
        yield key, "pool" if is_pool else _kernels(blocks), width


def _v3_branches(module: nn.Module) -> Iterator[tuple[str, str, int]]:
    """The same for Inception v3, whose modules list the convolutions of all branches in a row:
    ``branch3x3dbl_1``, ``branch3x3dbl_2``, and two at the end where a branch forks (2a, 2b)."""
    branches: dict[str, dict[str, ConvBlock]] = {}
    for name, child in module.named_children():
        if isinstance(child, ConvBlock):
            key, _, step = name.rpartition("_") if re.search(r"_\d\w?$", name) else (name, "", "1")
            branches.setdefault(key, {})[step] = child
    for key, steps in branches.items():
        last = max(step[0] for step in steps)
        ends = [block for step, block in steps.items() if step[0] == last]
        text = "pool" if key == "branch_pool" else _kernels(list(steps.values()), forked=len(ends))
        yield key, text, sum(block.conv.out_channels for block in ends)
    if "branch_pool" not in branches:  # the pool hands its input on
        first = next(iter(branches.values()))["1"]
        yield "pool", "pool", first.conv.in_channels


def _kernels(blocks: Sequence[ConvBlock], forked: int = 1) -> str:
    """The kernels of a branch without its 1×1 reduction: "3×3, 3×3"; of a fork "1×3 + 3×1"."""
    kernels = [_kernel(block.conv) for block in blocks]
    if forked > 1:
        kernels[-forked:] = [" + ".join(kernels[-forked:])]
    return ", ".join(kernel for kernel in kernels if kernel != "1×1") or "1×1"


def _resnet(net: ResNet) -> Iterator[Stage]:
    """The first convolution, then each block: its skip connection, its residual function F, and
    the channels of its 3×3 convolution, the first of two in a basic block."""
    yield Stage(
        "conv1", "convolution", net.conv1.out_channels, (Reader("bn1"),), kernel=_kernel(net.conv1)
    )
    for stage in ("layer1", "layer2", "layer3", "layer4"):
        for number, block in net.get_submodule(stage).named_children():
            name = f"{stage}.{number}"
            inner, last = (2, 3) if hasattr(block, "conv3") else (1, 2)
            conv = getattr(block, f"conv{inner}")
            width = getattr(block, f"conv{last}").out_channels
            reader = Reader(f"{name}.bn{inner}")
            residual = Part(
                "residual", "residual", channels=range(width), reader=Reader(f"{name}.bn{last}")
            )
            # The plain net without shortcuts has nothing but F.
            parts = (Part("skip", "skip"), residual) if block.has_shortcut else ()
            yield Stage(name, "residual", conv.out_channels, (reader,), parts, _kernel(conv))


def _densenet(net: DenseNet) -> Iterator[Stage]:
    """The first convolution, each layer and each transition, and what the classifier reads.

    A dense block has one wide map that all its layers read, and what follows the block: first the
    channels that enter it, then those of layer 1, of layer 2, …
    """
    children = dict(net.features.named_children())
    blocks = [name for name, module in children.items() if isinstance(module, DenseBlock)]
    ends = [f"features.{name}" for name, m in children.items() if isinstance(m, Transition)]
    entry, kind, conv = "features.conv0", "convolution", net.features.conv0
    entering: tuple[Part, ...] = ()
    for name, end in zip(blocks, [*ends, "classifier"], strict=True):
        layers = {f"features.{name}.{n}": layer for n, layer in children[name].named_children()}
        behind = "classifier" if end == "classifier" else f"{end}.conv"
        readers = [Reader(place, "input") for place in (*(f"{n}.conv1" for n in layers), behind)]
        yield Stage(entry, kind, conv.out_channels, tuple(readers), entering, _kernel(conv))
        width = conv.out_channels
        sources = {"input": range(width)}
        for number, (layer, dense) in enumerate(layers.items(), start=1):
            growth = dense.conv2.out_channels
            own = tuple(Reader(reader.module, "input", width) for reader in readers[number:])
            parts = _connections(sources, readers[number - 1])
            yield Stage(layer, "dense", growth, own, parts, _kernel(dense.conv2))
            sources[f"layer{number}"] = range(width, width + growth)
            width += growth
        entering = _connections(sources, readers[-1])
        if end != "classifier":
            entry, kind, conv = end, "transition", children[end.rpartition(".")[2]].conv
    yield Stage("classifier", "head", parts=entering)


def _connections(sources: Mapping[str, range], reader: Reader) -> tuple[Part, ...]:
    return tuple(Part(key, "connection", "", channels, reader) for key, channels in sources.items())

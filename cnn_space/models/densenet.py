"""DenseNet: Huang, Liu, van der Maaten, Weinberger, "Densely connected convolutional networks",
CVPR 2017, section 3 and table 1. All are of the BC kind: bottlenecks (B) and compression (C).

In a dense block, layer l sees the maps of all layers before it, joined by channel, and adds k maps
of its own, k being the growth rate (equation 2):

    x_l = H_l([x_0, x_1, …, x_(l-1)])

    x_0 ──┬── H_1 ── + ──┬── H_2 ── + ──┬── H_3 ── + ── [x_0, x_1, x_2, x_3]
          └──────────┘   └──────────┘   └──────────┘
    k_0            k_0 + k        k_0 + 2k       k_0 + 3k channels ("+" joins by channel)

H_l is BN – ReLU – 1×1 convolution to 4k maps – BN – ReLU – 3×3 convolution to k maps.
"""

from collections import OrderedDict
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .net import Net, he_init

BOTTLENECK = 4  # section 3: "we let each 1×1 convolution produce 4k feature-maps"
COMPRESSION = 0.5  # θ in section 3: what a transition leaves of the maps


@dataclass(frozen=True)
class Configuration:
    """A column of table 1: growth rate k, channels of the stem (2k), layers in each block."""

    growth: int
    stem: int
    blocks: tuple[int, ...]


CONFIGURATIONS = {
    "121": Configuration(32, 64, (6, 12, 24, 16)),
    "161": Configuration(48, 96, (6, 12, 36, 24)),  # the paper's net with k = 48
    "169": Configuration(32, 64, (6, 12, 32, 32)),
    "201": Configuration(32, 64, (6, 12, 48, 32)),
    "bc_100_12": Configuration(12, 24, (16, 16, 16)),  # table 2: 100 layers, k = 12, for CIFAR
}


class DenseLayer(nn.Module):
    """H_l with its bottleneck: N × in_channels × H × W → N × growth × H × W."""

    def __init__(self, in_channels: int, growth: int):
        super().__init__()
        inner = BOTTLENECK * growth
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, inner, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm1(x)  # N × in_channels × H × W
        x = F.relu(x, inplace=True)
        x = self.conv1(x)  # N × 4·growth × H × W
        x = self.norm2(x)
        x = F.relu(x, inplace=True)
        return self.conv2(x)  # N × growth × H × W


class DenseBlock(nn.Module):
    """``count`` layers: N × in_channels × H × W → N × (in_channels + count·growth) × H × W."""

    def __init__(self, in_channels: int, growth: int, count: int):
        super().__init__()
        for i in range(count):
            self.add_module(f"denselayer{i + 1}", DenseLayer(in_channels + i * growth, growth))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.children():
            new = layer(x)  # N × growth × H × W
            x = torch.cat([x, new], dim=1)  # growth channels more
        return x


class Transition(nn.Module):
    """θ of the maps at half the side: N × in_channels × H × W → N × out_channels × H/2 × W/2."""

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.norm = nn.BatchNorm2d(in_channels)
        self.conv = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.pool = nn.AvgPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(x)  # N × in_channels × H × W
        x = F.relu(x, inplace=True)
        x = self.conv(x)  # N × out_channels × H × W
        return self.pool(x)  # N × out_channels × H/2 × W/2


class DenseNet(Net):
    """DenseNet-121, 161, 169, 201 or BC-100-12; DenseNet-121 has 7,978,856 parameters with 1000
    classes, DenseNet-BC-100-12 769,162 with 10.

    ``small_input`` is the stem for 32 pixels: one 3×3 convolution with stride 1, no pool.
    BC-100-12 has that stem by design, without the batch norm and ReLU behind it.
    """

    head_layer = "classifier"
    cam_layer = "features.norm5"

    def __init__(
        self,
        num_classes: int = 1000,
        *,
        configuration: str,
        in_channels: int = 3,
        small_input: bool = False,
    ):
        super().__init__()
        chosen = CONFIGURATIONS[configuration]
        channels, last = chosen.stem, len(chosen.blocks)
        if configuration == "bc_100_12":
            self.input_size = 32
            layers = {"conv0": _conv3x3(in_channels, channels)}  # N × 24 × 32 × 32
        elif small_input:
            self.input_size = 32
            layers = _small_stem(in_channels, channels)
        else:
            layers = _stem(in_channels, channels)
        # DenseNet-121 at 224 pixels
        for i, count in enumerate(chosen.blocks, start=1):
            layers[f"denseblock{i}"] = DenseBlock(channels, chosen.growth, count)
            channels += count * chosen.growth  # 256 × 56², 512 × 28², 1024 × 14², 1024 × 7²
            if i < last:
                compressed = int(COMPRESSION * channels)  # 128 × 28², 256 × 14², 512 × 7²
                layers[f"transition{i}"] = Transition(channels, compressed)
                channels = compressed
        layers["norm5"] = nn.BatchNorm2d(channels)  # N × 1024 × 7 × 7
        self.top_layer = f"features.denseblock{last}"
        self.features = nn.Sequential(OrderedDict(layers))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, num_classes)
        he_init(self, last="classifier")

    def forward_features(self, x: Tensor) -> Tensor:
        """[N, C, H, W] → [N, 1024] (161: 2208, 169: 1664, 201: 1920, BC-100-12: 342)"""
        x = self.features(x)  # N × 1024 × 7 × 7
        x = F.relu(x)  # not in place: Grad-CAM reads what norm5 gave
        x = self.avgpool(x)  # N × 1024 × 1 × 1
        return x.flatten(1)  # N × 1024


def _conv3x3(in_channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)


def _stem(in_channels: int, channels: int) -> dict[str, nn.Module]:
    """Table 1, for 224 pixels: N × in_channels × 224 × 224 → N × channels × 56 × 56."""
    return {
        "conv0": nn.Conv2d(in_channels, channels, 7, stride=2, padding=3, bias=False),  # 112 × 112
        "norm0": nn.BatchNorm2d(channels),
        "relu0": nn.ReLU(inplace=True),
        "pool0": nn.MaxPool2d(3, stride=2, padding=1),  # 56 × 56
    }


def _small_stem(in_channels: int, channels: int) -> dict[str, nn.Module]:
    """For 32 pixels: N × in_channels × 32 × 32 → N × channels × 32 × 32."""
    return {
        "conv0": _conv3x3(in_channels, channels),
        "norm0": nn.BatchNorm2d(channels),
        "relu0": nn.ReLU(inplace=True),
    }

"""DenseNet: Huang, Liu, van der Maaten, Weinberger, "Densely connected convolutional networks",
CVPR 2017, section 3 and table 1. All are of the BC kind: bottlenecks (B) and compression (C).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .net import Net, he_init

# table 1: growth rate, channels of the stem, layers in each block. DenseNet-161 is the paper's
# k = 48 net; "bc_100_12" is the CIFAR net with 100 layers and k = 12 of table 2. Stems are 2k wide.
CONFIGURATIONS = {
    "121": (32, 64, (6, 12, 24, 16)),
    "161": (48, 96, (6, 12, 36, 24)),
    "169": (32, 64, (6, 12, 32, 32)),
    "201": (32, 64, (6, 12, 48, 32)),
    "bc_100_12": (12, 24, (16, 16, 16)),
}


class DenseLayer(nn.Module):
    """BN-ReLU-1×1-BN-ReLU-3×3 on all maps so far: N × inside × H × W → N × growth × H × W."""

    def __init__(self, inside: int, growth: int):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inside)
        self.conv1 = nn.Conv2d(inside, 4 * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(F.relu(self.norm1(x), inplace=True))
        return self.conv2(F.relu(self.norm2(x), inplace=True))


class DenseBlock(nn.Module):
    """Layers that each see what all before them made (equation 2); adds ``count × growth`` maps."""

    def __init__(self, inside: int, growth: int, count: int):
        super().__init__()
        for i in range(count):
            self.add_module(f"denselayer{i + 1}", DenseLayer(inside + i * growth, growth))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.children():
            x = torch.cat([x, layer(x)], dim=1)
        return x


class Transition(nn.Module):
    """Half the maps, at half the side: N × inside × H × W → N × inside/2 × H/2 × W/2."""

    def __init__(self, inside: int):
        super().__init__()
        self.norm = nn.BatchNorm2d(inside)
        self.conv = nn.Conv2d(inside, inside // 2, 1, bias=False)
        self.pool = nn.AvgPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(self.conv(F.relu(self.norm(x), inplace=True)))


class DenseNet(Net):
    """DenseNet-121, 161, 169, 201 or BC-100-12; DenseNet-121 has 7,978,856 parameters with 1000
    classes, DenseNet-BC-100-12 769,162 with 10.

    ``small_input`` is the stem for 32 pixels: one 3×3 convolution with stride 1, no pool.
    BC-100-12 has that stem by design, there without a norm of its own.
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
        growth, channels, blocks = CONFIGURATIONS[configuration]
        for_cifar = configuration == "bc_100_12"
        if for_cifar or small_input:
            self.input_size = 32
        self.features = nn.Sequential()
        add = self.features.add_module
        # shapes of DenseNet-121 at 224 pixels
        if for_cifar or small_input:
            add("conv0", nn.Conv2d(in_channels, channels, 3, padding=1, bias=False))
        else:
            add("conv0", nn.Conv2d(in_channels, channels, 7, stride=2, padding=3, bias=False))
        if not for_cifar:
            add("norm0", nn.BatchNorm2d(channels))
            add("relu0", nn.ReLU(inplace=True))  # N × 64 × 112 × 112
        if not (for_cifar or small_input):
            add("pool0", nn.MaxPool2d(3, stride=2, padding=1))  # N × 64 × 56 × 56
        for i, count in enumerate(blocks, start=1):
            add(f"denseblock{i}", DenseBlock(channels, growth, count))
            channels += count * growth  # 256, 512, 1024, 1024
            if i < len(blocks):
                add(f"transition{i}", Transition(channels))  # N × 128 × 28², 256 × 14², 512 × 7²
                channels //= 2
        self.top_layer = f"features.denseblock{len(blocks)}"
        add("norm5", nn.BatchNorm2d(channels))  # N × 1024 × 7 × 7
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, num_classes)
        he_init(self, last="classifier")

    def forward_features(self, x: Tensor) -> Tensor:
        """[N, C, H, W] → [N, 1024] (161: 2208, 169: 1664, 201: 1920, BC-100-12: 342)"""
        # not in place: Grad-CAM reads what norm5 gave
        return self.avgpool(F.relu(self.features(x))).flatten(1)

"""ResNet: He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016, table 1
and figure 5.

As in torchvision, the bottleneck's stride is on its 3×3 convolution ("v1.5"); the paper has it on
the first 1×1, which throws three quarters of the map away unseen.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from .net import Net, he_init

# table 1: blocks in each of the four stages
STAGES = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}


def _conv(inside: int, outside: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inside, outside, kernel, stride, padding=kernel // 2, bias=False)


def _shortcut(inside: int, outside: int, stride: int) -> nn.Sequential | None:
    """None where the identity fits; else a projection (option B of section 3.3)."""
    if stride == 1 and inside == outside:
        return None
    return nn.Sequential(_conv(inside, outside, 1, stride), nn.BatchNorm2d(outside))


class BasicBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut (figure 5, left): N × inside × H × W → N × width × …"""

    expansion = 1

    def __init__(self, inside: int, width: int, stride: int):
        super().__init__()
        self.conv1 = _conv(inside, width, 3, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(inside, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)), inplace=True)


class Bottleneck(nn.Module):
    """1×1, 3×3, 1×1 and a shortcut (figure 5, right): N × inside × H × W → N × 4·width × …"""

    expansion = 4

    def __init__(self, inside: int, width: int, stride: int):
        super().__init__()
        outside = width * self.expansion
        self.conv1 = _conv(inside, width, 1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv(width, width, 3, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = _conv(width, outside, 1)
        self.bn3 = nn.BatchNorm2d(outside)
        self.downsample = _shortcut(inside, outside, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = F.relu(self.bn2(self.conv2(y)), inplace=True)
        y = self.bn3(self.conv3(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)), inplace=True)


class ResNet(Net):
    """ResNet of ``depth`` 18, 34 (basic blocks), 50, 101 or 152 (bottlenecks); ResNet-18 has
    11,689,512 parameters with 1000 classes, ResNet-50 25,557,032.

    ``small_input`` is the stem for 32 pixels: first convolution 3×3 with stride 1, no first pool.
    """

    cam_layer = top_layer = "layer4"

    def __init__(
        self,
        num_classes: int = 1000,
        *,
        depth: int,
        in_channels: int = 3,
        small_input: bool = False,
    ):
        super().__init__()
        block = BasicBlock if depth < 50 else Bottleneck
        blocks = STAGES[depth]
        if small_input:
            self.input_size = 32
            self.conv1 = _conv(in_channels, 64, 3)  # N × 64 × 32 × 32
        else:
            self.conv1 = _conv(in_channels, 64, 7, stride=2)  # N × 64 × 112 × 112
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.Identity() if small_input else nn.MaxPool2d(3, stride=2, padding=1)
        # widths for bottlenecks are 4 times these; shapes at 224 pixels (and at 32)
        self.layer1 = _stage(block, 64, 64, blocks[0], stride=1)  # N × 64 × 56 × 56 (32 × 32)
        inside = 64 * block.expansion
        self.layer2 = _stage(block, inside, 128, blocks[1], stride=2)  # N × 128 × 28 × 28 (16 × 16)
        self.layer3 = _stage(
            block, 2 * inside, 256, blocks[2], stride=2
        )  # N × 256 × 14 × 14 (8 × 8)
        self.layer4 = _stage(block, 4 * inside, 512, blocks[3], stride=2)  # N × 512 × 7 × 7 (4 × 4)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8 * inside, num_classes)
        he_init(self, last="fc", mode="fan_out")

    def forward_features(self, x: Tensor) -> Tensor:
        """[N, C, H, W] → [N, 512]; with bottlenecks [N, 2048]"""
        x = self.maxpool(F.relu(self.bn1(self.conv1(x)), inplace=True))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.avgpool(x).flatten(1)


def _stage(block: type, inside: int, width: int, count: int, *, stride: int) -> nn.Sequential:
    """``count`` blocks, the first of which takes the stride and the change of width."""
    rest = [block(width * block.expansion, width, 1) for _ in range(count - 1)]
    return nn.Sequential(block(inside, width, stride), *rest)

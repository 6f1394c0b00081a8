"""ResNet: He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016, table 1
and figure 5.

A block learns F, what is to be added to its input, and gives (equation 1)

    y = F(x) + x          x ──┬── convolutions: F(x) ── + ── ReLU ── y
                              └────── shortcut: x ──────┘

As in torchvision, the bottleneck's stride is on its 3×3 convolution ("v1.5"); the paper has it on
the first 1×1, which throws three quarters of the map away unseen.
"""

from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from .net import Net, he_init

# table 1: blocks in conv2_x, conv3_x, conv4_x, conv5_x
BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}


def _conv(in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2, bias=False)


def _shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Sequential | None:
    """None, the identity, where shapes agree; else a projection W_s (equation 2, option B)."""
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(_conv(in_channels, out_channels, 1, stride), nn.BatchNorm2d(out_channels))


class BasicBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut (figure 5, left), for 18 and 34 layers.

    N × in_channels × H × W → N × width × H/stride × W/stride

        x ──┬── 3×3, width ── ReLU ── 3×3, width ── + ── ReLU ── y
            └─────────────── shortcut ──────────────┘
    """

    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int, *, shortcut: bool = True):
        super().__init__()
        self.conv1 = _conv(in_channels, width, 3, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)
        self.has_shortcut = shortcut
        self.downsample = _shortcut(in_channels, width, stride) if shortcut else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(x)  # N × width × H/stride × W/stride, and so on
        y = self.bn1(y)
        y = F.relu(y, inplace=True)
        y = self.conv2(y)
        y = self.bn2(y)  # F(x)
        if self.has_shortcut:
            y = y + (x if self.downsample is None else self.downsample(x))
        return F.relu(y, inplace=True)


class Bottleneck(nn.Module):
    """1×1, 3×3, 1×1 and a shortcut (figure 5, right), for 50 layers and more.

    N × in_channels × H × W → N × 4·width × H/stride × W/stride

        x ──┬── 1×1, width ── ReLU ── 3×3, width ── ReLU ── 1×1, 4·width ── + ── ReLU ── y
            └─────────────────────────── shortcut ──────────────────────────┘
    """

    expansion = 4  # table 1: the last 1×1 is four times as wide as the others

    def __init__(self, in_channels: int, width: int, stride: int, *, shortcut: bool = True):
        super().__init__()
        out_channels = width * self.expansion
        self.conv1 = _conv(in_channels, width, 1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv(width, width, 3, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = _conv(width, out_channels, 1)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.has_shortcut = shortcut
        self.downsample = _shortcut(in_channels, out_channels, stride) if shortcut else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(x)  # N × width × H × W
        y = self.bn1(y)
        y = F.relu(y, inplace=True)
        y = self.conv2(y)  # N × width × H/stride × W/stride
        y = self.bn2(y)
        y = F.relu(y, inplace=True)
        y = self.conv3(y)  # N × 4·width × H/stride × W/stride
        y = self.bn3(y)  # F(x)
        if self.has_shortcut:
            y = y + (x if self.downsample is None else self.downsample(x))
        return F.relu(y, inplace=True)


class ResNet(Net):
    """ResNet of ``depth`` 18, 34 (basic blocks), 50, 101 or 152 (bottlenecks); ResNet-18 has
    11,689,512 parameters with 1000 classes, ResNet-50 25,557,032.

    ``small_input`` is the stem for 32 pixels: first convolution 3×3 with stride 1, no first pool.
    ``shortcuts=False`` is the plain net of the same depth that the paper compares with (figure 3,
    middle).
    """

    cam_layer = top_layer = "layer4"

    def __init__(
        self,
        num_classes: int = 1000,
        *,
        depth: int,
        in_channels: int = 3,
        small_input: bool = False,
        shortcuts: bool = True,
    ):
        super().__init__()
        block = BasicBlock if depth < 50 else Bottleneck
        e = block.expansion  # 1, with bottlenecks 4
        stage = partial(_stage, block, shortcuts=shortcuts)
        conv2, conv3, conv4, conv5 = BLOCKS[depth]
        if small_input:
            self.input_size = 32
            self.conv1 = _conv(in_channels, 64, 3)
        else:
            self.conv1 = _conv(in_channels, 64, 7, stride=2)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.Identity() if small_input else nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = stage(64, 64, conv2, stride=1)  # conv2_x
        self.layer2 = stage(64 * e, 128, conv3, stride=2)  # conv3_x
        self.layer3 = stage(128 * e, 256, conv4, stride=2)  # conv4_x
        self.layer4 = stage(256 * e, 512, conv5, stride=2)  # conv5_x
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512 * e, num_classes)
        he_init(self, last="fc", mode="fan_out")

    def forward_features(self, x: Tensor) -> Tensor:
        """[N, C, H, W] → [N, 512]; with bottlenecks [N, 2048]"""
        # shapes at 224 pixels (at 32 with the small stem); e is 1, with bottlenecks 4
        x = self.conv1(x)  # N × 64 × 112 × 112 (32 × 32)
        x = self.bn1(x)
        x = F.relu(x, inplace=True)
        x = self.maxpool(x)  # N × 64 × 56 × 56 (32 × 32)
        x = self.layer1(x)  # conv2_x: N × 64·e × 56 × 56 (32 × 32)
        x = self.layer2(x)  # conv3_x: N × 128·e × 28 × 28 (16 × 16)
        x = self.layer3(x)  # conv4_x: N × 256·e × 14 × 14 (8 × 8)
        x = self.layer4(x)  # conv5_x: N × 512·e × 7 × 7 (4 × 4)
        x = self.avgpool(x)  # N × 512·e × 1 × 1
        return x.flatten(1)  # N × 512·e


def _stage(
    block: type[BasicBlock | Bottleneck],
    in_channels: int,
    width: int,
    count: int,
    *,
    stride: int,
    shortcuts: bool,
) -> nn.Sequential:
    """``count`` blocks, the first of which takes the stride and the change of width."""
    block_of = partial(block, shortcut=shortcuts)
    first = block_of(in_channels, width, stride)
    rest = [block_of(width * block.expansion, width, stride=1) for _ in range(count - 1)]
    return nn.Sequential(first, *rest)

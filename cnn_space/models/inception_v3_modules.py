"""The five kinds of module and the auxiliary head of Inception v3: Szegedy et al., "Rethinking the
Inception architecture for computer vision", CVPR 2016, table 1 and figures 5, 6, 7, 8 and 10.

In the drawings every branch begins at the module's input and ends at the join by channel; a width
in brackets is the number of maps behind a step. "conv" is convolution, batch norm, ReLU.
The paper's table leaves widths and order open in places; they are those of the authors' TensorFlow
code, whose names torchvision's weights carry.
"""

import torch
from torch import Tensor, nn

from .blocks import AuxPool, ConvBlock
from .net import he_init

# what keeps the side of a map behind an uneven kernel
ROW_3 = {"kernel_size": (1, 3), "padding": (0, 1)}
COLUMN_3 = {"kernel_size": (3, 1), "padding": (1, 0)}
ROW_7 = {"kernel_size": (1, 7), "padding": (0, 3)}
COLUMN_7 = {"kernel_size": (7, 1), "padding": (3, 0)}


class InceptionA(nn.Module):
    """Table 1, "3×Inception, as in figure 5": a 5×5 as two 3×3.

    N × in_channels × 35 × 35 → N × (64 + 64 + 96 + pool_width) × 35 × 35: 256, 288, 288.

        ┬─ 1×1 (64) ──────────────────────────────┬
        ├─ 1×1 (48) ── 5×5 (64) ──────────────────┤
        ├─ 1×1 (64) ── 3×3 (96) ── 3×3 (96) ──────┤
        └─ 3×3 average pool ── 1×1 (pool_width) ──┘

    The second branch keeps a true 5×5, as the authors' code does.
    """

    def __init__(self, in_channels: int, pool_width: int):
        super().__init__()
        self.branch1x1 = ConvBlock(in_channels, 64, 1)
        self.branch5x5_1 = ConvBlock(in_channels, 48, 1)
        self.branch5x5_2 = ConvBlock(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = ConvBlock(in_channels, 64, 1)
        self.branch3x3dbl_2 = ConvBlock(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = ConvBlock(96, 96, 3, padding=1)
        self.pool = _average()
        self.branch_pool = ConvBlock(in_channels, pool_width, 1)

    def forward(self, x: Tensor) -> Tensor:
        single = self.branch1x1(x)  # 64

        five = self.branch5x5_1(x)
        five = self.branch5x5_2(five)  # 64

        double = self.branch3x3dbl_1(x)
        double = self.branch3x3dbl_2(double)
        double = self.branch3x3dbl_3(double)  # 96

        pooled = self.pool(x)
        pooled = self.branch_pool(pooled)  # pool_width

        return torch.cat([single, five, double, pooled], dim=1)


class ReductionA(nn.Module):
    """Between the rows of figures 5 and 6: figure 10, convolutions and pool side by side.

    N × 288 × 35 × 35 → N × (384 + 96 + 288 = 768) × 17 × 17; "/2" is a stride of 2.

        ┬─ 3×3/2 (384) ───────────────────────────┬
        ├─ 1×1 (64) ── 3×3 (96) ── 3×3/2 (96) ────┤
        └─ 3×3/2 max pool (288) ──────────────────┘
    """

    def __init__(self, in_channels: int):
        super().__init__()
        self.branch3x3 = ConvBlock(in_channels, 384, 3, stride=2)
        self.branch3x3dbl_1 = ConvBlock(in_channels, 64, 1)
        self.branch3x3dbl_2 = ConvBlock(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = ConvBlock(96, 96, 3, stride=2)
        self.pool = nn.MaxPool2d(3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3(x)  # 384

        double = self.branch3x3dbl_1(x)
        double = self.branch3x3dbl_2(double)
        double = self.branch3x3dbl_3(double)  # 96

        pooled = self.pool(x)  # 288

        return torch.cat([three, double, pooled], dim=1)


class InceptionB(nn.Module):
    """Table 1, "5×Inception, as in figure 6" (the authors' code has four): 7×7 as 1×7 and 7×1.

    N × 768 × 17 × 17 → N × (192 + 192 + 192 + 192 = 768) × 17 × 17; w is ``width``.

        ┬─ 1×1 (192) ───────────────────────────────────────────────────┬
        ├─ 1×1 (w) ── 1×7 (w) ── 7×1 (192) ─────────────────────────────┤
        ├─ 1×1 (w) ── 7×1 (w) ── 1×7 (w) ── 7×1 (w) ── 1×7 (192) ───────┤
        └─ 3×3 average pool ── 1×1 (192) ───────────────────────────────┘
    """

    def __init__(self, in_channels: int, width: int):
        super().__init__()
        self.branch1x1 = ConvBlock(in_channels, 192, 1)
        self.branch7x7_1 = ConvBlock(in_channels, width, 1)
        self.branch7x7_2 = ConvBlock(width, width, **ROW_7)
        self.branch7x7_3 = ConvBlock(width, 192, **COLUMN_7)
        self.branch7x7dbl_1 = ConvBlock(in_channels, width, 1)
        self.branch7x7dbl_2 = ConvBlock(width, width, **COLUMN_7)
        self.branch7x7dbl_3 = ConvBlock(width, width, **ROW_7)
        self.branch7x7dbl_4 = ConvBlock(width, width, **COLUMN_7)
        self.branch7x7dbl_5 = ConvBlock(width, 192, **ROW_7)
        self.pool = _average()
        self.branch_pool = ConvBlock(in_channels, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        single = self.branch1x1(x)  # 192

        seven = self.branch7x7_1(x)
        seven = self.branch7x7_2(seven)
        seven = self.branch7x7_3(seven)  # 192

        double = self.branch7x7dbl_1(x)
        double = self.branch7x7dbl_2(double)
        double = self.branch7x7dbl_3(double)
        double = self.branch7x7dbl_4(double)
        double = self.branch7x7dbl_5(double)  # 192

        pooled = self.pool(x)
        pooled = self.branch_pool(pooled)  # 192

        return torch.cat([single, seven, double, pooled], dim=1)


class ReductionB(nn.Module):
    """Between the rows of figures 6 and 7: as figure 10, with 1×7 and 7×1.

    N × 768 × 17 × 17 → N × (320 + 192 + 768 = 1280) × 8 × 8; "/2" is a stride of 2.

        ┬─ 1×1 (192) ── 3×3/2 (320) ────────────────────────────┬
        ├─ 1×1 (192) ── 1×7 (192) ── 7×1 (192) ── 3×3/2 (192) ──┤
        └─ 3×3/2 max pool (768) ────────────────────────────────┘
    """

    def __init__(self, in_channels: int):
        super().__init__()
        self.branch3x3_1 = ConvBlock(in_channels, 192, 1)
        self.branch3x3_2 = ConvBlock(192, 320, 3, stride=2)
        self.branch7x7x3_1 = ConvBlock(in_channels, 192, 1)
        self.branch7x7x3_2 = ConvBlock(192, 192, **ROW_7)
        self.branch7x7x3_3 = ConvBlock(192, 192, **COLUMN_7)
        self.branch7x7x3_4 = ConvBlock(192, 192, 3, stride=2)
        self.pool = nn.MaxPool2d(3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_1(x)
        three = self.branch3x3_2(three)  # 320

        seven = self.branch7x7x3_1(x)
        seven = self.branch7x7x3_2(seven)
        seven = self.branch7x7x3_3(seven)
        seven = self.branch7x7x3_4(seven)  # 192

        pooled = self.pool(x)  # 768

        return torch.cat([three, seven, pooled], dim=1)


class InceptionC(nn.Module):
    """Table 1, "2×Inception, as in figure 7": 1×3 and 3×1 side by side.

    N × in_channels × 8 × 8 → N × (320 + 2·384 + 2·384 + 192 = 2048) × 8 × 8.

        ┬─ 1×1 (320) ───────────────────────────────────┬
        ├─ 1×1 (384) ─────────────┬─ 1×3 (384) ─────────┤
        │                         └─ 3×1 (384) ─────────┤
        ├─ 1×1 (448) ── 3×3 (384) ┬─ 1×3 (384) ─────────┤
        │                         └─ 3×1 (384) ─────────┤
        └─ 3×3 average pool ── 1×1 (192) ───────────────┘
    """

    def __init__(self, in_channels: int):
        super().__init__()
        self.branch1x1 = ConvBlock(in_channels, 320, 1)
        self.branch3x3_1 = ConvBlock(in_channels, 384, 1)
        self.branch3x3_2a = ConvBlock(384, 384, **ROW_3)
        self.branch3x3_2b = ConvBlock(384, 384, **COLUMN_3)
        self.branch3x3dbl_1 = ConvBlock(in_channels, 448, 1)
        self.branch3x3dbl_2 = ConvBlock(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = ConvBlock(384, 384, **ROW_3)
        self.branch3x3dbl_3b = ConvBlock(384, 384, **COLUMN_3)
        self.pool = _average()
        self.branch_pool = ConvBlock(in_channels, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        single = self.branch1x1(x)  # 320

        three = self.branch3x3_1(x)
        three_row = self.branch3x3_2a(three)  # 384
        three_column = self.branch3x3_2b(three)  # 384

        double = self.branch3x3dbl_1(x)
        double = self.branch3x3dbl_2(double)
        double_row = self.branch3x3dbl_3a(double)  # 384
        double_column = self.branch3x3dbl_3b(double)  # 384

        pooled = self.pool(x)
        pooled = self.branch_pool(pooled)  # 192

        branches = [single, three_row, three_column, double_row, double_column, pooled]
        return torch.cat(branches, dim=1)


class InceptionAux(nn.Module):
    """Auxiliary classifier (section 4, figure 8): N × 768 × 17 × 17 → [N, num_classes]."""

    def __init__(self, in_channels: int, num_classes: int):
        super().__init__()
        self.pool = AuxPool(5)
        self.conv0 = ConvBlock(in_channels, 128, 1)
        self.conv1 = ConvBlock(128, 768, 5)
        self.fc = nn.Linear(768, num_classes)
        he_init(self, last="fc", mode="fan_out")

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(x)  # N × 768 × 5 × 5
        x = self.conv0(x)  # N × 128 × 5 × 5
        x = self.conv1(x)  # N × 768 × 1 × 1
        x = x.flatten(1)  # N × 768
        return self.fc(x)  # N × num_classes


def _average() -> nn.AvgPool2d:
    return nn.AvgPool2d(3, stride=1, padding=1)

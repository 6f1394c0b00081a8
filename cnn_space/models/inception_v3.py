"""Inception v3: Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, "Rethinking the Inception architecture
for computer vision", CVPR 2016, table 1 and figures 5, 6, 7 and 10.

The paper's table leaves widths and order open in places; they are those of the authors' TensorFlow
code, whose names torchvision's weights carry.
"""

import torch
from torch import Tensor, nn

from .blocks import AuxPool, ConvBlock
from .net import Net, he_init
from .outputs import Outputs


def _average() -> nn.AvgPool2d:
    return nn.AvgPool2d(3, stride=1, padding=1)


class InceptionA(nn.Module):
    """Figure 5, the 5×5 as two 3×3: N × inside × 35 × 35 → N × (224 + pool_width) × 35 × 35.

    The first of the two branches keeps a true 5×5, as the authors' code does.
    """

    def __init__(self, inside: int, pool_width: int):
        super().__init__()
        self.branch1x1 = ConvBlock(inside, 64, 1)
        self.branch5x5_1 = ConvBlock(inside, 48, 1)
        self.branch5x5_2 = ConvBlock(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = ConvBlock(inside, 64, 1)
        self.branch3x3dbl_2 = ConvBlock(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = ConvBlock(96, 96, 3, padding=1)
        self.pool = _average()
        self.branch_pool = ConvBlock(inside, pool_width, 1)

    def forward(self, x: Tensor) -> Tensor:
        branches = [
            self.branch1x1(x),
            self.branch5x5_2(self.branch5x5_1(x)),
            self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x))),
            self.branch_pool(self.pool(x)),
        ]
        return torch.cat(branches, dim=1)


class ReductionA(nn.Module):
    """Figure 10, convolution and pool side by side: N × 288 × 35 × 35 → N × 768 × 17 × 17."""

    def __init__(self, inside: int):
        super().__init__()
        self.branch3x3 = ConvBlock(inside, 384, 3, stride=2)
        self.branch3x3dbl_1 = ConvBlock(inside, 64, 1)
        self.branch3x3dbl_2 = ConvBlock(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = ConvBlock(96, 96, 3, stride=2)
        self.pool = nn.MaxPool2d(3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        branches = [
            self.branch3x3(x),
            self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x))),
            self.pool(x),
        ]
        return torch.cat(branches, dim=1)


class InceptionB(nn.Module):
    """Figure 6, 7×7 as 1×7 and 7×1: N × 768 × 17 × 17 → N × 768 × 17 × 17."""

    def __init__(self, inside: int, width: int):
        super().__init__()
        flat = {"kernel_size": (1, 7), "padding": (0, 3)}
        tall = {"kernel_size": (7, 1), "padding": (3, 0)}
        self.branch1x1 = ConvBlock(inside, 192, 1)
        self.branch7x7_1 = ConvBlock(inside, width, 1)
        self.branch7x7_2 = ConvBlock(width, width, **flat)
        self.branch7x7_3 = ConvBlock(width, 192, **tall)
        self.branch7x7dbl_1 = ConvBlock(inside, width, 1)
        self.branch7x7dbl_2 = ConvBlock(width, width, **tall)
        self.branch7x7dbl_3 = ConvBlock(width, width, **flat)
        self.branch7x7dbl_4 = ConvBlock(width, width, **tall)
        self.branch7x7dbl_5 = ConvBlock(width, 192, **flat)
        self.pool = _average()
        self.branch_pool = ConvBlock(inside, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        branches = [
            self.branch1x1(x),
            self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x))),
            self.branch7x7dbl_5(self.branch7x7dbl_4(double)),
            self.branch_pool(self.pool(x)),
        ]
        return torch.cat(branches, dim=1)


class ReductionB(nn.Module):
    """As figure 10, with 1×7 and 7×1: N × 768 × 17 × 17 → N × 1280 × 8 × 8."""

    def __init__(self, inside: int):
        super().__init__()
        self.branch3x3_1 = ConvBlock(inside, 192, 1)
        self.branch3x3_2 = ConvBlock(192, 320, 3, stride=2)
        self.branch7x7x3_1 = ConvBlock(inside, 192, 1)
        self.branch7x7x3_2 = ConvBlock(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = ConvBlock(192, 192, (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = ConvBlock(192, 192, 3, stride=2)
        self.pool = nn.MaxPool2d(3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x)))
        branches = [
            self.branch3x3_2(self.branch3x3_1(x)),
            self.branch7x7x3_4(seven),
            self.pool(x),
        ]
        return torch.cat(branches, dim=1)


class InceptionC(nn.Module):
    """Figure 7, 1×3 and 3×1 side by side: N × inside × 8 × 8 → N × 2048 × 8 × 8."""

    def __init__(self, inside: int):
        super().__init__()
        flat = {"kernel_size": (1, 3), "padding": (0, 1)}
        tall = {"kernel_size": (3, 1), "padding": (1, 0)}
        self.branch1x1 = ConvBlock(inside, 320, 1)
        self.branch3x3_1 = ConvBlock(inside, 384, 1)
        self.branch3x3_2a = ConvBlock(384, 384, **flat)
        self.branch3x3_2b = ConvBlock(384, 384, **tall)
        self.branch3x3dbl_1 = ConvBlock(inside, 448, 1)
        self.branch3x3dbl_2 = ConvBlock(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = ConvBlock(384, 384, **flat)
        self.branch3x3dbl_3b = ConvBlock(384, 384, **tall)
        self.pool = _average()
        self.branch_pool = ConvBlock(inside, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        single = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        branches = [
            self.branch1x1(x),
            self.branch3x3_2a(single),
            self.branch3x3_2b(single),
            self.branch3x3dbl_3a(double),
            self.branch3x3dbl_3b(double),
            self.branch_pool(self.pool(x)),
        ]
        return torch.cat(branches, dim=1)


class InceptionAux(nn.Module):
    """Auxiliary classifier (section 4, figure 8): N × 768 × 17 × 17 → [N, num_classes]."""

    def __init__(self, inside: int, num_classes: int):
        super().__init__()
        self.pool = AuxPool(5)  # N × 768 × 5 × 5
        self.conv0 = ConvBlock(inside, 128, 1)
        self.conv1 = ConvBlock(128, 768, 5)  # N × 768 × 1 × 1
        self.fc = nn.Linear(768, num_classes)
        he_init(self, last="fc", mode="fan_out")

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.conv1(self.conv0(self.pool(x))).flatten(1))


class InceptionV3(Net):
    """Inception v3 for 299-pixel images (at least 75); 23,834,568 parameters with 1000 classes,
    27,161,264 with the auxiliary head.

    In training mode with ``aux=True`` the net returns ``Outputs(logits, aux1)``.
    Raises ValueError for ``small_input``, which the paper has no stem for.
    """

    cam_layer = "Mixed_7c"
    top_layer = "Mixed_7a"
    input_size = 299
    # The paper gives no weight; this is the authors' code's: tensorflow/models,
    # research/slim/train_image_classifier.py, `AuxLogits` with `weights=0.4`.
    aux_weight = 0.4

    def __init__(
        self,
        num_classes: int = 1000,
        *,
        in_channels: int = 3,
        small_input: bool = False,
        aux: bool = True,
    ):
        super().__init__()
        if small_input:
            raise ValueError(
                "inception_v3 has no stem for small images: choose googlenet with "
                "small_input=True, or resize the images to 75 pixels or more (299 is best)"
            )
        self.Conv2d_1a_3x3 = ConvBlock(in_channels, 32, 3, stride=2)  # N × 32 × 149 × 149
        self.Conv2d_2a_3x3 = ConvBlock(32, 32, 3)  # N × 32 × 147 × 147
        self.Conv2d_2b_3x3 = ConvBlock(32, 64, 3, padding=1)  # N × 64 × 147 × 147
        self.maxpool1 = nn.MaxPool2d(3, stride=2)  # N × 64 × 73 × 73
        self.Conv2d_3b_1x1 = ConvBlock(64, 80, 1)  # N × 80 × 73 × 73
        self.Conv2d_4a_3x3 = ConvBlock(80, 192, 3)  # N × 192 × 71 × 71
        self.maxpool2 = nn.MaxPool2d(3, stride=2)  # N × 192 × 35 × 35
        self.Mixed_5b = InceptionA(192, 32)  # N × 256 × 35 × 35
        self.Mixed_5c = InceptionA(256, 64)  # N × 288 × 35 × 35
        self.Mixed_5d = InceptionA(288, 64)  # N × 288 × 35 × 35
        self.Mixed_6a = ReductionA(288)  # N × 768 × 17 × 17
        self.Mixed_6b = InceptionB(768, 128)
        self.Mixed_6c = InceptionB(768, 160)
        self.Mixed_6d = InceptionB(768, 160)
        self.Mixed_6e = InceptionB(768, 192)  # N × 768 × 17 × 17, also to the auxiliary head
        self.Mixed_7a = ReductionB(768)  # N × 1280 × 8 × 8
        self.Mixed_7b = InceptionC(1280)  # N × 2048 × 8 × 8
        self.Mixed_7c = InceptionC(2048)  # N × 2048 × 8 × 8
        self.avgpool = nn.AdaptiveAvgPool2d(1)  # N × 2048 × 1 × 1
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(2048, num_classes)
        he_init(self, last="fc", mode="fan_out")
        self.set_aux(num_classes if aux else None)

    def set_aux(self, num_classes: int | None) -> None:
        """Put a fresh auxiliary head behind Mixed_6e; None takes it away."""
        self.AuxLogits = None if num_classes is None else InceptionAux(768, num_classes)

    def _trunk(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Images → the pooled vector, and the map of Mixed_6e for the auxiliary head."""
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(self.maxpool1(x)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(self.maxpool2(x))))
        x = self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))
        map6e = self.Mixed_6e(self.Mixed_6d(x))
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(map6e)))
        return self.avgpool(x).flatten(1), map6e

    def forward_features(self, x: Tensor) -> Tensor:
        """[N, C, H, W] → [N, 2048]"""
        return self._trunk(x)[0]

    def forward_head(self, features: Tensor) -> Tensor:
        """[N, 2048] → logits [N, num_classes]"""
        return self.fc(self.dropout(features))

    def forward(self, x: Tensor) -> Tensor | Outputs:
        features, map6e = self._trunk(x)
        logits = self.forward_head(features)
        if self.training and self.AuxLogits is not None:
            return Outputs(logits, self.AuxLogits(map6e))
        return logits

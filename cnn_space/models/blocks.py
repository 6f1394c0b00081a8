"""The pieces that GoogLeNet and Inception v3 share."""

import torch.nn.functional as F
from torch import Tensor, nn


class ConvBlock(nn.Module):
    """Convolution, batch norm (without it: a bias), ReLU: [N, in, H, W] → [N, out, H', W']."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size, *, batch_norm: bool = True, **conv
    ):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, bias=not batch_norm, **conv)
        # eps as in TensorFlow's Inception, from which the published weights came
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001) if batch_norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        x = self.bn(x)
        return F.relu(x, inplace=True)


class AuxPool(nn.Module):
    """Average pool 5×5, stride 3, in front of an auxiliary head: [N, C, H, W] → [N, C, side, side].

    The layers behind it need exactly ``side``. Where the size of the image does not give that, the
    map is divided into ``side`` × ``side`` parts instead.
    """

    def __init__(self, side: int):
        super().__init__()
        self.side = side
        self.published = nn.AvgPool2d(5, stride=3)
        self.adaptive = nn.AdaptiveAvgPool2d(side)

    def forward(self, x: Tensor) -> Tensor:
        fits = all((length - 5) // 3 + 1 == self.side for length in x.shape[-2:])
        return self.published(x) if fits else self.adaptive(x)

"""GoogLeNet: Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke, Rabinovich, "Going
deeper with convolutions", CVPR 2015, table 1 and figures 2 and 3.

Two forms. "paper" is the net of the table: 5×5 kernels, biases, local response normalisation in
the stem. "torchvision" is the net that torchvision's weights fit: batch norm, and 3×3 kernels where
the paper has 5×5, a slip of the code they came from that these weights have made permanent.

The widths of the nine Inception modules are in `googlenet_table`.
"""

from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from .blocks import AuxPool, ConvBlock
from .googlenet_table import KERNELS_5X5, TABLE_1
from .net import Net, he_init
from .outputs import Outputs


@dataclass(frozen=True)
class Form:
    """What a form sets where no option is given."""

    kernel5x5: int | str
    batch_norm: bool
    dropout: float  # before the last layer
    pool4: int  # kernel of the pool between 4e and 5a
    published_aux_pool: bool  # 5×5, stride 3; torchvision divides the map into 4 × 4 parts


FORMS = {
    "paper": Form(5, False, 0.4, 3, True),
    "torchvision": Form(3, True, 0.2, 2, False),
}


class Inception(nn.Module):
    """The Inception module (section 4): four branches side by side, joined by channel.

    [N, in_channels, H, W] → [N, ch1x1 + ch3x3 + ch5x5 + pool_proj, H, W]. Figure 2(b), in
    brackets the widths of 3a, 192 → 64 + 128 + 32 + 32 = 256:

                            previous layer (192)
               ┌──────────────┬───────┴───────┬───────────────┐
               │        1×1 ch3x3red    1×1 ch5x5red    3×3 max pool
               │            (96)            (16)            (192)
               │              │               │               │
           1×1 ch1x1      3×3 ch3x3       5×5 ch5x5     1×1 pool_proj
             (64)           (128)           (32)            (32)
               └──────────────┴───────┬───────┴───────────────┘
                           joined by channel (256)

    ``kernel5x5``: 5, torchvision's 3, or "3+3", two 3×3 in a row (Szegedy et al., "Rethinking the
    Inception architecture", 2016, figure 5), both ``ch5x5`` wide.
    ``reduction=False`` is the naive module (figure 2a): no 1×1 in front of the large kernels, the
    pool unprojected, so that its ``in_channels`` are handed on whole.
    """

    def __init__(
        self,
        in_channels: int,
        ch1x1: int,
        ch3x3red: int,
        ch3x3: int,
        ch5x5red: int,
        ch5x5: int,
        pool_proj: int,
        *,
        kernel5x5: int | str = 5,
        batch_norm: bool = False,
        reduction: bool = True,
    ):
        super().__init__()
        if kernel5x5 not in KERNELS_5X5:
            raise ValueError(f"kernel5x5 is {kernel5x5!r}: choose 5, 3 or '3+3'")

        def conv(inside: int, outside: int, kernel: int) -> ConvBlock:
            return ConvBlock(inside, outside, kernel, padding=kernel // 2, batch_norm=batch_norm)

        def conv5x5(inside: int) -> list[ConvBlock]:
            if kernel5x5 == "3+3":
                return [conv(inside, ch5x5, 3), conv(ch5x5, ch5x5, 3)]
            return [conv(inside, ch5x5, kernel5x5)]

        pool = nn.MaxPool2d(3, stride=1, padding=1, ceil_mode=True)
        self.branch1 = conv(in_channels, ch1x1, 1)
        if reduction:
            self.branch2 = nn.Sequential(conv(in_channels, ch3x3red, 1), conv(ch3x3red, ch3x3, 3))
            self.branch3 = nn.Sequential(conv(in_channels, ch5x5red, 1), *conv5x5(ch5x5red))
            self.branch4 = nn.Sequential(pool, conv(in_channels, pool_proj, 1))
            self.out_channels = ch1x1 + ch3x3 + ch5x5 + pool_proj
        else:
            self.branch2 = nn.Sequential(conv(in_channels, ch3x3, 3))
            self.branch3 = nn.Sequential(*conv5x5(in_channels))
            self.branch4 = pool
            self.out_channels = ch1x1 + ch3x3 + ch5x5 + in_channels

    def forward(self, x: Tensor) -> Tensor:
        branches = [
            self.branch1(x),  # N × ch1x1 × H × W
            self.branch2(x),  # N × ch3x3 × H × W
            self.branch3(x),  # N × ch5x5 × H × W
            self.branch4(x),  # N × pool_proj × H × W
        ]
        return torch.cat(branches, dim=1)


class AuxHead(nn.Module):
    """Auxiliary classifier (section 5, the list below table 1): [N, C, H, W] → [N, num_classes]."""

    def __init__(self, in_channels: int, num_classes: int, form: Form):
        super().__init__()
        self.avgpool = AuxPool(4) if form.published_aux_pool else nn.AdaptiveAvgPool2d(4)
        self.conv = ConvBlock(in_channels, 128, 1, batch_norm=form.batch_norm)
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(0.7)
        self.fc2 = nn.Linear(1024, num_classes)
        he_init(self, last="fc2", mode="fan_out" if form.batch_norm else "fan_in")

    def forward(self, x: Tensor) -> Tensor:
        x = self.avgpool(x)  # N × C × 4 × 4
        x = self.conv(x)  # N × 128 × 4 × 4
        x = x.flatten(1)  # N × 2048
        x = self.fc1(x)  # N × 1024
        x = self.relu(x)
        x = self.dropout(x)
        return self.fc2(x)  # N × num_classes


class GoogLeNet(Net):
    """GoogLeNet; with 1000 classes 6,624,904 parameters ("torchvision") or 6,998,552 ("paper"),
    13,004,888 or 13,378,280 with both auxiliary heads.

    ``form`` sets the defaults of ``kernel5x5``, ``batch_norm``, ``dropout`` and ``pool4`` (kernel
    of the pool between 4e and 5a, 3 or 2); an option given explicitly wins. Without batch norm the
    convolutions have biases and the stem has local response normalisation. ``reduction=False``
    makes all nine modules naive. ``small_input`` is the stem for 32 pixels: first convolution 3×3
    with stride 1, no second pool. ``head="fc"`` puts a fully connected layer of 1024 on the map of
    5b, where the paper moved on to global average pooling, "gap" (section 5).
    In training mode with ``aux=True`` the net returns ``Outputs(logits, aux1, aux2)``.

    Raises ValueError for an unknown ``form``, ``kernel5x5``, ``pool4`` or ``head``.
    """

    cam_layer = "inception5b"
    top_layer = "inception5a"
    aux_weight = 0.3  # section 5: "the losses of the auxiliary classifiers were weighted by 0.3"

    def __init__(
        self,
        num_classes: int = 1000,
        *,
        in_channels: int = 3,
        small_input: bool = False,
        form: str = "torchvision",
        kernel5x5: int | str | None = None,
        batch_norm: bool | None = None,
        dropout: float | None = None,
        pool4: int | None = None,
        reduction: bool = True,
        head: str = "gap",
        aux: bool = True,
    ):
        super().__init__()
        if head not in ("gap", "fc"):
            raise ValueError(f"googlenet has no head {head!r}: choose 'gap' or 'fc'")
        self.form = _form(
            form, kernel5x5=kernel5x5, batch_norm=batch_norm, dropout=dropout, pool4=pool4
        )
        if small_input:
            self.input_size = 32
            self.cam_layer = "inception4e"  # 8 × 8; on the 4 × 4 of 5b all parts look alike
        self._add_stem(in_channels, small_input)
        module = partial(_inception, form=self.form, reduction=reduction)
        self.inception3a = module("3a", 192)
        self.inception3b = module("3b", self.inception3a.out_channels)  # 256 → 480
        self.maxpool3 = _pool(3)
        self.inception4a = module("4a", self.inception3b.out_channels)  # 480 → 512
        self.inception4b = module("4b", self.inception4a.out_channels)  # 512 → 512
        self.inception4c = module("4c", self.inception4b.out_channels)  # 512 → 512
        self.inception4d = module("4d", self.inception4c.out_channels)  # 512 → 528
        self.inception4e = module("4e", self.inception4d.out_channels)  # 528 → 832
        self.maxpool4 = _pool(self.form.pool4)
        self.inception5a = module("5a", self.inception4e.out_channels)  # 832 → 832
        self.inception5b = module("5b", self.inception5a.out_channels)  # 832 → 1024
        features = self.inception5b.out_channels  # 1024; of naive modules more
        side = 1 if head == "gap" else 4 if small_input else 7
        self.avgpool = nn.AdaptiveAvgPool2d(side)
        self.hidden = nn.Identity()
        if head == "fc":
            self.hidden = nn.Sequential(nn.Linear(features * side**2, 1024), nn.ReLU())
            features = 1024
        self.dropout = nn.Dropout(self.form.dropout)
        self.fc = nn.Linear(features, num_classes)  # 1024 → num_classes
        he_init(self, last="fc", mode="fan_out" if self.form.batch_norm else "fan_in")
        self.set_aux(num_classes if aux else None)

    def _add_stem(self, in_channels: int, small_input: bool) -> None:
        """The layers before 3a; they give N × 192 × 28 × 28, the small stem N × 192 × 16 × 16."""
        norm = self.form.batch_norm
        if small_input:
            self.conv1 = ConvBlock(in_channels, 64, 3, padding=1, batch_norm=norm)
        else:
            self.conv1 = ConvBlock(in_channels, 64, 7, stride=2, padding=3, batch_norm=norm)
        self.maxpool1 = _pool(3)
        self.norm1 = nn.Identity() if norm else _response_norm()
        self.conv2 = ConvBlock(64, 64, 1, batch_norm=norm)
        self.conv3 = ConvBlock(64, 192, 3, padding=1, batch_norm=norm)
        self.norm2 = nn.Identity() if norm else _response_norm()
        self.maxpool2 = nn.Identity() if small_input else _pool(3)

    def set_aux(self, num_classes: int | None) -> None:
        """Put fresh auxiliary heads behind 4a and 4d; None takes them away."""
        self.aux1 = self.aux2 = None
        if num_classes is not None:
            self.aux1 = AuxHead(self.inception4a.out_channels, num_classes, self.form)
            self.aux2 = AuxHead(self.inception4d.out_channels, num_classes, self.form)

    # Figure 3 in three parts, because the auxiliary heads read the maps of 4a and 4d. Shapes are
    # those at 224 pixels, and at 32 with the small stem.

    def _images_to_4a(self, x: Tensor) -> Tensor:
        x = self.conv1(x)  # N × 64 × 112 × 112 (32 × 32)
        x = self.maxpool1(x)  # N × 64 × 56 × 56 (16 × 16)
        x = self.norm1(x)
        x = self.conv2(x)  # N × 64 × 56 × 56 (16 × 16)
        x = self.conv3(x)  # N × 192 × 56 × 56 (16 × 16)
        x = self.norm2(x)
        x = self.maxpool2(x)  # N × 192 × 28 × 28 (16 × 16)
        x = self.inception3a(x)  # N × 256 × 28 × 28 (16 × 16)
        x = self.inception3b(x)  # N × 480 × 28 × 28 (16 × 16)
        x = self.maxpool3(x)  # N × 480 × 14 × 14 (8 × 8)
        return self.inception4a(x)  # N × 512 × 14 × 14 (8 × 8)

    def _4a_to_4d(self, x: Tensor) -> Tensor:
        x = self.inception4b(x)  # N × 512 × 14 × 14 (8 × 8)
        x = self.inception4c(x)  # N × 512 × 14 × 14 (8 × 8)
        return self.inception4d(x)  # N × 528 × 14 × 14 (8 × 8)

    def _4d_to_vector(self, x: Tensor) -> Tensor:
        x = self.inception4e(x)  # N × 832 × 14 × 14 (8 × 8)
        x = self.maxpool4(x)  # N × 832 × 7 × 7 (4 × 4)
        x = self.inception5a(x)  # N × 832 × 7 × 7 (4 × 4)
        x = self.inception5b(x)  # N × 1024 × 7 × 7 (4 × 4)
        x = self.avgpool(x)  # N × 1024 × 1 × 1 ("fc": 7 × 7 (4 × 4))
        x = x.flatten(1)  # N × 1024 ("fc": N × 50176 (16384))
        return self.hidden(x)  # N × 1024

    def forward_features(self, x: Tensor) -> Tensor:
        """[N, C, H, W] → [N, 1024]"""
        x = self._images_to_4a(x)
        x = self._4a_to_4d(x)
        return self._4d_to_vector(x)

    def forward_head(self, features: Tensor) -> Tensor:
        """[N, 1024] → logits [N, num_classes]"""
        x = self.dropout(features)
        return self.fc(x)

    def forward(self, x: Tensor) -> Tensor | Outputs:
        map4a = self._images_to_4a(x)  # N × 512 × 14 × 14 (8 × 8)
        map4d = self._4a_to_4d(map4a)  # N × 528 × 14 × 14 (8 × 8)
        features = self._4d_to_vector(map4d)  # N × 1024
        logits = self.forward_head(features)  # N × num_classes
        if self.training and self.aux1 is not None:
            return Outputs(logits, self.aux1(map4a), self.aux2(map4d))
        return logits


def _form(name: str, **given: object) -> Form:
    """The form called ``name`` with the options that were given, those that are not None."""
    if name not in FORMS:
        raise ValueError(f"googlenet has no form {name!r}: choose 'torchvision' or 'paper'")
    if given["pool4"] not in (None, 2, 3):
        raise ValueError(f"pool4 is {given['pool4']!r}: choose 3 (paper) or 2 (torchvision)")
    return replace(FORMS[name], **{k: v for k, v in given.items() if v is not None})


def _inception(row: str, in_channels: int, *, form: Form, reduction: bool) -> Inception:
    """The module of a row of table 1, on as many channels as reach it."""
    return Inception(
        in_channels,
        *TABLE_1[row].widths,
        kernel5x5=form.kernel5x5,
        batch_norm=form.batch_norm,
        reduction=reduction,
    )


def _pool(kernel: int) -> nn.MaxPool2d:
    return nn.MaxPool2d(kernel, stride=2, ceil_mode=True)


def _response_norm() -> nn.LocalResponseNorm:
    """The paper names no constants; these are those of Caffe's bvlc_googlenet."""
    return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)

"""GoogLeNet: Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke, Rabinovich, "Going
deeper with convolutions", CVPR 2015, table 1 and figures 2 and 3.

Two forms. "paper" is the net of the table: 5×5 kernels, biases, local response normalisation in
the stem. "torchvision" is the net that torchvision's weights fit: batch norm, and 3×3 kernels where
the paper has 5×5, a slip of the code they came from that these weights have made permanent.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from .blocks import AuxPool, ConvBlock
from .googlenet_table import TABLE_1
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
    """The Inception module (section 4, figure 2): four branches side by side, joined by channel.

    [N, in_channels, H, W] → [N, ch1x1 + ch3x3 + ch5x5 + pool_proj, H, W].

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
        if kernel5x5 not in (5, 3, "3+3"):
            raise ValueError(f"kernel5x5 is {kernel5x5!r}: choose 5, 3 or '3+3'")

        def conv(inside: int, outside: int, kernel: int) -> ConvBlock:
            return ConvBlock(inside, outside, kernel, padding=kernel // 2, batch_norm=batch_norm)

        def branch(reduced: int, outside: int, kernels: tuple[int, ...]) -> nn.Sequential:
            layers = [conv(in_channels, reduced, 1)] if reduction else []
            inside = reduced if reduction else in_channels
            for kernel in kernels:
                layers.append(conv(inside, outside, kernel))
                inside = outside
            return nn.Sequential(*layers)

        pool = nn.MaxPool2d(3, stride=1, padding=1, ceil_mode=True)
        self.branch1 = conv(in_channels, ch1x1, 1)
        self.branch2 = branch(ch3x3red, ch3x3, (3,))
        self.branch3 = branch(ch5x5red, ch5x5, (3, 3) if kernel5x5 == "3+3" else (kernel5x5,))
        self.branch4 = nn.Sequential(pool, conv(in_channels, pool_proj, 1)) if reduction else pool
        self.out_channels = ch1x1 + ch3x3 + ch5x5 + (pool_proj if reduction else in_channels)

    def forward(self, x: Tensor) -> Tensor:
        branches = (self.branch1, self.branch2, self.branch3, self.branch4)
        return torch.cat([branch(x) for branch in branches], dim=1)


class AuxHead(nn.Module):
    """Auxiliary classifier (section 5, the list below table 1): [N, C, H, W] → [N, num_classes]."""

    def __init__(self, in_channels: int, num_classes: int, form: Form):
        super().__init__()
        self.avgpool = AuxPool(4) if form.published_aux_pool else nn.AdaptiveAvgPool2d(4)
        self.conv = ConvBlock(in_channels, 128, 1, batch_norm=form.batch_norm)  # N × 128 × 4 × 4
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(0.7)
        self.fc2 = nn.Linear(1024, num_classes)
        he_init(self, last="fc2", mode="fan_out" if form.batch_norm else "fan_in")

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(self.avgpool(x)).flatten(1)  # N × 2048
        return self.fc2(self.dropout(self.relu(self.fc1(x))))


class GoogLeNet(Net):
    """GoogLeNet; with 1000 classes 6,624,904 parameters ("torchvision") or 6,998,552 ("paper"),
    13,004,888 or 13,378,280 with both auxiliary heads.

    ``form`` sets the defaults of ``kernel5x5``, ``batch_norm``, ``dropout`` and ``pool4`` (kernel
    of the pool between 4e and 5a, 3 or 2); an option given explicitly wins. Without batch norm come
    biases, and local response normalisation in the stem. ``reduction=False`` builds all nine
    modules naively. ``small_input`` is the stem for 32 pixels: first convolution 3×3 with stride 1,
    no second pool.
    In training mode with ``aux=True`` the net returns ``Outputs(logits, aux1, aux2)``.

    Raises ValueError for an unknown ``form``, ``kernel5x5`` or ``pool4``.
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
        aux: bool = True,
    ):
        super().__init__()
        if small_input:
            self.input_size = 32
            self.cam_layer = "inception4e"  # 8 × 8; on the 4 × 4 of 5b all parts look alike
        if form not in FORMS:
            raise ValueError(f"googlenet has no form {form!r}: choose 'torchvision' or 'paper'")
        given = {
            "kernel5x5": kernel5x5,
            "batch_norm": batch_norm,
            "dropout": dropout,
            "pool4": pool4,
        }
        if pool4 not in (None, 2, 3):
            raise ValueError(f"pool4 is {pool4!r}: choose 3 (paper) or 2 (torchvision)")
        self.form = replace(FORMS[form], **{k: v for k, v in given.items() if v is not None})
        norm = self.form.batch_norm

        # Stem. Shapes at 224 pixels, and at 32 with the small stem.
        large = {"kernel_size": 7, "stride": 2, "padding": 3}
        small = {"kernel_size": 3, "stride": 1, "padding": 1}
        self.conv1 = ConvBlock(
            in_channels, 64, **(small if small_input else large), batch_norm=norm
        )  # N × 64 × 112 × 112 (32 × 32)
        self.maxpool1 = _pool(3)  # N × 64 × 56 × 56 (16 × 16)
        self.norm1 = nn.Identity() if norm else _response_norm()
        self.conv2 = ConvBlock(64, 64, 1, batch_norm=norm)
        self.conv3 = ConvBlock(64, 192, 3, padding=1, batch_norm=norm)
        self.norm2 = nn.Identity() if norm else _response_norm()
        self.maxpool2 = nn.Identity() if small_input else _pool(3)  # N × 192 × 28 × 28 (16 × 16)

        channels = 192

        def module(name: str) -> Inception:
            nonlocal channels
            made = Inception(
                channels,
                *TABLE_1[name].widths,
                kernel5x5=self.form.kernel5x5,
                batch_norm=norm,
                reduction=reduction,
            )
            channels = made.out_channels
            return made

        self.inception3a = module("3a")  # N × 256 × 28 × 28 (16 × 16)
        self.inception3b = module("3b")  # N × 480 × 28 × 28
        self.maxpool3 = _pool(3)  # N × 480 × 14 × 14 (8 × 8)
        self.inception4a = module("4a")  # N × 512 × 14 × 14, also to aux1
        self.inception4b = module("4b")  # N × 512 × 14 × 14
        self.inception4c = module("4c")  # N × 512 × 14 × 14
        self.inception4d = module("4d")  # N × 528 × 14 × 14, also to aux2
        self.inception4e = module("4e")  # N × 832 × 14 × 14
        self.maxpool4 = _pool(self.form.pool4)  # N × 832 × 7 × 7 (4 × 4)
        self.inception5a = module("5a")  # N × 832 × 7 × 7
        self.inception5b = module("5b")  # N × 1024 × 7 × 7
        self.avgpool = nn.AdaptiveAvgPool2d(1)  # N × 1024 × 1 × 1
        self.dropout = nn.Dropout(self.form.dropout)
        self.fc = nn.Linear(channels, num_classes)
        he_init(self, last="fc", mode="fan_out" if norm else "fan_in")
        self.set_aux(num_classes if aux else None)

    def set_aux(self, num_classes: int | None) -> None:
        """Put fresh auxiliary heads behind 4a and 4d; None takes them away."""
        self.aux1 = self.aux2 = None
        if num_classes is not None:
            self.aux1 = AuxHead(self.inception4a.out_channels, num_classes, self.form)
            self.aux2 = AuxHead(self.inception4d.out_channels, num_classes, self.form)

    def _trunk(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Images → the pooled vector, and the maps of 4a and 4d for the auxiliary heads."""
        x = self.norm1(self.maxpool1(self.conv1(x)))
        x = self.maxpool2(self.norm2(self.conv3(self.conv2(x))))
        x = self.maxpool3(self.inception3b(self.inception3a(x)))
        map4a = self.inception4a(x)
        map4d = self.inception4d(self.inception4c(self.inception4b(map4a)))
        x = self.maxpool4(self.inception4e(map4d))
        x = self.inception5b(self.inception5a(x))
        return self.avgpool(x).flatten(1), map4a, map4d

    def forward_features(self, x: Tensor) -> Tensor:
        """[N, C, H, W] → [N, 1024]"""
        return self._trunk(x)[0]

    def forward_head(self, features: Tensor) -> Tensor:
        """[N, 1024] → logits [N, num_classes]"""
        return self.fc(self.dropout(features))

    def forward(self, x: Tensor) -> Tensor | Outputs:
        features, map4a, map4d = self._trunk(x)
        logits = self.forward_head(features)
        if self.training and self.aux1 is not None:
            return Outputs(logits, self.aux1(map4a), self.aux2(map4d))
        return logits


def _pool(kernel: int) -> nn.MaxPool2d:
    return nn.MaxPool2d(kernel, stride=2, ceil_mode=True)


def _response_norm() -> nn.LocalResponseNorm:
    """The paper names no constants; these are those of Caffe's bvlc_googlenet."""
    return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)

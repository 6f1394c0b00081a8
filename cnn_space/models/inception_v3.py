"""Inception v3: Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, "Rethinking the Inception architecture
for computer vision", CVPR 2016, table 1. Its modules are in `inception_v3_modules`.
"""

from torch import Tensor, nn

from .blocks import ConvBlock
from .inception_v3_modules import (
    InceptionA,
    InceptionAux,
    InceptionB,
    InceptionC,
    ReductionA,
    ReductionB,
)
from .net import Net, he_init
from .outputs import Outputs


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
        # the rows of table 1
        self.Conv2d_1a_3x3 = ConvBlock(in_channels, 32, 3, stride=2)  # conv 3×3/2
        self.Conv2d_2a_3x3 = ConvBlock(32, 32, 3)  # conv 3×3/1
        self.Conv2d_2b_3x3 = ConvBlock(32, 64, 3, padding=1)  # conv padded 3×3/1
        self.maxpool1 = nn.MaxPool2d(3, stride=2)  # pool 3×3/2
        self.Conv2d_3b_1x1 = ConvBlock(64, 80, 1)  # 1×1 where the table has conv 3×3/1
        self.Conv2d_4a_3x3 = ConvBlock(80, 192, 3)  # stride 1 where the table has conv 3×3/2
        self.maxpool2 = nn.MaxPool2d(3, stride=2)  # where the table has conv 3×3/1
        self.Mixed_5b = InceptionA(192, pool_width=32)  # 3×Inception, figure 5
        self.Mixed_5c = InceptionA(256, pool_width=64)
        self.Mixed_5d = InceptionA(288, pool_width=64)
        self.Mixed_6a = ReductionA(288)
        self.Mixed_6b = InceptionB(768, width=128)  # 5×Inception, figure 6
        self.Mixed_6c = InceptionB(768, width=160)
        self.Mixed_6d = InceptionB(768, width=160)
        self.Mixed_6e = InceptionB(768, width=192)
        self.Mixed_7a = ReductionB(768)
        self.Mixed_7b = InceptionC(1280)  # 2×Inception, figure 7
        self.Mixed_7c = InceptionC(2048)
        self.avgpool = nn.AdaptiveAvgPool2d(1)  # pool 8×8
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(2048, num_classes)  # linear
        he_init(self, last="fc", mode="fan_out")
        self.set_aux(num_classes if aux else None)

    def set_aux(self, num_classes: int | None) -> None:
        """Put a fresh auxiliary head behind Mixed_6e; None takes it away."""
        self.AuxLogits = None if num_classes is None else InceptionAux(768, num_classes)

    # In two parts, because the auxiliary head reads the map of Mixed_6e.

    def _images_to_6e(self, x: Tensor) -> Tensor:
        x = self.Conv2d_1a_3x3(x)  # N × 32 × 149 × 149
        x = self.Conv2d_2a_3x3(x)  # N × 32 × 147 × 147
        x = self.Conv2d_2b_3x3(x)  # N × 64 × 147 × 147
        x = self.maxpool1(x)  # N × 64 × 73 × 73
        x = self.Conv2d_3b_1x1(x)  # N × 80 × 73 × 73
        x = self.Conv2d_4a_3x3(x)  # N × 192 × 71 × 71
        x = self.maxpool2(x)  # N × 192 × 35 × 35
        x = self.Mixed_5b(x)  # N × 256 × 35 × 35
        x = self.Mixed_5c(x)  # N × 288 × 35 × 35
        x = self.Mixed_5d(x)  # N × 288 × 35 × 35
        x = self.Mixed_6a(x)  # N × 768 × 17 × 17
        x = self.Mixed_6b(x)  # N × 768 × 17 × 17
        x = self.Mixed_6c(x)  # N × 768 × 17 × 17
        x = self.Mixed_6d(x)  # N × 768 × 17 × 17
        return self.Mixed_6e(x)  # N × 768 × 17 × 17

    def _6e_to_vector(self, x: Tensor) -> Tensor:
        x = self.Mixed_7a(x)  # N × 1280 × 8 × 8
        x = self.Mixed_7b(x)  # N × 2048 × 8 × 8
        x = self.Mixed_7c(x)  # N × 2048 × 8 × 8
        x = self.avgpool(x)  # N × 2048 × 1 × 1
        return x.flatten(1)  # N × 2048

    def forward_features(self, x: Tensor) -> Tensor:
        """[N, C, H, W] → [N, 2048]"""
        x = self._images_to_6e(x)
        return self._6e_to_vector(x)

    def forward_head(self, features: Tensor) -> Tensor:
        """[N, 2048] → logits [N, num_classes]"""
        x = self.dropout(features)
        return self.fc(x)

    def forward(self, x: Tensor) -> Tensor | Outputs:
        map6e = self._images_to_6e(x)  # N × 768 × 17 × 17
        features = self._6e_to_vector(map6e)  # N × 2048
        logits = self.forward_head(features)  # N × num_classes
        if self.training and self.AuxLogits is not None:
            return Outputs(logits, self.AuxLogits(map6e))
        return logits

"""VGG: Simonyan, Zisserman, "Very deep convolutional networks for large-scale image recognition",
ICLR 2015, table 1: configurations A (11 layers), B (13), D (16) and E (19).

Batch norm came later and is an option. So is a pooled head (after Lin et al., NIN), which does
without the fully connected layers and takes 32-pixel images.
"""

from torch import Tensor, nn

from .net import Net, he_init

# table 1: 3×3 convolutions in each of the five stages
STAGES = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


class VGG(Net):
    """VGG of ``depth`` 11, 13, 16 or 19; VGG-16 has 138,357,544 parameters with 1000 classes.

    ``head``: "fc", the paper's three fully connected layers, or "gap", global average pooling and
    one linear layer (14,719,818 parameters for VGG-16 with 10 classes). Where none is given,
    ``small_input`` chooses "gap", and without it the head is "fc".
    Raises ValueError for any other head.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        *,
        depth: int,
        in_channels: int = 3,
        small_input: bool = False,
        batch_norm: bool = False,
        head: str | None = None,
    ):
        super().__init__()
        if head is None:
            head = "gap" if small_input else "fc"
        if head not in ("fc", "gap"):
            raise ValueError(f"vgg has no head {head!r}: choose 'fc' or 'gap'")
        if small_input or head == "gap":
            self.input_size = 32
        n1, n2, n3, n4, n5 = STAGES[depth]
        first_stages = [
            *_stage(in_channels, 64, n1, batch_norm),  # N × 64 × 112 × 112
            *_stage(64, 128, n2, batch_norm),  # N × 128 × 56 × 56
            *_stage(128, 256, n3, batch_norm),  # N × 256 × 28 × 28
            *_stage(256, 512, n4, batch_norm),  # N × 512 × 14 × 14
        ]
        last_stage = _stage(512, 512, n5, batch_norm)  # N × 512 × 7 × 7
        self.features = nn.Sequential(*first_stages, *last_stage)
        self.top_layer = f"features.{len(first_stages)}"
        self.cam_layer = f"features.{len(self.features) - 2}"  # the last ReLU, before the pool
        if head == "gap":
            self.avgpool = nn.AdaptiveAvgPool2d(1)  # N × 512 × 1 × 1
            self.classifier = nn.Sequential(nn.Linear(512, num_classes))
        else:
            self.avgpool = nn.AdaptiveAvgPool2d(7)  # N × 512 × 7 × 7, as it is at 224 pixels
            self.classifier = nn.Sequential(
                nn.Linear(512 * 7 * 7, 4096),
                nn.ReLU(),
                nn.Dropout(0.5),
                nn.Linear(4096, 4096),
                nn.ReLU(),
                nn.Dropout(0.5),
                nn.Linear(4096, num_classes),
            )
        self.head_layer = f"classifier.{len(self.classifier) - 1}"
        he_init(self, last=self.head_layer, mode="fan_out" if batch_norm else "fan_in")

    def forward_features(self, x: Tensor) -> Tensor:
        """[N, C, H, W] → [N, 4096]; pooled head [N, 512]"""
        x = self.features(x)  # N × 512 × 7 × 7
        x = self.avgpool(x)  # N × 512 × 7 × 7 (pooled head 1 × 1)
        x = x.flatten(1)  # N × 25088 (512)
        return self.classifier[:-2](x)  # N × 4096 (512)

    def forward_head(self, features: Tensor) -> Tensor:
        """[N, 4096] or [N, 512] → logits [N, num_classes]; the last dropout belongs to the head."""
        return self.classifier[-2:](features)


def _stage(in_channels: int, width: int, convolutions: int, batch_norm: bool) -> list[nn.Module]:
    """3×3 convolutions, closed by a pool that halves the map:
    N × in_channels × H × W → N × width × H/2 × W/2."""
    layers: list[nn.Module] = []
    for _ in range(convolutions):
        layers.append(nn.Conv2d(in_channels, width, 3, padding=1))
        if batch_norm:
            layers.append(nn.BatchNorm2d(width))
        layers.append(nn.ReLU())
        in_channels = width
    layers.append(nn.MaxPool2d(2))
    return layers

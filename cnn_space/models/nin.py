"""Network in Network: Lin, Chen, Yan, "Network in network", ICLR 2014, section 3 and figure 2, with
the widths of the authors' released CIFAR-10 net.

Every convolution is followed by two 1×1 convolutions, a small perceptron slid over the map: the
three make an mlpconv layer (equation 2). The last one gives one map a class, which global average
pooling turns into a logit. The released net also puts a ReLU on these class maps. It is left out
here: a class whose map is negative everywhere would get no gradient and never come back, as happens
with a fresh head on few images.
"""

from torch import Tensor, nn

from .net import Net, he_init


class NIN(Net):
    """NIN for 32-pixel images; 966,986 parameters with 10 classes.

    ``small_input`` changes nothing: the net is made for images of that size.
    """

    head_layer = "classifier"
    cam_layer = "features.19"
    top_layer = "features.16"
    input_size = 32

    def __init__(self, num_classes: int = 10, *, in_channels: int = 3, small_input: bool = False):
        super().__init__()
        # ceil_mode, as in Caffe, where the net was made: 32 → 16 → 8
        self.features = nn.Sequential(
            # mlpconv 1
            nn.Conv2d(in_channels, 192, 5, padding=2),  # N × 192 × 32 × 32
            nn.ReLU(),
            nn.Conv2d(192, 160, 1),  # N × 160 × 32 × 32
            nn.ReLU(),
            nn.Conv2d(160, 96, 1),  # N × 96 × 32 × 32
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),  # N × 96 × 16 × 16
            nn.Dropout(0.5),
            # mlpconv 2
            nn.Conv2d(96, 192, 5, padding=2),  # N × 192 × 16 × 16
            nn.ReLU(),
            nn.Conv2d(192, 192, 1),  # N × 192 × 16 × 16
            nn.ReLU(),
            nn.Conv2d(192, 192, 1),  # N × 192 × 16 × 16
            nn.ReLU(),
            nn.AvgPool2d(3, stride=2, ceil_mode=True),  # N × 192 × 8 × 8
            nn.Dropout(0.5),
            # mlpconv 3; its last convolution is the classifier
            nn.Conv2d(192, 192, 3, padding=1),  # N × 192 × 8 × 8
            nn.ReLU(),
            nn.Conv2d(192, 192, 1),  # N × 192 × 8 × 8
            nn.ReLU(),
        )
        self.classifier = nn.Conv2d(192, num_classes, 1)  # N × num_classes × 8 × 8
        self.avgpool = nn.AdaptiveAvgPool2d(1)  # N × num_classes × 1 × 1
        he_init(self, last=self.head_layer)

    def forward_features(self, x: Tensor) -> Tensor:
        """[N, C, 32, 32] → [N, 192, 8, 8]"""
        return self.features(x)

    def forward_head(self, features: Tensor) -> Tensor:
        """[N, 192, 8, 8] → logits [N, num_classes]"""
        x = self.classifier(features)  # N × num_classes × 8 × 8: one map a class
        x = self.avgpool(x)  # N × num_classes × 1 × 1
        return x.flatten(1)  # N × num_classes

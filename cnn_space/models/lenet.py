"""LeNet-5: LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document
recognition", Proceedings of the IEEE 1998, section II.B and figure 2.

The layer sizes are the paper's. As in almost all of today's versions, ReLU stands for the scaled
tanh, max pooling for the trainable subsampling, the second convolution sees all six maps (the
paper's table I leaves some out), and a linear layer stands for the radial basis functions.
"""

from torch import Tensor, nn

from .net import Net, he_init


class LeNet5(Net):
    """LeNet-5 for 32-pixel images; 62,006 parameters with 3 channels and 10 classes.

    ``small_input`` changes nothing: the net is made for images of that size.
    """

    head_layer = "classifier.4"
    cam_layer = "features.4"
    top_layer = "features.3"
    input_size = 32

    def __init__(self, num_classes: int = 10, *, in_channels: int = 3, small_input: bool = False):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 6, 5),  # C1: N × 6 × 28 × 28
            nn.ReLU(),
            nn.MaxPool2d(2),  # S2: N × 6 × 14 × 14
            nn.Conv2d(6, 16, 5),  # C3: N × 16 × 10 × 10
            nn.ReLU(),
            nn.MaxPool2d(2),  # S4: N × 16 × 5 × 5
        )
        self.avgpool = nn.AdaptiveAvgPool2d(5)  # changes nothing at 32 pixels
        self.classifier = nn.Sequential(
            nn.Linear(16 * 5 * 5, 120),  # C5, a convolution over the whole map in the paper
            nn.ReLU(),
            nn.Linear(120, 84),  # F6
            nn.ReLU(),
            nn.Linear(84, num_classes),
        )
        he_init(self, last=self.head_layer)

    def forward_features(self, x: Tensor) -> Tensor:
        """[N, C, H, W] → [N, 84]"""
        x = self.features(x)  # N × 16 × 5 × 5
        x = self.avgpool(x)  # N × 16 × 5 × 5
        x = x.flatten(1)  # N × 400
        return self.classifier[:-1](x)  # N × 84

"""AlexNet, in three forms.

- "paper": Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural
  networks", NIPS 2012, section 3.5 and figure 2. The two GPUs become two groups of channels. The
  paper's 224-pixel images give its 55 × 55 maps with a padding of 2 (227 pixels would without).
- "torchvision": the single tower of Krizhevsky, "One weird trick for parallelizing convolutional
  neural networks", 2014, as torchvision has it: 64 filters first, no normalisation.
- "cifar": its five convolutions on 32-pixel images with one linear layer behind them.
"""

from torch import Tensor, nn

from .net import Net, he_init


class AlexNet(Net):
    """AlexNet: 61,100,840 parameters ("torchvision"), 60,965,224 ("paper"), 1000 classes;
    2,472,266 ("cifar"), 10 classes.

    ``small_input`` chooses ``form="cifar"``; without either the form is "torchvision".
    Raises ValueError for an unknown ``form``, and for ``small_input`` with another form than
    "cifar".
    """

    cam_layer = "features.11"
    top_layer = "features.6"

    def __init__(
        self,
        num_classes: int = 1000,
        *,
        in_channels: int = 3,
        small_input: bool = False,
        form: str | None = None,
    ):
        super().__init__()
        if form is None:
            form = "cifar" if small_input else "torchvision"
        _check_form(form, small_input)
        if form == "paper":
            self.features = _paper_features(in_channels)
            self.cam_layer, self.top_layer = "features.13", "features.8"
        else:
            self.features = _tower_features(in_channels, small=form == "cifar")
        if form == "cifar":
            self.input_size = 32
            self.avgpool = nn.AdaptiveAvgPool2d(1)  # N × 256 × 1 × 1
            self.classifier = nn.Sequential(nn.Linear(256, num_classes))
        else:
            self.avgpool = nn.AdaptiveAvgPool2d(6)  # N × 256 × 6 × 6, as it is at 224 pixels
            self.classifier = nn.Sequential(
                nn.Dropout(0.5),  # section 4.2: in the first two fully connected layers
                nn.Linear(256 * 6 * 6, 4096),
                nn.ReLU(),
                nn.Dropout(0.5),
                nn.Linear(4096, 4096),
                nn.ReLU(),
                nn.Linear(4096, num_classes),
            )
        self.head_layer = f"classifier.{len(self.classifier) - 1}"
        he_init(self, last=self.head_layer)

    def forward_features(self, x: Tensor) -> Tensor:
        """[N, C, H, W] → [N, 4096]; CIFAR form [N, 256]"""
        x = self.features(x)  # N × 256 × 6 × 6 (CIFAR form 1 × 1)
        x = self.avgpool(x)  # N × 256 × 6 × 6 (1 × 1)
        x = x.flatten(1)  # N × 9216 (256)
        return self.classifier[:-1](x)  # N × 4096 (256)


def _check_form(form: str, small_input: bool) -> None:
    if form not in ("torchvision", "paper", "cifar"):
        raise ValueError(f"alexnet has no form {form!r}: choose 'torchvision', 'paper' or 'cifar'")
    if small_input and form != "cifar":
        raise ValueError(
            f"alexnet's {form} form has no stem for small images: choose form='cifar', "
            "or small_input=False and images of 224 pixels"
        )


def _tower_features(in_channels: int, *, small: bool) -> nn.Sequential:
    """The single tower; shapes at 224 pixels, and at 32 in the CIFAR form."""
    padding, pool = (5, 2) if small else (2, 3)
    return nn.Sequential(
        nn.Conv2d(in_channels, 64, 11, stride=4, padding=padding),  # N × 64 × 55 × 55 (8 × 8)
        nn.ReLU(),
        nn.MaxPool2d(pool, stride=2),  # N × 64 × 27 × 27 (4 × 4)
        nn.Conv2d(64, 192, 5, padding=2),  # N × 192 × 27 × 27 (4 × 4)
        nn.ReLU(),
        nn.MaxPool2d(pool, stride=2),  # N × 192 × 13 × 13 (2 × 2)
        nn.Conv2d(192, 384, 3, padding=1),  # N × 384 × 13 × 13 (2 × 2)
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1),  # N × 256 × 13 × 13 (2 × 2)
        nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1),  # N × 256 × 13 × 13 (2 × 2)
        nn.ReLU(),
        nn.MaxPool2d(pool, stride=2),  # N × 256 × 6 × 6 (1 × 1)
    )


def _paper_features(in_channels: int) -> nn.Sequential:
    """Section 3.5; a group is what one of the two GPUs held."""
    return nn.Sequential(
        nn.Conv2d(in_channels, 96, 11, stride=4, padding=2),  # N × 96 × 55 × 55
        nn.ReLU(),
        _response_norm(),
        nn.MaxPool2d(3, stride=2),  # N × 96 × 27 × 27
        nn.Conv2d(96, 256, 5, padding=2, groups=2),  # N × 256 × 27 × 27
        nn.ReLU(),
        _response_norm(),
        nn.MaxPool2d(3, stride=2),  # N × 256 × 13 × 13
        nn.Conv2d(256, 384, 3, padding=1),  # N × 384 × 13 × 13, the one that sees both halves
        nn.ReLU(),
        nn.Conv2d(384, 384, 3, padding=1, groups=2),  # N × 384 × 13 × 13
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1, groups=2),  # N × 256 × 13 × 13
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),  # N × 256 × 6 × 6
    )


def _response_norm() -> nn.LocalResponseNorm:
    """Section 3.3: k = 2, n = 5, α = 1e-4, β = 0.75; PyTorch divides α by n, the paper does not."""
    return nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0)

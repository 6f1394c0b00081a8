"""DCGAN, tiny: a generator of handwritten digits, and the discriminator that it learns from.

Goodfellow et al., "Generative adversarial nets", 2014 (https://arxiv.org/abs/1406.2661), section 3:
two nets of opposite aims. Radford, Metz, Chintala, "Unsupervised representation learning with deep
convolutional generative adversarial networks", 2016 (https://arxiv.org/abs/1511.06434), section 3:
how convolutional nets learn so. All of its guidelines are kept:

- strided convolutions in place of pooling, transposed ones in the generator;
- batch norm in both, but not at the generator's output nor at the discriminator's input;
- no fully connected hidden layers: the generator begins with one matrix product that is read as
  maps, and the discriminator's last maps go straight into its answer;
- ReLU in the generator, tanh at its output; leaky ReLU in the discriminator, slope 0.2 (section 4);
- weights begin as N(0, 0.02²) (section 4).

Where it departs: digits have 8 × 8 grey pixels, not 64 × 64 coloured ones. So there are two
transposed convolutions, not four; 64 maps at the start, not 1,024; 32 latent numbers from N(0, 1),
not 100 from a uniform distribution; kernels of 4 × 4, which the stride divides, not of 5 × 5.

Neither is a classifier, and ``create_model`` does not know them.
"""

from torch import Tensor, nn

LATENT = 32  # numbers that a picture is made from, each drawn from N(0, 1)
SIDE = 8  # pixels of a picture
MAPS = 32  # at 4 × 4 pixels, in both nets; twice as many at 2 × 2


class Generator(nn.Module):
    """Latent vectors [N, 32] → grey pictures [N, 1, 8, 8] in -1..1; 41,665 parameters."""

    def __init__(self):
        super().__init__()
        self.project = nn.Linear(LATENT, 2 * MAPS * 2 * 2, bias=False)
        self.grow = nn.Sequential(
            nn.Unflatten(1, (2 * MAPS, 2, 2)),  # N × 64 × 2 × 2
            nn.BatchNorm2d(2 * MAPS),
            nn.ReLU(),
            nn.ConvTranspose2d(2 * MAPS, MAPS, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(MAPS),
            nn.ReLU(),  # N × 32 × 4 × 4
            nn.ConvTranspose2d(MAPS, 1, 4, stride=2, padding=1),
            nn.Tanh(),  # N × 1 × 8 × 8
        )
        _draw_weights(self)

    def forward(self, latent: Tensor) -> Tensor:
        return self.grow(self.project(latent))


class Discriminator(nn.Module):
    """Grey pictures [N, 1, 8, 8] in -1..1 → logits [N] of being real; 33,697 parameters.

    The sigmoid of the paper is part of the loss, where it loses no precision.
    """

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, MAPS, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),  # N × 32 × 4 × 4
            nn.Conv2d(MAPS, 2 * MAPS, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(2 * MAPS),
            nn.LeakyReLU(0.2),  # N × 64 × 2 × 2
            nn.Conv2d(2 * MAPS, 1, 2),  # N × 1 × 1 × 1
            nn.Flatten(0),
        )
        _draw_weights(self)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.layers(pictures)


def _draw_weights(net: nn.Module) -> None:
    """Kernels and matrices from N(0, 0.02²); batch norm stays as PyTorch has it."""
    for layer in net.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            if layer.weight.is_meta:
                return
            nn.init.normal_(layer.weight, std=0.02)

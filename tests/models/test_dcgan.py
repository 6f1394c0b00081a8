"""The tiny DCGAN: its counts by hand, its shapes, and that no list of classifiers has it."""

import pytest
import torch
from torch import nn

from cnn_space import weights
from cnn_space.models.dcgan import LATENT, SIDE, Discriminator, Generator
from cnn_space.models.registry import create_model, list_models, names


def test_the_parameters_are_those_counted_by_hand():
    matrix, norms = 32 * (64 * 2 * 2), 2 * 64 + 2 * 32
    transposed = 64 * 32 * 4 * 4 + (32 * 1 * 4 * 4 + 1)
    assert sum(p.numel() for p in Generator().parameters()) == matrix + norms + transposed == 41_665
    strided = (1 * 32 * 4 * 4 + 32) + 32 * 64 * 4 * 4 + 2 * 64
    answer = 64 * 2 * 2 + 1
    assert sum(p.numel() for p in Discriminator().parameters()) == strided + answer == 33_697


def test_latent_vectors_become_pictures_and_those_one_number_each():
    pictures = Generator()(torch.randn(5, LATENT))
    assert pictures.shape == (5, 1, SIDE, SIDE) and pictures.abs().max() <= 1
    assert Discriminator()(pictures).shape == (5,)


def test_the_guidelines_of_the_paper_are_kept():
    for net in (Generator(), Discriminator()):
        layers = [layer for layer in net.modules() if not list(layer.children())]
        assert not any("Pool" in type(layer).__name__ for layer in layers)
        kernels = [layer for layer in layers if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]
        assert all(k.stride == (2, 2) for k in kernels if k.kernel_size == (4, 4))
        drawn = torch.cat([layer.weight.flatten() for layer in kernels])
        assert drawn.std().item() == pytest.approx(0.02, rel=0.05)
        linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
        assert len(linear) == isinstance(net, Generator)  # its first layer alone
    *_, last, out = Generator().grow
    assert isinstance(last, nn.ConvTranspose2d) and isinstance(out, nn.Tanh)  # no norm between
    first, slope, *_ = Discriminator().layers
    assert isinstance(first, nn.Conv2d) and slope.negative_slope == 0.2  # no norm at the input


def test_it_is_no_classifier():
    known = {*list_models(), *names(), *(name.split(".")[0] for name in weights.list_weights())}
    assert "lenet5" in known and "dcgan" not in known
    with pytest.raises(ValueError, match="no net named 'dcgan'"):
        create_model("dcgan")

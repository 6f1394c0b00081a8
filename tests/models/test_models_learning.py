"""Nets without batch norm leave the loss of a guess, ln 10, where many never move."""

import math

import pytest
import torch
import torch.nn.functional as F

from cnn_space.models.outputs import Outputs, training_loss
from cnn_space.models.registry import create_model

STEPS = 45  # as PyTorch starts its layers, NIN needs 51 here, VGG-16 and GoogLeNet over 100


def problem(side=32, count=200):
    """Ten soft colour patterns in noise: (images [count, 3, side, side], labels [count])."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % 10
    patterns = torch.randn(10, 3, 4, 4, generator=generator)
    x = F.interpolate(patterns[labels], size=(side, side), mode="bilinear")
    return x + 0.5 * torch.randn(x.shape, generator=generator), labels


def steps_to_leave(net, side, limit=1.5):
    """Steps with warm-up and clipped gradients until the mean of ten losses is below ``limit``."""
    x, y = problem(side)
    optimiser = torch.optim.Adam(net.parameters(), lr=5e-4)
    warm_up = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(1, (step + 1) / 20))
    generator = torch.Generator().manual_seed(1)
    losses = []
    net.train()
    for step in range(STEPS):
        batch = torch.randint(0, len(x), (16,), generator=generator)
        outputs = net(x[batch].contiguous(memory_format=torch.channels_last))
        logits = outputs.logits if isinstance(outputs, Outputs) else outputs
        losses.append(F.cross_entropy(logits, y[batch]).item())
        if sum(losses[-10:]) / 10 < limit and step >= 10:
            return step
        optimiser.zero_grad()
        training_loss(outputs, y[batch], aux_weight=net.aux_weight).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        warm_up.step()
    return math.inf


@pytest.mark.parametrize(
    ("arch", "options", "side"),
    [
        ("lenet5", {}, 32),
        ("alexnet", {"form": "cifar"}, 32),
        ("nin", {}, 16),
        ("vgg16", {"head": "gap"}, 32),
        ("googlenet", {"form": "paper", "small_input": True}, 16),
    ],
)
def test_loss_leaves_ln_10(arch, options, side):
    torch.manual_seed(0)
    net = create_model(arch, 10, **options).to(memory_format=torch.channels_last)
    assert steps_to_leave(net, side) < STEPS


def test_the_initialisation_is_what_helps():
    """The same VGG-16 as PyTorch starts its layers answers alike whatever goes in."""
    torch.manual_seed(0)
    net = create_model("vgg16", 10, head="gap").eval()
    x, _ = problem()
    with torch.inference_mode():
        ours = net(x).std(dim=0).mean()
        for layer in net.modules():
            if hasattr(layer, "reset_parameters"):
                layer.reset_parameters()
        assert net(x).std(dim=0).mean() < 1e-3 * ours

"""Nets without batch norm leave the loss of a guess, ln 10, where many never move."""

import pytest
import torch
import torch.nn.functional as F

from cnn_space.models.outputs import Outputs, training_loss
from cnn_space.models.registry import create_model

# As PyTorch starts its layers, NIN needs over 26 here, VGG-16 and GoogLeNet do not move at all.
STEPS = 24


def problem(side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ten soft colour patterns in noise, one a class: (images [10, 3, side, side], labels [10])."""
    generator = torch.Generator().manual_seed(0)
    patterns = torch.randn(10, 3, 4, 4, generator=generator)
    x = F.interpolate(patterns, size=(side, side), mode="bilinear")
    x = x + 0.5 * torch.randn(x.shape, generator=generator)
    return x.contiguous(memory_format=torch.channels_last), torch.arange(10)


def learns(net, side: int, *, limit: float = 1.0, rate: float = 5e-4) -> bool:
    """Whether the loss on ten images falls below ``limit`` within STEPS steps of Adam, with a
    warm-up and clipped gradients."""
    x, y = problem(side)
    optimiser = torch.optim.Adam(net.parameters(), lr=rate)
    warm_up = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(1, (step + 1) / 5))
    net.train()
    for _ in range(STEPS):
        outputs = net(x)
        logits = outputs.logits if isinstance(outputs, Outputs) else outputs
        if F.cross_entropy(logits, y) < limit:
            return True
        optimiser.zero_grad()
        training_loss(outputs, y, aux_weight=net.aux_weight).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        warm_up.step()
    return False


@pytest.mark.parametrize(
    ("arch", "options", "side"),
    [
        ("lenet5", {}, 32),
        ("alexnet", {"small_input": True}, 32),
        ("nin", {}, 16),
        ("vgg16", {"small_input": True}, 32),
        ("googlenet", {"form": "paper", "small_input": True}, 16),
    ],
)
def test_loss_leaves_ln_10(arch, options, side):
    torch.manual_seed(0)
    net = create_model(arch, 10, **options).to(memory_format=torch.channels_last)
    assert learns(net, side)


def test_the_initialisation_is_what_helps():
    """The same VGG-16 as PyTorch starts its layers answers alike whatever goes in."""
    torch.manual_seed(0)
    net = create_model("vgg16", 10, small_input=True).eval()
    x, _ = problem(32)
    with torch.inference_mode():
        ours = net(x).std(dim=0).mean()
        for layer in net.modules():
            if hasattr(layer, "reset_parameters"):
                layer.reset_parameters()
        assert net(x).std(dim=0).mean() < 1e-3 * ours

"""The Inception module in closed form against the built one, and against the paper's table."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnn_space.costs.inception import (
    CHANNEL_LIMIT,
    NUMBERS,
    PRESETS,
    SIDE_LIMIT,
    InceptionCosts,
    chain,
)
from cnn_space.models import googlenet
from cnn_space.models.googlenet_table import KERNELS_5X5

# Weights and MACs of the paper's modules, worked out apart from this code.
KNOWN = {
    "3a": (163_328, 128.05),
    "3b": (388_096, 304.27),
    "4a": (375_552, 73.61),
    "4b": (448_512, 87.91),
    "4c": (509_440, 99.85),
    "4d": (604_672, 118.52),
    "4e": (867_328, 170.00),
    "5a": (1_042_432, 51.08),
    "5b": (1_442_816, 70.70),
}
widths = st.integers(1, 96)
modules = st.builds(
    InceptionCosts,
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    in_channels=st.integers(1, 300),
    **{name: widths for name in NUMBERS[3:]},
    kernel5x5=st.sampled_from(KERNELS_5X5),
    reduction=st.booleans(),
    batch_norm=st.booleans(),
)


def built(module: InceptionCosts) -> nn.Module:
    """The same module as a net has it, on the meta device."""
    numbers = [getattr(module, name) for name in NUMBERS[2:]]
    switches = {name: getattr(module, name) for name in ("kernel5x5", "reduction", "batch_norm")}
    with torch.device("meta"):
        return googlenet.Inception(*numbers, **switches).eval()


def measured_macs(net: nn.Module, shape: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """Half of what PyTorch's own counter says, and the output's shape."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        result = net(torch.empty(1, *shape, device="meta"))
    flops = counter.get_total_flops()
    assert flops % 2 == 0
    return flops // 2, tuple(result.shape[1:])


@settings(max_examples=100, deadline=None)
@given(modules)
def test_inception_is_the_built_module(module):
    # The net's convolutions have biases exactly where they have no batch norm.
    module = replace(module, bias=not module.batch_norm)
    net = built(module)
    assert module.parameters == sum(parameter.numel() for parameter in net.parameters())
    assert (module.macs, module.result) == measured_macs(net, module.source)
    stored = [p.numel() for name, p in net.named_parameters() if name.endswith("conv.weight")]
    assert module.total("weights") == sum(stored)


@pytest.mark.parametrize("name", KNOWN)
def test_presets(name):
    module = InceptionCosts(*PRESETS[name])
    assert (module.parameters, round(module.macs / 1e6, 2)) == KNOWN[name]


def test_naive_3a():
    naive = InceptionCosts(*PRESETS["3a"]).naive
    assert (naive.parameters, round(naive.macs / 1e6, 2)) == (387_072, 303.46)
    assert naive.result == (416, 28, 28)
    assert naive.reduced == InceptionCosts(*PRESETS["3a"])


def test_chain_is_googlenet():
    first = InceptionCosts(*PRESETS["3a"])
    assert {name: module.source for name, module in chain(first).items()} == {
        name: (channels, height, width) for name, (height, width, channels, *_) in PRESETS.items()
    }
    naive = [module.in_channels for module in chain(first.naive).values()]
    assert naive == [192, 416, 832, 1280, 1728, 2176, 2640, 3344, 4048]
    assert chain(first.naive)["5b"].result == (4944, 7, 7)
    single = replace(first, height=1, width=1)
    assert list(chain(single)) == ["3a", "3b"]  # one pixel cannot be halved
    wide = replace(first, ch1x1=CHANNEL_LIMIT)
    assert list(chain(wide)) == ["3a"]  # what it gives is more than a module takes
    assert list(chain(InceptionCosts(*PRESETS["4d"]), name="4d")) == ["4d", "4e", "5a", "5b"]


def test_terms_are_kept_apart():
    plain = InceptionCosts(*PRESETS["3a"])
    normed = replace(plain, batch_norm=True, bias=True)
    outputs = sum(c.result[0] for c in normed.layers if c.kind == "conv")
    assert normed.total("biases") == outputs
    assert normed.total("norm") == 2 * outputs
    assert normed.total("weights") == plain.parameters
    assert normed.macs == plain.macs == plain.total("multiplications")
    # Batch norm scales every value once; that is a multiplication, but no MAC.
    assert normed.total("multiplications") == plain.macs + 28 * 28 * outputs


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [0, -3, 2.5, None, "28", True, float("nan"), float("inf"), 10**9])
def test_impossible_numbers_are_named(name, value):
    numbers = dict(zip(NUMBERS, PRESETS["3a"], strict=True)) | {name: value}
    with pytest.raises(ValueError, match=f"{name} must be a whole number from 1 to"):
        InceptionCosts(**numbers)


def test_limits_are_reachable():
    largest = [SIDE_LIMIT if name in ("height", "width") else CHANNEL_LIMIT for name in NUMBERS]
    assert InceptionCosts(*largest).macs > 10**18
    assert InceptionCosts(28.0, *PRESETS["3a"][1:]) == InceptionCosts(*PRESETS["3a"])
    with pytest.raises(ValueError, match="kernel5x5 must be one of"):
        InceptionCosts(*PRESETS["3a"], kernel5x5=7)

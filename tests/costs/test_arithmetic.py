"""The closed forms against PyTorch: what a built module stores, does and gives."""

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnn_space.costs import arithmetic
from cnn_space.costs.arithmetic import (
    CHANNEL_LIMIT,
    NUMBERS,
    PRESETS,
    Field,
    Inception,
    Working,
    chain,
    output_size,
)
from cnn_space.models import googlenet

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
    Inception,
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    in_channels=st.integers(1, 300),
    **{name: widths for name in NUMBERS[3:]},
    kernel5x5=st.sampled_from(arithmetic.KERNELS_5X5),
    reduction=st.booleans(),
    batch_norm=st.booleans(),
)


def built(module: Inception) -> nn.Module:
    """The same module of the zoo, on the meta device."""
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


@settings(max_examples=500, deadline=None)
@given(modules)
def test_inception_is_the_built_module(module):
    # The zoo's convolutions have biases exactly where they have no batch norm.
    module = arithmetic.replace(module, bias=not module.batch_norm)
    net = built(module)
    assert module.parameters == sum(parameter.numel() for parameter in net.parameters())
    assert (module.macs, module.result) == measured_macs(net, module.source)
    stored = [p.numel() for name, p in net.named_parameters() if name.endswith("conv.weight")]
    assert module.total("weights") == sum(stored)


@pytest.mark.parametrize("name", KNOWN)
def test_presets(name):
    module = Inception(*PRESETS[name])
    assert (module.parameters, round(module.macs / 1e6, 2)) == KNOWN[name]
    assert googlenet.WIDTHS[name] == PRESETS[name][3:]


def test_naive_3a():
    naive = Inception(*PRESETS["3a"]).naive
    assert (naive.parameters, round(naive.macs / 1e6, 2)) == (387_072, 303.46)
    assert naive.result == (416, 28, 28)
    assert naive.reduced == Inception(*PRESETS["3a"])


def test_chain_is_googlenet():
    first = Inception(*PRESETS["3a"])
    assert {name: module.source for name, module in chain(first).items()} == {
        name: (channels, height, width) for name, (height, width, channels, *_) in PRESETS.items()
    }
    naive = [module.in_channels for module in chain(first.naive).values()]
    assert naive == [192, 416, 832, 1280, 1728, 2176, 2640, 3344, 4048]
    assert chain(first.naive)["5b"].result == (4944, 7, 7)
    single = arithmetic.replace(first, height=1, width=1)
    assert list(chain(single)) == ["3a", "3b"]  # one pixel cannot be halved
    wide = arithmetic.replace(first, ch1x1=CHANNEL_LIMIT)
    assert list(chain(wide)) == ["3a"]  # what it gives is more than a module takes
    assert list(chain(Inception(*PRESETS["4d"]), name="4d")) == ["4d", "4e", "5a", "5b"]


def test_working_reads_as_on_paper():
    before = arithmetic.conv("1×1", (480, 14, 14), 16, (1, 1))
    behind = arithmetic.conv("5×5", before.result, 48, (5, 5), padding=(2, 2))
    direct = arithmetic.conv("5×5", (480, 14, 14), 48, (5, 5), padding=(2, 2))
    assert str(direct.macs) == "14·14·48·5·5·480 = 112,896,000"
    assert str(before.macs + behind.macs) == "14·14·16·480 + 14·14·48·5·5·16 = 5,268,480"
    assert (direct.weights.value, (before.weights + behind.weights).value) == (576_000, 26_880)
    assert direct.flops.value == 2 * direct.macs.value
    assert str(Working()) == "0"


def test_terms_are_kept_apart():
    plain = Inception(*PRESETS["3a"])
    normed = arithmetic.replace(plain, batch_norm=True, bias=True)
    outputs = sum(c.result[0] for c in normed.layers if c.kind == "conv")
    assert normed.total("biases") == outputs
    assert normed.total("norm") == 2 * outputs
    assert normed.total("weights") == plain.parameters
    assert normed.macs == plain.macs == plain.total("multiplications")
    # Batch norm scales every value once; that is a multiplication, but no MAC.
    assert normed.total("multiplications") == plain.macs + 28 * 28 * outputs


@settings(max_examples=300, deadline=None)
@given(
    size=st.integers(1, 40),
    kernel=st.integers(1, 7),
    stride=st.integers(1, 4),
    padding=st.integers(0, 3),
    dilation=st.integers(1, 3),
    ceil_mode=st.booleans(),
)
def test_output_size_is_pytorchs(size, kernel, stride, padding, dilation, ceil_mode):
    assume(padding <= kernel // 2)  # PyTorch's rule for pools
    image = torch.empty(1, 1, size, size, device="meta")
    pool = nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=ceil_mode)
    rule = {"dilation": dilation, "ceil_mode": ceil_mode}
    _same(pool, image, lambda: output_size(size, kernel, stride, padding, **rule))
    conv = nn.Conv2d(1, 1, kernel, stride, padding, dilation, device="meta")
    _same(conv, image, lambda: output_size(size, kernel, stride, padding, dilation=dilation))


def _same(layer, image, ours):
    try:
        side = layer(image).shape[-1]
    except RuntimeError:
        with pytest.raises(ValueError, match="does not fit"):
            ours()
    else:
        assert ours() == side


@pytest.mark.parametrize(("size", "wanted"), [(7, 7), (14, 7), (8, 7), (1, 7), (13, 6), (5, 1)])
def test_adaptive_pool_windows(size, wanted):
    layer = arithmetic.adaptive_pool("pool", (3, size, size), (wanted, wanted))
    image = torch.zeros(1, 1, size, size, requires_grad=True)
    windows = []
    for value in nn.AdaptiveAvgPool2d(wanted)(image)[0, 0, 0]:
        (seen,) = torch.autograd.grad(value, image, retain_graph=True)
        windows.append(int((seen[0, 0].sum(0) != 0).sum()))
    assert layer.kernel == (max(windows), max(windows))
    assert layer.result == (3, wanted, wanted)


def test_field_through_layers():
    field = Field().through((3, 3), (2, 2)).through((3, 1), (1, 2), (2, 2))
    assert (field.size, field.stride) == ((11, 3), (2, 4))
    assert field.widest(Field((5, 9), (2, 2))) == Field((11, 9), (2, 4))


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [0, -3, 2.5, None, "28", True, float("nan"), float("inf"), 10**9])
def test_impossible_numbers_are_named(name, value):
    numbers = dict(zip(NUMBERS, PRESETS["3a"], strict=True)) | {name: value}
    with pytest.raises(ValueError, match=f"{name} must be a whole number from 1 to"):
        Inception(**numbers)


def test_limits_are_reachable():
    largest = [
        arithmetic.SIDE_LIMIT if name in ("height", "width") else arithmetic.CHANNEL_LIMIT
        for name in NUMBERS
    ]
    assert Inception(*largest).macs > 10**18
    assert Inception(28.0, *PRESETS["3a"][1:]) == Inception(*PRESETS["3a"])
    with pytest.raises(ValueError, match="kernel5x5 must be one of"):
        Inception(*PRESETS["3a"], kernel5x5=7)

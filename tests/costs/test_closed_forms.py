"""The closed forms of single layers against PyTorch: what a layer stores, does and gives."""

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from cnn_space.costs import closed_forms
from cnn_space.costs.closed_forms import ReceptiveField, Working, output_size


def test_working_reads_as_on_paper():
    before = closed_forms.conv("1×1", (480, 14, 14), 16, (1, 1))
    behind = closed_forms.conv("5×5", before.result, 48, (5, 5), padding=(2, 2))
    direct = closed_forms.conv("5×5", (480, 14, 14), 48, (5, 5), padding=(2, 2))
    assert str(direct.macs) == "14·14·48·5·5·480 = 112,896,000"
    assert str(before.macs + behind.macs) == "14·14·16·480 + 14·14·48·5·5·16 = 5,268,480"
    assert (direct.weights.value, (before.weights + behind.weights).value) == (576_000, 26_880)
    assert direct.flops.value == 2 * direct.macs.value
    assert str(Working()) == "0"


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
    layer = closed_forms.adaptive_pool("pool", (3, size, size), (wanted, wanted))
    image = torch.zeros(1, 1, size, size, requires_grad=True)
    windows = []
    for value in nn.AdaptiveAvgPool2d(wanted)(image)[0, 0, 0]:
        (seen,) = torch.autograd.grad(value, image, retain_graph=True)
        windows.append(int((seen[0, 0].sum(0) != 0).sum()))
    assert layer.kernel == (max(windows), max(windows))
    assert layer.result == (3, wanted, wanted)


def test_field_through_layers():
    field = ReceptiveField().through((3, 3), (2, 2)).through((3, 1), (1, 2), (2, 2))
    assert (field.size, field.stride) == ((11, 3), (2, 4))
    assert field.widest(ReceptiveField((5, 9), (2, 2))) == ReceptiveField((11, 9), (2, 4))

"""The walk of a net against independent oracles: published counts, PyTorch's counter, gradients."""

import pytest
import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnn_space.costs import walk
from cnn_space.models.registry import create_model, list_models


def meta(arch, **options):
    with torch.device("meta"):
        return create_model(arch, **options)


@pytest.mark.parametrize("arch", list_models())
def test_count_is_pytorchs(arch):
    net = meta(arch)
    parameters, macs = walk.count(net, net.input_size)
    assert parameters == sum(parameter.numel() for parameter in net.parameters())
    image = torch.empty(1, 3, net.input_size, net.input_size, device="meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net.eval()(image)
    assert 2 * macs == counter.get_total_flops()


@pytest.mark.parametrize(
    ("arch", "options", "parameters", "gmacs"),
    [
        ("vgg16", {}, 138_357_544, 15.470),
        ("alexnet", {}, 61_100_840, 0.714),
        ("googlenet", {"form": "paper", "aux": False}, 6_998_552, 1.583),
        ("googlenet", {"form": "paper", "aux": False, "reduction": False}, 97_526_008, 12.57),
        ("inception_v3", {"aux": False}, 23_834_568, 5.713),
        ("resnet50", {}, 25_557_032, 4.089),
        ("densenet121", {}, 7_978_856, 2.834),
    ],
)
def test_published_figures(arch, options, parameters, gmacs):
    net = meta(arch, **options)
    counted, macs = walk.count(net, net.input_size)
    records = walk.describe(net, net.input_size)
    assert counted == sum(record.layer.parameters.value for record in records) == parameters
    assert macs / 1e9 == pytest.approx(gmacs, abs=0.005)


def test_auxiliary_heads_are_stored_but_do_not_run():
    net = meta("googlenet")
    records = walk.describe(net, 224)
    assert walk.count(net, 224)[0] == 13_004_888
    assert sum(record.layer.parameters.value for record in records) == 6_624_904
    assert not any("aux" in record.name for record in records)
    everything = walk.describe(net, 224, auxiliary_heads=True)
    assert everything[: len(records)] == records
    assert sum(record.layer.parameters.value for record in everything) == 13_004_888
    assert all(module.training for module in net.modules())  # as it was


def test_shapes_are_those_of_a_real_forward():
    net = torchvision.models.resnet18().eval()
    seen = {}

    def remember(name):
        def hook(module, inputs, output):
            seen[name] = (tuple(inputs[0].shape[1:]), tuple(output.shape[1:]))

        return hook

    for name, module in net.named_modules():
        module.register_forward_hook(remember(name))
    with torch.no_grad():
        net(torch.zeros(1, 3, 96, 160))
    for record in walk.describe(net, (96, 160)):
        source, result = seen[record.name]
        assert record.layer.source[: len(source)] == source
        assert record.layer.result[: len(result)] == result


def test_receptive_fields_of_the_literature():
    # Araujo, Norris, Sim, "Computing receptive fields of convolutional neural networks", 2019.
    fields = {record.name: record.field for record in walk.describe(meta("vgg16"), 224)}
    assert (fields["features.30"].size, fields["features.30"].stride) == ((212, 212), (32, 32))
    fields = {record.name: record.field for record in walk.describe(meta("alexnet"), 224)}
    assert (fields["features.12"].size, fields["features.12"].stride) == ((195, 195), (32, 32))


class Branches(nn.Module):
    """Two branches of unequal reach, a skip, a dilated kernel and an uneven one."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 5, stride=2, padding=2)
        self.short = nn.Conv2d(4, 4, 1)
        self.long = nn.Conv2d(4, 4, 3, padding=2, dilation=2)
        self.pool = nn.AvgPool2d(3, 2, 1)
        self.uneven = nn.Conv2d(8, 8, (1, 7), padding=(0, 3))
        self.last = nn.Conv2d(8, 2, 3, padding=1)

    def forward(self, x):
        x = self.stem(x)
        x = self.pool(torch.cat([self.short(x), torch.relu(self.long(x)) * 1.0], dim=1))
        return self.last(x + self.uneven(x))


def test_receptive_field_is_what_the_gradient_sees():
    net = Branches()
    for parameter in net.parameters():
        nn.init.constant_(parameter, 0.01)
    image = torch.ones(1, 3, 129, 129, requires_grad=True)
    middle = net(image)[0, 0]
    height, width = middle.shape
    middle[height // 2, width // 2].backward()
    seen = image.grad[0].sum(0) != 0
    field = walk.describe(net, 129)[-1].field
    assert field.size == (int(seen.any(1).sum()), int(seen.any(0).sum()))
    assert field.stride == (4, 4)


def test_the_net_is_left_as_it_was():
    net = torchvision.models.resnet18()
    net.layer1.eval()
    before = [module.training for module in net.modules()]
    state = {name: value.clone() for name, value in net.state_dict().items()}
    walk.describe(net, 64)
    assert [module.training for module in net.modules()] == before
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


@pytest.mark.parametrize(
    ("arch", "size", "layer"),
    [
        ("vgg16", 16, "features.30"),
        ("alexnet", 32, "features.12"),
        ("lenet5", 10, "features.3"),
        ("inception_v3", 50, "Mixed_7a"),
        ("densenet121", 10, "features.transition2.pool"),
    ],
)
def test_a_too_small_image_names_the_layer(arch, size, layer):
    net = meta(arch)
    with pytest.raises(walk.SizeError, match=f"{size} × {size}.*too small") as caught:
        walk.describe(net, size)
    assert caught.value.layer.startswith(layer)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
    # The layer named is the one where PyTorch gives up as well.
    with pytest.raises(RuntimeError):
        net.eval()(torch.empty(1, 3, size, size, device="meta"))


def test_a_wrong_size_names_the_layer():
    net = nn.Sequential(nn.Conv2d(3, 6, 5), nn.Flatten(), nn.Linear(6 * 28 * 28, 10))
    assert walk.count(net, 32) == (456 + 47_050, 28 * 28 * 6 * 75 + 47_040)
    with pytest.raises(walk.SizeError, match="reaches 2 ") as caught:
        walk.describe(net, 40)
    assert caught.value.reason == "values"


def test_a_layer_that_runs_twice_is_stored_once():
    shared = nn.Conv2d(3, 3, 3, padding=1)
    records = walk.describe(nn.Sequential(shared, nn.ReLU(), shared), 8)
    assert [record.layer.parameters.value for record in records] == [84, 0]
    assert [record.layer.macs.value for record in records] == [8 * 8 * 81] * 2


class Wrapped(nn.Module):
    """A convolution and a linear layer, used as ``forward`` says."""

    def __init__(self, forward):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)
        self.run = forward

    def forward(self, x):
        return self.run(self, x)


class Scaled(nn.Module):
    """Has a parameter of its own beside a module."""

    def __init__(self):
        super().__init__()
        self.conv, self.scale = nn.Conv2d(3, 4, 3), nn.Parameter(torch.ones(4, 1, 1))

    def forward(self, x):
        return self.conv(x) * self.scale


class Padded(nn.Conv2d):
    """Pads where a Conv2d would not."""

    def forward(self, x):
        return super().forward(nn.functional.pad(x, (1, 1, 1, 1)))


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (nn.Sequential(nn.Conv2d(3, 8, 1), nn.PReLU()), "the parameters of 1, a PReLU"),
        (nn.Sequential(nn.Conv1d(3, 8, 1)), "the parameters of 0, a Conv1d"),
        (
            nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm1d(8)),
            "the parameters of 1, a BatchNorm1d",
        ),
        (
            nn.Sequential(nn.Conv2d(3, 8, 1), nn.MultiheadAttention(8, 2)),
            "the parameters of 1, a MultiheadAttention",
        ),
        (
            nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 8, 1))),
            "the parameters of 0.parametrizations.weight",
        ),
        (Scaled(), "the parameters of the net itself, a Scaled"),
        (nn.Sequential(Scaled()), "the parameters of 0, a Scaled"),
        (nn.Sequential(nn.Flatten(), nn.Linear(192, 10)), "without a Conv2d"),
        (nn.Sequential(Padded(3, 4, 3)), "for 0, a Padded 3×3: it gives"),
        (
            Wrapped(lambda net, x: net.fc(net.conv(x).flatten(2).transpose(1, 2))),
            "for fc, a Linear, on an input of 1 × 36 × 4",
        ),
        (
            Wrapped(lambda net, x: net.conv(torch.cat([x, x])).mean((2, 3))),
            "for conv, a Conv2d 3×3, on an input of 2 × 3 × 8 × 8",
        ),
        (
            Wrapped(lambda net, x: nn.functional.linear(net.conv(x).mean((2, 3)), net.fc.weight)),
            "for linear on fc.weight, outside its layer",
        ),
    ],
)
def test_what_would_be_missed_is_refused_by_name(net, message):
    with pytest.raises(ValueError) as caught:
        walk.count(net, 8)
    assert message in str(caught.value)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


@pytest.mark.parametrize(
    "name", ["mobilenet_v2", "squeezenet1_1", "shufflenet_v2_x1_0", "efficientnet_b0"]
)
def test_nets_of_others_are_counted(name):
    """Depthwise convolutions, squeeze and excitation, a convolution as the classifier."""
    with torch.device("meta"):
        net = torchvision.models.get_model(name, weights=None).eval()
    parameters, macs = walk.count(net, 64)
    records = walk.describe(net, 64)
    assert parameters == sum(record.layer.parameters.value for record in records)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(torch.empty(1, 3, 64, 64, device="meta"))
    assert 2 * macs == counter.get_total_flops()


@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_padding_by_name():
    net = nn.Sequential(
        nn.Conv2d(3, 4, 4, padding="same"),
        nn.Conv2d(4, 5, (3, 5), padding="same", dilation=2),
        nn.Conv2d(5, 6, 3, padding="valid"),
    )
    records = walk.describe(net, (9, 12))
    assert [record.layer.result for record in records] == [(4, 9, 12), (5, 9, 12), (6, 7, 10)]
    assert walk.count(net, (9, 12))[1] == sum(
        (
            9 * 12 * 4 * 3 * 4 * 4,
            9 * 12 * 5 * 4 * 3 * 5,
            7 * 10 * 6 * 5 * 3 * 3,
        )
    )
    assert records[-1].field.size == (4 + 2 * 2 + 2, 4 + 4 * 2 + 2)

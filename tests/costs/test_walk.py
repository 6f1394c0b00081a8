"""The walk of a net against independent oracles: published counts, PyTorch's counter, gradients."""

import pytest
import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnn_space.costs import walk as layers
from cnn_space.models.registry import create_model, list_models


def meta(arch, **options):
    with torch.device("meta"):
        return create_model(arch, **options)


@pytest.mark.parametrize("arch", list_models())
def test_count_is_pytorchs(arch):
    net = meta(arch)
    parameters, macs = layers.count(net, net.input_size)
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
    counted, macs = layers.count(net, net.input_size)
    records = layers.describe(net, net.input_size)
    assert counted == sum(record.layer.parameters.value for record in records) == parameters
    assert macs / 1e9 == pytest.approx(gmacs, abs=0.005)


def test_auxiliary_heads_are_stored_but_do_not_run():
    net = meta("googlenet")
    records = layers.describe(net, 224)
    assert layers.count(net, 224)[0] == 13_004_888
    assert sum(record.layer.parameters.value for record in records) == 6_624_904
    assert not any("aux" in record.name for record in records)
    everything = layers.describe(net, 224, auxiliary_heads=True)
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
    for record in layers.describe(net, (96, 160)):
        source, result = seen[record.name]
        assert record.layer.source[: len(source)] == source
        assert record.layer.result[: len(result)] == result


def test_receptive_fields_of_the_literature():
    # Araujo, Norris, Sim, "Computing receptive fields of convolutional neural networks", 2019.
    fields = {record.name: record.field for record in layers.describe(meta("vgg16"), 224)}
    assert (fields["features.30"].size, fields["features.30"].stride) == ((212, 212), (32, 32))
    fields = {record.name: record.field for record in layers.describe(meta("alexnet"), 224)}
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
    field = layers.describe(net, 129)[-1].field
    assert field.size == (int(seen.any(1).sum()), int(seen.any(0).sum()))
    assert field.stride == (4, 4)


def test_the_net_is_left_as_it_was():
    net = torchvision.models.resnet18()
    net.layer1.eval()
    before = [module.training for module in net.modules()]
    state = {name: value.clone() for name, value in net.state_dict().items()}
    layers.describe(net, 64)
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
    with pytest.raises(layers.SizeError, match=f"{size} × {size}.*too small") as caught:
        layers.describe(net, size)
    assert caught.value.layer.startswith(layer)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
    # The layer named is the one where PyTorch gives up as well.
    with pytest.raises(RuntimeError):
        net.eval()(torch.empty(1, 3, size, size, device="meta"))


def test_a_wrong_size_names_the_layer():
    net = nn.Sequential(nn.Conv2d(3, 6, 5), nn.Flatten(), nn.Linear(6 * 28 * 28, 10))
    assert layers.count(net, 32) == (456 + 47_050, 28 * 28 * 6 * 75 + 47_040)
    with pytest.raises(layers.SizeError, match="reaches 2 ") as caught:
        layers.describe(net, 40)
    assert caught.value.reason == "values"


def test_a_layer_that_runs_twice_is_stored_once():
    shared = nn.Conv2d(3, 3, 3, padding=1)
    records = layers.describe(nn.Sequential(shared, nn.ReLU(), shared), 8)
    assert [record.layer.parameters.value for record in records] == [84, 0]
    assert [record.layer.macs.value for record in records] == [8 * 8 * 81] * 2


def test_unknown_parameters_are_refused():
    net = nn.Sequential(nn.Conv2d(3, 8, 1), nn.PReLU())
    with pytest.raises(ValueError, match="no closed form for the parameters of 1"):
        layers.describe(net, 8)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net)

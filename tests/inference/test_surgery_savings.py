"""What a cut saves, against nets that are built without the part, counted by PyTorch."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnn_space import create_model
from cnn_space.inference.surgery import Surgery
from cnn_space.inference.surgery_savings import Ledger, Needs
from cnn_space.models.densenet import DenseLayer
from cnn_space.models.googlenet import Inception
from cnn_space.models.googlenet_table import TABLE_1
from cnn_space.models.inception_v3_modules import InceptionB

SMALL = {"small_input": True}
GOOGLENET = {**SMALL, "aux": False}


def meta(arch: str, **options) -> nn.Module:
    with torch.device("meta"):
        return create_model(arch, 10, **options).eval()


def counted(net: nn.Module) -> Needs:
    """The parameters of a net, and half its FLOPs as PyTorch counts them."""
    side = net.input_size
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(torch.empty(1, 3, side, side, device="meta"))
    parameters = sum(parameter.numel() for parameter in net.parameters())
    return Needs(parameters, counter.get_total_flops() // 2)


@pytest.mark.parametrize(
    "arch",
    ["lenet5", "alexnet", "nin", "vgg11", "googlenet", "inception_v3", "resnet50", "densenet121"],
)
def test_without_a_cut_all_is_needed(arch):
    net = meta(arch, **({"aux": False} if arch in ("googlenet", "inception_v3") else {}))
    assert Ledger(net, net.input_size).whole == counted(net)


class None_(nn.Module):
    """A branch that gives no channels."""

    def forward(self, x):
        return x[:, :0]


class Part(nn.Module):
    """A layer that reads a part of the channels only."""

    def __init__(self, layer: nn.Module, kept: slice):
        super().__init__()
        self.layer, self.kept = layer, kept

    def forward(self, x):
        return self.layer(x[:, self.kept])


class Zero(nn.Module):
    """A shortcut that adds nothing."""

    def forward(self, x):
        return x.new_zeros(())


CASES = {}


def case(arch: str, cuts: str, **options):
    """The function that follows builds by hand what is left after ``cuts``."""

    def keep(build):
        CASES[f"{arch} {cuts}"] = (arch, cuts, options, build)

    return keep


@case("lenet5", "features.0/2 features.3/5-6")
def _(net):
    net.features[0], net.features[3] = nn.Conv2d(3, 5, 5), nn.Conv2d(5, 14, 5)
    net.classifier[0] = nn.Linear(14 * 25, 120)


@case("vgg11", "features.4/5", batch_norm=True)
def _(net):
    net.features[4], net.features[5] = nn.Conv2d(64, 127, 3, padding=1), nn.BatchNorm2d(127)
    net.features[8] = nn.Conv2d(127, 256, 3, padding=1)


@case("vgg11", "features.18/0-1")
def _(net):
    net.features[18] = nn.Conv2d(512, 510, 3, padding=1)
    net.classifier[0] = nn.Linear(510 * 49, 4096)


@case("nin", "features.18/5")
def _(net):
    net.features[18], net.classifier = nn.Conv2d(192, 191, 1), nn.Conv2d(191, 10, 1)


@case("googlenet", "inception3a/branch3", **GOOGLENET)
def _(net):
    net.inception3a.branch3 = None_()  # of 256 channels 32
    net.inception3b = Inception(224, *TABLE_1["3b"].widths, kernel5x5=3, batch_norm=True)


@case("googlenet", "inception3b/branch4", form="paper", reduction=False, **GOOGLENET)
def _(net):
    net.inception3b.branch4 = None_()  # a pool alone hands on what it gets
    inside = net.inception3b.branch1.conv.in_channels
    narrow = net.inception4a.branch1.conv.in_channels - inside
    net.inception4a = Inception(narrow, *TABLE_1["4a"].widths, reduction=False)
    # what follows keeps its width: the pool of 4a hands on fewer channels
    for name in ("4b", "4c", "4d", "4e", "5a", "5b"):
        narrow_all(net.get_submodule(f"inception{name}"), inside)
    net.fc = nn.Linear(net.fc.in_features - inside, 10)


def narrow_all(module: nn.Module, less: int) -> None:
    """Every convolution of a naive module reads fewer channels."""
    for branch in (module.branch1, module.branch2[0], module.branch3[0]):
        conv = branch.conv
        branch.conv = nn.Conv2d(
            conv.in_channels - less, conv.out_channels, conv.kernel_size, padding=conv.padding
        )


@case("inception_v3", "Mixed_6a/pool", aux=False)
def _(net):
    net.Mixed_6a.pool = nn.Sequential(net.Mixed_6a.pool, None_())
    net.Mixed_6b = InceptionB(480, width=128)


@case("resnet18", "layer2.0/skip", **SMALL)
def _(net):
    net.layer2[0].downsample = Zero()


@case("resnet18", "layer1.0/skip", **SMALL)
def _(net):
    pass  # an identity costs nothing


@case("resnet18", "layer3.1/residual", **SMALL)
def _(net):
    net.layer3[1] = nn.ReLU()


@case("resnet18", "layer3.1/residual layer3.1/skip layer4.0/9", **SMALL)
def _(net):
    """Nothing comes out of a block without both: what reads it keeps its norm alone, and what
    came before is for nothing."""
    for name in ("conv1", "bn1", "layer1", "layer2", "layer3"):
        setattr(net, name, nn.Identity())
    conv = nn.Conv2d(511, 512, 3, padding=1, bias=False)
    net.layer4[0].conv1, net.layer4[0].bn1 = Grow(511, 4), nn.BatchNorm2d(511)
    net.layer4[0].conv2, net.layer4[0].downsample[0] = conv, Grow(512, 4)


class Grow(nn.Module):
    """As many channels of this side as a convolution gives, without weights or MACs."""

    def __init__(self, channels: int, side: int):
        super().__init__()
        self.shape = 1, channels, side, side

    def forward(self, x):
        return x.new_zeros(self.shape)


@case("resnet50", "layer2.1/7")
def _(net):
    block = net.layer2[1]
    block.conv2, block.bn2 = nn.Conv2d(128, 127, 3, padding=1, bias=False), nn.BatchNorm2d(127)
    block.conv3 = nn.Conv2d(127, 512, 1, bias=False)


DENSE = "features.denseblock2.denselayer"


@case("densenet_bc_100_12", f"{DENSE}2/input")
def _(net):
    layer = net.get_submodule(f"{DENSE}2")
    entering = net.get_submodule(f"{DENSE}1.conv1").in_channels
    layer.norm1 = Part(nn.BatchNorm2d(12), slice(entering, None))
    layer.conv1 = nn.Conv2d(12, 48, 1, bias=False)


@case("densenet_bc_100_12", f"{DENSE}14/4")
def _(net):
    block, transition = net.features.denseblock2, net.features.transition2
    block.denselayer14.conv2 = nn.Conv2d(48, 11, 3, padding=1, bias=False)
    for number in (15, 16):
        width = net.get_submodule(f"{DENSE}{number}.conv1").in_channels
        setattr(block, f"denselayer{number}", DenseLayer(width - 1, 12))
    made, width = transition.conv.out_channels, transition.conv.in_channels - 1
    transition.norm, transition.conv = nn.BatchNorm2d(width), nn.Conv2d(width, made, 1, bias=False)


@pytest.mark.parametrize("name", CASES)
def test_what_is_left_is_the_net_built_without_it(name):
    arch, cuts, options, build = CASES[name]
    net = meta(arch, **options)
    surgery = Surgery(net, net, net.input_size)
    left = surgery._ledger.without(surgery.read(cuts))
    with torch.device("meta"):
        build(net)
    assert left == counted(net.eval())


def test_groups_lose_their_own_weights_alone():
    """AlexNet's second convolution reads 48 of 96 channels, its third all 256."""
    net = meta("alexnet", form="paper")
    surgery = Surgery(net, net, 224)
    whole, left = surgery._ledger.whole, surgery._ledger.without(surgery.read("features.4/9"))
    assert whole.parameters - left.parameters == (48 * 25 + 1) + 384 * 9
    assert whole.macs - left.macs == 27 * 27 * 48 * 25 + 13 * 13 * 384 * 9


def test_a_channel_that_is_off_twice_is_saved_once():
    net = meta("googlenet", **GOOGLENET)
    surgery = Surgery(net, net, 32)

    def left(text: str) -> Needs:
        return surgery._ledger.without(surgery.read(text))

    assert left("inception3a/branch1 inception3a/3") == left("inception3a/branch1")
    assert left("inception3a/0-63") == left("inception3a/branch1")
    assert left("") == surgery._ledger.whole

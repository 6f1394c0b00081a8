"""Our nets against torchvision's: the same names, the same logits, and faults that show."""

import copy

import pytest
import torch
from oracles import difference, images, torchvision_net
from torch import nn

from cnn_space.models.registry import create_model

# name at torchvision, side of the images (as small as the net permits), our arch and options
NETS = [
    ("alexnet", 224, "alexnet", {}),
    *[(f"vgg{depth}", 64, f"vgg{depth}", {}) for depth in (11, 13, 16, 19)],
    *[(f"vgg{depth}_bn", 64, f"vgg{depth}", {"batch_norm": True}) for depth in (11, 13, 16, 19)],
    ("googlenet", 224, "googlenet", {}),
    ("inception_v3", 299, "inception_v3", {}),
    *[(f"resnet{depth}", 96, f"resnet{depth}", {}) for depth in (18, 34, 50, 101, 152)],
    *[(f"densenet{n}", 96, f"densenet{n}", {}) for n in (121, 161, 169, 201)],
]
TOLERANCE = 1e-5  # of the logits' standard deviation


def ours_like(reference: nn.Module, arch: str, **options) -> nn.Module:
    """Our net with the very tensors of the reference, every one of them named alike."""
    with torch.device("meta"):
        net = create_model(arch, **options)
    net.load_state_dict(reference.state_dict(), strict=True, assign=True)
    return net.eval()


def wrong_pool(net: nn.Module) -> None:
    """The first pool takes the mean."""
    name, pool = next((n, m) for n, m in net.named_modules() if isinstance(m, nn.MaxPool2d))
    mean = nn.AvgPool2d(pool.kernel_size, pool.stride, pool.padding, ceil_mode=pool.ceil_mode)
    net.set_submodule(name, mean)


def wrong_last_pool(net: nn.Module) -> None:
    """The last max pool looks at one pixel less a side, or more."""
    pool = [m for m in net.modules() if isinstance(m, nn.MaxPool2d) and m.stride != 1][-1]
    pool.kernel_size = {2: 1, 3: 2}[pool.kernel_size]


def wrong_eps(net: nn.Module) -> None:
    """Batch norm with the other eps in use."""
    for norm in [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]:
        norm.eps = 1e-5 if norm.eps == 1e-3 else 1e-3


def wrong_one_eps(net: nn.Module) -> None:
    """The same in a single layer, the last."""
    norm = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)][-1]
    norm.eps = 1e-5 if norm.eps == 1e-3 else 1e-3


def wrong_rounding(net: nn.Module) -> None:
    """Pools that round down."""
    for pool in [m for m in net.modules() if isinstance(m, nn.MaxPool2d)]:
        pool.ceil_mode = False


def wrong_border(net: nn.Module) -> None:
    """Mean pools that leave the padding out of the mean."""
    for pool in [m for m in net.modules() if isinstance(m, nn.AvgPool2d)]:
        pool.count_include_pad = False


def faults(name: str) -> list:
    planted = [wrong_pool]
    if name.startswith(("vgg", "alexnet", "googlenet")):
        planted.append(wrong_last_pool)
    if name.endswith("_bn") or name.startswith(("googlenet", "inception", "resnet", "densenet")):
        planted += [wrong_eps, wrong_one_eps]
    if name == "googlenet":
        planted.append(wrong_rounding)
    if name == "inception_v3":
        planted.append(wrong_border)
    return planted


@pytest.mark.parametrize(("name", "side", "arch", "options"), NETS, ids=[n[0] for n in NETS])
@torch.no_grad()
def test_same_names_and_logits(name, side, arch, options):
    if arch in ("googlenet", "inception_v3"):
        reference = torchvision_net(name, side, aux_logits=False)
        options = {**options, "aux": False}
    else:
        reference = torchvision_net(name, side)
    net = ours_like(reference, arch, **options)
    x = images(2, side)
    expected = reference(x)
    assert difference(net(x), expected) <= TOLERANCE
    for plant in faults(name):
        # a copy of all but the tensors, of which VGG has half a gigabyte
        faulty = copy.deepcopy(net, {id(t): t for t in (*net.parameters(), *net.buffers())})
        plant(faulty)
        assert difference(faulty(x), expected) > 10 * TOLERANCE, f"{plant.__doc__} goes unseen"


@pytest.mark.parametrize(("name", "side"), [("googlenet", 224), ("inception_v3", 299)])
@torch.no_grad()
def test_auxiliary_heads(name, side):
    """All three outputs of training mode, with the batch norms fixed and nothing dropped."""
    reference = torchvision_net(name, side, aux_logits=True)
    net = ours_like(reference, name)
    for model in (reference, net):
        model.train()
        for layer in model.modules():
            if isinstance(layer, nn.BatchNorm2d | nn.Dropout):
                layer.eval()
    x = images(2, side)
    expected, outputs = reference(x), net(x)
    assert difference(outputs.logits, expected.logits) <= TOLERANCE
    if name == "googlenet":
        assert difference(outputs.aux1, expected.aux_logits1) <= TOLERANCE
        assert difference(outputs.aux2, expected.aux_logits2) <= TOLERANCE
        assert difference(outputs.aux1, expected.aux_logits2) > 10 * TOLERANCE
    else:
        assert difference(outputs.aux1, expected.aux_logits) <= TOLERANCE
        assert outputs.aux2 is None
    assert isinstance(net.eval()(x), torch.Tensor)


def test_names_must_match_both_ways():
    """strict=True is what proves the names: a missing or a foreign one is an error."""
    reference = torchvision_net("resnet18", 64)
    state = reference.state_dict()
    state["layer5.0.conv1.weight"] = state.pop("layer4.0.conv1.weight")
    with pytest.raises(RuntimeError, match=r"layer4\.0\.conv1\.weight"):
        create_model("resnet18").load_state_dict(state, strict=True)

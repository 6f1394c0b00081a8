"""Parameter counts, to the last digit, and the module that GoogLeNet is made of."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from cnn_space.models.googlenet import Inception
from cnn_space.models.googlenet_table import TABLE_1
from cnn_space.models.registry import create_model, list_models

COUNTS = [
    ("lenet5", 10, {}, 62_006),
    ("alexnet", 1000, {"form": "paper"}, 60_965_224),
    ("alexnet", 1000, {}, 61_100_840),
    ("alexnet", 10, {"form": "cifar"}, 2_472_266),
    ("nin", 10, {}, 966_986),
    ("vgg11", 1000, {}, 132_863_336),
    ("vgg13", 1000, {}, 133_047_848),
    ("vgg16", 1000, {}, 138_357_544),
    ("vgg19", 1000, {}, 143_667_240),
    ("vgg16", 1000, {"batch_norm": True}, 138_365_992),
    ("vgg19", 1000, {"batch_norm": True}, 143_678_248),
    ("vgg16", 10, {"head": "gap"}, 14_719_818),
    ("googlenet", 1000, {"form": "paper", "aux": False}, 6_998_552),
    ("googlenet", 1000, {"form": "paper"}, 13_378_280),
    ("googlenet", 1000, {"aux": False}, 6_624_904),
    ("googlenet", 1000, {}, 13_004_888),
    ("googlenet", 10, {"small_input": True, "aux": False}, 5_602_474),
    # 4 × 4 × 1024 → 1024 more: 16,778,240
    ("googlenet", 10, {"small_input": True, "head": "fc", "aux": False}, 22_380_714),
    # 7 × 7 × 1024 → 1024 more: 51,381,248
    ("googlenet", 1000, {"head": "fc", "aux": False}, 58_006_152),
    ("googlenet", 1000, {"form": "paper", "reduction": False, "aux": False}, 97_526_008),
    (
        "googlenet",
        1000,
        {"form": "paper", "reduction": False, "batch_norm": True, "aux": False},
        97_531_080,
    ),
    ("inception_v3", 1000, {"aux": False}, 23_834_568),
    ("inception_v3", 1000, {}, 27_161_264),
    ("resnet18", 1000, {}, 11_689_512),
    # without the three projections: 8,448 + 33,280 + 132,096
    ("resnet18", 1000, {"shortcuts": False}, 11_515_688),
    ("resnet34", 1000, {}, 21_797_672),
    ("resnet50", 1000, {}, 25_557_032),
    ("resnet101", 1000, {}, 44_549_160),
    ("resnet152", 1000, {}, 60_192_808),
    ("densenet121", 1000, {}, 7_978_856),
    ("densenet161", 1000, {}, 28_681_000),
    ("densenet169", 1000, {}, 14_149_480),
    ("densenet201", 1000, {}, 20_013_928),
    ("densenet_bc_100_12", 10, {}, 769_162),
]


def parameters(net):
    return sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize(("arch", "classes", "options", "expected"), COUNTS)
def test_parameters(arch, classes, options, expected):
    with torch.device("meta"):
        net = create_model(arch, classes, **options)
    assert parameters(net) == expected


def test_every_net_is_counted():
    assert {arch for arch, *_ in COUNTS} == set(list_models())


def test_alexnet_paper_parts():
    """Section 3.5 gives the sizes: 2,334,080 convolutional, 58,631,144 fully connected."""
    with torch.device("meta"):
        net = create_model("alexnet", form="paper")
    assert parameters(net.features) == 2_334_080
    assert parameters(net.classifier) == 58_631_144


@pytest.mark.parametrize(
    ("name", "channels", "side", "weights", "megamacs"),
    [
        ("3a", 192, 28, 163_328, 128.05),
        ("3b", 256, 28, 388_096, 304.27),
        ("4a", 480, 14, 375_552, 73.61),
        ("4b", 512, 14, 448_512, 87.91),
        ("4c", 512, 14, 509_440, 99.85),
        ("4d", 512, 14, 604_672, 118.52),
        ("4e", 528, 14, 867_328, 170.00),
        ("5a", 832, 7, 1_042_432, 51.08),
        ("5b", 832, 7, 1_442_816, 70.70),
    ],
)
def test_inception_modules(name, channels, side, weights, megamacs):
    with torch.device("meta"):
        module = Inception(channels, *TABLE_1[name].widths)
        image = torch.empty(1, channels, side, side)
        with FlopCounterMode(display=False) as counter:
            output = module(image)
    assert sum(p.numel() for p in module.parameters() if p.dim() == 4) == weights
    assert counter.get_total_flops() / 2e6 == pytest.approx(megamacs, abs=0.005)
    assert output.shape == (1, module.out_channels, side, side)


def test_naive_chain():
    """Naive modules hand their input on whole, so the widths add up."""
    with torch.device("meta"):
        net = create_model("googlenet", form="paper", reduction=False)
    modules = [getattr(net, f"inception{name}") for name in TABLE_1]
    chain = [416, 832, 1280, 1728, 2176, 2640, 3344, 4048, 4944]
    assert [module.out_channels for module in modules] == chain


@pytest.mark.parametrize(("kernel", "weights"), [(5, 25), (3, 9), ("3+3", 9 + 9 * 2)])
def test_kernel5x5(kernel, weights):
    """Weights of the third branch, 4 → 8 channels behind a 1×1; a second 3×3 is 8 → 8."""
    module = Inception(16, 1, 1, 1, 4, 8, 1, kernel5x5=kernel)
    convolutions = sum(p.numel() for p in module.branch3.parameters() if p.dim() == 4)
    assert convolutions == 16 * 4 + weights * 4 * 8
    assert module(torch.zeros(1, 16, 6, 6)).shape == (1, module.out_channels, 6, 6)

"""The package's own nets and torchvision's, read from their sources, are what they are."""

import importlib.util
from pathlib import Path

import pytest

from cnn_space.checking.checker import check
from cnn_space.models import registry

OWN = Path(registry.__file__).parent
TORCHVISION = Path(importlib.util.find_spec("torchvision").origin).parent / "models"

# file, what makes the net, its arguments, the net it is, its parameters with auxiliary heads
OWN_NETS = [
    ("lenet", None, {}, "lenet5", {}, 62_006),
    ("alexnet", None, {}, "alexnet", {}, 61_100_840),
    ("alexnet", None, {"form": "'paper'"}, "alexnet", {"form": "paper"}, 60_965_224),
    ("nin", None, {}, "nin", {}, 966_986),
    ("vgg", None, {"depth": 11}, "vgg11", {}, 132_863_336),
    ("vgg", None, {"depth": 13, "batch_norm": True}, "vgg13", {"batch_norm": True}, 133_053_736),
    ("googlenet", None, {}, "googlenet", {}, 13_004_888),
    ("googlenet", None, {"form": "'paper'"}, "googlenet", {"form": "paper"}, 13_378_280),
    ("resnet", None, {"depth": 18}, "resnet18", {}, 11_689_512),
    ("densenet", None, {"configuration": "'121'"}, "densenet121", {}, 7_978_856),
    ("inception_v3", None, {}, "inception_v3", {}, 27_161_264),
]
TORCHVISION_NETS = [
    ("alexnet", None, "alexnet", 61_100_840),
    ("vgg", "vgg16_bn", "vgg16", 138_365_992),
    ("googlenet", None, "googlenet", 13_004_888),
    ("resnet", None, "resnet18", 11_689_512),
    ("resnet", "resnet50", "resnet50", 25_557_032),
    ("densenet", None, "densenet121", 7_978_856),
    ("inception", None, "inception_v3", 27_161_264),
]


@pytest.mark.parametrize(("file", "name", "arguments", "arch", "options", "parameters"), OWN_NETS)
def test_own_nets_are_named(file, name, arguments, arch, options, parameters):
    report = check(OWN / f"{file}.py", name=name, arguments=arguments)
    assert report.problems == ()
    assert report.not_understood == ()
    assert report.complete
    assert report.parameters == parameters
    assert (report.nearest.name, report.nearest.options, report.nearest.same) == (
        arch,
        options,
        True,
    )


@pytest.mark.parametrize(("file", "name", "arch", "parameters"), TORCHVISION_NETS)
def test_torchvisions_nets_are_named(file, name, arch, parameters):
    report = check(TORCHVISION / f"{file}.py", name=name)
    assert report.problems == ()
    assert report.complete
    assert report.parameters == parameters
    assert (report.nearest.name, report.nearest.same) == (arch, True)


def test_without_heads_it_is_the_option_that_leaves_them_out():
    report = check(TORCHVISION / "googlenet.py", arguments={"aux_logits": False})
    assert report.parameters == 6_624_904
    assert report.nearest.same
    assert report.nearest.options == {"aux": False}


def test_classes_and_channels_may_differ():
    report = check(OWN / "resnet.py", arguments={"depth": 34, "num_classes": 7, "in_channels": 1})
    assert report.nearest.same
    assert report.nearest.name == "resnet34"
    assert report.output_shape == (7,)
    assert report.input_shape == (1, 224, 224)

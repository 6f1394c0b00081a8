"""create_model, input_size, replace_head and training_loss: what goes in, what comes out."""

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnn_space.models.heads import replace_head
from cnn_space.models.outputs import Outputs, training_loss
from cnn_space.models.registry import create_model, input_size


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"arch": "googlenett"}, "did you mean googlenet"),
        ({"arch": "ResNet-18"}, "did you mean resnet18"),
        ({"arch": "?"}, "choose from lenet5, alexnet"),
        ({"arch": 18}, "choose from lenet5, alexnet"),
        ({"arch": "vgg16", "bn": True}, "'bn': it knows batch_norm, head"),
        ({"arch": "resnet18", "depth": 50}, "no option 'depth'"),
        ({"arch": "nin", "aux": True}, "none besides in_channels and small_input"),
        ({"arch": "vgg16", "batch_norm": "no"}, "batch_norm is 'no': it must be True or False"),
        ({"arch": "resnet18", "small_input": 32}, "small_input is 32"),
        ({"arch": "resnet18", "num_classes": 0}, "num_classes is 0"),
        ({"arch": "resnet18", "num_classes": 2.5}, "num_classes is 2.5"),
        ({"arch": "resnet18", "num_classes": True}, "num_classes is True"),
        ({"arch": "resnet18", "num_classes": "10"}, "num_classes is '10'"),
        ({"arch": "resnet18", "in_channels": -1}, "in_channels is -1"),
        ({"arch": "alexnet", "form": "tv"}, "'torchvision', 'paper' or 'cifar'"),
        (
            {"arch": "alexnet", "form": "torchvision", "small_input": True},
            "choose form='cifar'",
        ),
        ({"arch": "alexnet", "form": "paper", "small_input": True}, "choose form='cifar'"),
        ({"arch": "inception_v3", "small_input": True}, "googlenet with small_input=True"),
        ({"arch": "vgg16", "small_input": None}, "small_input is None: it must be True or False"),
        ({"arch": "vgg16", "head": "avg"}, "choose 'fc' or 'gap'"),
        ({"arch": "googlenet", "form": "bn"}, "choose 'torchvision' or 'paper'"),
        ({"arch": "googlenet", "kernel5x5": 7}, "choose 5, 3 or '3"),
        ({"arch": "googlenet", "pool4": 5}, "choose 3"),
        ({"arch": "googlenet", "head": "avg"}, "choose 'gap' or 'fc'"),
        ({"arch": "googlenet", "dropout": 2.0}, "dropout"),
        ({"arch": "googlenet", "dropout": "0.2"}, "dropout is '0.2': it must be a number"),
        ({"arch": "googlenet", "dropout": True}, "dropout is True: it must be a number"),
        ({"arch": "googlenet", "pool4": 2.0}, "pool4 is 2.0: it must be a whole number"),
        ({"arch": "googlenet", "kernel5x5": 3.0}, "it must be a whole number or a word"),
        ({"arch": "vgg16", "head": 1}, "head is 1: it must be a word"),
    ],
)
def test_mistakes_are_named(arguments, message):
    with torch.device("meta"), pytest.raises(ValueError) as error:
        create_model(**arguments)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("arch", "options", "side"),
    [
        ("lenet5", {}, 32),
        ("nin", {}, 32),
        ("alexnet", {}, 224),
        ("alexnet", {"form": "cifar"}, 32),
        ("vgg16", {}, 224),
        ("vgg16", {"small_input": True}, 32),
        ("vgg16", {"head": "gap"}, 32),
        ("vgg16", {"small_input": True, "head": "fc"}, 32),
        ("alexnet", {"small_input": True}, 32),
        ("googlenet", {}, 224),
        ("googlenet", {"small_input": True}, 32),
        ("inception_v3", {}, 299),
        ("resnet50", {}, 224),
        ("resnet50", {"small_input": True}, 32),
        ("densenet121", {}, 224),
        ("densenet121", {"small_input": True}, 32),
        ("densenet_bc_100_12", {}, 32),
    ],
)
def test_input_size(arch, options, side):
    assert input_size(arch, **options) == side


def test_googlenet_options_win_over_the_form():
    with torch.device("meta"):
        paper = create_model("googlenet", form="paper")
        mixed = create_model(
            "googlenet", form="paper", kernel5x5="3+3", batch_norm=True, dropout=0.1, pool4=2
        )
    assert (paper.form.kernel5x5, paper.form.batch_norm) == (5, False)
    assert (paper.dropout.p, paper.maxpool4.kernel_size) == (0.4, 3)
    assert isinstance(paper.norm1, nn.LocalResponseNorm)
    assert len(mixed.inception3a.branch3) == 3
    assert isinstance(mixed.inception3a.branch1.bn, nn.BatchNorm2d)
    assert (mixed.dropout.p, mixed.maxpool4.kernel_size) == (0.1, 2)
    assert isinstance(mixed.norm1, nn.Identity)


def test_alexnet_normalises_as_the_paper_does():
    """Section 3.3: b = a / (2 + 1e-4 Σ a²)^0.75 over five neighbouring channels."""
    norm = create_model("alexnet", 10, form="paper").features[2]
    a = torch.randn(1, 9, 2, 2, generator=torch.Generator().manual_seed(0)) * 50
    squares = sum(a[0, j, 0, 0] ** 2 for j in range(2, 7))
    expected = a[0, 4, 0, 0] / (2 + 1e-4 * squares) ** 0.75
    assert norm(a)[0, 4, 0, 0] == pytest.approx(expected.item(), rel=1e-5)


def test_training_loss():
    generator = torch.Generator().manual_seed(0)
    logits, aux1, aux2 = torch.randn(3, 4, 10, generator=generator)
    target = torch.tensor([1, 2, 3, 9])
    main, first, second = (F.cross_entropy(x, target) for x in (logits, aux1, aux2))
    loss = training_loss(logits, target, aux_weight=0.3)
    assert loss == main
    loss = training_loss(Outputs(logits, aux1, aux2), target, aux_weight=0.3)
    torch.testing.assert_close(loss, main + 0.3 * first + 0.3 * second)
    loss = training_loss(Outputs(logits, aux1), target, aux_weight=0.4)
    torch.testing.assert_close(loss, main + 0.4 * first)
    smooth = training_loss(logits, target, aux_weight=0.3, label_smoothing=0.2)
    log = logits.log_softmax(1)
    by_hand = 0.8 * main + 0.2 * -log.mean()
    torch.testing.assert_close(smooth, by_hand)


@pytest.mark.parametrize(
    "arch",
    ["lenet5", "alexnet", "nin", "vgg11", "googlenet", "inception_v3", "resnet18", "densenet121"],
)
def test_replace_head(arch):
    with torch.device("meta"):
        net = create_model(arch, 10)
        kept = {k for k in net.state_dict() if not k.startswith((net.head_layer, "aux", "Aux"))}
        assert replace_head(net, 3) is net
        side = net.input_size
        assert net.eval()(torch.empty(2, 3, side, side)).shape == (2, 3)
        assert isinstance(net.train()(torch.empty(2, 3, side, side)), torch.Tensor)
    head = {f"{net.head_layer}.weight", f"{net.head_layer}.bias"}
    assert set(net.state_dict()) == kept | head


def test_replaced_head_is_fresh_and_all_else_stays():
    net = create_model("googlenet", 10, small_input=True).to(torch.float64).eval()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    replace_head(net, 10)
    after = net.state_dict()
    assert not torch.equal(after["fc.weight"], before["fc.weight"])
    assert after["fc.weight"].dtype == torch.float64
    assert all(torch.equal(after[k], before[k]) for k in after if not k.startswith("fc."))
    assert not net.training


def test_fresh_auxiliary_heads():
    net = replace_head(create_model("googlenet", 10, small_input=True, aux=False), 3, aux=True)
    outputs = net.train()(torch.zeros(2, 3, 32, 32))
    assert [tuple(logits.shape) for logits in outputs] == [(2, 3)] * 3
    with pytest.raises(ValueError, match="no auxiliary heads"):
        replace_head(create_model("lenet5", 10), 3, aux=True)
    with pytest.raises(ValueError, match="num_classes is 0"):
        replace_head(net, 0)


def test_what_needs_torch():
    """Facts need none, and nets need no torchvision."""
    code = """
import sys, cnn_space
from cnn_space.models import registry
for name in registry.names():
    registry.facts(name), registry.design(name, 32)
registry.landmarks()
assert "torch" not in sys.modules
cnn_space.create_model("lenet5", 10)
assert "torchvision" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)

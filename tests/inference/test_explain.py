"""Grad-CAM against the grad-cam package, and the branches of Inception modules."""

import threading

import numpy as np
import pytest
import torch
from oracles import enlarged
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from cnn_space import create_model
from cnn_space.inference import engine, explain

# One net of every family, and each form that changes what there is to see.
FAMILIES = {
    "lenet5": ("lenet5", {}, 32),
    "alexnet": ("alexnet", {}, 128),
    "alexnet paper": ("alexnet", {"form": "paper"}, 224),
    "nin": ("nin", {}, 32),
    "vgg11": ("vgg11", {}, 64),
    "vgg13 bn gap": ("vgg13", {"batch_norm": True, "head": "gap"}, 64),
    "googlenet": ("googlenet", {"small_input": True, "aux": False}, 32),
    "googlenet paper": ("googlenet", {"form": "paper", "aux": False}, 128),
    "inception_v3": ("inception_v3", {"aux": False}, 128),
    "resnet18": ("resnet18", {"small_input": True}, 32),
    "resnet50": ("resnet50", {}, 96),
    "densenet121": ("densenet121", {}, 96),
    "densenet_bc_100_12": ("densenet_bc_100_12", {}, 32),
}
MODULES = [f"inception{name}" for name in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")]


def fitted(arch: str, size: int, num_classes: int = 10, **options) -> nn.Module:
    """A random net whose batch norms fit its activations: without that, all logits are alike."""
    torch.manual_seed(1)
    net = create_model(arch, num_classes, **options)
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    if norms:
        with torch.no_grad():
            net.train()(torch.randn(8, 3, size, size))
    return net.eval()


def picture(size: int, seed: int = 0) -> torch.Tensor:
    """A blob on noise, so that there is something to find. [1, 3, size, size]"""
    generator = torch.Generator().manual_seed(seed)
    image = 0.5 * torch.randn(1, 3, size, size, generator=generator)
    image[..., size // 8 : size // 2, size // 2 : -size // 8] += 2
    return image


@pytest.mark.parametrize("family", FAMILIES)
def test_agrees_with_the_grad_cam_package(family):
    arch, options, size = FAMILIES[family]
    net, x = fitted(arch, size, **options), picture(size)
    classes = net(x)[0].argsort(descending=True)[:2].tolist()
    compared = 0
    for class_index in [*classes, *(c for c in range(10) if c not in classes)]:
        ours = explain.grad_cam(net, x, class_index)
        if not ours.values.any():
            continue
        layers = [net.get_submodule(ours.layer)]
        with GradCAM(model=net, target_layers=layers) as cam:
            theirs = cam(input_tensor=x.clone(), targets=[ClassifierOutputTarget(class_index)])[0]
        assert theirs.std() > 0.02, "a flat map would agree with nothing"
        correlation = np.corrcoef(enlarged(ours.values, size).ravel(), theirs.ravel())[0, 1]
        assert correlation >= 0.99
        compared += 1
        if compared == 2:
            return
    pytest.fail(f"only {compared} classes of {family} had a heatmap to compare")


class OneCorner(nn.Module):
    """Sees nothing of a picture but a quarter of its width and height, in one corner."""

    cam_layer = "conv"

    def __init__(self, rows: slice, columns: slice):
        super().__init__()
        self.register_buffer("window", torch.zeros(1, 1, 32, 32))
        self.window[..., rows, columns] = 1
        self.conv = nn.Conv2d(3, 8, 1, bias=False)
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        return self.fc(self.conv(x * self.window).relu().mean(dim=(2, 3)))


@pytest.mark.parametrize("rows", [slice(0, 8), slice(24, 32)], ids=["top", "bottom"])
@pytest.mark.parametrize("columns", [slice(0, 8), slice(24, 32)], ids=["left", "right"])
def test_a_net_that_sees_one_corner_has_its_heat_there(rows, columns):
    torch.manual_seed(0)
    net = OneCorner(rows, columns).eval()
    heat = enlarged(explain.grad_cam(net, torch.rand(1, 3, 32, 32)).values, 96)
    inside = heat[3 * rows.start : 3 * rows.stop, 3 * columns.start : 3 * columns.stop]
    assert inside.sum() >= 0.9 * heat.sum() > 0


def test_explains_the_answer_by_default_and_another_class_on_request():
    net, x = fitted("resnet18", 32, small_input=True), picture(32)
    answer = int(net(x).argmax())
    own = explain.grad_cam(net, x)
    assert own.class_index == answer
    assert np.array_equal(own.values, explain.grad_cam(net, x, answer).values)
    other = explain.grad_cam(net, x, (answer + 1) % 10)
    assert not np.allclose(own.values, other.values, atol=0.05)


@pytest.mark.parametrize("arch", ["googlenet", "resnet18", "densenet121"])
def test_a_folded_net_gives_the_same_heatmap(arch):
    net, x = fitted(arch, 32, small_input=True), picture(32)
    plain, folded = (explain.grad_cam(n, x) for n in (net, engine.fold(net)))
    assert folded.layer == plain.layer
    assert np.abs(folded.values - plain.values).max() < 1e-3


def test_the_map_is_never_coarser_than_it_must_be():
    sides = {}
    for name, options in {
        "lenet5": {},
        "alexnet": {"form": "cifar"},
        "nin": {},
        "vgg16": {"head": "gap"},
        "googlenet": {"small_input": True, "aux": False},
        "resnet18": {"small_input": True},
        "densenet_bc_100_12": {},
    }.items():
        heatmap = explain.grad_cam(fitted(name, 32, **options), picture(32))
        sides[name] = heatmap.values.shape[0]
        assert heatmap.values.dtype == np.float32
        assert heatmap.layer in dict(fitted(name, 32, **options).named_modules())
    assert min(sides.values()) >= 4, sides
    # VGG ends in 2 × 2 at 32 pixels; its stage before has 4 × 4.
    assert sides["vgg16"] == 4


@pytest.mark.parametrize(
    ("arch", "layer"),
    [("resnet50", "layer3"), ("googlenet", "inception4e"), ("densenet121", "features.denseblock3"),
     ("inception_v3", "Mixed_6e")],
)  # fmt: skip
def test_small_photos_are_explained_by_the_block_before_the_last_halving(arch, layer):
    """At 96 pixels the last maps are 3 × 3 or less; no branch of a block stands for the block."""
    options = {"aux": False} if arch in ("googlenet", "inception_v3") else {}
    assert explain.grad_cam(fitted(arch, 96, **options), picture(96)).layer == layer


def test_an_enlarged_map_is_not_a_finer_one():
    """AlexNet pools 1 × 1 maps up to 6 × 6 before its linear layers."""
    assert explain.grad_cam(fitted("alexnet", 72), picture(72)).layer == "features.4"


def test_leaves_the_net_as_it_was():
    net, x = fitted("googlenet", 32, small_input=True, aux=False), picture(32)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    explain.grad_cam(net, x)
    explain.inside(net, x, "inception3a")
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in net.parameters())
    assert not any(m._forward_hooks for m in net.modules())
    assert torch.is_grad_enabled()


def test_other_threads_can_use_the_net_meanwhile():
    net = fitted("resnet18", 32, small_input=True)
    run = engine.Engine.__new__(engine.Engine)
    run.loaded = type("Loaded", (), {"net": net})
    x = picture(32)
    with torch.no_grad():
        expected = net(x).numpy()
    stop, problems = threading.Event(), []

    def classify():
        while not stop.is_set():
            try:
                np.testing.assert_allclose(run._in_pytorch(x).logits, expected, atol=1e-4)
            except Exception as problem:
                problems.append(problem)
                return

    thread = threading.Thread(target=classify)
    thread.start()
    maps = [explain.grad_cam(net, x).values for _ in range(20)]
    stop.set()
    thread.join()
    assert not problems
    assert all(np.array_equal(m, maps[0]) for m in maps)


def test_refuses_what_it_cannot_explain():
    net, x = fitted("lenet5", 32), picture(32)
    with pytest.raises(ValueError, match=r"net\.eval\(\)"):
        explain.grad_cam(fitted("lenet5", 32).train(), x)
    with pytest.raises(ValueError, match="one picture"):
        explain.grad_cam(net, x.repeat(2, 1, 1, 1))
    with pytest.raises(ValueError, match="0 to 9"):
        explain.grad_cam(net, x, 10)
    with pytest.raises(ValueError, match="no layer 'conv7'"):
        explain.grad_cam(net, x, layer="conv7")
    with pytest.raises(ValueError, match="no feature maps"):
        explain.grad_cam(net, x, layer=net.head_layer)
    with pytest.raises(ValueError, match="not a GoogLeNet"):
        explain.inside(net, x, "inception3a")
    assert not any(m._forward_hooks for m in net.modules())


def output_of(net: nn.Module, module: str, x: torch.Tensor) -> np.ndarray:
    outputs = []
    hook = net.get_submodule(module).register_forward_hook(lambda *a: outputs.append(a[2]))
    with torch.no_grad():
        net(x)
    hook.remove()
    return outputs[0][0].numpy()


FORMS = {
    "torchvision": ({}, ["1×1", "3×3", "3×3", "pool"]),
    "paper": ({"form": "paper"}, ["1×1", "3×3", "5×5", "pool"]),
    "3+3": ({"kernel5x5": "3+3"}, ["1×1", "3×3", "3×3, 3×3", "pool"]),
    "naive": ({"form": "paper", "reduction": False}, ["1×1", "3×3", "5×5", "pool"]),
}


@pytest.mark.parametrize("form", FORMS)
def test_inside_an_inception_module(form):
    options, kernels = FORMS[form]
    net = fitted("googlenet", 32, small_input=True, aux=False, **options)
    x = picture(32)
    assert explain.inception_modules(net) == MODULES
    for module in ("inception3a", "inception4c", "inception5b"):
        maps = output_of(net, module, x)  # channels × h × w, the branches one after the other
        energy = (maps.astype(np.float64) ** 2).sum(axis=(1, 2))

        branches = explain.inside(net, x, module, channels=3)
        assert [b.name for b in branches] == ["branch1", "branch2", "branch3", "branch4"]
        assert [b.kernel for b in branches] == kernels
        assert sum(b.share for b in branches) == pytest.approx(1, abs=1e-5)
        first = 0
        for branch in branches:
            own = slice(first, first + branch.width)
            first += branch.width
            assert branch.share == pytest.approx(energy[own].sum() / energy.sum(), abs=1e-5)
            np.testing.assert_allclose(branch.mean_map, maps[own].mean(axis=0), rtol=1e-4)
            assert len(branch.channels) == min(3, branch.width)
            shares = energy[own] / energy.sum()
            best = np.sort(shares)[::-1][: len(branch.channels)]
            np.testing.assert_allclose([c.share for c in branch.channels], best, atol=1e-6)
            for channel in branch.channels:
                assert channel.share == pytest.approx(shares[channel.index], abs=1e-6)
                np.testing.assert_array_equal(channel.map, maps[own][channel.index])
        assert first == len(maps)

"""Every net runs: batch sizes, memory formats, image sizes, training, bf16, meta, hooks."""

import pytest
import torch
from oracles import fill, fit, images

from cnn_space.models.heads import last_stage
from cnn_space.models.outputs import Outputs, training_loss
from cnn_space.models.registry import create_model, list_models

# VGG-11 stands for the heads of all four, and the deepest of a family for those between: all are
# compared with torchvision's elsewhere.
POOLED = {"vgg19": {"head": "gap"}}
BETWEEN = ("vgg13", "vgg16", "resnet34", "resnet101", "densenet161", "densenet169")
NETS = [
    *[(arch, POOLED.get(arch, {})) for arch in list_models() if arch not in BETWEEN],
    ("alexnet", {"form": "paper"}),
    ("alexnet", {"form": "cifar"}),
    ("vgg16", {"batch_norm": True, "head": "gap"}),
    ("googlenet", {"form": "paper"}),
    ("googlenet", {"form": "paper", "kernel5x5": "3+3", "batch_norm": True}),
]
SMALL = [
    *[(arch, {"small_input": True}) for arch in ("resnet34", "resnet50", "densenet121")],
    ("lenet5", {"small_input": True}),
    ("nin", {"small_input": True}),
    ("alexnet", {"small_input": True}),
    ("vgg11", {"small_input": True}),
    ("vgg11", {"head": "fc", "small_input": True}),
    ("googlenet", {"small_input": True}),
    ("googlenet", {"small_input": True, "form": "paper"}),
    ("googlenet", {"small_input": True, "reduction": False}),
    ("googlenet", {"small_input": True, "head": "fc"}),
    ("resnet18", {"small_input": True, "shortcuts": False}),
]
ONE_OF_EACH = [
    ("lenet5", {}),
    ("alexnet", {"small_input": True}),
    ("nin", {}),
    ("vgg11", {"small_input": True}),
    ("googlenet", {"small_input": True}),
    ("googlenet", {"small_input": True, "form": "paper"}),
    ("inception_v3", {}),
    ("resnet18", {"small_input": True}),
    ("densenet_bc_100_12", {}),
]


def filled(arch, classes=10, **options):
    """A net whose signal keeps its size; no time is spent on its own initialisation."""
    with torch.device("meta"):
        net = create_model(arch, classes, **options)
    return fill(net.to_empty(device="cpu"))


def quick_side(net, arch) -> int:
    """64 pixels for a net that pools its last maps; else the size it is made for."""
    pooled = arch.startswith(("vgg", "resnet", "densenet"))
    return 64 if pooled and net.input_size == 224 else net.input_size


@pytest.mark.parametrize(("arch", "options"), NETS + SMALL)
@torch.inference_mode()
def test_eval(arch, options):
    """The logits of an image depend on neither its company nor its layout in memory."""
    net = filled(arch, **options)
    side = quick_side(net, arch)
    net = net.eval() if side > 64 else fit(net, side)
    x = images(2, side)
    logits = net(x)
    assert logits.shape == (2, 10)
    assert torch.isfinite(logits).all()
    tolerance = 1e-3 * logits.std().item()
    other = net(x[:1].contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(other, logits[:1], rtol=0, atol=tolerance)
    torch.testing.assert_close(net.forward_head(net.forward_features(x)), logits)


@pytest.mark.parametrize(("arch", "options"), NETS + SMALL)
def test_training(arch, options):
    """Two images: the named result where there are auxiliary heads, and every weight learns."""
    net = filled(arch, **options).train()
    outputs = net(images(2, quick_side(net, arch)))
    heads = 0
    if options.get("aux", True):
        heads = {"googlenet": 2, "inception_v3": 1}.get(arch, 0)
    assert isinstance(outputs, Outputs if heads else torch.Tensor)
    if heads:
        assert [x is None for x in outputs] == [False] * (1 + heads) + [True] * (2 - heads)
        assert all(x.shape == (2, 10) for x in outputs if x is not None)
    training_loss(outputs, torch.tensor([1, 7]), aux_weight=net.aux_weight).backward()
    gradients = {name: p.grad for name, p in net.named_parameters()}
    missing = [n for n, g in gradients.items() if g is None or not torch.isfinite(g).all()]
    assert not missing
    for name in ["aux1.fc2", "aux2.fc2", "AuxLogits.fc"] if heads else []:
        assert gradients.get(f"{name}.weight", torch.ones(1)).any(), f"{name} learns nothing"


@pytest.mark.parametrize(
    ("arch", "options", "side"),
    [
        ("googlenet", {}, 160),
        ("googlenet", {"form": "paper"}, 160),
        ("inception_v3", {}, 160),
        ("resnet18", {}, 128),
        ("lenet5", {}, 48),
        ("nin", {}, 48),
    ],
)
def test_other_sizes_train_too(arch, options, side):
    """Imagenette comes at 160 pixels: the auxiliary heads must take what they get."""
    net = create_model(arch, 10, **options).train()
    outputs = net(images(2, side))
    training_loss(outputs, torch.tensor([1, 7]), aux_weight=net.aux_weight).backward()
    assert torch.isfinite(net.get_submodule(net.head_layer).weight.grad).all()


@pytest.mark.parametrize(
    "device",
    [
        "cpu",
        pytest.param(
            "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
        ),
    ],
)
@pytest.mark.parametrize(("arch", "options"), ONE_OF_EACH)
def test_bf16_and_channels_last(arch, options, device):
    """One step under autocast, as training takes it; eval stays close to full precision."""
    net = filled(arch, **options).to(device, memory_format=torch.channels_last)
    side = min(net.input_size, 160)  # a CPU without bfloat16 is slow at it: few, small images
    x = images(2, side).to(device, memory_format=torch.channels_last)
    net.train()
    with torch.autocast(device, torch.bfloat16):
        outputs = net(x)
        target = torch.tensor([1, 7], device=device)
        loss = training_loss(outputs, target, aux_weight=net.aux_weight)
    loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters())
    fit(net.cpu(), side).to(device)
    with torch.inference_mode():
        full = net(x)
        with torch.autocast(device, torch.bfloat16):
            half = net(x).float()
    both = torch.stack([half.flatten(), full.flatten()])
    assert torch.corrcoef(both)[0, 1] > 0.95


@pytest.mark.parametrize(("arch", "options"), ONE_OF_EACH)
def test_other_channels(arch, options):
    net = create_model(arch, 7, in_channels=1, **options).eval()
    assert net(torch.zeros(1, 1, net.input_size, net.input_size)).shape == (1, 7)


@pytest.mark.parametrize(("arch", "options"), ONE_OF_EACH)
def test_meta_then_assign(arch, options):
    """Built without memory, then given weights, a net is the one that the weights came from."""
    net = create_model(arch, 10, **options)
    with torch.device("meta"):
        empty = create_model(arch, 10, **options)
    assert all(p.is_meta for p in (*empty.parameters(), *empty.buffers()))
    empty.load_state_dict(net.state_dict(), strict=True, assign=True)
    x = images(2, net.input_size)
    with torch.inference_mode():
        torch.testing.assert_close(empty.eval()(x), net.eval()(x), rtol=0, atol=0)


@pytest.mark.parametrize(("arch", "options"), ONE_OF_EACH)
def test_the_last_stage_goes_on_where_the_rest_ends(arch, options):
    net = filled(arch, **options).eval()
    entering = []
    layer = net.get_submodule(net.top_layer)
    hook = layer.register_forward_pre_hook(lambda module, inputs: entering.append(inputs[0]))
    with torch.inference_mode():
        whole = net(images(2, net.input_size))
        hook.remove()
        part = last_stage(net)
        torch.testing.assert_close(part(entering[0]), whole)
    used = {id(p) for p in part.parameters()}
    assert used < {id(p) for p in net.parameters()}


@pytest.mark.parametrize(("arch", "options"), ONE_OF_EACH)
def test_hooks_on_the_cam_layer(arch, options):
    """Grad-CAM keeps a map and asks for its gradient: nothing may change the map in between."""
    net = filled(arch, **options).eval()
    seen = {}

    def forward(module, arguments, output):
        seen["map"], seen["copy"] = output, output.detach().clone()

    def backward(module, of_input, of_output):
        seen["gradient"] = of_output[0]

    layer = net.get_submodule(net.cam_layer)
    layer.register_forward_hook(forward)
    layer.register_full_backward_hook(backward)
    net(images(2, net.input_size))[:, 3].sum().backward()
    assert seen["map"].dim() == 4
    assert torch.equal(seen["map"], seen["copy"])
    assert seen["gradient"].shape == seen["map"].shape
    assert seen["gradient"].abs().sum() > 0

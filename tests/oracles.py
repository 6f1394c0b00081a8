"""Reference nets that give a wrong answer away.

Random weights hide faults: torchvision's GoogLeNet, freshly made, answers its last bias whatever
goes in, and the logits of a ResNet-152 reach 1e8. The nets here are filled so that the signal keeps
its size, and their batch-norm statistics are fitted to the images they will see.
"""

import numpy as np
import torch
import torch.nn.functional as F
import torchvision.models
from torch import Tensor, nn


def images(count: int, side: int, *, seed: int = 0) -> Tensor:
    """[count, 3, side, side] with large shapes and fine grain, so that every pool matters."""
    generator = torch.Generator().manual_seed(seed)
    shapes = torch.randn(count, 3, 5, 5, generator=generator)
    grain = torch.randn(count, 3, side, side, generator=generator)
    return F.interpolate(shapes, size=(side, side), mode="bicubic") + 0.3 * grain


def enlarged(heat: np.ndarray, side: int) -> np.ndarray:
    """A heatmap [h, w] as [side, side], bilinear between the centres of its cells."""
    found = F.interpolate(torch.from_numpy(heat)[None, None], (side, side), mode="bilinear")
    return found[0, 0].numpy()


def torchvision_net(name: str, side: int, **options) -> nn.Module:
    """torchvision's net in eval mode, filled and fitted on images of ``side`` pixels."""
    if name in ("googlenet", "inception_v3"):
        options = {"init_weights": False, **options}
    with torch.device("meta"):
        net = torchvision.models.get_model(name, weights=None, **options)
    return fit(fill(net.to_empty(device="cpu")), side)


@torch.no_grad()
def fill(net: nn.Module, *, seed: int = 0) -> nn.Module:
    """Weights that keep the size of the signal through a ReLU, and biases and scales that matter.

    The hundred million weights of VGG's fully connected layers repeat four million drawn once:
    drawing them all takes a second a net.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.empty(3_999_971).uniform_(-1, 1, generator=generator)  # prime: no row repeats
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            bound = (6 / layer.weight[0].numel()) ** 0.5
            if layer.weight.numel() > len(drawn):
                for part in layer.weight.view(-1).split(len(drawn)):
                    torch.mul(drawn[: len(part)], bound, out=part)
            else:
                layer.weight.uniform_(-bound, bound, generator=generator)
            if layer.bias is not None:
                layer.bias.uniform_(-0.1, 0.1, generator=generator)
        elif isinstance(layer, nn.BatchNorm2d):
            layer.weight.uniform_(0.5, 1.5, generator=generator)
            layer.bias.uniform_(-0.2, 0.2, generator=generator)
            layer.reset_running_stats()
    return net


@torch.no_grad()
def fit(net: nn.Module, side: int) -> nn.Module:
    """Batch-norm statistics from one pass over eight images (momentum 1); the net in eval mode."""
    norms = [layer for layer in net.modules() if isinstance(layer, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    if norms:
        net.train()(images(8, side, seed=1))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return net.eval()


def difference(ours: Tensor, reference: Tensor) -> float:
    """Largest difference of two logits [N, K], in standard deviations of the reference's.

    Logits that hardly differ from image to image could not tell right from wrong: refused.
    """
    spread = reference.std()
    assert torch.isfinite(reference).all()
    assert reference.std(dim=0).mean() > 0.01 * spread, "the reference ignores its input"
    return ((ours - reference).abs().max() / spread).item()

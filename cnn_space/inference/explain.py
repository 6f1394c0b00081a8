"""Where a net looked, and what the branches of an Inception module respond to.

Both run a net on the tensor that ``preprocessing.prepare`` makes of a photo. The net may be an
engine's folded copy, which has the same layers under the same names. Maps have the resolution of
the layer they were read from: the page enlarges and colours them.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

# Below 4 × 4 a heatmap says little more than "left" or "right".
SMALLEST_MAP = 4


@dataclass(frozen=True)
class Heatmap:
    """Where the picture speaks for one class: ``values`` float32 [h, w] in 0..1, 1 at the peak;
    all zero when nothing speaks for it."""

    values: np.ndarray
    layer: str
    class_index: int


@dataclass(frozen=True)
class Channel:
    """One channel of a branch: its map, float32 [h, w], and its share of the module's energy."""

    index: int
    share: float
    map: np.ndarray


@dataclass(frozen=True)
class Branch:
    """One branch of an Inception module on one picture.

    ``kernel`` is what the branch convolves with after its 1×1 reduction ("5×5", "3×3, 3×3",
    "pool"); ``mean_map`` float32 [h, w] the mean over its channels; ``share`` its part (0..1) of
    the module's energy, the sum of squared activations; ``channels`` the strongest, best first.
    """

    name: str
    kernel: str
    width: int
    share: float
    mean_map: np.ndarray
    channels: tuple[Channel, ...]


def grad_cam(
    net: nn.Module, x: torch.Tensor, class_index: int | None = None, *, layer: str | None = None
) -> Heatmap:
    """Grad-CAM of one class on one picture (Selvaraju et al. 2017, section 3).

    The layer's feature maps are summed, each weighted by the mean gradient of the class's logit,
    and negative values, which speak against the class, are set to 0.

    Args:
        net: in eval mode, with a ``cam_layer``; neither its weights nor their gradients change.
        x: float32 [1, C, H, W], preprocessed as the net expects.
        class_index: the class to explain; the net's own answer by default.
        layer: dotted name of the layer to read. By default ``net.cam_layer``, or, where its map
            is smaller than 4 × 4, the last layer or block before it whose map is not.

    Raises:
        ValueError: a net in training mode, a batch, a class or a layer that does not exist.
    """
    return answered(net, x, class_index, layer=layer)[1]


def answered(
    net: nn.Module, x: torch.Tensor, class_index: int | None = None, *, layer: str | None = None
) -> tuple[np.ndarray, Heatmap]:
    """The logits, float32 [K], and the heatmap of ``grad_cam``, from one run of the net where the
    layer is given; arguments and errors are the same."""
    if net.training:
        raise ValueError("grad_cam needs a net in eval mode: call net.eval() first")
    if x.ndim != 4 or len(x) != 1:
        raise ValueError(f"grad_cam takes one picture, [1, C, H, W]; got {list(x.shape)}")
    name = layer or net.cam_layer
    logits, maps = _forward_from(net, x, name)
    if layer is None and min(maps.shape[2:]) < SMALLEST_MAP:
        name = _finer_layer(net, x) or name
        logits, maps = _forward_from(net, x, name)
    classes = logits.shape[1]
    if class_index is None:
        class_index = int(logits.argmax())
    if not 0 <= class_index < classes:
        raise ValueError(f"class {class_index} does not exist: the net has 0 to {classes - 1}")
    (gradient,) = torch.autograd.grad(logits[0, class_index], maps)
    weights = gradient.mean(dim=(2, 3), keepdim=True)  # 1 × channels × 1 × 1
    heat = (weights * maps.detach()).sum(dim=1)[0].clamp(min=0)
    peak = float(heat.max())
    values = (heat / peak if peak > 0 else torch.zeros_like(heat)).numpy()
    return logits.detach()[0].numpy(), Heatmap(values, name, class_index)


def first_filters(net: nn.Module) -> np.ndarray:
    """The filters of a net's first convolution as pictures, uint8 [filters, height, width, 3]: each
    is scaled by its largest weight, so that 0 is grey (Krizhevsky et al. 2012, figure 3)."""
    weight = next(m for m in net.modules() if isinstance(m, nn.Conv2d)).weight.detach()
    if weight.shape[1] != 3:
        weight = weight.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    largest = weight.abs().amax(dim=(1, 2, 3), keepdim=True).clamp(min=1e-12)
    pictures = 127.5 * (1 + weight / largest)
    return pictures.round().permute(0, 2, 3, 1).to(torch.uint8).contiguous().numpy()


def inception_modules(net: nn.Module) -> list[str]:
    """Names of the net's modules with four branches, ``inception3a`` first; empty without any."""
    return [
        name
        for name, module in net.named_children()
        if all(hasattr(module, f"branch{i}") for i in (1, 2, 3, 4))
    ]


def inside(
    net: nn.Module, x: torch.Tensor, module: str, *, channels: int = 4
) -> tuple[Branch, ...]:
    """What the four branches of one Inception module respond to on one picture.

    Args:
        net: a GoogLeNet of any form, in eval mode.
        x: float32 [1, C, H, W].
        module: one of ``inception_modules(net)``.
        channels: how many of each branch's strongest channels to return.

    Raises:
        ValueError: the net has no such module.
    """
    names = inception_modules(net)
    if module not in names:
        known = ", ".join(names) or "none: it is not a GoogLeNet"
        raise ValueError(f"no Inception module {module!r} in this net; it has {known}")
    block = net.get_submodule(module)
    branches = {f"branch{i}": getattr(block, f"branch{i}") for i in (1, 2, 3, 4)}
    outputs: dict[str, torch.Tensor] = {}
    with torch.no_grad(), ExitStack() as hooks:
        for name, branch in branches.items():

            def keep(_module, _inputs, output, name=name):
                outputs[name] = output[0].clone()

            hooks.enter_context(_hooked(branch, keep))
        net(x)
    energy = {name: maps.square().sum(dim=(1, 2)) for name, maps in outputs.items()}
    total = max(float(sum(e.sum() for e in energy.values())), 1e-12)
    return tuple(
        Branch(
            name=name,
            kernel=_kernel(branch),
            width=len(outputs[name]),
            share=float(energy[name].sum()) / total,
            mean_map=outputs[name].mean(dim=0).numpy(),
            channels=tuple(
                Channel(i, float(energy[name][i]) / total, outputs[name][i].numpy())
                for i in energy[name].topk(min(channels, len(energy[name]))).indices.tolist()
            ),
        )
        for name, branch in branches.items()
    )


@contextmanager
def _hooked(module: nn.Module, hook):
    # All visitors share a net: the hook must ignore what other threads run through it meanwhile.
    own_thread = threading.get_ident()

    def in_own_thread(*arguments):
        return hook(*arguments) if threading.get_ident() == own_thread else None

    handle = module.register_forward_hook(in_own_thread)
    try:
        yield
    finally:
        handle.remove()


def _forward_from(net: nn.Module, x: torch.Tensor, layer: str):
    """Logits [1, K] and the layer's output [1, C, h, w] as a leaf that they depend on."""
    try:
        module = net.get_submodule(layer)
    except AttributeError:
        raise ValueError(f"no layer {layer!r} in this {type(net).__name__}") from None
    leaf = []

    def branch_off(_module, _inputs, output):
        # The graph begins here: what lies before the layer needs no gradient.
        torch.set_grad_enabled(True)
        leaf[:] = [output.detach().requires_grad_()]
        return leaf[0].clone()  # an in-place ReLU that follows must not touch the leaf

    with torch.no_grad(), _hooked(module, branch_off):
        logits = net(x)
    if not leaf or leaf[0].ndim != 4:
        raise ValueError(f"layer {layer!r} has no feature maps to read")
    return logits, leaf[0]


def _trunk(net: nn.Module, path: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The layers and blocks that follow one another, by name: nothing inside of a block."""
    for name, module in net.named_children():
        yield path + name, module
        if isinstance(module, nn.Sequential):
            yield from _trunk(module, f"{path}{name}.")


def _finer_layer(net: nn.Module, x: torch.Tensor) -> str | None:
    """The last layer or block before ``cam_layer`` with a map of SMALLEST_MAP a side, or None."""
    fine_enough = []
    with torch.no_grad(), ExitStack() as hooks:
        for name, module in _trunk(net):
            if name == net.cam_layer:
                break

            def note(_module, _inputs, output, name=name):
                if output.ndim == 4 and min(output.shape[2:]) >= SMALLEST_MAP:
                    fine_enough.append(name)

            hooks.enter_context(_hooked(module, note))
        net(x)
    return fine_enough[-1] if fine_enough else None


def _kernel(branch: nn.Module) -> str:
    """The branch's kernels without its 1×1 reduction: "1×1", "5×5", "3×3, 3×3" or "pool"."""
    if any(isinstance(m, nn.MaxPool2d) for m in branch.modules()):
        return "pool"
    sizes = [m.kernel_size for m in branch.modules() if isinstance(m, nn.Conv2d)]
    wide = [size for size in sizes if size != (1, 1)] or [(1, 1)]
    return ", ".join(f"{height}×{width}" for height, width in wide)

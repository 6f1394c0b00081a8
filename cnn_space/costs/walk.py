"""Walks a net on the meta device and hands `closed_forms` one record a layer.

Nothing is computed and no weight is needed: shapes alone flow through the net's own forward, so
no net is described twice.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.overrides import TorchFunctionMode

from cnn_space.costs import closed_forms
from cnn_space.costs.closed_forms import Layer, Pair, ReceptiveField, Shape


@dataclass(frozen=True)
class LayerRecord:
    """A layer of a net: its closed form, and what one value of its output sees of the image."""

    layer: Layer
    field: ReceptiveField

    @property
    def name(self) -> str:
        return self.layer.name


class SizeError(ValueError):
    """An image this net cannot take: ``layer`` names where, ``reason`` is "window" or "values"."""

    def __init__(self, layer: str, what: str, shape: Shape, size: Pair, reason: str):
        self.layer, self.what, self.shape, self.size, self.reason = layer, what, shape, size, reason
        got = " × ".join(map(str, shape))
        why = "is too small" if reason == "window" else "is not what it was built for"
        super().__init__(
            f"an image of {size[0]} × {size[1]} pixels does not fit this net: "
            f"{got} reaches {layer} ({what}) and {why}"
        )


def count(net: nn.Module, size: int | Pair) -> tuple[int, int]:
    """Parameters of ``net`` (all it stores, auxiliary heads too) and its MACs for one image.

    ``size`` in pixels, one side or (height, width). MACs are those of an eval forward:
    convolutions and linear layers. Raises SizeError as `describe` does.
    """
    parameters = sum(parameter.numel() for parameter in net.parameters())
    return parameters, sum(record.layer.macs.value for record in describe(net, size))


def describe(
    net: nn.Module, size: int | Pair, *, auxiliary_heads: bool = False
) -> list[LayerRecord]:
    """One record for each convolution, pool, norm and linear layer, in the order they run.

    The net is walked in eval mode on an image [1, C, height, width], C being what its first
    convolution takes; it is left as it was. A layer that runs twice is listed twice, its
    parameters once. Raises SizeError (a ValueError that names the layer) for an image that does
    not fit, ValueError for a layer with parameters that has no closed form here.

    ``auxiliary_heads`` adds the layers of auxiliary heads, which run in training alone.
    """
    size = (size, size) if isinstance(size, int) else tuple(size)
    channels = next(m.in_channels for m in net.modules() if isinstance(m, nn.Conv2d))
    state = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    shapes = {name: torch.empty_like(value, device="meta") for name, value in state.items()}
    image = torch.empty(1, channels, *size, device="meta")
    records: list[LayerRecord] = []
    modes = {module: module.training for module in net.modules()}
    hooks = []
    try:
        for name, module in net.named_modules():
            if not list(module.children()):
                hooks.extend(_watch(name, module, size, records))
        net.eval()
        net.training = auxiliary_heads  # the net's own forward asks it; its layers stay in eval
        with torch.no_grad(), _FieldMode():
            functional_call(net, shapes, (image,))
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in modes.items():
            module.training = mode
    return records


def _watch(name: str, module: nn.Module, size: Pair, records: list[LayerRecord]) -> Iterable:
    """Hooks that check a layer's input before it runs and record the layer after."""
    what = _describe_kind(module)
    if next(module.parameters(), None) is not None and not isinstance(module, _COUNTED):
        raise ValueError(f"no closed form for the parameters of {name}, a {what}")
    pending: list[Layer] = []

    def before(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        shape = _shape(inputs[0])
        if isinstance(module, nn.Linear) and inputs[0].shape[-1] != module.in_features:
            raise SizeError(name, what, shape, size, "values")
        try:
            layer = _closed_form(name, module, shape)
        except ValueError as error:
            raise SizeError(name, what, shape, size, "window") from error
        if layer is not None:
            pending.append(layer)

    def after(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        field = _field_of(inputs)
        if pending:
            layer = pending.pop()
            if layer.kernel:
                field = field.through(layer.kernel, layer.stride, _pair(module, "dilation", 1))
            if any(record.name == name for record in records):
                layer = _without_parameters(layer)
            records.append(LayerRecord(layer, field))
            output.field = field
        elif output.dim() == inputs[0].dim():
            output.field = field

    yield module.register_forward_pre_hook(before)
    yield module.register_forward_hook(after)


_COUNTED = (nn.Conv2d, nn.Linear, nn.BatchNorm2d)  # what may hold parameters


def _without_parameters(layer: Layer) -> Layer:
    nothing = closed_forms.NOTHING
    return replace(layer, weights=nothing, biases=nothing, norm=nothing)


def _closed_form(name: str, module: nn.Module, source: Shape) -> Layer | None:
    """What ``closed_forms`` says of this layer; None for one that neither stores nor moves."""
    window = {
        key: _pair(module, attribute, default)
        for key, attribute, default in (
            ("kernel", "kernel_size", 1),
            ("stride", "stride", 1),
            ("padding", "padding", 0),
            ("dilation", "dilation", 1),
        )
    }
    match module:
        case nn.Conv2d():
            return closed_forms.conv(
                name,
                source,
                module.out_channels,
                groups=module.groups,
                bias=module.bias is not None,
                **window,
            )
        case nn.MaxPool2d() | nn.AvgPool2d():
            kind = "max pool" if isinstance(module, nn.MaxPool2d) else "avg pool"
            return closed_forms.pool(name, source, kind=kind, ceil_mode=module.ceil_mode, **window)
        case nn.AdaptiveAvgPool2d():
            wanted = module.output_size
            wanted = wanted if isinstance(wanted, tuple) else (wanted, wanted)
            sides = tuple(w or s for w, s in zip(wanted, source[1:], strict=True))
            return closed_forms.adaptive_pool(name, source, sides)
        case nn.BatchNorm2d():
            return closed_forms.batch_norm(name, source, affine=module.affine)
        case nn.Linear():
            has_bias = module.bias is not None
            return closed_forms.linear(name, module.in_features, module.out_features, bias=has_bias)
        case nn.LocalResponseNorm():
            return Layer(name, "local norm", source, source)
    return None


def _describe_kind(module: nn.Module) -> str:
    """``Conv2d 3×3``, ``MaxPool2d 2×2``, ``Linear``."""
    side = getattr(module, "kernel_size", None)
    kernel = f" {'×'.join(map(str, _pair(module, 'kernel_size', 1)))}" if side else ""
    return type(module).__name__ + kernel


def _pair(module: nn.Module, attribute: str, default: int) -> Pair:
    value = getattr(module, attribute, default)
    return tuple(value) if isinstance(value, tuple) else (value, value)


def _shape(tensor: Tensor) -> Shape:
    """[1, C, H, W] as (C, H, W); a flat [1, F] as (F, 1, 1)."""
    return tuple(tensor.shape[1:]) if tensor.dim() == 4 else (tensor.shape[-1], 1, 1)


def _field_of(values: object) -> ReceptiveField:
    """The widest field among the tensors in ``values``."""
    if isinstance(values, Tensor):
        return getattr(values, "field", ReceptiveField())
    field = ReceptiveField()
    if isinstance(values, (tuple, list)):
        for value in values:
            field = field.widest(_field_of(value))
    return field


class _FieldMode(TorchFunctionMode):
    """Hands the receptive field on through whatever a forward does between its layers."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        output = func(*args, **(kwargs or {}))
        if isinstance(output, Tensor) and output.dim() > 1:
            field = _field_of((*args, *(kwargs or {}).values()))
            first = args[0] if args and isinstance(args[0], Tensor) else None
            if first is not None and first.dim() == 4 and output.dim() == 2:
                # Flattened: each value behind it sees the whole map.
                field = field.through(tuple(first.shape[2:]), (1, 1))
            output.field = field
        return output

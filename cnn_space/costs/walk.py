"""Walks over a net on the meta device: one record for each layer, its costs in closed form.

Nothing is computed and no weight is needed: shapes alone flow through the net's own forward, so
no net is described twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from cnn_space.costs import closed_forms
from cnn_space.costs.closed_forms import NOTHING, Layer, Pair, ReceptiveField, Shape

_WITH_PARAMETERS = (nn.Conv2d, nn.Linear, nn.BatchNorm2d)  # what may hold parameters
_LAYERS = (
    *_WITH_PARAMETERS,
    nn.MaxPool2d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
    nn.LocalResponseNorm,
)


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
    convolutions and linear layers. Raises what ``describe`` raises.
    """
    parameters = sum(parameter.numel() for parameter in net.parameters())
    return parameters, sum(record.layer.macs.value for record in describe(net, size))


def describe(
    net: nn.Module, size: int | Pair, *, auxiliary_heads: bool = False
) -> list[LayerRecord]:
    """One record for each convolution, pool, norm and linear layer, in the order they run.

    The net is walked in eval mode on an image [1, C, height, width], C being what its first
    convolution takes; it is left as it was. A layer that runs twice is listed twice, its
    parameters once. ``auxiliary_heads`` adds the layers of the auxiliary heads, which run in
    training alone.

    Raises SizeError (a ValueError that names the layer) for an image that does not fit. Raises
    ValueError, with the name, where costs would be missed: a module with parameters that is no
    2d convolution, linear layer or 2d batch norm; a layer that works on something else than one
    map or vector, or in a way of its own; a parameter that is used outside its layer.
    """
    size = (size, size) if isinstance(size, int) else tuple(size)
    _refuse_unknown_parameters(net)
    image = torch.empty(1, _image_channels(net), *size, device="meta")
    state = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    shapes = {name: torch.empty_like(value, device="meta") for name, value in state.items()}
    walk = _Walk(size, {id(shapes[name]): name for name, _ in net.named_parameters()})
    modes = {module: module.training for module in net.modules()}
    hooks = []
    try:
        for name, module in net.named_modules():
            if isinstance(module, _LAYERS):
                hooks.extend(walk.watch(name, module))
        net.eval()
        net.training = auxiliary_heads  # the net's own forward asks it; its layers stay in eval
        with torch.no_grad(), walk:
            functional_call(net, shapes, (image,))
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in modes.items():
            module.training = mode
    return walk.records


def _refuse_unknown_parameters(net: nn.Module) -> None:
    for name, module in net.named_modules():
        own = {key for key, _ in module.named_parameters(recurse=False)}
        if own and not (isinstance(module, _WITH_PARAMETERS) and own <= {"weight", "bias"}):
            where = name or "the net itself"
            raise ValueError(f"no closed form for the parameters of {where}, a {_kind(module)}")


def _image_channels(net: nn.Module) -> int:
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            return module.in_channels
    raise ValueError(f"a {type(net).__name__} without a Conv2d takes no image: nothing to count")


class _Walk(TorchFunctionMode):
    """One forward of a net: records its layers, and hands the receptive field on through
    whatever happens between them."""

    def __init__(self, size: Pair, parameters: dict[int, str]):
        super().__init__()
        self.size, self.parameters = size, parameters
        self.records: list[LayerRecord] = []
        self.running: Layer | None = None

    def watch(self, name: str, module: nn.Module) -> Iterator[RemovableHandle]:
        yield module.register_forward_pre_hook(partial(self._before, name))
        yield module.register_forward_hook(partial(self._after, name))

    def _before(self, name: str, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        what, source = _kind(module), inputs[0]
        if source.dim() != (2 if isinstance(module, nn.Linear) else 4) or len(source) != 1:
            got = " × ".join(map(str, source.shape))
            raise ValueError(f"no closed form for {name}, a {what}, on an input of {got}")
        shape = _shape(source)
        if isinstance(module, nn.Linear) and shape[0] != module.in_features:
            raise SizeError(name, what, shape, self.size, "values")
        try:
            self.running = _closed_form(name, module, shape)
        except ValueError as error:
            raise SizeError(name, what, shape, self.size, "window") from error

    def _after(self, name: str, module: nn.Module, inputs: tuple[Tensor, ...], output) -> None:
        layer, self.running = self.running, None
        result = _shape(output)
        if result != layer.result:
            raise ValueError(
                f"no closed form for {name}, a {_kind(module)}: it gives {result}, not the "
                f"{layer.result} of PyTorch's layer"
            )
        field = _field_of(inputs)
        if layer.kernel:
            field = field.through(layer.kernel, layer.stride, _pair(module, "dilation", 1))
        if any(record.name == name for record in self.records):
            layer = replace(layer, weights=NOTHING, biases=NOTHING, norm=NOTHING)
        self.records.append(LayerRecord(layer, field))
        output.field = field

    def __torch_function__(self, func, types, args=(), kwargs=None):
        values = (*args, *(kwargs or {}).values())
        output = func(*args, **(kwargs or {}))
        if not isinstance(output, Tensor):
            return output
        if self.running is None:
            self._refuse_parameters(func, values)
        if output.dim() > 1:
            field = _field_of(values)
            first = args[0] if args and isinstance(args[0], Tensor) else None
            if first is not None and first.dim() == 4 and output.dim() == 2:
                # Flattened: each value behind it sees the whole map.
                field = field.through(tuple(first.shape[2:]), (1, 1))
            output.field = field
        return output

    def _refuse_parameters(self, func, values: tuple) -> None:
        for value in values:
            if id(value) in self.parameters:
                name, function = self.parameters[id(value)], getattr(func, "__name__", str(func))
                raise ValueError(f"no closed form for {function} on {name}, outside its layer")


def _closed_form(name: str, module: nn.Module, source: Shape) -> Layer:
    """The layer that ``module`` is on a map or vector of this shape."""
    window = {
        "kernel": _pair(module, "kernel_size", 1),
        "stride": _pair(module, "stride", 1),
        "padding": _padding(module),
        "dilation": _pair(module, "dilation", 1),
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
            wanted = _pair(module, "output_size", 1)
            sides = tuple(w or s for w, s in zip(wanted, source[1:], strict=True))
            return closed_forms.adaptive_pool(name, source, sides)
        case nn.BatchNorm2d():
            return closed_forms.batch_norm(name, source, affine=module.affine)
        case nn.Linear():
            has_bias = module.bias is not None
            return closed_forms.linear(name, module.in_features, module.out_features, bias=has_bias)
    return Layer(name, "local norm", source, source)


def _kind(module: nn.Module) -> str:
    """``Conv2d 3×3``, ``MaxPool2d 2×2``, ``Linear``."""
    side = getattr(module, "kernel_size", None)
    kernel = f" {'×'.join(map(str, _pair(module, 'kernel_size', 1)))}" if side else ""
    return type(module).__name__ + kernel


def _pair(module: nn.Module, attribute: str, default: int) -> Pair:
    value = getattr(module, attribute, default)
    return tuple(value) if isinstance(value, tuple) else (value, value)


def _padding(module: nn.Module) -> Pair | str:
    """PyTorch allows "valid", no padding, and "same" besides numbers."""
    padding = getattr(module, "padding", 0)
    if padding == "same":
        return padding
    return (0, 0) if padding == "valid" else _pair(module, "padding", 0)


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

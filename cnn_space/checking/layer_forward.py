"""What each layer of torch.nn makes of a shape."""

from __future__ import annotations

import torch

from cnn_space.checking import ops
from cnn_space.checking.functional import FUNCTIONAL
from cnn_space.checking.layer_types import ACTIVATION_OPS, LAZY
from cnn_space.checking.recording import record, shown_shape
from cnn_space.checking.values import Failure, LayerType, Module, Tensor, Unknown, Value


def run(interpreter, module: Module, kind: LayerType, arguments: list) -> Value:
    """The output of a layer for the tensor ``arguments[0]``."""
    x: Tensor = arguments[0]
    layer = module.layer
    if module.fields.pop("<lazy>", None):
        _settle(module, kind, x)
        layer = module.layer
    name = LAZY.get(kind.name, kind.name)
    if name in ACTIVATION_OPS:
        details = _activation_details(name, layer)
        in_place = bool(getattr(layer, "inplace", False))
        return ops.same_shape(
            interpreter, x, ACTIVATION_OPS[name], details=details, module=module, in_place=in_place
        )
    handler = _HANDLERS.get(name) or _HANDLERS.get(name.rstrip("123d"))
    if handler is not None:
        return handler(interpreter, module, layer, x)
    if name.endswith("Loss"):
        return Unknown("failed", interpreter.line)
    return _generic(interpreter, module, layer, arguments)


def _settle(module: Module, kind: LayerType, x: Tensor) -> None:
    """Give a lazy layer the channels that reach it."""
    layer = module.layer
    weight = layer.weight
    channels = x.shape[-1] if kind.name == "LazyLinear" else x.shape[1]
    if kind.name.startswith("LazyBatchNorm"):
        module.layer = type(layer)(channels, layer.eps, layer.momentum, device="meta")
    elif kind.name == "LazyLinear":
        module.layer = type(layer)(
            channels, layer.out_features, bias=layer.bias is not None, device="meta"
        )
    else:
        module.layer = type(layer)(
            channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding,
            layer.dilation, layer.groups, layer.bias is not None, device="meta",
        )  # fmt: skip
    del weight
    module.parameters = {
        name: Tensor(value, parameter=True) if value is not None else None
        for name, value in module.layer._parameters.items()
    }


def _activation_details(name: str, layer: torch.nn.Module) -> dict:
    if name == "LeakyReLU":
        return {"slope": layer.negative_slope}
    return {"learned": True} if name == "PReLU" else {}


def _weight_shape(module: Module) -> tuple[int, ...]:
    weight = module.parameters.get("weight")
    return weight.shape if isinstance(weight, Tensor) else tuple(module.layer.weight.shape)


def _conv(interpreter, module, layer, x):
    return ops.conv(
        interpreter, x, _weight_shape(module), bias=layer.bias is not None, stride=layer.stride,
        padding=layer.padding, dilation=layer.dilation, groups=layer.groups, module=module,
        name=module.kind,
    )  # fmt: skip


def _transposed(interpreter, module, layer, x):
    return ops.transposed_conv(
        interpreter, x, _weight_shape(module), bias=layer.bias is not None, stride=layer.stride,
        padding=layer.padding, output_padding=layer.output_padding, dilation=layer.dilation,
        groups=layer.groups, module=module, name=module.kind,
    )  # fmt: skip


def _linear(interpreter, module, layer, x):
    weight = _weight_shape(module)
    return ops.linear(
        interpreter, x, weight, bias=layer.bias is not None, module=module, name=module.kind
    )


def _batch_norm(interpreter, module, layer, x):
    ranks = {"BatchNorm1d": (2, 3), "BatchNorm2d": (4,), "BatchNorm3d": (5,)}
    wanted = ranks.get(LAZY.get(module.layer_type.name, module.layer_type.name))
    if wanted and len(x.shape) not in wanted:
        raise Failure(
            "rank", layer=interpreter.name_of(module), made=module.line, wanted=wanted[0],
            got=shown_shape(x.shape), error="ValueError",
        )  # fmt: skip
    details = {"eps": layer.eps, "affine": layer.affine, "momentum": layer.momentum}
    return ops.norm(
        interpreter, x, "batch norm", layer.num_features, details=details, module=module
    )


def _instance_norm(interpreter, module, layer, x):
    channels = layer.num_features if layer.affine else 0
    return ops.norm(interpreter, x, "instance norm", channels, details={}, module=module)


def _group_norm(interpreter, module, layer, x):
    details = {"groups": layer.num_groups}
    return ops.norm(
        interpreter, x, "group norm", layer.num_channels, details=details, module=module
    )


def _layer_norm(interpreter, module, layer, x):
    wanted = tuple(layer.normalized_shape)
    if x.shape[-len(wanted) :] != wanted:
        interpreter.note_failure(
            Failure(
                "shape_norm",
                layer=interpreter.name_of(module),
                made=module.line,
                wanted=" × ".join(map(str, wanted)),
                got=x.shape[-1],
                shape=shown_shape(x.shape),
                source=interpreter.source_of(x),
                error="RuntimeError",
            )
        )
    return ops.same_shape(interpreter, x, "layer norm", module=module)


def _local_norm(interpreter, module, layer, x):
    details = {"size": layer.size, "alpha": layer.alpha, "beta": layer.beta, "k": layer.k}
    return ops.same_shape(interpreter, x, "local norm", details=details, module=module)


def _pool(op: str, rank: int):
    def handle(interpreter, module, layer, x):
        result = ops.pool(
            interpreter, x, op, kernel=layer.kernel_size, stride=layer.stride,
            padding=getattr(layer, "padding", 0), dilation=getattr(layer, "dilation", 1),
            ceil_mode=layer.ceil_mode if hasattr(layer, "ceil_mode") else False, rank=rank,
            module=module,
        )  # fmt: skip
        if getattr(layer, "return_indices", False):
            return (result, Tensor(result.raw, result.node))
        return result

    return handle


def _adaptive(op: str, rank: int):
    def handle(interpreter, module, layer, x):
        return ops.adaptive_pool(interpreter, x, op, layer.output_size, rank=rank, module=module)

    return handle


def _dropout(interpreter, module, layer, x):
    details = {"p": layer.p, "maps": not module.layer_type.name.endswith("Dropout")}
    return ops.same_shape(interpreter, x, "dropout", details=details, module=module)


def _softmax(interpreter, module, layer, x):
    name = {"LogSoftmax": "log softmax"}.get(module.layer_type.name, "softmax")
    dim = 1 if module.layer_type.name == "Softmax2d" else layer.dim
    return ops.same_shape(interpreter, x, name, details={"dim": dim}, module=module)


def _identity(interpreter, module, layer, x):
    return x


def _flatten(interpreter, module, layer, x):
    return flatten(interpreter, x, layer.start_dim, layer.end_dim)


def flatten(interpreter, x: Tensor, start: int, end: int) -> Tensor:
    """``torch.flatten``"""
    rank = len(x.shape)
    if not (type(start) is int and type(end) is int) or not (
        -rank <= start < max(rank, 1) and -rank <= end < max(rank, 1)
    ):
        raise Failure("dimension", dim=str(start)[:20], shape=shown_shape(x.shape))
    if rank == 2 and start % 2 == 1:
        return x
    raw = torch.flatten(x.raw, start, end)
    return ops.reshape(interpreter, x, raw, "flatten", start=start)


def _generic(interpreter, module: Module, layer, arguments: list) -> Value:
    """A layer that has no part of its own here: torch says what shape it gives."""
    raws = [a.raw if isinstance(a, Tensor) else a for a in arguments]
    tensors = [a for a in arguments if isinstance(a, Tensor)]
    try:
        with torch.no_grad():
            result = layer.eval()(*raws)
    except (RuntimeError, TypeError, ValueError, NotImplementedError, IndexError, AssertionError):
        raise Failure(
            "torch_refuses", name=module.kind,
            shapes=", ".join(shown_shape(t.shape) for t in tensors), error="RuntimeError",
        ) from None  # fmt: skip
    op = module.layer_type.name.lower()

    def wrap(value):
        if isinstance(value, torch.Tensor):
            return record(interpreter, op, tensors, value, module=module)
        return tuple(map(wrap, value)) if isinstance(value, tuple) else value

    return wrap(result)


def _upsample(interpreter, module, layer, x):
    return FUNCTIONAL["interpolate"](
        interpreter, [x], {"size": layer.size, "scale_factor": layer.scale_factor}
    )


def _pixel_shuffle(interpreter, module, layer, x):
    return FUNCTIONAL["pixel_shuffle"](interpreter, [x, layer.upscale_factor], {})


def _pad(interpreter, module, layer, x):
    return FUNCTIONAL["pad"](interpreter, [x, layer.padding], {})


_HANDLERS = {
    "Upsample": _upsample, "UpsamplingNearest2d": _upsample, "UpsamplingBilinear2d": _upsample,
    "PixelShuffle": _pixel_shuffle,
    **dict.fromkeys(("ZeroPad1d", "ZeroPad2d", "ZeroPad3d", "ConstantPad1d", "ConstantPad2d",
                     "ReflectionPad1d", "ReflectionPad2d", "ReplicationPad1d", "ReplicationPad2d",
                     "CircularPad2d"), _pad),
    "Conv1d": _conv, "Conv2d": _conv, "Conv3d": _conv,
    "ConvTranspose1d": _transposed, "ConvTranspose2d": _transposed, "ConvTranspose3d": _transposed,
    "Linear": _linear, "Identity": _identity, "Flatten": _flatten,
    "BatchNorm1d": _batch_norm, "BatchNorm2d": _batch_norm, "BatchNorm3d": _batch_norm,
    "SyncBatchNorm": _batch_norm,
    "InstanceNorm1d": _instance_norm, "InstanceNorm2d": _instance_norm,
    "InstanceNorm3d": _instance_norm,
    "GroupNorm": _group_norm, "LayerNorm": _layer_norm, "LocalResponseNorm": _local_norm,
    "CrossMapLRN2d": _local_norm,
    "Dropout": _dropout, "Dropout1d": _dropout, "Dropout2d": _dropout, "Dropout3d": _dropout,
    "AlphaDropout": _dropout, "DropPath": _dropout,
    "Softmax": _softmax, "LogSoftmax": _softmax, "Softmax2d": _softmax,
    **{f"MaxPool{n}d": _pool("max pool", n) for n in (1, 2, 3)},
    **{f"AvgPool{n}d": _pool("avg pool", n) for n in (1, 2, 3)},
    **{f"AdaptiveAvgPool{n}d": _adaptive("avg pool", n) for n in (1, 2, 3)},
    **{f"AdaptiveMaxPool{n}d": _adaptive("max pool", n) for n in (1, 2, 3)},
}  # fmt: skip

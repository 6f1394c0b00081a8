"""torch.nn.functional: each function with its arguments' names, and the operation it stands for."""

from __future__ import annotations

from cnn_space.checking import ops, shape_rules
from cnn_space.checking.layer_types import ACTIVATION_OPS
from cnn_space.checking.recording import record, shown_shape
from cnn_space.checking.values import Failure, Tensor, Unknown, Value, type_name


def _named(names: str, call, name: str):
    """``call(interpreter, x, **values)`` with positional arguments named by ``names``."""
    order = names.split()
    required = [n.rstrip("!") for n in order if n.endswith("!")]
    order = [n.rstrip("!") for n in order]

    def handle(interpreter, arguments: list, keywords: dict) -> Value:
        if len(arguments) > len(order):
            raise Failure("too_many_arguments", name=f"F.{name}", wanted=len(order),
                          got=len(arguments), error="TypeError")  # fmt: skip
        unknown = sorted(set(keywords) - set(order))
        if unknown:
            raise Failure("argument_unknown", name=f"F.{name}", argument=unknown[0], known=order,
                          error="TypeError")  # fmt: skip
        values = dict(zip(order, arguments, strict=False)) | keywords
        missing = [n for n in required if n not in values]
        if missing:
            raise Failure("argument_missing", name=f"F.{name}", argument=missing[0],
                          error="TypeError")  # fmt: skip
        x = values.pop(order[0])
        if isinstance(x, Unknown):
            return x
        if not isinstance(x, Tensor):
            raise Failure("layer_input", name=f"F.{name}", what=type_name(x), error="TypeError")
        return call(interpreter, x, **values)

    return handle


def _activation(op: str, names: str):
    def call(interpreter, x, **values):
        details = {"slope": values.get("negative_slope", 0.01)} if op == "leaky relu" else {}
        in_place = bool(values.get("inplace"))
        return ops.same_shape(interpreter, x, op, details=details, in_place=in_place)

    return call, names


_ACTIVATIONS = {
    "relu": _activation("relu", "input! inplace"),
    "relu_": _activation("relu", "input!"),
    "relu6": _activation("relu6", "input! inplace"),
    "leaky_relu": _activation("leaky relu", "input! negative_slope inplace"),
    "elu": _activation("elu", "input! alpha inplace"),
    "selu": _activation("selu", "input! inplace"),
    "celu": _activation("celu", "input! alpha inplace"),
    "gelu": _activation("gelu", "input! approximate"),
    "silu": _activation("silu", "input! inplace"),
    "mish": _activation("mish", "input! inplace"),
    "hardswish": _activation("hardswish", "input! inplace"),
    "hardsigmoid": _activation("hardsigmoid", "input! inplace"),
    "hardtanh": _activation("hardtanh", "input! min_val max_val inplace"),
    "sigmoid": _activation("sigmoid", "input!"),
    "tanh": _activation("tanh", "input!"),
    "softplus": _activation("softplus", "input! beta threshold"),
    "softsign": _activation("softsign", "input!"),
    "logsigmoid": _activation("logsigmoid", "input!"),
    "rrelu": _activation("rrelu", "input! lower upper training inplace"),
    "threshold": _activation("threshold", "input! threshold value inplace"),
    "prelu": _activation("prelu", "input! weight!"),
    "normalize": _activation("normalize", "input! p dim eps"),
}


def _weighted(op):
    def call(interpreter, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
        return op(interpreter, x, weight.shape, bias=bias is not None, stride=stride,
                  padding=padding, dilation=dilation, groups=groups)  # fmt: skip

    return call


def _transposed(interpreter, x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1,
                dilation=1):  # fmt: skip
    return ops.transposed_conv(
        interpreter, x, weight.shape, bias=bias is not None, stride=stride, padding=padding,
        output_padding=output_padding, dilation=dilation, groups=groups,
    )  # fmt: skip


def _linear(interpreter, x, weight, bias=None):
    return ops.linear(interpreter, x, weight.shape, bias=bias is not None)


def _pool(op: str, rank: int):
    def call(interpreter, x, kernel_size, stride=None, padding=0, *, dilation=1, ceil_mode=False,
             return_indices=False, count_include_pad=True, divisor_override=None):  # fmt: skip
        return ops.pool(interpreter, x, op, kernel=kernel_size, stride=stride, padding=padding,
                        dilation=dilation, ceil_mode=ceil_mode, rank=rank)  # fmt: skip

    return call


def _adaptive(op: str, rank: int):
    def call(interpreter, x, output_size, return_indices=False):
        return ops.adaptive_pool(interpreter, x, op, output_size, rank=rank)

    return call


def _dropout(maps: bool):
    def call(interpreter, x, p=0.5, training=None, inplace=False):
        details = {"p": p, "maps": maps, "function": True, "training": training}
        return ops.same_shape(interpreter, x, "dropout", details=details)

    return call


def _softmax(op: str):
    def call(interpreter, x, dim=None, _stacklevel=3, dtype=None):
        return ops.same_shape(interpreter, x, op, details={"dim": dim})

    return call


def _batch_norm(interpreter, x, running_mean=None, running_var=None, weight=None, bias=None,
                training=False, momentum=0.1, eps=1e-5):  # fmt: skip
    channels = running_mean.shape[0] if isinstance(running_mean, Tensor) else 0
    details = {"eps": eps, "affine": weight is not None}
    return ops.norm(interpreter, x, "batch norm", channels, details=details)


def _local_norm(interpreter, x, size, alpha=1e-4, beta=0.75, k=1.0):
    details = {"size": size, "alpha": alpha, "beta": beta, "k": k}
    return ops.same_shape(interpreter, x, "local norm", details=details)


def _layer_norm(interpreter, x, normalized_shape, weight=None, bias=None, eps=1e-5):
    return ops.same_shape(interpreter, x, "layer norm")


def _group_norm(interpreter, x, num_groups, weight=None, bias=None, eps=1e-5):
    return ops.norm(interpreter, x, "group norm", 0, details={"groups": num_groups})


def _pad(interpreter, x, pad, mode="constant", value=None):
    return _shaped(interpreter, "pad", x, shape_rules.padded, tuple(pad))


def _interpolate(interpreter, x, size=None, scale_factor=None, mode="nearest", align_corners=None,
                 recompute_scale_factor=None, antialias=False):  # fmt: skip
    return _shaped(interpreter, "upsample", x, shape_rules.upsampled, size, scale_factor)


def _shuffle(interpreter, x, upscale_factor):
    return _shaped(
        interpreter, "pixel shuffle", x,
        lambda shape, factor: shape_rules.RULES["pixel_shuffle"]([x, factor], {}), upscale_factor,
    )  # fmt: skip


def _shaped(interpreter, name: str, x: Tensor, rule, *arguments) -> Tensor:
    """``x`` in the shape that ``rule`` gives."""
    try:
        shape = rule(x.shape, *arguments)
    except (TypeError, ValueError, IndexError):
        raise Failure("torch_refuses", name=name, shapes=shown_shape(x.shape),
                      error="RuntimeError") from None  # fmt: skip
    return record(interpreter, name, [x], shape)


def _loss(interpreter, x, **values):
    return Unknown("failed", interpreter.line)


_WEIGHTED_NAMES = "input! weight! bias stride padding dilation groups"
_POOL_NAMES = "input! kernel_size! stride padding dilation ceil_mode return_indices"
_AVERAGE_NAMES = "input! kernel_size! stride padding ceil_mode count_include_pad divisor_override"
_DROPOUT_NAMES = "input! p training inplace"
_SPECS = {
    **_ACTIVATIONS,
    **{f"conv{n}d": (_weighted(ops.conv), _WEIGHTED_NAMES) for n in (1, 2, 3)},
    **{
        f"conv_transpose{n}d": (
            _transposed, "input! weight! bias stride padding output_padding groups dilation")
        for n in (1, 2, 3)
    },
    "linear": (_linear, "input! weight! bias"),
    **{f"max_pool{n}d": (_pool("max pool", n), _POOL_NAMES) for n in (1, 2, 3)},
    **{f"avg_pool{n}d": (_pool("avg pool", n), _AVERAGE_NAMES) for n in (1, 2, 3)},
    **{f"adaptive_avg_pool{n}d": (_adaptive("avg pool", n), "input! output_size!")
       for n in (1, 2, 3)},
    **{f"adaptive_max_pool{n}d": (_adaptive("max pool", n), "input! output_size! return_indices")
       for n in (1, 2, 3)},
    "dropout": (_dropout(False), _DROPOUT_NAMES),
    "dropout1d": (_dropout(True), _DROPOUT_NAMES),
    "dropout2d": (_dropout(True), _DROPOUT_NAMES),
    "dropout3d": (_dropout(True), _DROPOUT_NAMES),
    "alpha_dropout": (_dropout(False), _DROPOUT_NAMES),
    "softmax": (_softmax("softmax"), "input! dim _stacklevel dtype"),
    "log_softmax": (_softmax("log softmax"), "input! dim _stacklevel dtype"),
    "batch_norm": (
        _batch_norm, "input! running_mean running_var weight bias training momentum eps"),
    "local_response_norm": (_local_norm, "input! size! alpha beta k"),
    "layer_norm": (_layer_norm, "input! normalized_shape! weight bias eps"),
    "group_norm": (_group_norm, "input! num_groups! weight bias eps"),
    "pad": (_pad, "input! pad! mode value"),
    "interpolate": (_interpolate, "input! size scale_factor mode align_corners "
                                  "recompute_scale_factor antialias"),
    "upsample": (_interpolate, "input! size scale_factor mode align_corners"),
    "pixel_shuffle": (_shuffle, "input! upscale_factor!"),
    "cross_entropy": (_loss, "input! target weight size_average ignore_index reduce reduction "
                             "label_smoothing"),
    "nll_loss": (_loss, "input! target weight size_average ignore_index reduce reduction"),
    "mse_loss": (_loss, "input! target size_average reduce reduction weight"),
}  # fmt: skip
FUNCTIONAL = {name: _named(names, call, name) for name, (call, names) in _SPECS.items()}

__all__ = ["ACTIVATION_OPS", "FUNCTIONAL"]

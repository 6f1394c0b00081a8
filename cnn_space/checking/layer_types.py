"""The classes of torch.nn that a text may make, and what each is called here."""

from __future__ import annotations

import torch
from torch import nn

from cnn_space.checking.values import LayerType

MODULE = LayerType("Module")
SEQUENTIAL = LayerType("Sequential", None, (MODULE,))
MODULE_LIST = LayerType("ModuleList", None, (MODULE,))
MODULE_DICT = LayerType("ModuleDict", None, (MODULE,))
PARAMETER_LIST = LayerType("ParameterList", None, (MODULE,))
_CONV_BASE = LayerType("_ConvNd", None, (MODULE,))
_NORM_BASE = LayerType("_BatchNorm", None, (MODULE,))

_BUILT = """
Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d
Linear Bilinear Identity Flatten Unflatten Embedding
BatchNorm1d BatchNorm2d BatchNorm3d SyncBatchNorm InstanceNorm1d InstanceNorm2d InstanceNorm3d
GroupNorm LayerNorm RMSNorm LocalResponseNorm CrossMapLRN2d
MaxPool1d MaxPool2d MaxPool3d AvgPool1d AvgPool2d AvgPool3d LPPool2d
AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d
AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d
ReLU ReLU6 LeakyReLU PReLU ELU SELU CELU GELU SiLU Mish Hardswish Hardsigmoid Hardtanh Sigmoid Tanh
Softplus Softsign RReLU Threshold Hardshrink Softshrink Tanhshrink LogSigmoid GLU
Dropout Dropout1d Dropout2d Dropout3d AlphaDropout FeatureAlphaDropout
Softmax LogSoftmax Softmax2d Softmin
Upsample UpsamplingNearest2d UpsamplingBilinear2d PixelShuffle PixelUnshuffle ChannelShuffle
ZeroPad1d ZeroPad2d ZeroPad3d ConstantPad1d ConstantPad2d ConstantPad3d
ReflectionPad1d ReflectionPad2d ReplicationPad1d ReplicationPad2d CircularPad2d
Unfold Fold LSTM GRU RNN LSTMCell GRUCell MultiheadAttention
CrossEntropyLoss NLLLoss MSELoss L1Loss BCELoss BCEWithLogitsLoss SmoothL1Loss KLDivLoss
""".split()  # noqa: SIM905

LAZY = {
    f"Lazy{name}": name
    for name in (
        "Conv1d",
        "Conv2d",
        "Conv3d",
        "Linear",
        "BatchNorm1d",
        "BatchNorm2d",
        "BatchNorm3d",
    )
}


def _parents(name: str) -> tuple[LayerType, ...]:
    if name.startswith("Conv"):
        return (_CONV_BASE, MODULE)
    if name.startswith(("BatchNorm", "SyncBatchNorm", "InstanceNorm")):
        return (_NORM_BASE, MODULE)
    return (MODULE,)


LAYER_TYPES: dict[str, LayerType] = {
    "Module": MODULE,
    "Sequential": SEQUENTIAL,
    "ModuleList": MODULE_LIST,
    "ModuleDict": MODULE_DICT,
    "ParameterList": PARAMETER_LIST,
    **{
        name: LayerType(name, getattr(nn, name), _parents(name))
        for name in _BUILT
        if hasattr(nn, name)
    },
    **{name: LayerType(name, getattr(nn, plain), _parents(plain)) for name, plain in LAZY.items()},
}
BASES = {"_ConvNd": _CONV_BASE, "_BatchNorm": _NORM_BASE}
NN_NAMES = frozenset(name for name in dir(nn) if not name.startswith("_"))
F_NAMES = frozenset(name for name in dir(nn.functional) if not name.startswith("_"))
TORCH_NAMES = frozenset(name for name in dir(torch) if not name.startswith("_"))

# What may be read of a layer, besides its parameters.
READABLE = frozenset(
    [
        "in_channels",
        "out_channels",
        "kernel_size",
        "stride",
        "padding",
        "dilation",
        "groups",
        "padding_mode",
        "output_padding",
        "in_features",
        "out_features",
        "num_features",
        "eps",
        "momentum",
        "affine",
        "track_running_stats",
        "normalized_shape",
        "num_groups",
        "num_channels",
        "p",
        "inplace",
        "dim",
        "start_dim",
        "end_dim",
        "output_size",
        "ceil_mode",
        "count_include_pad",
        "return_indices",
        "scale_factor",
        "mode",
        "align_corners",
        "size",
        "upscale_factor",
        "negative_slope",
        "alpha",
        "num_parameters",
        "hidden_size",
        "input_size",
        "num_layers",
        "embedding_dim",
        "num_embeddings",
        "embed_dim",
        "num_heads",
        "k",
        "beta",
        "transposed",
        "min_val",
        "max_val",
        "value",
    ]
)

ACTIVATION_OPS = {
    "ReLU": "relu", "ReLU6": "relu6", "LeakyReLU": "leaky relu", "PReLU": "prelu", "ELU": "elu",
    "SELU": "selu", "CELU": "celu", "GELU": "gelu", "SiLU": "silu", "Mish": "mish",
    "Hardswish": "hardswish", "Hardsigmoid": "hardsigmoid", "Hardtanh": "hardtanh",
    "Sigmoid": "sigmoid", "Tanh": "tanh", "Softplus": "softplus", "Softsign": "softsign",
    "RReLU": "rrelu", "Threshold": "threshold", "Hardshrink": "hardshrink",
    "Softshrink": "softshrink", "Tanhshrink": "tanhshrink", "LogSigmoid": "logsigmoid",
}  # fmt: skip
# Operations that bend: all of those, and the gated linear unit.
ACTIVATIONS = frozenset((*ACTIVATION_OPS.values(), "glu"))

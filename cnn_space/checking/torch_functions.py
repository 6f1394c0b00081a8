"""Functions of torch and torch.nn.functional, and methods and attributes of tensors.

A table holds every one that a text may call: those of a net's layers go to `ops`, the rest to
torch itself on the meta device, by names fixed here.
"""

from __future__ import annotations

import ast
from math import prod

import torch
import torch.nn.functional as F

from cnn_space.checking.functional import FUNCTIONAL
from cnn_space.checking.tensor_handlers import (
    ACTIVATIONS,
    ELEMENTWISE,
    activation,
    arithmetic,
    concat,
    create,
    elementwise,
    flatten,
    item,
    numbers_of,
    on_meta,
    size,
    view,
)
from cnn_space.checking.tensor_operations import binary, generic
from cnn_space.checking.values import Namespace, Native, Raised, Tensor, Value

# Functions whose shape torch works out on the meta device.
_GENERIC = """
transpose permute squeeze unsqueeze expand expand_as repeat repeat_interleave narrow select t
movedim swapaxes mean sum max min amax amin std var prod norm argmax argmin topk all any
matmul bmm mm einsum addmm baddbmm outer dot tile unbind chunk split tensor_split stack where
cumprod sort index_select gather masked_select zeros_like ones_like rand_like randn_like empty_like
full_like bernoulli std_mean var_mean logsumexp unfold rot90 diagonal tril triu broadcast_to cdist
concat hstack vstack dstack swapdims scatter count_nonzero maximum minimum addcmul meshgrid
equal new_zeros new_ones new_empty new_full
""".split()  # noqa: SIM905
_CREATE = "zeros ones empty rand randn full randint eye randperm".split()  # noqa: SIM905


# --- handlers of tensors' methods and of torch's functions with a tensor first --------------------


def _shared() -> dict:
    """What is a function of torch and a method of tensors alike."""
    table = {name: elementwise(name) for name in ELEMENTWISE}
    table |= {name: activation(name, op) for name, op in ACTIVATIONS.items()}
    for name, op in (
        ("add", ast.Add),
        ("sub", ast.Sub),
        ("mul", ast.Mult),
        ("div", ast.Div),
        ("subtract", ast.Sub),
        ("multiply", ast.Mult),
        ("true_divide", ast.Div),
    ):
        table[name] = arithmetic(name, op)
        table[f"{name}_"] = arithmetic(f"{name}_", op)
    table["flatten"], table["reshape"] = flatten, view
    for name in ("softmax", "log_softmax", "dropout"):
        table[name] = FUNCTIONAL[name]
    return table


FUNCTIONS: dict = {
    **{n: on_meta(n, getattr(torch, n)) for n in _GENERIC if hasattr(torch, n)},
    **_shared(),
    **{n: create(n) for n in _CREATE},
    **{n: numbers_of(n) for n in ("tensor", "linspace", "arange", "range", "as_tensor")},
    "cat": concat, "concat": concat, "concatenate": concat,
    "numel": lambda i, a, k: prod(a[0].shape),
    "is_tensor": lambda i, a, k: isinstance(a[0], Tensor),
    "conv2d": FUNCTIONAL["conv2d"], "batch_norm": FUNCTIONAL["batch_norm"],
    "adaptive_avg_pool2d": lambda i, a, k: FUNCTIONAL["adaptive_avg_pool2d"](i, a, k),
    "avg_pool2d": FUNCTIONAL["avg_pool2d"], "max_pool2d": FUNCTIONAL["max_pool2d"],
}  # fmt: skip
METHODS: dict = {
    **{n: on_meta(n, getattr(torch.Tensor, n)) for n in _GENERIC if hasattr(torch.Tensor, n)},
    **_shared(),
    "view": view, "size": size, "item": item, "tolist": item, "view_as": (
        lambda i, a, k: view(i, [a[0], *a[1].shape], {})),
    "dim": lambda i, a, k: len(a[0].shape), "numel": lambda i, a, k: prod(a[0].shape),
    "nelement": lambda i, a, k: prod(a[0].shape), "ndimension": lambda i, a, k: len(a[0].shape),
    "numpy": lambda i, a, k: a[0], "backward": lambda i, a, k: None,
    "is_floating_point": lambda i, a, k: True, "register_hook": lambda i, a, k: None,
}  # fmt: skip
_SAFE_UNKNOWN = ("to", "cuda", "type", "normal_", "copy_", "fill_", "uniform_")


def attribute(interpreter, x: Tensor, name: str, missing: Value) -> Value:
    """An attribute or a bound method of a tensor."""
    if name in METHODS and name not in ("data", "requires_grad"):
        method = METHODS[name]
        return Native(
            name, lambda i, a, k: method(i, [x, *a], k), safe_unknown=name in _SAFE_UNKNOWN
        )
    match name:
        case "shape":
            return x.shape
        case "ndim":
            return len(x.shape)
        case "data" | "real":
            return x
        case "T" | "mT":
            return generic(interpreter, "permute", lambda t: t.transpose(-1, -2), [x], {})
        case "device" | "dtype" | "grad_fn" | "layout":
            return Namespace(f"tensor.{name}")
        case "is_cuda" | "requires_grad" | "is_meta" | "is_quantized":
            return False
        case "grad":
            return None
    return missing


def functional_table() -> dict[str, Native]:
    """torch.nn.functional"""
    table = {name: Native(f"F.{name}", call) for name, call in FUNCTIONAL.items()}
    for name in (
        "grid_sample",
        "affine_grid",
        "one_hot",
        "fold",
        "unfold",
        "pixel_unshuffle",
        "cosine_similarity",
        "pairwise_distance",
        "scaled_dot_product_attention",
    ):
        table[name] = Native(f"F.{name}", on_meta(name, getattr(F, name)))
    return table


def torch_table() -> dict[str, Native]:
    """torch"""
    return {name: Native(f"torch.{name}", call) for name, call in FUNCTIONS.items()}


__all__ = ["METHODS", "Raised", "attribute", "binary", "functional_table", "torch_table"]

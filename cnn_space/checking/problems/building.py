"""What went wrong while a net was made and run, as findings."""

from __future__ import annotations

import ast

from cnn_space.checking.problem import Problem
from cnn_space.checking.problems import mends
from cnn_space.checking.values import Failure

# Failures that are the text's own fault; all others count as not understood.
WRONG = frozenset(
    ("attribute_unknown", "argument_missing", "argument_unknown", "argument_twice",
     "too_many_arguments", "shape_conv", "shape_linear", "shape_norm", "shape_view", "shape_add",
     "shape_concat", "window", "rank", "missing_super", "container_called", "no_forward",
     "import_unknown", "unpack", "not_a_module", "layer_arguments", "concat_values", "raises",
     "layer_input", "pool_padding", "dimension", "torch_refuses")
)  # fmt: skip
# Of these, the ones that a wrong guess of arguments or of the image's size may bring about.
BY_GUESS = frozenset(
    ("shape_conv", "shape_linear", "shape_norm", "shape_view", "shape_add", "shape_concat",
     "window",
     "raises", "layer_arguments", "dimension", "torch_refuses", "not_a_module", "layer_input",
     "rank", "argument_missing", "argument_unknown", "too_many_arguments", "attribute_unknown",
     "unpack", "pool_padding")
)  # fmt: skip


def to_problem(failure: Failure, tree: ast.Module) -> Problem:
    """A failure as a finding, with its correction where a number written in the text is wrong."""
    values = {k: _shown(v) for k, v in failure.values.items() if k != "error"}
    kind = failure.kind
    edits = ()
    also = ()
    if kind in ("shape_conv", "shape_norm", "shape_linear"):
        made = failure.values["made"]
        also = mends.other(made, failure.line)
        wanted, got = failure.values["wanted"], failure.values["got"]
        layers = {"shape_conv": ("Conv2d",), "shape_norm": ("BatchNorm2d", "BatchNorm1d"),
                  "shape_linear": ("Linear",)}[kind]  # fmt: skip
        merged = not str(failure.values["shape"]).startswith("[N,")
        if merged and kind == "shape_linear":
            kind = "shape_linear_merged"
        for layer in layers if type(wanted) is int and not merged else ():
            edits = edits or mends.literal_argument(tree, made, layer, wanted, got)
    if kind == "attribute_unknown" and failure.values.get("near"):
        kind, values["near"] = "attribute_unknown_near", failure.values["near"][0]
    elif kind == "import_unknown":
        values["near"] = ", ".join(failure.values.get("near") or ())
    return Problem(kind, failure.line or 1, values, edits=edits, also=also)


def _shown(value):
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value

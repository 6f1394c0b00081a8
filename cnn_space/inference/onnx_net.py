"""A net as an ONNX graph: its forward is traced, and each step becomes the ONNX operator of the
same meaning. torch's own exporter takes 5 s a net, this 0.1 to 1 s."""

import operator
from collections.abc import Callable, Sequence

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from cnn_space.inference.onnx_values import make_model


def to_onnx(net: nn.Module, size: int) -> onnx.ModelProto:
    """``net`` (in eval mode) as a model from ``images`` [N, 3, size, size] to ``logits`` [N, K],
    float32 both, N free.

    Raises ValueError, with its name, for a step that has no ONNX operator here.
    """
    if net.training:
        raise ValueError("only a net in eval mode can be exported: call net.eval() first")
    graph = _Tracer().trace(net)
    traced = fx.GraphModule(net, graph)
    with torch.inference_mode():  # one run, which tells the shapes
        ShapeProp(traced).propagate(torch.zeros(1, 3, size, size))
    return _Writer(traced).model()


class _Tracer(fx.Tracer):
    """Looks into every container, also into a slice of one, which is no part of the net."""

    def call_module(self, module, forward, args, kwargs):
        if isinstance(module, nn.Sequential):
            return forward(*args, **kwargs)
        return super().call_module(module, forward, args, kwargs)


class _Writer:
    """Writes the nodes of one traced net."""

    def __init__(self, traced: fx.GraphModule):
        self.traced = traced
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: list[onnx.TensorProto] = []

    def model(self) -> onnx.ModelProto:
        first, *_, last = self.traced.graph.nodes
        for node in self.traced.graph.nodes:
            if node.op.startswith("call_"):
                self._write(node)
        result = last.args[0]
        self.nodes.append(helper.make_node("Identity", [result.name], ["logits"]))
        self.nodes.insert(0, helper.make_node("Identity", ["images"], [first.name]))
        inputs, outputs = (
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *_shape(node)[1:]])
            for name, node in (("images", first), ("logits", result))
        )
        graph = helper.make_graph(self.nodes, "net", [inputs], [outputs], self.tensors)
        return make_model(graph)

    def _write(self, node: fx.Node) -> None:
        """The operators of one step of the net."""
        if node.op == "call_module":
            module = self.traced.get_submodule(node.target)
            write = _MODULES.get(type(module))
            what = f"{node.target}, a {type(module).__name__}"
        else:
            module, write = None, _FUNCTIONS.get(node.target)
            what = getattr(node.target, "__name__", node.target)
        if write is None:
            raise ValueError(f"there is no ONNX operator here for {what}")
        write(self, node, module)

    def add(
        self, kind: str, node: fx.Node, *more: str, inputs: Sequence | None = None, **attributes
    ):
        """Add the operator ``kind``; it gives the value of ``node`` from those of ``inputs``
        (default: its first argument) and from the tensors called ``more``."""
        values = [value.name for value in (node.args[:1] if inputs is None else inputs)]
        self.nodes.append(helper.make_node(kind, [*values, *more], [node.name], **attributes))

    def tensor(self, node: fx.Node, key: str, value: torch.Tensor | np.ndarray) -> str:
        """Add a constant tensor of ``node``; gives its name."""
        name = f"{node.name}.{key}"
        values = value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value
        self.tensors.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name


# One function a kind of step. Their arguments are the writer, the step, and its module if any.


def _conv(writer: _Writer, node: fx.Node, conv: nn.Conv2d) -> None:
    if isinstance(conv.padding, str) or conv.padding_mode != "zeros":
        raise ValueError(f"there is no ONNX operator here for {node.target}: its padding")
    names = [writer.tensor(node, "weight", conv.weight)]
    if conv.bias is not None:
        names.append(writer.tensor(node, "bias", conv.bias))
    writer.add("Conv", node, *names, **_window(conv), group=conv.groups)


def _batch_norm(writer: _Writer, node: fx.Node, norm: nn.BatchNorm2d) -> None:
    keys = ("weight", "bias", "running_mean", "running_var")
    names = [writer.tensor(node, key, getattr(norm, key)) for key in keys]
    writer.add("BatchNormalization", node, *names, epsilon=norm.eps)


def _linear(writer: _Writer, node: fx.Node, linear: nn.Linear) -> None:
    names = [writer.tensor(node, "weight", linear.weight)]
    if linear.bias is not None:
        names.append(writer.tensor(node, "bias", linear.bias))
    writer.add("Gemm", node, *names, transB=1)


def _max_pool(writer: _Writer, node: fx.Node, pool: nn.MaxPool2d) -> None:
    writer.add("MaxPool", node, **_window(pool), ceil_mode=int(pool.ceil_mode))


def _avg_pool(writer: _Writer, node: fx.Node, pool: nn.AvgPool2d) -> None:
    counted = {"count_include_pad": int(pool.count_include_pad), "ceil_mode": int(pool.ceil_mode)}
    writer.add("AveragePool", node, **_window(pool), **counted)


def _adaptive_avg_pool(writer: _Writer, node: fx.Node, _: nn.AdaptiveAvgPool2d) -> None:
    """As two products with matrices of averages: ONNX has no such pool but to one value."""
    have, want = _shape(node.args[0])[2:], _shape(node)[2:]
    if want == (1, 1):
        writer.add("GlobalAveragePool", node)
    elif have == want:
        writer.add("Identity", node)
    else:
        rows = writer.tensor(node, "rows", _averages(have[0], want[0]))
        columns = writer.tensor(node, "columns", _averages(have[1], want[1]).T)
        narrow = f"{node.name}.narrow"
        writer.nodes.append(helper.make_node("MatMul", [node.args[0].name, columns], [narrow]))
        writer.nodes.append(helper.make_node("MatMul", [rows, narrow], [node.name]))


def _averages(have: int, want: int) -> np.ndarray:
    """The matrix [want, have] that averages as an adaptive pool does."""
    matrix = np.zeros((want, have), np.float32)
    for i in range(want):
        start, end = i * have // want, -(-(i + 1) * have // want)
        matrix[i, start:end] = 1 / (end - start)
    return matrix


def _local_norm(writer: _Writer, node: fx.Node, norm: nn.LocalResponseNorm) -> None:
    writer.add("LRN", node, size=norm.size, alpha=norm.alpha, beta=norm.beta, bias=norm.k)


def _flatten(writer: _Writer, node: fx.Node, _) -> None:
    if node.args[1:] != (1,) or node.kwargs:
        raise ValueError("there is no ONNX operator here for a flatten that is not flatten(1)")
    writer.add("Flatten", node, axis=1)


def _concatenate(writer: _Writer, node: fx.Node, _) -> None:
    axis = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
    writer.add("Concat", node, inputs=node.args[0], axis=axis)


def _add(writer: _Writer, node: fx.Node, _) -> None:
    writer.add("Add", node, inputs=node.args)


def _plain(kind: str) -> Callable:
    return lambda writer, node, _: writer.add(kind, node)


_MODULES = {
    nn.Conv2d: _conv,
    nn.BatchNorm2d: _batch_norm,
    nn.Linear: _linear,
    nn.MaxPool2d: _max_pool,
    nn.AvgPool2d: _avg_pool,
    nn.AdaptiveAvgPool2d: _adaptive_avg_pool,
    nn.LocalResponseNorm: _local_norm,
    nn.ReLU: _plain("Relu"),
    nn.Dropout: _plain("Identity"),
    nn.Identity: _plain("Identity"),
}
_FUNCTIONS = {
    F.relu: _plain("Relu"),
    torch.cat: _concatenate,
    operator.add: _add,
    "flatten": _flatten,
}


def _window(layer: nn.Module) -> dict[str, list[int]]:
    """Kernel, stride, padding and dilation of a convolution or a pool as ONNX has them."""
    kernel, stride, padding = (
        _pair(getattr(layer, key)) for key in ("kernel_size", "stride", "padding")
    )
    window = {"kernel_shape": kernel, "strides": stride, "pads": padding * 2}
    dilation = _pair(getattr(layer, "dilation", 1))
    return window | ({"dilations": dilation} if dilation != [1, 1] else {})


def _pair(value: int | tuple[int, int]) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value)


def _shape(node: fx.Node) -> tuple[int, ...]:
    return tuple(node.meta["tensor_meta"].shape)

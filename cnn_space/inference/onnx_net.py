"""A net as an ONNX graph: its forward runs once, and each step becomes the ONNX operator of the
same meaning. torch's own exporter takes 5 s a net, this 0.1 to 1 s; and other threads may go on
meanwhile, whose steps torch.fx would record, too."""

from collections.abc import Callable, Sequence

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnn_space.inference.onnx_values import make_model
from cnn_space.models.heads import sharing_copy


def to_onnx(net: nn.Module, size: int) -> onnx.ModelProto:
    """``net`` (in eval mode) as a model from ``images`` [N, 3, size, size] to ``logits`` [N, K],
    float32 both, N free.

    Raises ValueError, with its name, for a step that has no ONNX operator here.
    """
    if net.training:
        raise ValueError("only a net in eval mode can be exported: call net.eval() first")
    net = sharing_copy(net)  # the hooks below are for this run alone
    images = torch.zeros(1, 3, size, size)
    recorder = _Recorder(images)
    for name, module in net.named_modules():
        if type(module) in _MODULES:
            recorder.watch(name, module)
    with torch.inference_mode(), recorder:
        logits = net(images)
    return recorder.model(images, logits)


class _Recorder(TorchFunctionMode):
    """Writes a node for each step of one forward: for a layer as a whole, and for functions that
    are called between layers."""

    def __init__(self, images: Tensor):
        super().__init__()
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: list[onnx.TensorProto] = []
        self._is_in_layer = False
        self._seen = [images]  # all results, so that none gets the identity of another
        self._names = {id(images): "images"}

    def watch(self, name: str, layer: nn.Module) -> None:
        """Record ``layer`` whenever it runs."""

        def before(module, args) -> None:
            self._is_in_layer = True

        def after(module, args, result: Tensor) -> None:
            step = _Step(self, f"{name}_{len(self.nodes)}", args, {}, result, module)
            _MODULES[type(module)](step)
            self._keep(result, step.name)
            self._is_in_layer = False

        layer.register_forward_pre_hook(before)
        layer.register_forward_hook(after)

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if self._is_in_layer or not isinstance(result, Tensor):
            return result
        name = getattr(function, "__name__", str(function))
        if function not in _FUNCTIONS:
            raise ValueError(f"there is no ONNX operator here for {name}")
        step = _Step(self, f"{name}_{len(self.nodes)}", args, kwargs or {}, result)
        _FUNCTIONS[function](step)
        self._keep(result, step.name)
        return result

    def _keep(self, result: Tensor, name: str) -> None:
        self._seen.append(result)
        self._names[id(result)] = name

    def name_of(self, value: Tensor) -> str:
        """The name of a result of an earlier step."""
        if id(value) not in self._names:
            raise ValueError("there is no ONNX operator here for a tensor from outside of a layer")
        return self._names[id(value)]

    def model(self, images: Tensor, logits: Tensor) -> onnx.ModelProto:
        """What was recorded, as a model from ``images`` to ``logits``."""
        self.nodes.append(helper.make_node("Identity", [self.name_of(logits)], ["logits"]))
        inputs, outputs = (
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *tensor.shape[1:]])
            for name, tensor in (("images", images), ("logits", logits))
        )
        graph = helper.make_graph(self.nodes, "net", [inputs], [outputs], self.tensors)
        return make_model(graph)


class _Step:
    """One step of a forward: a function or a layer, its arguments and its result."""

    def __init__(self, recorder: _Recorder, name: str, args, kwargs, result: Tensor, layer=None):
        self.recorder, self.name, self.layer = recorder, name, layer
        self.args, self.kwargs = args, kwargs
        self.have, self.want = getattr(args[0], "shape", None), result.shape

    def add(self, kind: str, *more: str, inputs: Sequence[Tensor] | None = None, **attributes):
        """Add the operator ``kind``; it gives the result from ``inputs`` (default: the first
        argument) and from the tensors called ``more``."""
        values = self.args[:1] if inputs is None else inputs
        self.node(kind, [*map(self.recorder.name_of, values), *more], self.name, **attributes)

    def node(self, kind: str, inputs: list[str], output: str, **attributes) -> None:
        self.recorder.nodes.append(helper.make_node(kind, inputs, [output], **attributes))

    def tensor(self, key: str, value: Tensor | np.ndarray) -> str:
        """Add a constant tensor; gives its name."""
        name = f"{self.name}.{key}"
        values = value.detach().cpu().numpy() if isinstance(value, Tensor) else value
        self.recorder.tensors.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name


# One function a kind of step.


def _conv(step: _Step) -> None:
    conv = step.layer
    if isinstance(conv.padding, str) or conv.padding_mode != "zeros":
        raise ValueError(f"there is no ONNX operator here for the padding of {step.name}")
    names = [step.tensor("weight", conv.weight)]
    if conv.bias is not None:
        names.append(step.tensor("bias", conv.bias))
    step.add("Conv", *names, **_window(conv), group=conv.groups)


def _batch_norm(step: _Step) -> None:
    keys = ("weight", "bias", "running_mean", "running_var")
    names = [step.tensor(key, getattr(step.layer, key)) for key in keys]
    step.add("BatchNormalization", *names, epsilon=step.layer.eps)


def _linear(step: _Step) -> None:
    names = [step.tensor("weight", step.layer.weight)]
    if step.layer.bias is not None:
        names.append(step.tensor("bias", step.layer.bias))
    step.add("Gemm", *names, transB=1)


def _max_pool(step: _Step) -> None:
    step.add("MaxPool", **_window(step.layer), ceil_mode=int(step.layer.ceil_mode))


def _avg_pool(step: _Step) -> None:
    pool = step.layer
    counted = {"count_include_pad": int(pool.count_include_pad), "ceil_mode": int(pool.ceil_mode)}
    step.add("AveragePool", **_window(pool), **counted)


def _adaptive_avg_pool(step: _Step) -> None:
    """As two products with matrices of averages: ONNX has no such pool but to one value."""
    have, want = step.have[2:], step.want[2:]
    if want == (1, 1):
        step.add("GlobalAveragePool")
    elif have == want:
        step.add("Identity")
    else:
        rows = step.tensor("rows", _averages(have[0], want[0]))
        columns = step.tensor("columns", _averages(have[1], want[1]).T)
        narrow = f"{step.name}.narrow"
        step.node("MatMul", [step.recorder.name_of(step.args[0]), columns], narrow)
        step.node("MatMul", [rows, narrow], step.name)


def _averages(have: int, want: int) -> np.ndarray:
    """The matrix [want, have] that averages as an adaptive pool does."""
    matrix = np.zeros((want, have), np.float32)
    for i in range(want):
        start, end = i * have // want, -(-(i + 1) * have // want)
        matrix[i, start:end] = 1 / (end - start)
    return matrix


def _local_norm(step: _Step) -> None:
    norm = step.layer
    step.add("LRN", size=norm.size, alpha=norm.alpha, beta=norm.beta, bias=norm.k)


def _flatten(step: _Step) -> None:
    if step.args[1:] != (1,) or step.kwargs:
        raise ValueError("there is no ONNX operator here for a flatten that is not flatten(1)")
    step.add("Flatten", axis=1)


def _concatenate(step: _Step) -> None:
    axis = step.args[1] if len(step.args) > 1 else step.kwargs.get("dim", 0)
    step.add("Concat", inputs=step.args[0], axis=axis)


def _add(step: _Step) -> None:
    step.add("Add", inputs=step.args)


def _plain(kind: str) -> Callable[[_Step], None]:
    return lambda step: step.add(kind)


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
    Tensor.add: _add,
    Tensor.flatten: _flatten,
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

"""ONNX graphs written as arithmetic: ``(a + 1) / b`` adds the nodes that compute it."""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

OPSET, IR_VERSION = 18, 8  # read by every ONNX Runtime since 1.14


def make_model(graph: onnx.GraphProto) -> onnx.ModelProto:
    """``graph`` as a model of its own."""
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="CNN Space"
    )
    model.ir_version = IR_VERSION
    return model


class Graph:
    """The nodes and constants of a graph that is being written."""

    def __init__(self):
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def call(self, kind: str, *inputs: "Value | np.ndarray", **attributes) -> "Value":
        """The first result of the ONNX operator ``kind``."""
        names = [value.name if isinstance(value, Value) else self._keep(value) for value in inputs]
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, names, [name], **attributes))
        return Value(self, name)

    def _keep(self, array: np.ndarray) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name


class Value:
    """A tensor of a graph. Numbers beside it take the type that it was made with by ``cast``;
    of others, they are int64."""

    def __init__(self, graph: Graph, name: str, kind: type = np.int64):
        self.graph, self.name, self.kind = graph, name, kind

    def call(self, operator: str, *others, **attributes) -> "Value":
        """An ONNX operator on this tensor and others; the result is taken for one of its type."""
        inputs = [other if isinstance(other, Value) else self.kind(other) for other in others]
        result = self.graph.call(operator, self, *inputs, **attributes)
        return Value(self.graph, result.name, self.kind)

    def cast(self, kind: type) -> "Value":
        """This tensor with numbers of the numpy type ``kind``."""
        to = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
        return Value(self.graph, self.graph.call("Cast", self, to=to).name, kind)

    def __add__(self, other) -> "Value":
        return self.call("Add", other)

    def __sub__(self, other) -> "Value":
        return self.call("Sub", other)

    def __mul__(self, other) -> "Value":
        return self.call("Mul", other)

    def __truediv__(self, other) -> "Value":
        return self.call("Div", other)

    def __mod__(self, other) -> "Value":
        return self.call("Mod", other)

    def __lt__(self, other) -> "Value":
        return self.call("Less", other)

    def __ge__(self, other) -> "Value":
        return self.call("GreaterOrEqual", other)

    def __and__(self, other) -> "Value":
        return self.call("And", other)

    def __abs__(self) -> "Value":
        return self.call("Abs")

    def maximum(self, other) -> "Value":
        """The greater of both, value by value."""
        return self.call("Max", other)

    def minimum(self, other) -> "Value":
        """The smaller of both, value by value."""
        return self.call("Min", other)

    def floor(self) -> "Value":
        return self.call("Floor")

    def where(self, condition: "Value", other) -> "Value":
        """These values where the condition holds, ``other`` elsewhere."""
        other = other if isinstance(other, Value) else self.kind(other)
        result = self.graph.call("Where", condition, self, other)
        return Value(self.graph, result.name, self.kind)

    def sum(self, axes: Sequence[int], *, keep: bool = False) -> "Value":
        """The sum along the ``axes``."""
        result = self.graph.call("ReduceSum", self, np.array(axes), keepdims=int(keep))
        return Value(self.graph, result.name, self.kind)

    def sides(self, first: int) -> tuple["Value", "Value"]:
        """The lengths of the axes ``first`` and ``first + 1``, as single numbers."""
        lengths = [
            self.graph.call("Squeeze", self.graph.call("Shape", self, start=axis, end=axis + 1))
            for axis in (first, first + 1)
        ]
        return lengths[0], lengths[1]

"""The steps from a photo to a net's input as an ONNX graph, exact to the last bit: those of
``images.photo`` and ``images.preprocessing`` for RGB pixels."""

from collections.abc import Callable

import numpy as np
import onnx
from onnx import TensorProto, helper

from cnn_space.images.photo import NET_SIDE
from cnn_space.images.preprocessing import LONGEST, Preprocessing
from cnn_space.inference.onnx_values import Graph, Value, make_model

# Pillow scales with weights that are whole multiples of 1 / UNIT. Sums of them are exact in double
# precision. (ONNX's own Resize differs in a pixel here and there, and that shows in the third digit
# of a probability.)
UNIT = float(2**22)


def photo_to_images(preprocessing: Preprocessing) -> onnx.ModelProto:
    """A model from ``photo`` uint8 [N, H, W, 3] (RGB) to ``images`` float32 [N, 3, size, size].

    Raises ValueError for an interpolation that is not written here.
    """
    if preprocessing.interpolation not in _FILTERS:
        raise ValueError(
            f"{preprocessing.interpolation} interpolation cannot be exported: only "
            f"{' and '.join(_FILTERS)} can"
        )
    graph = Graph()
    photo = _without_ends(_reduced(Value(graph, "photo", np.uint8)))
    pixels = _center(photo, preprocessing).cast(np.float32) / 255
    mean, std = (
        np.array(values, np.float32).reshape(1, 3, 1, 1)
        for values in (preprocessing.mean, preprocessing.std)
    )
    images = graph.call("Div", graph.call("Sub", pixels, mean), std)
    graph.nodes.append(helper.make_node("Identity", [images.name], ["images"]))
    size = preprocessing.size
    inputs = helper.make_tensor_value_info("photo", TensorProto.UINT8, ["N", "H", "W", 3])
    outputs = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", 3, size, size])
    return make_model(helper.make_graph(graph.nodes, "photo", [inputs], [outputs], graph.constants))


def _reduced(photo: Value) -> Value:
    """[N, H, W, 3]: a large photo as the means of blocks; those at its ends may be cut short."""
    graph = photo.graph
    height, width = photo.sides(1)
    block = (height.minimum(width) / (2 * NET_SIDE)).maximum(1)
    below, beside = ((block - side % block) % block for side in (height, width))  # that are missing
    padded = graph.call("Pad", photo, _vector(0, 0, 0, 0, 0, below, beside, 0))
    rows, columns = (height + below) / block, (width + beside) / block
    blocks = graph.call("Reshape", padded, _vector(0, rows, block, columns, block, 3))
    sums = Value(graph, blocks.name).cast(np.int64).sum((2, 4))
    heights, widths = (
        (side - graph.call("Range", np.int64(0), side, block)).minimum(block)
        for side in (height, width)
    )
    area = graph.call("Unsqueeze", heights, np.array([1, 2])) * graph.call(
        "Unsqueeze", widths, np.array([1])
    )
    # Pillow multiplies by 2^24 / area, which it cuts off to a whole number.
    factor = graph.call("Div", np.float32(2**24), area.cast(np.float32))
    return (sums + area / 2) * Value(graph, factor.name).cast(np.int64) / 2**24


def _without_ends(photo: Value) -> Value:
    """[N, H, W, 3]: a panorama without its ends."""
    height, width = photo.sides(1)
    longest = height.minimum(width) * LONGEST
    starts = [(side - longest).maximum(0) / 2 for side in (height, width)]
    ends = [side - start for side, start in zip((height, width), starts, strict=True)]
    cut = photo.graph.call("Slice", photo, _vector(*starts), _vector(*ends), np.array([1, 2]))
    return Value(photo.graph, cut.name)


def _center(photo: Value, preprocessing: Preprocessing) -> Value:
    """[N, 3, size, size]: the centre of the photo whose shorter side is scaled to ``resize``. As in
    Pillow the rows are scaled first, and rounded before the columns are."""
    height, width = photo.sides(1)
    shorter = height.minimum(width)
    tall, wide = (
        _scaling(side, side * preprocessing.resize / shorter, preprocessing)
        for side in (height, width)
    )
    pixels = photo.call("Transpose", perm=[0, 3, 1, 2]).cast(np.float64)
    narrow = _rounded(pixels.call("MatMul", wide.call("Transpose", perm=[1, 0])))
    return _rounded(tall.call("MatMul", narrow))


def _rounded(sums: Value) -> Value:
    """Multiples of 1 / UNIT as pixels of 8 bits."""
    return ((sums + UNIT / 2) / UNIT).floor().maximum(0).minimum(255)


def _scaling(pixels: Value, scaled: Value, preprocessing: Preprocessing) -> Value:
    """The matrix [size, pixels] that scales one side of ``pixels`` pixels to ``scaled`` of them
    and cuts out the centre, in units of 1 / UNIT; see Pillow's ``precompute_coeffs``."""
    graph, size = pixels.graph, preprocessing.size
    support, weigh = _FILTERS[preprocessing.interpolation]
    corner = ((scaled - size).cast(np.float64) / 2).call("Round")  # half to even, as in Python
    scale = pixels.cast(np.float64) / scaled.cast(np.float64)
    stretch = scale.maximum(1)
    center = (corner + (np.arange(size) + 0.5)[:, None]) * scale
    places = graph.call("Range", np.int64(0), pixels, np.int64(1))
    places = Value(graph, places.name).cast(np.float64)
    first, behind = ((center + stretch * side + 0.5).floor() for side in (-support, support))
    weights = weigh(abs((places - center + 0.5) / stretch))
    weights = weights.where((places >= first) & (places < behind), 0)
    units = weights / weights.sum((1,), keep=True) * UNIT
    return (abs(units) + 0.5).floor() * units.call("Sign")


def _bilinear(x: Value) -> Value:
    return (x * -1 + 1).maximum(0)


def _bicubic(x: Value) -> Value:
    """Keys 1981 with a = -1/2, in Pillow's order of steps."""
    inner = (x * 1.5 - 2.5) * x * x + 1
    outer = (((x - 5) * x + 8) * x - 4) * -0.5
    return inner.where(x < 1, outer.where(x < 2, 0))


# How far a filter reaches, and its weight at a distance.
_FILTERS: dict[str, tuple[int, Callable[[Value], Value]]] = {
    "bicubic": (2, _bicubic),
    "bilinear": (1, _bilinear),
}


def _vector(*numbers: int | Value) -> Value:
    """Single numbers as a vector int64."""
    graph = next(number.graph for number in numbers if isinstance(number, Value))
    parts = [
        graph.call("Unsqueeze", number, np.array([0]))
        if isinstance(number, Value)
        else np.array([number])
        for number in numbers
    ]
    return graph.call("Concat", *parts, axis=0)

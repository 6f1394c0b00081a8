"""What a layer costs, in closed form. No torch here.

Terms, kept apart everywhere: *parameters* are stored (weights, biases, batch norm's scale and
shift); *multiplications* are done; a *MAC* is one multiplication with its addition, counted for
convolutions and linear layers alone, for one image; *FLOPs* are 2 × MACs.
"""

from dataclasses import dataclass
from math import prod
from typing import Literal

Pair = tuple[int, int]  # (vertical, horizontal)
Shape = tuple[int, int, int]  # (channels, height, width)

BYTES = 4  # of one float32 value


@dataclass(frozen=True)
class Working:
    """A whole number that remembers how it was worked out: a sum of products."""

    products: tuple[tuple[int, ...], ...] = ()

    @property
    def value(self) -> int:
        return sum(prod(factors) for factors in self.products)

    def __add__(self, other: "Working") -> "Working":
        return Working(self.products + other.products)

    def __str__(self) -> str:
        """``14·14·48·5·5·480 = 112,896,000``"""
        if not self.products:
            return "0"
        terms = ["·".join(map(str, factors)) for factors in self.products]
        return f"{' + '.join(terms)} = {self.value:,}"


NOTHING = Working()


@dataclass(frozen=True)
class Layer:
    """One layer: what goes in, what comes out, and what it costs for one image."""

    name: str
    kind: str  # "conv", "linear", "max pool", "avg pool", "batch norm", "local norm"
    source: Shape
    result: Shape
    kernel: Pair | None = None
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    weights: Working = NOTHING
    biases: Working = NOTHING
    norm: Working = NOTHING  # batch norm's learned scale and shift
    macs: Working = NOTHING
    scaling: Working = NOTHING  # multiplications by batch norm's scale

    @property
    def parameters(self) -> Working:
        return self.weights + self.biases + self.norm

    @property
    def multiplications(self) -> Working:
        """Those inside the MACs, and batch norm's one for each value where it is not folded."""
        return self.macs + self.scaling

    @property
    def flops(self) -> Working:
        return Working(tuple((2, *factors) for factors in self.macs.products))

    @property
    def memory(self) -> Working:
        """Bytes of the output of one image in float32."""
        return Working(((BYTES, *self.result),))


def output_size(
    size: int,
    kernel: int,
    stride: int = 1,
    padding: int = 0,
    *,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> int:
    """Side of the map that a convolution or pool gives on a side of ``size`` (PyTorch's rule).

    Raises ValueError where no window fits.
    """
    free = size + 2 * padding - dilation * (kernel - 1) - 1
    steps = -(-free // stride) if ceil_mode else free // stride
    # With ceil_mode the last window must begin on the image or its first padding, not beyond.
    if ceil_mode and steps * stride >= size + padding:
        steps -= 1
    if steps < 0:
        reach = dilation * (kernel - 1) + 1
        raise ValueError(f"a window of {reach} does not fit a side of {size} (padding {padding})")
    return steps + 1


def _map_size(
    source: Shape, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool
) -> Pair:
    return tuple(
        output_size(*side, dilation=far, ceil_mode=ceil_mode)
        for *side, far in zip(source[1:], kernel, stride, padding, dilation, strict=True)
    )


def conv(
    name: str,
    source: Shape,
    channels: int,
    kernel: Pair,
    *,
    stride: Pair = (1, 1),
    padding: Pair | Literal["same"] = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
    bias: bool = False,
    batch_norm: bool = False,
) -> Layer:
    """A convolution, with the batch norm behind it if there is one.

    ``padding="same"`` keeps the size of the map; the stride is then 1.
    Raises ValueError where the kernel does not fit the map.
    """
    if padding == "same":
        height, width = source[1:]
        # Behind a kernel of even side PyTorch pads one pixel more at the right and the bottom.
        padding = tuple(far * (side - 1) // 2 for side, far in zip(kernel, dilation, strict=True))
    else:
        # PyTorch has no ceil_mode for convolutions.
        height, width = _map_size(source, kernel, stride, padding, dilation, False)
    window = kernel if kernel != (1, 1) else ()
    each = (*window, source[0] // groups)  # the weights of one output channel
    return Layer(
        name,
        "conv",
        source,
        (channels, height, width),
        kernel,
        stride,
        padding,
        weights=Working(((channels, *each),)),
        biases=Working(((channels,),)) if bias else NOTHING,
        norm=Working(((2, channels),)) if batch_norm else NOTHING,
        macs=Working(((height, width, channels, *each),)),
        scaling=Working(((height, width, channels),)) if batch_norm else NOTHING,
    )


def pool(
    name: str,
    source: Shape,
    kernel: Pair,
    *,
    kind: str = "max pool",
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    ceil_mode: bool = False,
) -> Layer:
    """A pool: nothing stored, no MACs. Raises ValueError where the window does not fit."""
    height, width = _map_size(source, kernel, stride, padding, dilation, ceil_mode)
    return Layer(name, kind, source, (source[0], height, width), kernel, stride, padding)


def linear(name: str, inputs: int, outputs: int, *, bias: bool = True) -> Layer:
    """A fully connected layer: as many MACs as weights."""
    weights = Working(((inputs, outputs),))
    return Layer(
        name,
        "linear",
        (inputs, 1, 1),
        (outputs, 1, 1),
        weights=weights,
        biases=Working(((outputs,),)) if bias else NOTHING,
        macs=weights,
    )


def adaptive_pool(name: str, source: Shape, sides: Pair) -> Layer:
    """An average pool to a map of the given sides: windows from ⌊i·in/out⌋ to ⌈(i+1)·in/out⌉."""
    windows = (
        max(-(-(i + 1) * size // side) - i * size // side for i in range(side))
        for size, side in zip(source[1:], sides, strict=True)
    )
    steps = (max(1, size // side) for size, side in zip(source[1:], sides, strict=True))
    result = (source[0], *sides)
    return Layer(name, "avg pool", source, result, tuple(windows), tuple(steps))


def batch_norm(name: str, source: Shape, *, affine: bool = True) -> Layer:
    """Batch norm: a scale and a shift for each channel. The running statistics are buffers."""
    return Layer(
        name,
        "batch norm",
        source,
        source,
        norm=Working(((2, source[0]),)) if affine else NOTHING,
        scaling=Working((source,)),
    )


@dataclass(frozen=True)
class ReceptiveField:
    """What one value of a map sees of the image, and the map's stride: both in pixels."""

    size: Pair = (1, 1)
    stride: Pair = (1, 1)

    def through(self, kernel: Pair, stride: Pair, dilation: Pair = (1, 1)) -> "ReceptiveField":
        """The field behind a layer with this kernel and stride."""
        grown = (
            side + (window - 1) * far * step
            for side, window, far, step in zip(
                self.size, kernel, dilation, self.stride, strict=True
            )
        )
        steps = (mine * its for mine, its in zip(self.stride, stride, strict=True))
        return ReceptiveField(tuple(grown), tuple(steps))

    def widest(self, other: "ReceptiveField") -> "ReceptiveField":
        """What meets where two branches join."""
        return ReceptiveField(
            tuple(map(max, self.size, other.size)), tuple(map(max, self.stride, other.stride))
        )

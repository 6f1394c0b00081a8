"""What a layer costs, in closed form, and the Inception module built from it. No torch here.

Terms, kept apart everywhere: *parameters* are stored (weights, biases, batch norm's scale and
shift); *multiplications* are done; a *MAC* is one multiplication with its addition, counted for
convolutions and linear layers alone, for one image; *FLOPs* are 2 × MACs.

The module: Szegedy et al., "Going Deeper with Convolutions" (2014), section 4, figure 2, table 1.
"""

from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from math import prod

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
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
    bias: bool = False,
    batch_norm: bool = False,
) -> Layer:
    """A convolution, with the batch norm behind it if there is one.

    Raises ValueError where the kernel does not fit the map.
    """
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
class Field:
    """Receptive field of one value of a map, and the map's stride, in pixels of the image."""

    size: Pair = (1, 1)
    stride: Pair = (1, 1)

    def through(self, kernel: Pair, stride: Pair, dilation: Pair = (1, 1)) -> "Field":
        """The field behind a layer with this kernel and stride."""
        grown = (
            side + (window - 1) * far * step
            for side, window, far, step in zip(
                self.size, kernel, dilation, self.stride, strict=True
            )
        )
        steps = (mine * its for mine, its in zip(self.stride, stride, strict=True))
        return Field(tuple(grown), tuple(steps))

    def widest(self, other: "Field") -> "Field":
        """What meets where two branches join."""
        return Field(
            tuple(map(max, self.size, other.size)), tuple(map(max, self.stride, other.stride))
        )


# --- the Inception module -------------------------------------------------------------------

SIDE_LIMIT = 4_096  # pixels; far beyond any photo a net is shown
CHANNEL_LIMIT = 65_536
KERNELS_5X5 = (5, 3, "3+3")


class FieldError(ValueError):
    """A number that no module can have: ``name`` says which, ``reason`` is "whole" or "range"."""

    def __init__(self, name: str, value: object, reason: str):
        self.name, self.value, self.reason = name, value, reason
        self.limit = SIDE_LIMIT if name in ("height", "width") else CHANNEL_LIMIT
        super().__init__(f"{name} must be a whole number from 1 to {self.limit:,}, got {value!r}")


def whole_number(name: str, value: object) -> int:
    """``value`` as a size or width called ``name``; 28.0 is 28. Raises FieldError."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise FieldError(name, value, "whole")
    limit = SIDE_LIMIT if name in ("height", "width") else CHANNEL_LIMIT
    if not 1 <= value <= limit:
        raise FieldError(name, value, "range")
    if value != int(value):
        raise FieldError(name, value, "whole")
    return int(value)


@dataclass(frozen=True)
class Inception:
    """An Inception module on a map of ``height`` × ``width``; widths named as in torchvision.

    ``kernel5x5`` is 5 (as published), 3 (as torchvision has it) or "3+3" (two 3×3, Inception v2).
    ``reduction=False`` is the naive module: no 1×1 before the large kernels, the pool unprojected.
    Raises FieldError (a ValueError) for a number that is not whole, below 1 or enormous.
    """

    height: int
    width: int
    in_channels: int
    ch1x1: int
    ch3x3red: int
    ch3x3: int
    ch5x5red: int
    ch5x5: int
    pool_proj: int
    kernel5x5: int | str = field(default=5, kw_only=True)
    reduction: bool = field(default=True, kw_only=True)
    batch_norm: bool = field(default=False, kw_only=True)
    bias: bool = field(default=False, kw_only=True)

    def __post_init__(self):
        for name in NUMBERS:
            object.__setattr__(self, name, whole_number(name, getattr(self, name)))
        if self.kernel5x5 not in KERNELS_5X5:
            raise ValueError(f"kernel5x5 must be one of {KERNELS_5X5}, got {self.kernel5x5!r}")

    @property
    def source(self) -> Shape:
        return (self.in_channels, self.height, self.width)

    @cached_property
    def branches(self) -> tuple[tuple[Layer, ...], ...]:
        """The four branches, each a row of layers, named as in torchvision's state dict."""
        large = {5: (5,), 3: (3,), "3+3": (3, 3)}[self.kernel5x5]
        rows = [
            [(self.ch1x1, 1)],
            [(self.ch3x3red, 1), (self.ch3x3, 3)],
            [(self.ch5x5red, 1), *((self.ch5x5, kernel) for kernel in large)],
        ]
        if not self.reduction:
            rows[1:] = [row[1:] for row in rows[1:]]
        built = [self._row(f"branch{number}", row) for number, row in enumerate(rows, 1)]
        name = "branch4.0" if self.reduction else "branch4"
        last = [pool(name, self.source, (3, 3), padding=(1, 1))]
        if self.reduction:
            last.append(self._conv("branch4.1", self.source, self.pool_proj, 1))
        return (*built, tuple(last))

    def _row(self, branch: str, row: list[Pair]) -> tuple[Layer, ...]:
        layers, shape = [], self.source
        for index, (channels, kernel) in enumerate(row):
            name = branch if len(row) == 1 else f"{branch}.{index}"
            layers.append(self._conv(name, shape, channels, kernel))
            shape = layers[-1].result
        return tuple(layers)

    def _conv(self, name: str, source: Shape, channels: int, side: int) -> Layer:
        return conv(
            name,
            source,
            channels,
            (side, side),
            padding=(side // 2, side // 2),  # the map keeps its size, so branches can be joined
            bias=self.bias,
            batch_norm=self.batch_norm,
        )

    @property
    def layers(self) -> tuple[Layer, ...]:
        return tuple(layer for branch in self.branches for layer in branch)

    @property
    def result(self) -> Shape:
        """Shape of the branches joined."""
        return (sum(b[-1].result[0] for b in self.branches), self.height, self.width)

    def total(self, quantity: str) -> int:
        """Sum over the layers of "parameters", "weights", "macs", "memory", …"""
        return sum(getattr(layer, quantity).value for layer in self.layers)

    @property
    def parameters(self) -> int:
        return self.total("parameters")

    @property
    def macs(self) -> int:
        return self.total("macs")

    @property
    def naive(self) -> "Inception":
        """The same module without reductions."""
        return replace(self, reduction=False)

    @property
    def reduced(self) -> "Inception":
        """The same module with reductions."""
        return replace(self, reduction=True)


NUMBERS = tuple(f.name for f in fields(Inception) if not f.kw_only)

# Table 1 of the paper: height, width, in, 1×1, 3×3 reduce, 3×3, 5×5 reduce, 5×5, pool projection.
PRESETS: dict[str, tuple[int, ...]] = {
    "3a": (28, 28, 192, 64, 96, 128, 16, 32, 32),
    "3b": (28, 28, 256, 128, 128, 192, 32, 96, 64),
    "4a": (14, 14, 480, 192, 96, 208, 16, 48, 64),
    "4b": (14, 14, 512, 160, 112, 224, 24, 64, 64),
    "4c": (14, 14, 512, 128, 128, 256, 24, 64, 64),
    "4d": (14, 14, 512, 112, 144, 288, 32, 64, 64),
    "4e": (14, 14, 528, 256, 160, 320, 32, 128, 128),
    "5a": (7, 7, 832, 256, 160, 320, 32, 128, 128),
    "5b": (7, 7, 832, 384, 192, 384, 48, 128, 128),
}

# What Table 1 prints for them, in K and M: parameters, operations. For the eye, never a test.
PRINTED: dict[str, Pair] = {
    "3a": (159, 128),
    "3b": (380, 304),
    "4a": (364, 73),
    "4b": (437, 88),
    "4c": (463, 100),
    "4d": (580, 119),
    "4e": (840, 170),
    "5a": (1072, 54),
    "5b": (1388, 71),
}


def chain(first: Inception, *, name: str = "3a") -> dict[str, Inception]:
    """The modules from ``name`` to 5b, each fed by the one before it.

    ``first`` stands in for ``name``; those behind it have the paper's widths and ``first``'s
    switches. Before 4a and 5a the map is halved by the paper's 3×3 pool of stride 2; the chain ends
    where no window of that pool fits, at a side of one pixel, and where a module would take more
    channels than one may have.
    """
    module, modules = first, {name: first}
    names = list(PRESETS)
    for following in names[names.index(name) + 1 :]:
        shape = module.result
        if following in ("4a", "5a"):
            if 1 in shape[1:]:
                break
            # The sizes 28 and 14 are halved exactly only with ceil_mode.
            shape = pool("pool", shape, (3, 3), stride=(2, 2), ceil_mode=True).result
        channels, height, width = shape
        widths = PRESETS[following][3:]
        sizes = dict(zip(NUMBERS, (height, width, channels, *widths), strict=True))
        try:
            module = modules[following] = replace(first, **sizes)
        except FieldError:
            break
    return modules

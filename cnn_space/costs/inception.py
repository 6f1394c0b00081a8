"""The Inception module and its naive twin in closed form, and the chain of them in GoogLeNet.

Szegedy et al., "Going deeper with convolutions", 2015, section 4, figure 2 and table 1. No torch.
"""

from dataclasses import dataclass, field, fields, replace
from functools import cached_property

from cnn_space.costs.closed_forms import Layer, Shape, conv, pool
from cnn_space.models.googlenet_table import KERNELS_5X5, TABLE_1

SIDE_LIMIT = 4_096  # pixels; far beyond any photo a net is shown
CHANNEL_LIMIT = 65_536


def limit(name: str) -> int:
    """The largest number called ``name`` that a module can have; the least is 1."""
    return SIDE_LIMIT if name in ("height", "width") else CHANNEL_LIMIT


class FieldError(ValueError):
    """A number that no module can have: ``name`` says which, ``reason`` is "whole" or "range"."""

    def __init__(self, name: str, value: object, reason: str):
        self.name, self.value, self.reason = name, value, reason
        self.limit = limit(name)
        super().__init__(f"{name} must be a whole number from 1 to {self.limit:,}, got {value!r}")


def whole_number(name: str, value: object) -> int:
    """``value`` as a size or width called ``name``; 28.0 is 28. Raises FieldError."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise FieldError(name, value, "whole")
    if not 1 <= value <= limit(name):
        raise FieldError(name, value, "range")
    if value != int(value):
        raise FieldError(name, value, "whole")
    return int(value)


@dataclass(frozen=True)
class InceptionCosts:
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

    def _row(self, branch: str, row: list[tuple[int, int]]) -> tuple[Layer, ...]:
        """The layers of ``branch``, one for each (channels, side of the kernel) in ``row``."""
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
    def naive(self) -> "InceptionCosts":
        """The same module without reductions."""
        return replace(self, reduction=False)

    @property
    def reduced(self) -> "InceptionCosts":
        """The same module with reductions."""
        return replace(self, reduction=True)


NUMBERS = tuple(f.name for f in fields(InceptionCosts) if not f.kw_only)

# The presets of table 1, each in the order of NUMBERS, for an image of 224 pixels.
PRESETS: dict[str, tuple[int, ...]] = {
    name: (row.side, row.side, row.in_channels, *row.widths) for name, row in TABLE_1.items()
}
# What the table prints for them: parameters in thousands, operations in millions.
PRINTED: dict[str, tuple[int, int]] = {
    name: (row.printed_params, row.printed_ops) for name, row in TABLE_1.items()
}


def chain(first: InceptionCosts, *, name: str = "3a") -> dict[str, InceptionCosts]:
    """The modules from ``name`` to 5b, each fed by the one before it.

    ``first`` takes the place of ``name``; the modules after it have the paper's widths and the
    switches of ``first``. Before 4a and 5a the map is halved by the paper's 3×3 pool of stride 2.
    The chain ends where no window of that pool fits, at a side of one pixel, and where a module
    would take more channels than one may have.
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

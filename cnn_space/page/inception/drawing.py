"""The Inception module as a drawing: where its boxes and lines stand, and how heavy they are.

One lane a branch; a line is as thick and a box as tinted as its share of the module's MACs.
``templates/drawing.html`` turns this into SVG. A phone gets a drawing of its own, because a lane of
three boxes does not fit 390 pixels. A drawing grows with its numbers: each has room for itself, and
no line runs through it.
"""

from dataclasses import dataclass, field
from math import sqrt

from cnn_space.costs.closed_forms import Layer, Shape
from cnn_space.costs.inception import InceptionCosts

BOX = 80  # height of a box
LANE = 20  # between two lanes
LETTER = 7.2  # width of a digit, about
BEND = 24  # where lines curve to their part of the result; no number stands there


@dataclass(frozen=True)
class Box:
    """One layer. ``role`` is the key of the word beside its kernel, ``share`` its part 0..1 of the
    module's MACs."""

    x: float
    y: float
    width: float
    layer: Layer
    role: str
    share: float
    height: float = BOX


@dataclass(frozen=True)
class Line:
    """An edge between two boxes: an SVG path and the thickness of its stroke."""

    path: str
    thickness: float


@dataclass(frozen=True)
class Width:
    """The number of channels on an edge; ``centred`` on x, or starting there."""

    x: float
    y: float
    channels: int
    centred: bool = True


@dataclass(frozen=True)
class Segment:
    """The part of the result that one branch makes."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Terminal:
    """The input (``word`` "input") or the joined result ("output") with its shape."""

    word: str
    x: float
    y: float
    width: float
    height: float
    shape: Shape


@dataclass
class Drawing:
    """A module's drawing, in units of its view box."""

    module: InceptionCosts
    width: float
    height: float
    box_width: float
    lines: list[Line] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    widths: list[Width] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    terminals: list[Terminal] = field(default_factory=list)

    def share(self, layer: Layer) -> float:
        """The layer's part of the module's MACs, 0..1."""
        return layer.macs.value / max(self.module.macs, 1)

    def thickness(self, into: Layer | None) -> float:
        """Of the line into a layer; None is the line out of the last one, which does no work."""
        return 1.2 + (7.8 * sqrt(self.share(into)) if into else 0)

    def add_box(self, x: float, y: float, layer: Layer, branch: tuple[Layer, ...]) -> None:
        role = _role(layer, branch)
        self.boxes.append(Box(x, y, self.box_width, layer, role, self.share(layer)))

    def add_line(self, path: str, into: Layer | None) -> None:
        self.lines.append(Line(path, self.thickness(into)))

    def add_width(self, x: float, y: float, channels: int, into: Layer | None) -> None:
        """The channels of the line at height ``y``, just above it."""
        self.widths.append(Width(x, y - 4 - self.thickness(into) / 2, channels))


def _role(layer: Layer, branch: tuple[Layer, ...]) -> str:
    if layer.kind == "max pool":
        return "max_pool"
    if layer.kernel != (1, 1) or len(branch) == 1:
        return "conv"
    return "reduce" if layer is branch[0] else "project"


def _room(*channels: int) -> float:
    """The width that the longest of these numbers takes on a line."""
    return LETTER * max(len(f"{number:,}") for number in channels) + 9


def _box_width(module: InceptionCosts, least: float) -> float:
    """Wide enough for "663,552 parameters"."""
    most = max(layer.parameters.value for layer in module.layers)
    return max(least, LETTER * (len(f"{most:,}") + 10) + 14)


def wide(module: InceptionCosts) -> Drawing:
    """Left to right: the input, four lanes, the branches joined by their widths."""
    columns = max(2, *(len(branch) for branch in module.branches))
    gap = max(34, _room(module.in_channels, *(layer.result[0] for layer in module.layers)))
    height, end = 4 * BOX + 3 * LANE, 60  # end: width of the input and of the result
    box_width = _box_width(module, 138 if columns == 3 else 222)
    right = end + columns * (gap + box_width) + gap + BEND
    drawing = Drawing(module, right + end, height, box_width)
    top = 0.0
    for index, branch in enumerate(module.branches):
        y = index * (BOX + LANE)
        middle = y + BOX / 2
        # A branch's last layer stands in the last column, its first in the first.
        places = list(range(columns - len(branch), columns))
        if len(branch) > 1:
            places[0] = 0
        x, channels = end, module.in_channels
        for place, layer in zip(places, branch, strict=True):
            left = end + gap + place * (box_width + gap)
            drawing.add_line(f"M{x:g} {middle:g}H{left:g}", layer)
            drawing.add_width(left - gap / 2, middle, channels, layer)
            drawing.add_box(left, y, layer, branch)
            x, channels = left + box_width, layer.result[0]
        part = height * channels / module.result[0]
        since, bend, target = right - BEND, right - BEND / 2, top + part / 2
        curve = f"C{bend:g} {middle:g} {bend:g} {target:g} {right:g} {target:g}"
        drawing.add_line(f"M{x:g} {middle:g}H{since:g}{curve}", None)
        drawing.add_width((x + since) / 2, middle, channels, None)
        drawing.segments.append(Segment(right, top, end, part))
        top += part
    drawing.terminals = [
        Terminal("input", 0, 0, end, height, module.source),
        Terminal("output", right, 0, end, height, module.result),
    ]
    return drawing


def narrow(module: InceptionCosts) -> Drawing:
    """Top to bottom for a phone: lanes of two boxes; a third box goes under the second."""
    end = 34  # height of the input and of the result
    box_width = _box_width(module, 140)
    left_rail, entry = 8, max(30, _room(module.in_channels))
    gap = max(28, _room(*(branch[0].result[0] for branch in module.branches)))
    first = left_rail + entry
    columns = (first, first + box_width + gap)
    width = columns[1] + box_width + 12
    right_rail = width - 4
    drawing = Drawing(module, width, 0, box_width)
    y, first_out, last_in = end + LANE, 0.0, 0.0
    for branch in module.branches:
        last_in = y + BOX / 2
        out = _narrow_lane(drawing, branch, y, columns, (left_rail, right_rail))
        first_out = first_out or out
        y += (BOX + LANE) * max(1, len(branch) - 1)
    drawing.add_line(f"M{left_rail} {end}V{last_in + 0.6:g}", None)
    drawing.add_line(f"M{right_rail} {first_out - 0.6:g}V{y:g}", None)
    start = 0.0
    for branch in module.branches:
        part = width * branch[-1].result[0] / module.result[0]
        drawing.segments.append(Segment(start, y, part, end))
        start += part
    drawing.terminals = [
        Terminal("input", 0, 0, width, end, module.source),
        Terminal("output", 0, y, width, end, module.result),
    ]
    drawing.height = y + end
    return drawing


def _narrow_lane(
    drawing: Drawing,
    branch: tuple[Layer, ...],
    y: float,
    columns: tuple[float, float],
    rails: tuple[float, float],
) -> float:
    """One branch from the left rail to the right one; the height at which it leaves."""
    places = [(1, 0)] if len(branch) == 1 else [(0, 0), (1, 0), (1, 1)][: len(branch)]
    x, channels, middle = rails[0], drawing.module.in_channels, y
    for (column, row), layer in zip(places, branch, strict=True):
        top, left = y + row * (BOX + LANE), columns[column]
        middle = top + BOX / 2
        if row:  # from the box above
            x = left + drawing.box_width / 2
            drawing.add_line(f"M{x:g} {top - LANE:g}V{top:g}", layer)
            drawing.widths.append(Width(x + 10, top - 5, channels, centred=False))
        else:
            drawing.add_line(f"M{x:g} {middle:g}H{left:g}", layer)
            drawing.add_width(left - _room(channels) / 2, middle, channels, layer)
        drawing.add_box(left, top, layer, branch)
        x, channels = left + drawing.box_width, layer.result[0]
    drawing.add_line(f"M{x:g} {middle:g}H{rails[1]:g}", None)
    return middle

"""The Inception module as a drawing: one lane a branch, lines and tints as heavy as the work.

Plain SVG text. Colours come from the page's CSS variables, so light and dark need no second
drawing; a phone gets one of its own, because lanes of three boxes do not fit 390 pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from math import sqrt

from cnn_space.costs.closed_forms import Layer
from cnn_space.costs.inception import InceptionCosts

LINE = 16  # between two lines of text in a box
BOX = 80  # height of a box
LANE = 20  # between two lanes


@dataclass(frozen=True)
class Words:
    """What the drawing says, in the visitor's language."""

    source: str
    result: str
    conv: str
    reduce: str
    project: str
    max_pool: str
    parameters: Callable[[int], str]
    macs: str
    title: str


def short(number: int) -> str:
    """A count for the eye: 940,800 in full, then 12.04 M, 1.58 G, 3.20 T."""
    for unit, name in ((10**12, "T"), (10**9, "G"), (10**6, "M")):
        if number >= unit:
            return f"{number / unit:,.2f} {name}"
    return f"{number:,}"


def percent(share: float, digits: int = 0) -> str:
    """``68 %``"""
    return f"{100 * share:.{digits}f} %"


def draw(module: InceptionCosts, words: Words) -> str:
    """Both drawings, the wide one and the phone's; CSS shows the one that fits."""
    return _Wide(module, words).svg("module-wide") + _Narrow(module, words).svg("module-narrow")


class _Drawing:
    """What both drawings share: boxes, edges, and the weight of a line."""

    width: int
    box_width: int

    def __init__(self, module: InceptionCosts, words: Words):
        self.module, self.words = module, words
        self.work = max(module.macs, 1)
        self.lines: list[str] = []  # under the boxes
        self.boxes: list[str] = []

    def svg(self, name: str) -> str:
        height = self.compose()
        title = escape(self.words.title)
        return (
            f'<svg class="{name}" viewBox="0 0 {self.width} {height}" role="img" '
            f'aria-label="{title}" xmlns="http://www.w3.org/2000/svg">'
            f"{''.join(self.lines)}{''.join(self.boxes)}</svg>"
        )

    def compose(self) -> int:
        """Draw everything; the height used."""
        raise NotImplementedError

    def share(self, layer: Layer) -> float:
        return layer.macs.value / self.work

    def weight(self, layer: Layer | None) -> float:
        """Width of the line into a layer: its share of the module's MACs, by area."""
        return 1.2 + (7.8 * sqrt(self.share(layer)) if layer else 0)

    def role(self, layer: Layer, branch: tuple[Layer, ...]) -> str:
        if layer.kind == "max pool":
            return self.words.max_pool
        if layer.kernel != (1, 1) or len(branch) == 1:
            return self.words.conv
        return self.words.reduce if layer is branch[0] else self.words.project

    def box(self, x: float, y: float, layer: Layer, branch: tuple[Layer, ...]) -> None:
        share, left = self.share(layer), x + 10
        side = "×".join(map(str, layer.kernel))
        channels, height, width = layer.result
        text = self.text
        part = percent(share) if layer.macs.value else ""
        self.boxes.append(
            f'<g class="box"><rect x="{x}" y="{y}" width="{self.box_width}" height="{BOX}" rx="6"/>'
            f'<rect class="tint" x="{x}" y="{y}" width="{self.box_width}" height="{BOX}" rx="6" '
            f'style="opacity:{0.04 + 0.4 * share:.3f}"/>'
            f'<text x="{left}" y="{y + 20}"><tspan class="name">{side}</tspan> '
            f"{escape(self.role(layer, branch))}</text>"
            + text(x + self.box_width - 10, y + 20, part, "share end")
            + text(left, y + 21 + LINE, f"{channels:,} × {height:,} × {width:,}", "shape")
            + text(left, y + 22 + 2 * LINE, self.words.parameters(layer.parameters.value))
            + text(left, y + 22 + 3 * LINE, f"{short(layer.macs.value)} {self.words.macs}")
            + "</g>"
        )

    @staticmethod
    def text(x: float, y: float, words: str, kind: str = "") -> str:
        return f'<text x="{x:g}" y="{y:g}" class="{kind}">{escape(words)}</text>' if words else ""

    def edge(self, path: str, layer: Layer | None) -> None:
        """A line into ``layer``, or (None) out of the last one."""
        self.lines.append(f'<path d="{path}" style="stroke-width:{self.weight(layer):.2f}"/>')

    def channels(self, x: float, y: float, number: int, into: Layer | None) -> None:
        """The width of an edge, above its line."""
        lift = y - 4 - self.weight(into) / 2
        self.boxes.append(self.text(x, lift, f"{number:,}", "edge middle"))


class _Wide(_Drawing):
    """Left to right: the input, four lanes, the branches joined by their widths."""

    width = 680
    end = 62  # width of the input and of the result

    def compose(self) -> int:
        module, end = self.module, self.end
        columns = max(2, *(len(branch) for branch in module.branches))
        gap = 46 if columns == 2 else 34
        lanes_width = self.width - 2 * end
        self.box_width = (lanes_width - gap * (columns + 1)) / columns
        height = 4 * BOX + 3 * LANE
        self.terminal(0, height, self.words.source, module.source)
        right = self.width - end
        top = 0.0
        for index, branch in enumerate(module.branches):
            y = index * (BOX + LANE)
            middle = y + BOX / 2
            # A branch's last layer stands in the last column, its first in the first.
            places = list(range(columns - len(branch), columns))
            if len(branch) > 1:
                places[0] = 0
            x, inward = end, module.in_channels
            for place, layer in zip(places, branch, strict=True):
                left = end + gap + place * (self.box_width + gap)
                self.edge(f"M{x:g} {middle:g}H{left:g}", layer)
                self.channels(left - gap / 2, middle, inward, layer)
                self.box(left, y, layer, branch)
                x, inward = left + self.box_width, layer.result[0]
            part = height * inward / module.result[0]
            target = top + part / 2
            bend = x + gap / 2
            self.edge(
                f"M{x:g} {middle:g}C{bend:g} {middle:g} {bend:g} {target:g} {right:g} {target:g}",
                None,
            )
            self.channels(x + 16, middle, inward, None)
            self.segment(right, top, end, part, index)
            top += part
        self.terminal(right, height, self.words.result, module.result)
        return height

    def segment(self, x: float, y: float, width: float, height: float, index: int) -> None:
        self.boxes.append(
            f'<rect class="segment s{index}" x="{x:g}" y="{y:.1f}" width="{width:g}" '
            f'height="{height:.1f}"/>'
        )

    def terminal(self, x: float, height: float, word: str, shape: tuple[int, int, int]) -> None:
        middle = x + self.end / 2
        self.boxes.append(
            f'<rect class="terminal" x="{x:g}" y="0" width="{self.end}" height="{height}" rx="6"/>'
            + f'<g class="{"halo" if x else ""}">'
            + self.text(middle, height / 2 - 20, word, "middle")
            + self.text(middle, height / 2, f"{shape[0]:,}", "total middle")
            + self.text(middle, height / 2 + 17, f"× {shape[1]:,}", "shape middle")
            + self.text(middle, height / 2 + 32, f"× {shape[2]:,}", "shape middle")
            + "</g>"
        )


class _Narrow(_Drawing):
    """Top to bottom for a phone: lanes of two boxes; a third box goes under the second."""

    width = 358
    box_width = 140
    end = 34  # height of the input and of the result

    def compose(self) -> int:
        module = self.module
        columns = (38, 38 + self.box_width + 28)
        left_rail, right_rail = 8, self.width - 4
        self.terminal(0, self.words.source, module.source)
        y, last_in, last_out = self.end + LANE, 0.0, 0.0
        for branch in module.branches:
            below = max(0, len(branch) - 2)
            places = [(1, 0)] if len(branch) == 1 else [(0, 0), (1, 0), (1, 1)][: len(branch)]
            x, inward, middle = left_rail, module.in_channels, y + BOX / 2
            last_in = middle
            for (column, row), layer in zip(places, branch, strict=True):
                top, left = y + row * (BOX + LANE), columns[column]
                middle = top + BOX / 2
                if row:  # from the box above
                    x = left + self.box_width / 2
                    self.edge(f"M{x:g} {top - LANE:g}V{top:g}", layer)
                    self.boxes.append(self.text(x + 10, top - 5, f"{inward:,}", "edge"))
                else:
                    self.edge(f"M{x:g} {middle:g}H{left:g}", layer)
                    self.channels(left - 14, middle, inward, layer)
                self.box(left, top, layer, branch)
                x, inward = left + self.box_width, layer.result[0]
            self.edge(f"M{x:g} {middle:g}H{right_rail:g}", None)
            last_out = last_out or middle
            y += (BOX + LANE) * (1 + below)
        self.edge(f"M{left_rail} {self.end}V{last_in + 0.6:g}", None)
        self.edge(f"M{right_rail} {last_out - 0.6:g}V{y:g}", None)
        start = 0.0
        for index, branch in enumerate(module.branches):
            part = self.width * branch[-1].result[0] / module.result[0]
            self.boxes.append(
                f'<rect class="segment s{index}" x="{start:.1f}" y="{y:g}" width="{part:.1f}" '
                f'height="{self.end}"/>'
            )
            start += part
        self.terminal(y, self.words.result, module.result)
        return int(y + self.end)

    def terminal(self, y: float, word: str, shape: tuple[int, int, int]) -> None:
        size = " × ".join(f"{side:,}" for side in shape)
        kind = "middle halo" if y else "middle"
        self.boxes.append(
            f'<rect class="terminal" x="0" y="{y:g}" width="{self.width}" height="{self.end}" '
            f'rx="6"/><text x="{self.width / 2:g}" y="{y + 22:g}" class="{kind}">{escape(word)} '
            f'<tspan class="total">{size}</tspan></text>'
        )

"""The learning curves of a net as a picture for its model card."""

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from cnn_space.formats import ticks
from cnn_space.weights.card import Card, Epoch

WIDTH, HEIGHT = 880, 330
SCALE = 2  # drawn so many times larger and reduced: smooth lines
INK, GRID = "#24292f", "#d0d7de"
# Measured on augmented training batches, and on held-out images where there were any.
SERIES = {"train": ("training", "#8c959f"), "val": ("held out", "#c2410c")}


def curves(card: Card) -> bytes:
    """Loss and accuracy by epoch as a PNG of 880 × 330 pixels; b"" for a card without a history."""
    if not card.history:
        return b""
    image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), "white")
    draw = ImageDraw.Draw(image)
    middle = WIDTH // 2
    Panel(draw, 0, middle).plot(card.history, "loss", "loss")
    Panel(draw, middle, WIDTH).plot(card.history, "accuracy", "accuracy (%)")
    buffer = io.BytesIO()
    image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


class Panel:
    """One chart between the columns ``left`` and ``right`` of the picture."""

    def __init__(self, draw: ImageDraw.ImageDraw, left: int, right: int):
        self.draw = draw
        self.font = ImageFont.load_default(13 * SCALE)
        self.x = (left + 52) * SCALE, (right - 18) * SCALE
        self.y = (HEIGHT - 44) * SCALE, 46 * SCALE  # bottom, top
        self.epochs = self.values = (0.0, 1.0)

    def plot(self, history: Sequence[Epoch], measure: str, title: str) -> None:
        """Draw the lines of ``measure`` (``loss`` or ``accuracy``) with axes and names."""
        lines = {
            part: [
                (row.epoch, value)
                for row in history
                if (value := getattr(row, f"{part}_{measure}")) is not None
            ]
            for part in SERIES
        }
        values = [value for line in lines.values() for _, value in line]
        if not values:
            return
        first, last = (choose(row.epoch for row in history) for choose in (min, max))
        self.epochs = first, max(last, first + 1)
        self._axes(_round_values(0.0 if measure == "loss" else min(values), max(values)))
        for epoch in dict.fromkeys((first, last)):
            x, y = self._place(epoch, self.values[0])
            self._text(x, y + 8 * SCALE, str(epoch), anchor="ma")
        self._text(sum(self.x) / 2, self.y[0] + 22 * SCALE, "epoch", anchor="ma")
        self._text(self.x[0], 14 * SCALE, title, anchor="la")
        right = self.x[1]
        for part, (name, colour) in reversed(SERIES.items()):
            if lines[part]:
                self._line(lines[part], colour)
                self._text(right, 14 * SCALE, name, anchor="ra", fill=colour)
                right -= self.draw.textlength(name, font=self.font) + 14 * SCALE

    def _axes(self, marks: Sequence[float]) -> None:
        self.values = marks[0], marks[-1]
        for mark in marks:
            x, y = self._place(self.epochs[0], mark)
            self.draw.line([(x, y), (self.x[1], y)], fill=GRID, width=SCALE)
            self._text(x - 8 * SCALE, y, f"{mark:g}", anchor="rm")

    def _line(self, line: Sequence[tuple[int, float]], colour: str) -> None:
        points = [self._place(epoch, value) for epoch, value in line]
        if len(points) > 1:
            self.draw.line(points, fill=colour, width=2 * SCALE, joint="curve")
        else:
            self.draw.circle(points[0], 3 * SCALE, fill=colour)

    def _place(self, epoch: float, value: float) -> tuple[float, float]:
        (first, last), (low, high) = self.epochs, self.values
        (left, right), (bottom, top) = self.x, self.y
        return (
            left + (epoch - first) / (last - first) * (right - left),
            bottom - (value - low) / (high - low) * (bottom - top),
        )

    def _text(self, x: float, y: float, text: str, *, anchor: str, fill: str = INK) -> None:
        self.draw.text((x, y), text, fill=fill, font=self.font, anchor=anchor)


def _round_values(low: float, high: float) -> list[float]:
    """Round values for the axis of a line between ``low`` and ``high``."""
    if high - low < 1e-3:  # a flat curve runs through the middle
        low, high = low - 0.5, high + 0.5
    return ticks(low, high)

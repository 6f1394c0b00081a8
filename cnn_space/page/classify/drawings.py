"""The example pictures that are drawn: each a simple scene of one class, 256 × 256 pixels.

``python -m cnn_space.page.classify.drawings`` writes them into ``pictures/`` beside this file.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIDE = 256
FINER = 4  # everything is drawn so many times larger, for smooth edges
PICTURES = Path(__file__).parent / "pictures"
DIMPLES, DIMPLE_RADIUS = 336, 0.085

Colour = tuple[int, int, int]
Point = tuple[float, float]
WHITE, DARK = (255, 255, 255), (40, 40, 44)


class Canvas:
    """A scene in units of pixels of the finished picture."""

    def __init__(self, top: Colour, bottom: Colour):
        """A background that goes from one colour to another."""
        share = np.linspace(0, 1, SIDE * FINER)[:, None, None]
        rows = np.array(top) * (1 - share) + np.array(bottom) * share
        pixels = np.broadcast_to(rows, (SIDE * FINER, SIDE * FINER, 3)).astype(np.uint8)
        self.picture = Image.fromarray(pixels)

    def shape(self, points: Sequence[Point], colour: Colour) -> None:
        scaled = [(x * FINER, y * FINER) for x, y in points]
        ImageDraw.Draw(self.picture).polygon(scaled, colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        self.shape([(left, top), (right, top), (right, bottom), (left, bottom)], colour)

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
        ImageDraw.Draw(self.picture).ellipse(_around(x, y, rx, ry), colour)

    def line(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        scaled = [(x * FINER, y * FINER) for x, y in points]
        ImageDraw.Draw(self.picture).line(scaled, colour, round(width * FINER))

    def soft(self, cover: float, spots: Sequence[tuple], colour: Colour) -> None:
        """Ellipses (x, y, rx, ry) with soft edges, such as clouds."""
        mask = Image.new("L", self.picture.size)
        draw = ImageDraw.Draw(mask)
        for spot in spots:
            draw.ellipse(_around(*spot), round(255 * cover))
        mask = mask.filter(ImageFilter.GaussianBlur(6 * FINER))
        self.picture.paste(Image.new("RGB", mask.size, colour), mask=mask)

    def grain(self, top: float, strength: float, patch: tuple[int, int]) -> None:
        """Random patches below ``top``, such as waves or grass."""
        height, width = round((SIDE - top) * FINER), SIDE * FINER
        shape = (height // patch[1], width // patch[0])
        values = np.random.default_rng(1).normal(0, strength, shape).astype(np.float32)
        noise = Image.fromarray(values).resize((width, height), Image.Resampling.BICUBIC)
        pixels = np.asarray(self.picture).astype(np.float32)
        pixels[-height:] += np.asarray(noise)[..., None]
        self.picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))

    def finished(self) -> Image.Image:
        return self.picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def _around(x: float, y: float, rx: float, ry: float) -> list[float]:
    return [(x - rx) * FINER, (y - ry) * FINER, (x + rx) * FINER, (y + ry) * FINER]


def airplane() -> Image.Image:
    """An airliner above clouds."""
    c = Canvas((70, 130, 200), (190, 220, 245))
    c.soft(0.8, [(40, 225, 70, 16), (150, 240, 90, 18), (230, 215, 60, 12)], WHITE)
    light, shade, dark = (236, 239, 243), (170, 178, 190), (90, 98, 112)
    c.shape([(118, 118), (150, 118), (196, 62), (182, 60)], shade)  # the far wing
    c.shape([(30, 112), (16, 68), (34, 66), (66, 108)], (40, 80, 150))  # the fin
    nose = [(236, 124), (222, 132), (180, 136), (70, 134)]
    c.shape([(22, 120), (60, 108), (190, 106), (222, 112), *nose], light)
    c.shape([(30, 123), *nose], shade)
    c.shape([(30, 120), (8, 134), (22, 136), (58, 124)], shade)  # the tailplane
    c.shape([(108, 126), (152, 128), (92, 194), (76, 192)], light)  # the near wing
    c.shape([(108, 126), (118, 127), (84, 193), (76, 192)], shade)
    c.ellipse(126, 150, 15, 7, dark)
    c.ellipse(120, 150, 13, 6, light)
    for x in range(72, 200, 9):
        c.ellipse(x, 117, 1.7, 2.2, dark)
    c.shape([(214, 112), (224, 114), (226, 119), (212, 118)], dark)
    return c.finished()


def ship() -> Image.Image:
    """A freighter at sea."""
    c = Canvas((150, 190, 225), (225, 235, 240))
    c.soft(0.6, [(60, 40, 60, 10), (190, 60, 70, 9)], WHITE)
    c.box(0, 150, 256, 256, (45, 95, 130))
    c.grain(150, 16, (64, 10))
    c.box(38, 78, 74, 140, (240, 240, 236))  # the bridge
    c.box(34, 88, 78, 94, (120, 130, 140))
    c.box(44, 58, 60, 80, (190, 60, 45))  # the funnel
    c.box(44, 58, 60, 64, DARK)
    colours = [(178, 70, 50), (60, 110, 160), (205, 160, 60), (90, 130, 90), (150, 150, 155)]
    for row in range(2):
        for column in range(6):
            left, top = 84 + 22 * column, 118 - 17 * row
            c.box(left, top, left + 21, top + 16, colours[(2 * column + 3 * row) % 5])
    c.line([(222, 134), (222, 92)], 2, (90, 90, 96))
    c.shape([(20, 134), (238, 134), (224, 168), (34, 168)], (40, 52, 74))
    c.shape([(30, 158), (229, 158), (224, 168), (34, 168)], (150, 50, 45))
    c.soft(0.7, [(40, 170, 30, 3), (130, 171, 100, 2), (220, 170, 26, 3)], (235, 242, 245))
    return c.finished()


def truck() -> Image.Image:
    """A lorry on a road."""
    c = Canvas((165, 200, 230), (225, 232, 235))
    c.soft(0.9, [(50, 150, 60, 22), (170, 148, 90, 26)], (90, 120, 80))
    c.box(0, 168, 256, 256, (112, 114, 118))
    c.grain(168, 7, (8, 8))
    c.soft(0.6, [(125, 204, 110, 5)], DARK)
    c.box(20, 66, 168, 178, (225, 228, 232))  # the box
    c.box(20, 66, 168, 72, (190, 195, 202))
    c.box(20, 172, 236, 184, (60, 62, 68))
    c.shape([(174, 96), (214, 96), (232, 134), (238, 140), (238, 178), (174, 178)], (185, 45, 40))
    c.shape([(186, 104), (210, 104), (223, 134), (186, 134)], (60, 80, 100))
    c.box(178, 150, 236, 154, (150, 35, 32))
    c.ellipse(234, 160, 4, 5, (250, 240, 190))
    for x in (52, 88, 206):
        c.ellipse(x, 186, 18, 18, (28, 28, 30))
        c.ellipse(x, 186, 8, 8, (170, 172, 176))
    return c.finished()


def golf_ball() -> Image.Image:
    """A golf ball on grass."""
    c = Canvas((96, 140, 70), (66, 120, 44))
    c.grain(0, 26, (5, 14))
    c.soft(0.75, [(140, 216, 84, 14)], (20, 40, 14))
    y, x = np.mgrid[: SIDE * FINER, : SIDE * FINER].astype(np.float32) / FINER
    ball = _dimpled((x - 126) / 86, (y - 128) / 86)
    inside = (x - 126) ** 2 + (y - 128) ** 2 < 86**2
    pixels = np.where(inside[..., None], ball, np.asarray(c.picture))
    c.picture = Image.fromarray(pixels.astype(np.uint8))
    for blade in range(60):
        at, top = 50 + 2.6 * blade, 196 + 9 * math.sin(7 * blade)
        green = (70 + blade % 7 * 6, 128, 48)
        c.shape([(at - 2, 240), (at + 2, 240), (at + 3 * math.sin(blade), top)], green)
    return c.finished()


def _dimpled(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The colours [H, W, 3] of a sphere of radius 1 with the light from the upper left; its dimples
    lie on a spiral from pole to pole."""
    normal = np.stack([x, y, np.sqrt(np.clip(1 - x**2 - y**2, 0, 1))], -1)
    index = np.arange(DIMPLES)
    turn, height = index * math.pi * (3 - math.sqrt(5)), 1 - (2 * index + 1) / DIMPLES
    ring = np.sqrt(1 - height**2)
    centres = np.stack([ring * np.cos(turn), height, ring * np.sin(turn)], -1)
    for centre in centres[centres[:, 2] > -0.1]:
        rows, columns = (
            slice(*np.searchsorted(axis, (at - DIMPLE_RADIUS, at + DIMPLE_RADIUS)))
            for axis, at in ((y[:, 0], centre[1]), (x[0], centre[0]))
        )
        around = normal[rows, columns]
        away = around - centre
        near = (away**2).sum(-1) < DIMPLE_RADIUS**2
        around[near] -= 0.42 * away[near] / DIMPLE_RADIUS
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    light = np.array([-0.45, -0.65, 0.6]) / np.linalg.norm([-0.45, -0.65, 0.6])
    bright = np.clip((normal * light).sum(-1), 0, 1)
    return np.clip((70 + 185 * bright**0.8)[..., None] * np.array([1, 1, 0.97]), 0, 255)


def parachute() -> Image.Image:
    """A round parachute in front of the sky."""
    c = Canvas((50, 110, 190), (170, 205, 240))
    c.soft(0.5, [(60, 220, 80, 10), (210, 190, 50, 9)], WHITE)
    hem, quarter = np.linspace(56, 200, 9), np.linspace(math.pi / 2, 0, 24)

    def seam(x: float) -> list[Point]:
        """From the hem at ``x`` up to the middle of the top."""
        return [(128 + (x - 128) * math.sin(t), 112 - 66 * math.cos(t)) for t in quarter]

    for gore, (left, right) in enumerate(pairwise(hem)):
        scallop = [(left + 18 * s, 112 - 7 * math.sin(math.pi * s)) for s in np.linspace(0, 1, 8)]
        red_or_white = (245, 245, 240) if gore % 2 else (205, 45, 40)
        c.shape([*reversed(seam(left)), *scallop, *seam(right)], red_or_white)
    for x in hem:
        c.line([(x, 112), (128, 196)], 0.8, (60, 60, 70))
    suit = (40, 44, 52)
    c.ellipse(128, 200, 5, 5.5, (60, 50, 45))
    c.box(122, 205, 134, 226, suit)
    for limb in (((124, 225), (120, 242)), ((132, 225), (136, 242))):
        c.line(limb, 4, suit)
    for limb in (((123, 208), (117, 194)), ((133, 208), (139, 194))):
        c.line(limb, 3, suit)
    return c.finished()


def church() -> Image.Image:
    """A village church with a spire."""
    c = Canvas((120, 165, 215), (215, 228, 238))
    c.soft(0.7, [(60, 60, 55, 11), (205, 90, 50, 9)], WHITE)
    c.box(0, 206, 256, 256, (92, 128, 66))
    c.grain(206, 12, (6, 10))
    c.soft(0.9, [(16, 190, 34, 28), (246, 188, 30, 30)], (52, 86, 46))
    wall, shade, roof, glass = (226, 216, 196), (190, 178, 156), (96, 72, 64), (60, 70, 92)
    c.box(112, 138, 222, 212, wall)
    c.shape([(104, 140), (124, 100), (214, 100), (230, 140)], roof)
    c.box(60, 92, 112, 214, wall)
    c.box(98, 92, 112, 214, shade)
    c.shape([(54, 94), (86, 22), (118, 94)], roof)
    c.shape([(86, 22), (118, 94), (98, 94)], (78, 58, 52))
    c.line([(86, 24), (86, 6)], 2, (50, 46, 44))
    c.line([(80, 12), (92, 12)], 2, (50, 46, 44))
    for x in (134, 166, 198):
        c.box(x - 8, 162, x + 8, 194, glass)
        c.ellipse(x, 162, 8, 9, glass)
    c.box(74, 112, 88, 132, glass)
    c.ellipse(81, 112, 7, 8, glass)
    c.ellipse(81, 150, 8, 8, (240, 238, 230))
    c.box(72, 182, 92, 214, (84, 56, 40))
    c.ellipse(82, 182, 10, 11, (84, 56, 40))
    return c.finished()


DRAWINGS = (airplane, ship, truck, golf_ball, parachute, church)


def main() -> None:
    """Draw all of them anew."""
    for draw in DRAWINGS:
        draw().save(PICTURES / f"{draw.__name__}.webp", quality=85, method=6)


if __name__ == "__main__":
    main()

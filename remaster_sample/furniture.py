"""Furniture, painted on a canvas: shelves, seats, lamps, tables and doors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from remaster_sample.brush import Canvas, Color, smooth, tone
from remaster_sample.interior import WOOD, box, oval
from remaster_sample.landscape import GREENS, foliage

BOOKS: Sequence[Color] = (
    (168, 60, 54), (58, 92, 122), (206, 160, 72), (72, 112, 84), (122, 74, 108), (214, 196, 160), (190, 110, 62)
)  # fmt: skip


def bookshelf(c: Canvas, x: float, floor: float, w: float, h: float, shelves: int = 5) -> None:
    """A case of books of all heights, some leaning, with ornaments and deep shadows; its foot stands on ``floor``."""
    top = floor - h
    c.shadow(box(x + 8, top + 4, w + 22, h + 2), 0.4, 8)
    c.polygon(box(x, top, w, h), tone(WOOD, 0.8), 0.1, 8, ink=2.4)
    pitch = (h - 26) / shelves
    for s in range(shelves):
        y = top + 14 + pitch * s
        c.polygon(box(x + 12, y, w - 24, pitch - 10), (62, 40, 34), 0.1, 6)
        c.shadow(box(x + 12, y, w - 24, pitch * 0.25), 0.5, 4)
        _books(c, x + 14, x + w - 14, y + pitch - 10, pitch - 20)
        c.polygon(box(x + 6, y + pitch - 11, w - 12, 9), tone(WOOD, 1.12), 0.4, 7, ink=1.4)
    c.polygon(box(x - 8, top - 8, w + 16, 16), tone(WOOD, 1.1), 0.4, 7, ink=2)
    c.polygon(box(x - 4, floor - 14, w + 8, 16), tone(WOOD, 0.9), 0.4, 7, ink=2)


def _books(c: Canvas, x: float, end: float, foot: float, room: float) -> None:
    """A row of books between x and ``end``; one in nine places holds a vase or a gap instead."""
    while x < end - 12:
        if c.rng.random() < 0.11:
            if end - x > 44:
                glaze = BOOKS[int(c.rng.integers(len(BOOKS)))]
                vase = [
                    (x + 10, foot),
                    (x + 5, foot - 22),
                    (x + 14, foot - 42),
                    (x + 12, foot - 50),
                    (x + 26, foot - 50),
                    (x + 24, foot - 42),
                    (x + 33, foot - 22),
                    (x + 28, foot),
                ]
                c.polygon(smooth(vase, 2), glaze, 0.2, 7, ink=1.6)
                c.dabs([(x + 13, foot - 24)], [tone(glaze, 1.5)], 2.4, 2.5, 80, 3)
            x += 40
            continue
        w, tall = float(c.rng.uniform(9, 19)), float(room * c.rng.uniform(0.66, 0.98))
        color = tone(BOOKS[int(c.rng.integers(len(BOOKS)))], float(c.rng.uniform(0.78, 1.05)))
        lean = float(c.rng.uniform(4, 9)) if c.rng.random() < 0.12 else 0.0
        c.polygon(
            [(x, foot), (x + lean, foot - tall), (x + w + lean, foot - tall), (x + w, foot)], color, 0.12, 7, ink=1.2
        )
        c.line([(x + 2.5 + lean, foot - tall + 3), (x + 2.5, foot - 3)], tone(color, 1.25), 1.4)
        for share in (0.16, 0.8):
            y = foot - tall * share
            c.line([(x + 3 + lean * share, y), (x + w - 3 + lean * share, y)], (232, 204, 132), 1.6)
        x += w + 1.5 + lean


def armchair(c: Canvas, x: float, floor: float, w: float, color: Color) -> None:
    """A wing chair seen from the front, buttoned, on turned feet; its left side is at x."""
    h = w * 1.02
    c.shadow(oval(x + w / 2 + 12, floor - 2, w * 0.6, 20), 0.45, 7)
    for foot in (x + 12, x + w - 26):
        leg = [(foot, floor - 22), (foot + 14, floor - 22), (foot + 10, floor + 6), (foot + 4, floor + 6)]
        c.polygon(leg, tone(WOOD, 0.6), 0.2, 5, ink=1.4)
    _chair_back(c, x, floor, w, color)
    seat = [(0.16, 0.42), (0.5, 0.46), (0.84, 0.42), (0.84, 0.22), (0.16, 0.22)]
    cushion = smooth([(x + w * u, floor - h * v) for u, v in seat], 2)
    c.polygon(cushion, tone(color, 1.1), 0.2, 9, ink=2.2)
    c.polygon(box(x + w * 0.12, floor - h * 0.25, w * 0.76, h * 0.16), tone(color, 0.86), 0.2, 9, ink=2)
    for left in (x, x + w * 0.78):
        top = floor - h * 0.46
        arm = [(left - 6, floor - 16), (left - 8, top), (left + w * 0.11, floor - h * 0.54), (left + w * 0.22 + 8, top)]
        c.polygon(smooth([*arm, (left + w * 0.22 + 4, floor - 16)], 2), tone(color, 0.96), 0.28, 9, ink=2.4)
        sheen = [(left + 4, top + 5), (left + w * 0.11, floor - h * 0.49), (left + w * 0.2, top + 5)]
        c.line(smooth(sheen, 2, closed=False), tone(color, 1.22), 3)


def _chair_back(c: Canvas, x: float, floor: float, w: float, color: Color) -> None:
    """The winged back with its rows of buttons, in shadow towards the seat."""
    h = w * 1.02
    y = floor - h
    back = [(0.1, h - 40), (0.06, 34), (0.2, 0), (0.5, -10), (0.8, 0), (0.94, 34), (0.9, h - 40)]
    c.polygon(smooth([(x + w * u, y + v) for u, v in back], 2), color, 0.2, 9, ink=2.4)
    dusk = [(0.2, 0.42), (0.5, 0.47), (0.8, 0.42), (0.5, 0.2)]
    c.shadow(smooth([(x + w * u, floor - h * v) for u, v in dusk]), 0.4, 9)
    for row, count in ((0.2, 3), (0.36, 4), (0.52, 3)):
        for k in range(count):
            bx, by = x + w * (0.5 + (k - (count - 1) / 2) * 0.17), y + h * row
            c.glow(bx, by, 9, tone(color, 0.55), 0.5)
            c.dabs([(bx, by)], [tone(color, 0.6)], 2.6, 1)
            c.dabs([(bx - 7, by - 8)], [tone(color, 1.16)], 3, 2, -40, 5)


def floor_lamp(c: Canvas, x: float, floor: float, height: float, shade: Color) -> None:
    """A standard lamp that is lit: its shade glows and throws light on the wall."""
    top = floor - height
    c.glow(x, top + 30, 190, (255, 226, 160), 0.5)
    c.glow(x, floor, 150, (255, 214, 140), 0.28, 0.3)
    c.line([(x, floor - 4), (x, top + 56)], tone(WOOD, 0.62), 7)
    c.line([(x - 2, floor - 4), (x - 2, top + 56)], tone(WOOD, 1.2), 2)
    c.polygon(oval(x, floor - 2, 34, 9), tone(WOOD, 0.66), 0.3, 6, ink=1.6)
    cloth = [(x - 30, top), (x + 30, top), (x + 62, top + 74), (x - 62, top + 74)]
    c.polygon(cloth, shade, -0.12, 7, ink=2)
    for k in range(1, 7):
        c.line([(x - 30 + 60 * k / 7, top + 2), (x - 62 + 124 * k / 7, top + 72)], tone(shade, 0.86), 1.2)
    c.glow(x, top + 52, 42, (255, 250, 214), 0.7)
    at = np.stack([np.linspace(x - 60, x + 60, 21), np.full(21, top + 79.0)], axis=1)
    c.dabs(at, [(206, 150, 84), (176, 116, 66)], 2.6, 2.2, 90, 5)


def side_table(c: Canvas, x: float, floor: float, w: float, petals: Sequence[Color]) -> None:
    """A round table with a cloth, a vase of flowers and a cup."""
    y = floor - w * 0.82
    c.shadow(oval(x + 8, floor, w * 0.5, 13), 0.45, 6)
    c.polygon(
        [(x - 7, y), (x + 7, y), (x + 6, floor - 8), (x + 28, floor + 4), (x - 28, floor + 4), (x - 6, floor - 8)],
        tone(WOOD, 0.75),
        0.2,
        7,
        ink=2,
    )
    cloth: Color = (236, 228, 210)
    hem = [
        (x + w * 0.52 * np.cos(t), y + w * 0.13 + w * 0.12 * np.sin(t) + 5 * np.cos(t * 14))
        for t in np.linspace(0, np.pi, 40)
    ]
    c.polygon(
        [(x - w * 0.52, y), (x + w * 0.52, y), *[(px, py + 10) for px, py in hem]], tone(cloth, 0.9), 0.2, 6, ink=1.6
    )
    c.polygon(oval(x, y, w * 0.52, w * 0.12), cloth, 0.05, 6, ink=1.6)
    c.polygon(
        smooth(
            [(x - 22, y - 2), (x - 30, y - 26), (x - 18, y - 46), (x + 2, y - 46), (x + 14, y - 26), (x + 6, y - 2)], 2
        ),
        (74, 118, 148),
        0.25,
        7,
        ink=1.8,
    )
    c.dabs([(x - 19, y - 24)], [(170, 206, 220)], 3, 2.4, 80, 3)
    foliage(c, x - 8, y - 64, 36, 24, GREENS, 4)
    at = np.stack([x - 8 + c.rng.uniform(-36, 36, 20), y - 70 + c.rng.uniform(-24, 14, 20)], axis=1)
    c.dabs(at, petals, 5, 1.2)
    c.polygon(
        smooth([(x + 26, y - 18), (x + 50, y - 18), (x + 46, y + 2), (x + 30, y + 2)], 1),
        (240, 236, 226),
        0.2,
        5,
        ink=1.6,
    )


def doorway(c: Canvas, x: float, floor: float, w: float, h: float, color: Color) -> None:
    """A panelled inner door in its frame."""
    c.polygon(box(x - 16, floor - h - 16, w + 32, h + 16), tone(WOOD, 1.25), 0.1, 7, ink=2)
    c.polygon(box(x, floor - h, w, h), color, 0.12, 8, ink=2.4)
    for left in (0.1, 0.55):
        for top, tall in ((0.06, 0.34), (0.5, 0.42)):
            px, py, pw, ph = x + w * left, floor - h * (1 - top), w * 0.35, h * tall
            c.polygon(box(px, py, pw, ph), tone(color, 1.1), 0.15, 7)
            c.line([(px, py + ph), (px, py), (px + pw, py)], tone(color, 0.62), 2.4)
            c.line([(px + pw, py), (px + pw, py + ph), (px, py + ph)], tone(color, 1.3), 1.8)
    c.dabs([(x + w - 16, floor - h * 0.46)], [(230, 190, 92)], 8, 1)
    c.dabs([(x + w - 18, floor - h * 0.46 - 2)], [(255, 236, 180)], 2.5, 1)

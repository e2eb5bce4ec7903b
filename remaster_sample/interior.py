"""Paints rooms on a canvas: wallpaper, floor, window and pictures, doors, shelves, seats, lamps and tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from remaster_sample.brush import Canvas, Color, box, mix, offset, oval, smooth, tone
from remaster_sample.landscape import GREENS, cloud, foliage

WOOD: Color = (134, 86, 56)


def wallpaper(c: Canvas, floor: float, color: Color, stripe: Color, motif: Color) -> None:
    """Striped paper with sprigs, over a panelled dado, down to the row ``floor``; a picture rail on top."""
    c.gradient(((0, tone(color, 0.78)), (0.35, color), (1, tone(color, 0.94))), 0, floor)
    for k, x in enumerate(np.arange(0, c.width + 46, 46).tolist()):
        c.polygon(box(x - 8, 0, 16, floor), stripe, 0.1, 6)
        c.line([(x - 11, 0), (x - 11, floor)], mix(stripe, motif, 0.3), 1)
        for row in range(-1, int(floor / 52)):
            y = row * 52 + (26 if k % 2 else 0) + 40
            at = [(x + 23, y), (x + 19, y + 6), (x + 27, y + 6), (x + 23, y + 11)]
            c.dabs(at, [motif, mix(motif, color, 0.3)], 2.6, 1.3)
            c.line([(x + 23, y + 10), (x + 23, y + 20)], mix(motif, color, 0.35), 1)
    top = floor - 118
    c.polygon(box(0, top, c.width, 118), tone(WOOD, 1.08), 0.12, 8)
    for x in np.arange(20, c.width, 104).tolist():
        c.polygon(box(x, top + 24, 84, 66), tone(WOOD, 1.16), 0.16, 8)
        c.line([(x, top + 90), (x, top + 24), (x + 84, top + 24)], tone(WOOD, 0.7), 2.4)
        c.line([(x + 84, top + 24), (x + 84, top + 90), (x, top + 90)], tone(WOOD, 1.35), 2)
    c.polygon(box(0, top - 9, c.width, 16), tone(WOOD, 1.2), 0.5, 7, ink=1.6)
    c.polygon(box(0, floor - 20, c.width, 22), tone(WOOD, 0.86), 0.4, 7, ink=1.6)
    c.polygon(box(0, 20, c.width, 12), tone(WOOD, 1.1), 0.5, 7, ink=1.4)


def floorboards(c: Canvas, floor: float, color: Color) -> None:
    """Boards that run towards the viewer, in perspective about the room's middle, with grain and joints."""
    c.polygon(box(0, floor, c.width, c.height - floor), color, 0.2, 10)
    middle = c.width / 2
    deep = c.height - floor
    for k in range(-24, 25):
        near, far = middle + k * 118, middle + k * 74
        board = [(far, floor), (far + 74, floor), (near + 118, c.height), (near, c.height)]
        c.polygon(board, tone(color, c.rng.uniform(0.86, 1.1)), 0.05, 9)
        c.line([(far, floor), (near, c.height)], tone(color, 0.58), 1.6)
        for share in c.rng.uniform(0.05, 0.95, 2).tolist():
            a, b = far + (near - far) * share, far + 74 + (near + 118 - far - 74) * share
            c.line([(a, floor + deep * share), (b, floor + deep * share)], tone(color, 0.62), 1.4)
        for s in c.rng.uniform(0.1, 0.9, 4).tolist():
            x = far + s * 74
            c.line([(x, floor + 4), (near + s * 118, c.height)], tone(color, 0.84), 1)
    c.shadow(box(0, floor, c.width, 16), 0.35, 7)


def rug(c: Canvas, x: float, y: float, rx: float, ry: float, colors: Sequence[Color]) -> None:
    """An oval rug of woven rings."""
    c.shadow(oval(x + 4, y + 6, rx + 5, ry + 4), 0.35, 5)
    for k in range(9):
        share = 1 - k / 9.5
        color = colors[k % len(colors)]
        ring = oval(x, y, rx * share, ry * share, 72)
        c.polygon(ring, color, 0.08, 9)
        for grow in (0.985, 0.945):
            weave = oval(x, y, rx * share * grow, ry * share * grow, 150)
            c.dabs(weave, [tone(color, 0.86), tone(color, 1.08), color], 1.7, 2.4, 0, 12)


Sky = Sequence[tuple[float, Color]]


def window(c: Canvas, x: float, y: float, w: float, h: float, curtain: Color, sky: Sky) -> None:
    """A tall window on the country under ``sky``, with a cloud, hills and bushes, between drawn-back curtains."""
    c.shadow(box(x - 26, y - 10, w + 60, h + 46), 0.3, 9)
    view = Canvas(int(w), int(h), c.seed + 17)
    view.gradient(sky, 0, h * 0.75)
    glow = mix(sky[-1][1], (255, 252, 240), 0.5)
    cloud(view, w * 0.4, h * 0.42, w * 0.62, glow, mix(glow, sky[0][1], 0.35))
    far_hill = [(-40, h), (-40, h * 0.68), (w * 0.4, h * 0.56), (w + 60, h * 0.74), (w + 60, h)]
    near_hill = [(-40, h + 60), (-40, h * 0.84), (w * 0.5, h * 0.86), (w + 60, h * 0.7), (w + 60, h + 60)]
    view.polygon(smooth(far_hill), (132, 170, 112), 0.2, 8)
    view.polygon(smooth(near_hill), (96, 142, 82), 0.2, 8)
    foliage(view, w * 0.8, h * 0.62, w * 0.17, w * 0.17, GREENS, 4)
    foliage(view, w * 0.16, h * 0.72, w * 0.1, w * 0.1, GREENS, 4)
    x0, y0 = int(x), int(y)
    c.image[y0 : y0 + view.height, x0 : x0 + view.width] = view.image
    frame: Color = (236, 226, 206)
    c.line(box(x, y, w, h), frame, 13, closed=True)
    c.line(box(x - 8, y - 8, w + 16, h + 16), tone(frame, 0.5), 2, closed=True)
    c.line(box(x + 6, y + 6, w - 12, h - 12), tone(frame, 0.6), 1.5, closed=True)
    c.line([(x + w / 2, y), (x + w / 2, y + h)], frame, 8)
    for k in (1, 2):
        c.line([(x, y + h * k / 3), (x + w, y + h * k / 3)], frame, 6)
    c.polygon(box(x - 22, y + h + 4, w + 44, 15), frame, 0.35, 6, ink=2)
    for side in (-1, 1):
        _curtain(c, x + w / 2 + side * (w / 2 + 22), y - 34, h + 90, side, curtain)
    c.line([(x - 70, y - 34), (x + w + 70, y - 34)], tone(WOOD, 0.6), 9)
    c.line([(x - 70, y - 36), (x + w + 70, y - 36)], tone(WOOD, 1.2), 2)
    c.dabs([(x - 74, y - 34), (x + w + 74, y - 34)], [(214, 172, 84)], 9, 1)


def _curtain(c: Canvas, x: float, y: float, h: float, side: int, color: Color) -> None:
    """One curtain, gathered by a tie at two thirds; ``side`` -1 is the left one."""
    w = 46.0
    inner, outer = -side * w, side * w * 0.8
    gathered = [(x + inner * 0.75, y + h), (x + inner * 0.1, y + h * 0.66), (x + inner * 0.9, y + h * 0.3)]
    shape = [(x + inner, y), (x + outer, y), (x + outer, y + h), *gathered]
    c.polygon(smooth(shape, 2), color, 0.16, 7, ink=2)
    for k in range(6):
        top = x + inner + (outer - inner) * (k + 0.6) / 6
        waist = x + inner * 0.1 + (outer - inner * 0.1) * (k + 0.6) / 6
        foot = x + inner * 0.75 + (outer - inner * 0.75) * (k + 0.6) / 6
        fold = smooth([(top, y + 4), (waist, y + h * 0.64), (foot, y + h - 5)], 2, closed=False)
        c.line(fold, tone(color, 0.72 if k % 2 else 1.16), 4)
    c.line([(x + inner * 0.2, y + h * 0.66), (x + outer, y + h * 0.63)], (222, 184, 96), 6)


def picture(c: Canvas, x: float, y: float, w: float, h: float, sky: Color, land: Color) -> None:
    """A framed landscape on the wall."""
    c.shadow(box(x + 3, y + 6, w + 8, h + 8), 0.45, 5)
    c.polygon(box(x, y, w, h), (204, 160, 84), 0.3, 8, ink=2)
    c.polygon(box(x + 10, y + 10, w - 20, h - 20), sky, -0.3, 7, ink=1.6)
    low = y + h - 11
    ridge = [(x + 11, y + h * 0.62), (x + w * 0.4, y + h * 0.42), (x + w - 11, y + h * 0.66)]
    c.polygon([(x + 11, low), *smooth(ridge, closed=False).tolist(), (x + w - 11, low)], land, 0.2, 8)
    foliage(c, x + w * 0.68, y + h * 0.56, w * 0.1, w * 0.1, GREENS, 3)
    c.dabs([(x + w * 0.3, y + h * 0.3)], [(252, 236, 190)], w * 0.06, 1)


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
                neck = ((14, -42), (12, -50), (26, -50), (24, -42))
                vase = offset(x, foot, (10, 0), (5, -22), *neck, (33, -22), (28, 0))
                c.polygon(smooth(vase, 2), glaze, 0.2, 7, ink=1.6)
                c.dabs([(x + 13, foot - 24)], [tone(glaze, 1.5)], 2.4, 2.5, 80, 3)
            x += 40
            continue
        w, tall = float(c.rng.uniform(9, 19)), float(room * c.rng.uniform(0.66, 0.98))
        color = tone(BOOKS[int(c.rng.integers(len(BOOKS)))], float(c.rng.uniform(0.78, 1.05)))
        lean = float(c.rng.uniform(4, 9)) if c.rng.random() < 0.12 else 0.0
        spine = [(x, foot), (x + lean, foot - tall), (x + w + lean, foot - tall), (x + w, foot)]
        c.polygon(spine, color, 0.12, 7, ink=1.2)
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
    leg = [(x - 7, y), (x + 7, y), *offset(x, floor, (6, -8), (28, 4), (-28, 4), (-6, -8))]
    c.polygon(leg, tone(WOOD, 0.75), 0.2, 7, ink=2)
    cloth: Color = (236, 228, 210)
    hem = [
        (x + w * 0.52 * np.cos(t), y + w * 0.13 + w * 0.12 * np.sin(t) + 5 * np.cos(t * 14))
        for t in np.linspace(0, np.pi, 40)
    ]
    side = [(x - w * 0.52, y), (x + w * 0.52, y), *[(px, py + 10) for px, py in hem]]
    c.polygon(side, tone(cloth, 0.9), 0.2, 6, ink=1.6)
    c.polygon(oval(x, y, w * 0.52, w * 0.12), cloth, 0.05, 6, ink=1.6)
    vase = offset(x, y, (-22, -2), (-30, -26), (-18, -46), (2, -46), (14, -26), (6, -2))
    c.polygon(smooth(vase, 2), (74, 118, 148), 0.25, 7, ink=1.8)
    c.dabs([(x - 19, y - 24)], [(170, 206, 220)], 3, 2.4, 80, 3)
    foliage(c, x - 8, y - 64, 36, 24, GREENS, 4)
    at = np.stack([x - 8 + c.rng.uniform(-36, 36, 20), y - 70 + c.rng.uniform(-24, 14, 20)], axis=1)
    c.dabs(at, petals, 5, 1.2)
    cup = offset(x, y, (26, -18), (50, -18), (46, 2), (30, 2))
    c.polygon(smooth(cup, 1), (240, 236, 226), 0.2, 5, ink=1.6)


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

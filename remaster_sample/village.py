"""Paints buildings on a canvas: houses, fences, lamp posts, a lighthouse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from remaster_sample.brush import Canvas, Color, box, mix, offset, smooth, tone
from remaster_sample.landscape import foliage

Rectangle = tuple[float, float, float, float]

GLASS: Color = (104, 142, 160)
LAMPLIGHT: Color = (255, 206, 112)


@dataclass(frozen=True)
class House:
    """A house's colours and size in pixels; ``gable`` turns its gable to the street."""

    width: float
    height: float
    wall: Color
    roof: Color
    trim: Color
    door: Color
    gable: bool = False


def window_frame(c: Canvas, x: float, y: float, w: float, h: float, trim: Color, shutters: Color) -> None:
    """A sash window with its top left at (x, y), reflecting the sky."""
    c.shadow(box(x - 3, y, w + 9, h + 8), 0.25, 3)
    for left in (x - w * 0.42 - 3, x + w + 3):
        c.polygon(box(left, y - 2, w * 0.42, h + 4), shutters, 0.1, 6, ink=1.6)
        for k in range(1, 7):
            row = y + h * k / 7
            c.line([(left + 3, row), (left + w * 0.42 - 3, row)], tone(shutters, 0.7), 1)
    c.polygon(box(x - 4, y - 4, w + 8, h + 8), trim, 0.08, 5, ink=1.6)
    c.polygon(box(x, y, w, h), GLASS, -0.5, 6)
    c.polygon([(x, y + h * 0.55), (x + w * 0.62, y), (x + w * 0.9, y), (x, y + h * 0.8)], tone(GLASS, 1.3), 0, 4)
    c.polygon(box(x, y, w, 5), tone(GLASS, 0.55), 0, 4)
    c.line([(x + w / 2, y), (x + w / 2, y + h)], trim, 4)
    c.line([(x, y + h * 0.45), (x + w, y + h * 0.45)], trim, 4)
    sill = [(x - 7, y + h + 4), (x + w + 7, y + h + 4), (x + w + 5, y + h + 10), (x - 5, y + h + 10)]
    c.polygon(sill, trim, 0.3, 4, 1.4)


def flower_box(c: Canvas, x: float, y: float, w: float, petals: Sequence[Color]) -> None:
    """A planted box under a window, its top left at (x, y)."""
    foliage(c, x + w / 2, y - 1, w * 0.55, 8, ((44, 84, 52), (72, 122, 60), (120, 160, 80)), 3)
    at = np.stack([x + c.rng.uniform(0, w, 16), y - c.rng.uniform(0, 10, 16)], axis=1)
    c.dabs(at, petals, 3, 1.2)
    c.polygon([(x - 3, y), (x + w + 3, y), (x + w, y + 11), (x, y + 11)], (150, 92, 60), 0.3, 7, ink=1.4)


def tiles(c: Canvas, corners: Sequence[tuple[float, float]], color: Color) -> None:
    """A roof of tile rows over the quadrilateral (left eave, left ridge, right ridge, right eave)."""
    a, b, d, e = (np.array(p, float) for p in corners)
    c.polygon(corners, color, -0.25, 9, ink=2.2)
    rows = max(int(abs(a[1] - b[1]) / 11), 3)
    for k in range(1, rows + 1):
        left, right = b + (a - b) * k / rows, d + (e - d) * k / rows
        columns = max(int((right[0] - left[0]) / 13), 2)
        x = np.linspace(left[0], right[0], columns + 1)[:-1] + (6 if k % 2 else 0)
        x = x[x < right[0] - 4]
        touched = x[c.rng.random(len(x)) < 0.3]
        if len(touched):
            at = np.stack([touched + 5, np.full(len(touched), left[1] - 5)], axis=1)
            c.dabs(at, [tone(color, 1.12), tone(color, 0.86), mix(color, (90, 80, 90), 0.3)], 3.4, 1.5, 0, 6)
        scallop = [(px + dx, left[1] + dy) for px in x for dx, dy in ((0, 0), (3, 2.4), (9, 2.4), (12, 0))]
        if len(scallop) > 1:
            c.line(scallop, tone(color, 0.66), 1.4)


def _walls(c: Canvas, h: House, x: float, ground: float, eave: float) -> None:
    """The wall with its plaster, stone plinth, loose bricks and the roof's shadow."""
    r = x + h.width
    c.polygon([(x, ground), (x, eave), (r, eave), (r, ground)], h.wall, 0.14, 9, ink=2)
    spots = np.stack([c.rng.uniform(x + 6, r - 6, 60), c.rng.uniform(eave + 8, ground - 30, 60)], axis=1)
    c.dabs(spots, [tone(h.wall, 1.06), tone(h.wall, 0.95)], 6, 2.4, 0, 20)
    bare = np.stack([c.rng.uniform(x + 8, r - 26, 9), c.rng.uniform(eave + 20, ground - 36, 9)], axis=1)
    for bx, by in bare.tolist():
        for dx, dy in ((0, 0), (15, 0), (7, 8)):
            c.polygon(box(bx + dx, by + dy, 13, 6), mix(h.wall, (170, 96, 70), 0.42), 0.1, 6)
    plinth = [(x - 3, ground + 2), (x - 3, ground - 22), (r + 3, ground - 22), (r + 3, ground + 2)]
    c.polygon(plinth, (138, 128, 124), 0.2, 8, 1.6)
    stones = np.arange(x + 8, r - 4, 19)
    for row in (ground - 16, ground - 6):
        at = np.stack([stones + c.rng.uniform(-4, 4, len(stones)), np.full(len(stones), row)], axis=1)
        c.dabs(at, [(158, 148, 142), (122, 114, 114), (146, 132, 120)], 5, 1.6, 0, 6)
    c.shadow([(x, eave - 4), (r, eave - 4), (r, eave + 18), (x, eave + 12)], 0.38, 4)
    c.shadow([(r - h.width * 0.22, eave), (r, eave), (r, ground), (r - h.width * 0.14, ground)], 0.2, 9)


def _roof(c: Canvas, h: House, x: float, eave: float, peak: float) -> None:
    """Chimney and roof, with the gable's board and round window where it faces the street."""
    r, middle = x + h.width, x + h.width / 2
    cx = x + h.width * 0.76
    top = eave + (peak - eave) * (1.02 if h.gable else 1.22)
    chimney = [(cx - 15, eave - 20), (cx - 15, top), (cx + 15, top), (cx + 15, eave - 20)]
    c.polygon(chimney, (158, 96, 78), 0.15, 9, ink=2)
    for k in range(1, int((eave - 20 - top) / 9)):
        c.line([(cx - 14, top + 9 * k), (cx + 14, top + 9 * k)], (122, 74, 62), 1)
    c.polygon(box(cx - 19, top - 2, 38, 9), (120, 84, 76), 0.1, 6, ink=1.6)
    if not h.gable:
        tiles(c, [(x - 16, eave + 6), (x + 14, peak), (r - 14, peak), (r + 16, eave + 6)], h.roof)
        c.line([(x + 14, peak), (r - 14, peak)], tone(h.roof, 1.2), 4)
        return
    c.polygon([(x, eave + 1), (middle, peak + 6), (r, eave + 1)], h.wall, 0.1, 9)
    for side, edge in ((-1, x), (1, r)):
        slope = [(edge + side * 18, eave + 12), (middle, peak - 8), (middle, peak + 10), (edge - side * 1, eave + 12)]
        c.polygon(slope, h.roof if side < 0 else tone(h.roof, 0.8), 0.2, 9, ink=2)
    ring = [(middle + 13 * np.cos(t), eave - (eave - peak) * 0.36 + 13 * np.sin(t)) for t in np.linspace(0, 6.28, 20)]
    c.polygon(ring, GLASS, -0.4, 5)
    c.line(ring, h.trim, 4)


def _arch(x: float, y: float, rx: float, ry: float) -> list[tuple[float, float]]:
    """The upper half of an ellipse about (x, y), from right to left."""
    return [(x + rx * np.cos(t), y - ry * np.sin(t)) for t in np.linspace(0, np.pi, 9)]


def _door(c: Canvas, x: float, ground: float, h: House) -> None:
    """A panelled door with an arch, a knob and two steps, its left edge at x."""
    w, tall = h.height * 0.125, h.height * 0.255
    arch = _arch(x + w / 2, ground - tall + 10, w / 2 + 6, w * 0.32)
    c.polygon([(x + w + 6, ground), *arch, (x - 6, ground)], h.trim, 0.1, 5, ink=1.8)
    inner = _arch(x + w / 2, ground - tall + 12, w / 2, w * 0.23)
    c.polygon([(x + w, ground), *inner, (x, ground)], h.door, 0.2, 7, ink=1.8)
    for k in range(1, 4):
        c.line([(x + w * k / 4, ground - tall + 8), (x + w * k / 4, ground - 4)], tone(h.door, 0.72), 1.4)
    c.dabs([(x + w - 8, ground - tall * 0.45)], [(236, 196, 92)], 3.2, 1)
    for k, grow in ((0, 8), (1, 16)):
        y = ground + 7 * k
        step = [(x - grow, y), (x + w + grow, y), (x + w + grow + 2, y + 8), (x - grow - 2, y + 8)]
        c.polygon(step, (166, 158, 150), 0.3, 7, 1.4)


def house(c: Canvas, x: float, ground: float, h: House, door_left: bool = True) -> list[Rectangle]:
    """A two-storey house with its left corner at (x, ground); returns its windows (to be lit at night)."""
    eave = ground - h.height * 0.64
    shade = [(-6.0, 0.0), (h.width * 1.16, -4.0), (h.width * 1.08, 18.0), (4.0, 10.0)]
    c.shadow(offset(x, ground, *shade), 0.4, 6)
    _walls(c, h, x, ground, eave)
    _roof(c, h, x, eave, ground - h.height)
    _door(c, x + h.width * (0.12 if door_left else 0.72), ground, h)
    w, tall = h.width * 0.16, h.height * 0.17
    upper = [(x + h.width * share, eave + h.height * 0.07, w, tall) for share in (0.17, 0.67)]
    lower = (x + h.width * (0.58 if door_left else 0.2), ground - h.height * 0.285, w * 1.25, tall * 0.95)
    for pane in (*upper, lower):
        window_frame(c, *pane, h.trim, tone(h.door, 1.15))
    flower_box(c, lower[0], lower[1] + lower[3] + 8, lower[2], [(224, 84, 92), (246, 200, 90), (236, 150, 180)])
    return [*upper, lower]


def light_window(c: Canvas, pane: Rectangle) -> None:
    """Lamplight behind a window, spilling out softly."""
    x, y, w, h = pane
    for left, top, right, bottom in ((0, 0, 0.46, 0.4), (0.54, 0, 1, 0.4), (0, 0.5, 0.46, 1), (0.54, 0.5, 1, 1)):
        x0, y0, x1, y1 = x + w * left, y + h * top, x + w * right, y + h * bottom
        c.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], LAMPLIGHT, -0.2, 6)
    c.glow(x + w / 2, y + h / 2, w * 2.0, LAMPLIGHT, 0.4)


def fence(c: Canvas, x0: float, x1: float, ground: float, height: float, color: Color) -> None:
    """A picket fence along the ground, a little irregular, with its shadow on the grass."""
    c.shadow([(x0, ground - 2), (x1, ground - 2), (x1 + 12, ground + 10), (x0 + 12, ground + 10)], 0.28, 4)
    for share in (0.34, 0.74):
        y = ground - height * share
        c.polygon(box(x0, y - 4, x1 - x0, 8), tone(color, 0.86), 0.4, 6, ink=1.3)
    for x in np.arange(x0, x1 - 8, 19).tolist():
        tall = height * c.rng.uniform(0.93, 1.05)
        lean = c.rng.uniform(-1.6, 1.6)
        tip = [(x + lean, ground - tall + 8), (x + 5.5 + lean, ground - tall), (x + 11 + lean, ground - tall + 8)]
        c.polygon([(x, ground), *tip, (x + 11, ground)], tone(color, c.rng.uniform(0.94, 1.02)), 0.18, 8, ink=1.4)
        c.line([(x + 9 + lean, ground - tall + 10), (x + 9, ground - 2)], tone(color, 0.76), 1.6)


def lamp_post(c: Canvas, x: float, ground: float, height: float, lit: bool) -> None:
    """A cast-iron street lamp."""
    iron: Color = (52, 58, 66)
    top = ground - height
    c.shadow(smooth([(x - 10, ground), (x + 30, ground - 4), (x + 34, ground + 5), (x - 6, ground + 6)]), 0.35, 3)
    c.polygon([(x - 9, ground + 2), (x - 4, ground - 26), (x + 4, ground - 26), (x + 9, ground + 2)], iron, 0.2, 4)
    c.line([(x, ground - 20), (x, top + 34)], iron, 6)
    c.line([(x - 1.5, ground - 20), (x - 1.5, top + 34)], tone(iron, 1.3), 1.6)
    c.line([(x - 16, top + 44), (x + 16, top + 44)], iron, 3)
    lantern = [(x - 8, top + 34), (x - 13, top + 6), (x + 13, top + 6), (x + 8, top + 34)]
    c.polygon(lantern, LAMPLIGHT if lit else (196, 208, 204), -0.2, 5, ink=2)
    c.polygon([(x - 16, top + 7), (x, top - 8), (x + 16, top + 7)], iron, 0.2, 4)
    if lit:
        c.glow(x, top + 20, 92, LAMPLIGHT, 0.55)
        c.glow(x, ground, 120, LAMPLIGHT, 0.34, 0.25)


def lighthouse(c: Canvas, x: float, ground: float, height: float) -> None:
    """A banded tower with gallery, lantern and cap, round in its shading; its base is centred on (x, ground)."""
    top = ground - height

    def half(y: float) -> float:
        return height * (0.062 + 0.043 * (y - top) / height)

    bands = 7
    for k in range(bands):
        y0, y1 = top + height * k / bands, top + height * (k + 1) / bands
        color: Color = (238, 230, 214) if k % 2 else (196, 70, 58)
        bow = [(t, y1 + 9 * (1 - t * t)) for t in np.linspace(1, -1, 13)]
        arc = [(x + t * half(y1), y) for t, y in bow]
        c.polygon([(x - half(y0), y0), (x + half(y0), y0), *arc], color, 0.04, 9)
    for share, strength in ((0.15, 0.16), (0.5, 0.2), (0.78, 0.2)):
        left, right = share * half(top), share * half(ground)
        c.shadow([(x + left, top), (x + half(top), top), (x + half(ground), ground), (x + right, ground)], strength, 7)
    for k, share in enumerate((0.25, 0.5, 0.74)):
        y = top + height * share
        wx = x - 12 + (k % 2) * 14
        pane = [*_arch(wx, y, 9, 11), (wx - 9, y + 16), (wx + 9, y + 16)]
        c.polygon(pane, (70, 92, 108), -0.3, 5)
        c.line(pane, (120, 96, 88), 3, closed=True)
    _lantern(c, x, top, half(top))


def _lantern(c: Canvas, x: float, top: float, w: float) -> None:
    """The lighthouse's gallery, its lit lantern and the cap, on a tower ``2 * w`` wide that ends at row ``top``."""
    iron: Color = (72, 66, 78)
    deck = [(x - w - 16, top + 4), (x + w + 16, top + 4), (x + w, top + 22), (x - w, top + 22)]
    c.polygon(deck, (92, 84, 92), 0.3, 6, ink=2)
    for share in np.linspace(-1, 1, 11).tolist():
        c.line([(x + share * (w + 15), top + 4), (x + share * (w + 15), top - 22)], iron, 2)
    c.line([(x - w - 16, top - 22), (x + w + 16, top - 22)], iron, 3)
    room = [(x - w * 0.7, top + 4), (x - w * 0.7, top - 58), (x + w * 0.7, top - 58), (x + w * 0.7, top + 4)]
    c.polygon(room, (250, 222, 142), -0.1, 6, ink=2)
    for bar in (-0.35, 0.0, 0.35):
        c.line([(x + bar * w, top + 4), (x + bar * w, top - 58)], (92, 84, 92), 2)
    cap = [(x - w, top - 56), (x - w * 0.6, top - 84), (x, top - 104), (x + w * 0.6, top - 84), (x + w, top - 56)]
    c.polygon(smooth(cap, 2), (178, 62, 54), 0.3, 8, ink=2)
    c.line([(x, top - 96), (x, top - 122)], iron, 3)
    c.glow(x, top - 28, 110, (255, 236, 170), 0.5)

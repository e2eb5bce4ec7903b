"""A room, painted on a canvas: wallpaper, floor, rug, window and pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from remaster_sample.brush import Canvas, Color, mix, smooth, tone
from remaster_sample.landscape import GREENS, cloud, foliage

WOOD: Color = (134, 86, 56)


def box(x: float, y: float, w: float, h: float) -> list[tuple[float, float]]:
    """The corners of a rectangle with its top left at (x, y)."""
    return [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]


def oval(x: float, y: float, rx: float, ry: float, n: int = 40) -> list[tuple[float, float]]:
    """An ellipse about (x, y) as points."""
    t = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return list(zip((x + rx * np.cos(t)).tolist(), (y + ry * np.sin(t)).tolist(), strict=True))


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
        c.polygon(
            [(far, floor), (far + 74, floor), (near + 118, c.height), (near, c.height)],
            tone(color, c.rng.uniform(0.86, 1.1)),
            0.05,
            9,
        )
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
    view.polygon(
        smooth([(-40, h), (-40, h * 0.68), (w * 0.4, h * 0.56), (w + 60, h * 0.74), (w + 60, h)]),
        (132, 170, 112),
        0.2,
        8,
    )
    view.polygon(
        smooth([(-40, h + 60), (-40, h * 0.84), (w * 0.5, h * 0.86), (w + 60, h * 0.7), (w + 60, h + 60)]),
        (96, 142, 82),
        0.2,
        8,
    )
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
    shape = [
        (x + inner, y),
        (x + outer, y),
        (x + outer, y + h),
        (x + inner * 0.75, y + h),
        (x + inner * 0.1, y + h * 0.66),
        (x + inner * 0.9, y + h * 0.3),
    ]
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
    c.polygon(
        [
            (x + 11, low),
            *smooth(
                [(x + 11, y + h * 0.62), (x + w * 0.4, y + h * 0.42), (x + w - 11, y + h * 0.66)], 3, closed=False
            ).tolist(),
            (x + w - 11, low),
        ],
        land,
        0.2,
        8,
    )
    foliage(c, x + w * 0.68, y + h * 0.56, w * 0.1, w * 0.1, GREENS, 3)
    c.dabs([(x + w * 0.3, y + h * 0.3)], [(252, 236, 190)], w * 0.06, 1)

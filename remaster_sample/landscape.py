"""Paints nature on a canvas: sky, clouds, hills, trees, grass, sea, roads."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from remaster_sample.brush import Canvas, Color, Points, curve, mix, smooth, tone

DAY_SKY: Sequence[tuple[float, Color]] = ((0.0, (74, 140, 200)), (0.55, (142, 196, 222)), (1.0, (238, 232, 204)))
DUSK_SKY: Sequence[tuple[float, Color]] = (
    (0.0, (66, 70, 128)),
    (0.4, (156, 104, 148)),
    (0.75, (238, 152, 116)),
    (1.0, (252, 212, 142)),
)
GREENS: Sequence[Color] = ((52, 92, 58), (82, 132, 66), (134, 172, 82))
AUTUMN: Sequence[Color] = ((138, 58, 36), (204, 100, 40), (240, 168, 66))
GOLDEN: Sequence[Color] = ((146, 92, 30), (214, 154, 50), (248, 208, 104))
PINE: Sequence[Color] = ((30, 66, 66), (50, 98, 84), (90, 138, 104))


def cloud(c: Canvas, x: float, y: float, width: float, light: Color, dark: Color) -> None:
    """A cumulus of ``width`` with its flat base at (x, y): three layers of round puffs, lit from the upper left."""
    n = 26
    t = c.rng.uniform(-1, 1, n)
    r = width * (0.13 * (1 - 0.75 * t**2) + 0.025) * c.rng.uniform(0.7, 1.4, n)
    cx = x + t * width * 0.42
    cy = y - r * c.rng.uniform(0.2, 1.9, n) * (1.15 - np.abs(t))
    x0, y0 = int(max(x - width * 0.75, 0)), int(max(y - width * 0.65, 0))
    x1, y1 = int(min(x + width * 0.75, c.width)), int(min(y + width * 0.12, c.height))
    if x1 - x0 < 4 or y1 - y0 < 4:
        return
    for share, grow, rise in ((0.0, 1.0, 0.0), (0.5, 0.78, 0.2), (1.0, 0.52, 0.4)):
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        for a, b, radius in zip(cx, cy, r, strict=True):
            centre = (int((a - x0 - rise * radius) * 16), int((b - y0 - rise * radius) * 16))
            cv2.circle(mask, centre, int(radius * grow * 16), 255, -1, cv2.LINE_AA, 4)
        mask[int(min(max(y - y0 - width * 0.015 * (1 + share), 1), y1 - y0)) :] = 0
        blurred = cv2.GaussianBlur(mask, (0, 0), width * 0.007 + 0.6)
        c.fill((blurred * (0.82 + 0.1 * share)).astype(np.uint8), x0, y0, mix(dark, light, share), 0.03, 7)


def sky(
    c: Canvas, horizon: float, stops: Sequence[tuple[float, Color]], clouds: int, light: Color, dark: Color
) -> None:
    """A brushed gradient down to ``horizon`` with ``clouds`` cumuli that shrink towards it, and wisps."""
    c.gradient(stops, 0, horizon + 6)
    for _ in range(clouds * 2):
        y = c.rng.uniform(0.1, 0.95) * horizon
        half = c.rng.uniform(60, 190)
        x = c.rng.uniform(0, c.width)
        wisp = [(x - half, y), (x, y - 6), (x + half, y - 2), (x + half * 0.6, y + 3), (x - half * 0.4, y + 5)]
        c.polygon(smooth(wisp), mix(light, dark, 0.25), 0, 4, soft=5)
    # Evenly spread with jitter: chance alone leaves whole frames without a cloud.
    for i in sorted(range(clouds), key=lambda i: (i * 7) % 5):
        depth = ((i * 7) % 5) / 5 + c.rng.uniform(0, 0.2)
        x = (i + c.rng.uniform(0.2, 0.8)) * c.width / clouds
        cloud(c, x, horizon * (0.86 - 0.56 * depth), c.rng.uniform(0.8, 1.1) * (120 + 240 * depth), light, dark)


def hill(c: Canvas, y: float, swing: float, greens: Sequence[Color], haze: float, air: Color, bumps: int = 5) -> Points:
    """A ridge across the canvas, hazed towards ``air``, with fields in strokes and far trees; returns its skyline."""
    ridge = np.asarray(curve(-16, c.width + 16, y, swing, c.rng, bumps))
    dark, mid, light = (mix(g, air, haze) for g in greens)
    c.polygon([*ridge, (c.width + 16, c.height), (-16, c.height)], mid, 0.3, 9)
    n = int(c.width * 1.1)
    at = c.rng.integers(0, len(ridge), n)
    drop = c.rng.exponential(28, n) + 2
    touches = ridge[at] + np.stack([c.rng.uniform(-6, 6, n), drop], axis=1)
    c.dabs(touches, [mid, mid, mix(mid, light, 0.6), mix(mid, dark, 0.35)], 3.2, 4.0, 0, 8)
    c.line(ridge, mix(light, mid, 0.35), 2)
    clumps = np.arange(0, c.width, 30) + c.rng.uniform(-14, 14, len(np.arange(0, c.width, 30)))
    for x in clumps[c.rng.random(len(clumps)) < 0.6]:
        base = float(np.interp(x, ridge[:, 0], ridge[:, 1])) + c.rng.uniform(0, 22)
        size = c.rng.uniform(5, 11)
        foliage(c, x, base - size, size * 1.5, size, (mix(dark, air, 0.1), mix(dark, mid, 0.5), mid), 2.4)
    return ridge


def foliage(c: Canvas, x: float, y: float, rx: float, ry: float, greens: Sequence[Color], dab: float = 5) -> None:
    """A cluster of leaves about (x, y): dark touches, then mid ones, then light ones towards the upper left."""
    count = int(np.clip(rx * ry / (dab * dab) * 1.6, 14, 420))
    for k, (spread, shift) in enumerate(((1.0, 0.0), (0.86, 0.14), (0.62, 0.34))):
        n = int(count * (1.0, 0.75, 0.42)[k])
        angle = c.rng.uniform(0, 2 * np.pi, n)
        radius = np.sqrt(c.rng.uniform(0, 1, n)) * spread
        px = x + rx * (radius * np.cos(angle) - shift * 0.7)
        py = y + ry * (radius * np.sin(angle) - shift)
        color = greens[k]
        c.dabs(np.stack([px, py], axis=1), [color, tone(color, 0.93), tone(color, 1.06)], dab, 1.5, -30, 40)


def tree(
    c: Canvas, x: float, ground: float, height: float, greens: Sequence[Color], bark: Color = (104, 74, 58)
) -> None:
    """A broad-leaved tree: a bent, shaded trunk with boughs, and seven overlapping clusters of leaves."""
    w = height * 0.055
    lean = c.rng.uniform(-0.04, 0.04) * height
    top = ground - height * 0.55
    c.shadow(smooth([(x - w * 6, ground), (x, ground - w), (x + w * 8, ground), (x, ground + w * 1.6)]), 0.4, 5)
    trunk = [(x - w * 1.7, ground + 3), (x - w * 0.8, ground - height * 0.12), (x + lean - w * 0.7, top)]
    trunk += [(x + lean + w * 0.7, top), (x + w * 0.9, ground - height * 0.12), (x + w * 1.8, ground + 3)]
    c.polygon(trunk, bark, 0.2, 9, ink=2)
    c.polygon(
        [trunk[5], trunk[4], trunk[3], (x + lean + w * 0.1, top), (x + w * 0.2, ground)], tone(bark, 0.74), 0.1, 9
    )
    for k in range(6):
        y = ground - height * (0.06 + 0.07 * k)
        c.line([(x - w * 0.5, y), (x - w * 0.1, y - height * 0.04)], tone(bark, 0.6), 1.5)
    for side in (-1, 1):
        c.line(
            [(x + lean, top + height * 0.08), (x + side * height * 0.19, top - height * 0.1)], tone(bark, 0.85), w * 0.8
        )
    layout = ((0, -0.84, 0.2), (-0.2, -0.7, 0.17), (0.2, -0.72, 0.18), (-0.1, -0.56, 0.16), (0.14, -0.55, 0.17))
    for dx, dy, r in (*layout, (-0.27, -0.55, 0.12), (0.29, -0.57, 0.12)):
        rx = r * height * c.rng.uniform(0.9, 1.12)
        foliage(c, x + lean + dx * height, ground + dy * height, rx, rx * 0.78, greens, max(height * 0.019, 2.5))


def pine(c: Canvas, x: float, ground: float, height: float, greens: Sequence[Color] = PINE) -> None:
    """A conifer: tiers of drooping strokes, dark beneath and light on the left."""
    c.polygon([(x - height * 0.025, ground), (x, ground - height * 0.5), (x + height * 0.025, ground)], (84, 62, 54))
    tiers = 9
    for k in range(tiers):
        y = ground - height * (0.1 + 0.86 * k / tiers)
        half = height * 0.24 * (1 - k / tiers) + 3
        drop = height * 0.09
        tier = [(x, y - height * 0.15), (x + half, y + drop * 0.3), (x + half * 0.4, y), (x, y + drop * 0.4)]
        tier += [(x - half * 0.4, y), (x - half, y + drop * 0.3)]
        c.polygon(tier, greens[0], 0.2, 8)
        at = c.rng.uniform(-0.9, 0.55, 14)
        touches = np.stack([x + at * half, y - (1 - np.abs(at)) * height * 0.07 + drop * 0.15], axis=1)
        c.dabs(touches, [greens[1], greens[1], greens[2]], height * 0.011 + 1.2, 2.6, 65, 30)


def bush(
    c: Canvas, x: float, ground: float, width: float, greens: Sequence[Color], flowers: Color | None = None
) -> None:
    """A low shrub on the ground, in flower where a colour is given."""
    c.shadow(smooth([(x - width * 0.6, ground), (x, ground - 5), (x + width * 0.7, ground), (x, ground + 8)]), 0.35, 4)
    for dx, r in ((-0.3, 0.24), (0.3, 0.25), (0.0, 0.32)):
        foliage(
            c, x + dx * width, ground - r * width * 0.75, r * width, r * width * 0.8, greens, max(width * 0.032, 2.5)
        )
    if flowers:
        n = int(width / 4)
        at = np.stack([x + c.rng.uniform(-0.45, 0.4, n) * width, ground - c.rng.uniform(0.1, 0.5, n) * width], axis=1)
        c.dabs(at, [flowers, tone(flowers, 1.2)], 2.6, 1.2)


def meadow(c: Canvas, edge: Points, bottom: float, greens: Sequence[Color], flowers: Sequence[Color] = ()) -> None:
    """Grass from the line ``edge`` down to ``bottom``: strokes that grow towards the viewer, tufts and flowers."""
    line = np.asarray(edge, float)
    dark, mid, light = greens
    c.polygon([*line, (line[-1, 0], bottom), (line[0, 0], bottom)], mid, 0.25, 10)
    n = int((line[-1, 0] - line[0, 0]) * (bottom - line[:, 1].mean()) / 75)
    x = c.rng.uniform(line[0, 0], line[-1, 0], n)
    top = np.interp(x, line[:, 0], line[:, 1])
    depth = np.sort(c.rng.uniform(0, 1, n))
    at = np.stack([x, top + depth * (bottom - top)], axis=1)
    half = n // 2
    c.dabs(at[:half], [mid, mix(mid, light, 0.5), mix(mid, dark, 0.3)], 3.0, 3.2, 0, 10)
    c.dabs(at[half:], [mid, mix(mid, light, 0.6), mix(mid, dark, 0.4)], 4.6, 3.2, 0, 10)
    for part, size in ((at[:half:3], 6.0), (at[half::3], 12.0)):
        c.blades(part, [mix(mid, dark, 0.55), mid, mix(mid, light, 0.8)], size)
    if flowers:
        c.dabs(at[::23] - (0, 4), [*flowers], 2.4, 1.2)


def road(c: Canvas, top: float, bottom: float, color: Color) -> None:
    """A lane across the whole canvas between two rows: earth in long strokes, wheel ruts, pebbles with shadows."""
    upper = np.asarray(curve(-16, c.width + 16, top, 5, c.rng, 9))
    lower = np.asarray(curve(-16, c.width + 16, bottom, 6, c.rng, 9))
    c.polygon([*upper, *lower[::-1]], color, 0.12, 10)
    n = int(c.width * (bottom - top) / 160)
    at = np.stack([c.rng.uniform(0, c.width, n), c.rng.uniform(top + 6, bottom - 6, n)], axis=1)
    c.dabs(at, [color, tone(color, 1.12), tone(color, 0.92)], 3.0, 6.0, 0, 5)
    for share in (0.38, 0.7):
        rut = upper * (1 - share) + lower * share
        c.line(rut + np.array([0, 2]), tone(color, 1.15), 3)
        c.line(rut, tone(color, 0.82), 4)
    stones = at[::9]
    c.dabs(stones + np.array([1.5, 2]), [tone(color, 0.66)], 3.0, 1.7, 0, 8)
    c.dabs(stones, [tone(color, 1.3), tone(color, 1.12), (176, 168, 160)], 2.8, 1.6, 0, 8)
    c.line(upper, tone(color, 0.72), 2)


def sea(c: Canvas, horizon: float, bottom: float, far: Color, near: Color, glint: Color) -> None:
    """Water: a gradient, rows of waves that grow towards the viewer, and glints."""
    c.gradient(((0, far), (1, near)), horizon, bottom)
    n = int(c.width * (bottom - horizon) / 150)
    depth = np.sort(c.rng.uniform(0, 1, n) ** 1.6)
    at = np.stack([c.rng.uniform(0, c.width, n), horizon + 2 + depth * (bottom - horizon)], axis=1)
    for k, (part, size) in enumerate(zip(np.array_split(at, 5), (1.0, 1.4, 1.9, 2.6, 3.6), strict=True)):
        water = mix(far, near, 0.15 + 0.2 * k)
        c.dabs(part, [tone(water, 0.9), mix(water, far, 0.4), mix(water, near, 0.4)], size, 7.0, 0, 3)
        c.dabs(part[::6] - (0, size), [glint, mix(water, glint, 0.6)], size * 0.55, 8.0, 0, 3)
    c.line([(0, horizon), (c.width, horizon)], mix(far, glint, 0.3), 2)

"""Paints on a canvas: fills, dabs, strokes, glows and title letters, textured by layered noise from one seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32, Rgb

Color = tuple[int, int, int]
Points = Sequence[tuple[float, float]] | npt.NDArray[np.float64]
Coverage = npt.NDArray[np.uint8]

SUBPIXEL_BITS = 4


def noise(height: int, width: int, cell: float, rng: np.random.Generator, stretch: float = 1.0) -> Float32:
    """Layered value noise, float32 (height, width), about -1..1, with features of ``cell`` pixels and smaller.

    ``stretch`` above 1 lengthens the features along x, below 1 along y.
    """
    total = np.zeros((height, width), np.float32)
    for octave in range(4):
        size = cell / 2**octave
        if size < 1.5:
            break
        grid = rng.standard_normal((int(height / size) + 3, int(width / (size * stretch)) + 3), dtype=np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) * np.float32(0.5**octave)
    return total * np.float32(0.5)


def box(x: float, y: float, w: float, h: float) -> list[tuple[float, float]]:
    """The corners of a rectangle with its top left at (x, y), clockwise."""
    return [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]


def oval(x: float, y: float, rx: float, ry: float, n: int = 40) -> list[tuple[float, float]]:
    """An ellipse about (x, y) as ``n`` points, clockwise from the right."""
    t = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return list(zip((x + rx * np.cos(t)).tolist(), (y + ry * np.sin(t)).tolist(), strict=True))


def offset(x: float, y: float, *points: tuple[float, float]) -> list[tuple[float, float]]:
    """Points given relative to (x, y)."""
    return [(x + dx, y + dy) for dx, dy in points]


def curve(x0: float, x1: float, y: float, height: float, rng: np.random.Generator, bumps: int = 5) -> Points:
    """A smooth random skyline from x0 to x1 about ``y``, as points 8 pixels apart; ``height`` is its amplitude."""
    x = np.arange(x0, x1 + 8, 8.0)
    knots = rng.uniform(-1, 1, bumps + 3)
    t = (x - x0) / max(x1 - x0, 1) * bumps
    i = t.astype(int)
    f = (t - i)[:, None]
    p = np.stack([knots[np.minimum(i + k, bumps + 2)] for k in range(3)], axis=1)
    # Quadratic B-spline: no overshoot, no corner.
    weights = np.concatenate([(1 - f) ** 2 / 2, 0.5 + f * (1 - f), f**2 / 2], axis=1)
    return np.stack([x, y + height * (p * weights).sum(axis=1)], axis=1)


def smooth(points: Points, rounds: int = 3, closed: bool = True) -> npt.NDArray[np.float64]:
    """Round the corners of a polygon by corner cutting (Chaikin 1974); returns (n, 2)."""
    p = np.asarray(points, float)
    for _ in range(rounds):
        q = np.roll(p, -1, axis=0) if closed else p[1:]
        a = p if closed else p[:-1]
        cut = np.stack([0.75 * a + 0.25 * q, 0.25 * a + 0.75 * q], axis=1).reshape(-1, 2)
        p = cut if closed else np.concatenate([p[:1], cut, p[-1:]])
    return p


def soften(mask: Coverage, radius: float) -> Coverage:
    """Blur a coverage mask by a Gaussian of standard deviation ``radius``; 0 leaves it as it is."""
    return mask if not radius else np.asarray(cv2.GaussianBlur(mask, (0, 0), radius), np.uint8)


def tone(color: Color, factor: float) -> Color:
    """Darken a colour (``factor`` below 1) or mix it with white (above 1)."""
    if factor <= 1:
        return (int(color[0] * factor), int(color[1] * factor), int(color[2] * factor))
    return mix(color, (255, 255, 255), factor - 1)


def mix(a: Color, b: Color, share: float) -> Color:
    """Mix two colours; ``share`` is that of ``b``."""
    r, g, bl = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return (r, g, bl)


def fixed(points: Points) -> npt.NDArray[np.int32]:
    """Convert points to OpenCV's fixed-point form (``SUBPIXEL_BITS``)."""
    return np.round(np.asarray(points, float) * (1 << SUBPIXEL_BITS)).astype(np.int32)


@dataclass
class Canvas:
    """A picture being painted, uint8 RGB (height, width, 3), and the generator of its random numbers."""

    width: int
    height: int
    seed: int
    image: Rgb = field(init=False)
    rng: np.random.Generator = field(init=False)
    _texture: Float32 = field(init=False)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.image = np.full((self.height, self.width, 3), 128, np.uint8)
        wash = noise(self.height, self.width, 60, self.rng)
        strokes = noise(self.height, self.width, 7, self.rng, stretch=5)
        self._texture = 0.6 * wash + 0.5 * strokes

    def gradient(self, stops: Sequence[tuple[float, Color]], top: float = 0, bottom: float | None = None) -> None:
        """Fill rows ``top`` to ``bottom`` with a gradient in broad strokes; stops are (0-1 downwards, colour)."""
        y0, y1 = int(top), int(self.height if bottom is None else bottom)
        rows = np.linspace(0, 1, y1 - y0, dtype=np.float32)[:, None]
        # Stretched noise displaces the rows, as if they were brushed sideways.
        at = np.clip(rows + 0.035 * noise(y1 - y0, self.width, 40, self.rng, stretch=6), 0, 1)
        where = [s for s, _ in stops]
        bands = [np.interp(at, where, [c[k] for _, c in stops]) for k in range(3)]
        fill = np.stack(bands, axis=-1) + 2.5 * self._texture[y0:y1, :, None]
        self.image[y0:y1] = np.clip(fill, 0, 255)

    def polygon(
        self, points: Points, color: Color, shade: float = 0.12, texture: float = 6, ink: float = 0, soft: float = 0
    ) -> None:
        """Fill a polygon with a colour that darkens downwards by ``shade``, textured by ``texture`` levels.

        ``ink`` draws its outline that wide in a dark tone of the colour; ``soft`` blurs its edge by that many pixels.
        """
        mask, x, y = self.coverage(points, soft)
        if not mask.size:
            return
        self.fill(mask, x, y, color, shade, texture)
        if ink:
            self.line([*points, points[0]], tone(color, 0.45), ink)

    def coverage(self, points: Points, soft: float = 0) -> tuple[Coverage, int, int]:
        """A polygon's coverage with an edge blurred by ``soft`` pixels: (mask, x, y of its top left on the canvas).

        The mask spans the part of the polygon that lies on the canvas, and is empty where none does.
        """
        pts = np.asarray(points, float)
        pad = int(3 * soft) + 2
        x0, y0 = np.maximum(np.floor(pts.min(axis=0)).astype(int) - pad, 0)
        x1, y1 = np.minimum(np.ceil(pts.max(axis=0)).astype(int) + pad, (self.width, self.height))
        mask = np.zeros((max(y1 - y0, 0), max(x1 - x0, 0)), np.uint8)
        if mask.size:
            cv2.fillPoly(mask, [fixed(pts - (x0, y0))], 255, cv2.LINE_AA, SUBPIXEL_BITS)
            mask = soften(mask, soft)
        return mask, int(x0), int(y0)

    def fill(self, mask: Coverage, x: int, y: int, color: Color, shade: float = 0.0, texture: float = 6) -> None:
        """Paint ``color`` through an opacity mask (0-255) with its top left at (x, y); it must lie on the canvas."""
        h, w = mask.shape
        rows = np.linspace(1 + shade / 2, 1 - shade / 2, h, dtype=np.float32)[:, None, None]
        paint = rows * np.array(color, np.float32) + texture * self._texture[y : y + h, x : x + w, None]
        part = self.image[y : y + h, x : x + w]
        alpha = mask[..., None].astype(np.float32) / 255
        part[:] = np.clip(part + (paint - part) * alpha + 0.5, 0, 255)

    def line(self, points: Points, color: Color, width: float = 2, closed: bool = False) -> None:
        """Draw a polyline with round joins."""
        thick = max(round(width), 1)
        cv2.polylines(self.image, [fixed(points)], closed, color, thick, cv2.LINE_AA, SUBPIXEL_BITS)

    def dabs(
        self,
        points: Points,
        colors: Sequence[Color],
        size: float,
        stretch: float = 1.6,
        angle: float = 0,
        turn: float = 25,
    ) -> None:
        """Draw a small ellipse at each point, in a slightly varied colour of the list."""
        pts = np.asarray(points, float)
        n = len(pts)
        which = self.rng.integers(len(colors), size=n)
        vary = self.rng.normal(0, 5, (n, 1)) + self.rng.normal(0, 3, (n, 3))
        paints = np.clip(np.asarray(colors, float)[which] + vary, 0, 255)
        sizes = size * self.rng.uniform(0.6, 1.3, n)
        angles = angle + self.rng.normal(0, turn, n)
        unit = 1 << SUBPIXEL_BITS
        for (x, y), paint, r, a in zip(pts.tolist(), paints.tolist(), sizes.tolist(), angles.tolist(), strict=True):
            axes = (max(int(r * stretch * unit), 8), max(int(r * unit), 8))
            centre = (int(x * unit), int(y * unit))
            cv2.ellipse(self.image, centre, axes, a, 0, 360, paint, -1, cv2.LINE_AA, SUBPIXEL_BITS)

    def blades(
        self, points: Points, colors: Sequence[Color], length: float, lean: float = 0.2, width: float = 1
    ) -> None:
        """Draw short upward strokes (grass) that start at the points."""
        pts = np.asarray(points, float)
        n = len(pts)
        tall = length * self.rng.uniform(0.5, 1.3, n)
        side = tall * self.rng.normal(lean, 0.35, n)
        which = self.rng.integers(len(colors), size=n).tolist()
        for (x, y), t, s, k in zip(pts.tolist(), tall.tolist(), side.tolist(), which, strict=True):
            self.line([(x, y), (x + 0.3 * s, y - 0.6 * t), (x + s, y - t)], colors[k], width)

    def glow(self, x: float, y: float, radius: float, color: Color, strength: float = 0.6, flat: float = 1.0) -> None:
        """Mix in ``color`` by ``strength`` at the centre, falling off over ``radius`` (times ``flat`` along y)."""
        x0, x1 = max(int(x - 2 * radius), 0), min(int(x + 2 * radius) + 1, self.width)
        y0, y1 = max(int(y - 2 * radius * flat), 0), min(int(y + 2 * radius * flat) + 1, self.height)
        if x1 <= x0 or y1 <= y0:
            return
        gx = (np.arange(x0, x1, dtype=np.float32) - x) / radius
        gy = (np.arange(y0, y1, dtype=np.float32) - y) / (radius * flat)
        alpha = np.float32(strength) * np.exp(-2.2 * (gy[:, None] ** 2 + gx[None] ** 2))[..., None]
        part = self.image[y0:y1, x0:x1]
        part[:] = np.clip(part + (np.array(color, np.float32) - part) * alpha + 0.5, 0, 255)

    def shadow(self, points: Points, strength: float = 0.3, soft: float = 6) -> None:
        """Darken a polygon by ``strength``, towards blue, with a soft edge."""
        mask, x, y = self.coverage(points, soft)
        alpha = mask[..., None].astype(np.float32) * np.float32(strength / 255)
        part = self.image[y : y + mask.shape[0], x : x + mask.shape[1]]
        part[:] = np.clip(part * (1 - alpha * np.array([1.0, 0.92, 0.75], np.float32)) + 0.5, 0, 255)

    def grade(self, gain: tuple[float, float, float], lift: Color = (0, 0, 0)) -> None:
        """Multiply the channels by ``gain`` and add ``lift``, which turns day into dusk or night."""
        scaled = self.image * np.array(gain, np.float32) + np.array(lift, np.float32)
        self.image[:] = np.clip(scaled + 0.5, 0, 255)

    def finish(self, wobble: float = 1.2, texture: float = 3.5) -> Rgb:
        """Finish the painting: displace edges by up to ``wobble`` pixels, add brush texture; returns it, read-only."""
        h, w = self.height, self.width
        y, x = np.mgrid[0:h, 0:w].astype(np.float32)
        x += wobble * noise(h, w, 26, self.rng)
        y += wobble * noise(h, w, 26, self.rng)
        image = cv2.remap(self.image, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        bristles = noise(h, w, 5, self.rng, stretch=4) + 0.6 * noise(h, w, 3, self.rng)
        self.image = np.clip(image + texture * bristles[..., None] + 0.5, 0, 255).astype(np.uint8)
        self.image.setflags(write=False)
        return self.image


def _glyph(letter: str, size: int) -> Coverage:
    """A letter's coverage, uint8, on a square of 2 * size with its baseline at row 1.4 * size."""
    square = np.zeros((2 * size, 2 * size), np.uint8)
    cv2.putText(square, letter, (size // 2, int(1.4 * size)), 255, cv2.FontFace("sans"), size, 800)
    return square


def _advance(letter: str, size: int) -> float:
    if letter == " ":
        return 0.34 * size
    columns = np.flatnonzero(_glyph(letter, size).any(axis=0))
    return float(columns[-1] - columns[0] + 1 + 0.07 * size)


def lettering(c: Canvas, text: str, x: float, y: float, size: int, color: Color, ink: Color, arc: float = 0.0) -> None:
    """Write ``text`` centred on (x, y) with outline and drop shadow; its middle lies ``arc`` pixels above its ends."""
    advances = [_advance(letter, size) for letter in text]
    whole = sum(advances)
    mask = np.zeros((c.height, c.width), np.uint8)
    at = -whole / 2
    for letter, advance in zip(text, advances, strict=True):
        middle = at + advance / 2
        at += advance
        if letter == " ":
            continue
        t = 2 * middle / max(whole, 1)
        turn = -np.degrees(np.arctan(2 * arc * t * 2 / max(whole, 1))) + c.rng.uniform(-2, 2)
        glyph = _glyph(letter, size)
        columns = np.flatnonzero(glyph.any(axis=0))
        centre = (float(columns[0] + columns[-1]) / 2, 1.05 * size)
        place = cv2.getRotationMatrix2D(centre, turn, 1.0)
        jump = c.rng.uniform(-1.5, 1.5)
        place[:, 2] += np.array([x + middle - centre[0], y - arc * (1 - t * t) - centre[1] + jump])
        mask = np.maximum(mask, cv2.warpAffine(glyph, place, (c.width, c.height), flags=cv2.INTER_CUBIC))
    _paint_letters(c, mask, size, color, ink)


def _paint_letters(c: Canvas, mask: Coverage, size: int, color: Color, ink: Color) -> None:
    edge = max(size // 12, 2)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * edge + 1, 2 * edge + 1))
    fat = soften(np.asarray(cv2.dilate(mask, disc), np.uint8), 0.7)
    c.fill(_moved(fat, edge, 1.6 * edge), 0, 0, tone(ink, 0.6), 0, 3)
    c.fill(fat, 0, 0, ink, 0, 3)
    c.fill(mask, 0, 0, color, 0, 5)
    # The lower edge of each letter is darker, the upper one lighter.
    c.fill(mask - np.minimum(mask, _moved(mask, 0, -0.1 * size)), 0, 0, tone(color, 0.82), 0, 5)
    c.fill(mask - np.minimum(mask, _moved(mask, 0, 0.05 * size)), 0, 0, tone(color, 1.6), 0, 3)


def _moved(mask: Coverage, dx: float, dy: float) -> Coverage:
    shift = np.array([[1.0, 0.0, dx], [0.0, 1.0, dy]])
    return np.asarray(cv2.warpAffine(mask, shift, (mask.shape[1], mask.shape[0])), np.uint8)

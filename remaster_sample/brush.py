"""Paint: a canvas with fills, dabs, strokes and glows, all textured by layered noise from one seed."""

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
    """Layered value noise, float32 (height, width), about -1..1, with features of ``cell`` pixels (and smaller).

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


def curve(x0: float, x1: float, y: float, height: float, rng: np.random.Generator, bumps: int = 5) -> Points:
    """A smooth random skyline from x0 to x1 about ``y``, as points 8 pixels apart; ``height`` is its swing."""
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
    """Corner cutting (Chaikin 1974): a soft shape through a rough polygon, (n, 2)."""
    p = np.asarray(points, float)
    for _ in range(rounds):
        q = np.roll(p, -1, axis=0) if closed else p[1:]
        a = p if closed else p[:-1]
        cut = np.stack([0.75 * a + 0.25 * q, 0.25 * a + 0.75 * q], axis=1).reshape(-1, 2)
        p = cut if closed else np.concatenate([p[:1], cut, p[-1:]])
    return p


def soften(mask: Coverage, radius: float) -> Coverage:
    """The coverage with its edge blurred by a Gaussian of that standard deviation; 0 leaves it as it is."""
    return mask if not radius else np.asarray(cv2.GaussianBlur(mask, (0, 0), radius), np.uint8)


def tone(color: Color, factor: float) -> Color:
    """The colour darker (below 1) or lighter (above 1: mixed with white)."""
    if factor <= 1:
        return (int(color[0] * factor), int(color[1] * factor), int(color[2] * factor))
    return mix(color, (255, 255, 255), factor - 1)


def mix(a: Color, b: Color, share: float) -> Color:
    """The colour between a and b; ``share`` is b's."""
    r, g, bl = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return (r, g, bl)


def fixed(points: Points) -> npt.NDArray[np.int32]:
    """Points in OpenCV's fixed-point form (``SUBPIXEL_BITS``)."""
    return np.round(np.asarray(points, float) * (1 << SUBPIXEL_BITS)).astype(np.int32)


@dataclass
class Canvas:
    """A picture in the making, uint8 RGB (height, width, 3), and the generator that all its accidents come from."""

    width: int
    height: int
    seed: int
    image: Rgb = field(init=False)
    rng: np.random.Generator = field(init=False)
    _tooth: Float32 = field(init=False)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.image = np.full((self.height, self.width, 3), 128, np.uint8)
        wash = noise(self.height, self.width, 60, self.rng)
        strokes = noise(self.height, self.width, 7, self.rng, stretch=5)
        self._tooth = 0.6 * wash + 0.5 * strokes

    def gradient(self, stops: Sequence[tuple[float, Color]], top: float = 0, bottom: float | None = None) -> None:
        """Fill rows ``top`` to ``bottom`` with a vertical gradient of (share of the way, colour), in broad strokes."""
        y0, y1 = int(top), int(self.height if bottom is None else bottom)
        rows = np.linspace(0, 1, y1 - y0, dtype=np.float32)[:, None]
        # Brushed sideways: the gradient's rows are displaced by stretched noise instead of lying like a ruler.
        at = np.clip(rows + 0.035 * noise(y1 - y0, self.width, 40, self.rng, stretch=6), 0, 1)
        where = [s for s, _ in stops]
        bands = [np.interp(at, where, [c[k] for _, c in stops]) for k in range(3)]
        fill = np.stack(bands, axis=-1) + 2.5 * self._tooth[y0:y1, :, None]
        self.image[y0:y1] = np.clip(fill, 0, 255)

    def polygon(
        self, points: Points, color: Color, shade: float = 0.12, texture: float = 6, ink: float = 0, soft: float = 0
    ) -> None:
        """Fill a polygon with a colour that darkens downwards by ``shade``, textured by ``texture`` levels.

        ``ink`` draws its outline that wide in a dark tone of the colour; ``soft`` blurs its edge by that many pixels.
        """
        pts = np.asarray(points, float)
        pad = int(3 * soft) + 2
        x0, y0 = np.maximum(np.floor(pts.min(axis=0)).astype(int) - pad, 0)
        x1, y1 = np.minimum(np.ceil(pts.max(axis=0)).astype(int) + pad, (self.width, self.height))
        if x1 <= x0 or y1 <= y0:
            return
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        cv2.fillPoly(mask, [fixed(pts - (x0, y0))], 255, cv2.LINE_AA, SUBPIXEL_BITS)
        self.fill(soften(mask, soft), x0, y0, color, shade, texture)
        if ink:
            self.line(np.concatenate([pts, pts[:1]]), tone(color, 0.45), ink)

    def fill(self, mask: Coverage, x: int, y: int, color: Color, shade: float = 0.0, texture: float = 6) -> None:
        """Paint ``color`` through an opacity mask (0-255) whose top left lies at (x, y), inside the canvas."""
        h, w = mask.shape
        rows = np.linspace(1 + shade / 2, 1 - shade / 2, h, dtype=np.float32)[:, None, None]
        paint = rows * np.array(color, np.float32) + texture * self._tooth[y : y + h, x : x + w, None]
        part = self.image[y : y + h, x : x + w]
        alpha = mask[..., None].astype(np.float32) / 255
        part[:] = np.clip(part + (paint - part) * alpha + 0.5, 0, 255)

    def line(self, points: Points, color: Color, width: float = 2, closed: bool = False) -> None:
        """A stroke with round joins."""
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
        """One small oval touch of the brush at each point, in a colour of the list, slightly varied."""
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
        """Short upward strokes (grass, thatch) rooted at the points."""
        pts = np.asarray(points, float)
        n = len(pts)
        tall = length * self.rng.uniform(0.5, 1.3, n)
        side = tall * self.rng.normal(lean, 0.35, n)
        which = self.rng.integers(len(colors), size=n).tolist()
        for (x, y), t, s, k in zip(pts.tolist(), tall.tolist(), side.tolist(), which, strict=True):
            self.line([(x, y), (x + 0.3 * s, y - 0.6 * t), (x + s, y - t)], colors[k], width)

    def glow(self, x: float, y: float, radius: float, color: Color, strength: float = 0.6, flat: float = 1.0) -> None:
        """Soft light: mixes ``color`` in by ``strength`` at the centre, falling off over ``radius`` (y: times flat)."""
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
        pts = np.asarray(points, float)
        pad = int(3 * soft) + 2
        x0, y0 = np.maximum(np.floor(pts.min(axis=0)).astype(int) - pad, 0)
        x1, y1 = np.minimum(np.ceil(pts.max(axis=0)).astype(int) + pad, (self.width, self.height))
        if x1 <= x0 or y1 <= y0:
            return
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        cv2.fillPoly(mask, [fixed(pts - (x0, y0))], 255, cv2.LINE_AA, SUBPIXEL_BITS)
        alpha = soften(mask, soft)[..., None].astype(np.float32) * np.float32(strength / 255)
        part = self.image[y0:y1, x0:x1]
        part[:] = np.clip(part * (1 - alpha * np.array([1.0, 0.92, 0.75], np.float32)) + 0.5, 0, 255)

    def grade(self, gain: tuple[float, float, float], lift: Color = (0, 0, 0)) -> None:
        """Multiply the channels by ``gain`` and add ``lift``: turns a day into dusk or night."""
        scaled = self.image * np.array(gain, np.float32) + np.array(lift, np.float32)
        self.image[:] = np.clip(scaled + 0.5, 0, 255)

    def finish(self, wobble: float = 1.2, texture: float = 3.5) -> Rgb:
        """The painting, read-only: edges wobble as by hand, and the paper's tooth and bristles show through."""
        h, w = self.height, self.width
        y, x = np.mgrid[0:h, 0:w].astype(np.float32)
        x += wobble * noise(h, w, 26, self.rng)
        y += wobble * noise(h, w, 26, self.rng)
        image = cv2.remap(self.image, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        bristles = noise(h, w, 5, self.rng, stretch=4) + 0.6 * noise(h, w, 3, self.rng)
        self.image = np.clip(image + texture * bristles[..., None] + 0.5, 0, 255).astype(np.uint8)
        self.image.setflags(write=False)
        return self.image

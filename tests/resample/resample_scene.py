"""A drawn scene whose every point is known exactly, and a renderer of its wings.

Frames, windows and backgrounds are samples of one function.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from remaster.arrays import Mask, Plane, Rgb
from remaster.imaging import camera as cam
from remaster.imaging.geometry import Window, window
from remaster.media.planes import from_rgb
from remaster.media.types import ColorSpec, PixelFormat, Rect
from remaster.records import Background, Method, Shot
from remaster.resample.figure_layers import Continuation
from remaster.resample.layout import FrameFormat
from remaster.resample.rendering import FilmTraces, ShotDonors, WingRenderer
from remaster.resample.tuning import ResampleSettings

YUV420P = PixelFormat("yuv420p", "yuv", 8, 1, 1)
YUV422P = PixelFormat("yuv422p", "yuv", 8, 1, 0)
YUV444P10 = PixelFormat("yuv444p10le", "yuv", 10, 0, 0)
GRAY = PixelFormat("gray", "gray")
GBRP = PixelFormat("gbrp", "rgb")
COLOR = ColorSpec(matrix=6, chroma_location=1)
FULL = ColorSpec(matrix=0, full_range=True)

Planes = tuple[Plane, ...]


def paint(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> Rgb:
    """The scene's RGB at canvas coordinates: a soft sky and hills, and discs with edges two pixels wide."""
    red = 120 + 50 * np.sin(x / 37 + 1) + 30 * np.cos(y / 23)
    green = 110 + 40 * np.sin((x + y) / 31) + 30 * np.sin(y / 41)
    blue = 130 + 60 * np.cos((x - 2 * y) / 53)
    picture = np.stack([red, green, blue], axis=-1)
    for i in range(-2, 24):
        cx, cy, radius = 31.0 * i + 9, 60 + 45 * np.sin(2.3 * i), 9 + 4 * np.cos(i)
        inside = 0.5 + 0.5 * np.tanh((radius - np.hypot(x - cx, y - cy)) / 1.5)
        tint = np.array([(60 * i) % 200 + 28, (90 * i) % 180 + 30, (130 * i) % 190 + 40], float)
        picture += inside[..., None] * (tint - picture)
    return np.rint(np.clip(picture, 0, 255)).astype(np.uint8)


def seen(camera: cam.Affine, rect: Rect) -> Rgb:
    """What ``camera`` shows in ``rect`` of the frame."""
    x, y = np.meshgrid(np.arange(rect.width) + rect.x, np.arange(rect.height) + rect.y)
    points = cam.apply(camera, np.stack([x, y], axis=-1).reshape(-1, 2)).reshape(rect.height, rect.width, 2)
    return paint(points[..., 0], points[..., 1])


def whole_window(shown: Window, camera: cam.Affine, pixel_format: PixelFormat, color: ColorSpec = COLOR) -> Planes:
    """The truth: the scene over the whole window, as planes."""
    rect = Rect(-shown.x, -shown.y, shown.width, shown.height)
    return tuple(from_rgb(seen(camera, rect), pixel_format, color))


def picture_of(planes: Planes, shown: Window, pixel_format: PixelFormat) -> Planes:
    """The active picture's planes within a window's."""
    step_x, step_y = 1 << pixel_format.log2_chroma_w, 1 << pixel_format.log2_chroma_h
    shapes = pixel_format.plane_shapes(shown.active.width, shown.active.height)
    starts = [(shown.y, shown.x), *[(shown.y // step_y, shown.x // step_x)] * 2]
    return tuple(
        np.ascontiguousarray(p[y : y + h, x : x + w]) for p, (y, x), (h, w) in zip(planes, starts, shapes, strict=False)
    )


def canvas(width: int = 420, height: int = 180) -> Background:
    """The scene's background, wholly covered."""
    image = seen(cam.IDENTITY, Rect(0, 0, width, height))
    everywhere = np.ones((height, width), bool)
    return Background(image, everywhere, ~everywhere, ~everywhere)


def shot_of(cameras: list[cam.Affine], background: Background | None, method: Method = "mosaic") -> Shot:
    return Shot(0, len(cameras), method, np.array(cameras, float), background, 1.0)


def window_of(width: int, height: int, pixel_format: PixelFormat, aspect: str = "16/9", framing: float = 0.5) -> Window:
    return window(Rect(0, 0, width, height), Fraction(1), pixel_format, Fraction(aspect), framing)


def renderer(
    shot: Shot,
    shown: Window,
    pixel_format: PixelFormat = YUV420P,
    color: ColorSpec = COLOR,
    gate: Mask | None = None,
    noise: float = 0.0,
    settings: ResampleSettings | None = None,
    seed: int = 5,
    continuation: Continuation | None = None,
) -> WingRenderer:
    """A renderer with defaults for all that a test is not about."""
    form, film = FrameFormat(shown, pixel_format, color), FilmTraces(noise, gate)
    return WingRenderer(shot, form, film, settings or ResampleSettings(), seed, ShotDonors(continuation))


def outside(planes: Planes, shown: Window, plane: int = 0) -> np.ndarray:
    """The samples of a plane that belong to the wings, in 8-bit levels, flat."""
    rows, columns = planes[plane].shape
    step_y, step_x = round(shown.height / rows), round(shown.width / columns)
    a = shown.active
    wing = np.ones((rows, columns), bool)
    left, top = shown.x // step_x, shown.y // step_y
    wing[top : -(-(shown.y + a.height) // step_y), left : -(-(shown.x + a.width) // step_x)] = False
    return planes[plane][wing].astype(float)


def noisy(planes: Planes, sigma: float, seed: int) -> Planes:
    rng = np.random.default_rng(seed)
    return tuple(np.clip(np.rint(p + rng.normal(0, sigma, p.shape)), 0, 255).astype(np.uint8) for p in planes)


def with_figure(planes: Planes, x: int, y: int, width: int, height: int) -> Planes:
    """A flat blue figure on yuv420p planes."""
    drawn = [p.copy() for p in planes]
    for plane, level, step in zip(drawn, (70, 190, 90), (1, 2, 2), strict=True):
        plane[y // step : (y + height) // step, x // step : (x + width) // step] = level
    return tuple(drawn)

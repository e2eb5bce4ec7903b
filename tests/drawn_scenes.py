"""Drawn scenes whose cameras and characters are known: a painted background, an outlined character, a camera path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine
from remaster.imaging.camera import compose, invert, translation

FINE = 3
"""Pictures are drawn this many times larger and averaged down, for exact positions between pixels."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Drawn:
    """``frames`` uint8 (n, h, w, 3); ``cameras`` (n, 2, 3) to the first frame's pixels; ``masks`` bool (n, h, w)."""

    frames: npt.NDArray[np.uint8]
    cameras: Affine
    masks: npt.NDArray[np.bool_]


@cache
def background() -> npt.NDArray[np.uint8]:
    """The place where most scenes are filmed: uint8, FINE times (400, 700). Drawn once, by the first test that asks."""
    return painted(FINE * 700, FINE * 400)


@cache
def other_background() -> npt.NDArray[np.uint8]:
    """Another place: uint8, FINE times (300, 500)."""
    return painted(FINE * 500, FINE * 300, seed=9)


def painted(width: int, height: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """A soft painted background with brush texture, washes and a few outlined things, uint8 (height, width, 3)."""
    rng = np.random.default_rng(seed)
    wash = np.zeros((height, width, 3), np.float32)
    for sigma, strength in ((60, 30), (16, 14), (4, 7), (1.5, 4)):
        coarse = max(int(sigma / 4), 1)  # what is so soft is drawn small
        noise = rng.standard_normal((height // coarse, width // coarse, 3), np.float32)
        layer = cv2.resize(cv2.GaussianBlur(noise, (0, 0), sigma / coarse), (width, height))
        wash += layer / layer.std() * strength
    picture = np.clip(wash + np.array([130, 140, 120]), 0, 255).astype(np.uint8)
    for _ in range(width * height // 25000):
        x, y = int(rng.uniform(0, width)), int(rng.uniform(0, height))
        size = int(rng.uniform(10, 40))
        color = tuple(int(c) for c in rng.uniform(60, 220, 3))
        cv2.ellipse(picture, (x, y), (size, size // 2), float(rng.uniform(0, 180)), 0, 360, color, -1, cv2.LINE_AA)
        cv2.ellipse(
            picture, (x, y), (size, size // 2), float(rng.uniform(0, 180)), 0, 360, (70, 60, 50), 1, cv2.LINE_AA
        )
    return picture


def draw(
    background: npt.NDArray[np.uint8],
    cameras: Affine,
    size: tuple[int, int],
    character: Callable[[int], tuple[Point, float, float]] | None = None,
    noise: float = 0.0,
    seed: int = 1,
) -> Drawn:
    """Film ``background`` (drawn FINE times as large) with ``cameras`` (n, 2, 3) from frame to background pixels.

    ``character(i)`` gives its place on the *screen*, its height in pixels and the swing of its limbs, in radians.
    """
    rng = np.random.default_rng(seed)
    w, h = size
    grow = np.array([[FINE, 0.0, (FINE - 1) / 2], [0.0, FINE, (FINE - 1) / 2]])
    frames, masks = [], []
    for i, camera in enumerate(cameras):
        fine = compose(compose(grow, camera), invert(grow))
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        picture = cv2.warpAffine(background, fine, (w * FINE, h * FINE), flags=flags, borderMode=cv2.BORDER_REFLECT)
        mask = np.zeros(picture.shape[:2], np.uint8)
        if character is not None:
            _figure(picture, mask, *character(i))
        small = cv2.resize(picture, (w, h), interpolation=cv2.INTER_AREA).astype(float) + rng.normal(
            0, noise, (h, w, 1)
        )
        frames.append(np.clip(np.rint(small), 0, 255).astype(np.uint8))
        masks.append(cv2.resize(mask, (w, h), interpolation=cv2.INTER_AREA) > 0)
    return Drawn(np.stack(frames), compose(invert(cameras[0]), cameras), np.stack(masks))


def _figure(
    picture: npt.NDArray[np.uint8], mask: npt.NDArray[np.uint8], at: Point, height: float, swing: float
) -> None:
    """An outlined figure: stripes, buttons and a face give it far more corners than the background has."""
    unit = height * FINE / 10
    x, y = (at[0] + 0.5) * FINE, (at[1] + 0.5) * FINE

    def limb(start: Point, angle: float, length: float, color: tuple[int, int, int]) -> None:
        ends = [start, (start[0] + np.sin(angle) * length, start[1] + np.cos(angle) * length)]
        a, b = ((round(x + px * unit), round(y + py * unit)) for px, py in ends)
        cv2.line(picture, a, b, (15, 15, 15), round(1.3 * unit), cv2.LINE_AA)
        cv2.line(picture, a, b, color, round(0.8 * unit), cv2.LINE_AA)
        cv2.line(mask, a, b, 255, round(1.3 * unit))

    def disc(cx: float, cy: float, rx: float, ry: float, color: tuple[int, int, int]) -> None:
        centre, axes = (round(x + cx * unit), round(y + cy * unit)), (round(rx * unit), round(ry * unit))
        cv2.ellipse(picture, centre, axes, 0, 0, 360, color, -1, cv2.LINE_AA)
        cv2.ellipse(picture, centre, axes, 0, 0, 360, (15, 15, 15), max(round(0.25 * unit), 2), cv2.LINE_AA)
        cv2.ellipse(mask, centre, (axes[0] + round(0.13 * unit), axes[1] + round(0.13 * unit)), 0, 0, 360, 255, -1)

    limb((-0.7, 2.0), -swing, 3.0, (60, 60, 160))
    limb((0.7, 2.0), swing, 3.0, (60, 60, 160))
    limb((-1.4, -1.2), -0.8 + swing, 2.8, (230, 190, 160))
    limb((1.4, -1.2), 0.8 + swing, 2.8, (230, 190, 160))
    disc(0, 0.5, 1.8, 2.4, (220, 60, 50))
    for k in range(-2, 3):
        disc(0, 0.5 + 0.8 * k, 0.3, 0.25, (250, 230, 90))
    disc(0, -3.2, 1.7, 1.7, (240, 205, 170))
    disc(-0.6, -3.5, 0.35, 0.5, (250, 250, 250))
    disc(0.6, -3.5, 0.35, 0.5, (250, 250, 250))
    disc(0, -2.3, 0.7, 0.1 + 0.4 * abs(np.sin(3 * swing)), (150, 30, 30))


def panning(n: int, dx: float, dy: float = 0.0, start: Point = (60.0, 60.0)) -> Affine:
    """``n`` cameras that move by (dx, dy) a frame."""
    return np.stack([translation(start[0] + i * dx, start[1] + i * dy) for i in range(n)])


def zooming(n: int, rate: float, angle: float, size: tuple[int, int], centre: Point) -> Affine:
    """``n`` cameras about a fixed ``centre`` of the background: ``rate`` larger and ``angle`` radians more a frame."""
    cameras = []
    middle = (np.array(size) - 1) / 2
    for i in range(n):
        scale, turn = rate**i, angle * i
        linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        cameras.append(np.concatenate([linear, (np.array(centre) - linear @ middle).reshape(2, 1)], axis=1))
    return np.stack(cameras)


def walker(x: float, y: float, dx: float = 0.0, height: float = 110.0) -> Callable[[int], tuple[Point, float, float]]:
    """A figure that starts at (x, y) on the screen, goes ``dx`` a frame and swings its limbs."""
    return lambda i: ((x + dx * i, y), height, 0.5 * float(np.sin(0.4 * i)))

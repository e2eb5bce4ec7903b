"""Drawn scenes with known cameras: a painted background, outlined characters that move, grain, light."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import cv2
import numpy as np

from remaster.imaging.camera import IDENTITY, apply, compose, corners, invert, rescale, translation
from remaster.imaging.geometry import Window, window
from remaster.media.types import PixelFormat, Rect
from remaster.records import Analysis, Shot
from remaster.stitch.stitching import stitch
from remaster.stitch.tuning import StitchSettings

WIDTH, HEIGHT = 320, 240
YUV420 = PixelFormat("yuv420p", "yuv", 8, 1, 1)
GRAIN = 2.0
FRAMES, KEYFRAMES = 32, 8
SETTINGS = StitchSettings(min_frames=10)


def painting(width: int, height: int, seed: int) -> np.ndarray:
    """A painted set, uint8 RGB: soft washes, hard-edged shapes and brush strokes at all scales."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3), np.float32)
    for cell, amount in ((160, 50.0), (48, 26.0), (14, 16.0), (5, 9.0)):
        small = rng.normal(0, 1, (height // cell + 3, width // cell + 3, 3)).astype(np.float32)
        small = small.mean(axis=-1, keepdims=True) + 0.4 * small
        picture += amount * cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    picture += 120
    for _ in range(width * height // 1500):
        center = rng.integers(0, (width, height))
        shape = center + rng.normal(0, rng.uniform(4, 26), (rng.integers(3, 7), 2))
        color = picture[center[1], center[0]] + rng.normal(0, 28, 3)
        cv2.fillPoly(picture, [shape.astype(np.int32)], color.tolist(), cv2.LINE_AA)
    return np.clip(picture, 8, 247).astype(np.uint8)


def draw_character(picture: np.ndarray, mask: np.ndarray, x: float, y: float, size: float, phase: float) -> None:
    """An outlined figure with swinging arms, drawn into the picture and its mask."""
    for target, fill, line in ((picture, (235, 190, 60), (10, 10, 10)), (mask, 255, 255)):
        for dx, dy, rx, ry, turn in (
            (0, 0, 0.5, 0.8, 0),
            (0, -1.1, 0.4, 0.4, 0),
            (-0.7, -0.2, 0.6, 0.16, 40 * np.sin(phase)),
            (0.7, -0.2, 0.6, 0.16, -50 * np.cos(phase)),
        ):
            center = round(x + dx * size), round(y + dy * size)
            axes = max(round(rx * size), 1), max(round(ry * size), 1)
            cv2.ellipse(target, center, axes, turn, 0, 360, fill, -1)
            cv2.ellipse(target, center, axes, turn, 0, 360, line, max(round(size / 14), 2))
    for eye in (-0.15, 0.15):
        cv2.circle(picture, (round(x + eye * size), round(y - 1.15 * size)), max(round(size / 14), 1), (0, 0, 0), -1)


@dataclass
class Drawn:
    """A drawn scene: full-size ``frames``, truth ``cameras`` frame -> world, and what stitching is given."""

    world: np.ndarray
    frames: list[np.ndarray]
    cameras: np.ndarray
    analysis: Analysis
    masks: np.ndarray
    window: Window

    def read(self, numbers: Sequence[int]) -> Iterator[np.ndarray]:
        for number in numbers:
            yield self.frames[number]


def make_window(width: int = WIDTH, height: int = HEIGHT, sar: Fraction = Fraction(1)) -> Window:
    return window(Rect(0, 0, width, height), sar, YUV420, Fraction(16, 9))


def shoot(
    world: np.ndarray,
    cameras: np.ndarray,
    *,
    keyframes: int = 10,
    characters: Callable[[int], list[tuple[float, float, float]]] = lambda i: [],
    masked: bool = True,
    light: Callable[[int], float] = lambda i: 1.0,
    paint: Callable[[int, np.ndarray], np.ndarray] = lambda i, picture: picture,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    proxy: tuple[int, int] | None = None,
    sar: Fraction = Fraction(1),
    jitter: float = 0.1,
    seed: int = 0,
) -> Drawn:
    """Film ``world`` by the cameras (frame -> world); motions are the truth's with ``jitter`` pixels of error."""
    rng = np.random.default_rng(seed)
    n, proxy = len(cameras), proxy or size
    frames, masks = [], []
    for i, camera in enumerate(cameras):
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        picture = paint(i, cv2.warpAffine(world, camera, size, flags=flags, borderMode=cv2.BORDER_REFLECT))
        picture, mask = picture.copy(), np.zeros(size[::-1], np.uint8)
        for x, y, scale in characters(i):
            draw_character(picture, mask, x, y, scale, i / 3)
        grain = rng.normal(0, GRAIN, (*size[::-1], 1))
        frames.append(np.clip(np.rint(picture * light(i) + grain), 0, 255).astype(np.uint8))
        masks.append(mask > 0)
    chosen = np.unique(np.linspace(0, n - 1, keyframes).round().astype(np.int64))
    proxies = np.array([cv2.resize(frames[k], proxy, interpolation=cv2.INTER_AREA) for k in chosen])
    small = [cv2.resize(masks[k].astype(np.uint8), proxy, interpolation=cv2.INTER_NEAREST) > 0 for k in chosen]
    motion = np.repeat(IDENTITY[None], n, axis=0)
    for i in range(1, n):
        step = compose(invert(cameras[i - 1]), cameras[i])
        error = 0.0 if np.allclose(step, IDENTITY) else jitter
        step = compose(translation(*rng.normal(0, error, 2)), step)
        motion[i] = rescale(step, proxy[0] / size[0], proxy[1] / size[1])
    luma = np.array([f.mean() for f in frames], np.float32)
    holds, explained = np.zeros(n, bool), np.full(n, 0.9, np.float32)
    explained[0] = 1.0
    turning, valid = np.zeros(n, bool), np.ones(proxy[::-1], bool)
    analysis = Analysis(chosen, proxies, motion, explained, holds, luma, turning, valid, GRAIN)
    given = np.array(small) if masked else np.zeros((len(chosen), *proxy[::-1]), bool)
    return Drawn(world, frames, cameras, analysis, given, make_window(*size, sar))


def pan(frames: int, travel: float, x: float = 120, y: float = 40) -> np.ndarray:
    """A pan with a soft start and stop, frame -> world."""
    t = np.linspace(0, 1, frames)
    return np.array([translation(x + travel * s, y) for s in t * t * (3 - 2 * t)])


def resting(count: int = FRAMES) -> np.ndarray:
    """A camera at rest."""
    return np.repeat(translation(200, 80)[None], count, axis=0)


def run(drawn: Drawn, gate: np.ndarray | None = None, settings: StitchSettings | None = None) -> list[Shot]:
    """The shots that the step makes of a scene, which hold what always holds."""
    shots = stitch(drawn.analysis, drawn.masks, drawn.read, drawn.window, gate, settings or SETTINGS, seed=5)
    assert shots[0].start == 0 and shots[-1].end == len(drawn.frames)
    assert all(a.end == b.start for a, b in pairwise(shots))
    for shot in shots:
        assert shot.cameras.shape == (shot.end - shot.start, 2, 3)
        if shot.background is not None:
            assert not (shot.background.coverage & shot.background.holes).any()
    return shots


def to_world(drawn: Drawn, shot: Shot) -> np.ndarray:
    """The affine transform canvas -> world that fits best, over the corners of the shot's frames."""
    height, width = drawn.frames[0].shape[:2]
    outline = np.broadcast_to(corners(width, height), (shot.end - shot.start, 4, 2))
    here = apply(shot.cameras, outline).reshape(-1, 2)
    there = apply(drawn.cameras[shot.start : shot.end], outline).reshape(-1, 2)
    solved, *_ = np.linalg.lstsq(np.column_stack([here, np.ones(len(here))]), there, rcond=None)
    return solved.T


def camera_errors(drawn: Drawn, shot: Shot) -> np.ndarray:
    """Corner error of each frame of the shot in proxy pixels, after the best common alignment."""
    height, width = drawn.frames[0].shape[:2]
    outline = np.broadcast_to(corners(width, height), (shot.end - shot.start, 4, 2))
    there = apply(drawn.cameras[shot.start : shot.end], outline)
    guess = apply(to_world(drawn, shot), apply(shot.cameras, outline))
    linear = np.linalg.inv(drawn.cameras[shot.start : shot.end, :, :2])
    off = np.einsum("nij,npj->npi", linear, guess - there)
    scale = np.array(drawn.analysis.proxies.shape[2:0:-1]) / (width, height)
    return np.linalg.norm(off * scale, axis=-1).max(axis=-1)


def wing_psnr(drawn: Drawn, shot: Shot, light: float = 1.0) -> tuple[float, float]:
    """(PSNR in dB over the covered pixels of the wings, share of the wings' pixels covered), over five frames."""
    assert shot.background is not None
    w = drawn.window
    view = translation(-w.x, -w.y)
    inside = np.zeros((w.height, w.width), bool)
    inside[w.y : w.y + w.active.height, w.x : w.x + w.active.width] = True
    squares, covered, total = 0.0, 0, 0
    for i in np.linspace(shot.start, shot.end - 1, 5).round().astype(int):
        size = (w.width, w.height)
        back = compose(shot.cameras[i - shot.start], view)
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        truth = cv2.warpAffine(drawn.world, compose(drawn.cameras[i], view), size, flags=flags).astype(float) * light
        shown = cv2.warpAffine(shot.background.image, back, size, flags=flags).astype(float)
        known = cv2.warpAffine(
            shot.background.coverage.astype(np.uint8) * 255, back, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        )
        here = (known > 250) & ~inside
        squares += ((truth - shown)[here] ** 2).mean(axis=-1).sum()
        covered += int(here.sum())
        total += int((~inside).sum())
    return 10 * np.log10(255**2 / max(squares / max(covered, 1), 1e-9)), covered / total

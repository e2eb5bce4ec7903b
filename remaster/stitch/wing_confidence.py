"""The predicted error of a shot's wings, and the confidence that follows from it.

The error of recovered wings is the hold-out's (``background_trust.py``); that of the others is predicted from how well
the picture beside them could be continued.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from scipy.fft import dct, idct

from remaster.arrays import Mask, Rgb
from remaster.stitch.background_canvas import Axis
from remaster.stitch.background_plan import Scene
from remaster.stitch.tuning import TUNING


def fill_error(pictures: Rgb, valid: Mask, sides: Axis) -> float:
    """The root mean square error, in levels, of continuing the picture's outermost columns over the strips inside them.

    ``pictures`` uint8 (k, h, w, 3) are frames of the shot, ``valid`` bool (h, w) is False on the gate. What no frame
    shows outside the picture can only be guessed. How well the border predicts the strip inside measures how well it
    will predict the wing outside.
    """
    errors = [_strip_error(p, valid) if sides == "x" else _strip_error(p.swapaxes(0, 1), valid.T) for p in pictures]
    return float(np.sqrt(np.mean(errors))) if errors else 255.0


def confidence(seen: float, seen_error: float, error: float) -> float:
    """The confidence 0-1 of wings of which a share ``seen`` has an error ``seen_error``, the rest ``error``, in levels.

    1.0 without error, a half at a root mean square of ``half_confidence``.
    """
    square = seen * seen_error**2 + (1.0 - seen) * error**2
    return float(1.0 / (1.0 + square / TUNING.wings.half_confidence**2))


def _strip_error(picture: npt.NDArray[np.uint8], valid: Mask) -> float:
    """The mean squared error of continuing one picture's outermost columns, left and right, over the strips inside."""
    tuning = TUNING.wings
    height = min(tuning.height, picture.shape[0])
    size = max(round(picture.shape[1] * height / picture.shape[0]), tuning.min_width), height
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    known = cv2.resize(valid.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    depth = min(max(round(tuning.depth * height), 1), size[0] // 2)
    square, count = 0.0, 0
    for columns, clear in ((small, known), (small[:, ::-1], known[:, ::-1])):
        first = int(clear.mean(axis=0).argmax())  # the gate's depth
        strip, measured = columns[:, first : first + depth], clear[:, first : first + depth]
        error = (_continued(strip[:, 0], strip.shape[1]) - strip)[measured]
        square, count = square + float((error**2).sum()) / 3, count + len(error)
    return square / max(count, 1)


def _continued(border: npt.NDArray[np.float32], depth: int) -> npt.NDArray[np.float32]:
    """Continue a border (h, 3) outward over ``depth`` columns, (h, depth, 3); finer waves fade sooner."""
    waves = dct(border, axis=0, norm="ortho")[:, None]
    radians = np.pi * np.arange(len(border)) / len(border)
    decay = np.exp(-TUNING.wings.wave_decay * radians[:, None] * (np.arange(depth) + 0.5))
    return np.asarray(idct(waves * decay[..., None], axis=0, norm="ortho"), np.float32)


def border_error(scene: Scene, start: int, end: int) -> float:
    """The predicted error, in levels, of what no frame shows beside frames ``[start, end)``."""
    keyframes = scene.analysis.keyframes
    near = np.flatnonzero((keyframes >= start) & (keyframes < end))
    if not len(near):
        near = np.array([np.abs(keyframes - start).argmin()])
    return fill_error(scene.analysis.proxies[near], scene.analysis.valid, scene.sides)

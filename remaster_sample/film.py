"""What the film and the projector add to a picture: grain, and the dark edge of the gate."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Rgb
from remaster_sample.brush import noise

GRAIN_SIGMA = 2.0
GATE_MARGIN = 6.5
GATE_RADIUS = 38.0
GATE_SOFTNESS = 7.0
GATE_BLACK = 0.035


def add_grain(picture: Rgb, rng: np.random.Generator, sigma: float = GRAIN_SIGMA) -> Rgb:
    """The picture under white luma grain of standard deviation ``sigma`` (8-bit levels), the same in R, G and B."""
    grain = rng.standard_normal(picture.shape[:2], dtype=np.float32) * np.float32(sigma)
    return np.asarray(cv2.add(picture, cv2.merge([grain] * 3), dtype=cv2.CV_8U), np.uint8)


@lru_cache(maxsize=2)
def gate(width: int, height: int, seed: int) -> npt.NDArray[np.float32]:
    """The light that a projector's gate lets through, float32 (height, width), 0-1, read-only.

    A rounded rectangle a few pixels inside the frame; its edge is soft and wanders by about a pixel. It is the same in
    each frame.
    """
    rng = np.random.default_rng(seed)
    x = np.abs(np.arange(width, dtype=np.float32) - (width - 1) / 2)[None]
    y = np.abs(np.arange(height, dtype=np.float32) - (height - 1) / 2)[:, None]
    inner_x, inner_y = width / 2 - GATE_MARGIN - GATE_RADIUS, height / 2 - GATE_MARGIN - GATE_RADIUS
    dx, dy = x - inner_x, y - inner_y
    corner = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
    outside = corner + np.minimum(np.maximum(dx, dy), 0) - GATE_RADIUS
    outside = outside + 1.1 * noise(height, width, 90, rng) + 0.4 * noise(height, width, 12, rng)
    t = np.clip(0.5 - outside / GATE_SOFTNESS, 0, 1)
    light = np.asarray(GATE_BLACK + (1 - GATE_BLACK) * t * t * (3 - 2 * t), np.float32)
    light.setflags(write=False)
    return light

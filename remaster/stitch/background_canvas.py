"""The bounded canvas of a background: the reference keyframe's own pixel grid, wide enough for every window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from remaster.arrays import Affine
from remaster.imaging.camera import IDENTITY, apply, compose, translation
from remaster.imaging.geometry import Window
from remaster.stitch.features import plausible

Axis = Literal["x", "y"]
"""The axis along which the wings lie."""


@dataclass(frozen=True)
class Canvas:
    """``width x height`` pixels whose first has the reference's whole coordinates ``(x, y)``.

    Whole, so that the reference keyframe, and every keyframe of a still shot, is copied and not resampled.
    """

    x: int
    y: int
    width: int
    height: int

    def place(self, cameras: Affine) -> Affine:
        """Cameras to the reference's pixels become cameras to the canvas's."""
        return compose(translation(-self.x, -self.y), cameras)


def window_corners(window: Window) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) pixel centres of the window in pixels of the active picture."""
    return -window.x, -window.y, window.width - 1 - window.x, window.height - 1 - window.y


def fit_canvas(cameras: Affine, window: Window, max_pixels: int) -> Canvas | None:
    """The canvas that holds every frame's window, or None where it would be too large or a camera is no camera.

    ``cameras`` (n, 2, 3) take full-size pixels of the active picture to the reference's.
    """
    if not np.isfinite(cameras).all() or not all(plausible(c) for c in cameras):
        return None
    left, top, right, bottom = window_corners(window)
    outline = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)
    points = apply(cameras, np.broadcast_to(outline, (len(cameras), 4, 2))).reshape(-1, 2)
    low, high = np.floor(points.min(axis=0) + 1e-6), np.ceil(points.max(axis=0) - 1e-6)
    # A moving camera's wings are interpolated: they reach one pixel further.
    margin = 0 if (cameras == IDENTITY).all() else 2
    width, height = (high - low + 1 + 2 * margin).astype(np.int64)
    if int(width) * int(height) > max_pixels:
        return None
    return Canvas(int(low[0]) - margin, int(low[1]) - margin, int(width), int(height))

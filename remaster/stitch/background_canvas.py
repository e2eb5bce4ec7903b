"""The canvas of a background: the reference keyframe's own pixel grid, bounded, and large enough for every window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from remaster.arrays import Affine
from remaster.imaging.camera import IDENTITY, apply, compose, translation
from remaster.imaging.geometry import Window
from remaster.stitch.keyframe_pairs import plausible

Axis = Literal["x", "y"]
"""The axis along which the wings lie."""


@dataclass(frozen=True)
class Canvas:
    """``width x height`` pixels; the first one has the coordinates ``(x, y)`` of the reference keyframe.

    These are whole, so that the reference, and every keyframe of a resting camera, is copied and not resampled.
    """

    x: int
    y: int
    width: int
    height: int

    def place(self, cameras: Affine) -> Affine:
        """Convert cameras to the reference's pixels into cameras to the canvas's."""
        return compose(translation(-self.x, -self.y), cameras)


def window_corners(window: Window) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) pixel centres of the window in pixels of the active picture."""
    return -window.x, -window.y, window.width - 1 - window.x, window.height - 1 - window.y


def fit_canvas(cameras: Affine, window: Window, max_pixels: int) -> Canvas | None:
    """The canvas that holds every frame's window; None where it would be too large or a camera is implausible.

    ``cameras`` (n, 2, 3) take full-size pixels of the active picture to the reference's.
    """
    if not np.isfinite(cameras).all() or not all(plausible(c) for c in cameras):
        return None
    left, top, right, bottom = window_corners(window)
    outline = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)
    points = apply(cameras, np.broadcast_to(outline, (len(cameras), 4, 2))).reshape(-1, 2)
    low, high = np.floor(points.min(axis=0) + 1e-6), np.ceil(points.max(axis=0) - 1e-6)
    # Wings of a moving camera are interpolated, which needs one more pixel on each side.
    margin = 0 if (cameras == IDENTITY).all() else 2
    width, height = (high - low + 1 + 2 * margin).astype(np.int64)
    if int(width) * int(height) > max_pixels:
        return None
    return Canvas(int(low[0]) - margin, int(low[1]) - margin, int(width), int(height))

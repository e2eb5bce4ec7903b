"""The canvas of a background: the reference keyframe's own pixel grid, bounded, and large enough for every window.

Its holes are the outpaint region: what the wings of some frame show and no keyframe covers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Mask
from remaster.imaging.camera import IDENTITY, apply, compose, translation
from remaster.imaging.geometry import Window
from remaster.media.types import Rect
from remaster.stitch.keyframe_pairs import plausible
from remaster.stitch.tuning import TUNING

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


FRACTION_BITS = 6
"""Fractional bits of the polygons' corners."""


def visible_in_wings(cameras: Affine, window: Window, canvas: Canvas, gate: Mask | None) -> Mask:
    """Canvas pixels, bool (H, W), that are visible in the wings of any frame, or in the gate, which is filled too.

    ``cameras`` (n, 2, 3) take pixels of the active picture to the canvas. Frames that show the same are drawn once.
    """
    drawn = np.zeros((canvas.height, canvas.width), np.uint8)
    areas = [[_corners(r, window)] for r in window.wings]
    if gate is not None:
        # Filled together, so that the picture inside a ring stays out of it.
        contours, _ = cv2.findContours(gate.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
        areas.append([c.reshape(-1, 2).astype(float) for c in contours])
    distinct = cameras[_distinct(cameras, window)]
    for camera in distinct:
        for outlines in areas:
            points = [np.rint(apply(camera, o) * (1 << FRACTION_BITS)).astype(np.int32) for o in outlines]
            cv2.fillPoly(drawn, points, 1, shift=FRACTION_BITS)
    if len(distinct) > 1:
        # Wings of a moving camera are interpolated, which needs one more pixel.
        cv2.dilate(drawn, np.ones((3, 3), np.uint8), dst=drawn)
    return np.asarray(drawn > 0)


def find_holes(visible: Mask, coverage: Mask, smaller_side: int) -> Mask:
    """The holes, bool (H, W): ``visible`` and not in ``coverage``, with narrow uncovered gaps beside them closed."""
    holes = visible & ~coverage
    if not holes.any():
        return holes
    radius = max(round(TUNING.holes.max_gap * smaller_side / 2), 1)
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    # Replicate the border, so that gaps towards the outside of the canvas are not closed.
    known = np.pad((coverage | holes).astype(np.uint8), 2 * radius, mode="edge")
    closed = cv2.morphologyEx(known, cv2.MORPH_CLOSE, kernel)[2 * radius : -2 * radius, 2 * radius : -2 * radius] > 0
    nearby = cv2.dilate(holes.astype(np.uint8), np.ones((4 * radius + 1,) * 2, np.uint8)) > 0
    return holes | (closed & nearby & ~coverage)


def _corners(rect: Rect, window: Window) -> npt.NDArray[np.float64]:
    """The corner pixels (4, 2) of a wing in pixels of the active picture."""
    left, top = rect.x - window.x, rect.y - window.y
    right, bottom = left + rect.width - 1, top + rect.height - 1
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)


def _distinct(cameras: Affine, window: Window) -> npt.NDArray[np.intp]:
    """Indices of frames that show different parts of the canvas."""
    extent = np.array([[0, 0], [window.width, 0], [0, window.height]], float)
    keys = np.rint(apply(cameras, np.broadcast_to(extent, (len(cameras), 3, 2))) / TUNING.holes.same_view).reshape(
        len(cameras), 6
    )
    _, first = np.unique(keys, axis=0, return_index=True)
    return np.sort(first)

"""How much of a shot's wings was really seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Mask
from remaster.imaging import camera as cam
from remaster.imaging.geometry import Window
from remaster.media.types import Rect
from remaster.records import Shot

GRID = 64
"""Places along each side of a wing, and frames, that are asked at most."""


def recovered_share(shot: Shot, window: Window) -> float:
    """The share (0-1) of the wings' pixels, over all frames of the shot, that its background's coverage shows.

    Sampled at 64 by 64 points of each wing at most. 0.0 without a background or without wings.
    """
    if shot.background is None or not window.wings or not len(shot.cameras):
        return 0.0
    coverage = shot.background.coverage
    cameras, counts = np.unique(np.round(shot.cameras, 3).reshape(-1, 6), axis=0, return_counts=True)
    seen = total = 0.0
    for camera, count in zip(cameras.reshape(-1, 2, 3), counts, strict=True):
        for wing in window.wings:
            area = float(count) * wing.width * wing.height
            seen += area * _share(coverage, camera, wing, window)
            total += area
    return seen / total


def covered(coverage: Mask, camera: Affine, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> Mask:
    """Whether ``coverage`` holds at what ``camera`` sees in columns ``x`` (w,) and rows ``y`` (h,): bool (h, w).

    Beyond the canvas nothing is covered.
    """
    points = np.stack(np.meshgrid(x, y), axis=-1)
    columns, rows = np.rint(np.moveaxis(cam.apply(camera, points.reshape(-1, 2)), -1, 0)).astype(int)
    inside = (columns >= 0) & (columns < coverage.shape[1]) & (rows >= 0) & (rows < coverage.shape[0])
    found = np.zeros(len(columns), bool)
    found[inside] = coverage[rows[inside], columns[inside]]
    return found.reshape(points.shape[:2])


def _share(coverage: Mask, camera: Affine, wing: Rect, window: Window) -> float:
    """The covered share of one wing as one camera sees it."""
    columns, rows = min(wing.width, GRID), min(wing.height, GRID)
    across, down = wing.width / columns, wing.height / rows
    x, y = wing.x - window.x + (across - 1) / 2, wing.y - window.y + (down - 1) / 2
    return float(covered(coverage, camera, np.arange(columns) * across + x, np.arange(rows) * down + y).mean())

"""How much of a shot's wings was really seen."""

from __future__ import annotations

import numpy as np

from remaster import camera as cam
from remaster.camera import Affine
from remaster.geometry import Window
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
    coverage = shot.background.coverage.astype(np.uint8)
    cameras, counts = np.unique(np.round(shot.cameras, 3).reshape(-1, 6), axis=0, return_counts=True)
    seen = total = 0.0
    for camera, count in zip(cameras.reshape(-1, 2, 3), counts, strict=True):
        for wing in window.wings:
            area = float(count) * wing.width * wing.height
            seen += area * _share(coverage, camera, wing, window)
            total += area
    return seen / total


def _share(
    coverage: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], camera: Affine, wing: Rect, window: Window
) -> float:
    """The covered share of one wing as one camera sees it; beyond the canvas nothing is covered."""
    columns, rows = min(wing.width, GRID), min(wing.height, GRID)
    across, down = wing.width / columns, wing.height / rows
    x, y = wing.x - window.x + (across - 1) / 2, wing.y - window.y + (down - 1) / 2
    x_of, y_of = np.meshgrid(np.arange(columns) * across + x, np.arange(rows) * down + y)
    points = np.rint(cam.apply(camera, np.stack([x_of, y_of], axis=-1).reshape(-1, 2))).astype(int)
    inside = (points >= 0).all(axis=1) & (points[:, 0] < coverage.shape[1]) & (points[:, 1] < coverage.shape[0])
    hit = points[inside]
    return float(coverage[hit[:, 1], hit[:, 0]].sum()) / len(points)

"""The warp of mirrored copies, so that lines cross the join in their own direction.

A mirrored copy joins by itself, but a line that crosses the join at a slant turns back there in a spike. Warped, it
goes on and turns back in a curve.
"""

from __future__ import annotations

import cv2
import numpy as np

from remaster.arrays import Float32, Int64
from remaster.outpaint.exemplar.labels import Labels
from remaster.outpaint.exemplar.poisson import neighbors
from remaster.outpaint.exemplar.pyramid_level import Level
from remaster.outpaint.tuning import TUNING


def mirror_warp(full: Level, labels: Labels, chosen: Int64) -> tuple[Float32, Float32]:
    """The displacement in x and in y by which each hole pixel is copied from beside its place, float32 (h, w) each.

    ``chosen`` int64 (h, w) are the hole pixels' labels. Only mirrored labels are warped.
    """
    tuning = TUNING.warp
    h, w = full.holes.shape
    across, down = np.zeros((h, w), np.float32), np.zeros((h, w), np.float32)
    p, q = neighbors(full.holes, full.context)
    for step in (1, -1, w, -w):
        at = p[q - p == step]
        row, place = (at // w, at % w) if abs(step) == 1 else (at % w, at // w)
        row, first = np.unique(row, return_index=True)
        if len(row) < tuning.min_rows:
            continue
        into, turned = (down, chosen) if abs(step) == 1 else (across.T, chosen.T)
        warp = _curve(full, row, place[first], step, round(tuning.radius * min(h, w)))
        into[row] += np.where(labels.mirrored[turned[row]], warp, 0)
    return across, down


def _curve(full: Level, row: Int64, place: Int64, step: int, radius: int) -> Float32:
    """The displacement along one side of the join that continues lines in their direction, float32 (rows, across).

    ``row`` and ``place`` are the hole pixels at the join, along it and across; ``step`` leads from them into the
    context, in flat pixels. A line's slope to the join's normal is measured on the gradients of the context within a
    quarter of ``radius``, by least squares (the structure tensor of Bigun and Granlund, ICCV 1987), and smoothed along
    the join. The displacement is the line's own at the join and ends at ``radius`` pixels from it.
    """
    tuning = TUNING.warp
    known = full.context.astype(np.float32)
    outward, along = (full.features[..., 3], full.features[..., 4])[:: 1 if abs(step) == 1 else -1]
    products = [np.asarray(p * known, np.float32) for p in (-np.sign(step) * outward * along, along * along)]
    mixed, square = (p if abs(step) == 1 else p.T for p in products)
    inside = place[:, None] + np.sign(step) * np.arange(1, max(radius // 4, 2) + 1)
    inside = np.clip(inside, 0, mixed.shape[1] - 1)
    sums = [p[row[:, None], inside].mean(axis=1)[:, None] for p in (mixed, square)]
    sums = [cv2.GaussianBlur(s, (1, 0), sigmaX=1, sigmaY=radius / 4, borderType=cv2.BORDER_REPLICATE) for s in sums]
    slope = np.clip(-sums[0] / (sums[1] + tuning.min_energy), -tuning.max_slope, tuning.max_slope).reshape(-1, 1)
    distance = (place[:, None] - np.arange(mixed.shape[1])[None]) * np.sign(step) + 0.5
    turning = np.where(distance > 0, distance * np.clip(1 - distance / radius, 0, 1) ** 2, 0)
    return np.asarray(-2 * slope * turning, np.float32)

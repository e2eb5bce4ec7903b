"""Mirrored pieces bent along the join, so that lines leave the picture in their own direction.

A mirrored piece joins by itself, but what crosses the join aslant turns back there in a spike. Bent, it goes on and
turns back in a curve.
"""

from __future__ import annotations

import cv2
import numpy as np

from remaster.arrays import Float32, Int64
from remaster.outpaint.labels import Labels, Level
from remaster.outpaint.poisson import neighbours

_FEWEST = 16
"""Lines of a side of the join that is bent."""
_CURVE = 1 / 12
"""Within this share of the picture's shorter side what a mirror turns back does so."""
_STEEPEST = 1.0
"""The steepest slope to the join's normal that goes on; steeper lines would fold the piece."""
_FAINT = 4.0
"""Squared gradient across a line, in features, that lets half its slope count."""


def bends(full: Level, candidates: Labels, chosen: Int64) -> tuple[Float32, Float32]:
    """How far each hole is to be copied from beside its place, in x and in y, float32 (h, w) each."""
    h, w = full.holes.shape
    across, down = np.zeros((h, w), np.float32), np.zeros((h, w), np.float32)
    p, q = neighbours(full.holes, full.context)
    for step in (1, -1, w, -w):
        at = p[q - p == step]
        line, place = (at // w, at % w) if abs(step) == 1 else (at % w, at // w)
        line, first = np.unique(line, return_index=True)
        if len(line) < _FEWEST:
            continue
        into, turned = (down, chosen) if abs(step) == 1 else (across.T, chosen.T)
        bent = _curved(full, line, place[first], step, round(_CURVE * min(h, w)))
        into[line] += np.where(candidates.mirrored[turned[line]], bent, 0)
    return across, down


def _curved(full: Level, line: Int64, place: Int64, step: int, reach: int) -> Float32:
    """How far a mirrored piece is bent so that what crosses the join goes on in its direction, float32 (lines, across).

    The slopes of lines to the join's normal are told by the gradients of the settled pixels within a quarter of
    ``reach``, by least squares (the structure tensor of Bigun and Granlund, ICCV 1987), smoothed along the join.
    """
    known = full.context.astype(np.float32)
    outward, along = (full.features[..., 3], full.features[..., 4])[:: 1 if abs(step) == 1 else -1]
    products = [np.asarray(p * known, np.float32) for p in (-np.sign(step) * outward * along, along * along)]
    mixed, square = (p if abs(step) == 1 else p.T for p in products)
    inside = place[:, None] + np.sign(step) * np.arange(1, max(reach // 4, 2) + 1)
    inside = np.clip(inside, 0, mixed.shape[1] - 1)
    sums = [p[line[:, None], inside].mean(axis=1)[:, None] for p in (mixed, square)]
    sums = [cv2.GaussianBlur(s, (1, 0), sigmaX=1, sigmaY=reach / 4, borderType=cv2.BORDER_REPLICATE) for s in sums]
    slope = np.clip(-sums[0] / (sums[1] + _FAINT), -_STEEPEST, _STEEPEST).reshape(-1, 1)
    away = (place[:, None] - np.arange(mixed.shape[1])[None]) * np.sign(step) + 0.5
    turning = np.where(away > 0, away * np.clip(1 - away / reach, 0, 1) ** 2, 0)
    return np.asarray(-2 * slope * turning, np.float32)

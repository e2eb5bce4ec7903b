"""Copied pieces bent along the join by a few pixels, so that lines run on where they meet the picture.

A piece is moved as a whole to where it fits best; a branch, a hill and a cloud in it may each be a few pixels off. How
far is told line by line, by what the piece shows over the settled pixels beside it, with a path that changes slowly
along the join (dynamic programming, as in Sakoe and Chiba, "Dynamic Programming Algorithm Optimization for Spoken Word
Recognition", IEEE TASSP 1978). The bend fades with the distance from the join.

A mirrored piece joins by itself, but what crosses the join aslant turns back there in a spike. Bent, it leaves the
picture in its own direction and turns back in a curve.
"""

from __future__ import annotations

import cv2
import numpy as np

from remaster.arrays import Float32, Int64
from remaster.imaging.estimation import viterbi
from remaster.outpaint.labels import Labels, Level
from remaster.outpaint.poisson import neighbours

_MOST = 1 / 60
"""The largest bend, as a share of the picture's shorter side."""
_FADING = 8.0
"""The bend is gone after so many times its largest size."""
_DEPTH = 4
"""Settled pixels across the join that are compared."""
_AROUND = 5
"""Lines along the join over which the comparison is averaged."""
_SLOPE = 6.0
"""The price, in features, of a bend that changes by a pixel from one line to the next."""
_SIZE = 0.5
"""The price of each pixel of a bend."""
_BARRED = 100.0
"""The price of a bend to where nothing may be copied from, and of any of a mirrored piece, which joins by itself."""
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
    most = max(round(_MOST * min(h, w)), 2)
    for step in (1, -1, w, -w):
        at = p[q - p == step]
        line, place = (at // w, at % w) if abs(step) == 1 else (at % w, at // w)
        line, first = np.unique(line, return_index=True)
        if len(line) < _FEWEST:
            continue
        cost = _costs(full, candidates, chosen.ravel()[at[first]], at[first], step, most)
        found = _path(cost, chosen.ravel()[at[first]], line) - most
        into, turned = (down, chosen) if abs(step) == 1 else (across.T, chosen.T)
        _spread(into, line, place[first], np.sign(step), found, most)
        bent = _curved(full, line, place[first], step, round(_CURVE * min(h, w)))
        into[line] += np.where(candidates.mirrored[turned[line]], bent, 0)
    return across, down


def _costs(full: Level, candidates: Labels, labels: Int64, at: Int64, step: int, most: int) -> Float32:
    """How ill each label fits the settled pixels beside it at each bend from -most to most, float32 (lines, bends)."""
    h, w = full.holes.shape
    inwards = (step, 0) if abs(step) == 1 else (0, step // w)
    wanted = full.features
    cost = np.zeros((len(at), 2 * most + 1), np.float32)
    for depth in range(1, _DEPTH + 1):
        x = np.clip(at % w + depth * inwards[0], 0, w - 1)
        y = np.clip(at // w + depth * inwards[1], 0, h - 1)
        settled = full.context[y, x]
        for i, bend in enumerate(range(-most, most + 1)):
            bent_x, bent_y = (x, y + bend) if abs(step) == 1 else (x + bend, y)
            differ = np.abs(full.sample(candidates, labels, bent_x, bent_y) - wanted[y, x]).sum(axis=1)
            may = full.allowed(candidates, labels, bent_x, bent_y)
            cost[:, i] += np.where(settled, np.where(may, differ, _BARRED), 0) / _DEPTH
    # A mirrored piece joins by itself, and shows nothing over the settled pixels.
    fixed = candidates.mirrored[labels]
    cost[fixed] = _BARRED
    cost[fixed, most] = 0
    cost = np.asarray(cv2.blur(cost, (1, _AROUND), borderType=cv2.BORDER_REPLICATE), np.float32)
    return np.asarray(cost + _SIZE * np.abs(np.arange(-most, most + 1)), np.float32)


def _path(cost: Float32, labels: Int64, line: Int64) -> Int64:
    """The cheapest bend of each line, int64 (lines,) as an index; between pieces it may change at will."""
    bends = cost.shape[1]
    change = _SLOPE * np.abs(np.arange(bends)[:, None] - np.arange(bends)[None])
    free = (np.diff(labels) != 0) | (np.diff(line) > 1)
    return viterbi(cost, np.where(free[:, None, None], 0.0, change))


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


def _spread(into: Float32, line: Int64, place: Int64, inwards: int, bend: Int64, most: int) -> None:
    """Carries the bends of the join's lines outwards, in place: ``into`` (lines, across) is turned to the join."""
    fading = _FADING * most
    smooth = cv2.GaussianBlur(bend.astype(np.float32)[:, None], (1, 0), sigmaX=1, sigmaY=1.5)[:, 0]
    away = (place[:, None] - np.arange(into.shape[1])[None]) * inwards
    share = np.clip(1 - away / fading, 0, 1)
    share = np.where(away >= 0, share * share * (3 - 2 * share), 0)
    into[line] += (smooth[:, None] * share).astype(np.float32)

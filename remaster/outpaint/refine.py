"""The borders between labels, moved at full resolution to where they show least."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32, Int64, Mask
from remaster.outpaint.graphcut import FORBIDDEN, Problem, edges, expand
from remaster.outpaint.label_costs import FLAT, FLAT_PRICE, UNSEEN
from remaster.outpaint.labels import Labels, Level


def refine(full: Level, candidates: Labels, grown: Int64, scale: int, seam: float) -> Int64:
    """Labels int64 (h, w) as ``grown`` from a level ``scale`` times smaller, with borders moved by about ``scale``.

    Pixels are relabelled only near a border, near the join and where ``grown`` copies what it may not.
    """
    band = _band(full, candidates, grown, scale)
    if not band.any():
        return grown
    ring = (cv2.dilate(band.astype(np.uint8), _square(1)) > 0) & full.holes
    y, x = np.nonzero(ring)
    used = np.unique(np.append(grown[full.holes], FLAT))
    kept = candidates.take(used)
    start = np.searchsorted(used, grown[y, x])
    unary = np.full((len(used), len(y)), FORBIDDEN, np.float32)
    movable = band[y, x]
    for i in range(1, len(used)):
        near = cv2.dilate((grown == used[i]).astype(np.uint8), _square(2 * scale))[y, x] > 0
        index = np.full(len(y), i)
        possible = near & movable & full.allowed(kept, index, x, y)
        unary[i] = np.where(possible, _join_cost(full, kept, index, x, y), FORBIDDEN)
    unary[0] = np.where(movable, FLAT_PRICE, FORBIDDEN)
    fixed = np.flatnonzero(~movable)
    unary[start[fixed], fixed] = 0
    problem = Problem(unary, edges(ring), lambda labels, at: full.sample(kept, labels, x[at], y[at]), seam)
    refined = grown.copy()
    refined[y, x] = used[expand(problem, start, range(len(used)))]
    return refined


def _band(full: Level, candidates: Labels, grown: Int64, scale: int) -> Mask:
    """The holes that may be relabelled."""
    holes = full.holes
    y, x = np.nonzero(holes)
    border = cv2.dilate(full.context.astype(np.uint8), _square(1)) > 0
    border[:, 1:] |= (grown[:, 1:] != grown[:, :-1]) & holes[:, 1:] & holes[:, :-1]
    border[1:] |= (grown[1:] != grown[:-1]) & holes[1:] & holes[:-1]
    border[y, x] |= ~full.allowed(candidates, grown[y, x], x, y) & (grown[y, x] != FLAT)
    near: Mask = cv2.dilate((border & holes).astype(np.uint8), _square(scale)) > 0
    return near & holes


def _join_cost(full: Level, candidates: Labels, index: Int64, x: Int64, y: Int64) -> Float32:
    """How far the labels are from the settled 4-neighbours of the pixels (x, y), summed."""
    cost = np.zeros(len(x), np.float32)
    h, w = full.context.shape
    for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        qy, qx = np.clip(y + dy, 0, h - 1), np.clip(x + dx, 0, w - 1)
        at = np.flatnonzero(full.context[qy, qx])
        differ = np.abs(full.sample(candidates, index[at], qx[at], qy[at]) - full.features[qy[at], qx[at]]).sum(1)
        step = np.abs(full.sample(candidates, index[at], x[at], y[at]) - full.features[qy[at], qx[at]]).sum(1)
        cost[at] += np.where(full.allowed(candidates, index[at], qx[at], qy[at]), differ, step + UNSEEN)
    return cost


def _square(radius: int) -> npt.NDArray[np.uint8]:
    return np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)

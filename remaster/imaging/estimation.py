"""Small numerical methods that several steps use.

Normalized convolution, sub-pixel peaks, the Viterbi algorithm, distances in masks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32, Float64, Int64, Mask

MIN_WEIGHT = 1e-3
"""Weight under which a mean is not divided up: there is nothing near."""

SMALL_SIGMA = 5.0
"""Pixels of sigma down to which ``wide_blur`` shrinks a picture."""


def normalized_convolution(values: Float32, weight: Float32, sigma: float) -> Float32:
    """The weighted Gaussian mean of values around each pixel, float32 as ``values`` (h, w) or (h, w, c).

    ``weight`` float32 (h, w) says how much each pixel counts, 0 where nothing is known (Knutsson and Westin,
    "Normalized and Differential Convolution", CVPR 1993). Falls to 0 far from all that is known.
    """
    each = weight if values.ndim == 2 else weight[..., None]
    return normalized(values * each, weight, lambda plane: cv2.GaussianBlur(plane, (0, 0), sigma))


def normalized(
    weighted: Float32, weight: Float32, smooth: Callable[[Float32], Any], min_weight: float = MIN_WEIGHT
) -> Float32:
    """Normalized convolution of values that are multiplied by their weight already, with any filter ``smooth``."""
    total, share = smooth(weighted), np.maximum(smooth(weight), min_weight)
    return np.asarray(total / (share if total.ndim == 2 else share[..., None]), np.float32)


def wide_blur(values: Float32, sigma: float) -> Float32:
    """Gaussian blur of float32 (h, w) or (h, w, c) by a large ``sigma`` in pixels, made on a smaller picture.

    Shrinking by means over areas and enlarging bilinearly to a blurred picture's smoothness loses under 1 % of it. The
    cost of a plain blur grows with the cube of a picture's side where sigma is a share of that.
    """
    height, width = values.shape[:2]
    factor = max(int(sigma / SMALL_SIGMA), 1)
    size = (max(round(width / factor), 1), max(round(height / factor), 1))
    small = cv2.resize(values, size, interpolation=cv2.INTER_AREA) if factor > 1 else values
    across, down = sigma * size[0] / width, sigma * size[1] / height
    soft = cv2.GaussianBlur(small, (0, 0), across, sigmaY=down, borderType=cv2.BORDER_REFLECT)
    return np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def parabola_vertex(values: npt.NDArray[np.number[Any]], at: int) -> float:
    """The offset -0.5..0.5 from an extremum at index ``at`` of its sub-sample position.

    That is the vertex of the parabola through it and its two neighbours; 0 at either end and where all are equal.
    """
    if not 0 < at < len(values) - 1:
        return 0.0
    before, here, after = (float(v) for v in values[at - 1 : at + 2])
    curvature = before - 2 * here + after
    return min(max(0.5 * (before - after) / curvature, -0.5), 0.5) if abs(curvature) > 0 else 0.0


def viterbi(costs: Float32 | Float64, changes: Float64) -> Int64:
    """The cheapest sequence of states, int64 (n,), by dynamic programming (Viterbi, 1967); the lower state on a tie.

    ``costs`` (n, s) are those of each state at each step; ``changes`` (s, s) or (n - 1, s, s) those of going from one
    state (second last axis) to another.
    """
    steps, states = costs.shape
    path = np.zeros(steps, np.int64)
    if not steps:
        return path
    changes = np.broadcast_to(changes, (steps - 1, states, states))
    total, back = costs[0].astype(float), np.zeros((steps, states), np.int64)
    for i in range(1, steps):
        reached = total[:, None] + changes[i - 1]
        back[i] = reached.argmin(axis=0)
        total = reached.min(axis=0) + costs[i]
    path[-1] = int(total.argmin())
    for i in range(steps - 1, 0, -1):
        path[i - 1] = back[i, path[i]]
    return path


def nearest(mask: Mask) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """(distance to the nearest pixel of ``mask``, float32 (h, w); that pixel's flat index, int64 (h, w)).

    By the chamfer distance over 5 x 5 pixels (Borgefors, "Distance Transformations in Digital Images", CVGIP 1986). The
    mask (h, w) must not be empty.
    """
    distance, region = cv2.distanceTransformWithLabels(
        (~mask).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    place = np.zeros(int(region.max()) + 1, np.int64)
    place[region[mask]] = np.flatnonzero(mask)
    return np.asarray(distance, np.float32), place[region]


def thickness(mask: Mask) -> int:
    """Pixels across the mask (h, w) where it is widest."""
    return round(2 * float(cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5).max()))

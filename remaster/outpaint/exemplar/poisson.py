"""Solves the screened Poisson equation on the pixels of a mask.

Pérez, Gangnet, Blake, "Poisson Image Editing" (SIGGRAPH 2003). The unknown is the correction that is added to copied
pixels; the screening term lets a step at the join fade within ``radius`` pixels instead of crossing the fill. It is
used twice, for different things: in ``pyramid_level`` on low-level pixels, as a membrane (no gradients, hardly any
screening) that is the first guess for holes before labels are chosen; in ``blending`` on full pixels, to make the
chosen copies agree with the picture and with each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.linalg import splu

from remaster.arrays import Float32, Float64, Int64, Mask
from remaster.outpaint.tuning import TUNING

_FOUR_NEIGHBORS = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32)


def neighbors(mask: Mask, other: Mask) -> tuple[Int64, Int64]:
    """Pairs of 4-neighbors, the first in ``mask`` and the second in ``other``, as flat indices of the picture.

    Where ``mask`` is ``other``, each pair is given in both orders.
    """
    h, w = mask.shape
    index = np.arange(h * w).reshape(h, w)
    first, second = [], []
    for here, there in (
        (np.s_[:, :-1], np.s_[:, 1:]),
        (np.s_[:, 1:], np.s_[:, :-1]),
        (np.s_[:-1], np.s_[1:]),
        (np.s_[1:], np.s_[:-1]),
    ):
        both = mask[here] & other[there]
        first.append(index[here][both])
        second.append(index[there][both])
    return np.concatenate(first), np.concatenate(second)


def correction(
    free: Mask,
    inner: tuple[Int64, Int64, Float64],
    border: tuple[Int64, Float64],
    radius: float,
) -> Float64:
    """The correction of the pixels ``free`` (h, w) by least squares, float64 (n, channels) in raster order.

    ``inner``: all pairs (p, q) of neighbors in ``free`` as flat indices, each in both orders, and the difference
    ``correction[q] - correction[p]`` that is wanted (m, channels). ``border``: pixels p of ``free`` that have a fixed
    neighbor, and the correction (k, channels) wanted there. Farther than ``radius`` pixels from the border the
    correction tends to 0.
    """
    (p, _, wanted), (at, values), size = inner, border, free.size
    degree = np.bincount(p, minlength=size) + np.bincount(at, minlength=size) + radius**-2.0
    channels = wanted.shape[1]
    sums = [np.bincount(at, values[:, c], size) - np.bincount(p, wanted[:, c], size) for c in range(channels)]
    right = np.stack(sums, axis=1).astype(np.float32)
    y, x = np.nonzero(free)
    box = np.s_[y.min() : y.max() + 1, x.min() : x.max() + 1]
    planes = right.reshape(*free.shape, channels)[box]
    solved = _solve(free[box], degree.reshape(free.shape)[box].astype(np.float32), planes)
    return np.asarray(solved[free[box]], np.float64)


def _solve(free: Mask, degree: Float32, right: Float32) -> Float32:
    """Solve by conjugate gradients on all channels at once, float32 (h, w, channels).

    Preconditioned by the diagonal and by an exact solution on a coarse grid of blocks (two levels). Stops at a residual
    that is small beside the right-hand side, or in grey levels.
    """
    tuning = TUNING.poisson
    inside = free[..., None].astype(np.float32)
    degree = np.where(free, degree, 1.0).astype(np.float32)[..., None]
    coarse = _coarse_solver(free, degree[..., 0])
    found, residual = np.zeros_like(right), right * inside
    goal = np.maximum(tuning.relative_residual**2 * _dot(residual, residual), tuning.absolute_residual**2)
    direction, before = np.zeros_like(right), np.ones(right.shape[2], np.float32)
    for _ in range(tuning.max_iterations):
        if (_dot(residual, residual) <= goal).all():
            break
        preconditioned = residual / degree + coarse(residual) * inside
        now = _dot(residual, preconditioned)
        direction = preconditioned + direction * (now / before)
        image = degree * direction - inside * _planes(
            cv2.filter2D(direction, -1, _FOUR_NEIGHBORS, borderType=cv2.BORDER_CONSTANT)
        )
        step = now / np.maximum(_dot(direction, image), 1e-20)
        found += direction * step
        residual -= image * step
        before = np.maximum(now, 1e-20)
    return found


def _coarse_solver(free: Mask, degree: Float32) -> Callable[[Float32], Float32]:
    """An exact solver for corrections that are constant on blocks of pixels, from and to planes (h, w, channels)."""
    h, w = free.shape
    side = max(int(np.sqrt(free.sum() / TUNING.poisson.blocks)), 1)
    rows, columns = -(-h // side), -(-w // side)

    def gather(planes: Float32) -> Float32:
        padded = cv2.copyMakeBorder(planes, 0, rows * side - h, 0, columns * side - w, cv2.BORDER_CONSTANT)
        small = cv2.resize(padded, (columns, rows), interpolation=cv2.INTER_AREA)
        return _planes(small).reshape(rows * columns, -1) * np.float32(side * side)

    p, q = neighbors(free, free)
    block = np.arange(rows)[np.arange(h) // side][:, None] * columns + np.arange(w) // side
    pairs = block.ravel()[p], block.ravel()[q]
    diagonal = gather(np.where(free, degree, 0).astype(np.float32))[:, 0].astype(np.float64)
    matrix = sparse.coo_matrix((np.full(len(p), -1.0), pairs), shape=(rows * columns,) * 2)
    factors = splu((matrix + sparse.diags(np.where(diagonal > 0, diagonal, 1.0))).tocsc())

    def solve(planes: Float32) -> Float32:
        small = factors.solve(gather(planes).astype(np.float64)).astype(np.float32)
        grown = cv2.resize(
            small.reshape(rows, columns, -1), (columns * side, rows * side), interpolation=cv2.INTER_NEAREST
        )
        return _planes(grown)[:h, :w].reshape(planes.shape)

    return solve


def _planes(values: npt.NDArray[Any] | cv2.typing.MatLike) -> Float32:
    """The array as (h, w, channels): OpenCV drops a single channel."""
    array = np.asarray(values, np.float32)
    return array if array.ndim == 3 else array[..., None]


def _dot(a: Float32, b: Float32) -> Float32:
    """The inner product of each channel (channels,)."""
    return np.asarray((a * b).sum(axis=(0, 1)), np.float32)

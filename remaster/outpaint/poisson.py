"""Gradient-domain blending: the correction that makes copied pieces agree with the picture and with each other.

Pérez, Gangnet, Blake, "Poisson Image Editing" (SIGGRAPH 2003), written for the correction that is added to the copied
pixels, and screened so that a step at the join fades out within ``reach`` pixels instead of crossing the fill.
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

_TOLERANCE, _ENOUGH = 1e-2, 1e-3
"""What may be left over: a share of what was to be solved, or so much in grey levels."""
_ROUNDS = 60
"""Steps of conjugate gradients at most."""
_BLOCKS = 2000
"""About how many blocks are solved exactly."""
_CROSS = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32)


def neighbours(mask: Mask, other: Mask) -> tuple[Int64, Int64]:
    """Pairs of 4-neighbours, the first in ``mask`` and the second in ``other``, as flat indices of the picture.

    With ``mask`` is ``other`` each pair comes twice, once in each order.
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
    reach: float,
    far: Float64 | None = None,
) -> Float64:
    """The smoothest correction of the pixels ``free`` (h, w), float64 (n, channels) in raster order.

    ``inner``: all pairs (p, q) of neighbours in ``free`` as flat indices, each in both orders, and the difference
    ``correction[q] - correction[p]`` that is wanted (m, channels). ``border``: pixels p of ``free`` with a settled
    neighbour each, and the correction (k, channels) that would hold there. ``reach`` is in pixels; beyond it the
    correction tends to ``far`` (n, channels), nought unless given.
    """
    (p, _, wanted), (at, values), size = inner, border, free.size
    degree = np.bincount(p, minlength=size) + np.bincount(at, minlength=size) + reach**-2.0
    channels = wanted.shape[1]
    sums = [np.bincount(at, values[:, c], size) - np.bincount(p, wanted[:, c], size) for c in range(channels)]
    right = np.stack(sums, axis=1).astype(np.float32)
    if far is not None:
        right[free.ravel()] += (reach**-2.0 * far).astype(np.float32)
    y, x = np.nonzero(free)
    box = np.s_[y.min() : y.max() + 1, x.min() : x.max() + 1]
    planes = right.reshape(*free.shape, channels)[box]
    solved = _solve(free[box], degree.reshape(free.shape)[box].astype(np.float32), planes)
    return np.asarray(solved[free[box]], np.float64)


def _solve(free: Mask, degree: Float32, right: Float32) -> Float32:
    """Conjugate gradients on all channels at once, float32 (h, w, channels).

    Preconditioned by the diagonal and an exact solution on blocks of pixels (two levels).
    """
    inside = free[..., None].astype(np.float32)
    degree = np.where(free, degree, 1.0).astype(np.float32)[..., None]
    coarse = _coarse_solver(free, degree[..., 0])
    found, left = np.zeros_like(right), right * inside
    goal = np.maximum(_TOLERANCE**2 * _dot(left, left), _ENOUGH**2)
    direction, before = np.zeros_like(right), np.ones(right.shape[2], np.float32)
    for _ in range(_ROUNDS):
        if (_dot(left, left) <= goal).all():
            break
        better = left / degree + coarse(left) * inside
        now = _dot(left, better)
        direction = better + direction * (now / before)
        image = degree * direction - inside * _planes(
            cv2.filter2D(direction, -1, _CROSS, borderType=cv2.BORDER_CONSTANT)
        )
        step = now / np.maximum(_dot(direction, image), 1e-20)
        found += direction * step
        left -= image * step
        before = np.maximum(now, 1e-20)
    return found


def _coarse_solver(free: Mask, degree: Float32) -> Callable[[Float32], Float32]:
    """A solver for corrections that are constant on square blocks of pixels, from and to planes (h, w, channels)."""
    h, w = free.shape
    side = max(int(np.sqrt(free.sum() / _BLOCKS)), 1)
    rows, columns = -(-h // side), -(-w // side)

    def gather(planes: Float32) -> Float32:
        grown = cv2.copyMakeBorder(planes, 0, rows * side - h, 0, columns * side - w, cv2.BORDER_CONSTANT)
        small = cv2.resize(grown, (columns, rows), interpolation=cv2.INTER_AREA)
        return _planes(small).reshape(rows * columns, -1) * np.float32(side * side)

    p, q = neighbours(free, free)
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
    """As (h, w, channels): OpenCV drops a single channel."""
    array = np.asarray(values, np.float32)
    return array if array.ndim == 3 else array[..., None]


def _dot(a: Float32, b: Float32) -> Float32:
    """The inner product of each channel (channels,)."""
    return np.asarray((a * b).sum(axis=(0, 1)), np.float32)

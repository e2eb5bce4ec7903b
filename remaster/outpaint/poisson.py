"""Gradient-domain blending: the correction that makes copied pieces agree with the picture and with each other.

Pérez, Gangnet, Blake, "Poisson Image Editing" (SIGGRAPH 2003), written for the correction that is added to the copied
pixels, and screened so that a step at the join fades out within ``reach`` pixels instead of crossing the fill.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, cg, splu

from remaster.media.types import Mask

Ints = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]

_TOLERANCE = 1e-2
_ROUNDS = 60


def neighbours(mask: Mask, other: Mask) -> tuple[Ints, Ints]:
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


def correction(free: Mask, inner: tuple[Ints, Ints, Values], border: tuple[Ints, Values], reach: float) -> Values:
    """The smoothest correction of the pixels ``free`` (h, w), float64 (n, channels) in raster order.

    ``inner``: pairs (p, q) of neighbours in ``free`` as flat indices, each in both orders, and the difference
    ``correction[q] - correction[p]`` that is wanted (m, channels). ``border``: pixels p of ``free`` with a settled
    neighbour each, and the correction (k, channels) that would hold there. ``reach`` is in pixels.
    """
    index = np.full(free.size, -1)
    index[free.ravel()] = np.arange(int(free.sum()))
    n = int(free.sum())
    p, q, wanted = index[inner[0]], index[inner[1]], inner[2]
    at, values = index[border[0]], border[1]
    degree = np.bincount(p, minlength=n) + np.bincount(at, minlength=n) + reach**-2.0
    matrix = sparse.csr_matrix((np.full(len(p), -1.0), (p, q)), shape=(n, n)) + sparse.diags(degree)
    channels = wanted.shape[1]
    right = np.stack(
        [
            np.bincount(at, values[:, c], minlength=n) - np.bincount(p, wanted[:, c], minlength=n)
            for c in range(channels)
        ],
        axis=1,
    )
    return _solve(matrix.tocsr(), right, _blocks(free))


def _blocks(free: Mask) -> Ints:
    """Which block of the coarse grid each free pixel belongs to, numbered from 0."""
    side = max(int(np.sqrt(free.sum() / 3000)), 2)
    y, x = np.nonzero(free)
    _, block = np.unique((y // side) * (free.shape[1] // side + 1) + x // side, return_inverse=True)
    return np.asarray(block, np.int64)


def _solve(matrix: sparse.csr_matrix, right: Values, block: Ints) -> Values:
    """Conjugate gradients, preconditioned by the diagonal and an exact solution on the coarse grid (two levels)."""
    n = len(right)
    if n <= 4000:
        return np.asarray(splu(matrix.tocsc()).solve(right))
    gather = sparse.csr_matrix((np.ones(n), (block, np.arange(n))))
    coarse = splu((gather @ matrix @ gather.T).tocsc())
    inverse = 1 / matrix.diagonal()
    two_level = LinearOperator((n, n), matvec=lambda r: inverse * r + coarse.solve(gather @ r)[block])
    solved = [
        cg(matrix, np.ascontiguousarray(right[:, c]), rtol=_TOLERANCE, atol=1e-3, maxiter=_ROUNDS, M=two_level)[0]
        for c in range(right.shape[1])
    ]
    return np.stack(solved, axis=1)

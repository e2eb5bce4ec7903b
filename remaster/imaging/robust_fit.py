"""Robust least squares over the cells of a picture: Tukey's weights, and the shift that most cells share.

Iteratively reweighted least squares (an M-estimator: Huber, "Robust Statistics", 1981) for a few hundred cells and at
most six parameters. Written out rather than taken from a solver, since a fit runs many times a frame and would be all
overhead there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from remaster.arrays import Points
from remaster.imaging.tuning import TUNING


@dataclass(frozen=True)
class CellSystem:
    """The weighted least squares of n cells for p parameters, laid out as the many rounds of a fit need it.

    ``normal`` (n, p * p) and ``right`` (n, p) are each cell's share of the normal equations, ``across`` and ``down``
    (n, p) the rows of its Jacobian, ``x`` and ``y`` (n,) its shift, ``known`` (3, n) its certainty.
    """

    normal: Points
    right: Points
    across: Points
    down: Points
    x: Points
    y: Points
    known: Points
    votes: Points

    @staticmethod
    def of(jacobian: Points, shift: Points, certainty: Points, votes: Points) -> CellSystem:
        """The system of cells with Jacobians (n, 2, p), shifts (n, 2), certainties (n, 2, 2) and votes (n,)."""
        weighted, count = certainty @ jacobian, jacobian.shape[2]
        normal = (jacobian.swapaxes(1, 2) @ weighted).reshape(-1, count * count)
        right = (weighted.swapaxes(1, 2) @ shift[..., None])[..., 0]
        across, down = np.ascontiguousarray(jacobian[:, 0]), np.ascontiguousarray(jacobian[:, 1])
        x, y = np.ascontiguousarray(shift.T)
        return CellSystem(normal, right, across, down, x, y, _rows_of(certainty), votes)

    @property
    def mode(self) -> Points:
        """The votes, weighted by how near each cell's shift is to the one that most cells share."""
        return self.votes * _shared_shift(self.x, self.y, self.known, self.votes)

    def residual(self, parameters: Points) -> Points:
        """Squared shift (n,) that the parameters leave."""
        return squared_shift(self.x - self.across @ parameters, self.y - self.down @ parameters, self.known)

    def score(self, parameters: Points) -> float:
        """The votes that the parameters put in place."""
        return float(self.votes @ np.maximum(1.0 - self.residual(parameters) / TUNING.alignment.same_motion**2, 0.0))

    def solved(self, weight: Points, rounds: int) -> tuple[Points, Points, Points]:
        """(parameters, covariance, last Tukey's weights) after at most so many rounds that begin with ``weight``."""
        tuning, count = TUNING.alignment, self.right.shape[1]
        ridge, parameters = 1e-6 * np.eye(count), np.full(count, np.inf)
        for _ in range(rounds):
            before = parameters
            inverse = np.linalg.inv((weight @ self.normal).reshape(count, count) + ridge)
            parameters = inverse @ (weight @ self.right)
            residual = self.residual(parameters)
            inliers = tukey_weights(residual, residual)
            weight = self.votes * inliers
            if np.abs(parameters - before).max() < tuning.fit_converged * tuning.converged:
                break
        covariance = np.asarray(inverse, np.float64) * float((weight * residual).sum() / weight.sum())
        return np.asarray(parameters, np.float64), covariance, inliers


def tukey_weights(residual: Points, sample: Points) -> Points:
    """Tukey's weights of squared residuals, by the spread (median absolute deviation) of a ``sample`` (n,) of them."""
    spread = max(1.4826 * float(np.sqrt(_median(sample))), TUNING.alignment.min_spread)
    weight: Points = np.maximum(1.0 - residual / (TUNING.alignment.tukey_cutoff * spread) ** 2, 0.0) ** 2
    return weight


def _median(values: Points) -> float:
    """``numpy.median`` of (n,), without its overhead for a few hundred numbers."""
    upper = len(values) // 2
    if len(values) % 2:
        return float(np.partition(values, upper)[upper])
    return float(np.partition(values, (upper - 1, upper))[upper - 1 : upper + 1].mean())


def _shared_shift(x: Points, y: Points, known: Points, votes: Points) -> Points:
    """How near (n,), 0-1, each cell's shift is to the one that most other cells share."""
    tuning = TUNING.alignment
    sure = np.argsort(-votes * (known[0] + known[2]), kind="stable")[: 2 * tuning.mode_candidates : 2, None]
    near = np.maximum(1.0 - squared_shift(x - x[sure], y - y[sure], known) / tuning.same_motion**2, 0.0)
    mode: Points = near[int(np.argmax(near @ votes))]
    return mode


def _rows_of(certainty: Points) -> Points:
    """The three numbers of symmetric matrices (n, 2, 2), as rows (3, n): xx, xy, yy."""
    return np.stack([certainty[:, 0, 0], certainty[:, 0, 1], certainty[:, 1, 1]])


def squared_shift(x: Points, y: Points, known: Points) -> Points:
    """Squared shifts (x, y) in the directions in which they are ``known`` (3, ...)."""
    xx, xy, yy = known
    product: Points = np.maximum(x * (x * xx + 2.0 * xy * y) + y * y * yy, 0.0)
    return product

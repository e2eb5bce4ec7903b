"""Cameras of a span: a bundle adjustment of its keyframes, and from it a camera for every frame.

As in Brown and Lowe, "Automatic Panoramic Image Stitching using Invariant Features", IJCV 2007, for affine cameras,
where it is linear: iteratively reweighted sparse least squares solves all keyframes at once. The frames between two
keyframes follow their chained motion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse
import scipy.sparse.linalg

from remaster.arrays import Affine, Float64
from remaster.imaging.camera import IDENTITY, apply, compose, corner_error, corners, invert
from remaster.stitch.keyframe_pairs import Pair, plausible
from remaster.stitch.tuning import TUNING

Model = Literal["hold", "translation", "similarity", "affine"]

PARAMETERS = {"hold": 0, "translation": 2, "similarity": 4, "affine": 6}
"""Unknowns of one camera, by model."""


@dataclass(frozen=True)
class Solution:
    """Keyframe cameras float64 (k, 2, 3) to the reference keyframe, and the ``model`` they obey.

    ``inliers`` counts the matches within tolerance; ``error`` is the truncated root mean square residual in proxy
    pixels.
    """

    cameras: Affine
    model: Model
    inliers: int
    error: float


@dataclass(frozen=True)
class _Matches:
    """All matches in one table: keyframes ``first``, ``second`` (m,), points ``a``, ``b`` (m, 2), ``weight`` (m,).

    ``prior`` bool (m,) marks corners that are held by chained motion.
    """

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    a: Float64
    b: Float64
    weight: Float64
    prior: npt.NDArray[np.bool_]


def solve_keyframes(
    chained: Affine, chain_trust: Float64, pairs: Sequence[Pair], reference: int, width: int, height: int
) -> Solution:
    """Solve all keyframes by the simplest model (hold < translation < similarity < affine) that explains the matches.

    ``chained`` (k, 2, 3) are cameras chained from motion: a weak prior that holds textureless stretches together;
    ``chain_trust`` (k,) 0-1 is the weight of the chain from the keyframe before. ``reference`` stays fixed.
    """
    table = _table(chained, chain_trust, pairs, width, height)
    center = np.array([(width - 1) / 2, (height - 1) / 2])
    models: tuple[Model, ...] = ("hold", "translation", "similarity", "affine")
    solutions = [_solve(table, len(chained), reference, m, center, width) for m in models]
    # With few matches a rich model overfits and distorts a keyframe.
    solutions = [s for s in solutions if all(plausible(c) for c in s.cameras)]
    richest = solutions[-1]
    for solution in solutions[:-1]:
        at_rest = solution.model == "hold"
        if at_rest and solution.inliers < TUNING.bundle.rest_inliers * richest.inliers:
            continue
        if _as_good(solution, solutions[1] if at_rest else richest, width, height):
            return solution
    return richest


def _as_good(simple: Solution, rich: Solution, width: int, height: int) -> bool:
    """Whether the simple model loses nothing visible: little error, or hardly another place for any corner."""
    tuning = TUNING.bundle
    few_errors = simple.error <= tuning.error_ratio * rich.error + tuning.error_margin
    no_worse = few_errors and simple.inliers >= tuning.inlier_ratio * rich.inliers
    moved = corner_error(simple.cameras, rich.cameras, width, height)
    if simple.model == "hold":
        return bool(moved.max() <= tuning.rest_error or (moved.max() <= tuning.max_rest_error and no_worse))
    return bool(no_worse)


def _table(chained: Affine, chain_trust: Float64, pairs: Sequence[Pair], width: int, height: int) -> _Matches:
    """The matches of all pairs, and the corners of neighbouring keyframes by their chained motion."""
    rows: list[tuple[int, int, Float64, Float64, float, bool]] = []
    for pair in pairs:
        m = len(pair.points_first)
        pick = np.linspace(0, m - 1, min(m, TUNING.bundle.matches_per_pair)).round().astype(int)
        rows.append((pair.first, pair.second, pair.points_first[pick], pair.points_second[pick], pair.share, False))
        if m < TUNING.bundle.few_matches:
            grid = corners(width, height)
            rows.append((pair.first, pair.second, apply(pair.camera, grid), grid, 1.0, False))
    for j in range(1, len(chained)):
        grid = corners(width, height)
        step = compose(invert(chained[j - 1]), chained[j])
        weight = max(float(chain_trust[j]), 1e-3) * (TUNING.bundle.match_sigma / TUNING.bundle.chain_sigma) ** 2
        rows.append((j - 1, j, apply(step, grid), grid, weight, True))
    count = [len(r[2]) for r in rows]
    return _Matches(
        np.repeat(np.array([r[0] for r in rows], np.int64), count),
        np.repeat(np.array([r[1] for r in rows], np.int64), count),
        np.concatenate([r[2] for r in rows]) if rows else np.empty((0, 2)),
        np.concatenate([r[3] for r in rows]) if rows else np.empty((0, 2)),
        np.repeat(np.array([r[4] for r in rows], float), count),
        np.repeat(np.array([r[5] for r in rows], bool), count),
    )


def _solve(table: _Matches, k: int, reference: int, model: Model, center: Float64, width: int) -> Solution:
    """Solve the free keyframes' parameters by iteratively reweighted least squares."""
    size = PARAMETERS[model]
    cameras = np.repeat(IDENTITY[None], k, axis=0)
    free = [i for i in range(k) if i != reference]
    weight = table.weight.copy()
    if size and free:
        column = np.full(k, -1)
        column[free] = np.arange(len(free)) * size
        rows, target = _system(table, column, model, center, width)
        for _ in range(TUNING.bundle.iterations):
            root = np.repeat(np.sqrt(weight), 2)
            scaled = scipy.sparse.diags(root) @ rows
            normal = (scaled.T @ scaled + 1e-9 * scipy.sparse.identity(rows.shape[1])).tocsc()
            values = scipy.sparse.linalg.spsolve(normal, scaled.T @ (root * target))
            cameras[free] = _cameras(values.reshape(-1, size), model, center, width)
            weight = table.weight * _geman_mcclure(_residuals(table, cameras), table.prior)
    residual = _residuals(table, cameras)[~table.prior]
    near = residual < TUNING.bundle.inlier_error
    error = float(np.sqrt(np.mean(np.minimum(residual, TUNING.bundle.outlier_error) ** 2))) if residual.size else 0.0
    return Solution(cameras, model, int(near.sum()), error)


def _residuals(table: _Matches, cameras: Affine) -> Float64:
    """Distance (m,) of each match's two sides in proxy pixels: divided by the first camera's scale."""
    a = np.einsum("mij,mj->mi", cameras[table.first, :, :2], table.a) + cameras[table.first, :, 2]
    b = np.einsum("mij,mj->mi", cameras[table.second, :, :2], table.b) + cameras[table.second, :, 2]
    scale = np.sqrt(np.abs(np.linalg.det(cameras[table.first, :, :2])))
    distance: Float64 = np.linalg.norm(a - b, axis=-1) / np.maximum(scale, 1e-3)
    return distance


def _geman_mcclure(residual: Float64, prior: npt.NDArray[np.bool_]) -> Float64:
    """Weights of Geman and McClure's estimator; a prior keeps some, for it may be all that holds a keyframe."""
    sigma = np.where(prior, TUNING.bundle.chain_sigma, TUNING.bundle.match_sigma)
    weight = 1.0 / (1.0 + (residual / sigma) ** 2) ** 2
    return np.where(prior, np.maximum(weight, TUNING.bundle.min_chain_weight), weight)


def _basis(points: Float64, model: Model, center: Float64, width: int) -> tuple[Float64, Float64]:
    """(rows (m, 2, parameters), constant (m, 2)) of a camera's image of ``points``: linear in its parameters.

    Coordinates are taken from the picture's centre in units of its width, so that all parameters weigh alike.
    """
    m = len(points)
    x, y = ((points - center) / width).T
    one, zero = np.ones(m), np.zeros(m)
    if model == "translation":
        rows = np.stack([np.stack([one, zero], -1), np.stack([zero, one], -1)], 1) * width
        return rows, points - center
    if model == "similarity":
        rows = np.stack([np.stack([x, -y, one, zero], -1), np.stack([y, x, zero, one], -1)], 1) * width
    else:
        rows = np.stack([np.stack([x, y, one, zero, zero, zero], -1), np.stack([zero, zero, zero, x, y, one], -1)], 1)
        rows = rows * width
    return rows, np.zeros((m, 2))


def _cameras(values: Float64, model: Model, center: Float64, width: int) -> Affine:
    """Cameras (f, 2, 3) in pixels from the solved parameters (f, parameters)."""
    if model == "translation":
        linear = np.repeat(np.eye(2)[None], len(values), axis=0)
        shift = values * width
    elif model == "similarity":
        a, b = values[:, 0], values[:, 1]
        linear = np.stack([np.stack([a, -b], -1), np.stack([b, a], -1)], 1)
        shift = values[:, 2:] * width
    else:
        linear = values.reshape(-1, 2, 3)[:, :, :2]
        shift = values.reshape(-1, 2, 3)[:, :, 2] * width
    shift = shift + center - linear @ center
    return np.concatenate([linear, shift[..., None]], axis=-1)


def _system(
    table: _Matches, column: npt.NDArray[np.int64], model: Model, center: Float64, width: int
) -> tuple[scipy.sparse.csr_matrix, Float64]:
    """The sparse rows and the right side of ``camera[second] b = camera[first] a`` for all matches."""
    size, m = PARAMETERS[model], len(table.first)
    data, row, col = [], [], []
    target = np.zeros((m, 2))
    for sign, index, points in ((1.0, table.second, table.b), (-1.0, table.first, table.a)):
        basis, constant = _basis(points, model, center, width)
        moving = column[index] >= 0
        where = np.flatnonzero(moving)
        data.append((sign * basis[moving]).ravel())
        row.append(np.repeat((where[:, None] * 2 + np.arange(2)).ravel(), size))
        col.append(np.repeat(column[index[moving]][:, None] + np.arange(size), 2, axis=0).ravel())
        # The reference does not move: its side of the match is a constant.
        target -= sign * np.where(moving[:, None], constant, points - center)
    shape = (2 * m, int(column.max()) + size)
    entries = (np.concatenate(data), (np.concatenate(row), np.concatenate(col)))
    return scipy.sparse.csr_matrix(entries, shape=shape), target.ravel()


def all_frames(
    motion: Affine, variance: Float64, keyframes: npt.NDArray[np.int64], solved: Affine, size: tuple[int, int]
) -> Affine:
    """Cameras (n, 2, 3) of all frames: the solved ones at keyframes, chained motion between them.

    The error of a chain at the next keyframe is distributed along it by ``variance`` (n,) of each motion. Where the
    error is too large the chain followed something else than the background, and a smooth path through the keyframes
    takes its place. Frames whose motion is the identity with variance 0 (holds) share one camera. ``size`` is (width,
    height).
    """
    cameras = np.empty_like(motion)
    first, last = int(keyframes[0]), int(keyframes[-1])
    cameras[first] = solved[0]
    for i in range(first, 0, -1):
        cameras[i - 1] = compose(cameras[i], invert(motion[i]))
    for i in range(last + 1, len(motion)):
        cameras[i] = compose(cameras[i - 1] if i > last + 1 else solved[-1], motion[i])
    smooth = _smooth_path(variance, keyframes, solved)
    for j in range(len(keyframes) - 1):
        span = slice(int(keyframes[j]), int(keyframes[j + 1]) + 1)
        chain, error = _blended_chain(motion[span], variance[span], solved[j], solved[j + 1], size)
        cameras[span] = smooth[span] if error > TUNING.bundle.max_chain_error else chain
    return cameras


def _smooth_path(variance: Float64, keyframes: npt.NDArray[np.int64], solved: Affine) -> Affine:
    """Cameras (n, 2, 3) on an Akima spline through the keyframes', which eases as a camera does; holds do not move."""
    clock = np.cumsum(variance > 0)
    times, first = np.unique(clock[keyframes], return_index=True)
    if len(times) < 2:
        return np.repeat(solved[:1], len(variance), axis=0)
    from scipy.interpolate import Akima1DInterpolator  # imported here: it takes a third of a second

    path = Akima1DInterpolator(times, solved[first].reshape(-1, 6))
    return np.asarray(path(np.clip(clock, times[0], times[-1]))).reshape(-1, 2, 3)


def _blended_chain(
    motion: Affine, variance: Float64, start: Affine, end: Affine, size: tuple[int, int]
) -> tuple[Affine, float]:
    """Chain the motions between two keyframes from both ends: (blended cameras, the chain's error in pixels)."""
    forward, backward = np.empty_like(motion), np.empty_like(motion)
    forward[0], backward[-1] = start, end
    for i in range(1, len(motion)):
        forward[i] = compose(forward[i - 1], motion[i])
    for i in range(len(motion) - 1, 0, -1):
        backward[i - 1] = compose(backward[i], invert(motion[i]))
    passed = np.concatenate([[0.0], np.cumsum(variance[1:])])
    if passed[-1] <= 0:
        return np.repeat(start[None], len(motion), axis=0), 0.0
    share = (passed / passed[-1])[:, None, None]
    blended: Affine = (1 - share) * forward + share * backward
    return blended, float(corner_error(forward[-1], end, *size))


def project(motion: Affine, model: Model, width: int, height: int) -> Affine:
    """The nearest motions (n, 2, 3) that obey the model; they agree at the picture's centre."""
    linear = motion[..., :2]
    if model in ("hold", "translation"):
        linear = np.broadcast_to(np.eye(2), linear.shape)
    elif model == "similarity":
        a = (linear[..., 0, 0] + linear[..., 1, 1]) / 2
        b = (linear[..., 1, 0] - linear[..., 0, 1]) / 2
        linear = np.stack([np.stack([a, -b], -1), np.stack([b, a], -1)], -2)
    center = np.array([(width - 1) / 2, (height - 1) / 2])
    there = center if model == "hold" else apply(motion, center[None])[:, 0]
    shift = there - linear @ center
    projected: Affine = np.concatenate([linear, shift[..., None]], axis=-1)
    return projected

"""Sub-pixel direct alignment of two pictures, in which every small cell of the picture has one vote.

Inverse-compositional Lucas-Kanade (Baker and Matthews, "Lucas-Kanade 20 Years On", IJCV 2004) in two stages: each cell
measures its own residual shift, with a gain of its own; a robust fit over the cells (M-estimator) then moves the
camera. With one vote a cell, ink lines cannot outvote a painted sky. ``detail`` prepares a picture, ``compare`` judges
a camera, ``align`` refines one within a motion model, and ``align_simplest`` chooses the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np

from remaster.arrays import Affine, Float32, Gray, Mask, Points
from remaster.imaging.camera import IDENTITY, apply, compose, corner_error, corners, invert
from remaster.imaging.robust_fit import CellSystem, squared_shift, tukey_weights
from remaster.imaging.tuning import TUNING

Model = Literal["translation", "similarity", "affine"]

ANCHOR = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
"""Points (3, 2) that determine an affine camera."""


@dataclass(frozen=True)
class Detail:
    """A gray picture's detail (high-pass) at a working size, float32 (h, w), and sums over its cells.

    ``gray`` float32 (h, w) is the picture itself at that size. ``known`` is 0 on the gate, else 1. ``gradient`` float32
    (2, h, w). ``normal`` (rows, columns, 2, 2), ``cross`` (rows, columns, 2) and ``energy`` (rows, columns) are cell
    means of the products of gradient and picture, ``level`` (rows, columns) of the gray picture. Cells are counted from
    the top left; a part of a cell at the end is left out. ``noise`` is the standard deviation of the grain that is
    left. ``scale`` is working / original size, (x, y).
    """

    gray: Float32
    picture: Float32
    known: Float32
    gradient: Float32
    normal: Points
    cross: Points
    energy: Points
    level: Points
    noise: float
    scale: tuple[float, float]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in working pixels."""
        return self.picture.shape[1], self.picture.shape[0]


@dataclass(frozen=True)
class Cells:
    """How two pictures compare under a camera, cell by cell (rows, columns).

    ``evidence`` 0-1: both show the cell, and it has texture. ``agreement`` 0-1: its normalized cross-correlation,
    corrected for noise and truncated. ``shift`` (rows, columns, 2): its residual shift in pixels. ``certainty`` (rows,
    columns, 2, 2): the directions in which that shift is known, 0-1.
    """

    evidence: Points
    agreement: Points
    shift: Points
    certainty: Points

    @property
    def residual(self) -> Points:
        """Squared shift in the directions in which it is known."""
        xx, xy, yy = self.certainty[..., 0, 0], self.certainty[..., 0, 1], self.certainty[..., 1, 1]
        return squared_shift(self.shift[..., 0], self.shift[..., 1], np.stack([xx, xy, yy]))

    @property
    def area(self) -> float:
        """The part 0-1 of the whole picture that has evidence."""
        return float(self.evidence.mean())

    @property
    def explained(self) -> float:
        """The part 0-1 of the whole picture that has evidence and agrees."""
        return float((self.evidence * self.agreement).mean())

    @property
    def share(self) -> float:
        """The share 0-1 of what has evidence that agrees; 0.0 without evidence."""
        return self.explained / self.area if self.area > 0.0 else 0.0

    @property
    def in_place(self) -> Points:
        """``agreement``, falling to 0 where the shift reaches half a pixel."""
        return np.asarray(self.agreement * np.clip(1.0 - self.residual / TUNING.alignment.in_place**2, 0.0, None))

    @property
    def fitting(self) -> float:
        """The part 0-1 of the whole picture that has evidence and is in its place."""
        return float((self.evidence * self.in_place).mean())


@dataclass(frozen=True)
class Fit:
    """A camera, the standard deviation of its corners in pixels, and how the pictures compare under it."""

    camera: Affine
    deviation: float
    cells: Cells


def detail(gray: Gray, valid: Mask, noise: float, max_height: int) -> Detail:
    """The detail of ``gray`` uint8 (h, w), resized to at most ``max_height`` rows.

    ``valid`` bool (h, w) is False on the gate. ``noise`` is the grain's standard deviation in 8-bit levels.
    """
    tuning = TUNING.alignment
    height, width = gray.shape
    ratio = min(max_height / height, 1.0)
    h, w = max(round(height * ratio), tuning.cell), max(round(width * ratio), tuning.cell)
    small = cv2.resize(gray, (w, h), interpolation=cv2.INTER_AREA).astype(np.float32)
    known = np.ones((h, w), np.uint8)
    if not valid.all():
        inside = cv2.resize(valid.astype(np.uint8), (w, h), interpolation=cv2.INTER_NEAREST)
        known = np.asarray(cv2.erode(inside, np.ones((tuning.gate_margin,) * 2)), np.uint8)
    picture = cv2.GaussianBlur(small, (0, 0), tuning.smoothing_sigma) - cv2.GaussianBlur(
        small, (0, 0), tuning.detail_sigma
    )
    gx = cv2.Sobel(picture, cv2.CV_32F, 1, 0, ksize=3, scale=0.125) * known
    gy = cv2.Sobel(picture, cv2.CV_32F, 0, 1, ksize=3, scale=0.125) * known
    picture = picture * known
    xx, xy, yy = _cells(gx * gx), _cells(gx * gy), _cells(gy * gy)
    normal = np.stack([np.stack([xx, xy], -1), np.stack([xy, yy], -1)], -1)
    cross = np.stack([_cells(gx * picture), _cells(gy * picture)], -1)
    left = max(noise * ratio * tuning.noise_after_smoothing, tuning.min_noise)
    gradient = np.stack([gx, gy]).astype(np.float32)
    scale = (w / width, h / height)
    energy, level = _cells(picture * picture), _cells(small)
    return Detail(small, picture, known.astype(np.float32), gradient, normal, cross, energy, level, left, scale)


def compare(reference: Detail, moved: Detail, camera: Affine) -> Cells:
    """Compare two pictures, cell by cell of ``moved``, under a ``camera`` from its working pixels to the other's."""
    tuning = TUNING.alignment
    seen = _cells(_seen_by(camera, reference.known, moved.size) * moved.known)
    warped = _seen_by(camera, reference.picture, moved.size) * moved.known
    shared = _cells(warped * moved.picture)
    energy, other = moved.energy, _cells(warped * warped)
    grain = moved.noise**2
    evidence = _ramp(np.maximum(energy, other) / grain, tuning.evidence) * (seen > tuning.min_overlap)
    floor, taken = tuning.min_energy * grain, tuning.noise_share * grain
    norm = np.sqrt(np.maximum(energy - taken, floor) * np.maximum(other - taken, floor))
    agreement = _ramp(shared / norm, tuning.agreement)
    # The cell's own gain takes part in its normal equations and is eliminated.
    gain = np.clip(shared / np.maximum(energy, tuning.gain_energy * grain), *tuning.gain)
    along = np.stack([_cells(warped * g) for g in moved.gradient], -1) - gain[..., None] * moved.cross
    normal = moved.normal - _outer(moved.cross) / np.maximum(energy, grain)[..., None, None]
    half = 2.0 * grain / (tuning.cell * tuning.cell * tuning.certain**2)
    strength = (normal[..., 0, 0] + normal[..., 1, 1] + half)[..., None]
    shift = _solved(normal, tuning.ridge * half, along / gain[..., None])
    limit = tuning.max_cell_shift
    return Cells(evidence, agreement, np.clip(shift, -limit, limit), normal / strength[..., None])


def _ramp(values: Points, between: tuple[float, float]) -> Points:
    """Values clipped to an interval and scaled to 0-1."""
    low, high = between
    return np.clip((values - low) / (high - low), 0.0, 1.0)


def _seen_by(camera: Affine, picture: Float32, size: tuple[int, int]) -> Float32:
    if picture.shape[::-1] == size and (camera == IDENTITY).all():
        return picture  # as interpolation at whole pixels returns it
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(picture, camera, size, flags=flags), np.float32)


def align(
    reference: Detail,
    moved: Detail,
    start: Affine,
    model: Model,
    cells: Cells | None = None,
    converged: float = TUNING.alignment.converged,
) -> Fit | None:
    """Refine ``start`` (moved -> reference, working pixels) within a ``model``; None where too few cells agree.

    Parameters of the start that the model lacks are kept: a translation is added to a start that zooms. ``cells`` is
    the comparison under ``start``, if it was made already. A start at rest is kept where the first step lies within
    that step's own error: the steps to come would differ from it by less still. The step that moves no corner by
    ``converged`` working pixels, or by a part of its own error, is the last.
    """
    tuning = TUNING.alignment
    camera = np.array(start)
    resting = bool((camera == IDENTITY).all())
    jacobian = _cell_jacobian(moved.energy.shape, moved.size, model)
    cells, inliers = cells or compare(reference, moved, camera), None
    for number in range(tuning.max_steps):
        votes = cells.evidence * cells.agreement
        if votes.sum() < TUNING.alignment.min_votes:
            return None
        parameters, covariance, inliers = _robust_fit(jacobian, cells, votes, inliers)
        step = compose(camera, invert(_camera_of(parameters, moved.size, model)))
        shift = float(corner_error(step, camera, *moved.size))
        if not np.isfinite(shift) or shift > tuning.max_shift * max(moved.size):
            return None
        deviation = _corner_deviation(covariance, moved.size, model)
        if number == 0 and resting and shift < tuning.min_difference * deviation and _in_place(cells):
            return Fit(camera, deviation, cells)
        camera = step
        if shift < max(converged, tuning.converged_deviations * deviation):
            break
        cells = compare(reference, moved, camera)
    return Fit(camera, deviation, cells)


def _in_place(cells: Cells) -> bool:
    """Whether most of what agrees is in its place, so that no richer model has anything to explain."""
    return cells.fitting >= TUNING.alignment.similarity_fits * cells.explained


def align_simplest(reference: Detail, moved: Detail, start: Affine, cells: Cells | None = None) -> Fit | None:
    """Refine ``start`` as hold, translation, similarity or affine camera: the simplest that the data do not reject.

    ``cells`` is the comparison under ``start``, if it was made already.
    """
    tuning = TUNING.alignment
    rich = align(reference, moved, start, "similarity", cells)
    if rich is None:
        return None
    if not _in_place(rich.cells):
        affine = align(reference, moved, rich.camera, "affine", rich.cells)
        if affine is not None and _distortion(affine.camera) < tuning.max_distortion:
            handicap = tuning.min_affine_gain * rich.cells.area
            rich = affine if affine.cells.fitting - handicap > rich.cells.fitting else rich
    centres, votes = _centres(moved.energy.shape), rich.cells.evidence * rich.cells.agreement
    if votes.sum() < TUNING.alignment.min_votes:
        return None
    if _indistinct(IDENTITY, rich, moved.size):
        return Fit(np.array(IDENTITY), rich.deviation, rich.cells)
    # A translation is fitted to the places where the cells' own shifts take them.
    wanted = apply(rich.camera, centres.reshape(-1, 2)).reshape(centres.shape) - rich.cells.shift @ rich.camera[:, :2].T
    places = Cells(rich.cells.evidence, rich.cells.agreement, wanted - centres, rich.cells.certainty)
    residual = rich.cells.residual
    weight = votes * tukey_weights(residual, residual[votes > 0.0])
    jacobian = _cell_jacobian(moved.energy.shape, moved.size, "translation")
    parameters, _, _ = _robust_fit(jacobian, places, weight, np.ones_like(weight))
    simple = _camera_of(parameters, moved.size, "translation")
    return Fit(simple, rich.deviation, rich.cells) if _indistinct(simple, rich, moved.size) else rich


def _distortion(camera: Affine) -> float:
    """How far the camera is from a similarity: shear and difference of scales, 0.0 for none."""
    (a, b), (c, d) = camera[:, :2]
    return float(np.hypot(a - d, b + c))


def _indistinct(simple: Affine, rich: Fit, size: tuple[int, int]) -> bool:
    """Whether a simpler camera lies within the error of a richer one."""
    return float(corner_error(simple, rich.camera, *size)) < TUNING.alignment.min_difference * rich.deviation


def _robust_fit(jacobian: Points, cells: Cells, votes: Points, inliers: Points | None) -> tuple[Points, Points, Points]:
    """(parameters, covariance, inliers) by iteratively reweighted least squares with Tukey's weights over the cells.

    ``inliers`` (rows, columns), 0-1, are the weights with which to begin, such as those of the step before. Without
    any, all cells count, and the fit is also started from the shift that most cells share: where a character rests on a
    slowly moving background, plain reweighting ends between the two. The start that puts most votes in place wins.
    """
    tuning = TUNING.alignment
    used = votes > 0.0
    system = CellSystem.of(jacobian[used], cells.shift[used], cells.certainty[used], votes[used])
    if inliers is None:
        solutions = [system.solved(weight, tuning.max_reweightings) for weight in (system.votes, system.mode)]
        parameters, covariance, weight = max(solutions, key=lambda solution: system.score(solution[0]))
    else:
        parameters, covariance, weight = system.solved(system.votes * inliers[used], tuning.next_reweightings)
    found = np.zeros_like(votes)
    found[used] = weight
    return parameters, covariance, found


def _solved(normal: Points, ridge: float, right: Points) -> Points:
    """The solutions (..., 2) of systems (..., 2, 2) with a ridge, by Cramer's rule."""
    xx, xy, yy = normal[..., 0, 0] + ridge, normal[..., 0, 1], normal[..., 1, 1] + ridge
    x, y = right[..., 0], right[..., 1]
    return np.stack([yy * x - xy * y, xx * y - xy * x], -1) / (xx * yy - xy * xy)[..., None]


def _cells(picture: Float32) -> Points:
    """Means over cells, float64 (rows, columns)."""
    cell = TUNING.alignment.cell
    rows, columns = picture.shape[0] // cell, picture.shape[1] // cell
    whole = picture[: rows * cell, : columns * cell]
    return cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA).astype(float)


def _outer(vectors: Points) -> Points:
    return vectors[..., :, None] * vectors[..., None, :]


@lru_cache(maxsize=16)
def _centres(shape: tuple[int, ...]) -> Points:
    """The cells' centres (rows, columns, 2)."""
    cell = TUNING.alignment.cell
    y, x = np.mgrid[: shape[0], : shape[1]] * cell + (cell - 1) / 2
    return np.stack([x, y], axis=-1)


@lru_cache(maxsize=16)
def _cell_jacobian(shape: tuple[int, ...], size: tuple[int, int], model: Model) -> Points:
    """``_jacobian`` at the cells' centres."""
    return _jacobian(_centres(shape), size, model)


@lru_cache(maxsize=16)
def _outline_jacobians(size: tuple[int, int], model: Model) -> tuple[Points, Points]:
    """``_jacobian`` at ``ANCHOR`` and at the picture's corners."""
    return _jacobian(ANCHOR, size, model), _jacobian(corners(*size), size, model)


def _jacobian(xy: Points, size: tuple[int, int], model: Model) -> Points:
    """Derivatives (..., 2, p) of where a model takes points (..., 2) by its p parameters.

    Positions count from the picture's centre in units of half its width, for a well-conditioned system.
    """
    centred = (xy - (np.array(size) - 1) / 2) * (2.0 / size[0])
    u, v = centred[..., 0], centred[..., 1]
    one, zero = np.ones_like(u), np.zeros_like(u)
    if model == "translation":
        rows = [[one, zero], [zero, one]]
    elif model == "similarity":
        rows = [[one, zero, u, -v], [zero, one, v, u]]
    else:
        rows = [[one, zero, u, v, zero, zero], [zero, one, zero, zero, u, v]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _camera_of(parameters: Points, size: tuple[int, int], model: Model) -> Affine:
    """The camera of a model's parameters."""
    to = ANCHOR + _outline_jacobians(size, model)[0] @ parameters
    return np.stack([to[1] - to[0], to[2] - to[0], to[0]], axis=1)


def _corner_deviation(covariance: Points, size: tuple[int, int], model: Model) -> float:
    """Standard deviation of the corners in pixels, the largest one."""
    jacobian = _outline_jacobians(size, model)[1]
    return float(np.sqrt(np.einsum("mdp,pq,mdq->m", jacobian, covariance, jacobian).max()))

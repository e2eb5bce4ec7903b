"""Direct alignment of two pictures below a pixel's width, where every small cell of the picture has one vote.

Inverse-compositional Lucas-Kanade (Baker and Matthews, "Lucas-Kanade 20 Years On", IJCV 2004), solved in two stages:
each cell says how far it is off, with a gain of its own, and a robust fit over the cells moves the camera. One vote a
cell is what keeps ink lines from outvoting a painted sky.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Float32, Mask, Points
from remaster.imaging.camera import IDENTITY, apply, compose, corner_error, corners, invert

Model = Literal["translation", "similarity", "affine"]

CELL = 10
"""Side of a cell in working pixels."""
DETAIL_SIGMA = 3.0
"""Detail is what a Gaussian of this many working pixels removes: ramps and light are gone, lines and texture stay."""
PLAIN_SIGMA = 0.8
"""What smooths a working picture before it is interpolated."""
SMOOTHED = 0.35
"""How much of white noise's standard deviation that smoothing leaves."""
STEPS = 6
"""Refinements of a camera at most."""
REWEIGHTINGS = 6
"""Rounds of one robust fit at most."""
SETTLED = 0.005
"""Corner shift in pixels of a step that ends the iteration."""
FEWEST_CELLS = 4.0
"""Votes under which nothing is fitted."""
SAME = 0.3
"""Shift in pixels by which cells that move together differ at most."""
TRIED = 24
"""Cells whose shift is tried for all."""
CUTOFF = 2.5
"""Spreads beyond which a cell has no weight."""
SHARPEST = 0.03
"""Shift in pixels that is never taken for disagreement."""
CERTAIN = 0.1
"""A cell whose own shift is known to so many pixels has half a vote."""
FITS = 0.5
"""Shift in pixels at which a cell no longer fits."""
LARGEST_DISTORTION = 0.002
"""No camera shears more between two pictures; a fit that does joins a character and its ground."""
WELL = 0.8
"""Share of the agreeing cells that are in their place, under which a similarity may not be enough."""
EARNED = 0.05
"""Share of the evidence that an affine camera must put in its place beyond what a similarity does."""
GAP = 4.0
"""Standard deviations by which a richer camera must differ from a simpler one."""
ANCHOR = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
"""Points (3, 2) that tell an affine camera."""


@dataclass(frozen=True)
class Detail:
    """A gray picture's detail at a working size, float32 (h, w), whole cells from the top left, and sums over cells.

    ``gray`` float32 (h, w) is the picture itself at that size. ``known`` is 0 on the gate, else 1. ``gradient`` float32
    (2, h, w). ``normal`` (rows, columns, 2, 2), ``cross`` (rows, columns, 2) and ``energy`` (rows, columns) are cell
    means of the products of gradient and picture, ``level`` (rows, columns) of the gray picture. ``noise`` is the
    standard deviation of the grain that is left. ``scale`` is working / original size, (x, y).
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

    ``evidence`` 0-1: the cell is in both and has texture. ``agreement`` 0-1: its normalised correlation, corrected for
    noise and truncated. ``shift`` (rows, columns, 2): how far, in pixels, it is off. ``certainty`` (rows, columns, 2,
    2): in which directions its shift is known, 0-1.
    """

    evidence: Points
    agreement: Points
    shift: Points
    certainty: Points

    @property
    def misfit(self) -> Points:
        """Squared shift in the directions in which it is known."""
        xx, xy, yy = self.certainty[..., 0, 0], self.certainty[..., 0, 1], self.certainty[..., 1, 1]
        return _misfit_of(self.shift[..., 0], self.shift[..., 1], np.stack([xx, xy, yy]))

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
        """``agreement``, of cells that are in their place within half a pixel."""
        return np.asarray(self.agreement * np.clip(1.0 - self.misfit / FITS**2, 0.0, None))

    @property
    def fitting(self) -> float:
        """The part 0-1 of the whole picture that has evidence and is in its place."""
        return float((self.evidence * self.in_place).mean())


@dataclass(frozen=True)
class Fit:
    """A camera, how far its corners may be off (pixels, one standard deviation), and how the pictures compare."""

    camera: Affine
    deviation: float
    cells: Cells


def detail(gray: npt.NDArray[np.uint8], valid: Mask, noise: float, lines: int) -> Detail:
    """The detail of ``gray`` uint8 (h, w) at no more than ``lines`` lines; ``valid`` (h, w) is False on the gate."""
    height, width = gray.shape
    ratio = min(lines / height, 1.0)
    h, w = max(round(height * ratio), CELL), max(round(width * ratio), CELL)
    small = cv2.resize(gray, (w, h), interpolation=cv2.INTER_AREA).astype(np.float32)
    known = np.ones((h, w), np.uint8)
    if not valid.all():
        # The soft edge of a gate stands still while the picture moves: keep the Gaussian's reach away from it.
        inside = cv2.resize(valid.astype(np.uint8), (w, h), interpolation=cv2.INTER_NEAREST)
        known = np.asarray(cv2.erode(inside, np.ones((7, 7))), np.uint8)
    picture = cv2.GaussianBlur(small, (0, 0), PLAIN_SIGMA) - cv2.GaussianBlur(small, (0, 0), DETAIL_SIGMA)
    gx = cv2.Sobel(picture, cv2.CV_32F, 1, 0, ksize=3, scale=0.125) * known
    gy = cv2.Sobel(picture, cv2.CV_32F, 0, 1, ksize=3, scale=0.125) * known
    picture = picture * known
    xx, xy, yy = _cells(gx * gx), _cells(gx * gy), _cells(gy * gy)
    normal = np.stack([np.stack([xx, xy], -1), np.stack([xy, yy], -1)], -1)
    cross = np.stack([_cells(gx * picture), _cells(gy * picture)], -1)
    # Averaging several pixels into one lowers grain too; what coding leaves is correlated and hardly falls.
    left = max(noise * ratio * SMOOTHED, 0.7)
    gradient = np.stack([gx, gy]).astype(np.float32)
    scale = (w / width, h / height)
    energy, level = _cells(picture * picture), _cells(small)
    return Detail(small, picture, known.astype(np.float32), gradient, normal, cross, energy, level, left, scale)


def compare(reference: Detail, moved: Detail, camera: Affine) -> Cells:
    """Compare two pictures, cell by cell of ``moved``, under a ``camera`` from its working pixels to the other's."""
    seen = _cells(_seen_by(camera, reference.known, moved.size) * moved.known)
    warped = _seen_by(camera, reference.picture, moved.size) * moved.known
    shared = _cells(warped * moved.picture)
    energy, other = moved.energy, _cells(warped * warped)
    grain = moved.noise**2
    evidence = np.clip((np.maximum(energy, other) / grain - 3.0) / 9.0, 0.0, 1.0) * (seen > 0.98)
    # Grain adds to both energies but not to what they share.
    norm = np.sqrt(np.maximum(energy - 0.8 * grain, 0.3 * grain) * np.maximum(other - 0.8 * grain, 0.3 * grain))
    agreement = np.clip((shared / norm - 0.5) / 0.4, 0.0, 1.0)
    # The cell's own gain takes part in its normal equations and is eliminated.
    gain = np.clip(shared / np.maximum(energy, 0.1 * grain), 0.2, 5.0)
    along = np.stack([_cells(warped * g) for g in moved.gradient], -1) - gain[..., None] * moved.cross
    normal = moved.normal - _outer(moved.cross) / np.maximum(energy, grain)[..., None, None]
    half = 2.0 * grain / (CELL * CELL * CERTAIN**2)
    strength = (normal[..., 0, 0] + normal[..., 1, 1] + half)[..., None]
    shift = _solved(normal, 0.05 * half, along / gain[..., None])
    return Cells(evidence, agreement, np.clip(shift, -3.0, 3.0), normal / strength[..., None])


def _seen_by(camera: Affine, picture: Float32, size: tuple[int, int]) -> Float32:
    if picture.shape[::-1] == size and (camera == IDENTITY).all():
        return picture  # as interpolation at whole pixels returns it
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(picture, camera, size, flags=flags), np.float32)


def align(reference: Detail, moved: Detail, start: Affine, model: Model, cells: Cells | None = None) -> Fit | None:
    """Refine ``start`` (moved -> reference, working pixels) within a ``model``; None where too few cells agree.

    The start's own parameters beyond the model are kept: a translation is added to a start that zooms. ``cells``: how
    the pictures compare under ``start``, where that is known.
    """
    camera = np.array(start)
    reach = _reach(moved.energy.shape, moved.size, model)
    cells = cells or compare(reference, moved, camera)
    for number in range(STEPS):
        votes = cells.evidence * cells.agreement
        if votes.sum() < FEWEST_CELLS:
            return None
        parameters, covariance, _ = _robust_fit(reach, cells, votes, search=number == 0)
        step = compose(camera, invert(_camera_of(parameters, moved.size, model)))
        shift = float(corner_error(step, camera, *moved.size))
        if not np.isfinite(shift) or shift > 0.25 * max(moved.size):
            return None
        camera = step
        if shift < SETTLED:
            break
        cells = compare(reference, moved, camera)
    return Fit(camera, _corner_deviation(covariance, moved.size, model), cells)


def align_simplest(reference: Detail, moved: Detail, start: Affine, cells: Cells | None = None) -> Fit | None:
    """Refine ``start`` as hold, translation, similarity or affine camera: the simplest that the data cannot refuse.

    ``cells``: how the pictures compare under ``start``, where that is known.
    """
    rich = align(reference, moved, start, "similarity", cells)
    if rich is None:
        return None
    if rich.cells.fitting < WELL * rich.cells.explained:
        bent = align(reference, moved, rich.camera, "affine", rich.cells)
        if bent is not None and _distortion(bent.camera) < LARGEST_DISTORTION:
            rich = max(
                rich, bent, key=lambda fit: fit.cells.fitting - (EARNED if fit is bent else 0.0) * rich.cells.area
            )
    centres, votes = _centres(moved.energy.shape), rich.cells.evidence * rich.cells.agreement
    if votes.sum() < FEWEST_CELLS:
        return None
    if _indistinct(IDENTITY, rich, moved.size):
        return Fit(np.array(IDENTITY), rich.deviation, rich.cells)
    # Where each cell wants to go; a translation is fitted to the same places.
    wanted = apply(rich.camera, centres.reshape(-1, 2)).reshape(centres.shape) - rich.cells.shift @ rich.camera[:, :2].T
    places = Cells(rich.cells.evidence, rich.cells.agreement, wanted - centres, rich.cells.certainty)
    misfit = rich.cells.misfit
    weight = votes * _tukey(misfit, misfit[votes > 0.0])
    reach = _reach(moved.energy.shape, moved.size, "translation")
    parameters, _, _ = _robust_fit(reach, places, weight, search=False)
    simple = _camera_of(parameters, moved.size, "translation")
    return Fit(simple, rich.deviation, rich.cells) if _indistinct(simple, rich, moved.size) else rich


def _distortion(camera: Affine) -> float:
    """How far the camera is from a similarity: shear and unequal scales, 0.0 for none."""
    (a, b), (c, d) = camera[:, :2]
    return float(np.hypot(a - d, b + c))


def _indistinct(simple: Affine, rich: Fit, size: tuple[int, int]) -> bool:
    return float(corner_error(simple, rich.camera, *size)) < GAP * rich.deviation


def _robust_fit(reach: Points, cells: Cells, votes: Points, search: bool) -> tuple[Points, Points, float]:
    """(parameters, covariance, score) by iteratively reweighted least squares with Tukey's weights over the cells.

    With ``search``, also from the shift that most cells share: where a character rests on a slowly moving background,
    plain reweighting ends between the two. The score counts the votes that are in their place.
    """
    used = votes > 0.0
    reach, votes = reach[used], votes[used]
    shift, certainty = cells.shift[used], cells.certainty[used]
    weighted = certainty @ reach
    count = reach.shape[2]
    normal = (reach.swapaxes(1, 2) @ weighted).reshape(-1, count * count)
    right = (weighted.swapaxes(1, 2) @ shift[..., None])[..., 0]
    # Rows that lie one after the other: all that follows runs many times over some hundred cells.
    known = _rows_of(certainty)
    across, down = np.ascontiguousarray(reach[:, 0]), np.ascontiguousarray(reach[:, 1])
    x, y = np.ascontiguousarray(shift.T)
    starts = [votes] if not search else [votes, votes * _mode(x, y, known, votes)]
    solutions = []
    ridge = 1e-6 * np.eye(count)
    for weight in starts:
        parameters = np.full(count, np.inf)
        for _ in range(REWEIGHTINGS):
            before = parameters
            inverse = np.linalg.inv((weight @ normal).reshape(count, count) + ridge)
            parameters = inverse @ (weight @ right)
            misfit = _misfit_of(x - across @ parameters, y - down @ parameters, known)
            weight = votes * _tukey(misfit, misfit)
            if np.abs(parameters - before).max() < SETTLED / 5:
                break
        score = float((votes * np.maximum(1.0 - misfit / SAME**2, 0.0)).sum())
        covariance = np.asarray(inverse, np.float64) * float((weight * misfit).sum() / weight.sum())
        solutions.append((np.asarray(parameters, np.float64), covariance, score))
    return max(solutions, key=lambda solution: solution[2])


def _tukey(misfit: Points, told: Points) -> Points:
    """Weights of ``misfit``, by the spread of those (n,) that were ``told``."""
    spread = max(1.4826 * float(np.sqrt(_median(told))), SHARPEST)
    weight: Points = np.maximum(1.0 - misfit / (CUTOFF * spread) ** 2, 0.0) ** 2
    return weight


def _median(values: Points) -> float:
    """``numpy.median`` of (n,), without what it costs a few hundred numbers."""
    upper = len(values) // 2
    if len(values) % 2:
        return float(np.partition(values, upper)[upper])
    return float(np.partition(values, (upper - 1, upper))[upper - 1 : upper + 1].mean())


def _mode(x: Points, y: Points, known: Points, votes: Points) -> Points:
    """How near (n,), 0-1, each cell's shift is to the one that most other cells share."""
    sure = np.argsort(-votes * (known[0] + known[2]), kind="stable")[: 2 * TRIED : 2, None]
    near = np.maximum(1.0 - _misfit_of(x - x[sure], y - y[sure], known) / SAME**2, 0.0)
    mode: Points = near[int(np.argmax(near @ votes))]
    return mode


def _rows_of(certainty: Points) -> Points:
    """The three numbers of symmetric matrices (n, 2, 2), as rows (3, n): xx, xy, yy."""
    return np.stack([certainty[:, 0, 0], certainty[:, 0, 1], certainty[:, 1, 1]])


def _misfit_of(x: Points, y: Points, known: Points) -> Points:
    """Squared shifts (x, y) in the directions in which they are ``known`` (3, ...)."""
    xx, xy, yy = known
    product: Points = np.maximum(x * (x * xx + 2.0 * xy * y) + y * y * yy, 0.0)
    return product


def _solved(normal: Points, ridge: float, right: Points) -> Points:
    """The solutions (..., 2) of systems (..., 2, 2) with a ridge, by Cramer's rule."""
    xx, xy, yy = normal[..., 0, 0] + ridge, normal[..., 0, 1], normal[..., 1, 1] + ridge
    x, y = right[..., 0], right[..., 1]
    return np.stack([yy * x - xy * y, xx * y - xy * x], -1) / (xx * yy - xy * xy)[..., None]


def _cells(picture: Float32) -> Points:
    """Means over cells, float64 (rows, columns)."""
    rows, columns = picture.shape[0] // CELL, picture.shape[1] // CELL
    whole = picture[: rows * CELL, : columns * CELL]
    return cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA).astype(float)


def _outer(vectors: Points) -> Points:
    return vectors[..., :, None] * vectors[..., None, :]


@lru_cache(maxsize=16)
def _centres(shape: tuple[int, ...]) -> Points:
    """(rows, columns, 2): where the cells' middles lie."""
    y, x = np.mgrid[: shape[0], : shape[1]] * CELL + (CELL - 1) / 2
    return np.stack([x, y], axis=-1)


@lru_cache(maxsize=16)
def _reach(shape: tuple[int, ...], size: tuple[int, int], model: Model) -> Points:
    """`_displacements` of the cells' middles."""
    return _displacements(_centres(shape), size, model)


@lru_cache(maxsize=16)
def _frame(size: tuple[int, int], model: Model) -> tuple[Points, Points]:
    """`_displacements` of three points that tell a camera, and of the picture's corners."""
    return _displacements(ANCHOR, size, model), _displacements(corners(*size), size, model)


def _displacements(xy: Points, size: tuple[int, int], model: Model) -> Points:
    """(..., 2, p): what each parameter of the model adds to where points (..., 2) go.

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
    to = ANCHOR + _frame(size, model)[0] @ parameters
    return np.stack([to[1] - to[0], to[2] - to[0], to[0]], axis=1)


def _corner_deviation(covariance: Points, size: tuple[int, int], model: Model) -> float:
    reach = _frame(size, model)[1]
    return float(np.sqrt(np.einsum("mdp,pq,mdq->m", reach, covariance, reach).max()))

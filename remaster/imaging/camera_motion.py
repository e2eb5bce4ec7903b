"""The camera's motion between two pictures, chosen by the area that it explains.

Outlined characters carry more corners than a painted background, so a count of features tracks the character. Here
every camera is judged by *area*: the share of the textured picture whose local correlation with the other picture is
high. Hypotheses (identity, the motion before, peaks of the phase correlation, tracked features) are refined from coarse
to fine on the area that agrees with them (``alignment``), and the one that explains most wins.

Where a picture has no texture (sky, wall, fog), alignment by detail has nothing to work on, and takes a panned sky for
a resting one. There Gauss-Newton on the blurred pictures finds the shift, jointly with a gain and an offset. The answer
is accepted only if the pictures differ clearly and the shift removes most of the difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt
from scipy import fft

from remaster.arrays import Affine, Float32, Gray, Mask
from remaster.imaging.alignment import Cells, Detail, Fit, align, align_simplest, compare, detail
from remaster.imaging.camera import IDENTITY, corner_error, rescale, translation
from remaster.imaging.tuning import TUNING
from remaster.records import Analysis


@dataclass(frozen=True)
class Motion:
    """``matrix`` float64 (2, 3) takes pixels of the current picture to the previous one's.

    ``explained`` 0-1 is the share of the textured overlap that it explains (1.0 where both pictures are flat). In a
    ``hold`` the pictures are equal but for noise. ``shaded``: measured on the shading of a picture without texture.
    ``searched``: chosen among all hypotheses.
    """

    matrix: Affine
    explained: float
    hold: bool
    shaded: bool = False
    searched: bool = False


@dataclass(frozen=True)
class Picture:
    """A gray picture prepared for comparisons; each representation is computed on first use.

    ``gray`` uint8 (h, w); ``valid`` bool (h, w) is False on the gate; ``noise`` is in 8-bit levels.
    """

    gray: Gray
    valid: Mask
    noise: float

    @cached_property
    def fine(self) -> Detail:
        """Its detail at the working size."""
        return detail(self.gray, self.valid, self.noise, TUNING.camera_motion.work_height)

    @cached_property
    def coarse(self) -> Detail:
        """Its detail at the size at which hypotheses are found."""
        return detail(self.gray, self.valid, self.noise, TUNING.camera_motion.coarse_height)

    @cached_property
    def spectrum(self) -> npt.NDArray[np.complex64]:
        """The spectrum of the coarse detail, limited so that ink lines do not outweigh the painted area."""
        w, h = self.coarse.size
        taper = np.sqrt(np.outer(np.hanning(h + 2)[1:-1], np.hanning(w + 2)[1:-1])).astype(np.float32)
        limited = np.clip(self.coarse.picture / (TUNING.camera_motion.limit * self.coarse.noise), -1.0, 1.0)
        return np.asarray(fft.rfft2(limited * taper), np.complex64)


def explained_share(reference: Gray, moved: Gray, camera: Affine, valid: Mask, noise: float) -> float:
    """The share 0-1 of the textured overlap of two pictures that ``camera`` explains.

    ``reference`` and ``moved`` are gray uint8 (h, w), ``camera`` (2, 3) takes pixels of ``moved`` to those of
    ``reference``, ``valid`` bool (h, w) holds for both, ``noise`` is the grain's standard deviation in 8-bit levels.
    Each cell is correlated with its counterpart (normalized cross-correlation, so gain and offset do not matter),
    corrected for noise and truncated: 1 where it agrees, 0 where it does not. Flat areas do not count; without any
    textured overlap the share is 0.0, as nothing speaks for the camera.
    """
    a, b = Picture(reference, valid, noise).fine, Picture(moved, valid, noise).fine
    cells = compare(a, b, rescale(camera, *b.scale))
    return cells.explained / cells.area if cells.area >= TUNING.camera_motion.min_textured_area else 0.0


def motion_between(
    previous: Picture, current: Picture, prior: Affine = IDENTITY, enough: float = TUNING.camera_motion.majority
) -> Motion:
    """The simplest motion that explains the largest area; ``prior`` is a likely one, such as that of the frame before.

    It is refined, and no other is searched for, where it explains the share ``enough`` 0-1 and more than rest does.
    Both pictures have the same size and ``valid`` mask. For one and the same object nothing is computed. Where no
    motion explains much, the best one is returned with its low share; that is no error.
    """
    tuning = TUNING.camera_motion
    if previous is current:
        return Motion(np.array(IDENTITY), 1.0, True)
    a, b = previous.fine, current.fine
    same = _equal(a, b)
    rest = compare(a, b, IDENTITY)
    likely = rescale(prior, *b.scale)
    if rest.area < tuning.max_plain_texture and not _spread(rest):
        shift = shading_motion(a, b, _textured(rest, b), likely)
        if shift is not None:
            return Motion(rescale(shift, 1.0 / b.scale[0], 1.0 / b.scale[1]), 1.0, False, True)
    if rest.area < tuning.min_textured_area:
        return Motion(np.array(IDENTITY), 1.0, same)
    fit = _by_majority(a, b, likely, rest, enough)
    searched = fit is None
    if fit is None:
        to_coarse, to_fine = _ratio(b, current.coarse), _ratio(current.coarse, b)
        found = _hypotheses(previous, current, rescale(likely, *to_coarse))
        fit = _most_explained(a, b, [rescale(camera, *to_fine) for camera in found])
    if float(corner_error(fit.camera, IDENTITY, *b.size)) < tuning.at_rest:
        return Motion(np.array(IDENTITY), rest.share, same, searched=searched)
    if not _spread(fit.cells) and (constant := unchanged(a, b, rest)) > tuning.majority:
        return Motion(np.array(IDENTITY), constant, same, searched=searched)
    matrix = rescale(fit.camera, 1.0 / b.scale[0], 1.0 / b.scale[1])
    return Motion(matrix, fit.cells.share, False, searched=searched)


def _by_majority(a: Detail, b: Detail, likely: Affine, rest: Cells, enough: float) -> Fit | None:
    """The refined identity or ``likely`` motion, if it explains so much that no other motion can explain more.

    The likely one need only explain the share ``enough``.
    """
    majority = TUNING.camera_motion.majority
    judged = [(IDENTITY, rest, majority)]
    if (likely != IDENTITY).any():
        judged.append((likely, compare(a, b, likely), min(enough, majority)))
    start, cells, needed = max(judged, key=lambda entry: entry[1].fitting)
    if cells.share < needed:
        return None
    fit = align_simplest(a, b, start, cells)
    return fit if fit is not None and fit.cells.share >= needed else None


def _spread(cells: Cells) -> bool:
    """Whether what agrees extends across the picture, as a background does, and not in one place, as a character
    does."""
    columns = (cells.evidence * cells.agreement).mean(axis=0)
    return float((columns > TUNING.camera_motion.column_agreement).mean()) >= TUNING.camera_motion.min_columns


def _textured(rest: Cells, picture: Detail) -> Mask:
    """Pixels of the cells that show texture in either picture."""
    cells = (rest.evidence > TUNING.camera_motion.flat_evidence).astype(np.uint8)
    cells = np.asarray(cv2.dilate(cells, np.ones((3, 3), np.uint8)), np.uint8)
    return np.asarray(cv2.resize(cells, picture.size, interpolation=cv2.INTER_NEAREST) > 0)


def unchanged(a: Detail, b: Detail, rest: Cells) -> float:
    """The share 0-1 of the picture that stays as it is, flat areas of equal brightness included."""
    tuning, change = TUNING.camera_motion, b.level - a.level
    flat = (rest.evidence < tuning.flat_evidence) & (np.abs(change - np.median(change)) < tuning.flat_change)
    return float(np.where(flat, 1.0, rest.evidence * rest.agreement).mean())


def _equal(a: Detail, b: Detail) -> bool:
    """Equal but for noise: hardly any small neighbourhood differs by more than its grain allows, and no fade is on."""
    tuning = TUNING.camera_motion
    change = cv2.blur(a.picture - b.picture, (3, 3)) * b.known
    changed = float((np.abs(change) > tuning.hold_sigmas * b.noise).mean())
    return abs(float(change.mean())) < tuning.hold_mean_change and changed < tuning.hold_changed_area


def _ratio(source: Detail, target: Detail) -> tuple[float, float]:
    """(x, y): the target's size over the source's."""
    return target.scale[0] / source.scale[0], target.scale[1] / source.scale[1]


def _hypotheses(previous: Picture, current: Picture, prior: Affine) -> list[Affine]:
    """The few motions, in coarse pixels, that explain most of the picture, best first."""
    tuning = TUNING.camera_motion
    a, b = previous.coarse, current.coarse
    starts = _distinct([IDENTITY, prior, *_phase_peaks(previous, current)], b, tuning.start_distance)
    starts.sort(key=lambda camera: -compare(a, b, camera).explained)
    found = _refined(a, b, starts[: tuning.refined])
    if found[0][0] < tuning.poor * compare(a, b, IDENTITY).area:
        features = _feature_motions(previous.fine, current.fine)
        found += _refined(a, b, [rescale(camera, *_ratio(previous.fine, b)) for camera in features])
        found.sort(key=lambda entry: -entry[0])
    good = [camera for area, camera in found if area >= tuning.hypothesis_share * found[0][0]]
    return _distinct(good, b, tuning.hypothesis_distance)[: tuning.hypotheses]


def _refined(a: Detail, b: Detail, starts: list[Affine]) -> list[tuple[float, Affine]]:
    """(explained area, camera) of each start after refinement, best first."""
    found = []
    for start in starts:
        fit = align(a, b, start, "similarity", converged=TUNING.camera_motion.coarse_converged) or Fit(
            start, np.inf, compare(a, b, start)
        )
        found.append((fit.cells.explained, fit.camera))
    return sorted(found, key=lambda entry: -entry[0])


def _distinct(cameras: list[Affine], picture: Detail, distance: float) -> list[Affine]:
    """Those that differ at the corners by more than a distance from each one before them."""
    chosen: list[Affine] = []
    for camera in cameras:
        if all(float(corner_error(camera, other, *picture.size)) > distance for other in chosen):
            chosen.append(camera)
    return chosen


def _phase_peaks(previous: Picture, current: Picture) -> list[Affine]:
    """Translations at the highest peaks of the phase correlation (Kuglin and Hines, 1975), in coarse pixels."""
    tuning = TUNING.camera_motion
    cross = previous.spectrum * current.spectrum.conj()
    # Whitened by half: full whitening would amplify frequencies that hold only noise.
    whitened = cross / np.sqrt(np.abs(cross) + 1e-3 * np.abs(cross).max() + 1e-9)
    surface = fft.irfft2(whitened, previous.coarse.size[::-1])
    surface = cv2.GaussianBlur(np.fft.fftshift(surface).astype(np.float32), (0, 0), tuning.peak_sigma)
    h, w = surface.shape
    peaks = []
    for _ in range(tuning.peaks):
        y, x = np.unravel_index(int(surface.argmax()), surface.shape)
        peaks.append(translation(float(x - w // 2), float(y - h // 2)))
        radius = tuning.peak_radius
        surface[max(y - radius, 0) : y + radius + 1, max(x - radius, 0) : x + radius + 1] = -1.0
    return peaks


def _feature_motions(a: Detail, b: Detail) -> list[Affine]:
    """Similarities of tracked corners, one corner a grid square, by sequential RANSAC: again without the inliers."""
    tuning, side = TUNING.camera_motion, TUNING.camera_motion.feature_grid
    before, after = (np.clip(tuning.feature_contrast * p.picture + 128, 0, 255).astype(np.uint8) for p in (a, b))
    corner = cv2.cornerMinEigenVal(after, 3) * b.known
    h, w = (n // side for n in corner.shape)
    cells = corner[: h * side, : w * side].reshape(h, side, w, side).swapaxes(1, 2).reshape(h, w, -1)
    best = cells.argmax(axis=-1)
    row, column = np.nonzero(cells.max(axis=-1) > tuning.min_corner)
    place = best[row, column]
    points = np.stack([column * side + place % side, row * side + place // side], axis=-1).astype(np.float32)
    motions: list[Affine] = []
    if len(points) < tuning.min_tracks:
        return motions
    there, ok = _track(after, before, points)
    back, ok_back = _track(before, after, there)
    good = ok & ok_back & (np.abs(back - points).max(axis=-1) < tuning.track_error)
    source, target = points[good], there[good]
    cv2.setRNGSeed(0)
    while len(source) >= tuning.min_tracks and len(motions) < tuning.feature_motions:
        camera, inliers = cv2.estimateAffinePartial2D(
            source, target, ransacReprojThreshold=tuning.ransac_error, maxIters=tuning.ransac_iterations
        )
        if camera is None:
            break
        motions.append(np.asarray(camera, float))
        source, target = source[inliers.ravel() == 0], target[inliers.ravel() == 0]
    return motions


def _track(source: Gray, target: Gray, points: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], Mask]:
    """Where points (n, 2) of ``source`` lie in ``target``, and which were found, by pyramidal Lucas-Kanade."""
    tuning = TUNING.camera_motion
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        source,
        target,
        points[:, None],
        np.empty(0, np.float32),
        winSize=(tuning.track_window,) * 2,
        maxLevel=tuning.track_levels,
    )
    return np.asarray(there, np.float32)[:, 0], np.asarray(found).ravel() == 1


def _most_explained(a: Detail, b: Detail, candidates: list[Affine]) -> Fit:
    """The candidate that, refined, puts the largest area in place."""
    fits = [align_simplest(a, b, start) or Fit(start, np.inf, compare(a, b, start)) for start in candidates]
    return max(fits, key=lambda fit: fit.cells.fitting)


def whip_frames(analysis: Analysis) -> Mask:
    """Frames (n,) of a whip pan, smeared by a motion of a large part of the picture's width from one to the next."""
    tuning = TUNING.camera_motion
    height, width = analysis.valid.shape
    fast = corner_error(analysis.motion, IDENTITY, width, height) > tuning.whip * width
    fast &= analysis.explained >= tuning.whip_explained
    # A whip begins and ends within a frame.
    return np.asarray(np.convolve(fast, np.ones(3), mode="same")[: len(fast)] > 0)


def shading_motion(previous: Detail, current: Detail, texture: npt.NDArray[np.bool_], start: Affine) -> Affine | None:
    """The shift from ``current`` to ``previous`` in working pixels, or None where the shading shows none.

    ``texture`` bool (h, w) marks what is not plain in either picture; ``start`` is a likely answer.
    """
    tuning = TUNING.shading
    a, b = (np.asarray(cv2.GaussianBlur(p.gray, (0, 0), tuning.sigma), np.float32) for p in (previous, current))
    spread = cv2.dilate(texture.astype(np.uint8), np.ones((tuning.margin,) * 2, np.uint8)) == 0
    plain = (spread & (previous.known > 0) & (current.known > 0)).astype(np.float32)
    if plain.mean() < tuning.min_area:
        return None
    rest = _difference(a, b, plain, IDENTITY)
    if rest < tuning.min_change:
        return None
    found = [_aligned(a, b, plain, camera) for camera in (IDENTITY, translation(*start[:, 2]))]
    residual, camera = min(((_difference(a, b, plain, c), c) for c in found), key=lambda entry: entry[0])
    shift = float(corner_error(camera, IDENTITY, *current.size))
    credible = residual < tuning.max_residual * rest and shift < tuning.max_shift * current.size[0]
    return camera if credible else None


def _aligned(a: Float32, b: Float32, plain: Float32, start: Affine) -> Affine:
    """The shift refined by Gauss-Newton."""
    tuning, camera = TUNING.shading, np.array(start)
    for _ in range(tuning.max_steps):
        warped, here = _warped(a, plain, camera)
        if here.sum() < tuning.min_area * here.size / 2:
            break
        slopes = [cv2.Sobel(warped, cv2.CV_32F, dx, dy, ksize=3, scale=0.125)[here] for dx, dy in ((1, 0), (0, 1))]
        rows = np.stack([*slopes, warped[here] - warped[here].mean(), np.ones(len(slopes[0]))], axis=-1).astype(float)
        # The gain is regularized: a shift must not be explained as a change of light.
        ridge = len(rows) * np.diag([tuning.min_slope**2, tuning.min_slope**2, 1.0, 0.0])
        step = np.linalg.solve(rows.T @ rows + ridge, rows.T @ (b - warped)[here].astype(float))[:2]
        camera[:, 2] += step
        if np.abs(step).max() < tuning.converged:
            break
    return camera


def _difference(a: Float32, b: Float32, plain: Float32, camera: Affine) -> float:
    """Standard deviation of the difference, in levels, where both pictures are plain; infinite without overlap."""
    warped, here = _warped(a, plain, camera)
    return float((b - warped)[here].std()) if here.mean() > TUNING.shading.min_area / 2 else float("inf")


def _warped(a: Float32, plain: Float32, camera: Affine) -> tuple[Float32, npt.NDArray[np.bool_]]:
    """(``a`` as the camera shows it, where it and the other picture are plain)."""
    flags, size = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, (a.shape[1], a.shape[0])
    there = cv2.warpAffine(plain, camera, size, flags=flags) * plain
    return np.asarray(cv2.warpAffine(a, camera, size, flags=flags), np.float32), there > TUNING.shading.overlap

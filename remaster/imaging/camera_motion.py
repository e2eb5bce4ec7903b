"""How the camera moved between two pictures, judged by the area that a motion explains.

Outlined characters carry more corners than a painted background, so counting features follows the character. Here every
camera is judged by *area*: the share of the textured picture whose local correlation with the other picture holds.
Hypotheses (identity, the motion before, peaks of the phase correlation, features) are refined at growing resolution on
the area that agrees with them (``remaster.imaging.alignment``), and the one that explains the most wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt
from scipy import fft

from remaster.arrays import Affine, Gray, Mask
from remaster.imaging.alignment import Cells, Detail, Fit, align, align_simplest, compare, detail
from remaster.imaging.camera import IDENTITY, corner_error, rescale, translation
from remaster.imaging.shading_motion import shading_motion

WORK_HEIGHT = 240
"""Lines at which pictures are compared."""
COARSE_HEIGHT = 120
"""Lines at which hypotheses are found and first judged."""
FLAT = 0.004
"""Part of the picture's area that must show texture in both pictures, else nothing speaks for or against a motion."""
PLAIN = 0.25
"""Part of the picture's area with texture under which shading may tell of a motion that the texture does not share."""
EQUAL = 1e-3
"""Share of neighbourhoods that may change in a hold."""
FADING = 0.3
"""Mean change, in 8-bit levels, that grain cannot make but a fade does."""
STILL = 0.02
"""Corner shift in working pixels under which the camera rests."""
MAJORITY = 0.6
"""Share of the evidence that leaves too little for any other motion."""
POOR = 0.7
"""Share of the evidence under which features are tracked for more hypotheses."""
SPREAD_AREA, SPREAD = 0.05, 0.5
"""Mean agreement with which a motion shows in a column of cells, and the share of columns in which a background does:
less may be a character before a flat one."""
SAME_LEVEL = 6.0
"""Gray levels by which flat areas may change."""
PEAKS = 4
"""Translations taken from the phase correlation."""
REFINED = 3
"""Hypotheses that are refined: those that explain most as they are."""
GRID = 16
"""Side in working pixels of the squares that give one feature each."""
FEWEST_TRACKS = 8
"""Corners under which no motion is fitted to them."""


@dataclass(frozen=True)
class Motion:
    """``matrix`` float64 (2, 3) takes pixels of the current picture to the previous one's.

    ``explained`` 0-1 is the share of the textured overlap that it explains (1.0 where both pictures are flat). In a
    ``hold`` the pictures are equal but for noise. ``shaded``: told by the slow shading of a picture without texture.
    """

    matrix: Affine
    explained: float
    hold: bool
    shaded: bool = False


@dataclass(frozen=True)
class Picture:
    """A gray picture made ready for comparisons; what only difficult motions need is made when it is asked for.

    ``gray`` uint8 (h, w); ``valid`` bool (h, w) is False on the gate; ``noise`` is in 8-bit levels.
    """

    gray: Gray
    valid: Mask
    noise: float

    @cached_property
    def fine(self) -> Detail:
        """At the working size."""
        return detail(self.gray, self.valid, self.noise, WORK_HEIGHT)

    @cached_property
    def coarse(self) -> Detail:
        """At the size at which hypotheses are found."""
        return detail(self.gray, self.valid, self.noise, COARSE_HEIGHT)

    @cached_property
    def spectrum(self) -> npt.NDArray[np.complex64]:
        """Of the coarse detail, limited, so that ink lines do not outweigh the painted area."""
        w, h = self.coarse.size
        taper = np.sqrt(np.outer(np.hanning(h + 2)[1:-1], np.hanning(w + 2)[1:-1])).astype(np.float32)
        limited = np.clip(self.coarse.picture / (6.0 * self.coarse.noise), -1.0, 1.0)
        return np.asarray(fft.rfft2(limited * taper), np.complex64)


def explained_share(reference: Gray, moved: Gray, camera: Affine, valid: Mask, noise: float) -> float:
    """The share 0-1 of the textured overlap of two pictures that ``camera`` explains.

    ``reference`` and ``moved`` are gray uint8 (h, w), ``camera`` (2, 3) takes pixels of ``moved`` to those of
    ``reference``, ``valid`` bool (h, w) holds for both, ``noise`` is the grain's standard deviation in 8-bit levels.
    Each cell is correlated with its counterpart (normalised cross-correlation, so gain and offset do not matter),
    corrected for noise and truncated: 1 where it agrees, 0 where it does not. Flat areas do not count; without any
    textured overlap the share is 0.0, for then nothing speaks for the camera.
    """
    a, b = detail(reference, valid, noise, WORK_HEIGHT), detail(moved, valid, noise, WORK_HEIGHT)
    cells = compare(a, b, rescale(camera, *b.scale))
    return cells.explained / cells.area if cells.area >= FLAT else 0.0


def motion_between(previous: Picture, current: Picture, prior: Affine = IDENTITY) -> Motion:
    """The simplest motion that explains the largest area; ``prior`` is a likely one, such as that of the frame before.

    Two pictures of the same size and ``valid`` mask; of one and the same nothing is computed. What no motion explains
    comes back with the best one found and its low share, never as an error.
    """
    if previous is current:
        return Motion(np.array(IDENTITY), 1.0, True)
    a, b = previous.fine, current.fine
    same = _equal(a, b)
    rest = compare(a, b, IDENTITY)
    likely = rescale(prior, *b.scale)
    if rest.area < PLAIN and not _spread(rest):
        shift = shading_motion(a, b, _textured(rest, b), likely)
        if shift is not None:
            return Motion(rescale(shift, 1.0 / b.scale[0], 1.0 / b.scale[1]), 1.0, False, True)
    if rest.area < FLAT:
        return Motion(np.array(IDENTITY), 1.0, same)
    fit = _by_majority(a, b, likely, rest)
    if fit is None:
        to_coarse, to_fine = _ratio(b, current.coarse), _ratio(current.coarse, b)
        found = _hypotheses(previous, current, rescale(likely, *to_coarse))
        fit = _most_explained(a, b, [rescale(camera, *to_fine) for camera in found])
    if float(corner_error(fit.camera, IDENTITY, *b.size)) < STILL:
        return Motion(np.array(IDENTITY), rest.share, same)
    if not _spread(fit.cells) and (kept := unchanged(a, b, rest)) > MAJORITY:
        return Motion(np.array(IDENTITY), kept, same)
    return Motion(rescale(fit.camera, 1.0 / b.scale[0], 1.0 / b.scale[1]), fit.cells.share, False)


def _by_majority(a: Detail, b: Detail, likely: Affine, rest: Cells) -> Fit | None:
    """The refined rest or ``likely`` motion, if it explains so much that no other motion can explain more."""
    judged = [(IDENTITY, rest)]
    if (likely != IDENTITY).any():
        judged.append((likely, compare(a, b, likely)))
    start, cells = max(judged, key=lambda entry: entry[1].fitting)
    if cells.share < MAJORITY:
        return None
    fit = align_simplest(a, b, start, cells)
    return fit if fit is not None and fit.cells.share >= MAJORITY else None


def _spread(cells: Cells) -> bool:
    """Whether what agrees lies across the picture, as a background does, and not in one place, as a character does."""
    columns = (cells.evidence * cells.agreement).mean(axis=0)
    return float((columns > SPREAD_AREA).mean()) >= SPREAD


def _textured(rest: Cells, picture: Detail) -> Mask:
    """Pixels of the cells that show texture in either picture."""
    cells = (rest.evidence > 0.5).astype(np.uint8)
    cells = np.asarray(cv2.dilate(cells, np.ones((3, 3), np.uint8)), np.uint8)
    return np.asarray(cv2.resize(cells, picture.size, interpolation=cv2.INTER_NEAREST) > 0)


def unchanged(a: Detail, b: Detail, rest: Cells) -> float:
    """The part 0-1 of the picture that stays as it is, flat areas of equal brightness included."""
    change = b.level - a.level
    flat = (rest.evidence < 0.5) & (np.abs(change - np.median(change)) < SAME_LEVEL)
    return float(np.where(flat, 1.0, rest.evidence * rest.agreement).mean())


def _equal(a: Detail, b: Detail) -> bool:
    """Equal but for noise: hardly any small neighbourhood differs by more than its grain allows, and no fade is on."""
    change = cv2.blur(a.picture - b.picture, (3, 3)) * b.known
    return abs(float(change.mean())) < FADING and float((np.abs(change) > 5.0 * b.noise).mean()) < EQUAL


def _ratio(source: Detail, target: Detail) -> tuple[float, float]:
    return target.scale[0] / source.scale[0], target.scale[1] / source.scale[1]


def _hypotheses(previous: Picture, current: Picture, prior: Affine) -> list[Affine]:
    """At most two motions, in coarse pixels, that explain most of the picture, best first."""
    a, b = previous.coarse, current.coarse
    starts = _distinct([IDENTITY, prior, *_phase_peaks(previous, current)], b, apart=0.7)
    starts.sort(key=lambda camera: -compare(a, b, camera).explained)
    found = _refined(a, b, starts[:REFINED])
    if found[0][0] < POOR * compare(a, b, IDENTITY).area:
        features = _feature_motions(previous.fine, current.fine)
        found += _refined(a, b, [rescale(camera, *_ratio(previous.fine, b)) for camera in features])
        found.sort(key=lambda entry: -entry[0])
    return _distinct([camera for area, camera in found if area >= 0.7 * found[0][0]], b, apart=0.2)[:2]


def _refined(a: Detail, b: Detail, starts: list[Affine]) -> list[tuple[float, Affine]]:
    """(explained area, camera) of each start after refinement, best first."""
    found = []
    for start in starts:
        fit = align(a, b, start, "similarity") or Fit(start, np.inf, compare(a, b, start))
        found.append((fit.cells.explained, fit.camera))
    return sorted(found, key=lambda entry: -entry[0])


def _distinct(cameras: list[Affine], picture: Detail, apart: float) -> list[Affine]:
    kept: list[Affine] = []
    for camera in cameras:
        if all(float(corner_error(camera, other, *picture.size)) > apart for other in kept):
            kept.append(camera)
    return kept


def _phase_peaks(previous: Picture, current: Picture) -> list[Affine]:
    """Translations at the highest peaks of the phase correlation (Kuglin and Hines, 1975), in coarse pixels."""
    cross = previous.spectrum * current.spectrum.conj()
    # Whitened by half: full whitening would listen to frequencies that hold nothing but noise.
    whitened = cross / np.sqrt(np.abs(cross) + 1e-3 * np.abs(cross).max() + 1e-9)
    surface = fft.irfft2(whitened, previous.coarse.size[::-1])
    surface = cv2.GaussianBlur(np.fft.fftshift(surface).astype(np.float32), (0, 0), 0.8)
    h, w = surface.shape
    peaks = []
    for _ in range(PEAKS):
        y, x = np.unravel_index(int(surface.argmax()), surface.shape)
        peaks.append(translation(float(x - w // 2), float(y - h // 2)))
        surface[max(y - 3, 0) : y + 4, max(x - 3, 0) : x + 4] = -1.0
    return peaks


def _feature_motions(a: Detail, b: Detail) -> list[Affine]:
    """Similarities of tracked corners, the best of every cell of a grid: RANSAC, again after taking its inliers out."""
    before, after = (np.clip(4 * p.picture + 128, 0, 255).astype(np.uint8) for p in (a, b))
    corner = cv2.cornerMinEigenVal(after, 3) * b.known
    h, w = (n // GRID for n in corner.shape)
    cells = corner[: h * GRID, : w * GRID].reshape(h, GRID, w, GRID).swapaxes(1, 2).reshape(h, w, -1)
    best = cells.argmax(axis=-1)
    row, column = np.nonzero(cells.max(axis=-1) > 1e-6)
    place = best[row, column]
    points = np.stack([column * GRID + place % GRID, row * GRID + place // GRID], axis=-1).astype(np.float32)
    motions: list[Affine] = []
    if len(points) < FEWEST_TRACKS:
        return motions
    there, ok = _track(after, before, points)
    back, ok_back = _track(before, after, there)
    good = ok & ok_back & (np.abs(back - points).max(axis=-1) < 0.5)
    source, target = points[good], there[good]
    cv2.setRNGSeed(0)
    while len(source) >= FEWEST_TRACKS and len(motions) < 3:
        camera, inliers = cv2.estimateAffinePartial2D(source, target, ransacReprojThreshold=1.0, maxIters=500)
        if camera is None:
            break
        motions.append(np.asarray(camera, float))
        source, target = source[inliers.ravel() == 0], target[inliers.ravel() == 0]
    return motions


def _track(source: Gray, target: Gray, points: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], Mask]:
    """Where points (n, 2) of ``source`` lie in ``target``, and which were found, by pyramidal Lucas-Kanade."""
    start = np.empty(0, np.float32)
    there, found, _ = cv2.calcOpticalFlowPyrLK(source, target, points[:, None], start, winSize=(15, 15), maxLevel=4)
    return np.asarray(there, np.float32)[:, 0], np.asarray(found).ravel() == 1


def _most_explained(a: Detail, b: Detail, candidates: list[Affine]) -> Fit:
    """The candidate that, refined, puts the largest area in its place."""
    fits = [align_simplest(a, b, start) or Fit(start, np.inf, compare(a, b, start)) for start in candidates]
    return max(fits, key=lambda fit: fit.cells.fitting)

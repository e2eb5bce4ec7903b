"""Pairs of keyframes that show the same background: aligned directly, else found by SIFT, FLANN and RANSAC.

Where the camera rests or moves evenly, keyframes lie where the chained motion between them predicts, and direct
alignment (``remaster.imaging.alignment``) is faster and no less exact than features. It accepts a pair only where it is
certain; all other pairs are matched by features (Lowe, "Distinctive Image Features from Scale-Invariant Keypoints",
IJCV 2004). Outlined characters carry more corners than a painted background, so a camera is accepted by the area that
it explains, not by its count of inliers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Gray, Mask, Points
from remaster.imaging.alignment import Detail, align_simplest, compare
from remaster.imaging.camera import IDENTITY, apply, compose, corner_error, invert, rescale
from remaster.imaging.camera_motion import explained_share
from remaster.imaging.tuning import TUNING as IMAGING
from remaster.stitch.tuning import TUNING


@dataclass(frozen=True)
class Features:
    """SIFT features of one keyframe: ``points`` float64 (m, 2) in proxy pixels, ``descriptors`` float32 (m, 128)."""

    points: Points
    descriptors: npt.NDArray[np.float32]

    @cached_property
    def index(self) -> cv2.FlannBasedMatcher:
        """FLANN's index over the descriptors, built once for all pairs."""
        tuning = TUNING.pairs
        flann = cv2.FlannBasedMatcher({"algorithm": 1, "trees": tuning.flann_trees}, {"checks": tuning.flann_checks})
        flann.add([self.descriptors])
        flann.train()
        return flann


@dataclass(frozen=True)
class Pair:
    """Two keyframes that show the same background.

    ``camera`` takes proxy pixels of keyframe ``second`` to those of ``first``; ``points_first`` and ``points_second``
    float64 (m, 2) are its inliers (none where there were no features); ``share`` is the area that it explains, 0-1.
    """

    first: int
    second: int
    camera: Affine
    points_first: Points
    points_second: Points
    share: float


class Match(NamedTuple):
    """What two keyframes have in common, as in ``Pair``."""

    camera: Affine
    points_first: Points
    points_second: Points
    share: float


def match_direct(first: Detail, second: Detail, chained: Affine) -> Match | None:
    """Align two keyframes directly, without features; None in doubt.

    ``first`` and ``second`` are the keyframes' details, known where they may be background; ``chained`` is the first
    guess, in proxy pixels. Each cell that agrees gives one match of points, at its own best shift.
    """
    tuning = TUNING.direct
    width, height = second.size
    guess = rescale(chained, *second.scale)
    if overlap(guess, width, height) < tuning.min_overlap:
        return None
    cells = compare(first, second, guess)
    fit = align_simplest(first, second, guess, cells) if cells.area >= tuning.min_area else None
    if fit is None or fit.cells.area < tuning.min_area or not plausible(fit.camera):
        return None
    if fit.cells.share <= TUNING.pairs.certain_share or fit.cells.fitting < tuning.in_place * fit.cells.explained:
        return None
    rows, columns = np.nonzero(fit.cells.evidence * fit.cells.agreement > tuning.min_vote)
    centres = np.stack([columns, rows], axis=-1) * IMAGING.alignment.cell + (IMAGING.alignment.cell - 1) / 2
    places = apply(fit.camera, centres) - fit.cells.shift[rows, columns] @ fit.camera[:, :2].T
    grow = 1 / np.array(second.scale)
    a, b = ((points + 0.5) * grow - 0.5 for points in (places, centres))
    camera = rescale(fit.camera, *grow)
    agree = np.linalg.norm(apply(camera, b) - a, axis=-1) < TUNING.pairs.match_error
    return Match(camera, a[agree], b[agree], fit.cells.share)


def find_features(gray: Gray, usable: Mask, count: int) -> Features:
    """Find SIFT features of a proxy, at most ``count``, spread over a grid, where ``usable`` bool (h, w) is True."""
    scale = min(TUNING.pairs.height / gray.shape[0], 1.0)
    small = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    mask = cv2.resize(usable.astype(np.uint8), small.shape[::-1], interpolation=cv2.INTER_NEAREST)
    sift = cv2.SIFT.create(contrastThreshold=TUNING.pairs.sift_contrast)
    keypoints = sift.detect(small, mask)
    if not keypoints:
        return Features(np.empty((0, 2)), np.empty((0, 128), np.float32))
    points = np.array([k.pt for k in keypoints], float)
    response = np.array([k.response for k in keypoints])
    # Descriptors cost more than detection, so only the chosen keypoints get one.
    chosen, descriptors = sift.compute(small, [keypoints[i] for i in _spread(points, response, small.shape, count)])
    points = np.array([k.pt for k in chosen], float)
    ratio = np.array([gray.shape[1] / small.shape[1], gray.shape[0] / small.shape[0]])
    return Features((points + 0.5) * ratio - 0.5, np.asarray(descriptors, np.float32))


def _spread(points: Points, response: npt.NDArray[np.float64], shape: tuple[int, ...], count: int) -> list[int]:
    """Indices of the ``count`` strongest features, where the cells of a grid take turns."""
    grid = TUNING.pairs.grid
    cells = np.minimum(points[:, ::-1] * grid / np.array(shape[:2]), grid - 1).astype(int)
    cell = cells[:, 0] * grid + cells[:, 1]
    order = np.lexsort((points[:, 0], points[:, 1], -response))
    turn = np.empty(len(points), int)
    taken = np.zeros(grid * grid, int)
    for index in order:
        turn[index] = taken[cell[index]]
        taken[cell[index]] += 1
    return [int(i) for i in sorted(order, key=lambda i: (turn[i], -response[i]))[:count]]


def overlap(camera: Affine, width: int, height: int) -> float:
    """The share of the second picture that lies inside the first, 0-1, for a camera second -> first."""
    count = TUNING.pairs.overlap_grid
    xs, ys = np.meshgrid(np.linspace(0, width - 1, count), np.linspace(0, height - 1, count))
    at = apply(camera, np.stack([xs.ravel(), ys.ravel()], axis=-1))
    inside = (at >= -0.5).all(axis=-1) & (at <= (width - 0.5, height - 0.5)).all(axis=-1)
    return float(inside.mean())


def candidate_pairs(chain: Affine, width: int, height: int, min_overlap: float) -> list[tuple[int, int]]:
    """Keyframes worth matching: each with its next neighbours and with a few later ones that should still overlap.

    ``chain`` (k, 2, 3) are the keyframes' cameras as chained from frame to frame. The later ones are spread over time,
    so that a camera that returns closes its loop; ``min_overlap`` is a share, 0-1.
    """
    k = len(chain)
    first_far = 1 + TUNING.pairs.neighbours
    pairs = [(i, j) for i in range(k) for j in range(i + 1, min(i + first_far, k))]
    for i in range(k):
        later = [
            j
            for j in range(i + first_far, k)
            if overlap(compose(invert(chain[i]), chain[j]), width, height) >= min_overlap
        ]
        picks = {round(p) for p in np.linspace(0, len(later) - 1, TUNING.pairs.far)} if later else set()
        pairs += [(i, later[p]) for p in picks]
    return sorted(pairs)


def match_features(
    first: Features, second: Features, pictures: tuple[Gray, Gray], usable: Mask, chained: Affine, noise: float
) -> Match | None:
    """Match two keyframes by features; None where no hypothesis could be tested.

    Hypotheses are rest, the ``chained`` motion, and those of sequential RANSAC. The one with the largest explained area
    is taken. ``usable`` bool (h, w) holds for both ``pictures``; ``noise`` is the grain's standard deviation.
    """
    matches = _matched_descriptors(first, second)
    a, b = first.points[matches[:, 0]], second.points[matches[:, 1]]
    height, width = usable.shape
    best, best_share = None, 0.0
    for camera in _hypotheses(a, b, chained):
        if not plausible(camera) or overlap(camera, width, height) < TUNING.pairs.min_overlap:
            continue
        share = explained_share(pictures[0], pictures[1], camera, usable, noise)
        if share > best_share + TUNING.pairs.min_gain:
            best, best_share = camera, share
        if best_share > TUNING.pairs.certain_share:
            break
    if best is None:
        return None
    agree = np.linalg.norm(apply(best, b) - a, axis=-1) < TUNING.pairs.match_error
    return Match(best, a[agree], b[agree], best_share)


def plausible(camera: Affine) -> bool:
    """False for a camera that mirrors, explodes or shears: none does so between two pictures of one background."""
    u, v = np.linalg.svd(camera[:, :2], compute_uv=False)
    smallest, largest = TUNING.pairs.scale
    within = v >= smallest and u <= largest and u / v <= TUNING.pairs.max_anisotropy
    return bool(np.linalg.det(camera[:, :2]) > 0 and within)


def _matched_descriptors(first: Features, second: Features) -> npt.NDArray[np.int64]:
    """Index pairs (m, 2) by FLANN and Lowe's ratio test, at most one for each feature of the first keyframe."""
    if min(len(first.points), len(second.points)) < TUNING.pairs.min_matches:
        return np.empty((0, 2), np.int64)
    found: dict[int, tuple[float, int]] = {}
    for near, next_near in first.index.knnMatch(second.descriptors, k=2):
        if near.distance < TUNING.pairs.lowe_ratio * next_near.distance:
            rival = found.get(near.trainIdx)
            if rival is None or near.distance < rival[0]:
                found[near.trainIdx] = (near.distance, near.queryIdx)
    return np.array([(i, j) for i, (_, j) in sorted(found.items())], np.int64).reshape(-1, 2)


def _hypotheses(a: Points, b: Points, chained: Affine) -> list[Affine]:
    """Cameras b -> a worth testing, the most likely first: of sequential RANSAC, rest, and the chained motion.

    RANSAC is repeated on the outliers of the cameras before, which finds layers at different speeds.
    """
    tuning = TUNING.pairs
    found: list[Affine] = []
    left = np.ones(len(a), bool)
    for _ in range(tuning.hypotheses):
        if left.sum() < tuning.min_matches:
            break
        camera, inliers = cv2.estimateAffine2D(
            b[left],
            a[left],
            method=cv2.RANSAC,
            ransacReprojThreshold=tuning.ransac_error,
            maxIters=tuning.ransac_iterations,
            confidence=tuning.ransac_confidence,
        )
        if camera is None or inliers.sum() < tuning.min_matches:
            break
        found.append(np.asarray(camera, float))
        left[np.flatnonzero(left)[inliers.ravel() > 0]] = False
    # Corners of a usual proxy: a motion that hardly moves them is rest already.
    rest = [IDENTITY] if not found or corner_error(found[0], IDENTITY, 640, 480) > tuning.ransac_error else []
    return [*found, *rest, chained]

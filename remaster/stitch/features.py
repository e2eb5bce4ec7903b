"""Pairs of keyframes that show the same background: SIFT, FLANN, RANSAC, and a test by area.

Lowe, "Distinctive Image Features from Scale-Invariant Keypoints", IJCV 2004. Outlined characters carry more corners
than a painted background, so a fit is accepted by the area that it explains, not by its count of inliers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Gray, Mask, Points
from remaster.imaging.camera import IDENTITY, apply, compose, corner_error, invert
from remaster.imaging.camera_motion import explained_share

DETECT_LINES = 300
"""Lines at which features are sought; grain and line jitter live above it."""
CONTRAST = 0.015
"""SIFT's contrast threshold: painted backgrounds are soft."""
GRID = 8
"""Cells along each side over which features are spread."""
RATIO = 0.8
"""Lowe's ratio of the nearest to the second nearest descriptor's distance."""
TOLERANCE = 1.5
"""Pixels of the proxy that a match may be off its camera."""
HYPOTHESES = 3
"""Layers that are looked for in the matches of a pair."""
MIN_MATCHES = 8
"""Matches under which no camera is fitted."""
CERTAIN = 0.85
"""Explained share that no other camera is going to beat."""
SIMPLER = 0.02
"""What share a richer hypothesis must win to be preferred to a simpler one."""


@dataclass(frozen=True)
class Features:
    """SIFT features of one keyframe: ``points`` float64 (m, 2) in proxy pixels, ``descriptors`` float32 (m, 128)."""

    points: Points
    descriptors: npt.NDArray[np.float32]

    @cached_property
    def index(self) -> cv2.FlannBasedMatcher:
        """The trees over the descriptors, grown once for all the pairs that ask."""
        flann = cv2.FlannBasedMatcher({"algorithm": 1, "trees": 4}, {"checks": 32})
        flann.add([self.descriptors])
        flann.train()
        return flann


@dataclass(frozen=True)
class Pair:
    """Two keyframes that show the same background.

    ``camera`` takes proxy pixels of keyframe ``second`` to those of ``first``; ``points_first`` and ``points_second``
    float64 (m, 2) are matches that agree with it (none where texture gave no features); ``share`` is the area that it
    explains, 0-1.
    """

    first: int
    second: int
    camera: Affine
    points_first: Points
    points_second: Points
    share: float


def find_features(gray: Gray, usable: Mask, count: int) -> Features:
    """SIFT features of a proxy, at most ``count``, spread over a grid, none where ``usable`` bool (h, w) is False."""
    scale = min(DETECT_LINES / gray.shape[0], 1.0)
    small = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    mask = cv2.resize(usable.astype(np.uint8), small.shape[::-1], interpolation=cv2.INTER_NEAREST)
    sift = cv2.SIFT.create(contrastThreshold=CONTRAST)
    keypoints = sift.detect(small, mask)
    if not keypoints:
        return Features(np.empty((0, 2)), np.empty((0, 128), np.float32))
    points = np.array([k.pt for k in keypoints], float)
    response = np.array([k.response for k in keypoints])
    # Descriptors cost more than detection, so only the chosen get one.
    chosen, descriptors = sift.compute(small, [keypoints[i] for i in _spread(points, response, small.shape, count)])
    points = np.array([k.pt for k in chosen], float)
    ratio = np.array([gray.shape[1] / small.shape[1], gray.shape[0] / small.shape[0]])
    return Features((points + 0.5) * ratio - 0.5, np.asarray(descriptors, np.float32))


def _spread(points: Points, response: npt.NDArray[np.float64], shape: tuple[int, ...], count: int) -> list[int]:
    """Indices of the strongest features of each grid cell, taking turns between the cells until ``count``."""
    cells = np.minimum(points[:, ::-1] * GRID / np.array(shape[:2]), GRID - 1).astype(int)
    cell = cells[:, 0] * GRID + cells[:, 1]
    order = np.lexsort((points[:, 0], points[:, 1], -response))
    turn = np.empty(len(points), int)
    taken = np.zeros(GRID * GRID, int)
    for index in order:
        turn[index] = taken[cell[index]]
        taken[cell[index]] += 1
    return [int(i) for i in sorted(order, key=lambda i: (turn[i], -response[i]))[:count]]


def overlap(camera: Affine, width: int, height: int) -> float:
    """The share of the second picture that lies inside the first, 0-1, for a camera second -> first."""
    xs, ys = np.meshgrid(np.linspace(0, width - 1, 16), np.linspace(0, height - 1, 16))
    at = apply(camera, np.stack([xs.ravel(), ys.ravel()], axis=-1))
    inside = (at >= -0.5).all(axis=-1) & (at <= (width - 0.5, height - 0.5)).all(axis=-1)
    return float(inside.mean())


def candidate_pairs(chain: Affine, width: int, height: int, min_overlap: float, far: int) -> list[tuple[int, int]]:
    """Keyframes worth matching: each one's two next neighbours and up to ``far`` later ones that should still overlap.

    ``chain`` (k, 2, 3) are the keyframes' cameras as chained from frame to frame; the far ones are spread over time, so
    that a camera that returns closes its loop.
    """
    k = len(chain)
    pairs = [(i, j) for i in range(k) for j in range(i + 1, min(i + 3, k))]
    for i in range(k):
        later = [
            j for j in range(i + 3, k) if overlap(compose(invert(chain[i]), chain[j]), width, height) >= min_overlap
        ]
        picks = {round(p) for p in np.linspace(0, len(later) - 1, far)} if later else set()
        pairs += [(i, later[p]) for p in picks]
    return sorted(pairs)


def match_pair(
    first: Features, second: Features, pictures: tuple[Gray, Gray], usable: Mask, chained: Affine, noise: float
) -> tuple[Affine, Points, Points, float] | None:
    """The camera second -> first that explains the largest area, with the matches that agree with it and its share.

    Hypotheses: no motion, the ``chained`` motion, and RANSAC on what the previous ones did not explain. ``usable`` bool
    (h, w) holds for both pictures. None where nothing could be tested (no camera with an overlap).
    """
    matches = _match(first, second)
    a, b = first.points[matches[:, 0]], second.points[matches[:, 1]]
    height, width = usable.shape
    best, best_share = None, 0.0
    for camera in _hypotheses(a, b, chained):
        if not plausible(camera) or overlap(camera, width, height) < 0.1:
            continue
        share = explained_share(pictures[0], pictures[1], camera, usable, noise)
        if share > best_share + SIMPLER:
            best, best_share = camera, share
        if best_share > CERTAIN:
            break
    if best is None:
        return None
    agree = np.linalg.norm(apply(best, b) - a, axis=-1) < 2 * TOLERANCE
    return best, a[agree], b[agree], best_share


def plausible(camera: Affine) -> bool:
    """False for what no camera does between two pictures of one background: mirror, explode or shear it."""
    u, v = np.linalg.svd(camera[:, :2], compute_uv=False)
    return bool(np.linalg.det(camera[:, :2]) > 0 and v >= 0.2 and u <= 5.0 and u / v <= 1.25)


def _match(first: Features, second: Features) -> npt.NDArray[np.int64]:
    """Matches (m, 2) by FLANN and the ratio test, at most one for each feature of the first."""
    if min(len(first.points), len(second.points)) < MIN_MATCHES:
        return np.empty((0, 2), np.int64)
    found: dict[int, tuple[float, int]] = {}
    for near, next_near in first.index.knnMatch(second.descriptors, k=2):
        if near.distance < RATIO * next_near.distance:
            rival = found.get(near.trainIdx)
            if rival is None or near.distance < rival[0]:
                found[near.trainIdx] = (near.distance, near.queryIdx)
    return np.array([(i, j) for i, (_, j) in sorted(found.items())], np.int64).reshape(-1, 2)


def _hypotheses(a: Points, b: Points, chained: Affine) -> list[Affine]:
    """Cameras b -> a worth testing, the most likely first; sequential RANSAC finds the layers one after the other."""
    found: list[Affine] = []
    left = np.ones(len(a), bool)
    for _ in range(HYPOTHESES):
        if left.sum() < MIN_MATCHES:
            break
        camera, inliers = cv2.estimateAffine2D(
            b[left], a[left], method=cv2.RANSAC, ransacReprojThreshold=TOLERANCE, maxIters=1000, confidence=0.999
        )
        if camera is None or inliers.sum() < MIN_MATCHES:
            break
        found.append(np.asarray(camera, float))
        left[np.flatnonzero(left)[inliers.ravel() > 0]] = False
    still = [IDENTITY] if not found or corner_error(found[0], IDENTITY, 640, 480) > TOLERANCE else []
    return [*found, *still, chained]

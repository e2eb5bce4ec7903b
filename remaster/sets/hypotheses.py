"""Cameras under which two backgrounds may show one set: RootSIFT matches, and RANSAC on what is left, again and again.

Lowe, "Distinctive Image Features from Scale-Invariant Keypoints" (IJCV 2004); Fischler and Bolles, "Random Sample
Consensus" (1981). What comes out is a proposal: figures that stand on two sets match better than the sets do.
"""

from __future__ import annotations

import cv2
import numpy as np

from remaster.arrays import Affine, Int64
from remaster.imaging.camera import apply, compose, invert
from remaster.sets.descriptor import SetDescriptor
from remaster.sets.tuning import TUNING

SEED = 20
"""Of OpenCV's generator, set before each RANSAC."""


def camera_hypotheses(a: SetDescriptor, b: SetDescriptor) -> list[Affine]:
    """Similarity cameras (2, 3) from ``a``'s canvas to ``b``'s, those with most inliers first."""
    tuning = TUNING.proof
    pairs = _matches(a, b)
    working_a, working_b = _working(a), _working(b)
    from_a = apply(working_a, a.points[pairs[:, 0]].astype(np.float64))
    from_b = apply(working_b, b.points[pairs[:, 1]].astype(np.float64))
    found: list[Affine] = []
    left = np.ones(len(pairs), bool)
    while len(found) < tuning.max_hypotheses and left.sum() >= tuning.min_inliers:
        cv2.setRNGSeed(SEED)
        camera, inliers = cv2.estimateAffinePartial2D(
            from_a[left], from_b[left], method=cv2.RANSAC, ransacReprojThreshold=tuning.reprojection,
            maxIters=2000, confidence=0.999, refineIters=10,
        )  # fmt: skip
        if camera is None or inliers.sum() < tuning.min_inliers:
            break
        similarity: Affine = np.asarray(camera, np.float64)
        agree = np.linalg.norm(apply(similarity, from_a) - from_b, axis=1) < 2 * tuning.reprojection
        agree[np.flatnonzero(left)[inliers.ravel() > 0]] = True
        left &= ~agree
        whole = compose(invert(working_b), compose(similarity, working_a))
        if plausible_camera(whole, a, b):
            found.append(whole)
    return found


def _working(descriptor: SetDescriptor) -> Affine:
    """The camera from canvas pixels to square ones of the size at which features were found; centres stay centres."""
    return np.array([[descriptor.scale * descriptor.sar, 0.0, 0.0], [0.0, descriptor.scale, 0.0]])


def plausible_camera(camera: Affine, a: SetDescriptor, b: SetDescriptor) -> bool:
    """Whether a set can be filmed so: scale (of small pictures as of canvases), rotation and shear within bounds."""
    # Of square pixels.
    tuning, linear = TUNING.proof, np.diag([b.sar, 1.0]) @ camera[:, :2] @ np.diag([1 / a.sar, 1.0])
    u, v = np.linalg.svd(linear, compute_uv=False)
    if np.linalg.det(linear) <= 0 or u > tuning.max_shear * v:
        return False
    rotation = abs(float(np.arctan2(linear[1, 0] - linear[0, 1], linear[0, 0] + linear[1, 1])))
    # Canvases may have been stored at different sizes; what counts is the part of the set that each shows.
    shorter = [min(d.size[0] * d.sar, d.size[1]) for d in (a, b)]
    relative = float(np.sqrt(u * v)) * shorter[0] / shorter[1]
    return rotation <= tuning.max_rotation and tuning.scale[0] <= relative <= tuning.scale[1]


def _matches(a: SetDescriptor, b: SetDescriptor) -> Int64:
    """Pairs of indices (m, 2) by Lowe's ratio test, each feature of ``b`` at most once."""
    if min(len(a.features), len(b.features)) < TUNING.proof.min_inliers:
        return np.empty((0, 2), np.int64)
    first, second = a.features.astype(np.float32), b.features.astype(np.float32)
    product = first @ second.T
    distance = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1) - 2 * product
    best = np.argpartition(distance, 1, axis=1)[:, :2]
    near = np.take_along_axis(distance, best, axis=1)
    swap = near[:, 0] > near[:, 1]
    best[swap], near[swap] = best[swap, ::-1], near[swap, ::-1]
    passed = np.flatnonzero(near[:, 0] < TUNING.proof.ratio**2 * near[:, 1])
    order = passed[np.lexsort((passed, near[passed, 0]))]
    _, once = np.unique(best[order, 0], return_index=True)
    chosen = order[np.sort(once)]
    return np.stack([chosen, best[chosen, 0]], axis=1)

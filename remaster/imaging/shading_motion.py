"""The motion of a picture without texture (sky, wall, fog), measured on its smooth shading.

Alignment by detail (``alignment``) has nothing to work on there, and takes a panned sky for a resting one. Gauss-Newton
on the blurred pictures finds the shift, jointly with a gain and an offset. The answer is accepted only if the pictures
differ clearly and the shift removes most of the difference.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Float32
from remaster.imaging.alignment import Detail
from remaster.imaging.camera import IDENTITY, corner_error, translation
from remaster.imaging.tuning import TUNING


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

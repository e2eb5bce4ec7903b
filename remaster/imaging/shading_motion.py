"""How a picture without texture moves: a sky, a wall, fog, told by their slow shading alone.

Where there is no detail, alignment by detail (``remaster.imaging.alignment``) has nothing to hold on to, and calls a
panned sky still. Gauss-Newton on the blurred pictures finds the shift, under a gain and offset of its own. The answer
is believed only if the pictures differ clearly and the shift takes most of the difference away.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Float32
from remaster.imaging.alignment import Detail
from remaster.imaging.camera import IDENTITY, corner_error, translation

BLUR = 4.0
"""Working pixels of the Gaussian that leaves shading alone."""
MARGIN = 21
"""Side of the square by which textured places are widened: the Gaussian carries them that far."""
LEAST_AREA = 0.2
"""Part of the picture that must be plain."""
CLEAR = 0.6
"""Grey levels of difference that coding alone does not make."""
LEFT = 0.4
"""Of the difference at rest, what a shift that is believed leaves."""
STEEP = 0.04
"""Grey levels a pixel under which a slope does not move the answer."""
STEPS, SETTLED = 15, 0.01
"""Refinements of the shift at most, and the pixels of change that end them."""


def shading_motion(previous: Detail, current: Detail, texture: npt.NDArray[np.bool_], start: Affine) -> Affine | None:
    """The shift from ``current`` to ``previous`` in working pixels, or None where shading tells of none.

    ``texture`` bool (h, w) marks what is not plain in either; ``start`` is a likely answer.
    """
    a, b = (np.asarray(cv2.GaussianBlur(p.gray, (0, 0), BLUR), np.float32) for p in (previous, current))
    spread = cv2.dilate(texture.astype(np.uint8), np.ones((MARGIN, MARGIN), np.uint8)) == 0
    plain = (spread & (previous.known > 0) & (current.known > 0)).astype(np.float32)
    if plain.mean() < LEAST_AREA:
        return None
    rest = _difference(a, b, plain, IDENTITY)
    if rest < CLEAR:
        return None
    found = [_aligned(a, b, plain, camera) for camera in (IDENTITY, translation(*start[:, 2]))]
    left, camera = min(((_difference(a, b, plain, c), i) for i, c in enumerate(found)), key=lambda entry: entry[0])
    moved = float(corner_error(found[camera], IDENTITY, *current.size))
    return found[camera] if left < LEFT * rest and moved < 0.5 * current.size[0] else None


def _aligned(a: Float32, b: Float32, plain: Float32, start: Affine) -> Affine:
    camera = np.array(start)
    for _ in range(STEPS):
        warped, here = _warped(a, plain, camera)
        if here.sum() < LEAST_AREA * here.size / 2:
            break
        slopes = [cv2.Sobel(warped, cv2.CV_32F, dx, dy, ksize=3, scale=0.125)[here] for dx, dy in ((1, 0), (0, 1))]
        rows = np.stack([*slopes, warped[here] - warped[here].mean(), np.ones(len(slopes[0]))], axis=-1).astype(float)
        # The gain's column is pulled towards none: a shift must not be explained as a change of light.
        ridge = len(rows) * np.diag([STEEP**2, STEEP**2, 1.0, 0.0])
        step = np.linalg.solve(rows.T @ rows + ridge, rows.T @ (b - warped)[here].astype(float))[:2]
        camera[:, 2] += step
        if np.abs(step).max() < SETTLED:
            break
    return camera


def _difference(a: Float32, b: Float32, plain: Float32, camera: Affine) -> float:
    """Standard deviation of the difference, in levels, where both pictures are plain; infinite without overlap."""
    warped, here = _warped(a, plain, camera)
    return float((b - warped)[here].std()) if here.mean() > LEAST_AREA / 2 else float("inf")


def _warped(a: Float32, plain: Float32, camera: Affine) -> tuple[Float32, npt.NDArray[np.bool_]]:
    flags, size = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, (a.shape[1], a.shape[0])
    there = cv2.warpAffine(plain, camera, size, flags=flags) * plain
    return np.asarray(cv2.warpAffine(a, camera, size, flags=flags), np.float32), there > 0.99

"""How sharply each keyframe shows the background: motion smears some, and a farther view has fewer pixels for it."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Float64
from remaster.imaging.aligned_keyframes import Preview
from remaster.imaging.channels import gray_of

AREA = 9
"""Side in preview pixels of the squares in which gradients are compared."""
TEXTURED = 0.75
"""Quantile of the gradients from which a place tells of sharpness, and not of grain."""


def sharpness(preview: Preview, cameras: Affine) -> Float64:
    """The share (k,) 0-1 of the sharpest view's detail that each keyframe has, where it overlaps with others.

    ``cameras`` (k, 2, 3) take the keyframes' full-size pixels to the background's. What smears (a whip's end) is
    measured by gradients on the preview; what a farther view lacks is told by its camera's scale.
    """
    energy = np.stack([_gradients(picture) for picture in preview.pictures])
    energy[~preview.seen] = 0.0
    best = energy.max(axis=0)
    known = preview.seen.any(axis=0)
    textured = known & (best > (np.quantile(best[known], TEXTURED) if known.any() else 0.0))
    focus = [
        _focus(own[textured & seen], best[textured & seen]) for own, seen in zip(energy, preview.seen, strict=True)
    ]
    scale = np.sqrt(np.abs(np.linalg.det(cameras[:, :, :2])))
    return np.asarray(np.array(focus) * (scale.min() / scale) ** 2, float)


def _gradients(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    gray = gray_of(picture).astype(np.float32)
    steps = cv2.magnitude(cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1))
    return np.asarray(cv2.blur(steps, (AREA, AREA)), np.float32)


def _focus(own: npt.NDArray[np.float32], best: npt.NDArray[np.float32]) -> float:
    """The median share, so that an unmasked character counts for little; 1.0 where nothing can be compared."""
    return float(np.median(own / best)) if own.size else 1.0

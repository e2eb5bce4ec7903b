"""Finds what is fixed on the screen while the camera moves: a logo, or a character that the camera follows.

Where it hides the set in most frames, a median over the aligned frames shows it, smeared, instead of the set. But each
frame shows it at the same place, which contradicts the camera's motion.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Mask, Rgb
from remaster.imaging.aligned_keyframes import masked_median
from remaster.imaging.camera import IDENTITY, compose, corner_error, invert, rescale
from remaster.imaging.channels import gray_of
from remaster.imaging.difference import tolerant_difference
from remaster.segment.tuning import TUNING


def fixed_on_screen(pictures: Rgb, cameras: Affine, known: Mask, levels: float) -> Mask:
    """The pixels of ``pictures`` uint8 (k, h, w, 3) that are fixed on the screen, bool (k, h, w).

    ``cameras`` (k, 2, 3) take their pixels to a common plane; ``known`` bool (h, w) is False on the gate. Differences
    count from ``levels`` 8-bit levels. Nothing is fixed where no camera moved.
    """
    tuning = TUNING.fixed
    height, width = known.shape
    scale = min(tuning.height / height, 1.0)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    small = np.stack([cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in pictures])
    inside = np.asarray(cv2.resize(known.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST), np.uint8)
    fixed, moved, compared = _comparisons(small, rescale(cameras, size[0] / width, size[1] / height), inside, levels)
    places = fixed >= np.maximum(tuning.min_count, tuning.min_share * compared)
    places &= fixed > tuning.majority * (fixed + moved)
    found = np.zeros(pictures.shape[:3], bool)
    usual = masked_median(small, np.broadcast_to(inside > 0, small.shape[:3]))
    places = _outlined(places, usual, levels)
    if not places.any():
        return found
    for mask, picture in zip(found, small, strict=True):
        same = (places & (tolerant_difference(picture, usual) < levels)).astype(np.uint8)
        mask[:] = cv2.resize(same, (width, height), interpolation=cv2.INTER_NEAREST)
    return found


def _outlined(places: Mask, usual: Rgb, levels: float) -> Mask:
    """The regions that have edges in the ``usual`` picture (h, w, 3) on the screen: soft sky or fog rests there too."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(places.astype(np.uint8), connectivity=8)
    gray = gray_of(usual)
    slopes = cv2.magnitude(*(cv2.Sobel(gray, cv2.CV_32F, dx, dy, scale=0.125) for dx, dy in ((1, 0), (0, 1))))
    sharp = np.bincount(labels[slopes > levels], minlength=len(stats))
    outlined = sharp > TUNING.fixed.min_edges * stats[:, cv2.CC_STAT_AREA]
    outlined[0] = False
    return np.asarray(outlined[labels])


def _comparisons(pictures: Rgb, cameras: Affine, inside: npt.NDArray[np.uint8], levels: float) -> npt.NDArray[np.int64]:
    """How often each place rested against the camera's motion, moved with it, and was compared at all: (3, h, w)."""
    height, width = inside.shape
    counts = np.zeros((3, height, width), np.int64)
    for picture, camera in zip(pictures, cameras, strict=True):
        for n in _partners(corner_error(cameras, camera, width, height) > TUNING.fixed.min_shift * width):
            step, flags = compose(invert(cameras[n]), camera), cv2.WARP_INVERSE_MAP
            predicted = cv2.warpAffine(pictures[n], step, (width, height), flags=flags | cv2.INTER_LINEAR)
            known = cv2.warpAffine(inside, step, (width, height), flags=flags | cv2.INTER_NEAREST)
            valid = (np.asarray(known) > 0) & (inside > 0) & _shifted(step, width, height)
            by_camera = tolerant_difference(picture, np.asarray(predicted, np.uint8)) < levels
            at_rest = tolerant_difference(picture, pictures[n]) < levels
            counts += np.stack([valid & at_rest & ~by_camera, valid & by_camera & ~at_rest, valid])
    return counts


def _partners(distant: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """The indices of up to ``partners`` of the ``distant`` pictures (k,), spread evenly."""
    far = np.flatnonzero(distant)
    even = np.linspace(0, len(far) - 1, min(TUNING.fixed.partners, len(far)))
    return np.asarray(far[np.unique(even.round().astype(int))])


def _shifted(step: Affine, width: int, height: int) -> Mask:
    """Places, bool (height, width), that a camera moves far enough: not those around which it zooms or rotates."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    dx, dy = (row[0] * x + row[1] * y + row[2] for row in step - IDENTITY)
    return np.asarray(np.hypot(dx, dy) > TUNING.fixed.min_shift * width)

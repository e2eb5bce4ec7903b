"""Keyframes warped to one small canvas with their gains compensated: the preview, on which a background is judged."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Mask
from remaster.imaging.aligned_keyframes import Preview
from remaster.imaging.camera import apply, compose, corners, invert, rescale, translation
from remaster.imaging.channels import largest
from remaster.imaging.tuning import TUNING as IMAGING
from remaster.stitch.exposure import Exposure, balance, estimate_exposure
from remaster.stitch.tuning import TUNING


def align(
    proxies: npt.NDArray[np.uint8], usable: npt.NDArray[np.bool_], cameras: Affine, reference: int
) -> tuple[Preview, Exposure]:
    """Warp keyframes by their cameras (k, 2, 3), proxy pixels to the reference's, and compensate their gains.

    ``usable`` bool (k, h, w): background, outside the gate and the borders. ``reference`` is the index of the keyframe
    whose pixel grid and light are kept.
    """
    height, width = proxies.shape[1:3]
    scale, offset, size = _layout(cameras, width, height)
    w, h = round(width * scale), round(height * scale)
    placed = compose(offset, rescale(cameras, w / width, h / height))
    pictures = np.empty((len(proxies), size[1], size[0], 3), np.uint8)
    seen = np.empty(pictures.shape[:3], bool)
    for i, proxy in enumerate(proxies):
        small = cv2.resize(proxy, (w, h), interpolation=cv2.INTER_AREA)
        usable_share = cv2.resize(usable[i].astype(np.uint8) * 255, (w, h), interpolation=cv2.INTER_AREA)
        mask = (usable_share > TUNING.alignment.usable).astype(np.uint8) * 255
        cv2.warpAffine(small, placed[i], size, dst=pictures[i], flags=cv2.INTER_LINEAR)
        seen[i] = cv2.warpAffine(mask, placed[i], size, flags=cv2.INTER_LINEAR) > TUNING.alignment.seen
    exposure = estimate_exposure(pictures, seen, reference)
    for i in range(len(pictures)):
        pictures[i] = balance(pictures[i], exposure.gain[i], exposure.offset[i])
    return Preview(pictures, seen, np.zeros_like(seen), placed, w, h, scale), exposure


def _layout(cameras: Affine, width: int, height: int) -> tuple[float, Affine, tuple[int, int]]:
    """(scale, shift onto the canvas, canvas (width, height)) of the keyframes' common extent."""
    points = apply(cameras, np.broadcast_to(corners(width, height), (len(cameras), 4, 2))).reshape(-1, 2)
    low, high = points.min(axis=0), points.max(axis=0)
    span = high - low + 1
    scale = min(IMAGING.preview.height / height, 1.0, float(np.sqrt(TUNING.alignment.max_pixels / span.prod())))
    x, y = np.floor(low * scale)
    size = np.ceil(span * scale).astype(int) + 2
    return scale, translation(-x, -y), (int(size[0]), int(size[1]))


def disagreeing(preview: Preview, noise: float) -> npt.NDArray[np.bool_]:
    """Find foreground that no mask covers, bool (k, h, w) on the preview's canvas, by its difference.

    Only where enough keyframes see the background. ``noise`` is in levels.
    """
    tuning, background = TUNING.alignment, preview.median
    known = preview.seen.sum(axis=0) >= tuning.min_views
    limit = tuning.min_difference + tuning.noise_sigmas * noise
    found = np.zeros_like(preview.seen)
    for i, picture in enumerate(preview.pictures):
        difference = cv2.blur(largest(np.asarray(cv2.absdiff(picture, background), np.uint8)), (tuning.blur,) * 2)
        blobs = ((difference > limit) & known & preview.seen[i]).astype(np.uint8)
        blobs = cv2.morphologyEx(blobs, cv2.MORPH_OPEN, np.ones((tuning.opening,) * 2, np.uint8))
        found[i] = cv2.dilate(blobs, np.ones((2 * tuning.mask_margin + 1,) * 2, np.uint8)) > 0
    found &= known & preview.seen
    return found


def to_keyframe(mask: Mask, camera: Affine, preview: Preview, width: int, height: int) -> Mask:
    """Warp a mask from the preview's canvas to the keyframe of ``camera``, at ``width x height``."""
    to_small = invert(from_size(camera, preview, width, height))
    picture = cv2.warpAffine(mask.astype(np.uint8) * 255, to_small, (width, height), flags=cv2.INTER_LINEAR)
    return np.asarray(picture > 127, bool)


def from_size(camera: Affine, preview: Preview, width: int, height: int) -> Affine:
    """The camera of a keyframe of ``width x height`` to the preview's canvas."""
    sx, sy = preview.width / width, preview.height / height
    to_preview = np.array([[sx, 0.0, sx / 2 - 0.5], [0.0, sy, sy / 2 - 0.5]])
    return compose(camera, to_preview)

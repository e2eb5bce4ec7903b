"""The keyframes aligned at a small size, to judge light, foreground and fidelity before the full-size composite."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Mask
from remaster.imaging.camera import apply, compose, corners, invert, rescale, translation
from remaster.imaging.channels import largest, thrice
from remaster.imaging.exposure import Exposure, balance, estimate_exposure

LINES = 240
"""Lines of a keyframe on the preview's canvas."""
MAX_PIXELS = 1_500_000
"""Pixels of that canvas at most: a long way is previewed smaller."""
MASK_MARGIN = 3
"""Preview pixels by which foreground is widened: outlines are soft and coding smears them."""
FEEDBACK_LEVELS = 20.0
"""Grey levels off the background, beyond the grain, that make a pixel foreground."""


@dataclass(frozen=True)
class Preview:
    """Aligned keyframes on a small canvas.

    ``pictures`` uint8 (k, h, w, 3) in the reference's light; ``seen`` bool (k, h, w): background shows there.
    ``foreground`` bool (k, h, w), disjoint from it: what no mask named and disagrees with the background. ``cameras``
    (k, 2, 3) take preview-sized keyframes of ``width x height`` to the canvas; ``scale`` is preview / proxy size.
    """

    pictures: npt.NDArray[np.uint8]
    seen: npt.NDArray[np.bool_]
    foreground: npt.NDArray[np.bool_]
    cameras: Affine
    width: int
    height: int
    scale: float

    @cached_property
    def median(self) -> npt.NDArray[np.uint8]:
        """The background, uint8 (h, w, 3), as the median of what is seen; 255 where nothing is."""
        return masked_median(self.pictures, self.seen)


def align(
    proxies: npt.NDArray[np.uint8], usable: npt.NDArray[np.bool_], cameras: Affine, reference: int
) -> tuple[Preview, Exposure]:
    """Warp keyframes by their cameras (k, 2, 3, proxy pixels to the reference's) and bring them to one light.

    ``usable`` bool (k, h, w): background, off the gate and off the borders.
    """
    height, width = proxies.shape[1:3]
    scale, offset, size = _layout(cameras, width, height)
    w, h = round(width * scale), round(height * scale)
    placed = compose(offset, rescale(cameras, w / width, h / height))
    pictures = np.empty((len(proxies), size[1], size[0], 3), np.uint8)
    seen = np.empty(pictures.shape[:3], bool)
    for i, proxy in enumerate(proxies):
        small = cv2.resize(proxy, (w, h), interpolation=cv2.INTER_AREA)
        mask = (cv2.resize(usable[i].astype(np.uint8) * 255, (w, h), interpolation=cv2.INTER_AREA) > 200).astype(
            np.uint8
        )
        cv2.warpAffine(small, placed[i], size, dst=pictures[i], flags=cv2.INTER_LINEAR)
        seen[i] = cv2.warpAffine(mask * 255, placed[i], size, flags=cv2.INTER_LINEAR) > 250
    exposure = estimate_exposure(pictures, seen, reference)
    for i in range(len(pictures)):
        pictures[i] = balance(pictures[i], exposure.gain[i], exposure.offset[i])
    return Preview(pictures, seen, np.zeros_like(seen), placed, w, h, scale), exposure


def _layout(cameras: Affine, width: int, height: int) -> tuple[float, Affine, tuple[int, int]]:
    """(scale, shift onto the canvas, canvas (width, height)) of the keyframes' common extent."""
    points = apply(cameras, np.broadcast_to(corners(width, height), (len(cameras), 4, 2))).reshape(-1, 2)
    low, high = points.min(axis=0), points.max(axis=0)
    span = high - low + 1
    scale = min(LINES / height, 1.0, float(np.sqrt(MAX_PIXELS / span.prod())))
    x, y = np.floor(low * scale)
    size = np.ceil(span * scale).astype(int) + 2
    return scale, translation(-x, -y), (int(size[0]), int(size[1]))


def masked_median(values: npt.NDArray[np.uint8], seen: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """The lower median over axis 0 of ``values`` (k, h, w, 3) where ``seen`` (k, h, w); 255 where nothing was seen."""
    planes = np.empty_like(values)
    for plane, picture, shown in zip(planes, values, seen, strict=True):
        cv2.bitwise_or(picture, thrice(np.where(shown, np.uint8(0), np.uint8(255))), dst=plane)
    rows = planes.reshape(len(planes), -1)
    lower = np.empty_like(rows[0])
    for a, b in _exchanges(len(rows)):
        np.minimum(rows[a], rows[b], out=lower)
        np.maximum(rows[a], rows[b], out=rows[b])
        rows[a] = lower
    middle = (np.maximum(seen.sum(axis=0), 1) - 1) // 2
    picked: npt.NDArray[np.uint8] = np.take_along_axis(planes, middle[None, ..., None], axis=0)[0]
    return picked


def _exchanges(count: int) -> Iterator[tuple[int, int]]:
    """The comparators of Batcher's merge exchange (Knuth, TAOCP 5.2.2, algorithm M), which sorts ``count`` items.

    Sorting whole planes by it is several times faster than sorting each pixel's few values.
    """
    top = 1 << max((count - 1).bit_length() - 1, 0)
    p = top
    while p > 0:
        q, r, d = top, 0, p
        while True:
            yield from ((i, i + d) for i in range(count - d) if i & p == r)
            if q == p:
                break
            d, q, r = q - p, q >> 1, p
        p >>= 1


def disagreeing(preview: Preview, noise: float) -> npt.NDArray[np.bool_]:
    """Foreground that no mask named, bool (k, h, w) on the preview's canvas: blobs that differ from the background.

    Judged only where three keyframes saw the background, for two cannot say which of them is right.
    """
    background = preview.median
    known = preview.seen.sum(axis=0) >= 3
    limit = FEEDBACK_LEVELS + 3.0 * noise
    found = np.zeros_like(preview.seen)
    for i, picture in enumerate(preview.pictures):
        difference = cv2.blur(largest(np.asarray(cv2.absdiff(picture, background), np.uint8)), (3, 3))
        blobs = ((difference > limit) & known & preview.seen[i]).astype(np.uint8)
        # Thin remains are edges half a pixel off, not characters.
        blobs = cv2.morphologyEx(blobs, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        found[i] = cv2.dilate(blobs, np.ones((2 * MASK_MARGIN + 1,) * 2, np.uint8)) > 0
    found &= known & preview.seen
    return found


def to_keyframe(mask: Mask, camera: Affine, preview: Preview, width: int, height: int) -> Mask:
    """A mask on the preview's canvas as the keyframe of ``camera`` sees it, at ``width x height``."""
    to_small = invert(from_size(camera, preview, width, height))
    picture = cv2.warpAffine(mask.astype(np.uint8) * 255, to_small, (width, height), flags=cv2.INTER_LINEAR)
    return np.asarray(picture > 127, bool)


def from_size(camera: Affine, preview: Preview, width: int, height: int) -> Affine:
    """The camera to the preview's canvas of a keyframe that is ``width x height`` in size."""
    sx, sy = preview.width / width, preview.height / height
    shrink = np.array([[sx, 0.0, sx / 2 - 0.5], [0.0, sy, sy / 2 - 0.5]])
    return compose(camera, shrink)

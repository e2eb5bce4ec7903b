"""Keyframes aligned on one small canvas, and their median: the background as far as it is seen.

``stitch.keyframe_alignment`` makes a ``Preview`` of a moving camera's keyframes, ``segment`` one of a resting camera's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine
from remaster.imaging.channels import thrice


@dataclass(frozen=True)
class Preview:
    """Keyframes on a small canvas.

    ``pictures`` uint8 (k, h, w, 3) in the reference's light; ``seen`` bool (k, h, w): background is visible there.
    ``foreground`` bool (k, h, w), disjoint from it: what no mask covers and what differs from the background.
    ``cameras`` (k, 2, 3) take preview-sized keyframes of ``width x height`` to the canvas; ``scale`` is preview / proxy
    size.
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

    def chosen(self, keyframes: npt.NDArray[np.bool_] | slice) -> Preview:
        """The preview of some of the keyframes."""
        parts = {name: getattr(self, name)[keyframes] for name in ("pictures", "seen", "foreground", "cameras")}
        return replace(self, **parts)


def masked_median(values: npt.NDArray[np.uint8], seen: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """The lower median over axis 0 of ``values`` (k, h, w, 3) where ``seen`` (k, h, w); 255 where nothing was seen."""
    planes = np.empty_like(values)
    for plane, picture, known in zip(planes, values, seen, strict=True):
        cv2.bitwise_or(picture, thrice(np.where(known, np.uint8(0), np.uint8(255))), dst=plane)
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

    Sorting whole planes is several times faster than sorting each pixel's few values.
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

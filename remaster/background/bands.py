"""How well every displacement of every band of rows beside the wings explains one frame by the frame before it.

All here is upright: the wings lie left and right, bands are runs of rows, displacements run along the rows.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from remaster.media.types import Mask

Float = npt.NDArray[np.float32]

LINES = 240
"""Lines at which motion is measured."""
BAND = 4
"""Rows of a band."""
FARTHEST = 24
"""Pixels that a band may move from one frame to the next, either way."""
EIGHTHS = 8
"""A border strip is two eighths of the picture wide; the strip of the hold-out lies one eighth further in."""
SIGMAS = (0.8, 5.0)
"""Detail lies between these two Gaussians."""
LIMIT = 12.0
"""Grey levels at which a wrong pixel stops costing more: a character costs no more than that."""
SOFT_EDGE = 7
"""Pixels about the gate that belong to its soft edge."""


def detail(gray: npt.NDArray[np.uint8]) -> Float:
    """What a picture shows beyond light and grain, float32 (h, w)."""
    fine, coarse = (cv2.GaussianBlur(gray.astype(np.float32), (0, 0), s) for s in SIGMAS)
    return np.asarray(fine - coarse, np.float32)


class BandCosts:
    """Compares details of neighbouring frames; ``valid`` bool (h, w) is False on the gate."""

    def __init__(self, valid: Mask):
        height, width = valid.shape
        self.bands = height // BAND
        self._eighth = width // EIGHTHS
        self._rows, self._width = self.bands * BAND, width
        self._known = cv2.erode(valid.astype(np.uint8), np.ones((SOFT_EDGE, SOFT_EDGE))).astype(np.float32)
        self._all_known = bool(self._known.all())
        self._counts = np.stack([self._sums(None, None, shift) for shift in range(-FARTHEST, FARTHEST + 1)], axis=-1)

    def __call__(self, before: Float, after: Float) -> Float:
        """Mean truncated difference, float32 (2 sides, 2 borders, bands, displacements).

        A displacement of d says that what lies at x was at x + d; the borders are the picture's and the hold-out's.
        """
        sums = [self._sums(before, after, shift) for shift in range(-FARTHEST, FARTHEST + 1)]
        costs = self._strips(np.stack(sums, axis=-1)) / np.maximum(self._strips(self._counts), 0.25)
        return np.asarray(costs, np.float32)

    def _strips(self, eighths: Float) -> Float:
        """Of (2, 3 eighths from the border inwards, bands, k): those at either border."""
        return np.stack([eighths[:, :2].mean(axis=1), eighths[:, 1:].mean(axis=1)], axis=1)

    def _sums(self, before: Float | None, after: Float | None, shift: int) -> Float:
        """The mean difference (or, without pictures, the share that can be compared) of (2, 3 eighths, bands)."""
        found = np.empty((2, 3, self.bands), np.float32)
        for side, start in enumerate((0, self._width - 3 * self._eighth)):
            first, last = max(start, -shift), min(start + 3 * self._eighth, self._width - shift)
            here, there = np.s_[: self._rows, first:last], np.s_[: self._rows, first + shift : last + shift]
            area = np.zeros((self._rows, 3 * self._eighth), np.float32)
            part = area[:, first - start : last - start]
            if before is None or after is None:
                part[:] = self._known[here] * self._known[there]
            else:
                np.minimum(cv2.absdiff(after[here], before[there]), LIMIT, out=part)
                if not self._all_known:
                    part *= self._known[here]
                    part *= self._known[there]
            cells = np.asarray(cv2.resize(area, (3, self.bands), interpolation=cv2.INTER_AREA), np.float32)
            found[side] = cells.T if side == 0 else cells.T[::-1]
        return found

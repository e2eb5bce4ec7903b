"""How much of a join cuts characters: what the frame shows there and its background does not."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32
from remaster.resample.layout import Patch

OFF = (16.0, 30.0)
"""Levels off the background, beyond the grain, at which a bin of the join begins to be a character's, and is one."""
SHORTEST = 1 / 24
"""Share of the join that a character takes up at least; less is texture that is a little off."""


class CutFinder:
    """Finds, frame by frame, where characters are cut at one patch's join.

    ``shape`` is the strip's, along and across the join; ``noise`` is the grain in 8-bit levels.
    """

    def __init__(self, patch: Patch, shape: tuple[int, int], noise: float):
        self._shape = shape
        self._inwards = slice(None) if patch.side in ("left", "top") else slice(None, None, -1)
        self._noise = noise

    def __call__(self, error: Float32, valid: npt.NDArray[np.bool_]) -> Float32:
        """How far (0-1) each of the join's n bins is a character's, float32 (n,).

        ``error`` float32 (planes, n * k) is how far the strip is off the background; ``valid`` bool (n * k,).
        """
        known = valid.reshape(self._shape)[:, self._inwards]
        # The gate's edge wavers: the outermost bin that shows the picture tells.
        row, column = np.arange(len(known)), known.argmax(axis=1)
        off = np.abs(error).max(axis=0).reshape(self._shape)[:, self._inwards][row, column] - self._noise
        share = np.clip((off - OFF[0]) / (OFF[1] - OFF[0]), 0, 1) * known[row, column]
        kernel = np.ones((max(round(SHORTEST * len(share)), 1), 1), np.uint8)
        opened = cv2.morphologyEx(share.astype(np.float32)[:, None], cv2.MORPH_OPEN, kernel)
        return np.asarray(opened[:, 0], np.float32)

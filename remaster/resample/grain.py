"""Grain for the wings, like the source's: fresh for each frame, the same for the same frame."""

from __future__ import annotations

import cv2
import numpy as np

from remaster.arrays import Float32
from remaster.media.types import PixelFormat
from remaster.resample.layout import SIDES

LEAST = 0.6
"""Levels of noise that nobody sees."""
RESIDUE = 0.25
"""Share of its noise's deviation that a mean of some 14 keyframes keeps."""
CHROMA_SHARE = 0.4
"""Deviation of chroma's grain over luma's, as subsampling leaves it."""
ROOM, PLANES = 128, 3
"""Samples by which pieces of a tile are shifted against each other at most; planes that get a piece of their own."""
KERNEL = np.array([0.2, 1.0, 0.2], np.float32)
"""What correlates neighbouring samples, along rows and columns."""


class GrainTile:
    """Gaussian grain of luma standard deviation ``noise`` (8-bit levels), less what a background has left of its own.

    A tile is drawn once from ``seed``; each frame takes pieces of it at offsets drawn from (seed, frame), so frames may
    come in any order. Neighbouring samples are slightly correlated, as film grain scanned at video resolution is.
    Chroma gets its own, weaker grain; the planes of RGB share one. Below a noise of 0.6 levels there is none, but of
    sources deeper than 8 bits dither: a level of theirs, triangular, the same for every frame.
    """

    def __init__(self, noise: float, pixel_format: PixelFormat, width: int, height: int, seed: int):
        noise = noise if noise >= LEAST else 0.0
        self.present = noise > 0
        self._frame, self._offsets = -1, np.zeros((len(SIDES), PLANES, 2), np.int64)
        self._seed, self._kind = seed, pixel_format.kind
        # A median over keyframes leaves a little of their noise in the background.
        self._still = not self.present and pixel_format.depth > 8
        if self._still:
            rng = np.random.default_rng([seed])
            size = height + ROOM, width + ROOM
            dither = rng.random(size, np.float32) + rng.random(size, np.float32) - np.float32(1)
            self._tiles: tuple[Float32, ...] = (dither, dither)
            return
        sigma = noise * float(np.sqrt(1 - RESIDUE**2)) * (1 << (pixel_format.depth - 8))
        tile = np.random.default_rng([seed]).standard_normal((height + ROOM, width + ROOM), np.float32)
        kernel = KERNEL / np.linalg.norm(KERNEL)
        smooth = cv2.sepFilter2D(tile, cv2.CV_32F, kernel, kernel, borderType=cv2.BORDER_REFLECT)
        self._tiles = (smooth * np.float32(sigma), smooth * np.float32(sigma * CHROMA_SHARE))

    def draw(self, frame: int, patch: int, plane: int, shape: tuple[int, ...]) -> Float32:
        """Grain for one plane of one patch: a float32 view of ``shape``, to be added in the plane's own levels."""
        own = 0 if self._kind != "yuv" else plane
        frame = 0 if self._still else frame
        if frame != self._frame:
            rng = np.random.default_rng([self._seed, frame])
            self._frame, self._offsets = frame, rng.integers(0, ROOM + 1, (len(SIDES), PLANES, 2))
        y, x = self._offsets[patch, own].tolist()
        tile = self._tiles[1 if own else 0]
        return tile[y : y + shape[0], x : x + shape[1]]

"""Synthetic grain for the wings, like the source's: new for each frame, repeatable for the same frame.

In come the source's noise level and a seed; out go float32 arrays to be added to the patches' planes.
"""

from __future__ import annotations

import cv2
import numpy as np

from remaster.arrays import Float32
from remaster.media.types import PixelFormat
from remaster.resample.layout import SIDES
from remaster.resample.tuning import TUNING

PLANES = 3
"""Planes that get a piece of the tile of their own."""


class GrainTile:
    """Gaussian grain of luma standard deviation ``noise`` (8-bit levels), less what remains of it in a background.

    A tile is drawn once from ``seed``; each frame takes pieces of it at offsets drawn from (seed, frame), so frames may
    come in any order. Neighbouring samples are slightly correlated, as film grain scanned at video resolution is.
    Chroma gets its own, weaker grain; the planes of RGB share one. Invisible noise gets no grain; sources deeper than 8
    bits then get a triangular dither of one level of theirs, the same for every frame.
    """

    def __init__(self, noise: float, pixel_format: PixelFormat, width: int, height: int, seed: int):
        tuning = TUNING.grain
        room = tuning.max_offset
        noise = noise if noise >= tuning.min_noise else 0.0
        self.present = noise > 0
        self._frame, self._offsets = -1, np.zeros((len(SIDES), PLANES, 2), np.int64)
        self._seed, self._kind = seed, pixel_format.kind
        self._still = not self.present and pixel_format.depth > 8
        if self._still:
            rng = np.random.default_rng([seed])
            size = height + room, width + room
            dither = rng.random(size, np.float32) + rng.random(size, np.float32) - np.float32(1)
            self._tiles: tuple[Float32, ...] = (dither, dither)
            return
        sigma = noise * float(np.sqrt(1 - tuning.residue**2)) * (1 << (pixel_format.depth - 8))
        tile = np.random.default_rng([seed]).standard_normal((height + room, width + room), np.float32)
        kernel = np.array(tuning.kernel, np.float32)
        kernel = kernel / np.linalg.norm(kernel)
        smooth = cv2.sepFilter2D(tile, cv2.CV_32F, kernel, kernel, borderType=cv2.BORDER_REFLECT)
        self._tiles = (smooth * np.float32(sigma), smooth * np.float32(sigma * tuning.chroma_share))

    def draw(self, frame: int, patch: int, plane: int, shape: tuple[int, ...]) -> Float32:
        """Return grain for one plane of one patch: a float32 view of ``shape``, in the plane's own levels."""
        own = 0 if self._kind != "yuv" else plane
        frame = 0 if self._still else frame
        if frame != self._frame:
            rng = np.random.default_rng([self._seed, frame])
            self._frame, self._offsets = frame, rng.integers(0, TUNING.grain.max_offset + 1, (len(SIDES), PLANES, 2))
        y, x = self._offsets[patch, own].tolist()
        tile = self._tiles[1 if own else 0]
        return tile[y : y + shape[0], x : x + shape[1]]

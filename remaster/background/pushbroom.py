"""A mosaic of what passes one side's border: each row is shifted by its own track, each frame gives a narrow slit.

The manifold mosaic of Peleg and Herman, "Panoramic Mosaics by Manifold Projection", CVPR 1997, with a track for every
band of rows. What lies beyond the border at some frame is what crossed it last, or will cross it next, so the frames
nearest in time fill a wing, and it moves as the picture beside it does. All here is upright: the wings lie left and
right.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from remaster.media.types import Mask
from remaster.rowshift import along_rows, gathered

Float = npt.NDArray[np.float64]
Picture = npt.NDArray[np.uint8]

SLIT = 1 / 160
"""Share of the height over which a slit's weight falls by 1/e from the border inwards."""
RESERVE = 1e-4
"""Weight of what lies deeper in the picture, or on its soft edge, where no slit ever came."""
PAD = 4
"""Columns of room at a mosaic's ends, for interpolation."""


def extent(track: Float, side: int, width: int, wing: int, inner: int) -> tuple[int, int]:
    """(first column, columns) of the mosaic for a track (n, b) in pixels of a picture ``width`` wide.

    It holds the ``wing`` outside the border (``side`` 0 is the left, 1 the right one) and ``inner`` columns within.
    """
    begin, end = (-wing, inner) if side == 0 else (width - inner, width + wing)
    low, high = int(np.floor(track.min())) + begin - PAD, int(np.ceil(track.max())) + end + PAD
    return low, high - low


class SideMosaic:
    """Collects one side's slits.

    ``track`` float64 (n, bands): what is added to a column of the picture, ``size`` (height, width), to get one of the
    mosaic; the mosaic's first is ``low``. ``edge``: columns at the border that are soft.
    """

    def __init__(self, track: Float, side: int, size: tuple[int, int], wing: int, inner: int, edge: int, channels: int):
        self.low, columns = extent(track, side, size[1], wing, inner)
        self._track, self._side, self._inner, self._edge = track, side, inner, edge
        self._height, self._width = size
        self._sum = np.zeros((size[0] * columns, channels), np.float32)
        self._mass = np.zeros(size[0] * columns, np.float32)
        self._columns = columns

    def write(self, index: int, strip: Picture, known: Mask) -> None:
        """Add frame ``index``: ``strip`` uint8 (h, s, c) at the border, ``known`` bool (h, s) False on the gate."""
        height, depth = strip.shape[:2]
        start = 0 if self._side == 0 else self._width - depth
        place = along_rows(self._track[index], height) + start - self.low
        first = np.ceil(place)
        part = first - place
        moved = gathered(strip, part, depth - 1, cv2.INTER_CUBIC)
        weight = gathered(self._weights(depth) * known.astype(np.float32), part, depth - 1, cv2.INTER_LINEAR)
        whole = gathered(known.astype(np.float32), part, depth - 1, cv2.INTER_LINEAR) > 0.99
        weight *= whole
        at = (
            np.arange(height)[:, None] * self._columns + first.astype(np.intp)[:, None] + np.arange(depth - 1)
        ).ravel()
        self._sum[at] += (moved.reshape(height, depth - 1, -1) * weight[..., None]).reshape(len(at), -1)
        self._mass[at] += weight.ravel()

    def finish(self) -> tuple[Picture, Mask]:
        """The mosaic uint8 (h, columns, c) and where it was seen, bool (h, columns); black elsewhere."""
        seen = self._mass > 0
        picture = np.rint(self._sum / np.where(seen, self._mass, 1)[:, None]).clip(0, 255).astype(np.uint8)
        shape = self._height, self._columns
        return picture.reshape(*shape, -1), seen.reshape(shape)

    def shown(self, gate: npt.NDArray[np.intp]) -> Mask:
        """What some frame's wing shows, bool (h, columns): a run of every row, for tracks have no leaps.

        ``gate`` (h,): how many pixels of each row, counted from the border inwards, are drawn like the wing.
        """
        low, high = (along_rows(f(self._track, axis=0), self._height) - self.low for f in (np.min, np.max))
        wing = self._columns - int(np.ceil(self._track.max()) - np.floor(self._track.min())) - self._inner - 2 * PAD
        depth = np.minimum(gate, self._inner)
        begin, end = (-wing, depth) if self._side == 0 else (self._width - depth, self._width + wing)
        column = np.arange(self._columns)
        return np.asarray((column >= (low + begin - 1)[:, None]) & (column <= (high + end + 1)[:, None]))

    def _weights(self, depth: int) -> npt.NDArray[np.float32]:
        """Of the strip's columns, float32 (h, depth)."""
        inwards = np.arange(depth) - self._edge
        fall = SLIT * self._height
        deep = RESERVE * np.exp(-np.abs(inwards) / (10 * fall))
        weight = np.where(inwards < 0, deep, np.exp(-np.maximum(inwards, 0) / fall) + deep).astype(np.float32)
        return np.ascontiguousarray(np.broadcast_to(weight if self._side == 0 else weight[::-1], (self._height, depth)))

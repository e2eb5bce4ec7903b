"""Wings of a set that moves at several speeds: each row of a wing from its own place on its side's mosaic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt

from remaster.geometry import Window
from remaster.media.planes import from_rgb
from remaster.media.types import ColorSpec, Mask, PixelFormat, Plane, Rect
from remaster.records import Shot
from remaster.resample.layout import Patch, on_plane, plane_steps
from remaster.resample.samples import Floats, Strips
from remaster.resample.settings import ResampleSettings
from remaster.resample.soft import SoftFill
from remaster.resample.warp import plane_grid
from remaster.rowshift import along_rows, gathered

SAME_PLACE = 0.01
"""Pixels by which tracks may differ and show the same."""


class LocalWings:
    """The wings of a ``local`` shot: its mosaics, as far as its bands may show them, else the soft fill.

    Gate above and below wings that lie left and right is filled from the frame.
    """

    def __init__(
        self,
        shot: Shot,
        window: Window,
        placed: Sequence[Patch],
        strips: Strips,
        pixel_format: PixelFormat,
        color: ColorSpec,
        lines: int,
        gate: Mask | None,
        settings: ResampleSettings,
    ):
        if shot.background is None or shot.tracks is None or shot.shares is None:
            raise ValueError("a local shot needs a background, tracks and shares")
        self._tracks, self._upright = shot.tracks, not window.vertical
        self._active = window.active.height if self._upright else window.active.width
        steps = plane_steps(pixel_format)
        self._how = [cv2.INTER_CUBIC if step == (1, 1) else cv2.INTER_LINEAR for step in steps]
        self._grids = [_Grid.of(plane_grid(step, color), self._upright) for step in steps]
        self._planes = [self._turned(p) for p in from_rgb(shot.background.image, pixel_format, color, lines)]
        sides = ("left", "right") if self._upright else ("top", "bottom")
        self._sides = [sides.index(p.side) if p.side in sides else None for p in placed]
        from_picture = [Rect(p.rect.x - window.x, p.rect.y - window.y, p.rect.width, p.rect.height) for p in placed]
        self._rects = [[on_plane(rect, step) for step in steps] for rect in from_picture]
        self._shares = [
            self._share(shot.shares, side, rects) for side, rects in zip(self._sides, self._rects, strict=True)
        ]
        # Soft wholly, in part, or not at all.
        self._soft = [p for p, shares in enumerate(self._shares) if any(float(s.min()) < 1 for s in shares)]
        others = [placed[p] for p in self._soft]
        self._fill = (
            SoftFill(others, window, pixel_format, strips.pivots, gate, settings.soft_memory) if others else None
        )
        self._shown: npt.NDArray[np.float32] | None = None
        self._drawn: list[list[Plane]] = []

    def predict(self, index: int, planes: Sequence[Plane]) -> list[list[npt.NDArray[Any]]]:
        """``[patch][plane]`` for frame ``index``; the very same lists while nothing moves."""
        tracks = self._tracks[index]
        if self._shown is None or float(np.abs(tracks - self._shown).max()) >= SAME_PLACE:
            self._shown = tracks
            self._drawn = [
                [] if side is None else [self._see(p, tracks[side], rect) for p, rect in enumerate(rects)]
                for side, rects in zip(self._sides, self._rects, strict=True)
            ]
        if self._fill is None:
            return self._drawn
        filled: list[list[npt.NDArray[Any]]] = list(self._drawn)
        for p, soft in zip(self._soft, self._fill.predict(index, planes), strict=True):
            sharp, shares = self._drawn[p], self._shares[p]
            filled[p] = (
                [s + (d - s) * share for d, s, share in zip(sharp, soft, shares, strict=True)] if sharp else soft
            )
        return filled

    def _share(self, shares: npt.NDArray[np.float32], side: int | None, rects: list[Rect]) -> list[Floats]:
        """How far each plane's patch shows the mosaic, float32 (rows, 1), or (1, columns) of wings above and below."""
        if side is None:
            return [np.zeros((1, 1), np.float32) for _ in rects]
        pixels = along_rows(shares[side], self._active)
        found = []
        for plane, rect in enumerate(rects):
            along, count = (rect.y, rect.height) if self._upright else (rect.x, rect.width)
            share = np.interp(self._rows(plane, along, count), np.arange(self._active), pixels)
            found.append(share.astype(np.float32).reshape((-1, 1) if self._upright else (1, -1)))
        return found

    def _rows(self, plane: int, along: int, count: int) -> npt.NDArray[np.float64]:
        """Pixel rows of a plane's rows from ``along`` on; those beyond the picture are its outermost ones."""
        grid = self._grids[plane]
        rows = np.clip(np.arange(along, along + count, dtype=float), 0, len(self._planes[plane]) - 1)
        return np.asarray(grid.down * rows + grid.top)

    def _see(self, plane: int, track: npt.NDArray[np.float32], rect: Rect) -> Plane:
        """What lies under ``rect``, in samples of a plane from the active picture's first."""
        grid = self._grids[plane]
        at = (rect.x, rect.y, rect.width, rect.height) if self._upright else (rect.y, rect.x, rect.height, rect.width)
        across, along, width, count = at
        source = self._planes[plane]
        rows = np.clip(np.arange(along, along + count), 0, len(source) - 1)
        shift = np.interp(self._rows(plane, along, count), np.arange(self._active), along_rows(track, self._active))
        start = across + shift / grid.across
        return self._turned(cast(Plane, gathered(source[rows], start, width, self._how[plane])))

    def _turned(self, plane: Plane) -> Plane:
        """Stored to upright, and back."""
        return plane if self._upright else cast(Plane, np.ascontiguousarray(plane.T))


class _Grid:
    """Where a plane's samples lie among the pixels of the upright picture."""

    def __init__(self, across: float, down: float, top: float):
        self.across, self.down, self.top = across, down, top

    @classmethod
    def of(cls, grid: npt.NDArray[np.float64], upright: bool) -> _Grid:
        (sx, _, _), (_, sy, y) = grid.tolist()
        return cls(sx, sy, y) if upright else cls(sy, sx, float(grid[0, 2]))

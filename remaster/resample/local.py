"""Wings of a set that moves at several speeds: each row of a wing from its own place on its side's mosaic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt

from remaster.geometry import Window
from remaster.media.planes import from_rgb
from remaster.media.types import ColorSpec, PixelFormat, Plane, Rect
from remaster.records import Shot
from remaster.resample.ambient import AmbientFill
from remaster.resample.layout import Patch, on_plane, plane_steps
from remaster.resample.samples import Strips
from remaster.resample.settings import ResampleSettings
from remaster.resample.warp import plane_grid
from remaster.rowshift import along_rows, gathered

SAME_PLACE = 0.01
"""Pixels by which tracks may differ and show the same."""


class LocalWings:
    """The wings of a ``local`` shot; gate above and below wings that lie left and right is filled from the frame."""

    def __init__(
        self,
        shot: Shot,
        window: Window,
        placed: Sequence[Patch],
        strips: Strips,
        pixel_format: PixelFormat,
        color: ColorSpec,
        lines: int,
        settings: ResampleSettings,
    ):
        if shot.background is None or shot.tracks is None:
            raise ValueError("a local shot needs a background and tracks")
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
        others = [p for p, side in zip(placed, self._sides, strict=True) if side is None]
        memory, dim = settings.ambient_memory, settings.ambient_dim
        self._ambient = AmbientFill(others, window, pixel_format, strips.pivots, memory, dim) if others else None
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
        if self._ambient is None:
            return self._drawn
        soft = iter(self._ambient.predict(index, planes))
        return [next(soft) if side is None else d for side, d in zip(self._sides, self._drawn, strict=True)]

    def _see(self, plane: int, track: npt.NDArray[np.float32], rect: Rect) -> Plane:
        """What lies under ``rect``, in samples of a plane from the active picture's first."""
        grid = self._grids[plane]
        at = (rect.x, rect.y, rect.width, rect.height) if self._upright else (rect.y, rect.x, rect.height, rect.width)
        across, along, width, count = at
        source = self._planes[plane]
        rows = np.clip(np.arange(along, along + count), 0, len(source) - 1)
        pixel_rows = grid.down * rows + grid.top
        shift = np.interp(pixel_rows, np.arange(self._active), along_rows(track, self._active))
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

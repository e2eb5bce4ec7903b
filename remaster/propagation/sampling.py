"""Samples pictures at the places of the cells' sources, each pixel once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Float32
from remaster.propagation.grid import Grid
from remaster.propagation.sources import Sources

Picture = npt.NDArray[Any]

RUN = 30_000
"""Pixels sampled at a time: OpenCV takes no map over 2^15 wide."""


@dataclass(frozen=True)
class View:
    """Samples of a plane over the wings: for each of its (h, w) samples the cell it lies in, and the place in that
    cell.

    ``rows`` (h,) and ``columns`` (w,) are indices of cells, ``cells`` (h, w) those in raster order; ``down`` (h,) and
    ``across`` (w,) are the offsets from their centres in pixels. ``plane`` float64 (2, 3) takes samples of the plane to
    upright pixels.
    """

    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    cells: npt.NDArray[np.intp]
    down: Float32
    across: Float32
    plane: Affine

    @classmethod
    def of(cls, grid: Grid, plane: Affine, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> View:
        """For the samples in columns ``x`` (w,) and rows ``y`` (h,) of a plane, counted from the picture's first."""
        (sx, _, ox), (_, sy, oy) = plane.tolist()
        at_x, at_y = (sx * x + ox).astype(np.float32), (sy * y + oy).astype(np.float32)
        at_y = np.clip(at_y, 0, grid.height - 1)
        rows, _, _ = grid.cells_of(np.zeros_like(at_y), at_y)
        _, columns, _ = grid.cells_of(at_x, np.zeros_like(at_x))
        cells = rows[:, None] * len(grid.x) + columns
        return cls(rows, columns, cells, at_y - grid.y[rows], at_x - grid.x[columns], plane)

    def of_cells(self, values: Picture) -> Picture:
        """The cells' values (rows, columns) at every sample (h, w)."""
        return values.take(self.cells)

    def places(self, x: Float32, y: Float32, low: float, high: float) -> tuple[Float32, Float32]:
        """Where the samples lie on the plane of another picture, from the cells' places there in pixels.

        Rows are clipped to pixels ``low`` and ``high``.
        """
        at_x = self.of_cells(x) + self.across
        at_y = np.clip(self.of_cells(y) + self.down[:, None], low, high)
        (sx, _, ox), (_, sy, oy) = self.plane.tolist()
        return ((at_x - ox) / sx).astype(np.float32), ((at_y - oy) / sy).astype(np.float32)

    def smooth(self, grid: Grid, values: Float32) -> Float32:
        """The cells' values (rows, columns), interpolated between centres, at every sample (h, w)."""
        x = (self.columns + self.across / grid.cell).astype(np.float32)
        y = (self.rows + self.down / grid.cell).astype(np.float32)
        on_left = self.columns < grid.left
        x = np.where(on_left, np.minimum(x, grid.left - 1), np.maximum(x, grid.left)).astype(np.float32)
        at_x, at_y = np.meshgrid(x, y)
        return np.asarray(cv2.remap(values, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def gathered(
    view: View, sources: Sources, span: tuple[int, int], picture: Callable[[int], Picture], how: int, turned: bool
) -> Picture | None:
    """What the sources show at a view's samples, (h, w) or (h, w, c), 0 where a cell has none; None where none has.

    ``picture(frame)`` is that frame's plane as stored; ``turned``: it is the upright one's transpose. ``span`` are the
    picture's usable rows, ``how`` is OpenCV's interpolation.
    """
    if not (sources.frame >= 0).any():
        return None
    frames = view.of_cells(sources.frame).ravel()
    newest = int(frames.max(initial=0))
    ages = np.where(frames < 0, np.iinfo(np.uint16).max, newest - frames).astype(np.uint16)
    order = np.argsort(ages, kind="stable")  # 16 bits are sorted digit by digit, several times faster
    order = order[: int(np.count_nonzero(frames >= 0))]
    if not len(order):
        return None
    x, y = (places.ravel()[order] for places in view.places(sources.x, sources.y, *span))
    if turned:
        x, y = y, x
    ordered = frames[order]
    bounds = [*np.flatnonzero(np.diff(ordered, prepend=-1)).tolist(), len(order)]
    parts: list[Picture] = []
    for a, b in pairwise(bounds):
        plane = picture(int(ordered[a]))
        for i in range(a, b, RUN):
            at = slice(i, min(i + RUN, b))
            parts.append(cv2.remap(plane, x[None, at], y[None, at], how, borderMode=cv2.BORDER_REPLICATE)[0])
    seen = np.concatenate(parts)
    out = np.zeros((len(frames), *seen.shape[1:]), seen.dtype)
    out[order] = seen
    return out.reshape(len(view.rows), len(view.columns), *out.shape[1:])

"""The sources of cells: which frame near in time shows a cell's place, where on it, and how far that is trusted.

``past_sources`` and ``future_sources`` trace cells from frame to frame until one shows them; ``chosen`` takes the
younger of both and fades it out at the end of its life; ``carried_fill`` traces cells back to a generated picture;
``gathered`` samples pictures at the sources' places. Coordinates are carried, never pixels, so that each pixel is
interpolated once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Float32, Int32, Mask
from remaster.propagation.grid import Grid
from remaster.propagation.outward_motion import Motion
from remaster.propagation.tuning import TUNING

Picture = npt.NDArray[Any]

NO_FRAME = -1
RUN = 30_000
"""Pixels sampled at a time: OpenCV takes no map over 2^15 wide."""


@dataclass(frozen=True)
class Sources:
    """The source of each cell of a grid, (rows, columns).

    ``frame`` int32 shows it (-1: none); ``x`` and ``y`` float32 are the place of the cell's centre on that frame's
    upright picture; ``age`` int32 is in frames.
    """

    frame: Int32
    x: Float32
    y: Float32
    age: Int32

    @classmethod
    def empty(cls, grid: Grid) -> Sources:
        """No cell has a source."""
        none, zero = np.full(grid.shape, NO_FRAME, np.int32), np.zeros(grid.shape, np.float32)
        return cls(none, zero, zero.copy(), np.zeros_like(none))

    @property
    def arrays(self) -> tuple[Int32, Float32, Float32, Int32]:
        """``frame``, ``x``, ``y`` and ``age``."""
        return self.frame, self.x, self.y, self.age

    def younger(self, other: Sources) -> tuple[Sources, Mask]:
        """(each cell's source that is nearer in time; where that is ``other``'s)."""
        far = np.iinfo(np.int32).max
        theirs = np.where(other.frame >= 0, other.age, far) < np.where(self.frame >= 0, self.age, far)
        pairs = zip(self.arrays, other.arrays, strict=True)
        return Sources(*(np.where(theirs, b, a) for a, b in pairs)), theirs


def past_sources(grid: Grid, motions: Sequence[Motion], first: int, last: int) -> list[Sources]:
    """The sources of frames ``[first, last)`` from the past; ``motions[i]`` leads from frame i to the one before it."""
    return _traced(grid, motions, np.arange(first, last), -1)


def future_sources(grid: Grid, motions: Sequence[Motion], first: int, last: int) -> list[Sources]:
    """The sources of frames ``[first, last)`` from the future; ``motions[i]`` leads from frame i to the next one."""
    return _traced(grid, motions, np.arange(first, last), 1)


def _traced(grid: Grid, motions: Sequence[Motion], frames: npt.NDArray[np.intp], direction: int) -> list[Sources]:
    """For each cell of ``frames``, the first frame in a ``direction`` of time on whose picture its centre lies.

    Nothing is rounded from step to step, so that the slowest motion adds up.
    """
    oldest = TUNING.tracing.max_age
    low, high = max(int(frames[0]) - oldest, 0), min(int(frames[-1]) + oldest + 1, len(motions))
    cameras = np.array([motion.camera for motion in motions[low:high]])
    owns = np.array([motion.own for motion in motions[low:high]], np.float32)
    rests = np.array([motion.at_rest for motion in motions[low:high]])
    found = [np.stack([array] * len(frames)) for array in Sources.empty(grid).arrays]
    for side, part in enumerate(grid.sides):
        x, y = (np.repeat(a[None], len(frames), axis=0) for a in _spaced(grid, part))
        down, across = _between(len(grid.y)), _between(len(grid.x[part])).T
        pending = np.ones((len(frames), len(grid.y), len(grid.x[part])), bool)
        for age in range(1, oldest + 1):
            sources = frames + direction * age
            open_ = (sources >= 0) & (sources < len(motions)) & pending.any(axis=(1, 2))
            at = np.clip(sources - direction, low, high - 1) - low
            if not open_.any():
                break
            if rests[at[open_]].all():
                continue
            x, y = grid.moved(cameras[at], owns[at, side], x, y)
            near = (x.max(axis=(1, 2)) >= grid.inner[0] - 0.5) & (x.min(axis=(1, 2)) <= grid.inner[1] - 0.5)
            some = np.flatnonzero(open_ & near)
            at_x = down @ x[some] @ across
            inside = (at_x >= grid.inner[0] - 0.5) & (at_x <= grid.inner[1] - 0.5) & pending[some]
            which, rows, columns = np.nonzero(inside)
            if not len(which):
                continue
            px, py = (np.asarray(p[which, rows, columns], np.float32) for p in (at_x, down @ y[some] @ across))
            seen = _on_picture(grid, px, py)
            cells = some[which[seen]], rows[seen], columns[seen]
            pending[cells] = False
            frame, at_place_x, at_place_y, ages = (values[:, :, part] for values in found)
            frame[cells], ages[cells] = sources[cells[0]], age
            at_place_x[cells], at_place_y[cells] = px[seen], py[seen]
    return [Sources(*arrays) for arrays in zip(*found, strict=True)]


def _spaced(grid: Grid, part: slice) -> list[Float32]:
    """x and y of widely spaced places among a side's cells, and of one more at either end."""
    places, spacing = [], TUNING.tracing.spacing
    for centres in (grid.x[part], grid.y):
        steps = (np.arange(-1, -(-len(centres) // spacing) + 1) + 0.5) * spacing - 0.5
        places.append((centres[0] + grid.cell * steps).astype(np.float32))
    return list(np.meshgrid(*places))


def _between(cells: int) -> Float32:
    """Weights (cells, places) of the linear interpolation from ``_spaced`` places along one axis to its cells."""
    spacing = TUNING.tracing.spacing
    at = (np.arange(cells) + 0.5) / spacing + 0.5
    first = np.floor(at).astype(np.intp)
    weights = np.zeros((cells, -(-cells // spacing) + 2), np.float32)
    weights[np.arange(cells), first] = first + 1 - at
    weights[np.arange(cells), first + 1] += (at - first).astype(np.float32)
    return weights


def carried_fill(grid: Grid, before: tuple[Float32, Float32], motion: Motion) -> tuple[Float32, Float32]:
    """Where the cells of a frame lie on a generated picture, from the places ``before`` of the frame ``motion`` leads
    to.

    The generated picture has no hole around the original; cells that land inside the original take its nearest column.
    """
    if motion.at_rest:
        return before
    x, y = grid.flow(motion)
    rows, columns, on_grid = grid.cells_of(x, y)
    nearest = np.where(x < grid.width / 2, grid.left - 1, grid.left)
    outermost = np.where(x < grid.width / 2, 0, len(grid.x) - 1)
    inside = (x >= grid.inner[0] - 0.5) & (x < grid.inner[1] - 0.5)
    columns = np.where(on_grid, columns, np.where(inside, np.clip(nearest, 0, len(grid.x) - 1), outermost))
    return before[0][rows, columns] + x - grid.x[columns], before[1][rows, columns] + y - grid.y[rows]


def _on_picture(grid: Grid, x: Float32, y: Float32) -> Mask:
    """Whether places lie where a frame may be a source; rows just above or below it count as its outermost ones."""
    top, bottom = grid.span
    beside = TUNING.tracing.beside * grid.height
    near = (y >= top - beside) & (y <= bottom + beside)
    columns = np.clip(np.rint(x), 0, grid.width - 1).astype(np.intp)
    rows = np.clip(np.rint(y), top, bottom).astype(np.intp)
    return np.asarray(near & grid.usable[rows, columns])


@dataclass(frozen=True)
class Chosen:
    """The source of each cell and its opacity, ``shown`` float32 (rows, columns), 0-1."""

    sources: Sources
    shown: Float32

    def at(self, frames: Int32) -> Chosen:
        """The same with other frame numbers, int32 (rows, columns)."""
        return Chosen(Sources(frames, self.sources.x, self.sources.y, self.sources.age), self.shown)


def chosen(grid: Grid, past: Sources, future: Sources, lives: Float32) -> Chosen:
    """A frame's sources out of those from both directions in time, given its ``lives`` (2, bands, 2)."""
    trusts = [_trust(grid, sources, life) for sources, life in zip((past, future), lives, strict=True)]
    alive = [
        Sources(np.where(trust > 0, s.frame, NO_FRAME), s.x, s.y, s.age)
        for s, trust in zip((past, future), trusts, strict=True)
    ]
    sources, theirs = alive[0].younger(alive[1])
    trust = np.where(theirs, trusts[1], trusts[0])
    return Chosen(sources, np.where(sources.frame >= 0, trust, 0.0).astype(np.float32))


def _trust(grid: Grid, sources: Sources, life: Float32) -> Float32:
    """How far sources of that age are trusted, 0-1 (rows, columns); ``life`` (bands, 2)."""
    rows, columns = grid.shape
    by_side = cv2.resize(life, (2, rows), interpolation=cv2.INTER_LINEAR)
    allowed = np.repeat(by_side, (grid.left, columns - grid.left), axis=1)
    trust = np.clip((allowed - sources.age) / TUNING.tracing.expiry + 0.5, 0.0, 1.0)
    return np.where(sources.frame >= 0, trust, 0.0).astype(np.float32)


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

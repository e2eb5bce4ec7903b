"""Follows the cells of the wings from frame to frame until one shows them: which frame, and where on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32
from remaster.propagation.grid import Grid
from remaster.propagation.outward_motion import Motion

OLDEST = 48
"""Frames after which a source is forgotten. The frames that a renderer keeps in memory on either side."""
BESIDE = 0.025
"""Share of the height above and below the picture up to which its outermost rows stand for what lies there."""
SPACING = 4
"""Cells from one place that is followed to the next; motion varies slowly, and cells lie between these places."""
NONE = -1


@dataclass(frozen=True)
class Sources:
    """For each cell of a grid, (rows, columns): the ``frame`` int32 that shows it (-1: none), the place ``x`` and ``y``
    float32 of the cell's centre on that frame's upright picture, and its ``age`` in frames, int32.
    """

    frame: npt.NDArray[np.int32]
    x: Float32
    y: Float32
    age: npt.NDArray[np.int32]

    @classmethod
    def empty(cls, grid: Grid) -> Sources:
        """Nothing known."""
        none, zero = np.full(grid.shape, NONE, np.int32), np.zeros(grid.shape, np.float32)
        return cls(none, zero, zero.copy(), np.zeros_like(none))

    @property
    def arrays(self) -> tuple[npt.NDArray[np.int32], Float32, Float32, npt.NDArray[np.int32]]:
        """``frame``, ``x``, ``y`` and ``age``."""
        return self.frame, self.x, self.y, self.age

    def younger(self, other: Sources) -> tuple[Sources, npt.NDArray[np.bool_]]:
        """(each cell's nearer source in time; where that is ``other``'s)."""
        far = np.iinfo(np.int32).max
        theirs = np.where(other.frame >= 0, other.age, far) < np.where(self.frame >= 0, self.age, far)
        pairs = zip(self.arrays, other.arrays, strict=True)
        return Sources(*(np.where(theirs, b, a) for a, b in pairs)), theirs


def past_sources(grid: Grid, motions: Sequence[Motion], first: int, last: int) -> list[Sources]:
    """The sources of frames ``[first, last)`` from the past; ``motions[i]`` leads from frame i to the one before it."""
    return _followed(grid, motions, np.arange(first, last), -1)


def future_sources(grid: Grid, motions: Sequence[Motion], first: int, last: int) -> list[Sources]:
    """The sources of frames ``[first, last)`` from the future; ``motions[i]`` leads from frame i to the next one."""
    return _followed(grid, motions, np.arange(first, last), 1)


def _followed(grid: Grid, motions: Sequence[Motion], frames: npt.NDArray[np.intp], way: int) -> list[Sources]:
    """Of each cell of ``frames``, the first frame that way in time on whose picture its centre lies.

    Nothing is rounded on the way, so that the slowest motion adds up.
    """
    low, high = max(int(frames[0]) - OLDEST, 0), min(int(frames[-1]) + OLDEST + 1, len(motions))
    cameras = np.array([motion.camera for motion in motions[low:high]])
    owns = np.array([motion.own for motion in motions[low:high]], np.float32)
    rests = np.array([motion.at_rest for motion in motions[low:high]])
    found = [np.stack([array] * len(frames)) for array in Sources.empty(grid).arrays]
    for side, part in enumerate(grid.sides):
        x, y = (np.repeat(a[None], len(frames), axis=0) for a in _spaced(grid, part))
        down, across = _between(len(grid.y)), _between(len(grid.x[part])).T
        pending = np.ones((len(frames), len(grid.y), len(grid.x[part])), bool)
        for age in range(1, OLDEST + 1):
            sources = frames + way * age
            open_ = (sources >= 0) & (sources < len(motions)) & pending.any(axis=(1, 2))
            at = np.clip(sources - way, low, high - 1) - low
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
    """x and y of every `SPACING`-th place among a side's cells, and of one more at either end."""
    places = []
    for centres in (grid.x[part], grid.y):
        steps = (np.arange(-1, -(-len(centres) // SPACING) + 1) + 0.5) * SPACING - 0.5
        places.append((centres[0] + grid.cell * steps).astype(np.float32))
    return list(np.meshgrid(*places))


def _between(cells: int) -> npt.NDArray[np.float32]:
    """What interpolates linearly from places as `_spaced` has them along one axis to its cells, (cells, places)."""
    at = (np.arange(cells) + 0.5) / SPACING + 0.5
    first = np.floor(at).astype(np.intp)
    weights = np.zeros((cells, -(-cells // SPACING) + 2), np.float32)
    weights[np.arange(cells), first] = first + 1 - at
    weights[np.arange(cells), first + 1] += (at - first).astype(np.float32)
    return weights


def carried_fill(grid: Grid, before: tuple[Float32, Float32], motion: Motion) -> tuple[Float32, Float32]:
    """Where the cells of a frame lie on a generated picture, from their places ``before`` in the frame to which
    ``motion`` leads. All around the picture is known there: cells that land inside it keep to its nearest column.
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


def _on_picture(grid: Grid, x: Float32, y: Float32) -> npt.NDArray[np.bool_]:
    """Whether places lie where a frame may be a source; rows a little beyond it count as its outermost ones."""
    top, bottom = grid.span
    beside = BESIDE * grid.height
    near = (y >= top - beside) & (y <= bottom + beside)
    columns = np.clip(np.rint(x), 0, grid.width - 1).astype(np.intp)
    rows = np.clip(np.rint(y), top, bottom).astype(np.intp)
    return np.asarray(near & grid.usable[rows, columns])

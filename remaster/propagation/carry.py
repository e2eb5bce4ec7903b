"""Carries coordinates from frame to frame: for each cell of a wing, the frame that saw it last, and where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from remaster.propagation.grid import Grid
from remaster.propagation.motion import Float, Motion

OLDEST = 48
"""Frames after which a source is forgotten. The frames that a renderer keeps in memory on either side."""
BESIDE = 0.025
"""Share of the height above and below the picture up to which its outermost rows stand for what lies there."""
NONE = -1


@dataclass(frozen=True)
class Sources:
    """For each cell of a grid, (rows, columns): the ``frame`` int32 that shows it (-1: none), the place ``x`` and ``y``
    float32 of the cell's centre on that frame's upright picture, and its ``age`` in frames, int32.
    """

    frame: npt.NDArray[np.int32]
    x: Float
    y: Float
    age: npt.NDArray[np.int32]

    @classmethod
    def empty(cls, grid: Grid) -> Sources:
        """Nothing known."""
        none = np.full(grid.shape, NONE, np.int32)
        return cls(none, np.zeros(grid.shape, np.float32), np.zeros(grid.shape, np.float32), np.zeros_like(none))

    def younger(self, other: Sources) -> tuple[Sources, npt.NDArray[np.bool_]]:
        """(each cell's nearer source in time; where that is ``other``'s)."""
        far = np.iinfo(np.int32).max
        theirs = np.where(other.frame >= 0, other.age, far) < np.where(self.frame >= 0, self.age, far)
        pairs = ((self.frame, other.frame), (self.x, other.x), (self.y, other.y), (self.age, other.age))
        return Sources(*(np.where(theirs, b, a) for a, b in pairs)), theirs


def carried(grid: Grid, before: Sources, motion: Motion, source: int) -> Sources:
    """The sources of a frame whose ``motion`` leads to the frame ``source``, from that one's own ``before``.

    A cell that lands inside the picture is seen there; one that lands on another cell takes over what that one knows.
    """
    if motion.at_rest:
        return Sources(before.frame, before.x, before.y, before.age + 1)
    x, y = grid.flow(motion)
    rows, columns, on_grid = grid.cells_of(x, y)
    take = rows, columns
    frame = np.where(on_grid, before.frame[take], NONE)
    from_x = before.x[take] + x - grid.x[columns]
    from_y = before.y[take] + y - grid.y[rows]
    age = before.age[take] + 1
    seen = ~on_grid & _on_picture(grid, x, y)
    frame[seen], from_x[seen], from_y[seen], age[seen] = source, x[seen], y[seen], 1
    top, bottom = grid.span
    beside = BESIDE * grid.height
    gone = (from_y < top - beside) | (from_y > bottom + beside) | (age > OLDEST)
    frame[gone] = NONE
    return Sources(frame.astype(np.int32), from_x, from_y, age)


def past_sources(grid: Grid, motions: Sequence[Motion]) -> Iterator[Sources]:
    """The sources of frames 0, 1, ... from the past; ``motions[i]`` leads from frame i to the one before it."""
    state = Sources.empty(grid)
    for i, motion in enumerate(motions):
        if i:
            state = carried(grid, state, motion, i - 1)
        yield state


def future_sources(grid: Grid, motions: Sequence[Motion], first: int, last: int) -> list[Sources]:
    """The sources of frames ``[first, last)`` from the future; ``motions[i]`` leads from frame i to the next one."""
    end = min(last + OLDEST, len(motions))
    state, found = Sources.empty(grid), []
    for i in range(end - 1, first - 1, -1):
        if i < end - 1:
            state = carried(grid, state, motions[i], i + 1)
        if i < last:
            found.append(state)
    return found[::-1]


def carried_fill(grid: Grid, before: tuple[Float, Float], motion: Motion) -> tuple[Float, Float]:
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


def _on_picture(grid: Grid, x: Float, y: Float) -> npt.NDArray[np.bool_]:
    """Whether places lie where a frame may be a source; rows a little beyond it count as its outermost ones."""
    top, bottom = grid.span
    beside = BESIDE * grid.height
    near = (y >= top - beside) & (y <= bottom + beside)
    columns = np.clip(np.rint(x), 0, grid.width - 1).astype(np.intp)
    rows = np.clip(np.rint(y), top, bottom).astype(np.intp)
    return np.asarray(near & grid.usable[rows, columns])

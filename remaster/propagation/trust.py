"""Which source each cell takes, the younger of past and future, and how far it may be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32
from remaster.propagation.grid import Grid
from remaster.propagation.tracing import Sources

EXPIRY = 5.0
"""Frames over which trust falls from 1 to 0 about the end of a source's life: nothing switches."""


@dataclass(frozen=True)
class Chosen:
    """The source of each cell and how far it is shown, ``shown`` float32 (rows, columns), 0-1."""

    sources: Sources
    shown: Float32

    def at(self, frames: npt.NDArray[np.int32]) -> Chosen:
        """The same with other numbers of frames, int32 (rows, columns)."""
        return Chosen(Sources(frames, self.sources.x, self.sources.y, self.sources.age), self.shown)


def chosen(grid: Grid, past: Sources, future: Sources, lives: Float32) -> Chosen:
    """A frame's sources out of those from both directions, given its ``lives`` (2, bands, 2)."""
    ways = [_trust(grid, sources, life) for sources, life in zip((past, future), lives, strict=True)]
    alive = [
        Sources(np.where(trust > 0, s.frame, -1), s.x, s.y, s.age)
        for s, trust in zip((past, future), ways, strict=True)
    ]
    sources, theirs = alive[0].younger(alive[1])
    trust = np.where(theirs, ways[1], ways[0])
    return Chosen(sources, np.where(sources.frame >= 0, trust, 0.0).astype(np.float32))


def _trust(grid: Grid, sources: Sources, life: Float32) -> Float32:
    """(rows, columns): how surely a source of that age still shows what is there; ``life`` (bands, 2)."""
    rows, columns = grid.shape
    by_side = cv2.resize(life, (2, rows), interpolation=cv2.INTER_LINEAR)
    allowed = np.repeat(by_side, (grid.left, columns - grid.left), axis=1)
    trust = np.clip((allowed - sources.age) / EXPIRY + 0.5, 0.0, 1.0)
    return np.where(sources.frame >= 0, trust, 0.0).astype(np.float32)

"""The pictures that are generated over: a key frame with what its wings are known to show, and the holes in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Mask, Rgb
from remaster.imaging.footage import Footage
from remaster.media.types import Rect
from remaster.propagation.grid import Grid, Upright
from remaster.propagation.outward_motion import Motion
from remaster.propagation.tracing import carried_fill
from remaster.propagation.trust import Chosen
from remaster.records import Background

KNOWN = 0.5
"""How far a propagated cell must be shown to be known to what is generated beside it."""
RUN = 30_000
"""Pixels looked up at a time: OpenCV takes no map over 2^15 wide."""


@dataclass(frozen=True)
class KeyFrame:
    """A frame to be generated around: its number in the scene, what its cells show (by scene frames), which of them are
    ``wanted``, bool (rows, columns), and the ``figures`` in it, bool (height, width), upright.
    """

    frame: int
    chosen: Chosen
    wanted: Mask
    figures: Mask

    @property
    def known(self) -> Mask:
        """Cells that another frame shows, bool (rows, columns)."""
        return np.asarray((self.chosen.shown >= KNOWN) & (self.chosen.sources.frame >= 0) & self.wanted)


def wanted_cells(grid: Grid, wings: tuple[int, int], ways: Sequence[Sequence[Motion]]) -> Mask:
    """Cells at a key frame, bool (rows, columns), that the wings of any frame of its segment show.

    ``ways`` are the motions met from the key frame on to the segment's ends, each leading one frame back towards it.
    """
    visible = (grid.x > -wings[0] - grid.cell) & (grid.x < grid.width + wings[1] + grid.cell)
    wanted = np.zeros(grid.shape, np.uint8)
    wanted[:, visible] = 1
    for motions in ways:
        x, y = np.meshgrid(grid.x, grid.y)
        for motion in motions:
            if not motion.at_rest:
                x, y = carried_fill(grid, (x, y), motion)
                rows, columns, there = grid.cells_of(x[:, visible], y[:, visible])
                wanted[rows[there], columns[there]] = 1
    return np.asarray(cv2.dilate(wanted, np.ones((3, 3), np.uint8)) > 0)


def key_pictures(
    grid: Grid, upright: Upright, keys: Sequence[KeyFrame], gate: Mask | None, footage: Footage
) -> list[Background]:
    """The key frames with what is known around them, and holes where that must be generated; as stored, not upright.

    All frames are read in one pass, of which one is held at a time. The pictures cover all cells of the grid: their
    first column is that of its first cell.
    """
    pictures = [np.zeros((grid.height, grid.span_x[1] - grid.span_x[0], 3), np.uint8) for _ in keys]
    covered = [np.zeros(picture.shape[:2], bool) for picture in pictures]
    sources = [np.where(key.known, key.chosen.sources.frame, -1) for key in keys]
    frames = sorted({key.frame for key in keys}.union(*(set(np.unique(s[s >= 0]).tolist()) for s in sources)))
    size = (upright.height, upright.width) if upright.turned else (upright.width, upright.height)
    whole = Rect(0, 0, *size)
    for frame, (stored,) in zip(frames, footage.strips({frame: [whole] for frame in frames}), strict=True):
        seen = np.asarray(upright.turn(stored), np.uint8)
        for key, picture, known, source in zip(keys, pictures, covered, sources, strict=True):
            if key.frame == frame:
                _paste(grid, seen, gate, picture, known)
            _write(grid, seen, key, np.nonzero(source == frame), picture, known)
    return [
        _background(grid, upright, key, picture, known)
        for key, picture, known in zip(keys, pictures, covered, strict=True)
    ]


def _paste(grid: Grid, seen: Rgb, gate: Mask | None, picture: Rgb, known: Mask) -> None:
    """The key frame itself, without the gate (upright), under what other frames show."""
    columns = slice(-grid.span_x[0], grid.width - grid.span_x[0])
    fresh = ~known[:, columns]
    if gate is not None:
        fresh &= cv2.dilate(gate.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0
    picture[:, columns][fresh] = seen[fresh]
    known[:, columns] |= fresh


def _write(
    grid: Grid, seen: Rgb, key: KeyFrame, cells: tuple[npt.NDArray[np.intp], ...], picture: Rgb, known: Mask
) -> None:
    """The cells (rows, columns) that this frame shows best."""
    rows, columns = cells
    if not len(rows):
        return
    inside = np.arange(grid.cell, dtype=np.float32)
    offset = inside - (grid.cell - 1) / 2
    across, down = (a.ravel() for a in np.meshgrid(offset, offset))
    sources = key.chosen.sources
    x = (sources.x[rows, columns][:, None] + across).ravel().astype(np.float32)
    y = np.clip(sources.y[rows, columns][:, None] + down, *grid.span).ravel().astype(np.float32)
    at_x = np.rint(grid.x[columns][:, None] + across).astype(np.intp).ravel() - grid.span_x[0]
    at_y = np.rint(grid.y[rows][:, None] + down).astype(np.intp).ravel()
    kept = np.flatnonzero(at_y < grid.height)
    for start in range(0, len(kept), RUN):
        some = kept[start : start + RUN]
        shown = cv2.remap(seen, x[some][None], y[some][None], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)[0]
        picture[at_y[some], at_x[some]] = shown
        known[at_y[some], at_x[some]] = True


def _background(grid: Grid, upright: Upright, key: KeyFrame, picture: Rgb, known: Mask) -> Background:
    """The picture as stored, with holes where wanted cells are not known, and the figures that must not be copied."""
    wanted = np.zeros(known.shape, bool)
    cells = np.repeat(np.repeat(key.wanted, grid.cell, axis=0), grid.cell, axis=1)[: grid.height]
    left = grid.left * grid.cell
    wanted[:, :left], wanted[:, known.shape[1] - (cells.shape[1] - left) :] = cells[:, :left], cells[:, left:]
    figures = np.zeros(known.shape, bool)
    figures[:, -grid.span_x[0] : grid.width - grid.span_x[0]] = key.figures
    parts = (picture, known, wanted & ~known, figures)
    image, coverage, holes, figures = (upright.turn(part) for part in parts)
    return Background(np.asarray(image, np.uint8), *(np.asarray(m, bool) for m in (coverage, holes, figures)))

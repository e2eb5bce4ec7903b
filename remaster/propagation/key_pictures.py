"""The pictures that are completed by an inpainter: a key frame, what other frames show around it, and the holes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Mask, Rgb
from remaster.media.types import Rect
from remaster.propagation.grid import Grid, Upright, outside_gate
from remaster.propagation.outward_motion import Motion
from remaster.propagation.sources import RUN, Chosen, carried_fill
from remaster.propagation.tuning import TUNING
from remaster.records import Background, Footage


@dataclass(frozen=True)
class KeyFrame:
    """A key frame: its number in the scene, and the sources of its cells by scene frames.

    ``wanted`` bool (rows, columns) are the cells that are needed, ``figures`` bool (height, width) the characters in
    it, upright.
    """

    frame: int
    chosen: Chosen
    wanted: Mask
    figures: Mask

    @property
    def known(self) -> Mask:
        """Wanted cells that another frame shows, bool (rows, columns)."""
        return np.asarray((self.chosen.shown >= TUNING.segments.known) & (self.chosen.sources.frame >= 0) & self.wanted)


def wanted_cells(grid: Grid, wings: tuple[int, int], paths: Sequence[Sequence[Motion]]) -> Mask:
    """Cells at a key frame, bool (rows, columns), that are visible in the wings of any frame of its segment.

    ``paths`` are the motions from the key frame to either end of the segment, each leading one frame back towards it.
    """
    visible = (grid.x > -wings[0] - grid.cell) & (grid.x < grid.width + wings[1] + grid.cell)
    wanted = np.zeros(grid.shape, np.uint8)
    wanted[:, visible] = 1
    for motions in paths:
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
    """The key frames with what is known around them, and holes where something must be generated; stored, not upright.

    All frames are read in one pass, one at a time. The pictures cover all cells of the grid: their first column is that
    of its first cell.
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
    """Add the key frame itself, without the gate (upright), where no other frame was written."""
    columns = slice(-grid.span_x[0], grid.width - grid.span_x[0])
    fresh = ~known[:, columns]
    if gate is not None:
        fresh &= outside_gate(gate)
    picture[:, columns][fresh] = seen[fresh]
    known[:, columns] |= fresh


def _write(
    grid: Grid, seen: Rgb, key: KeyFrame, cells: tuple[npt.NDArray[np.intp], ...], picture: Rgb, known: Mask
) -> None:
    """Add the cells (rows, columns) whose source is this frame."""
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
    valid = np.flatnonzero(at_y < grid.height)
    for start in range(0, len(valid), RUN):
        some = valid[start : start + RUN]
        pixels = cv2.remap(seen, x[some][None], y[some][None], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)[0]
        picture[at_y[some], at_x[some]] = pixels
        known[at_y[some], at_x[some]] = True


def _background(grid: Grid, upright: Upright, key: KeyFrame, picture: Rgb, known: Mask) -> Background:
    """The stored picture, with holes where wanted cells are unknown, and the figures that must not be copied."""
    wanted = np.zeros(known.shape, bool)
    cells = np.repeat(np.repeat(key.wanted, grid.cell, axis=0), grid.cell, axis=1)[: grid.height]
    left = grid.left * grid.cell
    wanted[:, :left], wanted[:, known.shape[1] - (cells.shape[1] - left) :] = cells[:, :left], cells[:, left:]
    figures = np.zeros(known.shape, bool)
    figures[:, -grid.span_x[0] : grid.width - grid.span_x[0]] = key.figures
    parts = (picture, known, wanted & ~known, figures)
    image, coverage, holes, figures = (upright.turn(part) for part in parts)
    covered, open_, drawn = (np.asarray(mask, np.bool_) for mask in (coverage, holes, figures))
    return Background(np.asarray(image, np.uint8), covered, open_, drawn)

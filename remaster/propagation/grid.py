"""The cells over the wings in which sources are carried, in pixels of the upright picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster.geometry import Window
from remaster.media.types import Mask
from remaster.propagation.motion import FADE, Float, Motion

ROWS = 120
"""Cells along the joins: 4 pixels at 480 lines."""
BEYOND = 0.13
"""Margin carried beyond each wing, as a share of the height: what leaves the window and returns is still known."""
INSET = 0.004
"""Share of the height beside the joins that is never a source: coding and scanning spoil the outermost pixels."""
SOFT_EDGE = 0.016
"""The same of a picture with a gate, which is dark beyond it."""


@dataclass(frozen=True)
class Upright:
    """A window turned so that its joins run from top to bottom: the picture's size and its wings (left, right).

    ``turned`` tells that wings lie above and below, so that pictures are transposed.
    """

    width: int
    height: int
    wings: tuple[int, int]
    turned: bool

    @classmethod
    def of(cls, window: Window) -> Upright:
        """The upright form of ``window``."""
        a = window.active
        if window.vertical:
            return cls(a.height, a.width, (window.y, window.height - a.height - window.y), True)
        return cls(a.width, a.height, (window.x, window.width - a.width - window.x), False)

    def turn(self, picture: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """A picture (h, w) or (h, w, c) from stored to upright, or back."""
        return np.ascontiguousarray(picture.swapaxes(0, 1)) if self.turned else picture


@dataclass(frozen=True)
class Grid:
    """Cells of ``cell`` x ``cell`` pixels beside a picture of ``width`` x ``height``; the left side's come first.

    ``x`` float32 (columns,) and ``y`` float32 (rows,) are their centres; ``left`` of the columns lie on the left side.
    The cells of both sides meet the picture at columns ``inner`` (left, right), between which nothing is ever drawn.
    ``usable`` bool (height, width) is what may be a source, in rows ``span`` (first, last): others are all gate.
    """

    cell: int
    width: int
    height: int
    left: int
    inner: tuple[int, int]
    x: Float
    y: Float
    usable: Mask
    span: tuple[int, int]

    @classmethod
    def of(cls, window: Window, gate: Mask | None) -> Grid:
        """For a window and the gate on its active picture, bool (h, w), or None."""
        upright = Upright.of(window)
        cell = max(round(upright.height / ROWS), 1)
        usable, insets = _usable(upright, None if gate is None else np.asarray(upright.turn(gate), bool))
        beyond = round(BEYOND * upright.height)
        left, right = (-(-(wing + beyond + inset) // cell) for wing, inset in zip(upright.wings, insets, strict=True))
        inner = insets[0], upright.width - insets[1]
        starts = np.concatenate([inner[0] - cell * np.arange(left, 0, -1), inner[1] + cell * np.arange(right)])
        centre = (cell - 1) / 2
        x = (starts + centre).astype(np.float32)
        y = (np.arange(-(-upright.height // cell)) * cell + centre).astype(np.float32)
        rows = np.flatnonzero(usable.any(axis=1))
        span = (int(rows[0]), int(rows[-1])) if len(rows) else (0, upright.height - 1)
        return cls(cell, upright.width, upright.height, left, inner, x, y, usable, span)

    @property
    def span_x(self) -> tuple[int, int]:
        """The columns of the upright picture from which, and up to which, cells and picture reach together."""
        return self.inner[0] - self.left * self.cell, self.inner[1] + (len(self.x) - self.left) * self.cell

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of cells."""
        return len(self.y), len(self.x)

    def flow(self, motion: Motion) -> tuple[Float, Float]:
        """Where the cells' centres move to, float32 (rows, columns) each: the affine motion, and the bands' own as it
        fades with the distance from the picture.
        """
        away = np.maximum(np.maximum(-self.x, self.x - (self.width - 1)), 0)
        fading = np.exp(-away / (FADE * self.height)).astype(np.float32)
        bands = motion.own.shape[1]
        at, knots = (self.y + 0.5) * bands / self.height - 0.5, np.arange(bands)
        found = []
        for k, (across, down, shift) in enumerate(motion.camera):
            moved = np.float32(across) * self.x + (np.float32(down) * self.y + np.float32(shift))[:, None]
            for side, columns in enumerate((slice(0, self.left), slice(self.left, None))):
                own = np.interp(at, knots, motion.own[side, :, k]).astype(np.float32)
                moved[:, columns] += own[:, None] * fading[columns]
            found.append(moved)
        return found[0], found[1]

    def cells_of(self, x: Float, y: Float) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Mask]:
        """(rows, columns, whether there is such a cell) of places on the upright picture; rows beyond it are its
        outermost ones.
        """
        rows = np.clip(np.floor(y / self.cell + 0.5 / self.cell), 0, len(self.y) - 1).astype(np.intp)
        on_left = x < self.inner[0] - 0.5
        offset = np.where(on_left, x + 0.5 - self.inner[0] + self.cell * self.left, x + 0.5 - self.inner[1])
        columns = np.floor(offset / self.cell).astype(np.intp) + np.where(on_left, 0, self.left)
        there = (on_left | (x >= self.inner[1] - 0.5)) & (columns >= 0) & (columns < len(self.x))
        return rows, np.clip(columns, 0, len(self.x) - 1), there


def _usable(upright: Upright, gate: Mask | None) -> tuple[Mask, tuple[int, int]]:
    """What may be a source, bool (height, width), and how deep (left, right) it begins at the joins."""
    soft = max(round((INSET if gate is None else SOFT_EDGE) * upright.height), 1)
    usable = np.ones((upright.height, upright.width), bool)
    insets = (soft, soft)
    if gate is not None:
        usable &= cv2.dilate(gate.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0
        insets = _gate_depth(gate) + soft, _gate_depth(gate[:, ::-1]) + soft
    usable[:, : insets[0]] = usable[:, upright.width - insets[1] :] = False
    return usable, insets


def _gate_depth(gate: Mask) -> int:
    """How many columns of a picture, from its left edge on, are gate in most rows; at most a quarter of it."""
    depths = np.argmin(np.pad(gate, ((0, 0), (0, 1))), axis=1)
    return int(min(np.median(depths), gate.shape[1] // 4))

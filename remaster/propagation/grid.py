"""The cells over the wings, each with a source of its own, in pixels of the upright picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Float32, Mask
from remaster.imaging.geometry import Window
from remaster.propagation.outward_motion import Motion
from remaster.propagation.tuning import TUNING


@dataclass(frozen=True)
class Upright:
    """A window turned so that its joins run from top to bottom: the picture's size and its wings (left, right).

    ``turned``: the wings lie above and below, and pictures are transposed.
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

    ``x`` float32 (columns,) and ``y`` float32 (rows,) are their centres; ``left`` of the columns are on the left side.
    The cells of both sides meet the picture at columns ``inner`` (left, right), between which nothing is drawn.
    ``usable`` bool (height, width) is what may be a source, in rows ``span`` (first, last): all others are gate.
    """

    cell: int
    width: int
    height: int
    left: int
    inner: tuple[int, int]
    x: Float32
    y: Float32
    usable: Mask
    span: tuple[int, int]

    @classmethod
    def of(cls, window: Window, gate: Mask | None) -> Grid:
        """For a window and the gate on its active picture, bool (h, w), or None."""
        upright = Upright.of(window)
        cell = max(round(upright.height / TUNING.grid.rows), 1)
        usable, insets = _usable(upright, None if gate is None else np.asarray(upright.turn(gate), bool))
        margin = round(TUNING.grid.margin * upright.height)
        left, right = (-(-(wing + margin + inset) // cell) for wing, inset in zip(upright.wings, insets, strict=True))
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
        """The first column of the cells on the left, and the one after the last on the right, in the upright
        picture."""
        return self.inner[0] - self.left * self.cell, self.inner[1] + (len(self.x) - self.left) * self.cell

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of cells."""
        return len(self.y), len(self.x)

    @property
    def sides(self) -> tuple[slice, slice]:
        """The columns of cells on the left and on the right."""
        return slice(0, self.left), slice(self.left, None)

    def flow(self, motion: Motion) -> tuple[Float32, Float32]:
        """Where the cells' centres move to, float32 (rows, columns) each; see ``moved``."""
        camera, y = motion.camera[None], self.y[None, :, None]
        sides = [
            self.moved(camera, own[None], self.x[None, None, s], y)
            for s, own in zip(self.sides, motion.own, strict=True)
        ]
        return np.concatenate([a[0] for a, _ in sides], axis=1), np.concatenate([b[0] for _, b in sides], axis=1)

    def moved(self, cameras: Affine, own: Float32, x: Float32, y: Float32) -> tuple[Float32, Float32]:
        """Where places beside the upright picture move to by several motions, float32 (n, h, w) each.

        To the affine motion of ``cameras`` (n, 2, 3) the ``own`` (n, b, 2) of the side's bands is added, interpolated
        along the join and fading with the distance from it.
        """
        away = np.maximum(np.maximum(-x, x - (self.width - 1)), 0)
        fading = np.exp(away * np.float32(-1 / (TUNING.flow.fade * self.height)))
        bands = own.shape[1]
        at = np.clip((y + np.float32(0.5)) * np.float32(bands / self.height) - np.float32(0.5), 0, bands - 1)
        band = np.minimum(at.astype(np.intp), max(bands - 2, 0))
        share = at - band.astype(np.float32)
        band += np.arange(len(own))[:, None, None] * bands
        across, down, shift = (cameras[:, :, k, None, None].astype(np.float32) for k in range(3))
        found = []
        for k in range(2):
            values = own[..., k].ravel()
            upper = values.take(band)
            adds = (upper + share * (values.take(band + min(bands - 1, 1)) - upper)) * fading
            found.append(across[:, k] * x + down[:, k] * y + shift[:, k] + adds)
        return found[0], found[1]

    def cells_of(self, x: Float32, y: Float32) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Mask]:
        """(rows, columns, whether there is such a cell) of places on the upright picture.

        Rows above and below it count as its outermost ones.
        """
        rows = np.clip(np.floor(y / self.cell + 0.5 / self.cell), 0, len(self.y) - 1).astype(np.intp)
        on_left = x < self.inner[0] - 0.5
        offset = np.where(on_left, x + 0.5 - self.inner[0] + self.cell * self.left, x + 0.5 - self.inner[1])
        columns = np.floor(offset / self.cell).astype(np.intp) + np.where(on_left, 0, self.left)
        there = (on_left | (x >= self.inner[1] - 0.5)) & (columns >= 0) & (columns < len(self.x))
        return rows, np.clip(columns, 0, len(self.x) - 1), there


def _usable(upright: Upright, gate: Mask | None) -> tuple[Mask, tuple[int, int]]:
    """What may be a source, bool (height, width), and how deep (left, right) it begins at the joins."""
    soft = max(round((TUNING.grid.inset if gate is None else TUNING.grid.gate_inset) * upright.height), 1)
    usable = np.ones((upright.height, upright.width), bool)
    insets = (soft, soft)
    if gate is not None:
        usable &= outside_gate(gate)
        insets = _gate_depth(gate) + soft, _gate_depth(gate[:, ::-1]) + soft
    usable[:, : insets[0]] = usable[:, upright.width - insets[1] :] = False
    return usable, insets


def outside_gate(gate: Mask) -> Mask:
    """Pixels well outside the gate, bool (h, w)."""
    square = np.ones((TUNING.grid.gate_margin,) * 2, np.uint8)
    return np.asarray(cv2.dilate(gate.astype(np.uint8), square) == 0)


def _gate_depth(gate: Mask) -> int:
    """How many columns of a picture, from its left edge on, are gate in most rows, within a limit."""
    depths = np.argmin(np.pad(gate, ((0, 0), (0, 1))), axis=1)
    return int(min(np.median(depths), gate.shape[1] // TUNING.grid.max_gate))

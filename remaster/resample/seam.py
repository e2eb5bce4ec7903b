"""The last step at the join, taken away line by line: the wing begins where the picture's own outermost samples end.

The field of ``join`` is as fine as its bins, and leaves out what it takes for foreground. What is left is a step that
follows the join like a ruled line: codec noise, light on moving water, an outline half a pixel off. It is spread into
the wing as a membrane would (Perez et al., "Poisson Image Editing", SIGGRAPH 2003), over no more than a few pixels, so
that nothing of the picture is smeared far.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32, Mask, Plane
from remaster.media.types import Rect
from remaster.resample.layout import Patch, gate_depths, gate_samples, on_plane

SMOOTH = 3.0
"""Differences are split along the join into what is longer than so many pixels, and the rest."""
FINE, COARSE = 1.5, 6.0
"""Pixels from the join after which the rest, and what is longer, counts 1/e. So softly ends what the join cuts: judged
blind, a hard cut was liked less than a soft one in each of eight pairs."""
REACH = 3
"""Differences are carried so many times ``COARSE`` far."""
LINES = 480
"""Lines of a picture for which these lengths are meant; in larger ones they grow with it."""
DEAD_ZONE = 1.5
"""Levels by which a difference may change and is drawn as it was."""
CERTAIN = 4.5
"""Standard deviations of the grain beyond which a change is none of it."""


class Seams:
    """Joins a shot's drawn patches to its frames, given in order."""

    def __init__(
        self, placed: Sequence[Patch], steps: Sequence[tuple[int, int]], gate: Mask | None, unit: float, noise: float
    ):
        """``unit`` is one 8-bit level in the planes' own, ``noise`` the grain in 8-bit levels."""
        self._joins = [[_Join(patch, step, gate, unit, noise) for step in steps] for patch in placed]
        self._dead = unit * DEAD_ZONE
        self._shown: list[list[Float32]] = []

    def close(self, planes: Sequence[Plane], drawn: Sequence[Sequence[Float32]], new: bool, rest: bool) -> bool:
        """Changes the patches ``drawn[patch][plane]`` in place; returns whether they are new or changed.

        ``new`` tells that they were drawn since the last call, ``rest`` that the camera rests: then what may be grain
        is not followed, so that the wings keep still. ``planes`` are the active picture's.
        """
        pairs = [list(zip(row, patch, strict=True)) for row, patch in zip(self._joins, drawn, strict=True)]
        if new:
            for join, plane in (pair for row in pairs for pair in row):
                join.begin(plane)
        seen = [[join.outermost(plane) for join, plane in zip(row, planes, strict=True)] for row in self._joins]
        if rest and self._shown:
            changed = self._follow(seen, 0.0 if new else self._dead)
        else:
            self._shown, changed = seen, True
        if changed or new:
            for row, shown in zip(pairs, self._shown, strict=True):
                for (join, plane), values in zip(row, shown, strict=True):
                    join.put(plane, values)
        return changed or new

    def _follow(self, seen: list[list[Float32]], dead: float) -> bool:
        """Takes on what changed by more than grain and ``dead``; returns whether anything did."""
        changed = False
        for joins, shown, now in zip(self._joins, self._shown, seen, strict=True):
            for p, join in enumerate(joins):
                change = now[p] - shown[p]
                change *= join.certain(change)
                if float(np.abs(change).max(initial=0)) > dead:
                    shown[p] = shown[p] + change
                    changed = True
        return changed


class _Join:
    """One plane of one patch: where its join runs, sample by sample, and the samples outside it.

    Within, planes are turned so that the join runs from top to bottom.
    """

    def __init__(self, patch: Patch, step: tuple[int, int], gate: Mask | None, unit: float, noise: float):
        self._upright, self._inwards = patch.upright, 1 if patch.side in ("left", "top") else -1
        rect, strip, wing = (self._rect(on_plane(r, step)) for r in (patch.rect, patch.strip, patch.wing))
        edge = (wing.x + wing.width if self._inwards > 0 else wing.x - 1) - rect.x
        depth = np.zeros(strip.height, np.intp)
        if gate is not None:
            depth = gate_depths(gate_samples(gate, step), patch.side)[: strip.height]
        last = edge + self._inwards * depth
        # Where the gate is deeper than the patch, other patches join the picture.
        self._known = np.flatnonzero((last >= 0) & (last < rect.width))
        self._depth, self._last = depth[self._known], last[self._known]
        self._begins, self._lines = strip.y - rect.y, np.arange(rect.height)
        grown = max(max(patch.strip.height, patch.strip.width) / LINES, 1.0)
        along, across = (step[1], step[0]) if patch.upright else step
        self._sigma = SMOOTH * grown / along
        # Of two frames' difference: line by line, and smoothed.
        grain = unit * noise
        self._grain = grain * float(np.sqrt(2)), grain / float(np.sqrt(max(self._sigma * np.sqrt(np.pi), 0.5)))
        self._lay_out(rect, grown / across)

    def _lay_out(self, rect: Rect, unit: float) -> None:
        """The samples that a step changes: their places in the patch, and how much it counts there."""
        last = np.rint(self._along(self._last)).astype(int)
        reach = round(REACH * COARSE * unit) if len(self._known) else 0
        straight = bool((last == last[:1]).all())
        away = (last[: 1 if straight else None, None] - np.arange(rect.width)[None]) * self._inwards
        line, place = np.nonzero((away >= 1) & (away <= reach))
        self._where: tuple[Any, Any] = (line, place)
        self._lines_of: Any = line
        away = away[line, place]
        if straight:
            # Blocks are copied several times as fast as single samples.
            self._where = np.s_[:, place.min(initial=rect.width) : place.max(initial=-1) + 1]
            self._lines_of = np.s_[:, None]
        self._fine, self._coarse = (np.exp(-away / (s * unit)).astype(np.float32) for s in (FINE, COARSE))
        self._edge, self._outside = np.zeros(0, np.float32), np.zeros(0, np.float32)

    def begin(self, drawn: Float32) -> None:
        """Take note of a drawn plane as it is without this."""
        turned = self._turned(drawn)
        self._edge = turned[self._known + self._begins, self._last]
        self._outside = turned[self._where].copy()

    def outermost(self, plane: Plane) -> Float32:
        """The picture's outermost samples, one for each line of the active picture that has one."""
        turned = self._turned(plane)
        column = self._depth if self._inwards > 0 else turned.shape[1] - 1 - self._depth
        return np.asarray(turned[self._known, column], np.float32)

    def put(self, drawn: Float32, shown: Float32) -> None:
        """Carry what ``shown`` (outermost samples) differs from what was drawn there into the plane, in place."""
        step = self._along(shown - self._edge)
        coarse = self._smoothed(step)
        fine = step - coarse
        added = fine[self._lines_of] * self._fine + coarse[self._lines_of] * self._coarse
        self._turned(drawn)[self._where] = self._outside + added

    def certain(self, change: Float32) -> Float32:
        """How sure it is (0-1), line by line, that a change of the outermost samples is none of the grain."""
        if not len(change):
            return change
        excess = [
            np.abs(c) / (CERTAIN * g + 1e-3) for c, g in zip((change, self._smoothed(change)), self._grain, strict=True)
        ]
        return np.asarray(np.clip(np.maximum(*excess) - 1, 0, 1), np.float32)

    def _smoothed(self, values: Float32) -> Float32:
        """Smoothed along the join."""
        blurred = cv2.GaussianBlur(
            values[:, None], (1, 0), sigmaX=1, sigmaY=self._sigma, borderType=cv2.BORDER_REPLICATE
        )
        return np.asarray(blurred, np.float32)[:, 0]

    def _along(self, values: npt.NDArray[np.integer[Any] | np.floating[Any]]) -> Float32:
        """Values at the known lines for each line of the patch; the nearest for those beyond, nought without any."""
        if not len(self._known):
            return np.zeros(len(self._lines), np.float32)
        return np.asarray(np.interp(self._lines, self._known + self._begins, values), np.float32)

    def _turned(self, plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return plane if self._upright else plane.T

    def _rect(self, rect: Rect) -> Rect:
        return rect if self._upright else Rect(rect.y, rect.x, rect.height, rect.width)

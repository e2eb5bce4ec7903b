"""Removes the last step at the join, line by line: the wing starts with the levels of the picture's outermost samples.

In come a frame's planes and the corrected patches; the patches are changed in place. After one gain and
offset a plane (``join_correction``) what remains is a step that is visible as a line along the join: codec noise, light
that differs along it, an outline half a pixel off. It is spread into the wing as a membrane would (Perez et al.,
"Poisson Image Editing", SIGGRAPH 2003), over a few pixels only, so that nothing of the picture is smeared far.
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
from remaster.resample.tuning import TUNING


class Seams:
    """Joins a shot's drawn patches to its frames, given in order."""

    def __init__(
        self, placed: Sequence[Patch], steps: Sequence[tuple[int, int]], gate: Mask | None, unit: float, noise: float
    ):
        """``unit`` is one 8-bit level in the planes' own, ``noise`` the grain in 8-bit levels."""
        self._joins = [[_Join(patch, step, gate, unit, noise) for step in steps] for patch in placed]
        self._dead_zone = unit * TUNING.seam.dead_zone
        self._applied: list[list[Float32]] = []

    def close(self, planes: Sequence[Plane], drawn: Sequence[Sequence[Float32]], new: bool, resting: bool) -> bool:
        """Change the patches ``drawn[patch][plane]`` in place; returns whether they are new or changed.

        ``new`` is True where they were drawn since the last call. Where the camera is ``resting``, changes that may be
        grain are ignored, so that the wings are steady. ``planes`` are the active picture's.
        """
        pairs = [list(zip(row, patch, strict=True)) for row, patch in zip(self._joins, drawn, strict=True)]
        if new:
            for join, plane in (pair for row in pairs for pair in row):
                join.begin(plane)
        outermost = [[join.outermost(plane) for join, plane in zip(row, planes, strict=True)] for row in self._joins]
        if resting and self._applied:
            changed = self._update(outermost, 0.0 if new else self._dead_zone)
        else:
            self._applied, changed = outermost, True
        if changed or new:
            for row, applied in zip(pairs, self._applied, strict=True):
                for (join, plane), levels in zip(row, applied, strict=True):
                    join.apply(plane, levels)
        return changed or new

    def _update(self, outermost: list[list[Float32]], dead_zone: float) -> bool:
        """Take over what changed by more than grain and ``dead_zone``; returns whether anything did."""
        changed = False
        for joins, applied, now in zip(self._joins, self._applied, outermost, strict=True):
            for p, join in enumerate(joins):
                change = now[p] - applied[p]
                change *= join.certainty(change)
                if float(np.abs(change).max(initial=0)) > dead_zone:
                    applied[p] = applied[p] + change
                    changed = True
        return changed


class _Join:
    """One plane of one patch: where its join runs, sample by sample, and the samples outside it.

    Inside this class planes are turned so that the join runs from top to bottom.
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
        grown = max(max(patch.strip.height, patch.strip.width) / TUNING.seam.height, 1.0)
        along, across = (step[1], step[0]) if patch.upright else step
        self._sigma = TUNING.seam.smoothing_sigma * grown / along
        # Standard deviations of two frames' difference: line by line, and smoothed along the join.
        grain = unit * noise
        self._grain = grain * float(np.sqrt(2)), grain / float(np.sqrt(max(self._sigma * np.sqrt(np.pi), 0.5)))
        self._precompute(rect, grown / across)

    def _precompute(self, rect: Rect, unit: float) -> None:
        """Find the samples of the patch that a step changes, and its weight there; ``unit`` is samples a pixel."""
        tuning = TUNING.seam
        last = np.rint(self._along(self._last)).astype(int)
        radius = round(tuning.support * tuning.coarse_distance * unit) if len(self._known) else 0
        straight = bool((last == last[:1]).all())
        away = (last[: 1 if straight else None, None] - np.arange(rect.width)[None]) * self._inwards
        line, place = np.nonzero((away >= 1) & (away <= radius))
        self._where: tuple[Any, Any] = (line, place)
        self._lines_of: Any = line
        away = away[line, place]
        if straight:
            # Blocks are copied several times as fast as single samples.
            self._where = np.s_[:, place.min(initial=rect.width) : place.max(initial=-1) + 1]
            self._lines_of = np.s_[:, None]
        distances = tuning.fine_distance, tuning.coarse_distance
        self._fine, self._coarse = (np.exp(-away / (s * unit)).astype(np.float32) for s in distances)
        self._edge, self._outside = np.zeros(0, np.float32), np.zeros(0, np.float32)

    def begin(self, drawn: Float32) -> None:
        """Store the samples of a drawn plane before the seam is applied."""
        turned = self._turned(drawn)
        self._edge = turned[self._known + self._begins, self._last]
        self._outside = turned[self._where].copy()

    def outermost(self, plane: Plane) -> Float32:
        """Return the picture's outermost samples, one for each line of the active picture that has one."""
        turned = self._turned(plane)
        column = self._depth if self._inwards > 0 else turned.shape[1] - 1 - self._depth
        return np.asarray(turned[self._known, column], np.float32)

    def apply(self, drawn: Float32, outermost: Float32) -> None:
        """Spread the step from the drawn plane to the picture's ``outermost`` samples into the plane, in place."""
        step = self._along(outermost - self._edge)
        coarse = self._smoothed(step)
        fine = step - coarse
        added = fine[self._lines_of] * self._fine + coarse[self._lines_of] * self._coarse
        self._turned(drawn)[self._where] = self._outside + added

    def certainty(self, change: Float32) -> Float32:
        """Return how certain (0-1) it is, line by line, that a change of the outermost samples is more than grain."""
        if not len(change):
            return change
        excess = [
            np.abs(c) / (TUNING.seam.certain_sigmas * g + 1e-3)
            for c, g in zip((change, self._smoothed(change)), self._grain, strict=True)
        ]
        return np.asarray(np.clip(np.maximum(*excess) - 1, 0, 1), np.float32)

    def _smoothed(self, values: Float32) -> Float32:
        """Smooth values along the join."""
        blurred = cv2.GaussianBlur(
            values[:, None], (1, 0), sigmaX=1, sigmaY=self._sigma, borderType=cv2.BORDER_REPLICATE
        )
        return np.asarray(blurred, np.float32)[:, 0]

    def _along(self, values: npt.NDArray[np.integer[Any] | np.floating[Any]]) -> Float32:
        """Interpolate values at the known lines for each line of the patch; the nearest outside, zero without any."""
        if not len(self._known):
            return np.zeros(len(self._lines), np.float32)
        return np.asarray(np.interp(self._lines, self._known + self._begins, values), np.float32)

    def _turned(self, plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return plane if self._upright else plane.T

    def _rect(self, rect: Rect) -> Rect:
        return rect if self._upright else Rect(rect.y, rect.x, rect.height, rect.width)

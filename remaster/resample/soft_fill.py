"""The soft fill (``ambient``): the colours at the picture's border extended outward, with less detail at more distance.

In come a frame's planes; out go the patches. A wave along the join with w radians a pixel is reduced to exp(-w d / 4)
at d pixels from it: so far did the true wings of 468 frames (cartoons, rendered and cel film) follow their border. That
is the harmonic continuation of the border, which solves Laplace's equation beside a straight join, at a quarter of the
distance: a horizon continues, while small details fade near the join.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32, Float64, Mask, Plane
from remaster.imaging.geometry import Window
from remaster.media.types import PixelFormat, Rect
from remaster.resample.gain_compensation import Tone, between, neutral, weights
from remaster.resample.layout import (
    Patch,
    Side,
    from_side,
    gate_depths,
    gate_samples,
    on_plane,
    part,
    plane_steps,
    samples_outside,
)
from remaster.resample.origins import SOFT, Origins, uniform_origins
from remaster.resample.tuning import TUNING


class SoftFill:
    """Extends each frame's border into its patches without flicker.

    Lasting colours extend far, and what is new at the border only a few pixels: the fill matches every frame, and is
    yet steady where figures pass. The lasting part is a running mean: of the last 1 / (1 - ``memory``) frames where
    only the light changes, of fewer the more of the picture moves, of the frame alone after a cut. The mean is adapted
    to changes of light, so that fades are not delayed. Frames must come in order; a new shot needs a new fill.
    """

    def __init__(
        self,
        placed: Sequence[Patch],
        window: Window,
        pixel_format: PixelFormat,
        pivots: Sequence[float],
        gate: Mask | None,
        memory: float,
    ):
        """``placed`` are patches of ``window``, all or some of them; ``pivots`` as ``strips.pivots`` has them.

        ``gate`` bool (active height, active width): pixels that are not used; ``memory`` 0-1.
        """
        steps, self._placed = plane_steps(pixel_format), placed
        self._memory, self._chroma = memory, pixel_format.kind == "yuv"
        self._unit, self._pivots = float(1 << (pixel_format.depth - 8)), tuple(pivots)
        levels = [self._unit * pivot for pivot in pivots]
        self._sides = [
            [_Side(patch, window, step, gate, level) for step, level in zip(steps, levels, strict=True)]
            for patch in placed
        ]
        self._means: list[list[Float32]] = []
        self._last: Float32 | None = None

    def predict(self, index: int, planes: Sequence[Plane]) -> list[list[Float32]]:
        """Return the fill ``[patch][plane]`` over each patch's rectangle, float32, in the planes' own levels.

        ``planes`` are the active picture's. Where a patch covers known picture, that is copied, but for the outermost
        sample of each line, where the step at the join is measured.
        """
        now = [[side.waves(plane) for side, plane in zip(row, planes, strict=True)] for row in self._sides]
        tone, memory = self._change(planes)
        self._means = [
            [self._mixed(m, n, tone, p, memory) for p, (m, n) in enumerate(zip(mean, waves, strict=True))]
            for mean, waves in zip(self._means or now, now, strict=True)
        ]
        return [
            [side.drawn(m, n, plane) for side, m, n, plane in zip(row, mean, waves, planes, strict=True)]
            for row, mean, waves in zip(self._sides, self._means, now, strict=True)
        ]

    def origins(self, index: int) -> list[Origins]:
        """Return the origins ``[patch]`` of any frame."""
        return uniform_origins(SOFT, self._placed)

    def _change(self, planes: Sequence[Plane]) -> tuple[Tone, float]:
        """Return how the light changed since it last did, and how much (0-1) of the running mean stays."""
        tuning = TUNING.soft_fill
        small = [cv2.resize(p, tuning.samples, interpolation=cv2.INTER_AREA).reshape(-1) for p in planes]
        levels = [f / self._unit - pivot for f, pivot in zip(small, self._pivots, strict=True)]
        current: Float32 = np.stack(levels).astype(np.float32)
        if self._last is None:
            self._last = current
        if np.abs(current - self._last).mean() <= tuning.unchanged:  # ``_last`` stays, so that slow fades add up.
            return neutral(len(planes)), self._memory
        before, self._last = self._last, current
        tone = between(before, current, np.ones(before.shape[1], np.float32), tuning.moved, self._chroma)
        return tone, self._memory * float(weights(current - tone(before), tuning.moved).mean())

    def _mixed(self, mean: Float32, now: Float32, tone: Tone, plane: int, memory: float) -> Float32:
        """Update a plane's running mean: adapted to the frame's light and mixed with the frame's own waves."""
        lit = mean * np.float32(tone.gain[plane])
        lit[0] += np.float32(tone.offset[plane] * self._unit)
        return np.asarray(now + np.float32(memory) * (lit - now), np.float32)


class _Side:
    """One plane of one patch: from the picture's border to waves along it, and from waves to the patch.

    Waves are those of the cosine transform (DCT-II), float32 (waves,), in levels from ``pivot``; the first is the mean.
    """

    def __init__(self, patch: Patch, window: Window, step: tuple[int, int], gate: Mask | None, pivot: float):
        self._side, self._upright, self._pivot = patch.side, patch.upright, np.float32(pivot)
        along, across = (step[1], step[0]) if patch.upright else step
        active = Rect(window.x, window.y, window.active.width, window.active.height)
        gate = np.zeros((active.height, active.width), bool) if gate is None else gate
        self._where = _outermost(gate_samples(~gate, step), patch.side, along, across)
        lines = len(self._where[0])
        wave = np.arange(min(lines, TUNING.soft_fill.waves))
        place, rect = on_plane(active, step), on_plane(patch.rect, step)
        first, count = (rect.y - place.y, rect.height) if patch.upright else (rect.x - place.x, rect.width)
        scale = np.where(wave == 0, 1.0, 2.0)[:, None] / lines
        self._forward = (scale * _cosines(np.arange(lines), wave, lines).T).astype(np.float32)
        self._back = _cosines(np.arange(count) + first, wave, lines).astype(np.float32)
        passing = TUNING.soft_fill.passing_distance * lines * along
        self._precompute_decay(patch, step, np.pi * wave / (lines * along), across, passing)
        self._precompute_picture(gate_samples(gate, step), place, rect)

    def _precompute_decay(
        self, patch: Patch, step: tuple[int, int], radians: npt.NDArray[np.float64], across: int, passing: float
    ) -> None:
        """Compute each wave's decay across the patch, (waves, lines across), for lasting and for passing colours."""
        pixels = np.maximum(samples_outside(patch, step) - 0.5, 0) * across
        exponent = TUNING.soft_fill.decay * radians[:, None] * pixels
        self._lasting = np.exp(-exponent).astype(np.float32)
        self._passing = np.exp(-exponent - pixels / passing).astype(np.float32)

    def _precompute_picture(self, gate: Mask, active: Rect, rect: Rect) -> None:
        """Find the samples of the picture that the patch copies: all inside its outermost samples."""
        copied = ~gate
        inwards = from_side(copied, self._side)
        inwards &= np.arange(inwards.shape[1]) > gate_depths(gate, self._side)[:, None]
        x, y = max(rect.x, active.x), max(rect.y, active.y)
        right = min(rect.x + rect.width, active.x + active.width)
        bottom = min(rect.y + rect.height, active.y + active.height)
        both = Rect(x, y, max(right - x, 0), max(bottom - y, 0))
        self._picture = Rect(x - active.x, y - active.y, both.width, both.height)
        self._drawn = Rect(x - rect.x, y - rect.y, both.width, both.height)
        self._copied = part(copied, self._picture)

    def waves(self, plane: Plane) -> Float32:
        """Transform the border of a plane of the active picture to waves."""
        border = from_side(plane, self._side)[self._where].mean(axis=1, dtype=np.float32)
        return np.asarray(self._forward @ (border - self._pivot), np.float32)

    def drawn(self, mean: Float32, now: Float32, plane: Plane) -> Float32:
        """Draw the patch's rectangle: lasting waves, passing waves, and the picture."""
        spread = mean[:, None] * self._lasting + (now - mean)[:, None] * self._passing
        spread[0] += self._pivot
        fill = self._back @ spread if self._upright else spread.T @ self._back.T
        np.copyto(part(fill, self._drawn), part(plane, self._picture), where=self._copied)
        return np.asarray(fill, np.float32)


def _cosines(places: npt.NDArray[np.integer[Any]], wave: npt.NDArray[np.integer[Any]], lines: int) -> Float64:
    """Return each wave's cosine at lines of a join of ``lines``, (places, waves)."""
    return np.asarray(np.cos(np.pi / lines * (places[:, None] + 0.5) * wave[None, :]))


def _outermost(known: Mask, side: Side, along: int, across: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the ``known`` samples nearest to one edge, as indices (lines, 1) and (lines, count) into ``from_side``.

    ``along`` and ``across`` are pixels a sample. A line without any takes those of the nearest line that has some.
    """
    turned = from_side(known, side)
    lines, width = turned.shape
    some = np.flatnonzero(turned.any(axis=1)) if turned.any() else np.arange(lines)
    line = some[np.abs(np.arange(lines)[:, None] - some).argmin(axis=1)]
    count = max(round(TUNING.soft_fill.border_depth * lines * along / across), 1)
    depth = turned.argmax(axis=1)[line, None] + np.arange(count)
    return line[:, None], np.minimum(depth, width - 1)

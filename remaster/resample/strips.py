"""Strips of known picture beside the joins, averaged into bins: of the frame, and of the predicted patches.

In come planes; out go float32 (planes, m) of 8-bit levels from each plane's pivot.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32, Mask, Plane
from remaster.media.types import ColorSpec, PixelFormat, Rect
from remaster.resample.layout import FrameFormat, Patch, local, on_plane, part, plane_steps
from remaster.resample.tuning import TUNING


class Strips:
    """Bins the strips of a window's patches.

    A binned set is float32 (planes, m) in 8-bit levels from the plane's pivot (black for luma and RGB, neutral for
    chroma); ``slices`` are each patch's among the m bins, ``shapes`` their (bins along the join, bins away from it).
    ``valid`` bool (m,) is False where a bin holds gate pixels.
    """

    def __init__(self, form: FrameFormat, placed: Sequence[Patch], gate: Mask | None):
        window = form.window
        self.steps = plane_steps(form.pixels)
        self.unit = float(1 << (form.pixels.depth - 8))
        self.pivots = pivots(form.pixels, form.color)
        self.shapes = [_bins(patch) for patch in placed]
        ends = np.cumsum([0] + [n * k for n, k in self.shapes])
        self.slices = [slice(int(a), int(b)) for a, b in pairwise(ends)]
        self._placed = tuple(placed)
        active = Rect(window.x, window.y, window.active.width, window.active.height)
        # A strip at least one chroma sample wide on every plane, in samples from the active picture's first one.
        self._in_frame = [[local(on_plane(p.strip, s), on_plane(active, s)) for s in self.steps] for p in placed]
        self._in_patch = [[local(on_plane(p.strip, s), on_plane(p.rect, s)) for s in self.steps] for p in placed]
        self.valid = np.ones(int(ends[-1]), bool)
        if gate is not None:
            picture = (~gate).astype(np.float32)
            clear = [self._bin(i, picture, local(p.strip, active)) for i, p in enumerate(placed)]
            self.valid = np.concatenate(clear) > TUNING.layout.known_bin

    def of_frame(self, planes: Sequence[Plane]) -> Float32:
        """Bin the frame's strips; ``planes`` are the active picture's."""
        return self._gather([planes] * len(self._placed), self._in_frame)

    def of_prediction(self, drawn: Sequence[Sequence[npt.NDArray[np.generic]]]) -> Float32:
        """Bin the same strips of predicted patches ``drawn[patch][plane]``."""
        return self._gather(drawn, self._in_patch)

    def _gather(self, sources: Sequence[Sequence[npt.NDArray[np.generic]]], rects: list[list[Rect]]) -> Float32:
        rows = []
        for plane, pivot in enumerate(self.pivots):
            bins = [self._bin(i, sources[i][plane], rects[i][plane]) for i in range(len(self._placed))]
            rows.append(np.concatenate(bins) / np.float32(self.unit) - np.float32(pivot))
        return np.stack(rows)

    def _bin(self, patch: int, plane: npt.NDArray[np.generic], rect: Rect) -> Float32:
        strip = part(plane, rect)
        strip = strip if self._placed[patch].upright else strip.T
        n, k = self.shapes[patch]
        area = cv2.resize(strip.astype(np.float32), (k, n), interpolation=cv2.INTER_AREA)
        return cast(Float32, area.reshape(-1))


def pivots(pixel_format: PixelFormat, color: ColorSpec) -> tuple[float, ...]:
    """Return each plane's 8-bit level that a fade leaves unchanged: black for luma and RGB, neutral for chroma."""
    black = 0.0 if color.full_range else 16.0
    return {"gray": (black,), "rgb": (black,) * 3, "yuv": (black, 128.0, 128.0)}[pixel_format.kind]


def _bins(patch: Patch) -> tuple[int, int]:
    """Return (bins along the join, bins away from it)."""
    tuning = TUNING.layout
    strip = patch.strip
    along, across = (strip.height, strip.width) if patch.upright else (strip.width, strip.height)
    limits = (along, tuning.bins_along), (across, tuning.bins_across)
    n, k = (min(max(pixels // tuning.bin_pixels, 1), most) for pixels, most in limits)
    return n, k

"""Corrects the wings to match each frame at the joins, by one gain and offset a plane.

``Strips`` averages the known picture beside the joins into bins, of the frame and of the prediction. From both a
``JoinMatcher`` finds a ``Correction``. What remains at the join, line by line, is closed by ``seam``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32, Mask, Plane
from remaster.media.types import ColorSpec, PixelFormat, Rect
from remaster.resample.gain_compensation import LastFit, Tone, fit
from remaster.resample.layout import FrameFormat, Patch, local, on_plane, part, plane_steps
from remaster.resample.tuning import TUNING


@dataclass(frozen=True)
class Correction:
    """What is applied to a frame's prediction: its ``tone``.

    ``cuts`` says for each patch how much (0-1) each bin of its join cuts a figure, float32 (n,); empty without
    detectors.
    """

    tone: Tone
    cuts: tuple[Float32, ...]


class CutDetector:
    """Measures, frame by frame, where figures are cut at one patch's join.

    ``shape`` is the strip's, (bins along the join, bins away from it); ``noise`` is in 8-bit levels and taken off the
    differences.
    """

    def __init__(self, patch: Patch, shape: tuple[int, int], noise: float):
        self._shape = shape
        self._inwards = slice(None) if patch.side in ("left", "top") else slice(None, None, -1)
        self._noise = noise

    def __call__(self, error: Float32, valid: npt.NDArray[np.bool_]) -> Float32:
        """Return how much (0-1) each of the join's n bins is a figure's, float32 (n,).

        ``error`` float32 (planes, n * k) is the strip less its prediction; ``valid`` bool (n * k,).
        """
        low, high = TUNING.join.cut_levels
        known = valid.reshape(self._shape)[:, self._inwards]
        # The gate's edge is uneven: the outermost valid bin of each row counts.
        row, column = np.arange(len(known)), known.argmax(axis=1)
        levels = np.abs(error).max(axis=0).reshape(self._shape)[:, self._inwards][row, column] - self._noise
        share = np.clip((levels - low) / (high - low), 0, 1) * known[row, column]
        kernel = np.ones((max(round(TUNING.join.min_cut * len(share)), 1), 1), np.uint8)
        opened = cv2.morphologyEx(share.astype(np.float32)[:, None], cv2.MORPH_OPEN, kernel)
        return np.asarray(opened[:, 0], np.float32)


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

    def toned(self, predicted: npt.NDArray[np.generic], tone: Tone, plane: int) -> Float32:
        """Apply a tone to one plane of a predicted patch: a new array, float32, in the plane's own levels."""
        gain = float(tone.gain[plane])
        shift = self.unit * (self.pivots[plane] * (1 - gain) + float(tone.offset[plane]))
        return predicted.astype(np.float32) * np.float32(gain) + np.float32(shift)

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


class JoinMatcher:
    """Finds the corrections that match the predicted wings to a shot's frames, given in order.

    ``scale`` is the residual in 8-bit levels from which on a bin of a strip counts as foreground and is left out;
    ``chroma`` is True where planes 1 and 2 are chroma. ``detectors``, one for each patch or none at all, measure where
    the joins cut figures.
    """

    def __init__(self, strips: Strips, scale: float, chroma: bool, detectors: Sequence[CutDetector] = ()):
        self._strips, self._scale, self._chroma = strips, scale, chroma
        self._last: LastFit | None = None
        self._used: Tone | None = None
        self._detectors = detectors

    def match(self, planes: Sequence[Plane], predicted: Float32, resting: bool) -> Correction:
        """Return the frame's correction: its tone is the last one, the same object, where the picture rests and little
        changed.

        ``planes`` are the active picture's, ``predicted`` the strips of the prediction (``Strips.of_prediction``);
        ``resting`` is True where the prediction is that of the frame before.
        """
        observed = self._strips.of_frame(planes)
        tone = self._tone(predicted, observed)
        error = observed - tone(predicted)
        slices = self._strips.slices[: len(self._detectors)]
        pairs = zip(self._detectors, slices, strict=True)
        cuts = tuple(detect(error[:, at], self._strips.valid[at]) for detect, at in pairs)
        if not resting or self._used is None or tone.distance(self._used, _spread(predicted)) > TUNING.join.dead_zone:
            self._used = tone
        return Correction(self._used, cuts)

    def _tone(self, predicted: Float32, observed: Float32) -> Tone:
        """Fit the frame's tone; small changes are mostly noise and smoothed, large ones (fades, flashes) are not."""
        tone = fit(predicted, observed, self._strips.valid, self._scale, self._chroma, self._last)
        if self._last is not None:
            change = tone.distance(self._last.tone, _spread(predicted))
            tone = self._last.tone.mixed(tone, change**2 / (change**2 + TUNING.join.settling**2))
        self._last = LastFit(tone, observed)
        return tone


def _spread(predicted: Float32) -> npt.NDArray[np.float64]:
    """Return a low and a high level of each plane's strips (planes, 2): their mean minus and plus one deviation."""
    mean, spread = predicted.mean(axis=1), predicted.std(axis=1)
    return np.stack([mean - spread, mean + spread], axis=1).astype(float)

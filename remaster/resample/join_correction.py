"""Corrects the wings to match each frame at the joins: one gain and offset, and a field that decays with distance.

``Strips`` averages the known picture beside the joins into bins, of the frame and of the prediction. From both a
``JoinMatcher`` finds a ``Correction``, which a ``Field`` applies to one plane of one patch. The field is the membrane
of seamless cloning (Perez et al., "Poisson Image Editing", SIGGRAPH 2003) for a half plane: a difference along the join
of wavelength s decays within about s of it. It is stored as a few bands of increasingly smooth differences, so that
adding it costs one small matrix product.
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
from remaster.imaging.geometry import Window
from remaster.media.types import ColorSpec, PixelFormat, Rect
from remaster.resample.gain_compensation import LastFit, Tone, fit, weights
from remaster.resample.layout import Patch, local, on_plane, part, plane_steps, samples_outside
from remaster.resample.tuning import TUNING


@dataclass(frozen=True)
class Correction:
    """What is applied to a frame's prediction: ``tone``, and for each patch the field's bands, float32 (planes, b, n).

    ``cuts`` says for each patch how much (0-1) each bin of its join cuts a figure, float32 (n,); empty without
    detectors.
    """

    tone: Tone
    bands: tuple[Float32, ...]
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

    def __init__(
        self,
        window: Window,
        placed: Sequence[Patch],
        pixel_format: PixelFormat,
        color: ColorSpec,
        gate: Mask | None,
    ):
        self.steps = plane_steps(pixel_format)
        self.unit = float(1 << (pixel_format.depth - 8))
        self.pivots = pivots(pixel_format, color)
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


class JoinMatcher:
    """Finds the corrections that match the predicted wings to a shot's frames, given in order.

    ``scale`` is the residual in 8-bit levels from which on a bin of a strip counts as foreground and is left out;
    ``chroma`` is True where planes 1 and 2 are chroma. ``detectors``, one for each patch or none at all, measure where
    the joins cut figures.
    """

    def __init__(self, strips: Strips, scale: float, chroma: bool, detectors: Sequence[CutDetector] = ()):
        self._strips, self._scale, self._chroma = strips, scale, chroma
        self._smooth = [_Smoother(n) for n, _ in strips.shapes]
        planes = len(strips.pivots)
        self._sum: list[Float32] = [np.zeros((planes, n), np.float32) for n, _ in strips.shapes]
        self._count: list[Float32] = [np.zeros(n, np.float32) for n, _ in strips.shapes]
        self._last: LastFit | None = None
        self._used: Correction | None = None
        self._detectors = detectors

    def match(self, planes: Sequence[Plane], predicted: Float32, resting: bool) -> Correction:
        """Return the frame's correction: the last one, the same object, where the picture rests and little changed.

        ``planes`` are the active picture's, ``predicted`` the strips of the prediction (``Strips.of_prediction``);
        ``resting`` is True where the prediction is that of the frame before.
        """
        observed = self._strips.of_frame(planes)
        tone = self._tone(predicted, observed)
        error = observed - tone(predicted)
        bands = self._bands(error, resting)
        slices = self._strips.slices[: len(self._detectors)]
        pairs = zip(self._detectors, slices, strict=True)
        cuts = tuple(detect(error[:, at], self._strips.valid[at]) for detect, at in pairs)
        new = Correction(tone, bands, cuts)
        if resting and self._used is not None and self._close(new, self._used, predicted):
            return self._used
        self._used = new
        return new

    def _tone(self, predicted: Float32, observed: Float32) -> Tone:
        """Fit the frame's tone; small changes are mostly noise and smoothed, large ones (fades, flashes) are not."""
        tone = fit(predicted, observed, self._strips.valid, self._scale, self._chroma, self._last)
        if self._last is not None:
            change = tone.distance(self._last.tone, _spread(predicted))
            tone = self._last.tone.mixed(tone, change**2 / (change**2 + TUNING.join.settling**2))
        self._last = LastFit(tone, observed)
        return tone

    def _bands(self, error: Float32, resting: bool) -> tuple[Float32, ...]:
        """Smooth the robustly weighted differences along each join; a running mean over frames."""
        agree = weights(error, self._scale) * self._strips.valid
        memory = np.float32(TUNING.join.resting_memory if resting else TUNING.join.moving_memory)
        bands = []
        for i, (where, shape) in enumerate(zip(self._strips.slices, self._strips.shapes, strict=True)):
            weight = agree[where].reshape(shape)
            local = error[:, where].reshape(-1, *shape)
            self._sum[i] = memory * self._sum[i] + (local * weight).sum(axis=2) / shape[1]
            self._count[i] = memory * self._count[i] + weight.sum(axis=1) / shape[1]
            bands.append(self._smooth[i](self._sum[i], self._count[i]))
        return tuple(bands)

    def _close(self, new: Correction, used: Correction, predicted: Float32) -> bool:
        if new.tone.distance(used.tone, _spread(predicted)) > TUNING.join.dead_zone:
            return False
        pairs = zip(new.bands, used.bands, strict=True)
        return all(float(np.abs((a - b).sum(axis=1)).max()) <= TUNING.join.dead_zone for a, b in pairs)


def _spread(predicted: Float32) -> npt.NDArray[np.float64]:
    """Return a low and a high level of each plane's strips (planes, 2): their mean minus and plus one deviation."""
    mean, spread = predicted.mean(axis=1), predicted.std(axis=1)
    return np.stack([mean - spread, mean + spread], axis=1).astype(float)


class _Smoother:
    """Splits weighted differences along a join of n bins into bands, from the finest to their mean.

    Normalized convolution (Knutsson and Westin, CVPR 1993); a band with little evidence falls back on the next coarser
    one.
    """

    def __init__(self, bins: int):
        distance = np.arange(bins)[:, None] - np.arange(bins)[None, :]
        kernels = [np.exp(-0.5 * (distance / sigma) ** 2) for sigma in TUNING.join.sigmas]
        self._kernels = [(k / k.sum(axis=1).max()).astype(np.float32) for k in kernels]

    def __call__(self, total: Float32, count: Float32) -> Float32:
        """Return (planes, bands, n) from sums (planes, n) of weighted differences and their weights (n,)."""
        prior = TUNING.join.prior_bins
        mean = total.sum(axis=1, keepdims=True) / (count.sum() + prior)
        level = np.broadcast_to(mean, total.shape).astype(np.float32)
        levels = [level]
        for kernel in reversed(self._kernels):
            level = (total @ kernel.T + prior * level) / (kernel @ count + prior)
            levels.append(level)
        bands = [fine - coarse for coarse, fine in pairwise(levels)][::-1]
        return np.stack([*bands, levels[0]], axis=1).astype(np.float32)


class Field:
    """Applies corrections to one plane of one patch.

    ``bins`` lie along its join, ``step`` is (across, down) pixels a sample, ``pivot`` the plane's (``strips.pivots``),
    and ``unit`` one 8-bit level in the plane's own.
    """

    def __init__(self, patch: Patch, bins: int, step: tuple[int, int], pivot: float, unit: float):
        rect, strip = on_plane(patch.rect, step), on_plane(patch.strip, step)
        along_rect = rect.height if patch.upright else rect.width
        self._transposed = not patch.upright
        self._pivot, self._unit = pivot, unit
        first, length = _along(strip, patch.upright)
        position = (np.arange(along_rect) + _along(rect, patch.upright)[0] - first + 0.5) * bins / length - 0.5
        self._position = np.clip(position, 0, bins - 1)
        per_bin = length / bins
        lengths = np.array(
            [*(TUNING.join.decay_distance * s * per_bin for s in TUNING.join.sigmas), max(length / 2, 1.0)]
        )
        away = samples_outside(patch, step)
        self._decay = np.exp(-away[None, :] / lengths[:, None]).astype(np.float32)

    def __call__(self, predicted: npt.NDArray[np.generic], tone: Tone, plane: int, bands: Float32) -> Float32:
        """Apply gain and offset to the patch's plane and add the field: float32, in the plane's own levels."""
        gain, shift = float(tone.gain[plane]), self._pivot * (1 - float(tone.gain[plane])) + float(tone.offset[plane])
        column = np.arange(bands.shape[-1])
        along = np.stack([np.interp(self._position, column, band) for band in bands[plane]]).astype(np.float32)
        field = along.T @ self._decay
        field += np.float32(shift)
        field *= np.float32(self._unit)
        if self._transposed:
            field = np.ascontiguousarray(field.T)
        if gain == 1.0 and not field.any():
            return predicted.astype(np.float32)
        toned = cv2.addWeighted(predicted.astype(np.float32), gain, field, 1.0, 0.0)
        return np.asarray(toned, np.float32)


def _along(rect: Rect, upright: bool) -> tuple[int, int]:
    return (rect.y, max(rect.height, 1)) if upright else (rect.x, max(rect.width, 1))

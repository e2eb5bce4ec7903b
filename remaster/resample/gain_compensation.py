"""Robust gain compensation: one gain and offset per plane between a prediction and a frame.

In come the binned strips of both, float32 (planes, m), and the last frame's fit; out goes a ``Tone``. Figures at the
joins are outliers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32, Float64
from remaster.resample.tuning import TUNING


@dataclass(frozen=True)
class Tone:
    """``observed = gain * predicted + offset`` in 8-bit levels from each plane's pivot; float64 (planes,) each."""

    gain: Float64
    offset: Float64

    def __call__(self, levels: Float32) -> Float32:
        """Apply the tone to levels (planes, m)."""
        return (levels * self.gain[:, None] + self.offset[:, None]).astype(np.float32)

    def after(self, other: Tone) -> Tone:
        """Return the tone that applies ``other`` first, then this one."""
        return Tone(self.gain * other.gain, self.gain * other.offset + self.offset)

    def mixed(self, other: Tone, share: float) -> Tone:
        """Return this tone moved towards ``other`` by ``share``."""
        return Tone(self.gain + share * (other.gain - self.gain), self.offset + share * (other.offset - self.offset))

    def distance(self, other: Tone, levels: Float64) -> float:
        """Return the largest difference of two tones, in levels, at the given levels (planes, j)."""
        change = (self.gain - other.gain)[:, None] * levels + (self.offset - other.offset)[:, None]
        return float(np.abs(change).max())


def neutral(planes: int) -> Tone:
    """Return the tone that changes nothing."""
    return Tone(np.ones(planes), np.zeros(planes))


def weights(error: Float32, scale: float) -> Float32:
    """Return Geman-McClure weights (m,) in 0-1 of residuals (planes, m); a bin counts if all planes agree."""
    square = np.einsum("pm,pm->m", error, error) / np.float32(scale * scale)
    return np.asarray(1 / (1 + square) ** 2, np.float32)


def fit(
    predicted: Float32,
    observed: Float32,
    valid: npt.NDArray[np.bool_],
    scale: float,
    chroma: bool,
    last: LastFit | None,
) -> Tone:
    """Find the tone that takes most bins of ``predicted`` to ``observed``, both (planes, m).

    Candidates are the last frame's tone, that tone changed as the frame's own strips changed since (figures change
    alike, so a fade is found even where they cover the joins), and one fitted freely by graduated non-convexity (Blake
    and Zisserman, "Visual Reconstruction", 1987). A tone that continues the last one is preferred to a free one; where
    almost nothing agrees, the changed one is taken. ``valid`` bool (m,); ``scale`` is the residual, in levels, from
    which on a bin counts as foreground; ``chroma`` is True where planes 1 and 2 are chroma, which fades with luma.
    """
    tuning = TUNING.gain
    known = valid.astype(np.float32)
    if not valid.any():
        return last.tone if last else neutral(len(observed))
    levels = predicted.mean(axis=1, keepdims=True).astype(float)
    found: list[tuple[float, Tone]] = []
    starts = _continuations(observed, known, scale, chroma, last)
    for start in starts:
        tone, support = _refine(start, predicted, observed, known, scale, chroma)
        # A continuation that moved far has been fitted to a figure.
        if tone.distance(start, levels) > tuning.unlikely:
            tone, support = start, _support(start, predicted, observed, known, scale)
        if support > tuning.sufficient_support:
            return tone
        found.append((support, tone))
    free = neutral(len(observed))
    for width in tuning.annealing:
        free = _solve(predicted, observed, known * weights(observed - free(predicted), max(width, scale)), free, chroma)
    tone, support = _refine(free, predicted, observed, known, scale, chroma)
    best, chosen = max(
        [*found, (support * tuning.free_weight * _likelihood(tone, chroma), tone)], key=lambda item: item[0]
    )
    return starts[0] if best < tuning.min_support else chosen


@dataclass(frozen=True)
class LastFit:
    """The frame before: its tone and its strips (planes, m)."""

    tone: Tone
    observed: Float32

    def changed(self, observed: Float32, known: Float32, scale: float, chroma: bool) -> Tone:
        """Return the last tone, changed as the strips changed since."""
        return between(self.observed, observed, known, scale, chroma).after(self.tone)


def between(before: Float32, after: Float32, known: Float32, scale: float, chroma: bool) -> Tone:
    """Fit the tone that takes most of ``before`` to ``after``, both (planes, m), weighted by ``known`` (m,)."""
    tone = neutral(len(before))
    for width in (*TUNING.gain.annealing, scale):
        tone = _solve(before, after, known * weights(after - tone(before), width), tone, chroma)
    return tone


def _continuations(observed: Float32, known: Float32, scale: float, chroma: bool, last: LastFit | None) -> list[Tone]:
    """Return the tones that continue the last one, the preferred one first."""
    if last is None:
        return [neutral(len(observed))]
    if np.abs(observed - last.observed).mean() < TUNING.gain.same_strips:
        return [last.tone]
    return [last.changed(observed, known, scale, chroma), last.tone]


def _likelihood(tone: Tone, chroma: bool) -> float:
    """Return how likely (0-1) a freely fitted tone is: a strong one must be a fade to black or white without tint.

    A figure that covers the joins in one flat colour is explained by a gain near 0 too, but is neither.
    """
    tuning = TUNING.gain
    light = slice(0, 1) if chroma else slice(None)
    gain, offset = tone.gain[light], tone.offset[light]
    faded = np.minimum(np.abs(offset), np.abs(offset - tuning.white * (1 - gain)))
    unlikely = [*(faded * np.clip(2 - 2 * gain, 0, 1)), *(np.abs(tone.offset[1:]) if chroma else ())]
    return float(np.exp(-0.5 * (max(unlikely) / tuning.unlikely) ** 2))


def _refine(
    tone: Tone, predicted: Float32, observed: Float32, known: Float32, scale: float, chroma: bool
) -> tuple[Tone, float]:
    """Refine a tone by iteratively reweighted least squares; returns it with its support."""
    levels = predicted.mean(axis=1, keepdims=True).astype(float)
    for _ in range(TUNING.gain.max_iterations):
        weight = known * weights(observed - tone(predicted), scale)
        before, tone = tone, _solve(predicted, observed, weight, tone, chroma)
        if tone.distance(before, levels) < TUNING.gain.converged:
            break
    return tone, _support(tone, predicted, observed, known, scale)


def _support(tone: Tone, predicted: Float32, observed: Float32, known: Float32, scale: float) -> float:
    """Return the share (0-1) of the known bins that agree with a tone."""
    return float((known * weights(observed - tone(predicted), scale)).sum() / known.sum())


def _solve(predicted: Float32, observed: Float32, weight: Float32, prior: Tone, chroma: bool) -> Tone:
    """Fit a tone by weighted ridge regression per plane: towards the prior, for chroma towards luma's gain."""
    tuning = TUNING.gain
    x, y, w = predicted.astype(float), observed.astype(float), weight.astype(float)
    count = w.sum() + 1e-6
    gain, offset = prior.gain.copy(), prior.offset.copy()
    for p in range(len(x)):
        follows = chroma and p > 0
        ridge = count * (tuning.chroma_ridge if follows else tuning.gain_ridge)
        aim = gain[0] if follows else prior.gain[p]
        wx = w * x[p]
        sx, scale = wx.sum(), count * (1 + tuning.offset_ridge)
        sy = w @ y[p] + count * tuning.offset_ridge * prior.offset[p]
        # The 2 x 2 normal equations by Cramer's rule.
        free = ((wx @ y[p] + ridge * aim) * scale - sx * sy) / ((wx @ x[p] + ridge) * scale - sx * sx)
        gain[p] = min(max(free, 0.0), tuning.max_gain)
        offset[p] = (sy - gain[p] * sx) / scale
    return Tone(gain, offset)

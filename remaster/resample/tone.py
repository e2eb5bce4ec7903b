"""How bright and how coloured a frame is beside its background: one gain and offset per plane, robust to characters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32, Float64

ROUNDS, SETTLED = 4, 0.02
"""Reweightings of a tone at most, and the levels of change that end them."""
ANNEAL = (60.0, 30.0, 15.0)
"""Levels at which bins lose weight, one after the other: graduated non-convexity."""
ENOUGH = 0.6
"""Share of the bins that must agree with a tone that goes on from the last, to be believed at once."""
FEW = 0.1
"""Share of the bins under which nothing is believed but how the strips themselves changed."""
DOUBT = 0.6
"""What a bin that agrees with a free tone counts beside one that agrees with a tone that goes on."""
OFFSET_RIDGE, GAIN_RIDGE, CHROMA_RIDGE = 0.003, 1.0, 30.0
"""What holds offset and gain to the last ones, and chroma's gain to luma's, in squared levels a bin: flat strips tell
none."""
GAIN_LIMIT = 4.0
"""Larger gains show steps and grain, not a set."""
WHITE, STRANGE = 219.0, 12.0
"""Levels from black to white; levels by which a tone is strange: a tint, or a leap."""


@dataclass(frozen=True)
class Tone:
    """``seen = gain * predicted + offset`` in 8-bit levels from each plane's pivot; float64 (planes,) each."""

    gain: Float64
    offset: Float64

    def __call__(self, levels: Float32) -> Float32:
        """The toned levels of (planes, m)."""
        return (levels * self.gain[:, None] + self.offset[:, None]).astype(np.float32)

    def after(self, other: Tone) -> Tone:
        """First ``other``, then this one."""
        return Tone(self.gain * other.gain, self.gain * other.offset + self.offset)

    def mixed(self, other: Tone, share: float) -> Tone:
        """This tone moved towards ``other`` by ``share``."""
        return Tone(self.gain + share * (other.gain - self.gain), self.offset + share * (other.offset - self.offset))

    def distance(self, other: Tone, levels: Float64) -> float:
        """The largest difference, in levels, that the two make at the given levels (planes, j)."""
        change = (self.gain - other.gain)[:, None] * levels + (self.offset - other.offset)[:, None]
        return float(np.abs(change).max())


def neutral(planes: int) -> Tone:
    """The tone that changes nothing."""
    return Tone(np.ones(planes), np.zeros(planes))


def weights(error: Float32, scale: float) -> Float32:
    """Geman-McClure weights (m,) in 0-1 of residuals (planes, m): all planes must agree for a bin to count."""
    square = np.einsum("pm,pm->m", error, error) / np.float32(scale * scale)
    return np.asarray(1 / (1 + square) ** 2, np.float32)


def fit(
    predicted: Float32, seen: Float32, valid: npt.NDArray[np.bool_], scale: float, chroma: bool, last: LastFit | None
) -> Tone:
    """The tone that explains most bins of the strips.

    Candidates are the last frame's tone, that tone changed as the frame's own strips changed since (which characters
    share, so a fade carries even where they cover the joins), and one fitted freely by graduated non-convexity. A tone
    that continues the last one is believed before a free one; where next to nothing agrees, the changed one is taken.
    ``scale`` is the residual, in levels, beyond which a bin counts as foreground; ``chroma`` tells that planes 1 and 2
    are chroma, which fades with luma.
    """
    known = valid.astype(np.float32)
    if not valid.any():
        return last.tone if last else neutral(len(seen))
    levels = predicted.mean(axis=1, keepdims=True).astype(float)
    found: list[tuple[float, Tone]] = []
    starts = _continuations(seen, known, scale, chroma, last)
    for start in starts:
        tone, support = _refine(start, predicted, seen, known, scale, chroma)
        # A continuation that ran away has found a character.
        if tone.distance(start, levels) > STRANGE:
            tone, support = start, _support(start, predicted, seen, known, scale)
        if support > ENOUGH:
            return tone
        found.append((support, tone))
    free = neutral(len(seen))
    for width in ANNEAL:
        free = _solve(predicted, seen, known * weights(seen - free(predicted), max(width, scale)), free, chroma)
    tone, support = _refine(free, predicted, seen, known, scale, chroma)
    best, chosen = max([*found, (support * DOUBT * _likelihood(tone, chroma), tone)], key=lambda item: item[0])
    return starts[0] if best < FEW else chosen


@dataclass(frozen=True)
class LastFit:
    """The frame before: its tone and its strips (planes, m)."""

    tone: Tone
    seen: Float32

    def changed(self, seen: Float32, known: Float32, scale: float, chroma: bool) -> Tone:
        """The last tone, changed as the strips changed since."""
        return between(self.seen, seen, known, scale, chroma).after(self.tone)


def between(before: Float32, after: Float32, known: Float32, scale: float, chroma: bool) -> Tone:
    """The tone that takes most of ``before`` to ``after``, both (planes, m); ``known`` (m,) weighs the samples."""
    tone = neutral(len(before))
    for width in (*ANNEAL, scale):
        tone = _solve(before, after, known * weights(after - tone(before), width), tone, chroma)
    return tone


def _continuations(seen: Float32, known: Float32, scale: float, chroma: bool, last: LastFit | None) -> list[Tone]:
    if last is None:
        return [neutral(len(seen))]
    if np.abs(seen - last.seen).mean() < 0.5:
        return [last.tone]
    return [last.changed(seen, known, scale, chroma), last.tone]


def _likelihood(tone: Tone, chroma: bool) -> float:
    """How likely (0-1) a tone found without a past is: a strong one is a fade to black or white, and hardly tints.

    A character that covers the joins in one flat colour is explained by a gain near 0 too, but is neither.
    """
    light = slice(0, 1) if chroma else slice(None)
    gain, offset = tone.gain[light], tone.offset[light]
    faded = np.minimum(np.abs(offset), np.abs(offset - WHITE * (1 - gain)))
    strange = [*(faded * np.clip(2 - 2 * gain, 0, 1)), *(np.abs(tone.offset[1:]) if chroma else ())]
    return float(np.exp(-0.5 * (max(strange) / STRANGE) ** 2))


def _refine(
    tone: Tone, predicted: Float32, seen: Float32, known: Float32, scale: float, chroma: bool
) -> tuple[Tone, float]:
    levels = predicted.mean(axis=1, keepdims=True).astype(float)
    for _ in range(ROUNDS):
        weight = known * weights(seen - tone(predicted), scale)
        before, tone = tone, _solve(predicted, seen, weight, tone, chroma)
        if tone.distance(before, levels) < SETTLED:
            break
    return tone, _support(tone, predicted, seen, known, scale)


def _support(tone: Tone, predicted: Float32, seen: Float32, known: Float32, scale: float) -> float:
    """The share (0-1) of the known bins that agree with a tone."""
    return float((known * weights(seen - tone(predicted), scale)).sum() / known.sum())


def _solve(predicted: Float32, seen: Float32, weight: Float32, prior: Tone, chroma: bool) -> Tone:
    """Weighted ridge regression per plane: towards the prior, for chroma towards luma's gain."""
    x, y, w = predicted.astype(float), seen.astype(float), weight.astype(float)
    count = w.sum() + 1e-6
    gain, offset = prior.gain.copy(), prior.offset.copy()
    for p in range(len(x)):
        follows = chroma and p > 0
        ridge = count * (CHROMA_RIDGE if follows else GAIN_RIDGE)
        aim = gain[0] if follows else prior.gain[p]
        wx = w * x[p]
        sx, sy, scale = wx.sum(), w @ y[p] + count * OFFSET_RIDGE * prior.offset[p], count * (1 + OFFSET_RIDGE)
        # The 2 x 2 normal equations by Cramer's rule.
        free = ((wx @ y[p] + ridge * aim) * scale - sx * sy) / ((wx @ x[p] + ridge) * scale - sx * sx)
        gain[p] = min(max(free, 0.0), GAIN_LIMIT)
        offset[p] = (sy - gain[p] * sx) / scale
    return Tone(gain, offset)

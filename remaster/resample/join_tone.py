"""Matches the wings to each frame at the joins: a tone for all of it, and a field that fades away from the join.

The field is the membrane of seamless cloning (Perez et al., "Poisson Image Editing", SIGGRAPH 2003) for a half plane:
a difference along the join that varies with wavelength s dies out within about s of it. It is kept as a few bands of
ever smoother differences, so that adding it costs one small matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32, Plane
from remaster.media.types import Rect
from remaster.resample.cut_figures import CutFinder
from remaster.resample.layout import Patch, on_plane, samples_beyond
from remaster.resample.strip_samples import Strips
from remaster.resample.tone import LastFit, Tone, fit, weights

SIGMAS = (0.8, 3.0, 9.0)
"""Bins along the join over which the field's bands are smoothed."""
REACH = 1.5
"""Times its sigma, away from the join, after which a band counts 1/e."""
EVIDENCE = 0.15
"""Known bins that weigh as much as the next coarser band's answer."""
DEAD_ZONE = 0.4
"""Levels by which a correction may change while the picture rests, and is kept as it was."""
SETTLING = 0.7
"""Levels of change of tone of which half is followed at once; less is mostly noise."""
REST_MEMORY, MOVING_MEMORY = 0.9, 0.5
"""Share of the frames before that stays in the differences, while the prediction rests and while it moves."""


@dataclass(frozen=True)
class Correction:
    """What a frame adds to its prediction: ``tone``, and for each patch the field's bands, float32 (planes, b, n).

    ``cuts`` tell how far each bin of the patches' joins cuts a character, float32 (n,); empty where that is not asked.
    """

    tone: Tone
    bands: tuple[Float32, ...]
    cuts: tuple[Float32, ...]


class JoinMatcher:
    """Follows a shot's frames in order and says how the predicted wings must be changed to match each.

    ``scale`` is the residual in 8-bit levels beyond which a bin of a strip counts as foreground and is left out;
    ``chroma`` tells that planes 1 and 2 are chroma. ``finders``, one for each patch or none at all, look for characters
    that the joins cut.
    """

    def __init__(self, strips: Strips, scale: float, chroma: bool, finders: Sequence[CutFinder] = ()):
        self._strips, self._scale, self._chroma = strips, scale, chroma
        self._smooth = [_Smoother(n) for n, _ in strips.shapes]
        planes = len(strips.pivots)
        self._sum: list[Float32] = [np.zeros((planes, n), np.float32) for n, _ in strips.shapes]
        self._count: list[Float32] = [np.zeros(n, np.float32) for n, _ in strips.shapes]
        self._last: LastFit | None = None
        self._used: Correction | None = None
        self._finders = finders

    def match(self, planes: Sequence[Plane], predicted: Float32, rest: bool) -> Correction:
        """The frame's correction: the last one itself, the same object, where the picture rests and little changed.

        ``planes`` are the active picture's, ``predicted`` its strips as predicted (``Strips.of_prediction``), ``rest``
        tells that the prediction is that of the frame before.
        """
        seen = self._strips.of_frame(planes)
        tone = self._tone(predicted, seen)
        error = seen - tone(predicted)
        bands = self._bands(error, rest)
        slices = self._strips.slices[: len(self._finders)]
        cuts = tuple(find(error[:, at], self._strips.valid[at]) for find, at in zip(self._finders, slices, strict=True))
        new = Correction(tone, bands, cuts)
        if rest and self._used is not None and self._close(new, self._used, predicted):
            return self._used
        self._used = new
        return new

    def _tone(self, predicted: Float32, seen: Float32) -> Tone:
        """Small changes of tone are mostly noise and are followed slowly, large ones (fades, flashes) at once."""
        tone = fit(predicted, seen, self._strips.valid, self._scale, self._chroma, self._last)
        if self._last is not None:
            change = tone.distance(self._last.tone, _spread(predicted))
            tone = self._last.tone.mixed(tone, change**2 / (change**2 + SETTLING**2))
        self._last = LastFit(tone, seen)
        return tone

    def _bands(self, error: Float32, rest: bool) -> tuple[Float32, ...]:
        agree = weights(error, self._scale) * self._strips.valid
        keep = np.float32(REST_MEMORY if rest else MOVING_MEMORY)
        bands = []
        for i, (where, shape) in enumerate(zip(self._strips.slices, self._strips.shapes, strict=True)):
            weight = agree[where].reshape(shape)
            local = error[:, where].reshape(-1, *shape)
            self._sum[i] = keep * self._sum[i] + (local * weight).sum(axis=2) / shape[1]
            self._count[i] = keep * self._count[i] + weight.sum(axis=1) / shape[1]
            bands.append(self._smooth[i](self._sum[i], self._count[i]))
        return tuple(bands)

    def _close(self, new: Correction, used: Correction, predicted: Float32) -> bool:
        if new.tone.distance(used.tone, _spread(predicted)) > DEAD_ZONE:
            return False
        pairs = zip(new.bands, used.bands, strict=True)
        return all(float(np.abs((a - b).sum(axis=1)).max()) <= DEAD_ZONE for a, b in pairs)


def _spread(predicted: Float32) -> npt.NDArray[np.float64]:
    """A low and a high level of each plane's strips (planes, 2): a standard deviation from their mean."""
    mean, spread = predicted.mean(axis=1), predicted.std(axis=1)
    return np.stack([mean - spread, mean + spread], axis=1).astype(float)


class _Smoother:
    """Splits weighted differences along a join of n bins into bands, from the finest to their mean.

    Normalised convolution; where there is little evidence a scale falls back on the next coarser one.
    """

    def __init__(self, bins: int):
        apart = np.arange(bins)[:, None] - np.arange(bins)[None, :]
        kernels = [np.exp(-0.5 * (apart / sigma) ** 2) for sigma in SIGMAS]
        self._kernels = [(k / k.sum(axis=1).max()).astype(np.float32) for k in kernels]

    def __call__(self, total: Float32, count: Float32) -> Float32:
        """(planes, len(SIGMAS) + 1, n) from sums (planes, n) of weighted differences and their weights (n,)."""
        mean = total.sum(axis=1, keepdims=True) / (count.sum() + EVIDENCE)
        level = np.broadcast_to(mean, total.shape).astype(np.float32)
        levels = [level]
        for kernel in reversed(self._kernels):
            level = (total @ kernel.T + EVIDENCE * level) / (kernel @ count + EVIDENCE)
            levels.append(level)
        bands = [fine - coarse for coarse, fine in pairwise(levels)][::-1]
        return np.stack([*bands, levels[0]], axis=1).astype(np.float32)


class Field:
    """Turns corrections into planes to be added to one plane of one patch."""

    def __init__(self, patch: Patch, bins: int, step: tuple[int, int], pivot: float, unit: float):
        rect, strip = on_plane(patch.rect, step), on_plane(patch.strip, step)
        along_rect = rect.height if patch.upright else rect.width
        self._transposed = not patch.upright
        self._pivot, self._unit = pivot, unit
        first, length = _along(strip, patch.upright)
        position = (np.arange(along_rect) + _along(rect, patch.upright)[0] - first + 0.5) * bins / length - 0.5
        self._position = np.clip(position, 0, bins - 1)
        per_bin = length / bins
        lengths = np.array([*(REACH * s * per_bin for s in SIGMAS), max(length / 2, 1.0)])
        away = samples_beyond(patch, step)
        self._decay = np.exp(-away[None, :] / lengths[:, None]).astype(np.float32)

    def __call__(self, predicted: npt.NDArray[np.generic], tone: Tone, plane: int, bands: Float32) -> Float32:
        """The plane of the patch, toned and with the field added: float32, in the plane's own levels."""
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

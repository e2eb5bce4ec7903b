"""Gain compensation: gain and offset of each keyframe, so that fades and flicker leave no bands in the background.

Over all overlaps jointly, as in Brown and Lowe (IJCV 2007, section 6), with an offset beside the gain, and matched
quantiles in place of means, so that a character that was not masked does not count.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import FINE, FineRgb, Float64, Rgb
from remaster.imaging.channels import with_levels
from remaster.stitch.tuning import TUNING


@dataclass(frozen=True)
class Exposure:
    """``gain`` and ``offset`` float64 (k, 3): ``value * gain + offset`` brings a keyframe to the reference's light."""

    gain: Float64
    offset: Float64


def estimate_exposure(pictures: npt.NDArray[np.uint8], seen: npt.NDArray[np.bool_], reference: int) -> Exposure:
    """Estimate the exposures of ``k`` aligned pictures (k, h, w, 3); ``seen`` (k, h, w) is their background.

    ``reference`` is the index of the picture whose light is kept.
    """
    k = len(pictures)
    gain, offset = np.ones((k, 3)), np.zeros((k, 3))
    free = np.array([i for i in range(k) if i != reference])
    if not len(free):
        return Exposure(gain, offset)
    every = np.s_[:, :: TUNING.exposure.stride, :: TUNING.exposure.stride]
    pictures, seen = pictures[every], np.ascontiguousarray(seen[every])
    pairs = _overlaps(seen, reference)
    for channel in range(3):
        solved = _solve(np.ascontiguousarray(pictures[..., channel]), seen, pairs, free)
        gain[free, channel], offset[free, channel] = solved[:, 0], solved[:, 1]
    levels = np.array(TUNING.exposure.levels)[:, None, None]
    change = np.abs(levels * gain + offset - levels).max(axis=(0, 2))
    small = change < TUNING.exposure.min_correction
    gain[small], offset[small] = 1.0, 0.0
    return Exposure(gain, offset)


def balance(picture: Rgb | FineRgb, gain: Float64, offset: Float64) -> Rgb | FineRgb:
    """Bring a picture to the reference's light, rounded to its own type; the same object where nothing changes."""
    if (gain == 1.0).all() and (offset == 0.0).all():
        return picture
    if picture.dtype == np.uint16:
        fine = [picture[..., c] * np.float32(gain[c]) + np.float32(FINE * offset[c]) for c in range(3)]
        return np.clip(np.rint(np.stack(fine, axis=-1)), 0, 255 * FINE).astype(np.uint16)
    return with_levels(np.asarray(picture, np.uint8), np.arange(256.0)[:, None] * gain + offset)


def _overlaps(seen: npt.NDArray[np.bool_], reference: int) -> list[tuple[int, int]]:
    """Pairs of keyframes, at distances of powers of two and with the reference, that share enough of the canvas."""
    k = len(seen)
    steps = [1 << s for s in range(max(k - 1, 1).bit_length())]
    candidates = {(i, i + s) for i in range(k) for s in steps if i + s < k}
    candidates |= {(min(i, reference), max(i, reference)) for i in range(k) if i != reference}
    area = seen[reference].sum()
    min_pixels = TUNING.exposure.min_overlap * max(area, 1)
    return [(i, j) for i, j in sorted(candidates) if (seen[i] & seen[j]).sum() >= min_pixels]


def _solve(
    values: npt.NDArray[np.uint8],
    seen: npt.NDArray[np.bool_],
    pairs: list[tuple[int, int]],
    free: npt.NDArray[np.int64],
) -> Float64:
    """(gain, offset) (f, 2) of the ``free`` keyframes in one channel: ridge regression about (1, 0)."""
    column = {int(i): 2 * n for n, i in enumerate(free)}
    rows, target = [], []
    for i, j in pairs:
        both = seen[i] & seen[j]
        a, b = _quantiles(values[i], both), _quantiles(values[j], both)
        weight = np.sqrt(both.sum() / max(seen[i].sum(), 1)) / TUNING.exposure.quantile_sigma
        for u, v in zip(a, b, strict=True):
            row, right = np.zeros(2 * len(free)), 0.0
            for index, value, sign in ((i, u, 1.0), (j, v, -1.0)):
                right -= sign * value * weight
                if index in column:
                    # Unknowns are gain - 1 and offset, so that the ridge pulls towards no correction.
                    row[column[index]] = sign * value * weight
                    row[column[index] + 1] = sign * weight
            rows.append(row)
            target.append(right)
    ridge = np.tile([1 / TUNING.exposure.gain_sigma, 1 / TUNING.exposure.offset_sigma], len(free))
    system = np.vstack([np.array(rows).reshape(-1, 2 * len(free)), np.diag(ridge)])
    right_side = np.concatenate([np.array(target), np.zeros(2 * len(free))])
    # The ridge keeps the normal equations well conditioned.
    solved = np.linalg.solve(system.T @ system, system.T @ right_side).reshape(-1, 2)
    return np.stack([np.clip(solved[:, 0] + 1.0, *TUNING.exposure.gain), solved[:, 1]], axis=-1)


def _quantiles(values: npt.NDArray[np.uint8], where: npt.NDArray[np.bool_]) -> Float64:
    """The tuned quantiles of the values (h, w) where ``where`` (h, w) holds: ``numpy.quantile``'s, from a histogram."""
    counts = cv2.calcHist([values], [0], where.view(np.uint8), [256], [0, 256]).ravel()
    below = np.cumsum(counts, dtype=np.int64)
    place = np.array(TUNING.exposure.quantiles) * (below[-1] - 1)
    low = np.floor(place)
    a, b = (np.searchsorted(below, rank, side="right").astype(float) for rank in (low, low + 1))
    share = place - low
    # Two forms, so that the result is monotonic and exact at both ends.
    return np.asarray(np.where(share < 0.5, a + (b - a) * share, b - (b - a) * (1 - share)))

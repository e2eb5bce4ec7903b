"""How much of one small picture another one explains, whatever characters move in front of both."""

from __future__ import annotations

from collections.abc import Collection

import cv2
import numpy as np

from remaster.arrays import Float32, Mask
from remaster.detect.tuning import TUNING

Thumb = Float32
"""A small luma picture (h, w), 0-255."""

_SQUARE = range(-TUNING.similarity.radius, TUNING.similarity.radius + 1)
NEAR = frozenset((x, y) for x in _SQUARE for y in _SQUARE)


def explained_area(a: Thumb, b: Thumb) -> float:
    """The share (0-1) of the textured area of ``b`` that a nearby place of ``a`` explains, in pattern and in level.

    Nearby is the same place, or where blocks of the picture are found again, within a pixel or two. Patterns agree by
    normalized cross-correlation in a small window; levels as they are, or after ``a`` was brought to the mean and
    contrast of ``b`` (flashes, fades).
    """
    tuning = TUNING.similarity
    local_a, local_b = _local(a), _local(b)
    textured = np.maximum(local_a[1], local_b[1]) > tuning.min_texture
    if textured.mean() < tuning.min_textured_area:
        return float((np.abs(local_a[0] - local_b[0]) < tuning.flat_level).mean())
    same = cv2.blur(cv2.absdiff(a, b), (5, 5))[textured] < tuning.resting_level
    if (still := float(same.mean())) > tuning.sufficient:
        return still
    shifts = _shifts(a, b)
    explained = _explained_by(shifts, a, b, textured)
    if explained > tuning.sufficient:
        return explained
    matched = (a - a.mean()) * np.clip(b.std() / max(float(a.std()), 1.0), *tuning.contrast) + b.mean()
    return max(explained, _explained_by(shifts, matched.astype(np.float32), b, textured))


def area_in_place(a: Thumb, b: Thumb) -> float:
    """The share (0-1) of the textured area of both that agrees at the same place, in pattern and in level.

    0.0 where there is too little texture to distinguish two places.
    """
    textured = np.maximum(_local(a)[1], _local(b)[1]) > TUNING.similarity.min_texture
    if textured.mean() < TUNING.similarity.setup_textured_area:
        return 0.0
    return _explained_by(NEAR, a, b, textured)


def _explained_by(shifts: Collection[tuple[int, int]], a: Thumb, b: Thumb, textured: Mask) -> float:
    """The share of the textured pixels of ``b`` that ``a``, moved by one of the shifts, explains."""
    tuning = TUNING.similarity
    (mean_a, spread_a), (mean_b, spread_b) = _local(a), _local(b)
    explained = np.zeros(b.shape, bool)
    for dx, dy in shifts:
        there = (_overlap(dy), _overlap(dx))
        here = (_overlap(-dy), _overlap(-dx))
        means = mean_a[here], mean_b[there]
        covariance = _box(a[here] * b[there]) - means[0] * means[1]
        alike = covariance > tuning.correlation * (spread_a[here] + 1) * (spread_b[there] + 1)
        explained[there] |= alike & (np.abs(means[0] - means[1]) < tuning.level)
    return float(explained[textured].mean())


def _overlap(shift: int) -> slice:
    """The samples that overlap with the same ones moved by ``shift``."""
    return slice(max(shift, 0), shift if shift < 0 else None)


def _shifts(a: Thumb, b: Thumb) -> Collection[tuple[int, int]]:
    """Where to look: around the same place, and around the displacements that several blocks of ``a`` agree on.

    One correlation of the whole pictures would track the outlined character in front, not the background.
    """
    tuning = TUNING.similarity
    side = max(min(a.shape) // tuning.blocks, tuning.min_side)
    places = [(y, x) for y in range(0, a.shape[0] - side + 1, side) for x in range(0, a.shape[1] - side + 1, side)]
    found = []
    for y, x in places:
        block = a[y : y + side, x : x + side]
        if block.std() > tuning.block_contrast:
            _, likeness, _, (column, row) = cv2.minMaxLoc(cv2.matchTemplate(b, block, cv2.TM_CCOEFF_NORMED))
            found += [(column - x, row - y)] if likeness > tuning.block_correlation else []
    votes = {move: sum(max(abs(move[0] - x), abs(move[1] - y)) <= 1 for x, y in found) for move in found}
    agreed = (move for move in votes if votes[move] >= tuning.min_votes)
    best = sorted(agreed, key=lambda move: (-votes[move], move))[: tuning.displacements]
    return NEAR | {(x + i, y + j) for x, y in best for i in (-1, 0, 1) for j in (-1, 0, 1)}


def _box(image: Thumb) -> Thumb:
    """The mean around each pixel."""
    return np.asarray(cv2.blur(image, (TUNING.similarity.window,) * 2), np.float32)


def _local(image: Thumb) -> tuple[Thumb, Thumb]:
    """Mean and standard deviation around each pixel."""
    mean = _box(image)
    return mean, np.sqrt(np.maximum(_box(image * image) - mean * mean, 0))

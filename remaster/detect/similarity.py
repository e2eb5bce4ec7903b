"""How much of one small picture another one explains, whatever characters move in front of both."""

from __future__ import annotations

from collections.abc import Collection

import cv2
import numpy as np
import numpy.typing as npt

Thumb = npt.NDArray[np.float32]

TEXTURE = 2.5  # standard deviation of the luma around a pixel from which on there is something to compare
ENOUGH = 0.25  # share of a picture that must have texture to be told from another one
NEAR = frozenset((x, y) for x in range(-2, 3) for y in range(-2, 3))


def explained_area(a: Thumb, b: Thumb) -> float:
    """The share (0-1) of the textured area of ``b`` that some place of ``a`` nearby explains, in pattern and in level.

    Float32 luma (h, w), 0-255. Nearby is the same place, or where blocks of the picture are found again, within a pixel
    or two. Patterns agree by normalized cross-correlation in a window of 13 pixels; levels as they are, or after ``a``
    was brought to the mean and contrast of ``b`` (flashes, fades).
    """
    local_a, local_b = _local(a), _local(b)
    textured = np.maximum(local_a[1], local_b[1]) > TEXTURE
    if textured.mean() < 0.02:
        return float((np.abs(local_a[0] - local_b[0]) < 20).mean())
    if (still := float((cv2.blur(cv2.absdiff(a, b), (5, 5))[textured] < 6).mean())) > 0.8:
        return still
    shifts = _shifts(a, b)
    explained = _explained_by(shifts, a, b, textured)
    if explained > 0.8:
        return explained
    matched = (a - a.mean()) * np.clip(b.std() / max(float(a.std()), 1.0), 0.4, 2.5) + b.mean()
    return max(explained, _explained_by(shifts, matched.astype(np.float32), b, textured))


def area_in_place(a: Thumb, b: Thumb) -> float:
    """The share (0-1) of the textured area of both that they show alike at the same place, in pattern and in level.

    0.0 where there is too little texture to tell two places apart. Float32 luma (h, w), 0-255.
    """
    textured = np.maximum(_local(a)[1], _local(b)[1]) > TEXTURE
    if textured.mean() < ENOUGH:
        return 0.0
    return _explained_by(NEAR, a, b, textured)


def _explained_by(shifts: Collection[tuple[int, int]], a: Thumb, b: Thumb, textured: npt.NDArray[np.bool_]) -> float:
    (mean_a, spread_a), (mean_b, spread_b) = _local(a), _local(b)
    explained = np.zeros(b.shape, bool)
    for dx, dy in shifts:
        there = (_overlap(dy), _overlap(dx))
        here = (_overlap(-dy), _overlap(-dx))
        means = mean_a[here], mean_b[there]
        covariance = _box(a[here] * b[there]) - means[0] * means[1]
        alike = covariance > 0.6 * (spread_a[here] + 1) * (spread_b[there] + 1)
        explained[there] |= alike & (np.abs(means[0] - means[1]) < 14)
    return float(explained[textured].mean())


def _overlap(shift: int) -> slice:
    return slice(max(shift, 0), shift if shift < 0 else None)


def _shifts(a: Thumb, b: Thumb) -> Collection[tuple[int, int]]:
    """Where to look: around the same place, and around the displacements that several blocks of ``a`` agree on.

    One correlation of the whole pictures would follow the outlined character in front and not the background.
    """
    side = max(min(a.shape) // 3, 8)
    places = [(y, x) for y in range(0, a.shape[0] - side + 1, side) for x in range(0, a.shape[1] - side + 1, side)]
    found = []
    for y, x in places:
        block = a[y : y + side, x : x + side]
        if block.std() > 3:
            _, likeness, _, (column, row) = cv2.minMaxLoc(cv2.matchTemplate(b, block, cv2.TM_CCOEFF_NORMED))
            found += [(column - x, row - y)] if likeness > 0.5 else []
    votes = {move: sum(max(abs(move[0] - x), abs(move[1] - y)) <= 1 for x, y in found) for move in found}
    best = sorted((move for move in votes if votes[move] >= 2), key=lambda move: (-votes[move], move))[:4]
    return NEAR | {(x + i, y + j) for x, y in best for i in (-1, 0, 1) for j in (-1, 0, 1)}


def _box(image: Thumb) -> Thumb:
    return np.asarray(cv2.blur(image, (13, 13)), np.float32)


def _local(image: Thumb) -> tuple[Thumb, Thumb]:
    """Mean and standard deviation around each pixel."""
    mean = _box(image)
    return mean, np.sqrt(np.maximum(_box(image * image) - mean * mean, 0))

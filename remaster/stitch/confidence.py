"""How far a background may be trusted, without any truth: predict what some keyframes do show, from the others."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from remaster.arrays import Float64, Mask
from remaster.imaging.aligned_keyframes import Preview
from remaster.imaging.camera import IDENTITY, compose, translation
from remaster.imaging.camera_motion import explained_share
from remaster.imaging.channels import gray_of
from remaster.stitch.background_canvas import Axis
from remaster.stitch.holdout import (
    MIN_EVIDENCE,
    as_keyframe,
    cheap_fills,
    error_of,
    foretell,
    held_out,
    squares_of,
    strip_of,
    thirds_of,
    witnesses,
)
from remaster.stitch.parallax import passes_apart

WORST = 0.15
"""Quantile of the keyframes, by how well they fit, that must still fit."""


GOOD_SPREAD, BAD_SPREAD = 5.0, 15.0
"""Mean grey levels of the aligned keyframes about their median (measured on film: 6 good, 12-17 bad)."""
GRAIN, SOFT = 0.6, 1.2
"""What even a perfect prediction is off: so much of the grain, and what coding and interpolation leave, in levels."""
LONE = 2.0
"""Levels that coding leaves in a single picture; the mean of several keeps less of it."""
CODING = 1.5
"""Mean grey levels that coding leaves in any comparison."""
FLAT = 5.5
"""Grey levels that a cheap fill counts as off at least: in flat scenes any fill is good."""
AGREE = 3
"""Keyframes that must show the same background before one that does not is taken for a character."""


@dataclass(frozen=True)
class Trust:
    """What one background is worth.

    ``error``: the root mean square error, in grey levels beyond the grain, that its pixels are predicted to have.
    ``advantage`` 0-1: how surely it is better than a cheap fill, in the worst third of a wing.
    """

    error: float
    advantage: float


NO_TRUST = Trust(255.0, 0.0)
"""Of a background that cannot be had."""


def judge(preview: Preview, figures: Mask, sides: Axis, wing: float, noise: float) -> Trust:
    """Hold out some keyframes and predict their borders.

    ``sides`` is the axis on which the wings lie, ``wing`` their width as a share of the picture's on that axis.

    ``figures`` bool (h, w), on the preview's canvas, are characters that stay, and no part of the background.

    Where no other keyframe stands apart there is nothing to predict from; how the keyframes agree must tell then.
    """
    proven = _proven(preview)
    sums = np.sum([_hold_out(preview, int(i), sides, proven) for i in held_out(len(preview.pictures))], axis=0)
    spread = _spread(preview, noise)
    told = sums[:, 5] >= MIN_EVIDENCE * sums[:, 3]
    # Each third is as much of a wing, however little of it was free of characters.
    square = float((sums[told, 4] / sums[told, 5]).mean()) if told.any() else _disagreement(preview, figures)
    alone = LONE * float(np.sqrt(_not_averaged(preview, sides, wing)))
    advantage = 0.0 if passes_apart(preview, sides, noise) else _advantage(sums, spread)
    return Trust(float(np.hypot(beyond_grain(square, noise * preview.scale), alone)), advantage)


def _not_averaged(preview: Preview, sides: Axis, wing: float) -> float:
    """The share 0-1 of a single picture's own mean squared error that stays in the wings.

    Of ``n`` pictures that show a pixel the mean keeps ``1 / n``. Where no wing is recovered, that of the whole canvas.
    """
    count = preview.seen.sum(axis=0)
    dx, dy = (round(wing * preview.width), 0) if sides == "x" else (0, round(wing * preview.height))
    wings = np.full((preview.height + 2 * dy, preview.width + 2 * dx), 255, np.uint8)
    wings[dy : dy + preview.height, dx : dx + preview.width] = 0
    views = np.zeros(count.shape, np.int64)
    for camera in preview.cameras:
        views += cv2.warpAffine(wings, compose(camera, translation(-dx, -dy)), count.shape[::-1]) > 127
    views = views if (views[count > 0] > 0).any() else np.ones_like(views)
    here = (count > 0) & (views > 0)
    return float(np.average(1.0 / count[here], weights=views[here])) if here.any() else 1.0


def beyond_grain(square: float, grain: float) -> float:
    """The root of a mean squared error without what grain, coding and interpolation explain of it, in levels."""
    return float(np.sqrt(max(square - (GRAIN * grain) ** 2 - SOFT**2, 0.0)))


def _advantage(sums: Float64, spread: float | None) -> float:
    """0-1: the smaller of what the spread and the comparison with a cheap fill allow.

    The worst third decides: a foreground that moves at another speed spoils the lower part of a wing alone.
    """
    count = np.maximum(sums[:, 2], 1)
    predicted, cheap, evidence = sums[:, 0] / count, sums[:, 1] / count, sums[:, 2] / np.maximum(sums[:, 3], 1)
    by_spread = 0.0 if spread is None else _by_spread(spread)
    told = evidence >= MIN_EVIDENCE
    if not told.any():
        return by_spread
    worst = float(over_cheap(predicted, cheap)[told].max())
    return float(np.clip(min(by_spread, (1.0 - worst) / 0.6), 0.0, 1.0))


def over_cheap(predicted: Float64, cheap: Float64) -> Float64:
    """A prediction's mean error over a cheap fill's, both in grey levels, beyond what coding alone leaves."""
    return np.asarray(np.maximum(predicted - CODING, 0.0) / np.maximum(cheap - CODING, FLAT))


def judge_still(preview: Preview, figures: Mask, noise: float) -> Trust:
    """How far a camera at rest is proved; ``figures`` bool (h, w), on its canvas, stay, and are no part of it.

    The ``advantage`` is the textured area that the background explains, or what the spread allows: the area proves it
    where large characters move without a mask, the spread where there is no texture. The area is that of the keyframes
    that fit worst: in a dissolve half of them fit, and nothing else tells it from a still one.
    """
    background, known = gray_of(preview.median), preview.seen.any(axis=0)
    areas = [
        explained_share(background, gray_of(picture), IDENTITY, known & seen, noise)
        for picture, seen in zip(preview.pictures, preview.seen | preview.foreground, strict=True)
    ]
    alone = LONE / float(np.sqrt(len(areas)))
    if len(areas) == 1:
        return Trust(alone, 1.0)
    spread = _spread(preview, noise)
    advantage = max(float(np.quantile(areas, WORST)), 0.0 if spread is None else _by_spread(spread))
    off = beyond_grain(_disagreement(preview, figures), noise * preview.scale)
    return Trust(float(np.hypot(off, alone)), advantage)


def _disagreement(preview: Preview, figures: Mask) -> float:
    """Mean squared error of the median as a prediction of all keyframes, but for characters, moving or not."""
    middle, known, proven = preview.median, preview.seen.any(axis=0) & ~figures, _proven(preview)
    square, count = 0.0, 0
    for picture, seen, flagged in zip(preview.pictures, preview.seen, preview.foreground, strict=True):
        here = known & (seen | (flagged & ~proven))
        square += float(squares_of(middle, picture, here)[here].sum())
        count += int(here.sum())
    return square / max(count, 1)


def _proven(preview: Preview) -> Mask:
    """Where most keyframes show the same: who disagrees there is a character and not the background."""
    agree, others = preview.seen.sum(axis=0), preview.foreground.sum(axis=0)
    return np.asarray((agree >= AGREE) & (agree > others))


def clear_strips(usable: Mask, valid: Mask, sides: Axis) -> float:
    """The share 0-1 of the strips' worst third that masks usually leave: ``usable`` bool (k, h, w) of the keyframes."""
    height, width = valid.shape
    strip = strip_of(width, height, sides) & valid
    thirds = [third & strip for third in thirds_of(width, height, sides)]
    return min(float(np.median(usable[:, t].mean(axis=1))) for t in thirds if t.any()) if strip.any() else 0.0


def _by_spread(spread: float) -> float:
    return float(np.clip((BAD_SPREAD - spread) / (BAD_SPREAD - GOOD_SPREAD), 0.0, 1.0))


def _spread(preview: Preview, noise: float) -> float | None:
    """Mean distance from the median, in grey levels, less the grain's own, where three keyframes or more show it.

    What was found to disagree counts here: were it left out, no background would ever look bad.
    """
    known = preview.seen.sum(axis=0) >= 3
    if not known.any():
        return None
    total, count = 0.0, 0
    shown = preview.seen | preview.foreground
    for picture, seen in zip(preview.pictures, shown, strict=True):
        here = seen & known
        total += float(cv2.absdiff(picture, preview.median)[here].sum()) / 3
        count += int(here.sum())
    return max(total / max(count, 1) - noise * preview.scale, 0.0)


def _hold_out(preview: Preview, index: int, sides: Axis, proven: Mask) -> Float64:
    """One keyframe's strips, in thirds (3, 6): summed error predicted and cheap, pixels compared, pixels in all; summed
    squared error of the prediction in this frame's light, pixels of that, which leaves out ``proven`` characters.
    """
    w, h = preview.width, preview.height
    strip, by = strip_of(w, h, sides), witnesses(preview, index, sides)
    thirds = [t & strip for t in thirds_of(w, h, sides)]
    sums = np.zeros((3, 6))
    sums[:, 3] = [t.sum() for t in thirds]
    if not len(by):
        return sums
    told = foretell(preview, index, by, sides)
    error = error_of(told.guess, told.shown)
    cheap = np.array([error_of(fill, told.shown) for fill in cheap_fills(told.shown, sides)])
    squares = squares_of(told.relit, told.shown, told.known)
    character = as_keyframe(preview.foreground[index] & proven, preview, index) > 0
    for row, third in zip(sums, thirds, strict=True):
        here = told.known & third
        row[:3] = error[here].sum(), cheap[:, here].sum(axis=1).min(), here.sum()
        row[4:] = squares[here & ~character].sum(), (here & ~character).sum()
    return sums

"""What a background is worth, without any truth: some keyframes are predicted from the others.

In comes a ``Preview``; out goes a ``Trust``: the error that the background's pixels are predicted to have, and how
surely the background is better than a fill that costs nothing. A part of the picture beside the wings may move at a
speed of its own (motion parallax): a third of the strips that one camera does not put in its place, but a shift along
the camera's path does, is nearer or farther than the plane that the camera follows. A mosaic would show it torn.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from remaster.arrays import Affine, Float64, Mask
from remaster.imaging.aligned_keyframes import Preview
from remaster.imaging.alignment import Detail, compare, detail
from remaster.imaging.camera import IDENTITY, apply, compose, corner_error, invert, translation
from remaster.imaging.camera_motion import explained_share
from remaster.imaging.channels import gray_of
from remaster.stitch.background_canvas import Axis
from remaster.stitch.holdout import (
    absolute_error,
    as_keyframe,
    cheap_fills,
    distant_keyframes,
    held_out,
    predict,
    squared_error,
    strip_of,
    thirds_of,
)
from remaster.stitch.tuning import TUNING


@dataclass(frozen=True)
class Trust:
    """What one background is worth.

    ``error``: the predicted root mean square error of its pixels, in levels without the grain. ``advantage`` 0-1: how
    surely it is better than a cheap fill, in the worst third of a wing.
    """

    error: float
    advantage: float


NO_TRUST = Trust(255.0, 0.0)
"""That of no background."""


def judge_moving(preview: Preview, figures: Mask, sides: Axis, wing: float, noise: float) -> Trust:
    """Judge a moving camera's background: hold out some keyframes and predict their strips.

    ``sides`` is the axis of the wings, ``wing`` their width as a share of the picture's on that axis. ``figures`` bool
    (h, w), on the preview's canvas, are characters that stay, and no part of the background. Where no keyframe is far
    from another there is nothing to predict from, and the keyframes' disagreement takes the hold-out's place.
    """
    proven = _proven(preview)
    sums = np.sum([_strip_errors(preview, int(i), sides, proven) for i in held_out(len(preview.pictures))], axis=0)
    total, squared, judged = sums[:, 3], sums[:, 4], sums[:, 5]
    measured = judged >= TUNING.holdout.min_evidence * total
    # Each third is as much of a wing, however little of it was free of characters.
    predicted = (squared[measured] / judged[measured]).mean() if measured.any() else _disagreement(preview, figures)
    picture_error = TUNING.trust.picture_error * float(np.sqrt(_unaveraged_share(preview, sides, wing)))
    advantage = 0.0 if has_parallax(preview, sides, noise) else _advantage(sums, _spread(preview, noise))
    error = error_without_grain(float(predicted), noise * preview.scale)
    return Trust(float(np.hypot(error, picture_error)), advantage)


def _unaveraged_share(preview: Preview, sides: Axis, wing: float) -> float:
    """The share 0-1 of a single picture's own mean squared error that averaging leaves in the wings.

    The mean of ``n`` pictures keeps ``1 / n``. Where no wing is recovered, that of the whole canvas.
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


def error_without_grain(square: float, grain: float) -> float:
    """The root of a mean squared error without the part that grain, coding and interpolation explain, in levels."""
    tuning = TUNING.trust
    return float(np.sqrt(max(square - (tuning.grain_share * grain) ** 2 - tuning.interpolation_error**2, 0.0)))


def _advantage(sums: Float64, spread: float | None) -> float:
    """The advantage 0-1: the smaller of what the spread and the comparison with a cheap fill allow.

    The worst third decides: a foreground that moves at another speed spoils the lower part of a wing alone.
    """
    predicted, cheap, compared, total = sums[:, :4].T
    by_spread = 0.0 if spread is None else _spread_score(spread)
    measured = compared / np.maximum(total, 1) >= TUNING.holdout.min_evidence
    if not measured.any():
        return by_spread
    count = np.maximum(compared, 1)
    worst = float(relative_error(predicted / count, cheap / count)[measured].max())
    return float(np.clip(min(by_spread, (1.0 - worst) / TUNING.trust.full_advantage), 0.0, 1.0))


def relative_error(predicted: Float64, cheap: Float64) -> Float64:
    """The mean error of a prediction over that of a cheap fill, both in levels without what coding alone leaves."""
    coding, min_cheap = TUNING.trust.coding_error, TUNING.trust.min_cheap_error
    return np.asarray(np.maximum(predicted - coding, 0.0) / np.maximum(cheap - coding, min_cheap))


def judge_still(preview: Preview, figures: Mask, noise: float) -> Trust:
    """Judge a resting camera's background; ``figures`` bool (h, w), on its canvas, stay, and are no part of it.

    The ``advantage`` is the larger of two: the textured area that the background explains, which proves it where large
    characters move without a mask, and the score of the spread, which proves it where there is no texture. The area is
    that of the keyframes that fit worst: in a dissolve half of them fit, and nothing else distinguishes it from a
    still.
    """
    background, known = gray_of(preview.median), preview.seen.any(axis=0)
    areas = [
        explained_share(background, gray_of(picture), IDENTITY, known & seen, noise)
        for picture, seen in zip(preview.pictures, preview.seen | preview.foreground, strict=True)
    ]
    picture_error = TUNING.trust.picture_error / float(np.sqrt(len(areas)))
    if len(areas) == 1:
        return Trust(picture_error, 1.0)
    spread = _spread(preview, noise)
    by_area = float(np.quantile(areas, TUNING.trust.worst_quantile))
    advantage = max(by_area, 0.0 if spread is None else _spread_score(spread))
    error = error_without_grain(_disagreement(preview, figures), noise * preview.scale)
    return Trust(float(np.hypot(error, picture_error)), advantage)


def _disagreement(preview: Preview, figures: Mask) -> float:
    """Mean squared error of the median as a prediction of all keyframes, without characters, moving or not."""
    middle, known, proven = preview.median, preview.seen.any(axis=0) & ~figures, _proven(preview)
    square, count = 0.0, 0
    for picture, seen, flagged in zip(preview.pictures, preview.seen, preview.foreground, strict=True):
        here = known & (seen | (flagged & ~proven))
        square += float(squared_error(middle, picture, here)[here].sum())
        count += int(here.sum())
    return square / max(count, 1)


def _proven(preview: Preview) -> Mask:
    """Where most keyframes agree, bool (h, w): one that disagrees there shows a character and not the background."""
    agree, others = preview.seen.sum(axis=0), preview.foreground.sum(axis=0)
    return np.asarray((agree >= TUNING.trust.min_agreeing) & (agree > others))


def clear_strips(usable: Mask, valid: Mask, sides: Axis) -> float:
    """The median share 0-1 of the strips' worst third that masks leave: ``usable`` bool (k, h, w) of the keyframes."""
    height, width = valid.shape
    strip = strip_of(width, height, sides) & valid
    thirds = [third & strip for third in thirds_of(width, height, sides)]
    return min(float(np.median(usable[:, t].mean(axis=1))) for t in thirds if t.any()) if strip.any() else 0.0


def _spread_score(spread: float) -> float:
    """0-1: 1 for a good spread, 0 for a bad one."""
    good, bad = TUNING.trust.spread
    return float(np.clip((bad - spread) / (bad - good), 0.0, 1.0))


def _spread(preview: Preview, noise: float) -> float | None:
    """Mean distance from the median in levels, less the grain's, where enough keyframes show it; None where none is.

    What was found to disagree counts here: without it no background would ever look bad.
    """
    known = preview.seen.sum(axis=0) >= TUNING.trust.min_views
    if not known.any():
        return None
    total, count = 0.0, 0
    visible = preview.seen | preview.foreground
    for picture, seen in zip(preview.pictures, visible, strict=True):
        here = seen & known
        total += float(cv2.absdiff(picture, preview.median)[here].sum()) / 3
        count += int(here.sum())
    return max(total / max(count, 1) - noise * preview.scale, 0.0)


def _strip_errors(preview: Preview, index: int, sides: Axis, proven: Mask) -> Float64:
    """Sums over the thirds of a keyframe's strips, predicted from distant keyframes, (3, 6).

    The six: absolute error of the prediction, of the better cheap fill, compared pixels, all pixels; squared error of
    the relit prediction and its pixels, without ``proven`` characters.
    """
    w, h = preview.width, preview.height
    strip, others = strip_of(w, h, sides), distant_keyframes(preview, index, sides)
    thirds = [t & strip for t in thirds_of(w, h, sides)]
    sums = np.zeros((3, 6))
    sums[:, 3] = [t.sum() for t in thirds]
    if not len(others):
        return sums
    prediction = predict(preview, index, others, sides)
    error = absolute_error(prediction.predicted, prediction.actual)
    cheap = np.array([absolute_error(fill, prediction.actual) for fill in cheap_fills(prediction.actual, sides)])
    squares = squared_error(prediction.relit, prediction.actual, prediction.known)
    character = as_keyframe(preview.foreground[index] & proven, preview, index) > 0
    for row, third in zip(sums, thirds, strict=True):
        here = prediction.known & third
        row[:3] = error[here].sum(), cheap[:, here].sum(axis=1).min(), here.sum()
        row[4:] = squares[here & ~character].sum(), (here & ~character).sum()
    return sums


def has_parallax(preview: Preview, sides: Axis, noise: float) -> bool:
    """Whether a third of the strips on the wings' ``sides`` lies on another plane than the best of them.

    Each held-out keyframe is compared with the nearest distant one, cell by cell of texture; ``noise`` is the grain's
    standard deviation in the keyframes.
    """
    parts = [_third_evidence(preview, int(i), sides, noise) for i in held_out(len(preview.pictures))]
    evidence, placed, shifted = np.sum(parts, axis=0) if parts else np.zeros((3, 3))
    measured = evidence >= TUNING.parallax.min_evidence
    placed, shifted = placed[measured] / evidence[measured], shifted[measured] / evidence[measured]
    if not measured.any() or placed.max() < TUNING.parallax.reference:
        return False
    return bool(((placed <= TUNING.parallax.max_in_place) & (shifted >= TUNING.parallax.min_shifted)).any())


def _third_evidence(preview: Preview, index: int, sides: Axis, noise: float) -> Float64:
    """Cells of one keyframe's strips, (3, 3 thirds): with texture, in place, in place under the best shift."""
    others = distant_keyframes(preview, index, sides)
    if not len(others):
        return np.zeros((3, 3))
    distances = corner_error(preview.cameras[others], preview.cameras[index], preview.width, preview.height)
    other = int(others[int(distances.argmin())])
    reference, moved = (_seen_as(preview, i, index, noise) for i in (other, index))
    evidence, placed = _in_place(reference, moved, IDENTITY, sides)
    shifted = placed.copy()
    if ((evidence >= TUNING.parallax.min_evidence) & (placed < TUNING.parallax.sure * evidence)).any():
        for shift in _shifts(preview, index, other):
            found, agreeing = _in_place(reference, moved, shift, sides)
            shifted = np.maximum(shifted, evidence * agreeing / np.maximum(found, TUNING.parallax.min_evidence))
    return np.stack([evidence, placed, shifted])


def _seen_as(preview: Preview, index: int, keyframe: int, noise: float) -> Detail:
    """The detail of one keyframe's picture, warped to another one."""
    visible = as_keyframe(preview.seen[index] | preview.foreground[index], preview, keyframe)
    gray = gray_of(np.asarray(as_keyframe(preview.pictures[index], preview, keyframe), np.uint8))
    return detail(gray, np.asarray(visible > TUNING.holdout.visible), noise * preview.scale, preview.height)


def _in_place(reference: Detail, moved: Detail, camera: Affine, sides: Axis) -> tuple[Float64, Float64]:
    """(cells with texture, those of them in place) in each third of the strips, (3,) each."""
    cells = compare(reference, moved, camera)
    rows, columns = cells.evidence.shape
    strip = strip_of(columns, rows, sides)
    parts = [third & strip for third in thirds_of(columns, rows, sides)]
    placed = cells.evidence * cells.in_place
    return np.array([cells.evidence[p].sum() for p in parts]), np.array([placed[p].sum() for p in parts])


def _shifts(preview: Preview, index: int, other: int) -> list[Affine]:
    """Shifts by whole pixels, to and fro, along the camera's path between two keyframes, in the first one's pixels."""
    middle = np.array([[preview.width - 1, preview.height - 1]]) / 2
    step = compose(invert(preview.cameras[index]), preview.cameras[other])
    (path,) = apply(step, middle) - middle
    x, y = path / max(float(np.linalg.norm(path)), 1e-6)
    return [translation(d * x, d * y) for d in range(-TUNING.parallax.max_shift, TUNING.parallax.max_shift + 1) if d]

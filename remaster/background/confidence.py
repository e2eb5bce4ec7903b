"""How far a background may be trusted, without any truth: predict what some keyframes do show, from the others."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster.background.canvas import Axis
from remaster.background.features import gray_of
from remaster.background.preview import Preview, masked_median
from remaster.camera import IDENTITY, apply, compose, corner_error, corners, translation
from remaster.media.types import Mask
from remaster.motion import explained_share

WORST = 0.15
"""Quantile of the keyframes, by how well they fit, that must still fit."""

Float = npt.NDArray[np.float64]

HOLDOUTS = 5
STRIP = 0.125
"""Share of the picture next to its border, on the wings' sides, that is predicted."""
APART = 0.06
"""Share of the picture's width that a witness's camera must be away from the keyframe it predicts."""
CLIP = 60.0
"""Grey levels at which one wrong pixel stops costing more."""
GOOD_SPREAD, BAD_SPREAD = 5.0, 15.0
"""Mean grey levels of the aligned keyframes about their median (measured on film: 6 good, 12-17 bad)."""
HALF = 10.0
"""Grey levels of predicted error at which confidence is a half."""
GRAIN, SOFT = 0.6, 1.2
"""What even a perfect prediction is off: so much of the grain, and what coding and interpolation leave, in levels."""
LONE = 2.0
"""Levels that coding leaves in a single picture; the mean of several keeps less of it."""
BLUR = 0.8
"""Preview pixels of a Gaussian over what is compared."""
CODING = 1.5
"""Mean grey levels that coding leaves in any comparison."""
FLAT = 5.0
"""Grey levels that a cheap fill counts as off at least: in flat scenes any fill is good."""
AGREE = 3
"""Keyframes that must show the same background before one that does not is taken for a character."""
MIN_EVIDENCE = 0.05
"""Share of the border strips that must have been predicted for the hold-out to say anything."""


CHANNELS_MEAN = np.full((1, 3), 1 / 3)
"""Times a pixel's channels."""


@dataclass(frozen=True)
class Trust:
    """What one background is worth.

    ``error``: the root mean square error, in grey levels beyond the grain, that its pixels are predicted to have.
    ``advantage`` 0-1: how surely it is better than a cheap fill, in the worst third of a wing.
    """

    error: float
    advantage: float

    @property
    def confidence(self) -> float:
        """0-1, falling with the error alone: 1.0 within the grain, a half at ``HALF`` levels."""
        return 1.0 / (1.0 + (self.error / HALF) ** 2)


NO_TRUST = Trust(255.0, 0.0)
"""Of a background that cannot be had."""


def judge(preview: Preview, figures: Mask, sides: Axis, wing: float, noise: float) -> Trust:
    """Hold out some keyframes and predict their borders.

    ``sides`` is the axis on which the wings lie, ``wing`` their width as a share of the picture's on that axis.

    ``figures`` bool (h, w), on the preview's canvas, are characters that stay, and no part of the background.

    Where no other keyframe stands apart there is nothing to predict from; how the keyframes agree must tell then.
    """
    k = len(preview.pictures)
    chosen = np.unique(np.linspace(0, k - 1, min(HOLDOUTS, k)).round().astype(int))
    proven = _proven(preview)
    sums = np.sum([_hold_out(preview, int(i), sides, proven) for i in chosen], axis=0)
    spread = _spread(preview, noise)
    told = sums[:, 5] >= MIN_EVIDENCE * sums[:, 3]
    # Each third is as much of a wing, however little of it was free of characters.
    square = float((sums[told, 4] / sums[told, 5]).mean()) if told.any() else _disagreement(preview, figures)
    alone = LONE * float(np.sqrt(_not_averaged(preview, sides, wing)))
    return Trust(float(np.hypot(_beyond_grain(square, noise * preview.scale), alone)), _advantage(sums, spread))


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


def _beyond_grain(square: float, grain: float) -> float:
    return float(np.sqrt(max(square - (GRAIN * grain) ** 2 - SOFT**2, 0.0)))


def _advantage(sums: Float, spread: float | None) -> float:
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


def over_cheap(predicted: Float, cheap: Float) -> Float:
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
    off = _beyond_grain(_disagreement(preview, figures), noise * preview.scale)
    return Trust(float(np.hypot(off, alone)), advantage)


def _disagreement(preview: Preview, figures: Mask) -> float:
    """Mean squared error of the median as a prediction of all keyframes, but for characters, moving or not."""
    middle, known, proven = preview.median, preview.seen.any(axis=0) & ~figures, _proven(preview)
    square, count = 0.0, 0
    for picture, seen, flagged in zip(preview.pictures, preview.seen, preview.foreground, strict=True):
        here = known & (seen | (flagged & ~proven))
        square += float(_squares(middle, picture, here)[here].sum())
        count += int(here.sum())
    return square / max(count, 1)


def _proven(preview: Preview) -> Mask:
    """Where most keyframes show the same: who disagrees there is a character and not the background."""
    agree, others = preview.seen.sum(axis=0), preview.foreground.sum(axis=0)
    return np.asarray((agree >= AGREE) & (agree > others))


def _squares(guess: cv2.typing.MatLike, shown: cv2.typing.MatLike, known: Mask) -> Float:
    """Squared error of each ``known`` pixel, the channels' mean, slightly blurred: edges shift by half a pixel."""
    weight = known.astype(np.float32)
    off = (guess.astype(np.float32) - shown) * weight[..., None]
    blurred, reach = cv2.GaussianBlur(off, (0, 0), BLUR), cv2.GaussianBlur(weight, (0, 0), BLUR)
    limited = np.clip(blurred / np.maximum(reach, 1e-3)[..., None], -CLIP, CLIP)
    return np.asarray(cv2.transform(limited * limited, CHANNELS_MEAN), float)


def clear_strips(usable: Mask, valid: Mask, sides: Axis) -> float:
    """The share 0-1 of the strips' worst third that masks usually leave: ``usable`` bool (k, h, w) of the keyframes."""
    height, width = valid.shape
    strip = _strip(width, height, sides) & valid
    thirds = [third & strip for third in _thirds(width, height, sides)]
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


def _hold_out(preview: Preview, index: int, sides: Axis, proven: Mask) -> Float:
    """One keyframe's strips, in thirds (3, 6): summed error predicted and cheap, pixels compared, pixels in all; summed
    squared error of the prediction in this frame's light, pixels of that, which leaves out ``proven`` characters.

    Witnesses are keyframes whose camera stands apart: those beside it would prove nothing about parallax.
    """
    w, h = preview.width, preview.height
    apart = APART * (w if sides == "x" else h)
    witnesses = np.flatnonzero(corner_error(preview.cameras, preview.cameras[index], w, h) > apart)
    strip = _strip(w, h, sides)
    thirds = [t & strip for t in _thirds(w, h, sides)]
    sums = np.zeros((3, 6))
    sums[:, 3] = [t.sum() for t in thirds]
    if not len(witnesses):
        return sums
    seen = preview.seen[witnesses]
    shown = _as_keyframe(preview.pictures[index], preview, index)
    prediction = _as_keyframe(_median_near(preview, index, witnesses), preview, index)
    known = _as_keyframe(seen.any(axis=0) & (preview.seen[index] | preview.foreground[index]), preview, index) > 250
    error = _error(prediction, shown)
    cheap = np.array([_error(fill, shown) for fill in _cheap_fills(shown, sides)])
    squares = _squares(_relit(prediction, shown, known, sides), shown, known)
    character = _as_keyframe(preview.foreground[index] & proven, preview, index) > 0
    for row, third in zip(sums, thirds, strict=True):
        here = known & third
        row[:3] = error[here].sum(), cheap[:, here].sum(axis=1).min(), here.sum()
        row[4:] = squares[here & ~character].sum(), (here & ~character).sum()
    return sums


def _relit(prediction: cv2.typing.MatLike, shown: cv2.typing.MatLike, known: Mask, sides: Axis) -> cv2.typing.MatLike:
    """The prediction in the frame's own light, as wings are matched at the join: by what lies inside the strips."""
    height, width = known.shape
    here = known & ~_strip(width, height, sides)
    if here.sum() < MIN_EVIDENCE * known.size:
        return prediction
    offset = np.median(shown[here].astype(float) - prediction[here], axis=0)
    return np.asarray(np.clip(prediction + offset, 0, 255), np.uint8)


def _median_near(preview: Preview, index: int, witnesses: npt.NDArray[np.intp]) -> npt.NDArray[np.uint8]:
    """The witnesses' median on the preview's canvas, where the keyframe lies; 255 elsewhere."""
    places = apply(preview.cameras[index], corners(preview.width, preview.height))
    x0, y0 = np.maximum(np.floor(places.min(axis=0)).astype(int) - 1, 0)
    x1, y1 = np.ceil(places.max(axis=0)).astype(int) + 2
    here = np.s_[y0:y1, x0:x1]
    near = preview.seen[witnesses][:, y0:y1, x0:x1].any(axis=(1, 2))
    picture = np.full(preview.pictures.shape[1:], 255, np.uint8)
    if near.any():
        kept = witnesses[near]
        picture[here] = masked_median(preview.pictures[kept][:, y0:y1, x0:x1], preview.seen[kept][:, y0:y1, x0:x1])
    return picture


def _as_keyframe(picture: npt.NDArray[np.uint8] | Mask, preview: Preview, index: int) -> cv2.typing.MatLike:
    """A picture (or a mask, as 0 and 255) on the preview's canvas, as a keyframe sees it."""
    levels = np.asarray(picture * np.uint8(255) if picture.dtype == bool else picture, np.uint8)
    size, flags = (preview.width, preview.height), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(levels, preview.cameras[index], size, flags=flags)


def _error(guess: cv2.typing.MatLike, shown: cv2.typing.MatLike) -> npt.NDArray[np.float64]:
    error = cv2.transform(cv2.absdiff(guess, shown).astype(np.float32), CHANNELS_MEAN)
    return np.minimum(error, CLIP).astype(float)


def _strip(width: int, height: int, sides: Axis) -> Mask:
    """The outer eighths on the wings' sides, bool (height, width)."""
    strip = np.zeros((height, width), bool)
    view = strip if sides == "x" else strip.T
    depth = round(STRIP * view.shape[1])
    view[:, :depth] = view[:, -depth:] = True
    return strip


def _thirds(width: int, height: int, sides: Axis) -> list[Mask]:
    """The thirds of the picture along the strips, bool (height, width) each."""
    along = np.linspace(0, 3, height if sides == "x" else width, endpoint=False).astype(int)
    part = np.broadcast_to(along[:, None] if sides == "x" else along[None, :], (height, width))
    return [part == i for i in range(3)]


def _cheap_fills(frame: cv2.typing.MatLike, sides: Axis) -> list[cv2.typing.MatLike]:
    """The picture with its strips mirrored from, and replicated from, what lies inside them."""
    fills: list[cv2.typing.MatLike] = []
    for mode in (cv2.BORDER_REFLECT, cv2.BORDER_REPLICATE):
        upright = frame if sides == "x" else np.ascontiguousarray(frame.transpose(1, 0, 2))
        depth = round(STRIP * upright.shape[1])
        filled = cv2.copyMakeBorder(upright[:, depth:-depth], 0, 0, depth, depth, mode)
        fills.append(filled if sides == "x" else np.ascontiguousarray(filled.transpose(1, 0, 2)))
    return fills

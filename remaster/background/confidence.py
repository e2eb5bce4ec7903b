"""How far a background may be trusted, without any truth: predict what some keyframes do show, from the others."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster.background.canvas import Axis
from remaster.background.features import gray_of
from remaster.background.preview import Preview, masked_median
from remaster.camera import IDENTITY, apply, corner_error, corners
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
FADING = 60.0
"""Grey levels of error over which confidence falls by 1/e: of two backgrounds that hold, one is still the better."""
MIN_EVIDENCE = 0.05
"""Share of the border strips that must have been predicted for the hold-out to say anything."""


@dataclass(frozen=True)
class Trust:
    """What the hold-out and the spread told, in mean grey levels.

    ``predicted`` and ``cheap`` float64 (3,) are the errors of the other keyframes' prediction and of the better of
    mirroring and replicating, over the same pixels of each third of the strips; ``evidence`` (3,) is the share of each
    third that was predicted. ``spread`` is None where no place was seen three times.
    """

    spread: float | None
    predicted: Float
    cheap: Float
    evidence: Float

    @property
    def confidence(self) -> float:
        """0-1: the smaller of what the spread and the comparison with a cheap fill allow.

        The worst third decides: a foreground that moves at another speed spoils the lower part of a wing alone.
        """
        by_spread = 0.0 if self.spread is None else _by_spread(self.spread)
        told = self.evidence >= MIN_EVIDENCE
        if not told.any():
            return by_spread * float(np.exp(-(self.spread or 0.0) / FADING))
        # In flat scenes any fill is good: errors of a few levels cannot be compared.
        ratio = np.maximum(self.predicted - 1.5, 0.0) / np.maximum(self.cheap - 1.5, 4.0)
        fades = float(np.exp(-self.predicted[told].max() / FADING))
        return float(np.clip(min(by_spread, (1.0 - ratio[told].max()) / 0.6), 0.0, 1.0)) * fades


def judge(preview: Preview, sides: Axis, noise: float) -> Trust:
    """Hold out some keyframes and predict their borders; ``sides`` is the axis on which the wings lie."""
    k = len(preview.pictures)
    chosen = np.unique(np.linspace(0, k - 1, min(HOLDOUTS, k)).round().astype(int))
    sums = np.sum([_hold_out(preview, int(i), sides) for i in chosen], axis=0)
    count = np.maximum(sums[:, 2], 1)
    return Trust(
        _spread(preview, noise), sums[:, 0] / count, sums[:, 1] / count, sums[:, 2] / np.maximum(sums[:, 3], 1)
    )


def still_confidence(preview: Preview, noise: float) -> float:
    """How far a camera at rest is proved, 0-1: by the textured area that the background explains, or by the spread.

    The area proves it where large characters move without a mask, the spread where there is no texture. The area is
    that of the keyframes that fit worst: in a dissolve half of them fit, and nothing else tells it from a still one.
    """
    background = gray_of(masked_median(preview.pictures, preview.seen))
    known = preview.seen.any(axis=0)
    areas = [
        explained_share(background, gray_of(picture), IDENTITY, known & seen, noise)
        for picture, seen in zip(preview.pictures, preview.seen | preview.foreground, strict=True)
    ]
    if len(areas) == 1:
        return 1.0
    spread = _spread(preview, noise)
    return max(float(np.quantile(areas, WORST)), 0.0 if spread is None else _by_spread(spread))


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
    background = masked_median(preview.pictures, preview.seen)
    total, count = 0.0, 0
    shown = preview.seen | preview.foreground
    for picture, seen in zip(preview.pictures, shown, strict=True):
        here = seen & known
        total += float(cv2.absdiff(picture, background).mean(axis=-1)[here].sum())
        count += int(here.sum())
    return max(total / max(count, 1) - noise * preview.scale, 0.0)


def _hold_out(preview: Preview, index: int, sides: Axis) -> Float:
    """One keyframe's strips, in thirds (3, 4): summed error predicted and cheap, pixels compared, pixels in all.

    Witnesses are keyframes whose camera stands apart: those beside it would prove nothing about parallax.
    """
    w, h = preview.width, preview.height
    apart = APART * (w if sides == "x" else h)
    witnesses = np.flatnonzero(corner_error(preview.cameras, preview.cameras[index], w, h) > apart)
    strip = _strip(w, h, sides)
    thirds = [t & strip for t in _thirds(w, h, sides)]
    sums = np.zeros((3, 4))
    sums[:, 3] = [t.sum() for t in thirds]
    if not len(witnesses):
        return sums
    seen = preview.seen[witnesses]
    shown = _as_keyframe(preview.pictures[index], preview, index)
    prediction = _as_keyframe(_median_near(preview, index, witnesses), preview, index)
    known = _as_keyframe(seen.any(axis=0) & (preview.seen[index] | preview.foreground[index]), preview, index) > 250
    error = _error(prediction, shown)
    cheap = np.array([_error(fill, shown) for fill in _cheap_fills(shown, sides)])
    for row, third in zip(sums, thirds, strict=True):
        here = known & third
        row[:3] = error[here].sum(), cheap[:, here].sum(axis=1).min(), here.sum()
    return sums


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
    error: Float = np.minimum(cv2.absdiff(guess, shown).mean(axis=-1), CLIP)
    return error


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

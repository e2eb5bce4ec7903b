"""The hold-out: a keyframe's border strips, foretold from other keyframes and beside fills that cost nothing."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float64, Mask
from remaster.imaging.aligned_keyframes import Preview, masked_median
from remaster.imaging.camera import apply, corner_error, corners
from remaster.imaging.estimation import normalized_convolution
from remaster.stitch.background_canvas import Axis

HOLDOUTS = 5
"""Keyframes that are foretold, at most."""
STRIP = 0.125
"""Share of the picture next to its border, on the wings' sides, that is predicted."""
APART = 0.06
"""Share of the picture's width that a witness's camera must be away from the keyframe it predicts."""
CLIP = 60.0
"""Grey levels at which one wrong pixel stops costing more."""
MIN_EVIDENCE = 0.05
"""Share of the border strips that must have been predicted for the hold-out to say anything."""
BLUR = 0.8
"""Preview pixels of a Gaussian over what is compared."""
CHANNELS_MEAN = np.full((1, 3), 1 / 3)
"""Times a pixel's channels."""


@dataclass(frozen=True)
class Foretold:
    """A keyframe at the preview's size, uint8 (h, w, 3): as ``shown``, as a ``guess``, and that in its own light.

    ``known`` bool (h, w): where both the witnesses and the keyframe show something.
    """

    shown: cv2.typing.MatLike
    guess: cv2.typing.MatLike
    relit: cv2.typing.MatLike
    known: Mask


def held_out(count: int) -> npt.NDArray[np.int64]:
    """Which of ``count`` keyframes are foretold: some, spread evenly."""
    return np.unique(np.linspace(0, count - 1, min(HOLDOUTS, count)).round().astype(np.int64))


def witnesses(preview: Preview, index: int, sides: Axis) -> npt.NDArray[np.intp]:
    """Keyframes whose camera stands apart: those beside it would prove nothing about parallax."""
    w, h = preview.width, preview.height
    apart = APART * (w if sides == "x" else h)
    return np.flatnonzero(corner_error(preview.cameras, preview.cameras[index], w, h) > apart)


def foretell(preview: Preview, index: int, by: npt.NDArray[np.intp], sides: Axis) -> Foretold:
    """One keyframe from the median of others, ``by`` (m,), at least one."""
    shown = as_keyframe(preview.pictures[index], preview, index)
    guess = as_keyframe(_median_near(preview, index, by), preview, index)
    both = preview.seen[by].any(axis=0) & (preview.seen[index] | preview.foreground[index])
    known = np.asarray(as_keyframe(both, preview, index) > 250)
    return Foretold(shown, guess, _relit(guess, shown, known, sides), known)


def _relit(prediction: cv2.typing.MatLike, shown: cv2.typing.MatLike, known: Mask, sides: Axis) -> cv2.typing.MatLike:
    """The prediction in the frame's own light, as wings are matched at the join: by what lies inside the strips."""
    height, width = known.shape
    here = known & ~strip_of(width, height, sides)
    if here.sum() < MIN_EVIDENCE * known.size:
        return prediction
    offset = np.median(shown[here].astype(float) - prediction[here], axis=0)
    return np.asarray(np.clip(prediction + offset, 0, 255), np.uint8)


def _median_near(preview: Preview, index: int, by: npt.NDArray[np.intp]) -> npt.NDArray[np.uint8]:
    """The median of keyframes ``by`` (m,) on the preview's canvas, where the keyframe lies; 255 elsewhere."""
    places = apply(preview.cameras[index], corners(preview.width, preview.height))
    x0, y0 = np.maximum(np.floor(places.min(axis=0)).astype(int) - 1, 0)
    x1, y1 = np.ceil(places.max(axis=0)).astype(int) + 2
    here = np.s_[y0:y1, x0:x1]
    near = preview.seen[by][:, y0:y1, x0:x1].any(axis=(1, 2))
    picture = np.full(preview.pictures.shape[1:], 255, np.uint8)
    if near.any():
        kept = by[near]
        picture[here] = masked_median(preview.pictures[kept][:, y0:y1, x0:x1], preview.seen[kept][:, y0:y1, x0:x1])
    return picture


def as_keyframe(picture: npt.NDArray[np.uint8] | Mask, preview: Preview, index: int) -> cv2.typing.MatLike:
    """A picture (or a mask, as 0 and 255) on the preview's canvas, as a keyframe sees it."""
    levels = np.asarray(picture * np.uint8(255) if picture.dtype == bool else picture, np.uint8)
    size, flags = (preview.width, preview.height), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(levels, preview.cameras[index], size, flags=flags)


def error_of(guess: cv2.typing.MatLike, shown: cv2.typing.MatLike) -> Float64:
    """How far each pixel is off in grey levels, the channels' mean, at most `CLIP`."""
    error = cv2.transform(cv2.absdiff(guess, shown).astype(np.float32), CHANNELS_MEAN)
    return np.minimum(error, CLIP).astype(float)


def squares_of(guess: cv2.typing.MatLike, shown: cv2.typing.MatLike, known: Mask) -> Float64:
    """Squared error of each ``known`` pixel, the channels' mean, slightly blurred: edges shift by half a pixel."""
    weight = known.astype(np.float32)
    blurred = normalized_convolution(np.asarray(guess.astype(np.float32) - shown, np.float32), weight, BLUR)
    limited = np.clip(blurred, -CLIP, CLIP)
    return np.asarray(cv2.transform(limited * limited, CHANNELS_MEAN), float)


def strip_of(width: int, height: int, sides: Axis) -> Mask:
    """The outer eighths on the wings' sides, bool (height, width)."""
    strip = np.zeros((height, width), bool)
    view = strip if sides == "x" else strip.T
    depth = round(STRIP * view.shape[1])
    view[:, :depth] = view[:, -depth:] = True
    return strip


def thirds_of(width: int, height: int, sides: Axis) -> list[Mask]:
    """The thirds of the picture along the strips, bool (height, width) each."""
    along = np.linspace(0, 3, height if sides == "x" else width, endpoint=False).astype(int)
    part = np.broadcast_to(along[:, None] if sides == "x" else along[None, :], (height, width))
    return [part == i for i in range(3)]


def cheap_fills(frame: cv2.typing.MatLike, sides: Axis) -> list[cv2.typing.MatLike]:
    """The picture with its strips mirrored from, and replicated from, what lies inside them."""
    fills: list[cv2.typing.MatLike] = []
    for mode in (cv2.BORDER_REFLECT, cv2.BORDER_REPLICATE):
        upright = frame if sides == "x" else np.ascontiguousarray(frame.transpose(1, 0, 2))
        depth = round(STRIP * upright.shape[1])
        filled = cv2.copyMakeBorder(upright[:, depth:-depth], 0, 0, depth, depth, mode)
        fills.append(filled if sides == "x" else np.ascontiguousarray(filled.transpose(1, 0, 2)))
    return fills

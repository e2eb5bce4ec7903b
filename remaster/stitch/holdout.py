"""The hold-out: a keyframe's border strips, predicted from other keyframes and compared with cheap fills.

The strips are the outer eighths of the picture on the wings' sides. What predicts them well predicts wings, too.
"""

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
from remaster.stitch.tuning import TUNING

CHANNELS_MEAN = np.full((1, 3), 1 / 3)
"""The matrix that takes the mean of a pixel's channels."""


@dataclass(frozen=True)
class Prediction:
    """A keyframe at the preview's size, uint8 (h, w, 3): ``actual``, ``predicted``, and that ``relit`` to match.

    ``known`` bool (h, w): where both the other keyframes and this one show something.
    """

    actual: cv2.typing.MatLike
    predicted: cv2.typing.MatLike
    relit: cv2.typing.MatLike
    known: Mask


def held_out(count: int) -> npt.NDArray[np.int64]:
    """Indices of the keyframes, of ``count``, that are predicted: some, spread evenly."""
    return np.unique(np.linspace(0, count - 1, min(TUNING.holdout.keyframes, count)).round().astype(np.int64))


def distant_keyframes(preview: Preview, index: int, sides: Axis) -> npt.NDArray[np.intp]:
    """Indices of the keyframes whose camera is far from that of ``index``: nearer ones prove nothing about parallax."""
    w, h = preview.width, preview.height
    distance = TUNING.holdout.min_distance * (w if sides == "x" else h)
    return np.flatnonzero(corner_error(preview.cameras, preview.cameras[index], w, h) > distance)


def predict(preview: Preview, index: int, others: npt.NDArray[np.intp], sides: Axis) -> Prediction:
    """Predict one keyframe by the median of ``others`` (m,), at least one."""
    actual = as_keyframe(preview.pictures[index], preview, index)
    predicted = as_keyframe(_median_near(preview, index, others), preview, index)
    both = preview.seen[others].any(axis=0) & (preview.seen[index] | preview.foreground[index])
    known = np.asarray(as_keyframe(both, preview, index) > TUNING.holdout.visible)
    return Prediction(actual, predicted, _relit(predicted, actual, known, sides), known)


def _relit(prediction: cv2.typing.MatLike, actual: cv2.typing.MatLike, known: Mask, sides: Axis) -> cv2.typing.MatLike:
    """The prediction shifted to the frame's own light, as wings are at the join: by the median inside the strips."""
    height, width = known.shape
    inner = known & ~strip_of(width, height, sides)
    if inner.sum() < TUNING.holdout.min_evidence * known.size:
        return prediction
    offset = np.median(actual[inner].astype(float) - prediction[inner], axis=0)
    return np.asarray(np.clip(prediction + offset, 0, 255), np.uint8)


def _median_near(preview: Preview, index: int, others: npt.NDArray[np.intp]) -> npt.NDArray[np.uint8]:
    """The median of keyframes ``others`` (m,) on the preview's canvas, where the keyframe lies; 255 elsewhere."""
    places = apply(preview.cameras[index], corners(preview.width, preview.height))
    x0, y0 = np.maximum(np.floor(places.min(axis=0)).astype(int) - 1, 0)
    x1, y1 = np.ceil(places.max(axis=0)).astype(int) + 2
    here = np.s_[y0:y1, x0:x1]
    near = preview.seen[others][:, y0:y1, x0:x1].any(axis=(1, 2))
    picture = np.full(preview.pictures.shape[1:], 255, np.uint8)
    if near.any():
        others = others[near]
        picture[here] = masked_median(preview.pictures[others][:, y0:y1, x0:x1], preview.seen[others][:, y0:y1, x0:x1])
    return picture


def as_keyframe(picture: npt.NDArray[np.uint8] | Mask, preview: Preview, index: int) -> cv2.typing.MatLike:
    """Warp a picture (or a mask, as 0 and 255) from the preview's canvas to a keyframe."""
    levels = np.asarray(picture * np.uint8(255) if picture.dtype == bool else picture, np.uint8)
    size, flags = (preview.width, preview.height), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(levels, preview.cameras[index], size, flags=flags)


def absolute_error(predicted: cv2.typing.MatLike, actual: cv2.typing.MatLike) -> Float64:
    """The absolute error of each pixel in levels (h, w): the channels' mean, truncated."""
    error = cv2.transform(cv2.absdiff(predicted, actual).astype(np.float32), CHANNELS_MEAN)
    return np.minimum(error, TUNING.holdout.max_error).astype(float)


def squared_error(predicted: cv2.typing.MatLike, actual: cv2.typing.MatLike, known: Mask) -> Float64:
    """The squared error of each ``known`` pixel (h, w): the channels' mean, blurred: edges shift by half a pixel."""
    weight = known.astype(np.float32)
    blurred = normalized_convolution(
        np.asarray(predicted.astype(np.float32) - actual, np.float32), weight, TUNING.holdout.blur_sigma
    )
    limited = np.clip(blurred, -TUNING.holdout.max_error, TUNING.holdout.max_error)
    return np.asarray(cv2.transform(limited * limited, CHANNELS_MEAN), float)


def strip_of(width: int, height: int, sides: Axis) -> Mask:
    """The strips: the outer eighths on the wings' sides, bool (height, width)."""
    strip = np.zeros((height, width), bool)
    view = strip if sides == "x" else strip.T
    depth = round(TUNING.holdout.strip * view.shape[1])
    view[:, :depth] = view[:, -depth:] = True
    return strip


def thirds_of(width: int, height: int, sides: Axis) -> list[Mask]:
    """The thirds of the picture along the strips, bool (height, width) each."""
    along = np.linspace(0, 3, height if sides == "x" else width, endpoint=False).astype(int)
    part = np.broadcast_to(along[:, None] if sides == "x" else along[None, :], (height, width))
    return [part == i for i in range(3)]


def cheap_fills(frame: cv2.typing.MatLike, sides: Axis) -> list[cv2.typing.MatLike]:
    """The picture with its strips mirrored, and replicated, from what lies inside them."""
    fills: list[cv2.typing.MatLike] = []
    for mode in (cv2.BORDER_REFLECT, cv2.BORDER_REPLICATE):
        upright = frame if sides == "x" else np.ascontiguousarray(frame.transpose(1, 0, 2))
        depth = round(TUNING.holdout.strip * upright.shape[1])
        filled = cv2.copyMakeBorder(upright[:, depth:-depth], 0, 0, depth, depth, mode)
        fills.append(filled if sides == "x" else np.ascontiguousarray(filled.transpose(1, 0, 2)))
    return fills

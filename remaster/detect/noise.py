"""The strength of a video's grain, independent of motion and texture.

Two successive frames show the same set under different grain: once the motion between them is compensated, patch by
patch, their difference is grain alone. Where a codec copied the patches, the flattest places of a single frame are
used.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32, Gray
from remaster.detect.active_picture import Sample, patch_places
from remaster.detect.tuning import TUNING
from remaster.media.types import Rect

ALL = (-1.0, 256.0)  # every mean level
Levels = tuple[float, float]


def noise_level(samples: Sequence[Sample], active: Rect) -> float:
    """Standard deviation of the luma's grain in 8-bit levels: the median of the samples' estimates."""
    return float(np.median([_sample_noise(sample, active, TUNING.noise.lit) for sample in samples]))


def grain_levels(samples: Sequence[Sample], active: Rect) -> npt.NDArray[np.float32]:
    """Each sample's visible grain, float32 (m,) in 8-bit levels, clipped or not; 0 where it is faint.

    A black card has none, whatever is written on it.
    """
    levels = np.array([_sample_noise(sample, active, ALL) for sample in samples], np.float32)
    return np.where(levels < TUNING.noise.faint, np.float32(0), levels)


def _sample_noise(sample: Sample, active: Rect, between: Levels) -> float:
    """The grain of what has a mean level in the open interval ``between``.

    Texture makes the spatial estimate too large, correlated grain makes it too small; motion that is not compensated
    makes the temporal one too large. Where that happens everywhere alike (a crowd under confetti) the patches agree,
    but grain would be visible in flat places too, which bound it.
    """
    tuning = TUNING.noise
    quiet, compensated = _temporal_noise(sample, active, between)
    luma = _cut_out(sample.luma, active)
    bound = max(tuning.correlated * _flattest(luma, between), tuning.undisputed)
    return min(bound, quiet if compensated else min(quiet, _spatial_noise(luma, between)))


def _temporal_noise(sample: Sample, active: Rect, between: Levels) -> tuple[float, bool]:
    """(estimate, whether most patches agree on it) from the patches of the frame after.

    The estimate is infinite where a codec copied most of them.
    """
    tuning = TUNING.noise
    found = []
    for (y, x), patch in zip(patch_places(*sample.luma.shape), sample.after, strict=False):
        side = len(patch)
        inside = active.y <= y and active.x <= x and y + side <= active.y + active.height
        if inside and x + side <= active.x + active.width and between[0] < patch.mean() < between[1]:
            found.append(_patch_noise(sample.luma, y, x, patch.astype(np.float32)))
    kept = np.array([deviation for deviation in found if deviation > tuning.copied])
    if 2 * len(kept) <= len(found):
        return float("inf"), False
    quiet, median = np.quantile(kept, (tuning.quiet, 0.5))
    return float(quiet), bool(median < tuning.agreement * quiet)


def _patch_noise(luma: Gray, y: int, x: int, patch: Float32) -> float:
    """The deviation of one patch's grain: its residual after compensation of shift and light."""
    side, radius = len(patch), TUNING.noise.search_radius
    top, left = max(y - radius, 0), max(x - radius, 0)
    around = luma[top : y + side + radius, left : x + side + radius].astype(np.float32)
    squares = cv2.matchTemplate(around, patch, cv2.TM_SQDIFF)
    least, _, (dx, dy), _ = cv2.minMaxLoc(squares)
    if least > TUNING.noise.moved * squares[y - top, x - left]:
        dx, dy = x - left, y - top
    here = around[dy : dy + side, dx : dx + side]
    slopes = np.gradient(cv2.GaussianBlur(patch + here, (0, 0), TUNING.noise.gradient_sigma))
    # The sub-pixel shift is linear in the gradients; the constant is a change of light.
    system = np.stack([np.ones(side * side), slopes[0].ravel(), slopes[1].ravel()], axis=-1)
    difference = (patch - here).ravel()
    residual = difference - system @ np.linalg.lstsq(system, difference, rcond=None)[0]
    return float(np.sqrt((residual**2).sum() / (side * side - system.shape[1]) / 2))


def _spatial_noise(luma: Gray, between: Levels) -> float:
    """The estimate of Immerkaer, "Fast Noise Variance Estimation", 1996, in the flattest tenth of all blocks."""
    block = TUNING.noise.block
    height, width = (max(side // block, 1) * block for side in luma.shape)
    picture = luma[:height, :width].astype(np.float32)
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    response = np.abs(cv2.filter2D(picture, cv2.CV_32F, kernel)) * np.sqrt(np.pi / 2) / 6
    size = (width // block, height // block)
    blocks, means = (cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in (response, picture))
    unclipped = blocks[(means > between[0]) & (means < between[1])]
    return float(np.quantile(unclipped if unclipped.size else blocks, TUNING.noise.tenth)) / TUNING.noise.tenth_ratio


def _flattest(luma: Gray, between: Levels) -> float:
    """The deviation from a plane of the flattest tenth of small blocks, in levels; of all where none is ``between``.

    Infinite for a picture that is smaller than a block.
    """
    flat, area = TUNING.noise.flat, TUNING.noise.flat**2
    height, width = (side // flat * flat for side in luma.shape)
    if not height * width:
        return float("inf")
    cells = luma[:height, :width].astype(np.float32).reshape(height // flat, flat, width // flat, flat)
    blocks = cells.swapaxes(1, 2).reshape(-1, area)
    means = blocks.mean(axis=1)
    unclipped = (means > between[0]) & (means < between[1])
    blocks = blocks[unclipped] if unclipped.any() else blocks
    y, x = np.mgrid[:flat, :flat].reshape(2, -1)
    plane = np.linalg.qr(np.stack([np.ones(area), y, x], axis=-1))[0].astype(np.float32)
    off = blocks - blocks @ plane @ plane.T
    return float(np.quantile(np.sqrt((off**2).sum(axis=1) / (area - 3)), TUNING.noise.tenth))


def _cut_out(luma: Gray, rect: Rect) -> Gray:
    """A rectangle of a picture."""
    return luma[rect.y : rect.y + rect.height, rect.x : rect.x + rect.width]

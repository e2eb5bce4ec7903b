"""How strong a video's grain is, whatever moves and however much texture there is.

Two frames in a row show the same set under different grain: their difference is grain alone once the motion between
them is undone, patch by patch. Where a codec copied the patches, the flattest places of a single frame must tell.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32, Gray
from remaster.detect.active_picture import Sample, patch_places
from remaster.media.types import Rect

BLOCK = 16  # side in pixels of the blocks whose lowest tenth tells the grain
LOW_TENTH = 0.94  # of the true deviation: where the lowest tenth of blocks of pure noise lies
QUIET = 0.25  # the patches that tell: what motion and texture are left in the others only adds to them
REACH = 20  # pixels that a patch may move from one frame to the next
MOVED = 0.85  # of a patch's difference at rest: where a shift leaves less, it moved; chance finds a little less too
ALIKE = 1.5  # times the quiet patches' grain: where half of the others have no more, motion is undone
COPIED = 0.3  # levels under which a codec repeated the patch
LIT = (24.0, 230.0)  # mean levels between which clipping does not cut noise off
ALL = (-1.0, 256.0)  # every mean level
FLAT = 8  # side in pixels of the blocks of which the flattest tenth bounds the grain
CORRELATED = 2.5  # times those blocks' deviation that grain has at most: white 1.1, grain 1.5 pixels wide 2.2
UNDISPUTED = 2.0  # levels that are believed whatever the flattest blocks show: codecs smooth what is flat
FAINT = 0.7  # levels that rounding and coding leave where light changes and there is no grain

Levels = tuple[float, float]


def noise_level(samples: Sequence[Sample], active: Rect) -> float:
    """Standard deviation of the luma's grain in 8-bit levels: the median of the samples' estimates."""
    return float(np.median([_sample_noise(sample, active, LIT) for sample in samples]))


def grain_levels(samples: Sequence[Sample], active: Rect) -> npt.NDArray[np.float32]:
    """Each sample's grain as it shows, float32 (m,) in 8-bit levels, clipped or not; 0 under `FAINT`.

    A black card has none, whatever stands on it.
    """
    levels = np.array([_sample_noise(sample, active, ALL) for sample in samples], np.float32)
    return np.where(levels < FAINT, np.float32(0), levels)


def _sample_noise(sample: Sample, active: Rect, between: Levels) -> float:
    """Of what has a mean level in the open interval ``between``.

    Texture makes the spatial estimate too large, correlated grain too small; lost motion the temporal too large. Where
    it is lost everywhere alike (a crowd under confetti), the patches agree: grain lies over flat places too.
    """
    quiet, followed = _temporal_noise(sample, active, between)
    luma = _cut_out(sample.luma, active)
    most = max(CORRELATED * _flattest(luma, between), UNDISPUTED)
    return min(most, quiet if followed else min(quiet, _spatial_noise(luma, between)))


def _temporal_noise(sample: Sample, active: Rect, between: Levels) -> tuple[float, bool]:
    """(estimate, whether most patches agree on it) from the patches that the frame after shares with this one.

    The estimate is infinite where a codec copied most of them.
    """
    found = []
    for (y, x), patch in zip(patch_places(*sample.luma.shape), sample.after, strict=False):
        side = len(patch)
        inside = active.y <= y and active.x <= x and y + side <= active.y + active.height
        if inside and x + side <= active.x + active.width and between[0] < patch.mean() < between[1]:
            found.append(_patch_noise(sample.luma, y, x, patch.astype(np.float32)))
    kept = np.array([deviation for deviation in found if deviation > COPIED])
    if 2 * len(kept) <= len(found):
        return float("inf"), False
    quiet, median = np.quantile(kept, (QUIET, 0.5))
    return float(quiet), bool(median < ALIKE * quiet)


def _patch_noise(luma: Gray, y: int, x: int, patch: Float32) -> float:
    """The deviation of one patch's grain: what is left of its difference once shift and light are undone."""
    side = len(patch)
    top, left = max(y - REACH, 0), max(x - REACH, 0)
    around = luma[top : y + side + REACH, left : x + side + REACH].astype(np.float32)
    squares = cv2.matchTemplate(around, patch, cv2.TM_SQDIFF)
    least, _, (dx, dy), _ = cv2.minMaxLoc(squares)
    if least > MOVED * squares[y - top, x - left]:
        dx, dy = x - left, y - top
    here = around[dy : dy + side, dx : dx + side]
    slopes = np.gradient(cv2.GaussianBlur(patch + here, (0, 0), 1.0))
    # The rest of the shift, under a pixel, is linear in the slopes; the constant is a change of light.
    reach = np.stack([np.ones(side * side), slopes[0].ravel(), slopes[1].ravel()], axis=-1)
    difference = (patch - here).ravel()
    left_over = difference - reach @ np.linalg.lstsq(reach, difference, rcond=None)[0]
    return float(np.sqrt((left_over**2).sum() / (side * side - reach.shape[1]) / 2))


def _spatial_noise(luma: Gray, between: Levels) -> float:
    """Immerkaer, "Fast Noise Variance Estimation", 1996, in blocks; the flattest tenth of them tells."""
    height, width = (max(side // BLOCK, 1) * BLOCK for side in luma.shape)
    picture = luma[:height, :width].astype(np.float32)
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    response = np.abs(cv2.filter2D(picture, cv2.CV_32F, kernel)) * np.sqrt(np.pi / 2) / 6
    size = (width // BLOCK, height // BLOCK)
    blocks, means = (cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in (response, picture))
    unclipped = blocks[(means > between[0]) & (means < between[1])]
    return float(np.quantile(unclipped if unclipped.size else blocks, 0.1)) / LOW_TENTH


def _flattest(luma: Gray, between: Levels) -> float:
    """The deviation from a plane of the flattest tenth of small blocks, in levels; of all where none is ``between``.

    Infinite for a picture that is smaller than a block.
    """
    height, width = (side // FLAT * FLAT for side in luma.shape)
    if not height * width:
        return float("inf")
    cells = luma[:height, :width].astype(np.float32).reshape(height // FLAT, FLAT, width // FLAT, FLAT)
    blocks = cells.swapaxes(1, 2).reshape(-1, FLAT * FLAT)
    means = blocks.mean(axis=1)
    unclipped = (means > between[0]) & (means < between[1])
    blocks = blocks[unclipped] if unclipped.any() else blocks
    y, x = np.mgrid[:FLAT, :FLAT].reshape(2, -1)
    plane = np.linalg.qr(np.stack([np.ones(FLAT * FLAT), y, x], axis=-1))[0].astype(np.float32)
    off = blocks - blocks @ plane @ plane.T
    return float(np.quantile(np.sqrt((off**2).sum(axis=1) / (FLAT * FLAT - 3)), 0.1))


def _cut_out(luma: Gray, rect: Rect) -> npt.NDArray[np.uint8]:
    return luma[rect.y : rect.y + rect.height, rect.x : rect.x + rect.width]

"""One background from many keyframes: a masked, weighted, robust mean at full size, tile by tile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import FINE, Affine, FineRgb, Gray, Mask, Rgb
from remaster.imaging.aligned_keyframes import masked_median
from remaster.imaging.camera import apply, compose, corners, translation
from remaster.imaging.channels import largest, thrice
from remaster.media.planes import rounded
from remaster.stitch.background_canvas import Axis, Canvas

TILE = 256
"""Side of a tile: what is held at a time is one tile of each keyframe that touches it."""
NEAR_LEVELS = 6.0
"""Grey levels off the median, beyond the grain, within which samples are averaged."""
REACH = 2
"""Pixels by which a moving camera's pictures are continued along the edges that no wing meets."""
WHOLE = 1e-6
"""How far a camera may be off whole numbers and still only shift by whole pixels."""
RAMP = 0.2
"""Share of the picture's smaller side over which a keyframe's weight grows from its edge."""


@dataclass(frozen=True)
class Source:
    """A keyframe at full size: ``picture`` (H, W, 3), ``weight`` uint8 (H, W) with 0 for what is not background.

    Pictures are uint8, or all of them uint16 in 256ths of a level; so is then what is made of them.

    ``camera`` (2, 3) takes its pixels to the canvas.
    """

    picture: Rgb | FineRgb
    weight: Gray
    camera: Affine


def edge_weight(usable: Mask) -> Gray:
    """Weights 1-255 that grow with the distance to the picture's edge, 0 where ``usable`` bool (H, W) is False."""
    height, width = usable.shape
    rows = np.minimum(np.arange(height), np.arange(height)[::-1]) + 1.0
    columns = np.minimum(np.arange(width), np.arange(width)[::-1]) + 1.0
    distance = np.minimum(rows[:, None], columns[None, :]) / (RAMP * min(height, width))
    return np.where(usable, 1 + 254 * np.minimum(distance, 1.0), 0).astype(np.uint8)


def widened(source: Source, sides: Axis) -> Source:
    """A source that reaches a little past its picture along the edges that no wing meets, by repeating them.

    Half a pixel of weave would else leave a line of holes along the whole upper and lower edge of a pan.
    """
    rows, columns = (REACH, 0) if sides == "x" else (0, REACH)
    pad = ((rows, rows), (columns, columns))
    picture: Any = np.pad(source.picture, (*pad, (0, 0)), mode="edge")
    return Source(
        picture, np.pad(source.weight, pad, mode="edge"), compose(source.camera, translation(-columns, -rows))
    )


def with_standing(sources: Sequence[Source], canvas: Canvas, gate: Mask | None) -> tuple[list[Source], Mask]:
    """The keyframes of a camera at rest as they show what all their masks hide, and where, bool (h, w) on the canvas.

    What stands at the picture's edge through the whole shot is all that a fill beside it can continue. ``gate`` bool
    (H, W) over the pictures stays out.
    """
    masked = np.all([source.weight == 0 for source in sources], axis=0)
    if gate is not None:
        masked &= ~gate
    shown = [replace(source, weight=np.where(masked, 1, source.weight).astype(np.uint8)) for source in sources]
    size = (canvas.width, canvas.height)
    there = cv2.warpAffine(masked.astype(np.uint8), sources[0].camera, size, flags=cv2.INTER_NEAREST)
    return shown, np.asarray(there > 0)


def composite(sources: Sequence[Source], canvas: Canvas, noise: float) -> tuple[Rgb | FineRgb, Mask]:
    """The background (H, W, 3) in the sources' type and its coverage bool (H, W); black where nothing was seen.

    Each pixel is the mean of those samples that lie near the samples' median, weighted by their distance to their
    picture's edge: grain averages out, characters that were not masked do not, and no seam shows.
    """
    image = np.zeros((canvas.height, canvas.width, 3), sources[0].picture.dtype if sources else np.uint8)
    coverage = np.zeros((canvas.height, canvas.width), bool)
    for here, samples, weights in _tiles(sources, np.ones_like(coverage)):
        image[here], coverage[here] = robust_mean(samples, weights, NEAR_LEVELS + 3.0 * noise)
    return image, coverage


def continued(
    image: Rgb | FineRgb, coverage: Mask, lent: Sequence[Source], noise: float, seam: int
) -> tuple[Rgb | FineRgb, Mask]:
    """A background with what ``lent`` sources show where it has none, blended over ``seam`` pixels of its own.

    Returns both anew, as ``composite`` does, which made ``image`` and ``coverage``.
    """
    if not lent:
        return image, coverage
    inside = cv2.distanceTransform(np.pad(coverage, 1, mode="edge").astype(np.uint8), cv2.DIST_L1, 3, dstType=cv2.CV_8U)
    own = inside[1:-1, 1:-1]
    image, coverage = image.copy(), coverage.copy()
    for here, samples, weights in _tiles(lent, own <= seam):
        picture, seen = robust_mean(samples, weights, NEAR_LEVELS + 3.0 * noise)
        share = np.where(seen, np.minimum(own[here] / seam, 1.0), 1.0).astype(np.float32)
        mixed = thrice(share) * image[here] + thrice(1 - share) * picture
        image[here] = np.rint(mixed)
        coverage[here] |= seen
    return image, coverage


def _tiles(sources: Sequence[Source], wanted: Mask) -> Iterator[tuple[tuple[slice, slice], Rgb | FineRgb, Gray]]:
    """(where, samples, weights) of each tile of which something is ``wanted`` bool (H, W) and any source shows."""
    extents = [_extent(s) for s in sources]
    rows, columns = wanted.shape
    for y in range(0, rows, TILE):
        for x in range(0, columns, TILE):
            height, width = min(TILE, rows - y), min(TILE, columns - x)
            here = np.s_[y : y + height, x : x + width]
            touching = [s for s, e in zip(sources, extents, strict=True) if _touches(e, x, y, width, height)]
            if touching and wanted[here].any():
                yield here, *_samples(touching, x, y, width, height)


def robust_mean(samples: Rgb | FineRgb, weights: Gray, near: float) -> tuple[Rgb | FineRgb, Mask]:
    """(picture (h, w, 3), seen bool (h, w)) of samples (k, h, w, 3) with weights (k, h, w), 0 for unseen.

    One step of an M-estimator from the median. Two samples have no median: there the heavier one is its stand-in. What
    is near is told in levels of 8 bits, the mean is taken of the samples as they are.
    """
    seen = weights > 0
    count = seen.sum(axis=0)
    levels = rounded(samples)
    middle = masked_median(levels, seen)
    few = count <= 2
    if few.any():
        heaviest = weights.argmax(axis=0)
        middle[few] = np.take_along_axis(levels, heaviest[None, ..., None], axis=0)[0][few]
    total = np.zeros(middle.shape, np.float32)
    mass = np.zeros(few.shape, np.float32)
    for sample, level, weight in zip(samples, levels, weights, strict=True):
        off = largest(np.asarray(cv2.absdiff(level, middle), np.uint8))
        share = weight * (off <= near).astype(np.float32)
        total += thrice(share) * sample
        mass += share
    mean = total / np.maximum(mass, 1e-6)[..., None]
    unit = FINE if samples.dtype == np.uint16 else 1
    picture: Any = np.where(mass[..., None] > 0, np.rint(mean), middle * np.float32(unit)).astype(samples.dtype)
    covered = count > 0
    picture[~covered] = 0
    return picture, covered


def _extent(source: Source) -> npt.NDArray[np.float64]:
    height, width = source.weight.shape
    points = apply(source.camera, corners(width, height))
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def _touches(extent: npt.NDArray[np.float64], x: int, y: int, width: int, height: int) -> bool:
    left, top, right, bottom = extent
    return bool(right >= x - 1 and left <= x + width and bottom >= y - 1 and top <= y + height)


def _samples(sources: Sequence[Source], x: int, y: int, width: int, height: int) -> tuple[Rgb | FineRgb, Gray]:
    """What the sources show in one tile: (k, height, width, 3) and weights (k, height, width)."""
    samples = np.empty((len(sources), height, width, 3), sources[0].picture.dtype)
    weights = np.empty((len(sources), height, width), np.uint8)
    for i, source in enumerate(sources):
        camera = compose(translation(-x, -y), source.camera)
        # Cubic and linear at whole offsets copy, at many times the cost.
        copied = bool((np.abs(camera - np.rint(camera)) < WHOLE).all())
        sharp, soft = (cv2.INTER_NEAREST,) * 2 if copied else (cv2.INTER_CUBIC, cv2.INTER_LINEAR)
        # The replicated border keeps the reach off the black outside.
        size = (width, height)
        samples[i] = cv2.warpAffine(source.picture, camera, size, flags=sharp, borderMode=cv2.BORDER_REPLICATE)
        weights[i] = cv2.warpAffine(source.weight, camera, size, flags=soft)
    return samples, weights

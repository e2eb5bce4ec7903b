"""The composite: one background from many keyframes, a masked, weighted, robust mean at full size, tile by tile.

In come keyframes as ``Source`` s; out go the background's picture and its coverage.
"""

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
from remaster.stitch.tuning import TUNING


@dataclass(frozen=True)
class Source:
    """A keyframe at full size: ``picture`` (H, W, 3), ``weight`` uint8 (H, W) with 0 for what is not background.

    ``camera`` (2, 3) takes its pixels to the canvas. Pictures are uint8, or, for deeper sources, all of them uint16 in
    256ths of a level, and so is what is made of them.
    """

    picture: Rgb | FineRgb
    weight: Gray
    camera: Affine


def edge_weight(usable: Mask) -> Gray:
    """Weights 1-255 that grow with the distance to the picture's edge, 0 where ``usable`` bool (H, W) is False."""
    height, width = usable.shape
    rows = np.minimum(np.arange(height), np.arange(height)[::-1]) + 1.0
    columns = np.minimum(np.arange(width), np.arange(width)[::-1]) + 1.0
    distance = np.minimum(rows[:, None], columns[None, :]) / (TUNING.composite.edge_ramp * min(height, width))
    return np.where(usable, 1 + 254 * np.minimum(distance, 1.0), 0).astype(np.uint8)


def with_repeated_edges(source: Source, sides: Axis) -> Source:
    """Extend a source by repeating its edges by a few pixels, where no wing meets them.

    Half a pixel of weave would leave a line of holes along the whole upper and lower edge of a pan otherwise.
    """
    pixels = TUNING.composite.repeated_edge
    rows, columns = (pixels, 0) if sides == "x" else (0, pixels)
    pad = ((rows, rows), (columns, columns))
    picture: Any = np.pad(source.picture, (*pad, (0, 0)), mode="edge")
    weight = np.pad(source.weight, pad, mode="edge")
    return Source(picture, weight, compose(source.camera, translation(-columns, -rows)))


def with_always_masked(sources: Sequence[Source], canvas: Canvas, gate: Mask | None) -> tuple[list[Source], Mask]:
    """Give weight to what is masked in all keyframes of a resting camera; where that is, bool (h, w) on the canvas.

    A fill beside the picture can only continue what stands at the picture's edge if it is shown. ``gate`` bool (H, W)
    over the pictures stays out.
    """
    masked = np.all([source.weight == 0 for source in sources], axis=0)
    if gate is not None:
        masked &= ~gate
    visible = [replace(source, weight=np.where(masked, 1, source.weight).astype(np.uint8)) for source in sources]
    size = (canvas.width, canvas.height)
    on_canvas = cv2.warpAffine(masked.astype(np.uint8), sources[0].camera, size, flags=cv2.INTER_NEAREST)
    return visible, np.asarray(on_canvas > 0)


def composite(sources: Sequence[Source], canvas: Canvas, noise: float) -> tuple[Rgb | FineRgb, Mask]:
    """Composite the background (H, W, 3), in the sources' type, and its coverage, bool (H, W); black where unseen.

    Each pixel is the mean of the samples near the samples' median, weighted by their distance to their picture's edge:
    grain averages out, characters that were not masked have no part, and no seam is visible.
    """
    image = np.zeros((canvas.height, canvas.width, 3), sources[0].picture.dtype if sources else np.uint8)
    coverage = np.zeros((canvas.height, canvas.width), bool)
    for tile, samples, weights in _tiles(sources, np.ones_like(coverage)):
        image[tile], coverage[tile] = robust_mean(samples, weights, _near_levels(noise))
    return image, coverage


def extended(
    image: Rgb | FineRgb, coverage: Mask, donors: Sequence[Source], noise: float, seam: int
) -> tuple[Rgb | FineRgb, Mask]:
    """Extend a background by ``donors``, blended over ``seam`` pixels inside its own coverage.

    Returns a new picture (H, W, 3) of the same type, and a new coverage, bool (H, W).
    """
    if not donors:
        return image, coverage
    distance = cv2.distanceTransform(
        np.pad(coverage, 1, mode="edge").astype(np.uint8), cv2.DIST_L1, 3, dstType=cv2.CV_8U
    )
    own = distance[1:-1, 1:-1]
    image, coverage = image.copy(), coverage.copy()
    for tile, samples, weights in _tiles(donors, own <= seam):
        picture, seen = robust_mean(samples, weights, _near_levels(noise))
        share = np.where(seen, np.minimum(own[tile] / seam, 1.0), 1.0).astype(np.float32)
        image[tile] = np.rint(thrice(share) * image[tile] + thrice(1 - share) * picture)
        coverage[tile] |= seen
    return image, coverage


def parted(image: Rgb | FineRgb) -> tuple[Rgb, npt.NDArray[np.int8] | None]:
    """Split a picture (H, W, 3) into its 8 bits and ``Background.fine``; None if it has no more than those."""
    levels = rounded(image)
    if image.dtype == np.uint8:
        return levels, None
    rest = image.astype(np.int32) - levels.astype(np.int32) * FINE
    return levels, rest.clip(-128, 127).astype(np.int8)


def _near_levels(noise: float) -> float:
    """Levels off the median within which samples are averaged, for grain of a standard deviation ``noise``."""
    return TUNING.composite.near_levels + TUNING.composite.noise_sigmas * noise


def _tiles(sources: Sequence[Source], needed: Mask) -> Iterator[tuple[tuple[slice, slice], Rgb | FineRgb, Gray]]:
    """Yield (slices, samples, weights) of each tile that is ``needed``, bool (H, W), and that a source shows."""
    extents = [_extent(s) for s in sources]
    rows, columns = needed.shape
    side = TUNING.composite.tile
    for y in range(0, rows, side):
        for x in range(0, columns, side):
            height, width = min(side, rows - y), min(side, columns - x)
            tile = np.s_[y : y + height, x : x + width]
            touching = [s for s, e in zip(sources, extents, strict=True) if _touches(e, x, y, width, height)]
            if touching and needed[tile].any():
                yield tile, *_samples(touching, x, y, width, height)


def robust_mean(samples: Rgb | FineRgb, weights: Gray, near: float) -> tuple[Rgb | FineRgb, Mask]:
    """The robust mean (h, w, 3) of samples (k, h, w, 3), weights (k, h, w), in their type; where it is seen, (h, w).

    One step of an M-estimator from the median; samples within ``near`` levels of it count. A weight of 0 is unseen. Two
    samples have no median: there the one with the larger weight takes its place. The median and what is near it are
    computed in 8 bits, the mean from the samples as they are.
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
        difference = largest(np.asarray(cv2.absdiff(level, middle), np.uint8))
        share = weight * (difference <= near).astype(np.float32)
        total += thrice(share) * sample
        mass += share
    mean = total / np.maximum(mass, 1e-6)[..., None]
    unit = FINE if samples.dtype == np.uint16 else 1
    picture: Any = np.where(mass[..., None] > 0, np.rint(mean), middle * np.float32(unit)).astype(samples.dtype)
    covered = count > 0
    picture[~covered] = 0
    return picture, covered


def _extent(source: Source) -> npt.NDArray[np.float64]:
    """(left, top, right, bottom) of a source on the canvas."""
    height, width = source.weight.shape
    points = apply(source.camera, corners(width, height))
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def _touches(extent: npt.NDArray[np.float64], x: int, y: int, width: int, height: int) -> bool:
    left, top, right, bottom = extent
    return bool(right >= x - 1 and left <= x + width and bottom >= y - 1 and top <= y + height)


def _samples(sources: Sequence[Source], x: int, y: int, width: int, height: int) -> tuple[Rgb | FineRgb, Gray]:
    """The pixels (k, height, width, 3) and weights (k, height, width) of the sources in one tile."""
    samples = np.empty((len(sources), height, width, 3), sources[0].picture.dtype)
    weights = np.empty((len(sources), height, width), np.uint8)
    for i, source in enumerate(sources):
        camera = compose(translation(-x, -y), source.camera)
        # At whole offsets cubic and linear interpolation only copy, at many times the cost.
        copied = bool((np.abs(camera - np.rint(camera)) < TUNING.composite.whole).all())
        sharp, soft = (cv2.INTER_NEAREST,) * 2 if copied else (cv2.INTER_CUBIC, cv2.INTER_LINEAR)
        # The replicated border keeps black out of the interpolation.
        size = (width, height)
        samples[i] = cv2.warpAffine(source.picture, camera, size, flags=sharp, borderMode=cv2.BORDER_REPLICATE)
        weights[i] = cv2.warpAffine(source.weight, camera, size, flags=soft)
    return samples, weights

"""Finds rigid layers that were masked as characters: parts of the set nearer or farther than its main plane.

A part of the set at the edge of every keyframe that agrees with none of the others is masked in all of them, so that
nothing is known there and a wing has nothing to continue. Such a layer keeps its shape, and its shift against the set
is proportional to the camera's (motion parallax; Irani and Anandan, "A Unified Approach to Moving Object Detection in
2D and 3D Scenes", IEEE TPAMI 1998); a character does neither.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32, Float64, Mask, Points
from remaster.imaging.aligned_keyframes import Preview
from remaster.imaging.camera import apply
from remaster.imaging.channels import gray_of
from remaster.imaging.estimation import normalized_convolution, parabola_vertex
from remaster.imaging.whole_figures import at_rest, opened
from remaster.stitch.background_canvas import Axis
from remaster.stitch.tuning import TUNING


def find_rigid_layers(preview: Preview, figures: Mask, visible: npt.NDArray[np.bool_], sides: Axis) -> list[Mask]:
    """Find the rigid layers beside the wings, bool (h, w) each on the preview's canvas.

    They are sought among ``figures`` bool (h, w) and what all keyframes mask. ``visible`` bool (k, h, w) is where each
    keyframe lies on the canvas; ``sides`` is the axis of the wings. None under a resting camera, which shifts nothing.
    """
    if at_rest(preview.cameras, preview.width, preview.height):
        return []
    everywhere = np.asarray(visible.any(axis=0))
    radius = round(TUNING.rigid.wing_distance * preview.height)
    kernel = np.ones((1, 2 * radius + 1) if sides == "x" else (2 * radius + 1, 1), np.uint8)
    inner = cv2.erode(np.pad(everywhere, radius).astype(np.uint8), kernel)[radius:-radius, radius:-radius] > 0
    masked = opened(figures | always_masked(preview, visible)) & everywhere
    count, labels, stats, _ = cv2.connectedComponentsWithStats(masked.astype(np.uint8), connectivity=8)
    beside = np.bincount(labels[masked & ~inner], minlength=count) > 0
    large = stats[:, cv2.CC_STAT_AREA] >= TUNING.rigid.min_area * preview.height * preview.width
    regions = [np.asarray(labels == i) for i in range(1, count) if beside[i] and large[i]]
    return [region for region in regions if _is_rigid_layer(preview, region, visible)]


def always_masked(preview: Preview, visible: npt.NDArray[np.bool_]) -> Mask:
    """What is masked in every keyframe that shows it, bool (h, w)."""
    return np.asarray(visible.any(axis=0) & ~preview.seen.any(axis=0))


def unmasked_layers(layers: Sequence[Mask], preview: Preview, visible: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """What each keyframe is to show of the ``layers`` in spite of its mask, bool (k, h, w) on the preview's canvas.

    Each place is shown by one keyframe, the nearest in time to the middle of those that show the layer: layers are
    shifted by a few pixels between keyframes, and their mean would be soft.
    """
    unmasked = np.zeros_like(visible)
    hidden = always_masked(preview, visible)
    for layer in layers:
        left = layer & hidden
        views = np.flatnonzero((visible & left).any(axis=(1, 2)))
        middle = np.median(views) if len(views) else 0.0
        for i in views[np.argsort(np.abs(views - middle), kind="stable")]:
            unmasked[i] |= left & visible[i]
            left &= ~visible[i]
    return unmasked


def _is_rigid_layer(preview: Preview, region: Mask, visible: npt.NDArray[np.bool_]) -> bool:
    """Whether the region keeps its shape, and its shift against the set is a small share of the camera's."""
    tuning = TUNING.rigid
    keyframes = np.flatnonzero((visible & region).sum(axis=(1, 2)) >= tuning.min_visible * region.sum())
    if len(keyframes) < tuning.min_keyframes:
        return False
    steps = [_shift_between(preview, region, visible, int(a), int(b)) for a, b in itertools.pairwise(keyframes)]
    if np.mean([correlation >= tuning.min_correlation for _, correlation in steps]) < tuning.min_rigid:
        return False
    path = np.vstack([np.zeros(2), np.cumsum([shift for shift, _ in steps], axis=0)])
    camera = apply(preview.cameras[keyframes], np.array([[preview.width, preview.height]]) / 2)[:, 0]
    travel, camera_travel = (float(np.linalg.norm(np.ptp(places, axis=0))) for places in (path, camera))
    return (
        tuning.min_travel <= travel <= tuning.max_travel * camera_travel
        and _proportional_share(path, camera) >= tuning.min_proportional
    )


def _shift_between(
    preview: Preview, region: Mask, visible: npt.NDArray[np.bool_], first: int, second: int
) -> tuple[Points, float]:
    """(how far (x, y) the region's detail moves from one keyframe to another, its correlation there)."""
    radius = max(round(TUNING.rigid.max_shift * preview.height), 1)
    both = region & visible[first] & visible[second]
    if not both.any():
        return np.zeros(2), 0.0
    x, y, w, h = cv2.boundingRect(both.astype(np.uint8))
    before, after = (_detail(preview.pictures[i], visible[i]) for i in (first, second))
    patch, weight = before[y : y + h, x : x + w], both[y : y + h, x : x + w].astype(np.float32)
    area = np.pad(after, radius)[y : y + h + 2 * radius, x : x + w + 2 * radius]
    correlation = cv2.matchTemplate(area, patch, cv2.TM_CCORR_NORMED, mask=weight)
    row, column = (int(i) for i in np.unravel_index(int(correlation.argmax()), correlation.shape))
    right = column + parabola_vertex(correlation[row], column)
    down = row + parabola_vertex(correlation[:, column], row)
    return np.array([right, down]) - radius, float(correlation[row, column])


def _detail(picture: npt.NDArray[np.uint8], visible: Mask) -> Float32:
    """Lines and texture without light and grain, float32 (h, w); 0 where nothing is ``visible``."""
    gray, weight = gray_of(picture).astype(np.float32), visible.astype(np.float32)
    fine, coarse = (normalized_convolution(gray, weight, sigma) for sigma in TUNING.rigid.detail_sigmas)
    return np.asarray((fine - coarse) * weight, np.float32)


def _proportional_share(path: Points, camera: Points) -> float:
    """The share of places of a ``path`` (m, 2) that are near a line over the ``camera``'s travel (m, 2).

    Travel is measured along the camera's main direction; the line is that of Theil and Sen.
    """
    main = np.linalg.svd(camera - camera.mean(axis=0), full_matrices=False)[2][0]
    along = camera @ main
    lines = [theil_sen(along, places) for places in path.T]
    residual = np.stack([places - slope * along - start for places, (slope, start) in zip(path.T, lines, strict=True)])
    return float((np.linalg.norm(residual, axis=0) <= TUNING.rigid.max_residual).mean())


def theil_sen(x: Float64, y: Float64) -> tuple[float, float]:
    """Fit a line by Theil and Sen's estimator to points ``x``, ``y`` (n,): (slope, intercept).

    The slope is the median of the slopes through two of the points, the intercept y's median less the slope times x's;
    both are NaN where all ``x`` are equal (Sen, "Estimates of the regression coefficient based on Kendall's tau",
    1968). SciPy's own lies in a package whose import takes every worker a second.
    """
    i, j = np.triu_indices(len(x), 1)
    distinct = x[i] != x[j]
    slopes = (y[j] - y[i])[distinct] / (x[j] - x[i])[distinct]
    slope = float(np.median(slopes)) if distinct.any() else float("nan")
    return slope, float(np.median(y) - slope * np.median(x))

"""Scenery that was taken for characters: pieces of the set nearer or farther than the rest, which the camera shifts.

What stands at the edge of every keyframe and agrees with none of the others is masked in all of them, so that nothing
is known there and a wing has nothing to continue. A piece of scenery keeps its shape, and is shifted against the set in
proportion to the camera's own way (motion parallax; Irani and Anandan, "A Unified Approach to Moving Object Detection
in 2D and 3D Scenes", IEEE TPAMI 1998); a character does neither.
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

SMALLEST = 0.002
"""Of a keyframe's area: smaller regions are left as they are."""
BESIDE = 0.03
"""Of a keyframe's height: how near a wing the region reaches."""
VISIBLE = 0.3
"""Share of the region that a keyframe must show to tell how it moves."""
FEWEST = 4
"""Keyframes that must do so."""
FARTHEST = 0.03
"""Of a keyframe's height: the largest shift from one keyframe to the next."""
ALIKE = 0.8
"""Normalised correlation of the region's detail in two keyframes, one after the other, that keeps its shape."""
DETAIL = 0.8, 4.0
"""Deviations, in preview pixels, of the two Gaussians between which detail lies: grain is finer, light is coarser."""
MOSTLY = 0.8
"""Share of the pairs of keyframes in which it must."""
LEAST, MOST = 1.0, 0.25
"""The way of a piece against the set: at least so many preview pixels, at most this share of the camera's."""
PARALLAX, STRAY = 0.6, 1.0
"""Share of the keyframes in which it must be as far on its way as the camera is on its own, to so many pixels."""


def find_scenery(preview: Preview, figures: Mask, shown: npt.NDArray[np.bool_], sides: Axis) -> list[Mask]:
    """The pieces of scenery beside the wings, bool (h, w) each on the preview's canvas.

    Sought among ``figures`` bool (h, w) and what no keyframe shows unmasked. ``shown`` bool (k, h, w) is where each
    keyframe lies on the canvas; the wings lie along ``sides``. None under a camera at rest, which shifts nothing.
    """
    if at_rest(preview.cameras, preview.width, preview.height):
        return []
    everywhere = np.asarray(shown.any(axis=0))
    reach = round(BESIDE * preview.height)
    kernel = np.ones((1, 2 * reach + 1) if sides == "x" else (2 * reach + 1, 1), np.uint8)
    inner = cv2.erode(np.pad(everywhere, reach).astype(np.uint8), kernel)[reach:-reach, reach:-reach] > 0
    taken = opened(figures | undisclosed(preview, shown)) & everywhere
    count, labels, stats, _ = cv2.connectedComponentsWithStats(taken.astype(np.uint8), connectivity=8)
    beside = np.bincount(labels[taken & ~inner], minlength=count) > 0
    large = stats[:, cv2.CC_STAT_AREA] >= SMALLEST * preview.height * preview.width
    regions = [np.asarray(labels == i) for i in range(1, count) if beside[i] and large[i]]
    return [region for region in regions if _is_scenery(preview, region, shown)]


def undisclosed(preview: Preview, shown: npt.NDArray[np.bool_]) -> Mask:
    """What is masked in every keyframe that shows it, bool (h, w)."""
    return np.asarray(shown.any(axis=0) & ~preview.seen.any(axis=0))


def lifted(pieces: Sequence[Mask], preview: Preview, shown: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """What each keyframe is to show of the ``pieces`` in spite of its mask, bool (k, h, w) on the preview's canvas.

    Each place is shown once, by the keyframe nearest in time to the middle of those that show the piece: they are a few
    pixels off one another, and their mean would be soft.
    """
    unmasked = np.zeros_like(shown)
    hidden = undisclosed(preview, shown)
    for piece in pieces:
        left = piece & hidden
        views = np.flatnonzero((shown & left).any(axis=(1, 2)))
        middle = np.median(views) if len(views) else 0.0
        for i in views[np.argsort(np.abs(views - middle), kind="stable")]:
            unmasked[i] |= left & shown[i]
            left &= ~shown[i]
    return unmasked


def _is_scenery(preview: Preview, region: Mask, shown: npt.NDArray[np.bool_]) -> bool:
    """Whether the region keeps its shape and its way against the set is a small share of the camera's."""
    keyframes = np.flatnonzero((shown & region).sum(axis=(1, 2)) >= VISIBLE * region.sum())
    if len(keyframes) < FEWEST:
        return False
    steps = [_step(preview, region, shown, int(a), int(b)) for a, b in itertools.pairwise(keyframes)]
    if np.mean([alike >= ALIKE for _, alike in steps]) < MOSTLY:
        return False
    way = np.vstack([np.zeros(2), np.cumsum([shift for shift, _ in steps], axis=0)])
    camera = apply(preview.cameras[keyframes], np.array([[preview.width, preview.height]]) / 2)[:, 0]
    own, whole = (float(np.linalg.norm(np.ptp(places, axis=0))) for places in (way, camera))
    return LEAST <= own <= MOST * whole and _in_proportion(way, camera) >= PARALLAX


def _step(
    preview: Preview, region: Mask, shown: npt.NDArray[np.bool_], first: int, second: int
) -> tuple[Points, float]:
    """How far (x, y) the region's detail moves from one keyframe to another, and its correlation there."""
    reach = max(round(FARTHEST * preview.height), 1)
    both = region & shown[first] & shown[second]
    if not both.any():
        return np.zeros(2), 0.0
    x, y, w, h = cv2.boundingRect(both.astype(np.uint8))
    before, after = (_detail(preview.pictures[i], shown[i]) for i in (first, second))
    patch, weight = before[y : y + h, x : x + w], both[y : y + h, x : x + w].astype(np.float32)
    area = np.pad(after, reach)[y : y + h + 2 * reach, x : x + w + 2 * reach]
    alike = cv2.matchTemplate(area, patch, cv2.TM_CCORR_NORMED, mask=weight)
    row, column = (int(i) for i in np.unravel_index(int(alike.argmax()), alike.shape))
    shift = (
        np.array([column + parabola_vertex(alike[row], column), row + parabola_vertex(alike[:, column], row)]) - reach
    )
    return shift, float(alike[row, column])


def _detail(picture: npt.NDArray[np.uint8], shown: Mask) -> Float32:
    """What lines and texture there are, without light and grain, float32 (h, w); 0 where nothing is ``shown``."""
    gray, weight = gray_of(picture).astype(np.float32), shown.astype(np.float32)
    fine, coarse = (normalized_convolution(gray, weight, sigma) for sigma in DETAIL)
    return np.asarray((fine - coarse) * weight, np.float32)


def _in_proportion(way: Points, camera: Points) -> float:
    """The share of a ``way``'s places (m, 2) that lie, to `STRAY`, on a line in how far the ``camera`` (m, 2) has come.

    That is told along the camera's main direction; the line is the median of those through two places (Theil and Sen).
    """
    main = np.linalg.svd(camera - camera.mean(axis=0), full_matrices=False)[2][0]
    along = camera @ main
    off = np.stack([places - (line := theil_sen(along, places))[0] * along - line[1] for places in way.T])
    return float((np.linalg.norm(off, axis=0) <= STRAY).mean())


def theil_sen(x: Float64, y: Float64) -> tuple[float, float]:
    """(slope, intercept) of the line whose slope is the median of those through two of the points, each (n,).

    The intercept is y's median less the slope times x's; both are NaN where all ``x`` are equal. (Sen, "Estimates of
    the regression coefficient based on Kendall's tau", 1968.) SciPy has it too, in a package that takes every worker
    a second to import.
    """
    i, j = np.triu_indices(len(x), 1)
    apart = x[i] != x[j]
    slopes = (y[j] - y[i])[apart] / (x[j] - x[i])[apart]
    slope = float(np.median(slopes)) if apart.any() else float("nan")
    return slope, float(np.median(y) - slope * np.median(x))

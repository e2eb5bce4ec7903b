"""Resting characters: moving parts (a mouth, a hand) grown to the whole figure, which no fill may copy.

Masks of motion serve matching and compositing, and must not cover background that a wing may need. Sources for filling
are chosen more strictly: a repeated cap or braid beside the picture is the most visible fault. ``find_figures`` takes
the masked places of many keyframes, removes what only passes by (``passing``), and grows the rest by GrabCut.
``with_whole_figures`` does so to the masks of a scene's keyframes, where the camera rests.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Mask
from remaster.imaging.aligned_keyframes import Preview, masked_median
from remaster.imaging.camera import IDENTITY, chain, corner_error
from remaster.imaging.tuning import TUNING
from remaster.records import Analysis

Regions = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float64]]
"""Labels (h, w), statistics (n, 5) and centroids (n, 2) of connected components, as OpenCV gives them."""


def find_figures(preview: Preview, inside: Mask) -> Mask:
    """The figures on the preview's canvas, bool (h, w).

    ``inside`` bool (preview.height, preview.width) is the part of a keyframe that shows the scene (no gate, no border).
    Grown by GrabCut (Rother, Kolmogorov and Blake, SIGGRAPH 2004) from the parts that are masked in many keyframes;
    what only differs from the background may be a fade's noise. Under a moving camera, where parallax moves things too,
    the parts are not grown.
    """
    tuning = TUNING.figures
    visible = footprints(preview, inside)
    moving = visible & ~preview.seen
    moving &= ~passing(moving, np.asarray(visible.any(axis=0)))
    rests = at_rest(preview.cameras, preview.width, preview.height)
    views = visible.sum(axis=0)
    seen = views - moving.sum(axis=0)
    known = views >= max(tuning.min_views, tuning.often * len(visible))
    figures = opened((1.0 - seen / np.maximum(views, 1) > tuning.often) & known)
    if rests:
        figures |= _small(opened((seen < views) & known), tuning.small * preview.height)
        figures = _whole(preview, figures, visible)
    return figures


def placed(figures: Mask, to_canvas: Affine, size: tuple[int, int]) -> Mask:
    """The figures on a canvas of ``size`` (width, height), to which ``to_canvas`` (2, 3) takes the preview's pixels."""
    warped = cv2.warpAffine(figures.astype(np.uint8) * 255, to_canvas, size, flags=cv2.INTER_LINEAR)
    return np.asarray(warped > 64, bool)


def at_rest(cameras: Affine, width: int, height: int) -> bool:
    """Whether all cameras (k, 2, 3) stay within a small share of the picture's width of the first."""
    return float(np.max(corner_error(cameras, cameras[0], width, height))) <= TUNING.figures.at_rest * width


def _whole(preview: Preview, seeds: Mask, visible: npt.NDArray[np.bool_]) -> Mask:
    """The whole figures around the seeds; none where those are most of the picture."""
    tuning, everywhere = TUNING.figures, np.asarray(visible.any(axis=0))
    if not seeds.any() or seeds.sum() > tuning.max_area * everywhere.sum():
        return np.zeros_like(seeds)
    return _grow(masked_median(preview.pictures, visible), seeds, everywhere, tuning.height / preview.height)


def passing(moving: npt.NDArray[np.bool_], visible: Mask) -> npt.NDArray[np.bool_]:
    """The parts of ``moving`` bool (k, h, w) that travel: figures that only pass, and hide no figure that stays.

    Regions of successive keyframes that overlap form a track if they have about the same size, or leave over the edge
    of what is ``visible`` bool (h, w). A track travels if its centre strays by a large share of its size.
    """
    tuning = TUNING.figures
    left, top, width, height = cv2.boundingRect(visible.astype(np.uint8))
    inner, edge = np.zeros_like(visible), tuning.edge
    inner[top + edge : top + height - edge, left + edge : left + width - edge] = True
    found = [cv2.connectedComponentsWithStats(m.astype(np.uint8), connectivity=8)[1:] for m in moving]
    track_of: list[dict[int, int]] = []
    tracks: list[list[npt.NDArray[np.float64]]] = []
    for i, (labels, stats, centres) in enumerate(found):
        track_of.append({})
        for region in range(1, len(stats)):
            before = _overlapped(found[i - 1], labels == region, inner) if i else 0
            track = track_of[i - 1][before] if before else len(tracks)
            if not before:
                tracks.append([])
            track_of[i][region] = track
            size = stats[region, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
            tracks[track].append(np.array([*centres[region], *size], float))
    travels = [
        bool((np.ptp(np.array(t)[:, :2], axis=0) > tuning.stray * np.median(t, axis=0)[2:]).any()) for t in tracks
    ]
    picked = np.zeros_like(moving)
    for i, (labels, stats, _) in enumerate(found):
        going = [False] + [travels[track_of[i][region]] for region in range(1, len(stats))]
        picked[i] = np.array(going)[labels]
    return picked


def _overlapped(before: Regions, region: Mask, inner: Mask) -> int:
    """The region of the keyframe before that ``region`` overlaps most; 0 if its size is another, unless it leaves."""
    ratio = TUNING.figures.same_size
    labels, stats, _ = before
    shared = np.bincount(labels[region], minlength=len(stats))
    shared[0] = 0
    best, area = int(shared.argmax()), int(region.sum())
    alike = ratio * area < stats[best, cv2.CC_STAT_AREA] < area / ratio or bool((region & ~inner).any())
    return best if shared[best] and alike else 0


def opened(mask: Mask) -> Mask:
    """A mask without thin parts (morphological opening), which are edges half a pixel off."""
    return np.asarray(
        cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((TUNING.figures.opening,) * 2, np.uint8)) > 0
    )


def _small(mask: Mask, side: float) -> Mask:
    """The parts of a mask that fit in a square: an eye that blinks once, not the path of a walking figure."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    fits = (stats[:, cv2.CC_STAT_WIDTH] <= side) & (stats[:, cv2.CC_STAT_HEIGHT] <= side)
    fits[0] = False
    return np.asarray(fits[labels])


def footprints(preview: Preview, inside: Mask) -> npt.NDArray[np.bool_]:
    """What each keyframe covers on the preview's canvas, bool (k, h, w)."""
    height, width = preview.seen.shape[1:]
    mask = inside.astype(np.uint8) * 255
    return np.stack([cv2.warpAffine(mask, camera, (width, height)) > 250 for camera in preview.cameras])


def _grow(picture: npt.NDArray[np.uint8], seeds: Mask, visible: Mask, scale: float) -> Mask:
    """The whole figures around ``seeds`` by GrabCut; ``scale`` is working / preview size."""
    tuning = TUNING.figures
    height, width = seeds.shape
    size = (max(round(width * scale), 8), max(round(height * scale), 8))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    sure = cv2.resize(seeds.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    known = cv2.resize(visible.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    side = 2 * round(tuning.radius * tuning.height) + 1
    near = np.asarray(cv2.dilate(sure, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))))
    below = np.maximum.accumulate(np.asarray(cv2.dilate(sure, np.ones((1, side // 2), np.uint8))), axis=0)
    labels = np.where((below > 0) & (known > 0), cv2.GC_PR_BGD, cv2.GC_BGD).astype(np.uint8)
    labels[(near > 0) & (known > 0)] = cv2.GC_PR_FGD
    labels[sure > 0] = cv2.GC_FGD
    if np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).all():
        return np.asarray(seeds)
    models = np.zeros((2, 1, 65))  # OpenCV's state: the colour models of background and figure
    cv2.grabCut(small, labels, (0, 0, 0, 0), models[0], models[1], tuning.iterations, cv2.GC_INIT_WITH_MASK)
    figure = ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.uint8)
    if figure.sum() > tuning.max_area * max(known.sum(), 1):
        return np.asarray(seeds)
    grown = cv2.dilate(figure, np.ones((3, 3), np.uint8))
    return np.asarray(cv2.resize(grown, (width, height), interpolation=cv2.INTER_NEAREST) > 0)


def with_whole_figures(analysis: Analysis, masks: Mask) -> Mask:
    """The keyframes' masks, bool (k, h, w), grown to whole characters where only a part of one moves (eyes, a mouth).

    Under a moving camera the masks stay as they are.
    """
    k, height, width = masks.shape
    if not k or not masks.any():
        return masks
    cameras = chain(analysis.motion)[analysis.keyframes]
    if not at_rest(cameras, width, height):
        return masks
    scale = min(TUNING.preview.height / height, 1.0)
    w, h = round(width * scale), round(height * scale)
    pictures = np.stack([cv2.resize(p, (w, h), interpolation=cv2.INTER_AREA) for p in analysis.proxies])
    seen = np.stack([cv2.resize(m.astype(np.uint8), (w, h), interpolation=cv2.INTER_NEAREST) == 0 for m in masks])
    valid = cv2.resize(analysis.valid.astype(np.uint8), (w, h), interpolation=cv2.INTER_NEAREST) > 0
    still = np.repeat(IDENTITY[None], k, axis=0)
    preview = Preview(np.asarray(pictures, np.uint8), seen, np.zeros_like(seen), still, w, h, scale)
    grow = 1 / scale
    to_full = np.array([[grow, 0.0, grow / 2 - 0.5], [0.0, grow, grow / 2 - 0.5]])
    return masks | placed(find_figures(preview, np.asarray(valid)), to_full, (width, height))

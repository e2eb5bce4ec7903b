"""Characters that stay: what moves in part (a mouth, a hand) is grown to the whole figure, which is never copied.

Masks of what moves are for matching and compositing, and must not take in background that a wing may need. A source for
filling is chosen more strictly: a repeated cap or braid beside the picture is the fault that a viewer sees first.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from remaster.background.preview import Preview, masked_median
from remaster.camera import Affine
from remaster.media.types import Mask

LINES = 160
"""Lines of the keyframes at which figures are grown."""
OFTEN = 0.15
"""Share of the keyframes in which a place must move to be a part of a figure, not only crossed by one."""
FEWEST = 3
"""Keyframes that must show a place before it can be told to move."""
SMALL = 0.3
"""Of the keyframe's height: what moves within such a square stays, however seldom it moves."""
LARGEST = 0.6
"""Share of the picture beyond which what was found is the set itself, and nothing is left out."""
REACH = 0.16
"""How far, in lines, a figure likely reaches beyond its moving parts; below them it may go on to the lower edge."""
ITERATIONS = 2


def find_figures(preview: Preview, inside: Mask, to_canvas: Affine, size: tuple[int, int]) -> Mask:
    """The figures on a canvas of ``size`` (width, height), bool (height, width).

    ``inside`` bool (preview.height, preview.width) is the part of a keyframe that shows the scene (no gate, no border);
    ``to_canvas`` (2, 3) takes the preview's pixels to the canvas. Grown by GrabCut (Rother, Kolmogorov and Blake,
    SIGGRAPH 2004) from the parts that move in many keyframes.
    """
    shown = _footprints(preview, inside)
    seen = (preview.seen & ~preview.foreground & shown).sum(axis=0)
    views = shown.sum(axis=0)
    known = views >= max(FEWEST, OFTEN * len(shown))
    seeds = _opened((1.0 - seen / np.maximum(views, 1) > OFTEN) & known)
    seeds |= _small(_opened((seen < views) & known), SMALL * preview.height)
    if not seeds.any() or seeds.sum() > LARGEST * shown.any(axis=0).sum():
        return np.zeros(size[::-1], bool)
    picture = masked_median(preview.pictures, shown)
    figures = _grow(picture, seeds, np.asarray(shown.any(axis=0)), LINES / preview.height)
    warped = cv2.warpAffine(figures.astype(np.uint8) * 255, to_canvas, size, flags=cv2.INTER_LINEAR)
    return np.asarray(warped > 64, bool)


def _opened(mask: Mask) -> Mask:
    """Without thin remains, which are edges half a pixel off."""
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)) > 0)


def _small(mask: Mask, side: float) -> Mask:
    """The parts of a mask that fit in a square: an eye that blinks once, not the way that somebody walked."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    fits = (stats[:, cv2.CC_STAT_WIDTH] <= side) & (stats[:, cv2.CC_STAT_HEIGHT] <= side)
    fits[0] = False
    return np.asarray(fits[labels])


def _footprints(preview: Preview, inside: Mask) -> npt.NDArray[np.bool_]:
    """Where each keyframe lies on the preview's canvas, bool (k, h, w)."""
    height, width = preview.seen.shape[1:]
    mask = inside.astype(np.uint8) * 255
    return np.stack([cv2.warpAffine(mask, camera, (width, height)) > 250 for camera in preview.cameras])


def _grow(picture: npt.NDArray[np.uint8], seeds: Mask, shown: Mask, scale: float) -> Mask:
    """The whole figures around ``seeds``; ``scale`` is that of the working size, at which outlines are a pixel wide."""
    height, width = seeds.shape
    size = (max(round(width * scale), 8), max(round(height * scale), 8))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    sure = cv2.resize(seeds.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    known = cv2.resize(shown.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    side = 2 * round(REACH * LINES) + 1
    near = np.asarray(cv2.dilate(sure, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))))
    below = np.maximum.accumulate(np.asarray(cv2.dilate(sure, np.ones((1, side // 2), np.uint8))), axis=0)
    labels = np.where((below > 0) & (known > 0), cv2.GC_PR_BGD, cv2.GC_BGD).astype(np.uint8)
    labels[(near > 0) & (known > 0)] = cv2.GC_PR_FGD
    labels[sure > 0] = cv2.GC_FGD
    if np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).all():
        return np.asarray(seeds)
    models = np.zeros((2, 1, 65))  # of background and figure, for OpenCV to keep its state in
    cv2.grabCut(small, labels, (0, 0, 0, 0), models[0], models[1], ITERATIONS, cv2.GC_INIT_WITH_MASK)
    figure = ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.uint8)
    if figure.sum() > LARGEST * max(known.sum(), 1):
        return np.asarray(seeds)
    grown = cv2.dilate(figure, np.ones((3, 3), np.uint8))
    return np.asarray(cv2.resize(grown, (width, height), interpolation=cv2.INTER_NEAREST) > 0)

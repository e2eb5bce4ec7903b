"""Characters that stay: what moves in part (a mouth, a hand) is grown to the whole figure, which is never copied.

Masks of what moves are for matching and compositing, and must not take in background that a wing may need. A source for
filling is chosen more strictly: a repeated cap or braid beside the picture is the fault that a viewer sees first.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Mask
from remaster.imaging.aligned_keyframes import Preview, masked_median
from remaster.imaging.camera import corner_error
from remaster.imaging.difference import tolerant_difference

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
REST = 0.01
"""Share of the picture's width that a camera at rest may stray."""
STEADY = 0.03
"""Share of the usual light that a keyframe may be off, to be believed about what moves."""
ITERATIONS = 2
"""Rounds of GrabCut: more change little."""
EDGE = 3
"""Pixels beside the edge in which a figure is leaving, or coming in."""
STRAY = 0.5
"""Share of its own size by which a region's middle strays if it travels."""
SAME, STRANGE = 18.0, 0.02
"""Levels of difference from the background that are none, and share of a masked region that may differ by more."""
DISCLOSED, MANY = 0.9, 0.25
"""Share of a masked region that must be known, unmasked in this share of the keyframes that show it, to tell."""
ALIKE = 0.4
"""Regions of which one has less than this share of the other's area are not the same figure."""

Regions = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float64]]
"""Labels (h, w), statistics (n, 5) and middles (n, 2), as OpenCV gives them."""


def find_figures(preview: Preview, inside: Mask) -> Mask:
    """The figures on the preview's canvas, bool (h, w).

    ``inside`` bool (preview.height, preview.width) is the part of a keyframe that shows the scene (no gate, no border).
    Grown by GrabCut (Rother, Kolmogorov and Blake, SIGGRAPH 2004) from the parts that masks name in many keyframes;
    what only disagrees may be a fade's noise. Under a moving camera, where what is nearer or farther than the
    background moves too, these parts are all.
    """
    shown = footprints(preview, inside)
    moving = shown & ~preview.seen
    moving &= ~passing(moving, np.asarray(shown.any(axis=0)))
    rests = at_rest(preview.cameras, preview.width, preview.height)
    if not rests:
        moving &= ~mistaken(preview, moving, shown)
    views = shown.sum(axis=0)
    seen = views - moving.sum(axis=0)
    known = views >= max(FEWEST, OFTEN * len(shown))
    figures = opened((1.0 - seen / np.maximum(views, 1) > OFTEN) & known)
    if rests:
        figures |= _small(opened((seen < views) & known), SMALL * preview.height)
        figures = _whole(preview, figures, shown)
    return figures


def in_usual_light(preview: Preview, light: npt.NDArray[np.float32], usual: float) -> Preview:
    """The keyframes of a camera at rest in the light of most of the time; all where those are too few.

    ``light`` (k,) is their mean luma. What differs in a fade or a dissolve to the next scene does not move, and
    keyframes crowd there, since all else is held.
    """
    steady = np.abs(light - usual) <= STEADY * usual
    if steady.sum() < FEWEST or not at_rest(preview.cameras, preview.width, preview.height):
        return preview
    return replace(
        preview,
        pictures=preview.pictures[steady],
        seen=preview.seen[steady],
        foreground=preview.foreground[steady],
        cameras=preview.cameras[steady],
    )


def placed(figures: Mask, to_canvas: Affine, size: tuple[int, int]) -> Mask:
    """The figures on a canvas of ``size`` (width, height), to which ``to_canvas`` (2, 3) takes the preview's pixels."""
    warped = cv2.warpAffine(figures.astype(np.uint8) * 255, to_canvas, size, flags=cv2.INTER_LINEAR)
    return np.asarray(warped > 64, bool)


def at_rest(cameras: Affine, width: int, height: int) -> bool:
    """True where no camera (k, 2, 3) strays from the first by more than `REST` of the picture's width."""
    return float(np.max(corner_error(cameras, cameras[0], width, height))) <= REST * width


def _whole(preview: Preview, seeds: Mask, shown: npt.NDArray[np.bool_]) -> Mask:
    """The whole figures around the seeds; none where those are most of the picture."""
    everywhere = np.asarray(shown.any(axis=0))
    if not seeds.any() or seeds.sum() > LARGEST * everywhere.sum():
        return np.zeros_like(seeds)
    return _grow(masked_median(preview.pictures, shown), seeds, everywhere, LINES / preview.height)


def passing(moving: npt.NDArray[np.bool_], shown: Mask) -> npt.NDArray[np.bool_]:
    """The parts of ``moving`` bool (k, h, w) that travel: whole figures on their way, whom no figure stands behind.

    Regions of successive keyframes that overlap are one if they are about as large, or leave over the edge of what is
    ``shown`` bool (h, w). One travels if its middle strays by more than `STRAY` of its size.
    """
    left, top, width, height = cv2.boundingRect(shown.astype(np.uint8))
    inner = np.zeros_like(shown)
    inner[top + EDGE : top + height - EDGE, left + EDGE : left + width - EDGE] = True
    found = [cv2.connectedComponentsWithStats(m.astype(np.uint8), connectivity=8)[1:] for m in moving]
    tracks: list[dict[int, int]] = []
    places: list[list[npt.NDArray[np.float64]]] = []
    for i, (labels, stats, middles) in enumerate(found):
        tracks.append({})
        for region in range(1, len(stats)):
            before = _overlapped(found[i - 1], labels == region, inner) if i else 0
            track = tracks[i - 1][before] if before else len(places)
            if not before:
                places.append([])
            tracks[i][region] = track
            size = stats[region, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
            places[track].append(np.array([*middles[region], *size], float))
    travels = [bool((np.ptp(np.array(p)[:, :2], axis=0) > STRAY * np.median(p, axis=0)[2:]).any()) for p in places]
    picked = np.zeros_like(moving)
    for i, (labels, stats, _) in enumerate(found):
        going = [False] + [travels[tracks[i][region]] for region in range(1, len(stats))]
        picked[i] = np.array(going)[labels]
    return picked


def mistaken(preview: Preview, moving: npt.NDArray[np.bool_], shown: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The parts of ``moving`` bool (k, h, w), what masks name, in which a keyframe shows what many others do unmasked.

    ``shown`` bool (k, h, w) is where they lie. Masks are made before the cameras are as exact as the preview's: under a
    zoom or a tilt they name doors and windows.
    """
    disclosed = preview.seen.sum(axis=0) >= np.maximum(FEWEST, MANY * shown.sum(axis=0))
    found = np.zeros_like(moving)
    for i, (picture, mask) in enumerate(zip(preview.pictures, moving, strict=True)):
        differs = cv2.blur(tolerant_difference(picture, preview.median), (3, 3)) > SAME
        count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
        area, known, strange = (
            np.bincount(labels[mask & where], minlength=count)
            for where in (np.ones_like(mask), disclosed, disclosed & differs)
        )
        background = (known >= DISCLOSED * area) & (strange <= STRANGE * known)
        found[i] = mask & background[labels]
    return found


def _overlapped(before: Regions, region: Mask, inner: Mask) -> int:
    """The region of the keyframe before that ``region`` overlaps most; 0 for none of its size, unless it leaves."""
    labels, stats, _ = before
    shared = np.bincount(labels[region], minlength=len(stats))
    shared[0] = 0
    best, area = int(shared.argmax()), int(region.sum())
    alike = ALIKE * area < stats[best, cv2.CC_STAT_AREA] < area / ALIKE or bool((region & ~inner).any())
    return best if shared[best] and alike else 0


def opened(mask: Mask) -> Mask:
    """Without thin remains, which are edges half a pixel off."""
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)) > 0)


def _small(mask: Mask, side: float) -> Mask:
    """The parts of a mask that fit in a square: an eye that blinks once, not the way that somebody walked."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    fits = (stats[:, cv2.CC_STAT_WIDTH] <= side) & (stats[:, cv2.CC_STAT_HEIGHT] <= side)
    fits[0] = False
    return np.asarray(fits[labels])


def footprints(preview: Preview, inside: Mask) -> npt.NDArray[np.bool_]:
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

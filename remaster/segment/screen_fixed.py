"""What stays where it is on the screen while the camera moves: a logo, a character whom the camera follows.

Where it hides the set in most frames that look there, a median over the aligned frames shows it, smeared, and not the
set. But each frame shows it at the same place, and the camera's motion contradicts it.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Mask, Rgb
from remaster.imaging.aligned_keyframes import masked_median
from remaster.imaging.camera import IDENTITY, compose, corner_error, invert, rescale
from remaster.imaging.channels import gray_of
from remaster.imaging.difference import tolerant_difference

LINES = 120
"""Lines at which pictures are compared."""
APART = 0.06
"""Share of the picture's width by which the camera must have moved a place between two pictures that are compared."""
PARTNERS = 4
"""Pictures that each one is compared with at most."""
STAYED = 0.75
"""Of the comparisons that tell rest on the screen from the camera's motion, the share that must speak for rest."""
FEWEST, LEAST = 3, 0.1
"""How many must, and what share of all comparisons of the place: within what is large and plain, few tell."""
EDGES = 0.05
"""Share of a region that shows sharp edges, beyond which it is a thing that somebody drew there."""


def on_screen(pictures: Rgb, cameras: Affine, known: Mask, levels: float) -> Mask:
    """What of ``pictures`` uint8 (k, h, w, 3) stays on the screen, bool (k, h, w).

    ``cameras`` (k, 2, 3) take their pixels to a common plane; ``known`` bool (h, w) is False on the gate. Differences
    count from ``levels`` 8-bit levels. Nothing stays where no camera moved.
    """
    height, width = known.shape
    scale = min(LINES / height, 1.0)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    small = np.stack([cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in pictures])
    inside = np.asarray(cv2.resize(known.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST), np.uint8)
    stayed, moved, asked = _compared(small, rescale(cameras, size[0] / width, size[1] / height), inside, levels)
    places = (stayed >= np.maximum(FEWEST, LEAST * asked)) & (stayed > STAYED * (stayed + moved))
    found = np.zeros(pictures.shape[:3], bool)
    usual = masked_median(small, np.broadcast_to(inside > 0, small.shape[:3]))
    places = _outlined(places, usual, levels)
    if not places.any():
        return found
    for mask, picture in zip(found, small, strict=True):
        same = (places & (tolerant_difference(picture, usual) < levels)).astype(np.uint8)
        mask[:] = cv2.resize(same, (width, height), interpolation=cv2.INTER_NEAREST)
    return found


def _outlined(places: Mask, usual: Rgb, levels: float) -> Mask:
    """The regions that show edges in what is ``usual`` (h, w, 3) on the screen: a soft sky or fog rests there too."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(places.astype(np.uint8), connectivity=8)
    gray = gray_of(usual)
    slopes = cv2.magnitude(*(cv2.Sobel(gray, cv2.CV_32F, dx, dy, scale=0.125) for dx, dy in ((1, 0), (0, 1))))
    sharp = np.bincount(labels[slopes > levels], minlength=len(stats))
    kept = sharp > EDGES * stats[:, cv2.CC_STAT_AREA]
    kept[0] = False
    return np.asarray(kept[labels])


def _compared(pictures: Rgb, cameras: Affine, inside: npt.NDArray[np.uint8], levels: float) -> npt.NDArray[np.int64]:
    """How often each place was at rest against the camera's motion, moved with it, and was asked at all: (3, h, w)."""
    height, width = inside.shape
    counts = np.zeros((3, height, width), np.int64)
    for picture, camera in zip(pictures, cameras, strict=True):
        for n in _partners(corner_error(cameras, camera, width, height) > APART * width):
            step, flags = compose(invert(cameras[n]), camera), cv2.WARP_INVERSE_MAP
            there = cv2.warpAffine(pictures[n], step, (width, height), flags=flags | cv2.INTER_LINEAR)
            seen = cv2.warpAffine(inside, step, (width, height), flags=flags | cv2.INTER_NEAREST)
            shown = (np.asarray(seen) > 0) & (inside > 0) & _shifted(step, width, height)
            by_camera = tolerant_difference(picture, np.asarray(there, np.uint8)) < levels
            at_rest = tolerant_difference(picture, pictures[n]) < levels
            counts += np.stack([shown & at_rest & ~by_camera, shown & by_camera & ~at_rest, shown])
    return counts


def _partners(apart: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """`PARTNERS` of the pictures that stand ``apart`` (k,), spread evenly; all where they are fewer."""
    far = np.flatnonzero(apart)
    return np.asarray(far[np.unique(np.linspace(0, len(far) - 1, min(PARTNERS, len(far))).round().astype(int))])


def _shifted(step: Affine, width: int, height: int) -> Mask:
    """Places, bool (height, width), that a camera moves far enough: not those about which it zooms or turns."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    dx, dy = (row[0] * x + row[1] * y + row[2] for row in step - IDENTITY)
    return np.asarray(np.hypot(dx, dy) > APART * width)

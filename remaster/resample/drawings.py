"""A shot's drawings, small, and the figures in them: what differs from the background that the camera sees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster import camera as cam
from remaster.camera import Affine
from remaster.foreground.difference import cleaned, gain, hysteresis, lit, tolerant_difference
from remaster.media.types import Mask, Rgb
from remaster.records import Background, Shot
from remaster.resample.layout import SIDES, Side, from_side

LINES = 192
"""Lines of the pictures in which figures are looked for."""
LEVELS = 18.0
"""8-bit levels off the background from which a place is a figure's (raised with the grain); it spreads to half that."""
SPECK, MARGIN = 0.004, 0.008
"""Share of the picture that a figure covers at least, and of its height by which its mask grows."""
EDGE = 2
"""Pixels beside the known picture's edge in which a figure touches it."""


@dataclass(frozen=True)
class Figure:
    """One connected figure: ``mask`` bool (h, w), and the sides of the picture that it touches."""

    mask: Mask
    touched: frozenset[Side]


@dataclass(frozen=True)
class Drawing:
    """Frame ``frame`` of a shot: ``picture`` and the background ``behind`` it, uint8 RGB (h, w, 3), in one brightness.

    ``known`` bool (h, w) is where both are. ``camera`` takes pixels of the frame at full size to the background's, and
    ``light`` (3,) its brightness, None where that is not known. Held frames have no drawing of their own.
    """

    frame: int
    camera: Affine
    light: npt.NDArray[np.float32] | None
    picture: Rgb
    behind: Rgb
    known: Mask
    figures: tuple[Figure, ...]


class SmallBackground:
    """A background as cameras see it at the drawings' size."""

    def __init__(self, background: Background, active: tuple[int, int], size: tuple[int, int]):
        """``active`` and ``size`` are (width, height) of the picture and of its drawings."""
        self._size = size
        self._scale = size[0] / active[0], size[1] / active[1]
        rows, columns = background.coverage.shape
        small = max(round(columns * self._scale[0]), 1), max(round(rows * self._scale[1]), 1)
        known = (background.coverage & ~background.figures).astype(np.uint8)
        self._image = cv2.resize(background.image, small, interpolation=cv2.INTER_AREA)
        self._known = cv2.resize(known * 255, small, interpolation=cv2.INTER_AREA)
        self._shrunk = small[0] / columns, small[1] / rows

    def see(self, camera: Affine) -> tuple[Rgb, Mask]:
        """The background uint8 (h, w, 3) under a camera of full-size pixels, and where it is known, bool (h, w)."""
        there = _resized(camera, self._scale, self._shrunk)
        how = cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
        image = cv2.warpAffine(self._image, there, self._size, flags=how, borderMode=cv2.BORDER_REPLICATE)
        known = cv2.warpAffine(self._known, there, self._size, flags=how)
        return np.asarray(image, np.uint8), np.asarray(known > 250)


def drawings(
    shot: Shot, small: Iterable[Rgb], holds: npt.NDArray[np.bool_], active: tuple[int, int], valid: Mask, noise: float
) -> Iterator[Drawing]:
    """The shot's drawings that show figures.

    ``small`` are all its frames, uint8 (h, w, 3); ``holds`` bool tells which of them repeat the one before; ``valid``
    bool (h, w) is False on the gate; ``noise`` is the grain of the frames at full size, in 8-bit levels.
    """
    if shot.background is None:
        raise ValueError("a shot without a background has no figures")
    height, width = valid.shape
    behind = SmallBackground(shot.background, active, (width, height))
    edges = {side: _edge(valid, side) for side in SIDES}
    noise *= height / active[1]
    for frame, (picture, held) in enumerate(zip(small, holds, strict=True)):
        if held and frame:
            continue
        seen, known = behind.see(shot.cameras[frame])
        known &= valid
        light = gain(picture, seen, known)
        even = lit(picture, light)
        mask = _differing(even, seen, known, noise)
        if mask.any():
            yield Drawing(frame, shot.cameras[frame], light, even, seen, known, _figures(mask, edges))


def _differing(picture: Rgb, behind: Rgb, known: Mask, noise: float) -> Mask:
    difference = tolerant_difference(picture, behind)
    difference[~known] = 0.0
    smooth = np.asarray(cv2.GaussianBlur(difference, (0, 0), 0.8), np.float32)
    high = max(LEVELS, 5 * noise)
    mask = hysteresis(smooth, high, high / 2, SPECK * known.size)
    return cleaned(mask, MARGIN * known.shape[0])


def _figures(mask: Mask, edges: dict[Side, Mask]) -> tuple[Figure, ...]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    large = [i for i in range(1, count) if stats[i, cv2.CC_STAT_AREA] >= SPECK * mask.size]
    found = []
    for label in large:
        own = labels == label
        found.append(Figure(own, frozenset(side for side, edge in edges.items() if bool((own & edge).any()))))
    return tuple(found)


def _edge(valid: Mask, side: Side) -> Mask:
    """The known picture's outermost pixels on one side, seen from there."""
    turned = from_side(valid, side)
    depth = np.cumsum(turned, axis=1)
    mask = np.zeros_like(valid)
    from_side(mask, side)[...] = turned & (depth <= EDGE)
    return mask


def _resized(camera: Affine, before: tuple[float, float], after: tuple[float, float]) -> Affine:
    """A camera between two pictures of which each is resized by its own (x, y)."""
    grow, shrink = (np.array([[x, 0.0, x / 2 - 0.5], [0.0, y, y / 2 - 0.5]]) for x, y in (before, after))
    return cam.compose(cam.compose(shrink, camera), cam.invert(grow))

"""A shot's drawings, small, and the figures in them: what differs from the background that the camera sees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Mask, Rgb
from remaster.imaging import camera as cam
from remaster.imaging.difference import cleaned, gain, hysteresis, lit, tolerant_difference
from remaster.media.types import Rect
from remaster.records import Background, Shot
from remaster.resample.layout import SIDES, Side, from_side

LINES = 192
"""Lines of the pictures in which figures are looked for."""
LEVELS = 18.0
"""8-bit levels off the background from which a place is a figure's (raised with the grain); it spreads to half that."""
SPECK, MARGIN = 0.004, 0.008
"""Share of the picture that a figure covers at least, and of its height by which its mask grows."""
DEPTH, LEAST = 0.35, 0.05
"""Of the join's length: how far inside a cut figure is looked at, and how much of it must be seen."""
EDGE = 2
"""Pixels beside the known picture's edge in which a figure touches it."""


@dataclass(frozen=True)
class Figure:
    """One connected figure within ``box``: its mask there, bool (box.height, box.width), and the sides it touches."""

    box: Rect
    inside: Mask
    touched: frozenset[Side]

    def mask(self, shape: tuple[int, ...]) -> Mask:
        """The mask over a whole drawing of ``shape``, bool (h, w)."""
        whole = np.zeros(shape[:2], bool)
        whole[self.box.y : self.box.y + self.box.height, self.box.x : self.box.x + self.box.width] = self.inside
        return whole


@dataclass(frozen=True)
class Zone:
    """A figure cut at ``side``, as far as it is looked at, with the picture there and the background behind it.

    ``rect`` is where that lies in the drawing. All else is turned: rows run along the join, columns go inwards from it.
    ``known`` bool is False where the picture or the background is not.
    """

    side: Side
    rect: Rect
    picture: Rgb
    behind: Rgb
    known: Mask
    mask: Mask


@dataclass(frozen=True)
class Drawing:
    """Frame ``frame`` of a shot as a small ``picture``, uint8 RGB (h, w, 3), as bright as the background.

    ``camera`` takes pixels of the frame at full size to the background's, and ``light`` (3,) its brightness, None where
    that is not known. ``cut`` are those of its figures that the joins cut and of which enough is seen. Held frames have
    no drawing of their own.
    """

    frame: int
    camera: Affine
    light: npt.NDArray[np.float32] | None
    picture: Rgb
    figures: tuple[Figure, ...]
    cut: tuple[Zone, ...]


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
    shot: Shot,
    small: Iterable[Rgb],
    holds: npt.NDArray[np.bool_],
    joins: Sequence[Side],
    active: Rect,
    valid: Mask,
    noise: float,
) -> Iterator[Drawing]:
    """The shot's drawings.

    ``small`` are all its frames, uint8 (h, w, 3); ``holds`` bool tells which of them repeat the one before; ``joins``
    are the sides that get a wing; ``valid`` bool (h, w) is False on the gate; ``noise`` is the grain of the frames at
    full size, in 8-bit levels. Raises ``ValueError`` for a shot without a background.
    """
    if shot.background is None:
        raise ValueError("a shot without a background has no figures")
    height, width = valid.shape
    behind = SmallBackground(shot.background, (active.width, active.height), (width, height))
    edges = {side: _edge(valid, side) for side in SIDES}
    noise *= height / active.height
    for frame, (picture, held) in enumerate(zip(small, holds, strict=True)):
        if held and frame:
            continue
        seen, known = behind.see(shot.cameras[frame])
        known &= valid
        light = gain(picture, seen, known)
        even = lit(picture, light)
        figures = _figures(_differing(even, seen, known, noise), edges)
        zones = (_zone(f, side, even, seen, known) for f in figures for side in joins if side in f.touched)
        yield Drawing(frame, shot.cameras[frame], light, even, figures, tuple(z for z in zones if z is not None))


def _differing(picture: Rgb, behind: Rgb, known: Mask, noise: float) -> Mask:
    difference = tolerant_difference(picture, behind)
    difference[~known] = 0.0
    smooth = np.asarray(cv2.GaussianBlur(difference, (0, 0), 0.8), np.float32)
    high = max(LEVELS, 5 * noise)
    mask = hysteresis(smooth, high, high / 2, SPECK * known.size)
    return cleaned(mask, MARGIN * known.shape[0])


def _figures(mask: Mask, edges: dict[Side, Mask]) -> tuple[Figure, ...]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    found = []
    for label in range(1, count):
        x, y, width, height, area = (int(n) for n in stats[label])
        if area >= SPECK * mask.size:
            own = np.s_[y : y + height, x : x + width]
            inside = labels[own] == label
            touched = frozenset(side for side, edge in edges.items() if bool((inside & edge[own]).any()))
            found.append(Figure(Rect(x, y, width, height), np.asarray(inside), touched))
    return tuple(found)


def _zone(figure: Figure, side: Side, picture: Rgb, behind: Rgb, known: Mask) -> Zone | None:
    """What is seen of a figure beside the join; None where that is too little."""
    mask = from_side(figure.mask(known.shape), side)
    length = len(mask)
    depth = min(int(np.flatnonzero(mask.any(axis=0)).max()) + 1, round(DEPTH * length))
    if depth < LEAST * length:
        return None
    rows = np.flatnonzero(mask[:, :depth].any(axis=1))
    start, stop = int(rows[0]), int(rows[-1]) + 1
    part = np.s_[start:stop, :depth]
    across = mask.shape[1] - depth if side in ("right", "bottom") else 0
    upright = side in ("left", "right")
    rect = Rect(across, start, depth, stop - start) if upright else Rect(start, across, stop - start, depth)
    shown, empty = (np.ascontiguousarray(from_side(p, side)[part]) for p in (picture, behind))
    return Zone(side, rect, shown, empty, from_side(known, side)[part].copy(), mask[part].copy())


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

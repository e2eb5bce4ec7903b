"""Where in another drawing the part of a figure that is seen beside a join is found again, and how well.

What lies away from the join tells where; what lies at the join is left out and predicted, which tells how well: the
wing continues it, and must be as good.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster import camera as cam
from remaster.camera import Affine
from remaster.foreground.difference import tolerant_difference
from remaster.media.types import Mask, Rgb
from remaster.resample.drawings import Drawing, Figure
from remaster.resample.layout import Side, from_side

DEPTH = 0.35
"""Of the join's length: how far inside a figure is looked at."""
LEAST = 0.05
"""Of it: how much of a figure must be seen."""
HELD_OUT = 1 / 3
"""Share of what is looked at, at the join, that does not tell where."""
SLACK = 0.06
"""Of the join's length: how far a figure may move past the picture's ends."""
TRUNCATED = 48.0
"""Levels beyond which one place is no worse."""
ALIKE = 0.25
"""Pixels at the corners within which two cameras have the same size and angle."""


@dataclass(frozen=True)
class Match:
    """``place`` (2, 3) takes the donor's pixels to the drawing's, both at the drawings' size.

    ``error``: the share (0-1 and more) of what the drawing differs from its background by that the donor leaves
    unexplained: the worse of the part held out and of all that was looked at.
    """

    place: Affine
    error: float


@dataclass(frozen=True)
class Zone:
    """A cut figure beside its join, turned so that rows run along the join and columns go inwards from it."""

    picture: Rgb
    behind: Rgb
    known: Mask
    mask: Mask
    first: int
    side: Side


def zone(drawing: Drawing, figure: Figure, side: Side) -> Zone | None:
    """What is seen of a figure beside the join; None where that is too little."""
    mask = from_side(figure.mask, side)
    length = len(mask)
    depth = min(int(np.flatnonzero(mask.any(axis=0)).max()) + 1, round(DEPTH * length))
    if depth < LEAST * length:
        return None
    mask = mask[:, :depth]
    rows = np.flatnonzero(mask.any(axis=1))
    span = slice(int(rows[0]), int(rows[-1]) + 1)
    picture, behind = (
        np.ascontiguousarray(from_side(p, side)[span, :depth]) for p in (drawing.picture, drawing.behind)
    )
    return Zone(picture, behind, from_side(drawing.known, side)[span, :depth], mask[span], span.start, side)


def match(cut: Zone, camera: Affine, donor: Drawing, figure: Figure, scale: float) -> Match | None:
    """Find the figure of ``cut``, seen under ``camera``, in a donor; None where it is not there.

    ``scale`` is the drawings' size over the picture's, in which cameras count.
    """
    straight = _straight(camera, donor.camera, figure.mask.shape, scale)
    picture, mask = donor.picture, figure.mask.astype(np.uint8)
    if straight is not cam.IDENTITY:
        size = mask.shape[1], mask.shape[0]
        picture = np.asarray(cv2.warpAffine(picture, straight, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)
        mask = np.asarray(cv2.warpAffine(mask, straight, size, flags=cv2.INTER_NEAREST), np.uint8)
    slack = round(SLACK * len(from_side(mask, cut.side)))
    seen, own = (_lengthened(from_side(p, cut.side), slack) for p in (picture, mask))
    found = _search(cut, seen)
    if found is None:
        return None
    column, row = found
    error = _error(cut, seen, own, column, row)
    across, along = -column, cut.first + slack - row
    shift = {"left": (across, along), "right": (-across, along), "top": (along, across), "bottom": (along, -across)}
    return Match(cam.compose(cam.translation(*shift[cut.side]), straight), error)


def _lengthened(picture: npt.NDArray[np.uint8], by: int) -> npt.NDArray[np.uint8]:
    """The picture with its first and last rows repeated."""
    whole = np.ascontiguousarray(picture)
    return np.asarray(cv2.copyMakeBorder(whole, by, by, 0, 0, cv2.BORDER_REPLICATE), np.uint8)


def _straight(camera: Affine, other: Affine, shape: tuple[int, ...], scale: float) -> Affine:
    """The change of size and angle from the other camera's picture to this one's, about the middle."""
    height, width = shape
    change = cam.compose(cam.invert(camera), other)
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    about = np.concatenate([change[:, :2], (middle - change[:, :2] @ middle)[:, None]], axis=1)
    return cam.IDENTITY if float(cam.corner_error(about, cam.IDENTITY, width, height)) < ALIKE else about


def _search(cut: Zone, seen: Rgb) -> tuple[float, float] | None:
    """(column, row) in ``seen`` of the zone's corner, by its part away from the join: at half the size, then whole."""
    held = round(HELD_OUT * cut.mask.shape[1])
    template, mask = cut.picture[:, held:], cut.mask[:, held:].astype(np.uint8)
    small, smaller, inside = (_halved(p) for p in (template, seen, mask * 255))
    inside //= 255
    if not inside.any() or small.shape[0] > smaller.shape[0] or small.shape[1] > smaller.shape[1]:
        return None
    coarse = _differences(smaller, small, inside)
    row, column = (2 * int(i) for i in np.unravel_index(int(coarse.argmin()), coarse.shape))
    top, left = max(row - 3, 0), max(column - 3, 0)
    part = seen[top : row + len(template) + 3, left : column + template.shape[1] + 3]
    fine = _differences(part, template, mask)
    y, x = (int(i) for i in np.unravel_index(int(fine.argmin()), fine.shape))
    return left + x + _vertex(fine[y], x) - held, top + y + _vertex(fine[:, x], y)


def _halved(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)


def _differences(seen: Rgb, template: Rgb, mask: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Mean squared difference of the masked template at every place."""
    return np.asarray(cv2.matchTemplate(seen, template, cv2.TM_SQDIFF, mask=cv2.merge([mask] * 3)), np.float32)


def _vertex(values: npt.NDArray[np.float32], at: int) -> float:
    """How far beside its smallest value, at ``at``, a parabola through the neighbours has its vertex."""
    if not 0 < at < len(values) - 1:
        return 0.0
    before, here, after = (float(v) for v in values[at - 1 : at + 2])
    bend = before - 2 * here + after
    return 0.0 if bend <= 0 else float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))


def _error(cut: Zone, seen: Rgb, own: npt.NDArray[np.uint8], column: float, row: float) -> float:
    height, width = cut.mask.shape
    there = cam.translation(column, row)
    how = cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
    moved = cv2.warpAffine(seen, there, (width, height), flags=how, borderMode=cv2.BORDER_REPLICATE)
    shown = cv2.warpAffine(own * 255, there, (width, height), flags=how) > 127
    predicted = np.asarray(np.where(shown[..., None], moved, cut.behind), np.uint8)
    left, all_of_it = (np.minimum(tolerant_difference(cut.picture, p), TRUNCATED) for p in (predicted, cut.behind))
    held = max(round(HELD_OUT * width), 1)
    shares = [float(left[:, :n].sum() / max(float(all_of_it[:, :n].sum()), 1.0)) for n in (held, width)]
    return max(shares)

"""Where in another drawing the part of a figure that is seen beside a join is found again, and how well.

What lies away from the join tells where; what lies at the join is left out and predicted, which tells how well: the
wing continues it, and must be as good.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Gray, Rgb
from remaster.imaging import camera as cam
from remaster.imaging.channels import gray_of
from remaster.imaging.difference import tolerant_difference
from remaster.imaging.estimation import parabola_vertex
from remaster.resample.drawings import Drawing, Figure, Zone
from remaster.resample.layout import from_side

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


def match(cut: Zone, camera: Affine, donor: Drawing, figure: Figure) -> Match | None:
    """Find the figure of ``cut``, seen under ``camera``, in a donor; None where it is not there."""
    picture = donor.picture
    straight = _straight(camera, donor.camera, picture.shape)
    if straight is not cam.IDENTITY:
        size = picture.shape[1], picture.shape[0]
        picture = np.asarray(cv2.warpAffine(picture, straight, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    slack = round(SLACK * len(from_side(picture, cut.side)))
    found = _search(cut, _lengthened(from_side(picture, cut.side), slack))
    if found is None:
        return None
    column, row = found
    first = cut.rect.y if cut.side in ("left", "right") else cut.rect.x
    across, along = -column, first + slack - row
    shift = {"left": (across, along), "right": (-across, along), "top": (along, across), "bottom": (along, -across)}
    place = cam.compose(cam.translation(*shift[cut.side]), straight)
    return Match(place, unexplained(cut, donor, figure, place))


def unexplained(cut: Zone, donor: Drawing, figure: Figure, place: Affine) -> float:
    """What a donor's figure at ``place`` leaves of a cut one (``Match.error``)."""
    there = cam.compose(cam.invert(place), cam.translation(cut.rect.x, cut.rect.y))
    size, how = (cut.rect.width, cut.rect.height), cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
    mask = figure.mask(donor.picture.shape).astype(np.uint8) * 255
    moved, shown = (
        from_side(cv2.warpAffine(p, there, size, flags=how, borderMode=cv2.BORDER_REPLICATE), cut.side)
        for p in (donor.picture, mask)
    )
    predicted = np.asarray(np.where(shown[..., None] > 127, moved, cut.behind), np.uint8)
    left, whole = (
        np.minimum(tolerant_difference(cut.picture, p), TRUNCATED) * cut.known for p in (predicted, cut.behind)
    )
    depth = cut.mask.shape[1]
    held = max(round(HELD_OUT * depth), 1)
    return max(float(left[:, :n].sum() / max(float(whole[:, :n].sum()), 1.0)) for n in (held, depth))


def _lengthened(picture: npt.NDArray[np.uint8], by: int) -> npt.NDArray[np.uint8]:
    """The picture with its first and last rows repeated."""
    whole = np.ascontiguousarray(picture)
    return np.asarray(cv2.copyMakeBorder(whole, by, by, 0, 0, cv2.BORDER_REPLICATE), np.uint8)


def _straight(camera: Affine, other: Affine, shape: tuple[int, ...]) -> Affine:
    """The change of size and angle from the other camera's picture to this one's, about the middle."""
    height, width = shape[:2]
    change = cam.compose(cam.invert(camera), other)
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    about = np.concatenate([change[:, :2], (middle - change[:, :2] @ middle)[:, None]], axis=1)
    return cam.IDENTITY if float(cam.corner_error(about, cam.IDENTITY, width, height)) < ALIKE else about


def _search(cut: Zone, seen: Rgb) -> tuple[float, float] | None:
    """(column, row) in ``seen`` of the zone's corner, by its part away from the join: at half the size, then whole."""
    held = round(HELD_OUT * cut.mask.shape[1])
    template, seen = gray_of(cut.picture[:, held:]), gray_of(seen)
    mask = cut.mask[:, held:].astype(np.uint8)
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
    return left + x + parabola_vertex(fine[y], x) - held, top + y + parabola_vertex(fine[:, x], y)


def _halved(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)


def _differences(seen: Gray, template: Gray, mask: Gray) -> npt.NDArray[np.float32]:
    """The sum of squared differences of the masked template at every place."""
    return np.asarray(cv2.matchTemplate(seen, template, cv2.TM_SQDIFF, mask=mask), np.float32)

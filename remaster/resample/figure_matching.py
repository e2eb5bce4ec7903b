"""Matches the part of a figure that is visible beside a join with a whole figure of another drawing, the donor.

In come a ``CutFigure`` and a donor's figure; out go the transform between their frames and an error. The part away
from the join is registered; the part at the join is held out and predicted, as the wing that continues it will be. The
error of that prediction decides whether the donor is used.
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
from remaster.resample.drawings import CutFigure, Drawing, Figure
from remaster.resample.layout import from_side
from remaster.resample.tuning import TUNING


@dataclass(frozen=True)
class Match:
    """A donor registered with a drawing.

    ``transform`` (2, 3) takes the donor's proxy pixels to the drawing's. ``error`` is the residual that the donor
    leaves, over that which the background alone leaves (0 is a perfect match, 1 one as bad as the background): the
    worse of the held-out part and of the whole compared part.
    """

    transform: Affine
    error: float


def match(cut: CutFigure, camera: Affine, donor: Drawing, figure: Figure) -> Match | None:
    """Register a donor's ``figure`` with a cut figure seen under ``camera``; None where it cannot be searched.

    The cameras give scale and rotation; template matching gives the translation.
    """
    picture = donor.picture
    linear = _linear_change(camera, donor.camera, picture.shape)
    if linear is not cam.IDENTITY:
        size = picture.shape[1], picture.shape[0]
        picture = np.asarray(cv2.warpAffine(picture, linear, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    slack = round(TUNING.matching.slack * len(from_side(picture, cut.side)))
    found = _search(cut, _padded_rows(from_side(picture, cut.side), slack))
    if found is None:
        return None
    column, row = found
    first = cut.rect.y if cut.side in ("left", "right") else cut.rect.x
    across, along = -column, first + slack - row
    shift = {"left": (across, along), "right": (-across, along), "top": (along, across), "bottom": (along, -across)}
    transform = cam.compose(cam.translation(*shift[cut.side]), linear)
    return Match(transform, prediction_error(cut, donor, figure, transform))


def prediction_error(cut: CutFigure, donor: Drawing, figure: Figure, transform: Affine) -> float:
    """Return the error (``Match.error``) of a cut figure as a donor's figure under ``transform`` predicts it."""
    to_donor = cam.compose(cam.invert(transform), cam.translation(cut.rect.x, cut.rect.y))
    size, flags = (cut.rect.width, cut.rect.height), cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
    mask = figure.mask(donor.picture.shape).astype(np.uint8) * 255
    moved, visible = (
        from_side(cv2.warpAffine(p, to_donor, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), cut.side)
        for p in (donor.picture, mask)
    )
    predicted = np.asarray(np.where(visible[..., None] > 127, moved, cut.background), np.uint8)
    residual, baseline = (
        np.minimum(tolerant_difference(cut.picture, p), TUNING.matching.max_residual) * cut.known
        for p in (predicted, cut.background)
    )
    depth = cut.mask.shape[1]
    held_out = max(round(TUNING.matching.hold_out * depth), 1)
    return max(float(residual[:, :n].sum() / max(float(baseline[:, :n].sum()), 1.0)) for n in (held_out, depth))


def _padded_rows(picture: npt.NDArray[np.uint8], count: int) -> npt.NDArray[np.uint8]:
    """Repeat a picture's first and last rows ``count`` times."""
    whole = np.ascontiguousarray(picture)
    return np.asarray(cv2.copyMakeBorder(whole, count, count, 0, 0, cv2.BORDER_REPLICATE), np.uint8)


def _linear_change(camera: Affine, other: Affine, shape: tuple[int, ...]) -> Affine:
    """Return the change of scale and rotation from the other camera's picture to this one's, about the middle."""
    height, width = shape[:2]
    change = cam.compose(cam.invert(camera), other)
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    about = np.concatenate([change[:, :2], (middle - change[:, :2] @ middle)[:, None]], axis=1)
    same = float(cam.corner_error(about, cam.IDENTITY, width, height)) < TUNING.matching.same_shape
    return cam.IDENTITY if same else about


def _search(cut: CutFigure, picture: Rgb) -> tuple[float, float] | None:
    """Find the cut figure's part away from the join in a picture: at half the size, then refined.

    Returns (column, row) of the whole compared part's corner; None where it does not fit into the picture.
    """
    held_out = round(TUNING.matching.hold_out * cut.mask.shape[1])
    template, gray = gray_of(cut.picture[:, held_out:]), gray_of(picture)
    mask = cut.mask[:, held_out:].astype(np.uint8)
    small_template, small, small_mask = (_halved(p) for p in (template, gray, mask * 255))
    small_mask //= 255
    if not small_mask.any() or any(a > b for a, b in zip(small_template.shape, small.shape, strict=True)):
        return None
    coarse = _squared_differences(small, small_template, small_mask)
    row, column = (2 * int(i) for i in np.unravel_index(int(coarse.argmin()), coarse.shape))
    radius = TUNING.matching.search_radius
    top, left = max(row - radius, 0), max(column - radius, 0)
    part = gray[top : row + len(template) + radius, left : column + template.shape[1] + radius]
    fine = _squared_differences(part, template, mask)
    y, x = (int(i) for i in np.unravel_index(int(fine.argmin()), fine.shape))
    return left + x + parabola_vertex(fine[y], x) - held_out, top + y + parabola_vertex(fine[:, x], y)


def _halved(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)


def _squared_differences(picture: Gray, template: Gray, mask: Gray) -> npt.NDArray[np.float32]:
    """Return the sum of squared differences of the masked template at every position."""
    return np.asarray(cv2.matchTemplate(picture, template, cv2.TM_SQDIFF, mask=mask), np.float32)

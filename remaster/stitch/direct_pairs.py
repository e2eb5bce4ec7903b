"""Pairs of keyframes that lie where their chained motion says: aligned directly, without any feature.

Where the camera rests or moves evenly, nearly all pairs do, and ``remaster.imaging.alignment`` is faster and no less
exact than features. It only says yes where it is certain; every other pair is for ``remaster.stitch.features``.
"""

from __future__ import annotations

import numpy as np

from remaster.arrays import Affine, Points
from remaster.imaging.alignment import Detail, align_simplest, compare
from remaster.imaging.camera import apply, rescale
from remaster.imaging.tuning import TUNING as IMAGING
from remaster.stitch.features import CERTAIN, TOLERANCE, overlap, plausible

LEAST_AREA = 0.1
"""Part of the picture that must show texture in both."""
IN_PLACE = 0.8
"""Share of the agreeing area that must lie within half a working pixel: no second layer moves at another speed."""
LEAST_OVERLAP = 0.35
"""Share of the second picture inside the first: a narrow one says little about scale."""
AGREES = 0.5
"""Vote from which a cell is a match."""


def match_direct(first: Detail, second: Detail, chained: Affine) -> tuple[Affine, Points, Points, float] | None:
    """(camera second -> first in proxy pixels, points of first and second (m, 2), explained share), or None in doubt.

    ``first`` and ``second`` are the keyframes' details, known where they may be background; ``chained`` is the camera
    to begin with, in proxy pixels. Each cell that agrees gives one match, where it would lie by itself.
    """
    width, height = second.size
    guess = rescale(chained, *second.scale)
    if overlap(guess, width, height) < LEAST_OVERLAP:
        return None
    cells = compare(first, second, guess)
    fit = align_simplest(first, second, guess, cells) if cells.area >= LEAST_AREA else None
    if fit is None or fit.cells.area < LEAST_AREA or not plausible(fit.camera):
        return None
    if fit.cells.share <= CERTAIN or fit.cells.fitting < IN_PLACE * fit.cells.explained:
        return None
    rows, columns = np.nonzero(fit.cells.evidence * fit.cells.agreement > AGREES)
    centres = np.stack([columns, rows], axis=-1) * IMAGING.alignment.cell + (IMAGING.alignment.cell - 1) / 2
    places = apply(fit.camera, centres) - fit.cells.shift[rows, columns] @ fit.camera[:, :2].T
    grow = 1 / np.array(second.scale)
    a, b = ((points + 0.5) * grow - 0.5 for points in (places, centres))
    camera = rescale(fit.camera, *grow)
    agree = np.linalg.norm(apply(camera, b) - a, axis=-1) < 2 * TOLERANCE
    return camera, a[agree], b[agree], fit.cells.share

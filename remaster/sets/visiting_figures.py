"""What differs between one visit to a set and the others is a figure: a vote of at least two other visits.

From one other visit it could not be told which of the two has the figure.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import cv2
import numpy as np

from remaster.arrays import Float32, Mask, Rgb
from remaster.sets.lending import Donor, light_offset, median_of, warped_to
from remaster.sets.light import relit
from remaster.sets.tuning import TUNING


def visiting_figures(image: Rgb, coverage: Mask, donors: Iterable[Donor]) -> Mask:
    """Where the borrower ``image`` (h, w, 3) shows a figure that is in no other visit, bool (h, w) within ``coverage``.

    Most of the ``donors`` that saw a pixel, and at least two, must agree on it, and the borrower must differ from them
    over an area. Their ``sides`` do not matter.
    """
    tuning = TUNING.visiting_figures
    views = [view for donor in islice(donors, tuning.max_donors) if (view := _view(image, coverage, donor)) is not None]
    if len(views) < tuning.min_voters:
        return np.zeros_like(coverage)
    colours, seen = [v for v, _ in views], [s for _, s in views]
    median, count = median_of(colours, seen)
    votes = np.zeros(coverage.shape, np.uint8)
    for colour, there in views:
        votes += there & (np.abs(colour - median).max(axis=2) <= TUNING.lending.agreement)
    settled = coverage & (votes >= tuning.min_voters) & (votes > tuning.majority * count)
    return _areas(np.where(settled, _outside_range(image, median, settled), 0).astype(np.float32)) & coverage


def _view(image: Rgb, coverage: Mask, donor: Donor) -> tuple[Rgb, Mask] | None:
    """(a donor's colours on the borrower's canvas in its light, where both saw something); None if they did nowhere."""
    warped, known = warped_to(donor, (coverage.shape[1], coverage.shape[0]))
    both = known & coverage
    if not both.any():
        return None
    lit = np.clip(relit(warped, donor.colour), 0, 255).astype(np.float32)
    lit += light_offset(image, lit, both.astype(np.float32), TUNING.visiting_figures.light_scales)
    return np.clip(np.rint(lit), 0, 255).astype(np.uint8), both


def _outside_range(image: Rgb, median: Float32, settled: Mask) -> Float32:
    """Levels by which the image lies outside what the donors show within a few pixels: edges may be misplaced."""
    radius = max(round(TUNING.visiting_figures.misplaced * image.shape[0]), 1)
    near = np.ones((2 * radius + 1,) * 2, np.uint8)
    high = cv2.dilate(np.where(settled[..., None], median, 0), near)
    low = cv2.erode(np.where(settled[..., None], median, 255), near)
    return np.asarray(np.maximum(image - high, low - image).max(axis=2), np.float32)


def _areas(off: Float32) -> Mask:
    """Where a difference is clear over an area, with what is joined to that and differs less."""
    tuning, height = TUNING.visiting_figures, off.shape[0]
    core = (off > tuning.levels).astype(np.uint8)
    radius = max(round(tuning.thickness * height / 2), 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    opened = cv2.morphologyEx(core, cv2.MORPH_OPEN, disc)
    weak = (off > tuning.levels / 2).astype(np.uint8)
    number, labels = cv2.connectedComponents(np.maximum(weak, opened), connectivity=8)
    size = np.bincount(labels[opened > 0], minlength=number)
    size[0] = 0
    found = (size >= tuning.min_area * off.size)[labels]
    grown = cv2.dilate(found.astype(np.uint8), disc)
    return np.asarray(grown > 0, np.bool_)

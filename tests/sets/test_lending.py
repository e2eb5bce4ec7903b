"""What a background gets from others of its set."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from set_scenes import SIZE, at, view

from remaster.arrays import Mask, Rgb
from remaster.imaging.camera import IDENTITY, corner_error, translation
from remaster.sets.lending import Donor, Lent, lend, refined_camera, refined_donor
from remaster.sets.light import SAME_LIGHT
from remaster.sets.proof import SIDES, Side

WING = 60


def borrower() -> tuple[Rgb, Rgb, Mask]:
    """(the whole picture, the same with black wings, where it is known)."""
    whole = view(21, at(100, 120))
    known = np.zeros(whole.shape[:2], bool)
    known[:, WING:-WING] = True
    return whole, np.where(known[..., None], whole, 0).astype(np.uint8), known


def donor(image: Rgb, sides: tuple[Side, ...] = SIDES, first: int = 0, end: int = SIZE[0]) -> Donor:
    """A picture on the borrower's own canvas, known in some columns."""
    known = np.zeros(image.shape[:2], bool)
    known[:, first:end] = True
    return Donor(image, known, IDENTITY, SAME_LIGHT, sides)


def error(lent: Lent, whole: Rgb) -> float:
    filled = lent.seen_by > 0
    return float(np.sqrt(((lent.image.astype(float) - whole)[filled] ** 2).mean()))


def test_wings_come_from_a_donor_and_the_rest_stays() -> None:
    whole, image, known = borrower()
    lent = lend(image, known, ~known, [donor(whole)])
    assert (lent.image[known] == image[known]).all()
    assert not lent.seen_by[known].any()
    assert lent.coverage.mean() > 0.99
    assert error(lent, whole) < 1


def test_a_donor_that_is_wrong_is_outvoted() -> None:
    whole, image, known = borrower()
    wrong = whole.copy()
    wrong[:, :40] = np.clip(wrong[:, :40].astype(int) + 60, 0, 255)
    lent = lend(image, known, ~known, [donor(wrong), donor(whole), donor(whole)])
    assert error(lent, whole) < 2
    assert not lent.seen_by[100, 10] & 1
    assert lent.seen_by[100, 10] == 6
    assert lent.seen_by[100, 300] & 1


@pytest.mark.parametrize("sides", [("right",), ("right", "top", "bottom")])
def test_only_proved_sides_are_filled(sides: tuple[Side, ...]) -> None:
    whole, image, known = borrower()
    lent = lend(image, known, ~known, [donor(whole, sides)])
    assert not lent.coverage[:, :WING].any()
    assert lent.coverage[:, -WING:-3].all()


def test_what_lies_above_needs_a_proof_of_its_own() -> None:
    whole, image, known = borrower()
    known[:50] = False
    lent = lend(image, known, ~known, [donor(whole, ("left", "right"))])
    assert not lent.coverage[:50, WING:-WING].any()
    assert lent.coverage[60:, :WING].all()
    assert lend(image, known, ~known, [donor(whole)]).coverage.all()


def test_light_is_matched_at_the_join_without_a_step() -> None:
    whole, image, known = borrower()
    bright = np.clip(whole.astype(int) + 14, 0, 255).astype(np.uint8)
    lent = lend(image, known, ~known, [donor(bright)])
    step = (lent.image.astype(float) - whole)[:, WING - 1].mean()
    assert abs(step) < 3
    assert error(lent, whole) < 9


def test_no_step_shows_where_a_donor_ends() -> None:
    whole, image, known = borrower()
    bright = np.clip(whole.astype(int) + 10, 0, 255).astype(np.uint8)
    # The first shows but half of the wing, and differs where the join does not tell it.
    partial = np.where(np.arange(SIZE[0])[None, :, None] < 45, bright, whole).astype(np.uint8)
    lent = lend(image, known, ~known, [donor(partial, first=30), donor(whole)])
    off = (lent.image.astype(float) - whole).mean(axis=(0, 2))[: WING - 16]
    assert np.abs(off[:25]).max() < 2
    assert np.abs(np.diff(off)).max() < 2.5


def test_a_camera_is_refined_on_the_whole_picture() -> None:
    _, image, known = borrower()
    shifted = view(21, at(90, 115))
    near = Donor(shifted, np.ones_like(known), translation(12.0, 3.9), SAME_LIGHT, SIDES)
    assert corner_error(refined_camera(image, known, near), translation(10, 5), *SIZE) < 0.5


def test_nothing_to_lend_changes_nothing() -> None:
    _, image, known = borrower()
    assert lend(image, known, ~known, []).image is image
    away = Donor(image, known, translation(4000, 0), SAME_LIGHT, SIDES)
    lent = lend(image, known, ~known, [away])
    assert (lent.coverage == known).all() and (lent.image == image).all()
    assert cv2.countNonZero(lent.seen_by.astype(np.uint8)) == 0


@pytest.mark.parametrize("shift", [(2.0, -1.0), (-1.0, 2.0)])
def test_outlines_meet_at_the_join(shift: tuple[float, float]) -> None:
    whole, image, known = borrower()
    misplaced = Donor(whole, np.ones_like(known), translation(*shift), SAME_LIGHT, SIDES)
    off = lend(image, known, ~known, [misplaced]).image.astype(float) - whole
    beside = np.concatenate([off[10:-10, WING - 8 : WING], off[10:-10, -WING : -WING + 8]], axis=1)
    apart = cv2.warpAffine(whole, translation(-shift[0], -shift[1]), SIZE).astype(float) - whole
    unmatched = np.concatenate([apart[10:-10, WING - 8 : WING], apart[10:-10, -WING : -WING + 8]], axis=1)
    assert (beside**2).mean() < 0.5 * (unmatched**2).mean()


def test_a_donor_that_differs_at_the_join_is_refused() -> None:
    whole, image, known = borrower()
    other = view(22, at(100, 120))
    lent = lend(image, known, ~known, [donor(other), donor(whole)])
    assert error(lent, whole) < 3
    alone = lend(image, known, ~known, [donor(other)])
    assert alone.coverage[:, :WING].mean() < 0.3


def test_figures_of_the_borrower_do_not_speak_against_a_donor() -> None:
    whole, image, known = borrower()
    figures = np.zeros_like(known)
    figures[40:220, WING : WING + 70] = True
    hidden = np.where(figures[..., None], 20, image).astype(np.uint8)
    assert lend(hidden, known, ~known, [donor(whole)], figures).coverage.mean() > 0.99
    assert lend(hidden, known, ~known, [donor(whole)]).coverage[60:200, :WING].mean() < 0.9


def test_the_light_of_a_donor_is_refitted_without_figures() -> None:
    _, image, known = borrower()
    bright = np.clip(view(21, at(100, 120)) * 0.8 + 20, 0, 255).astype(np.uint8)
    figure = np.zeros_like(known)
    figure[60:, 100:200] = True
    bright[figure] = 0
    near = Donor(bright, np.ones_like(known), IDENTITY, SAME_LIGHT, SIDES)
    found = refined_donor(image, known & ~figure, near)
    np.testing.assert_allclose(np.diag(found.colour), 1.25, atol=0.06)

"""Figures that are in one visit to a set alone."""

from __future__ import annotations

import numpy as np
import pytest
from set_scenes import SIZE, Figure, at, by_night, view

from remaster.arrays import Affine, Mask, Rgb
from remaster.imaging.camera import compose, invert, translation
from remaster.sets.lending import Donor
from remaster.sets.light import colour_matrix
from remaster.sets.proof import SIDES
from remaster.sets.visiting_figures import visiting_figures

HERE = at(150, 120)
ALL = np.ones((SIZE[1], SIZE[0]), bool)
FIGURE: Figure = ((130.0, 130.0), 110.0)


def visit(picture: Rgb, camera: Affine, like: Rgb, wrong: float = 0.0) -> Donor:
    """A visit as a donor of the view ``HERE``, its camera ``wrong`` by so many pixels."""
    known = np.ones(picture.shape[:2], bool)
    between = compose(translation(wrong, -wrong), compose(invert(camera), HERE))
    same = colour_matrix(picture, like, known) if (camera == HERE).all() else np.eye(3, 4)
    return Donor(picture, known, between, same, SIDES)


def scores(found: Mask, truth: Mask) -> tuple[float, float]:
    """(precision, recall)."""
    both = float((found & truth).sum())
    return both / max(float(found.sum()), 1.0), both / max(float(truth.sum()), 1.0)


def truth_of(seed: int, *figures: Figure) -> Mask:
    off = np.abs(view(seed, HERE, *figures).astype(int) - view(seed, HERE)).max(axis=2)
    return np.asarray(off > 0, np.bool_)


@pytest.mark.parametrize("seed", range(50, 53))
def test_a_figure_in_one_of_three_visits_is_found(seed: int) -> None:
    image = view(seed, HERE, FIGURE)
    other = at(170, 126, 1.1)
    donors = [
        visit(view(seed, HERE), HERE, image, 0.7),
        visit(view(seed, other), other, image, -0.7),
    ]
    precision, recall = scores(visiting_figures(image, ALL, donors), truth_of(seed, FIGURE))
    assert precision > 0.75
    assert recall > 0.85


@pytest.mark.parametrize("seed", range(50, 52))
def test_the_figure_of_another_visit_is_not_marked(seed: int) -> None:
    image = view(seed, HERE)
    donors = [visit(view(seed, HERE, FIGURE), HERE, image), visit(view(seed, HERE), HERE, image, 1.0)]
    assert visiting_figures(image, ALL, donors).mean() < 0.001


@pytest.mark.parametrize("wrong", [1.0, 1.5])
def test_edges_that_are_misplaced_and_other_light_are_no_figures(wrong: float) -> None:
    image = view(57, HERE)
    night = by_night(view(57, HERE), 0.8)
    donors = [visit(view(57, HERE), HERE, image, wrong), visit(night, HERE, image, wrong)]
    assert visiting_figures(image, ALL, donors).mean() < 0.001


def test_one_visit_cannot_tell_which_of_the_two_has_the_figure() -> None:
    image = view(58, HERE, FIGURE)
    assert not visiting_figures(image, ALL, [visit(view(58, HERE), HERE, image)]).any()
    assert not visiting_figures(image, ALL, []).any()


def test_nothing_is_marked_where_the_borrower_knows_nothing() -> None:
    known = ALL.copy()
    known[:, :120] = False
    image = np.where(known[..., None], view(59, HERE, FIGURE), 0).astype(np.uint8)
    donors = [visit(view(59, HERE), HERE, image)] * 2
    found = visiting_figures(image, known, donors)
    assert found.any() and not found[~known].any()

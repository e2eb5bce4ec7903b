"""A tree nearer than the set, masked in every keyframe, is a rigid layer; a dancer or a tracked character is none."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from background_scenes import draw_character, painting

from remaster.imaging.aligned_keyframes import Preview
from remaster.imaging.camera import translation
from remaster.stitch.rigid_layers import find_rigid_layers, theil_sen, unmasked_layers

WIDTH, HEIGHT, KEYFRAMES, STEP = 160, 120, 9, 8
TALL = HEIGHT + STEP * (KEYFRAMES - 1)
REGION = np.s_[60:120, 110:160]

Draw = Callable[[np.ndarray, int], None]


def tree(shift: float) -> Draw:
    """The crown of a tree that each keyframe shows ``shift`` pixels lower on the set than the one before."""
    leaves = painting(100, TALL, 5)

    def draw(picture: np.ndarray, i: int) -> None:
        moved = cv2.warpAffine(leaves, translation(0.0, shift * (i - KEYFRAMES // 2)), (100, TALL))
        picture[REGION] = moved[REGION[0], 30:80]

    return draw


def dancer(picture: np.ndarray, i: int) -> None:
    painted = np.ascontiguousarray(picture[REGION])
    draw_character(painted, np.zeros(painted.shape[:2], np.uint8), 25 + 6 * np.sin(2.1 * i), 34, 22, 1.7 * i)
    picture[REGION] = painted


def preview(draw: Draw) -> tuple[Preview, np.ndarray]:
    """A tilt over a painted set, the region masked in all keyframes; and where they lie on the canvas."""
    pictures = np.repeat(painting(WIDTH, TALL, 2)[None], KEYFRAMES, axis=0)
    shown = np.zeros(pictures.shape[:3], bool)
    for i in range(KEYFRAMES):
        draw(pictures[i], i)
        shown[i, STEP * i : STEP * i + HEIGHT] = True
    pictures[~shown] = 0
    seen = shown.copy()
    seen[(slice(None), *REGION)] = False
    cameras = np.stack([translation(0.0, float(STEP * i)) for i in range(KEYFRAMES)])
    return Preview(pictures, seen, np.zeros_like(seen), cameras, WIDTH, HEIGHT, 1.0), shown


def no_figures(given: Preview) -> np.ndarray:
    return np.zeros(given.seen.shape[1:], bool)


def test_a_tree_at_another_distance_is_a_rigid_layer() -> None:
    given, shown = preview(tree(0.6))
    (found,) = find_rigid_layers(given, no_figures(given), shown, "x")
    assert found[REGION].all()
    assert found.sum() == found[REGION].sum()


def test_it_is_found_where_only_figures_cover_it() -> None:
    given, shown = preview(tree(0.6))
    given.seen[4] = shown[4]
    figures = no_figures(given)
    assert not find_rigid_layers(given, figures, shown, "x")
    figures[REGION] = True
    assert len(find_rigid_layers(given, figures, shown, "x")) == 1
    assert not unmasked_layers([figures], given, shown).any()


@pytest.mark.parametrize("draw", [dancer, tree(0.0), tree(float(STEP))], ids=["dances", "stands", "comes along"])
def test_a_character_is_none(draw: Draw) -> None:
    given, shown = preview(draw)
    assert not find_rigid_layers(given, no_figures(given), shown, "x")


def test_away_from_the_wings_there_is_none() -> None:
    given, shown = preview(tree(0.6))
    assert not find_rigid_layers(given, no_figures(given), shown, "y")


def test_each_place_is_unmasked_once_in_the_middle_keyframes() -> None:
    given, shown = preview(tree(0.6))
    unmasked = unmasked_layers(find_rigid_layers(given, no_figures(given), shown, "x"), given, shown)
    assert (unmasked.sum(axis=0)[REGION] == 1).all()
    assert not (unmasked & ~shown).any()
    assert unmasked[3:6].sum() > 0.9 * unmasked.sum()


def test_the_pictures_own_edge_joins_it_to_nothing() -> None:
    given, shown = preview(tree(0.6))
    given.seen[:, :, -2:] = False
    given.seen[:, 130:, 60:] = False
    (found,) = find_rigid_layers(given, no_figures(given), shown, "x")
    assert found[REGION].mean() > 0.95
    assert not found[130:].any()


def test_the_median_line_is_scipy_s() -> None:
    from scipy.stats import theilslopes  # which takes a second

    rng = np.random.default_rng(0)
    x = rng.integers(0, 8, 15).astype(float)  # some are equal
    y = 3 * x - 2 + rng.standard_normal(15)
    y[:3] += 100
    assert theil_sen(x, y) == pytest.approx(theilslopes(y, x)[:2])
    assert np.isnan(theil_sen(np.ones(5), y[:5])).all()

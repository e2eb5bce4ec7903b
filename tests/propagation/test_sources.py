"""Which frame a cell of a wing names, and where on it, against the geometry of a pan."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from moving_scenes import YUV

from remaster.imaging.geometry import Window, window
from remaster.media.types import Rect
from remaster.propagation.grid import Grid, Upright
from remaster.propagation.outward_motion import REST, Motion
from remaster.propagation.sources import Sources, carried_fill, chosen
from remaster.propagation.sources import future_sources as futures
from remaster.propagation.sources import past_sources as pasts
from remaster.propagation.tuning import TUNING

BANDS, OLDEST = TUNING.flow.bands, TUNING.tracing.max_age

SHOWN = window(Rect(0, 0, 160, 120), Fraction(1), YUV, Fraction(16, 9))
TALL = window(Rect(0, 0, 120, 160), Fraction(1), YUV, Fraction(9, 16))
SPEED = 2.0


def pan(x: float, y: float = 0.0) -> Motion:
    """A place of a frame lies ``x`` and ``y`` further on the other one."""
    return Motion(np.array([[1.0, 0.0, x], [0.0, 1.0, y]]), np.zeros((2, BANDS, 2), np.float32))


def past_sources(grid: Grid, motions: list[Motion], index: int) -> Sources:
    return pasts(grid, motions, index, index + 1)[0]


def future_sources(grid: Grid, motions: list[Motion], index: int) -> Sources:
    return futures(grid, motions, index, index + 1)[0]


def test_cells_meet_the_picture_and_reach_beyond_the_wings() -> None:
    for shown in (SHOWN, TALL, window(Rect(0, 0, 33, 27), Fraction(1), YUV, Fraction(3))):
        grid, upright = Grid.of(shown, None), Upright.of(shown)
        assert grid.x[grid.left - 1] + (grid.cell + 1) / 2 == grid.inner[0]
        assert grid.x[grid.left] - (grid.cell - 1) / 2 == grid.inner[1]
        assert grid.span_x[0] <= -upright.wings[0] and grid.span_x[1] >= upright.width + upright.wings[1]
        rows, columns, there = grid.cells_of(*np.meshgrid(grid.x, grid.y))
        assert there.all()
        np.testing.assert_array_equal(columns[0], np.arange(len(grid.x)))
        np.testing.assert_array_equal(rows[:, 0], np.arange(len(grid.y)))
        _, _, inside = grid.cells_of(np.array([grid.inner[0], grid.inner[1] - 1.0]), np.zeros(2))
        assert not inside.any(), "between the joins nothing is drawn"


@pytest.mark.parametrize("speed", [SPEED, -SPEED])
def test_a_cell_names_the_frame_that_saw_the_place_last_and_the_very_place(speed: float) -> None:
    grid = Grid.of(SHOWN, None)
    found = past_sources(grid, [pan(speed)] * 40, 39)
    known = found.frame >= 0
    side = slice(0, grid.left) if speed > 0 else slice(grid.left, None)
    wing = (grid.x > -SHOWN.x) & (grid.x < 159 + SHOWN.x)
    assert known[:, side][:, wing[side]].all(), "a pan has shown all of the wing that it leaves behind"
    other = slice(grid.left, None) if speed > 0 else slice(0, grid.left)
    assert not known[:, other].any(), "and nothing of that which it comes to"
    columns, rows = np.meshgrid(grid.x, grid.y)
    age = 39 - found.frame
    np.testing.assert_array_equal(age[known], found.age[known])
    np.testing.assert_allclose(found.x[known], (columns + speed * age)[known], atol=1e-3)
    np.testing.assert_allclose(found.y[known], rows[known], atol=1e-3)
    inside = (found.x >= grid.inner[0] - 0.5) & (found.x < grid.inner[1] + 0.5)
    assert inside[known].all()
    younger = (columns + speed * (age - 1) >= grid.inner[0]) & (columns + speed * (age - 1) < grid.inner[1] - 1)
    assert not (younger & known)[:, side].any(), "no later frame saw it"


def test_the_future_is_the_past_of_the_film_run_backwards() -> None:
    grid = Grid.of(SHOWN, None)
    motions = [pan(SPEED + 0.1 * i) for i in range(40)]
    backwards = [pan(SPEED + 0.1 * (39 - i)) for i in range(40)]
    for i in (0, 1, 13, 38, 39):
        past, mirrored = past_sources(grid, motions, i), future_sources(grid, backwards, 39 - i)
        np.testing.assert_array_equal(past.frame, np.where(mirrored.frame >= 0, 39 - mirrored.frame, -1))
        np.testing.assert_array_equal(past.x, mirrored.x)
        assert (past.frame >= 0).any() == (i > 0)


@pytest.mark.parametrize("speed", [0.2, 0.7, 1.4, 2.1, 5.7])
def test_the_slowest_pan_shows_all_that_it_can(speed: float) -> None:
    large = window(Rect(0, 0, 640, 480), Fraction(1), YUV, Fraction(16, 9))
    grid = Grid.of(large, None)
    assert grid.cell == 4, "cells larger than what the camera moves in a frame"
    found = past_sources(grid, [pan(speed)] * 60, 59)
    wing = (grid.x > -large.x) & (grid.x < 0)
    distance = grid.inner[0] - 0.5 - grid.x[wing]
    reached = np.broadcast_to(distance < (OLDEST - 1) * speed, found.frame[:, wing].shape)
    assert (found.frame[:, wing] >= 0)[reached].all()
    age = np.broadcast_to(distance / speed, reached.shape)
    assert np.abs(found.age[:, wing] - age - 0.5)[reached].max() < 0.75, "by the first frame that shows it"
    known = found.frame >= 0
    assert found.x[known].min() >= grid.inner[0] - 0.5 and found.x[known].max() <= grid.inner[0] + speed


def test_a_frame_s_sources_are_the_same_however_many_are_asked_for_at_once() -> None:
    grid = Grid.of(SHOWN, None)
    motions = [REST if 30 < i < 95 else pan(1.3 * np.sin(i / 5)) for i in range(140)]
    for find in (pasts, futures):
        for first, last in ((0, 3), (25, 40), (93, 97), (138, 140)):
            for i, found in zip(range(first, last), find(grid, motions, first, last), strict=True):
                (alone,) = find(grid, motions, i, i + 1)
                for a, b in zip((found.frame, found.x, found.y), (alone.frame, alone.x, alone.y), strict=True):
                    np.testing.assert_array_equal(a, b)


def test_a_motion_that_comes_and_goes_is_followed_to_a_fraction_of_a_pixel() -> None:
    grid = Grid.of(SHOWN, None)
    steps = np.random.default_rng(2).choice([0.0, 0.4, 3.3], 40)
    found = past_sources(grid, [pan(s) if s else REST for s in steps], 39)
    way = np.cumsum(steps[::-1])
    known = found.frame >= 0
    assert known.any()
    expected = np.broadcast_to(grid.x, grid.shape)[known] + way[found.age[known] - 1]
    np.testing.assert_allclose(found.x[known], expected, atol=1e-3)


@pytest.mark.parametrize("rest", [REST, pan(0.0001)])
def test_nothing_is_older_than_what_is_kept_in_memory(rest: Motion) -> None:
    grid = Grid.of(SHOWN, None)
    motions = [pan(SPEED)] * 20 + [rest] * (OLDEST + 30)
    for i in range(0, len(motions), 3):
        found = past_sources(grid, motions, i)
        known = found.frame >= 0
        assert known.any() == (1 <= i < 19 + OLDEST), "neither while the camera moves nor where it comes to rest"
        assert (i - found.frame[known] <= OLDEST).all()
        future = future_sources(grid, motions[::-1], i)
        assert (future.frame[future.frame >= 0] - i <= OLDEST).all()


def test_a_place_that_left_the_window_and_comes_back_is_still_known() -> None:
    grid = Grid.of(SHOWN, None)
    found = past_sources(grid, [pan(4.0)] * 10 + [pan(40.0)] * 3 + [pan(-40.0)] * 3, 15)
    wing = (grid.x > -SHOWN.x) & (grid.x < 0)
    assert (found.frame[:, wing] >= 0).all()


def ring(depth: int) -> np.ndarray:
    gate = np.ones((120, 160), bool)
    gate[depth:-depth, depth:-depth] = False
    return gate


def test_neither_gate_nor_the_outermost_pixels_are_a_source() -> None:
    for gate in (None, ring(9)):
        grid = Grid.of(SHOWN, gate)
        motions = [pan(1.7, 0.4 * (-1) ** (i // 12)) for i in range(40)]
        for found in (past_sources(grid, motions, 30), future_sources(grid, motions, 5)):
            known = found.frame >= 0
            assert known.any()
            x = np.rint(found.x[known]).astype(int)
            y = np.clip(np.rint(found.y[known]), *grid.span).astype(int)
            assert grid.usable[y, x].all()
            assert x.min() >= grid.inner[0] and x.max() < grid.inner[1]
        if gate is None:
            assert not grid.usable[:, 0].any() and not grid.usable[:, -1].any() and grid.usable[0, 80]
        else:
            assert grid.span[0] > 9 and grid.span[1] < 120 - 1 - 9
            assert not (grid.usable & gate).any()
            assert grid.inner[0] > 9 and grid.inner[1] < 160 - 9


def test_a_picture_that_is_all_gate_has_no_source() -> None:
    grid = Grid.of(SHOWN, np.ones((120, 160), bool))
    assert all((past_sources(grid, [pan(2.0)] * 9, i).frame < 0).all() for i in range(9))


def test_the_younger_source_wins_and_age_takes_trust_away() -> None:
    grid = Grid.of(SHOWN, None)
    # Back and forth: the left wing was seen before, and will be again.
    motions = [pan(SPEED)] * 20 + [pan(-SPEED)] * 20
    after = [pan(-SPEED)] * 19 + [pan(SPEED)] * 21
    past, future = past_sources(grid, motions, 15), future_sources(grid, after, 15)
    both = (past.frame >= 0) & (future.frame >= 0)
    assert both.any()
    best = chosen(grid, past, future, np.full((2, 4, 2), 70.0, np.float32))
    assert (best.sources.age[both] == np.minimum(past.age, future.age)[both]).all()
    assert best.shown[:, (grid.x > -10) & (grid.x < -3)].min() > 0.99
    short = chosen(grid, past, future, np.full((2, 4, 2), 3.0, np.float32))
    assert (short.shown[short.sources.age > 6] == 0).all()
    upper = np.full((2, 4, 2), 70.0, np.float32)
    upper[:, 2:] = 1.0
    half = chosen(grid, past, future, upper).shown[:, grid.left - 5]
    assert half[:30].min() > 0.99 and half[90:].max() < 0.2, "each band ages apart"


def test_a_generated_picture_is_carried_with_the_camera_and_known_all_around() -> None:
    grid = Grid.of(SHOWN, None)
    x, y = (np.asarray(a, np.float32) for a in np.meshgrid(grid.x, grid.y))
    places = x, y
    for _ in range(5):
        places = carried_fill(grid, places, pan(-SPEED))
    right = (grid.x > 159) & (grid.x < 159 + SHOWN.x)
    np.testing.assert_allclose(places[0][:, right], (x - 5 * SPEED)[:, right], atol=1e-3)
    np.testing.assert_allclose(places[1][:, right], y[:, right], atol=1e-3)
    assert np.isfinite(places[0]).all()
    assert carried_fill(grid, places, REST) is places


def test_a_window_of_wings_above_and_below_is_the_same_turned() -> None:
    assert Upright.of(TALL) == Upright(160, 120, (TALL.y, TALL.height - 160 - TALL.y), True)
    plain = Window(Rect(0, 0, 160, 120), TALL.height, 120, TALL.y, 0)
    turned, straight = Grid.of(TALL, None), Grid.of(plain, None)
    np.testing.assert_array_equal(turned.x, straight.x)
    np.testing.assert_array_equal(turned.usable, straight.usable)

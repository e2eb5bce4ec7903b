"""The gradient-domain correction against solutions known in closed form."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from remaster.outpaint.poisson import correction, neighbours


def between(width: int, height: int, left: float, right: float, reach: float) -> npt.NDArray[np.float64]:
    """The correction of a rectangle between two settled columns."""
    free = np.zeros((height, width + 2), bool)
    free[:, 1:-1] = True
    p, q = neighbours(free, ~free)
    values = np.where(q % (width + 2) == 0, left, right)[:, None].astype(float)
    inner = neighbours(free, free)
    flat = np.zeros((len(inner[0]), 1))
    return correction(free, (*inner, flat), (p, values), reach).reshape(height, width)


@pytest.mark.parametrize(("width", "height"), [(9, 5), (90, 60)])
def test_a_membrane_between_two_columns_is_a_ramp(width: int, height: int) -> None:
    wanted = np.linspace(10, -30, width + 2)[1:-1]
    assert np.abs(between(width, height, 10, -30, 1e4) - wanted).max() < 0.5


def test_the_screen_lets_a_step_fade_within_reach() -> None:
    felt = between(60, 4, 20, 0, 6.0)[0]
    assert felt[0] > 14
    assert felt[12] < 4
    assert abs(felt[40]) < 0.2


def test_a_wanted_difference_between_neighbours_is_made() -> None:
    free = np.zeros((6, 14), bool)
    free[:, 1:-1] = True
    p, q = neighbours(free, free)
    step = np.zeros((len(p), 3))
    step[(q - p == 1) & (p % 14 == 6)] = 8
    step[(q - p == -1) & (q % 14 == 6)] = -8
    at, _ = neighbours(free, ~free)
    left = at[at % 14 == 1]
    found = correction(free, (p, q, step), (left, np.zeros((len(left), 3))), 1e4).reshape(6, 12, 3)
    assert np.abs(found[:, :6]).max() < 0.1
    assert np.abs(found[:, 6:] - 8).max() < 0.1


def test_far_from_the_settled_pixels_the_correction_tends_to_what_is_given() -> None:
    free = np.zeros((4, 62), bool)
    free[:, 1:] = True
    at, _ = neighbours(free, ~free)
    p, q = neighbours(free, free)
    far = np.full((free.sum(), 2), (9.0, -4.0))
    found = correction(free, (p, q, np.zeros((len(p), 2))), (at, np.zeros((len(at), 2))), 5.0, far).reshape(4, 61, 2)
    assert np.abs(found[:, 40:] - (9.0, -4.0)).max() < 0.1
    assert np.abs(found[:, 0]).max() < 2.5


def test_a_pixel_without_neighbours_is_what_is_given() -> None:
    free = np.zeros((3, 3), bool)
    free[1, 1] = True
    none, nothing = np.zeros(0, np.int64), np.zeros((0, 3))
    far = np.array([[1.0, 2.0, 3.0]])
    assert correction(free, (none, none, nothing), (none, nothing), 2.0, far) == pytest.approx(far, abs=1e-4)
    assert not correction(free, (none, none, nothing), (none, nothing), 2.0).any()

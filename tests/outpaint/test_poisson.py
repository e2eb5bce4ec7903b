"""The gradient-domain correction against solutions known in closed form."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from remaster.outpaint.exemplar.poisson import correction, neighbors


def between(width: int, height: int, left: float, right: float, radius: float) -> npt.NDArray[np.float64]:
    """The correction of a rectangle between two fixed columns."""
    free = np.zeros((height, width + 2), bool)
    free[:, 1:-1] = True
    p, q = neighbors(free, ~free)
    values = np.where(q % (width + 2) == 0, left, right)[:, None].astype(float)
    inner = neighbors(free, free)
    flat = np.zeros((len(inner[0]), 1))
    return correction(free, (*inner, flat), (p, values), radius).reshape(height, width)


@pytest.mark.parametrize(("width", "height"), [(9, 5), (90, 60)])
def test_a_membrane_between_two_columns_is_a_ramp(width: int, height: int) -> None:
    wanted = np.linspace(10, -30, width + 2)[1:-1]
    assert np.abs(between(width, height, 10, -30, 1e4) - wanted).max() < 0.5


def test_the_screen_lets_a_step_fade_within_radius() -> None:
    felt = between(60, 4, 20, 0, 6.0)[0]
    assert felt[0] > 14
    assert felt[12] < 4
    assert abs(felt[40]) < 0.2


def test_a_wanted_difference_between_neighbors_is_made() -> None:
    free = np.zeros((6, 14), bool)
    free[:, 1:-1] = True
    p, q = neighbors(free, free)
    step = np.zeros((len(p), 3))
    step[(q - p == 1) & (p % 14 == 6)] = 8
    step[(q - p == -1) & (q % 14 == 6)] = -8
    at, _ = neighbors(free, ~free)
    left = at[at % 14 == 1]
    found = correction(free, (p, q, step), (left, np.zeros((len(left), 3))), 1e4).reshape(6, 12, 3)
    assert np.abs(found[:, :6]).max() < 0.1
    assert np.abs(found[:, 6:] - 8).max() < 0.1


def test_a_pixel_without_neighbors_is_not_corrected() -> None:
    free = np.zeros((3, 3), bool)
    free[1, 1] = True
    none, nothing = np.zeros(0, np.int64), np.zeros((0, 3))
    assert not correction(free, (none, none, nothing), (none, nothing), 2.0).any()

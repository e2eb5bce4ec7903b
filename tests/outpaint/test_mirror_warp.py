"""Lines that run into their mirror image: straight ones stay, slanting ones are warped."""

from __future__ import annotations

import numpy as np
import pytest

from remaster.outpaint.exemplar.blending import mirror_warp
from remaster.outpaint.exemplar.labels import Labels, from_rows
from remaster.outpaint.exemplar.pyramid_level import Level, features

HEIGHT, WIDTH, JOIN = 240, 320, 220
MIRRORED: Labels = from_rows(np.array([[-1, 1, 2 * JOIN - 1, 0, -1, -1]]))
"""The mirror image at the join, which runs from top to bottom."""


def level(drawn: np.ndarray) -> Level:
    """A picture whose right end is to be filled."""
    holes = np.zeros((HEIGHT, WIDTH), bool)
    holes[:, JOIN:] = True
    return Level(~holes, ~holes, ~holes, holes, 1, drawn, features(drawn, 1.0), drawn)


def warp_of(full: Level) -> tuple[np.ndarray, np.ndarray]:
    return mirror_warp(full, MIRRORED, np.where(full.holes, 0, -1).astype(np.int64))


def test_lines_straight_across_the_join_are_not_warped() -> None:
    drawn = np.full((HEIGHT, WIDTH, 3), 200.0, np.float32)
    for y in (60, 110, 170):
        drawn[y : y + 9] = (70, 60, 40)
    across, down = warp_of(level(drawn))
    assert not across.any()
    assert np.abs(down).max() < 0.5


@pytest.mark.parametrize("slope", [-0.5, 0.5])
def test_a_slanting_line_is_continued_in_its_direction_and_turns_back(slope: float) -> None:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    below = y > HEIGHT / 2 + slope * (x - JOIN)
    drawn = np.where(below[..., None], (60, 90, 40), (150, 180, 220)).astype(np.float32)
    _, down = warp_of(level(drawn))
    middle = HEIGHT // 2
    for distance in (2, 4):
        assert down[middle, JOIN + distance] == pytest.approx(-2 * slope * distance, rel=0.5)
    assert abs(down[middle, -1]) < 0.5

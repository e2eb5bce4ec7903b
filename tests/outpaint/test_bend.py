"""A copied piece whose lines lie a few pixels beside the picture's is bent until they meet, and only there."""

from __future__ import annotations

import numpy as np
import pytest

from remaster.outpaint.blend import compose
from remaster.outpaint.join_warp import bends
from remaster.outpaint.labels import Labels, Level, features, from_rows, shifts

HEIGHT, WIDTH, JOIN, OFF = 240, 320, 220, 3


def picture() -> np.ndarray:
    """Dark branches on a light ground, which in the left half lie ``OFF`` pixels lower, but for one."""
    drawn = np.full((HEIGHT, WIDTH, 3), 200.0, np.float32)
    for y, off in ((60, OFF), (110, 0), (170, OFF)):
        drawn[y + off : y + off + 9, : WIDTH // 2] = (70, 60, 40)
        drawn[y : y + 9, WIDTH // 2 :] = (70, 60, 40)
    return drawn


def level(turned: bool) -> Level:
    drawn = picture()
    holes = np.zeros((HEIGHT, WIDTH), bool)
    holes[:, JOIN:] = True
    if turned:
        drawn, holes = np.ascontiguousarray(drawn.transpose(1, 0, 2)), np.ascontiguousarray(holes.T)
    return Level(~holes, ~holes, ~holes, holes, 1, drawn, features(drawn, 1.0), drawn)


def piece(turned: bool, mirrored: bool = False) -> Labels:
    """The shift that fills the right end from the left half, or the mirror image at the join."""
    if mirrored:
        return from_rows(np.array([[-1, 1, 2 * JOIN - 1, 0, -1, -1]]))
    offset = np.array([[0, -160]]) if turned else np.array([[-160, 0]])
    return shifts(offset)


@pytest.mark.parametrize("turned", [False, True])
def test_lines_run_on_across_the_join(turned: bool) -> None:
    full = level(turned)
    chosen = np.where(full.holes, 0, -1).astype(np.int64)
    image = np.rint(full.picture).astype(np.uint8)
    filled = compose(image, full, piece(turned), chosen, 0.3).astype(float)
    filled = filled.transpose(1, 0, 2) if turned else filled
    assert np.abs(filled[:, JOIN] - picture()[:, JOIN - 1]).max() < 40
    whole = picture()
    for y in (60, 170):
        dark = filled[y - 4 : y + 16, :, 0] < 135
        middle = (dark * np.arange(y - 4, y + 16)[:, None]).sum(axis=0) / dark.sum(axis=0)
        assert np.abs(np.diff(middle[JOIN - 3 :])).max() <= 1
        assert middle[JOIN + 1] == pytest.approx(y + 4, abs=0.6)
        assert middle[-1] == pytest.approx(y + 4 + OFF, abs=0.6)
    assert np.abs(filled[106:124, JOIN:] - whole[106:124, 60:160]).mean() < 8


def test_what_runs_straight_into_its_mirror_image_stays() -> None:
    full = level(turned=False)
    across, down = bends(full, piece(False, mirrored=True), np.where(full.holes, 0, -1).astype(np.int64))
    assert not across.any()
    assert np.abs(down).max() < 0.5


@pytest.mark.parametrize("slope", [-0.5, 0.5])
def test_what_runs_aslant_into_its_mirror_image_leaves_in_its_own_direction_and_turns_back(slope: float) -> None:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    below = y > HEIGHT / 2 + slope * (x - JOIN)
    drawn = np.where(below[..., None], (60, 90, 40), (150, 180, 220)).astype(np.float32)
    holes = x >= JOIN
    full = Level(~holes, ~holes, ~holes, holes, 1, drawn, features(drawn, 1.0), drawn)
    _, down = bends(full, piece(False, mirrored=True), np.where(holes, 0, -1).astype(np.int64))
    middle = HEIGHT // 2
    for away in (2, 4):
        assert down[middle, JOIN + away] == pytest.approx(-2 * slope * away, rel=0.5)
    assert abs(down[middle, -1]) < 0.5

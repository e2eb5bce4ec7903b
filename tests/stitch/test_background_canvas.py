"""Holes of whole scenes: what a wing shows and no frame did."""

from __future__ import annotations

import numpy as np
import pytest
from background_scenes import FRAMES, KEYFRAMES, WIDTH, painting, pan, resting, run, shoot


@pytest.fixture(scope="module")
def world() -> np.ndarray:
    return painting(900, 420, 3)


def test_pan_leaves_holes_only_where_no_frame_looked(world: np.ndarray) -> None:
    drawn = shoot(world, pan(FRAMES, 300), keyframes=KEYFRAMES)
    (shot,) = run(drawn)
    background = shot.background
    assert background is not None
    columns = background.holes.mean(axis=0)
    wing, margin = drawn.window.x, 6
    width = background.image.shape[1]
    assert abs(width - (300 + drawn.window.width)) <= margin
    assert columns[margin : wing - margin].min() > 0.97
    assert columns[-wing + margin : -margin].min() > 0.97
    assert columns[wing + margin : -wing - margin].max() == 0
    inside = background.coverage[:, wing + margin : -wing - margin]
    assert inside[3:-3].all()


def test_who_never_leaves_is_a_hole_only_where_a_wing_shows_it(world: np.ndarray) -> None:
    standing = shoot(world, resting(), keyframes=KEYFRAMES, characters=lambda i: [(160, 150, 40)])
    followed = shoot(world, pan(FRAMES, 60), keyframes=KEYFRAMES, characters=lambda i: [(40, 150, 40)])
    (still,), (moved,) = run(standing), run(followed)
    background, wing = still.background, standing.window.x
    # What all masks hide is there for a fill to continue, and named a figure, which is copied nowhere else.
    assert background is not None and background.coverage[150, wing + 160] and background.figures[150, wing + 160]
    assert not background.holes[:, wing : wing + WIDTH].any()
    background = moved.background
    assert background is not None and moved.method == "mosaic"
    # The last frame's left wing shows where he stood in the first.
    assert background.holes[150, wing + 40] and not background.holes[20, wing + 40]

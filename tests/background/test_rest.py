"""Whether a camera rests: a figure that leans before a dull wall against a real slow pan, by the pictures alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from background_scenes import GRAIN, HEIGHT, Drawn, camera_errors, painting, pan, shoot

from remaster.analyze import analyze
from remaster.background.stitch import StitchSettings, stitch
from remaster.foreground.motion import MotionSegmenter
from remaster.records import Shot

FRAMES = 32
LEAN = 0.03 * HEIGHT


def leaning(size: float) -> Callable[[int], list[tuple[float, float, float]]]:
    """A figure, twice ``size`` tall, that leans by 3 % of the picture's height."""

    def at(i: int) -> list[tuple[float, float, float]]:
        t = i / (FRAMES - 1)
        s = t * t * (3 - 2 * t)
        return [(120 + LEAN * s, 170 - LEAN / 2 * s, size)]

    return at


def wall(contrast: float) -> np.ndarray:
    """A dark set; grain is 2 levels."""
    painted = painting(700, 380, seed=3).astype(float)
    return np.clip((painted - painted.mean()) * contrast + 60, 0, 255).astype(np.uint8)


def stitched(world: np.ndarray, cameras: np.ndarray, size: float) -> tuple[Drawn, list[Shot]]:
    """As in a run: the motion found in the pictures, the embedded segmenter's masks."""
    drawn = shoot(world, cameras, characters=leaning(size))
    analysis = analyze(iter(drawn.frames), np.ones(drawn.frames[0].shape[:2], bool), GRAIN)
    masks = MotionSegmenter().segment([analysis])[0].masks
    settings = StitchSettings(min_frames=12)
    shots = stitch(analysis, masks, drawn.read, drawn.window, None, settings, seed=1)
    return replace(drawn, analysis=analysis), shots


@pytest.mark.parametrize("contrast", [0.1, 0.2])
def test_a_figure_that_leans_before_a_dull_wall_moves_no_camera(contrast: float) -> None:
    _, (shot,) = stitched(wall(contrast), pan(FRAMES, 0.0), 92)
    assert shot.method == "still"
    assert np.ptp(shot.cameras, axis=0).max() == 0.0


@pytest.mark.parametrize(("contrast", "travel"), [(0.3, 0.03), (1.0, 0.023)])
def test_a_slow_pan_behind_it_is_followed(contrast: float, travel: float) -> None:
    drawn, (shot,) = stitched(wall(contrast), pan(FRAMES, travel * HEIGHT), 50)
    assert shot.method == "mosaic"
    errors = camera_errors(drawn, shot)
    assert np.median(errors) < 0.25 and errors.max() < 1.0

"""Resting camera or slow pan: a figure that leans in front of a dull wall does not move the camera."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from background_scenes import GRAIN, HEIGHT, Drawn, camera_errors, painting, pan, shoot

from remaster.analyze.analysis import analyze
from remaster.records import Shot
from remaster.segment.motion_segmenter import MotionSegmenter
from remaster.stitch.resting_camera import set_slides
from remaster.stitch.stitching import stitch
from remaster.stitch.tuning import StitchSettings

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


def test_a_set_that_slides_behind_a_figure_that_stays_on_the_screen_is_no_still() -> None:
    drawn = shoot(painting(700, 380, seed=3), pan(FRAMES, 90), characters=lambda i: [(160, 130, 60)], masked=False)
    analysis = drawn.analysis
    every = np.arange(len(analysis.keyframes))
    assert set_slides(analysis, every, "x")
    assert not set_slides(replace(analysis, proxies=np.repeat(analysis.proxies[:1], len(every), axis=0)), every, "x")


@pytest.mark.parametrize("kind", ["rain", "sea"])
def test_what_moves_without_one_motion_does_not_slide(kind: str) -> None:
    rng = np.random.default_rng(2)

    def weather(i: int, picture: np.ndarray) -> np.ndarray:
        if kind == "sea":
            picture[120:] = painting(320, 120, seed=100 + i)
        else:
            for x, y in rng.integers(0, (320, 240), (120, 2)).tolist():
                cv2.line(picture, (x, y), (x - 2, y + 9), (230, 230, 230), 1)
        return picture

    drawn = shoot(painting(700, 380, seed=3), pan(FRAMES, 0.0), paint=weather)
    assert not set_slides(drawn.analysis, np.arange(len(drawn.analysis.keyframes)), "x")
    (shot,) = stitch(drawn.analysis, drawn.masks, drawn.read, drawn.window, None, StitchSettings(), seed=1)
    assert shot.method == "still"


def test_runs_of_eight_frames_at_rest_are_stills_and_a_transition_is_a_span_of_its_own() -> None:
    worlds = [painting(700, 380, seed=s) for s in (3, 4, 5)]

    def sets(i: int, picture: np.ndarray) -> np.ndarray:
        first, second, third = (w[40:280, 120:440] for w in worlds)
        if i < 8:
            return first
        share = float(np.clip((i - 16) / 10, 0, 1))
        return cv2.addWeighted(second, 1 - share, third, share, 0)

    drawn = shoot(worlds[0], pan(40, 0.0), paint=sets)
    analysis = analyze(iter(drawn.frames), np.ones(drawn.frames[0].shape[:2], bool), GRAIN)
    masks = MotionSegmenter().segment([analysis])[0].masks
    shots = stitch(analysis, masks, drawn.read, drawn.window, None, StitchSettings(), seed=1)
    assert [s.method for s in shots] == ["still", "still", "ambient", "still"]
    assert shots[0].end == 8 and abs(shots[1].end - 16) <= 2 and abs(shots[2].end - 26) <= 3

"""The share of the wings that some frame has seen."""

from __future__ import annotations

import numpy as np
import pytest
from resample_scene import YUV420P, canvas, shot_of, window_of

from remaster.imaging import camera as cam
from remaster.records import Background
from remaster.resample.recovered import recovered_share

SHOWN = window_of(160, 120, YUV420P)


def covered(left: int, right: int) -> Background:
    """A background of 420 x 180 seen in columns ``[left, right)``."""
    whole = canvas()
    coverage = np.zeros((180, 420), bool)
    coverage[:, left:right] = True
    return Background(whole.image, coverage, ~coverage, np.zeros_like(coverage))


def test_a_whole_background_covers_all() -> None:
    assert recovered_share(shot_of([cam.translation(60, 22)], canvas()), SHOWN) == 1.0


def test_nothing_is_recovered_without_a_background_or_coverage() -> None:
    still = covered(60, 220)
    assert recovered_share(shot_of([cam.translation(60, 22)], None, "ambient"), SHOWN) == 0.0
    assert recovered_share(shot_of([cam.translation(60, 22)], still, "still"), SHOWN) == 0.0


def test_half_of_one_wing_counts_as_a_quarter() -> None:
    background = covered(60 - SHOWN.x // 2, 220)
    assert recovered_share(shot_of([cam.translation(60, 22)], background), SHOWN) == pytest.approx(0.25, abs=0.03)


def test_frames_are_averaged() -> None:
    cameras = [cam.translation(60, 22)] * 3 + [cam.translation(120, 22)]
    background = covered(60, 220)
    last = recovered_share(shot_of(cameras[3:], background), SHOWN)
    assert last == pytest.approx(0.5, abs=0.03)
    assert recovered_share(shot_of(cameras, background), SHOWN) == pytest.approx(last / 4, abs=0.01)


def test_beyond_the_canvas_nothing_is_covered() -> None:
    assert recovered_share(shot_of([cam.translation(0, 0)], canvas(160, 120)), SHOWN) == 0.0


def test_a_zoomed_camera_sees_more() -> None:
    background = covered(60, 220)
    zoomed = np.array([[0.5, 0, 100.0], [0, 0.5, 50.0]])
    assert recovered_share(shot_of([zoomed], background), SHOWN) == 1.0

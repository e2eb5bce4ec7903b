"""The camera over a set with depth, where no motion explains a majority of the picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from remaster.analyze.camera_tracking import CameraTracker
from remaster.arrays import Gray
from remaster.imaging.camera import translation
from remaster.imaging.camera_motion import Picture, motion_between
from remaster.imaging.tuning import TUNING

HEIGHT, WIDTH = 240, 320
SPEEDS = (2.0, 5.0, 9.0)
ROWS = (0, 110, 180, HEIGHT)
"""Three planes across the picture, the slowest with the largest share, 46 %."""


def textured(seed: int) -> Gray:
    noise = np.random.default_rng(seed).normal(0, 1, (HEIGHT, 3 * WIDTH)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.5)
    return np.clip(128 + 35 * smooth / smooth.std(), 0, 255).astype(np.uint8)


def frame(planes: list[Gray], number: int) -> Picture:
    gray = np.zeros((HEIGHT, WIDTH), np.uint8)
    for plane, speed, top, bottom in zip(planes, SPEEDS, ROWS[:-1], ROWS[1:], strict=True):
        start = round(speed * number)
        gray[top:bottom] = plane[top:bottom, start : start + WIDTH]
    return Picture(gray, np.ones(gray.shape, bool), 1.0)


def test_the_largest_plane_is_followed_without_a_search_at_each_frame() -> None:
    planes, tracker = [textured(seed) for seed in range(3)], CameraTracker()
    for number in range(20):
        tracker.advance(frame(planes, number))
    moved = np.array([motion[0, 2] for motion in tracker.motion[1:]])
    assert moved == pytest.approx([SPEEDS[0]] * 19, abs=0.1)
    shares = tracker.explained[1:]
    assert max(shares) < TUNING.camera_motion.majority, "else nothing would be searched"
    assert min(shares) > 0.3


def test_a_motion_that_goes_on_is_not_searched_again() -> None:
    planes = [textured(seed) for seed in range(3)]
    before, after, prior = frame(planes, 0), frame(planes, 1), translation(SPEEDS[0], 0.0)
    searched, went_on = motion_between(before, after, prior), motion_between(before, after, prior, enough=0.3)
    assert searched.searched and not went_on.searched
    assert went_on.matrix == pytest.approx(searched.matrix, abs=0.05)


def test_another_plane_is_taken_where_the_one_before_goes() -> None:
    planes, tracker = [textured(seed) for seed in range(3)], CameraTracker()
    for number in range(8):
        tracker.advance(frame(planes, number))
    for number in range(8, 16):
        picture = frame(planes, number)
        gray = picture.gray.copy()
        gray[: ROWS[1]] = planes[1][: ROWS[1], round(SPEEDS[1] * number) : round(SPEEDS[1] * number) + WIDTH]
        tracker.advance(Picture(gray, picture.valid, 1.0))
    assert tracker.motion[-1][0, 2] == pytest.approx(SPEEDS[1], abs=0.1)

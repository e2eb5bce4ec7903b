"""Gradual transitions in drawn pictures: found where most of the outline turns, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from remaster.analyze.analysis import TransitionFinder

HEIGHT, WIDTH, FRAMES = 120, 160, 40
Draw = Callable[[int], np.ndarray]


def scenery(seed: int) -> np.ndarray:
    """A set of large shapes, uint8 (HEIGHT, WIDTH, 3)."""
    small = np.random.default_rng(seed).integers(20, 235, (5, 7, 3), dtype=np.uint8)
    return cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


A, B = scenery(1), scenery(2)


def dissolve(first: int, length: int) -> Draw:
    return lambda i: cv2.addWeighted(A, 1 - (t := float(np.clip((i - first) / length, 0, 1))), B, t, 0)


def snow(i: int) -> np.ndarray:
    picture, rng = A.copy(), np.random.default_rng(7)
    for x, y in rng.integers(0, (WIDTH, HEIGHT), (60, 2)):
        cv2.circle(picture, (int(x), int((y + 5 * i) % HEIGHT)), 2, (255, 255, 255), -1)
    return picture


def sea(i: int) -> np.ndarray:
    picture = A.copy()
    picture[60:] = np.random.default_rng(i).integers(40, 160, (60, WIDTH, 1), dtype=np.uint8)
    return picture


def found(draw: Draw, moved: float = 0.0) -> np.ndarray:
    finder = TransitionFinder()
    for i in range(FRAMES):
        finder.advance(draw(i), moved)
    return finder.finish(FRAMES)


def test_both_dissolves_around_fifteen_frames_at_rest_are_found() -> None:
    def twice(i: int) -> np.ndarray:
        return (
            dissolve(4, 8)(i)
            if i < 20
            else cv2.addWeighted(B, 1 - (t := min((i - 27) / 8, 1)), A, t, 0)
            if i > 27
            else B
        )

    turning = found(twice)
    assert turning[5:12].all() and not turning[14:26].any() and turning[29:34].all()


@pytest.mark.parametrize("length", [10, 20])
def test_a_transition_is_as_long_as_its_mixture(length: int) -> None:
    turning = np.flatnonzero(found(dissolve(10, length)))
    assert abs(int(turning[0]) - 10) <= 2 and abs(int(turning[-1]) - (10 + length)) <= 2
    assert len(turning) == turning[-1] - turning[0] + 1


@pytest.mark.parametrize(
    "draw",
    [
        lambda i: A,
        lambda i: A if i < 12 or i >= 20 else B,
        lambda i: cv2.convertScaleAbs(A, alpha=1 - i / FRAMES),
        lambda i: 255 - A if i % 5 == 0 else A,
        lambda i: cv2.warpAffine(
            A, np.float32([[1, 0, -0.08 * i], [0, 1, 0]]), (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT
        ),
        snow,
        sea,
    ],
    ids=["rest", "eight frames between cuts", "fade", "strobe", "drift", "snow", "sea"],
)
def test_nothing_else_is_one(draw: Draw) -> None:
    assert not found(draw).any()


def test_what_a_camera_that_moves_discloses_is_none() -> None:
    assert not found(dissolve(10, 20), moved=0.02).any()
